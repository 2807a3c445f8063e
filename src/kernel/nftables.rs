//! Writes packet filter rules, all tables of a namespace in one transaction, which the kernel takes whole or not at all; and
//! reads those at interfaces.

mod about;
mod batch;
mod connection;
mod expression;
mod read;
mod verdict;

pub(super) use connection::Connection;
pub use read::{FoundChain, FoundRule};
pub(super) use read::{at_interfaces, chains};

use nix::errno::Errno;

use super::error::{Error, Result};
use crate::plan::Op;
use crate::plan::nftables::{Hook, Table};
use batch::Request;
use connection::Refusal;

/// Adds tables to the connection's namespace; `place` is its name, for errors.
pub(super) fn add(connection: &mut Connection, place: &str, op: &Op, tables: &[Table]) -> Result<()> {
    let requests = batch::requests(tables);
    match connection.commit(&requests)? {
        None => Ok(()),
        Some(refusal) => Err(refused(place, op, &requests, refusal)),
    }
}

fn refused(place: &str, op: &Op, requests: &[Request<'_>], refusal: Refusal) -> Error {
    let request = refusal.place.and_then(|place| requests.get(place));
    let lacking = match (request, refusal.errno) {
        // What the transaction as a whole, a table's family or a chain's hook is refused with.
        (_, Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT | Errno::EPROTONOSUPPORT) => true,
        // A rule's expression that no module has.
        (Some(Request::Rule(..)), errno) => errno == Errno::ENOENT,
        // A chain's type that none has; at an interface it is the interface that may not be there.
        (Some(Request::Chain(_, chain)), Errno::ENOENT) => chain.hook == Hook::NatPostrouting,
        _ => false,
    };
    match op.feature().filter(|_| lacking) {
        Some(feature) => Error::Lacks(feature),
        None => Error::Refused {
            place: place.to_owned(),
            what: request.map_or_else(|| op.to_string(), ToString::to_string),
            errno: refusal.errno,
            said: refusal.said,
        },
    }
}
