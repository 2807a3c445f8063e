//! What the kernels of a lab would do with one packet.
//!
//! Who asks moves from namespace to namespace, as often as needed, and is left in the last: a process that has joined the
//! lab's user namespace may not go back to the network that it came from.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_route::route::{RouteAttribute, RouteFlags, RouteMessage, RouteMetric, RouteType};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use nix::errno::Errno;

use super::reader::Reader;
use super::{Found, inspect, may_have_rules, route, tunnel};
use crate::kernel::enter::{Place, enter_network};
use crate::kernel::error::{Error, Result};
use crate::kernel::nftables;
use crate::plan::{Encap, Sandbox};

/// A packet that a kernel is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Its source; `None` to let the kernel choose.
    pub from: Option<IpAddr>,
    /// Its target.
    pub to: IpAddr,
    /// Index of the interface by which it came in; `None` for a packet of the place's own.
    pub entered: Option<u32>,
}

/// What a kernel would do with a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Send it on.
    Send {
        /// The next router; `None` where the target itself is on the link.
        via: Option<IpAddr>,
        /// Index of the interface.
        link: u32,
        /// The source of a packet of the place's own.
        source: Option<IpAddr>,
        /// The table that says so.
        table: u32,
        /// What the route tells a tunnel.
        encap: Option<Encap>,
        /// The MTU that the route says, or that the kernel has learnt of the path.
        mtu: Option<u32>,
    },
    /// Keep it.
    Keep,
    /// Refuse it.
    Refuse {
        /// The error's name, such as `ENETUNREACH`.
        errno: String,
        /// The C library's words for it.
        text: &'static str,
    },
    /// Anything else: the kernel's word, such as `broadcast`.
    Other(String),
}

/// Asks the kernels of a lab, moving this process, which must have one thread, to each of them.
pub struct Lookup<'a> {
    sandboxes: &'a [Sandbox],
    /// A connection stays with the namespace in which it was opened.
    open: HashMap<String, Reader>,
}

impl<'a> Lookup<'a> {
    /// Knows the namespaces of a lab; nothing is entered yet.
    pub fn new(sandboxes: &'a [Sandbox]) -> Self {
        Self { sandboxes, open: HashMap::new() }
    }

    fn place(&self, name: &str) -> Result<Place<'a>> {
        let sandbox = self.sandboxes.iter().find(|sandbox| sandbox.name == name);
        let unknown = || Error::Unexpected(format!("{name}: the running lab has no such place"));
        Ok(Place { sandbox: sandbox.ok_or_else(unknown)? })
    }

    /// Everything that a place has, without the other ends of its cables; packet filters too, whoever made them.
    ///
    /// # Errors
    /// If there is no such place, it is gone, or it cannot be entered or read.
    pub fn found(&mut self, place: &str) -> Result<Found> {
        let entered = self.place(place)?;
        let mut found = inspect(&entered, &[])?;
        if !may_have_rules(entered.sandbox.kind) {
            found.chains = nftables::chains(place)?;
            found.filters = nftables::at_interfaces(&found.chains);
        }
        Ok(found)
    }

    /// What a place would do with a packet. Nothing is sent, and nothing is learnt by asking.
    ///
    /// # Errors
    /// If there is no such place, it is gone, or it cannot be entered; not if its kernel refuses the packet.
    pub fn route(&mut self, place: &str, question: &Question) -> Result<Answer> {
        Ok(match self.ask(place, request(question))? {
            Ok(message) => answer(&message),
            Err(errno) => Answer::Refuse { errno: format!("{errno:?}"), text: errno.desc() },
        })
    }

    /// To where the route leads that a place would send a packet by; none if it would not send it.
    ///
    /// # Errors
    /// As those of [`route`](Self::route).
    pub fn matched(&mut self, place: &str, question: &Question) -> Result<Option<IpNet>> {
        let mut message = request(question);
        message.header.flags |= RouteFlags::FibMatch;
        let answer = self.ask(place, message)?;
        Ok(answer.ok().and_then(|message| route::leads_to(&message)))
    }

    fn ask(
        &mut self,
        place: &str,
        message: RouteMessage,
    ) -> Result<std::result::Result<RouteMessage, Errno>> {
        if !self.open.contains_key(place) {
            enter_network(&self.place(place)?)?;
            self.open.insert(place.to_owned(), Reader::open(place)?);
        }
        let Some(reader) = self.open.get_mut(place) else {
            return Err(Error::Unexpected(format!("{place}: its connection is gone")));
        };
        let request = RouteNetlinkMessage::GetRoute(message);
        Ok(match reader.ask("the route of a packet", &request)? {
            Ok(RouteNetlinkMessage::NewRoute(message)) => Ok(message),
            Ok(_) => return Err(Error::Unexpected(format!("{place}: an answer that is no route"))),
            Err(errno) => Err(errno),
        })
    }
}

fn request(question: &Question) -> RouteMessage {
    let mut message = RouteMessage::default();
    let (family, bits) =
        if question.to.is_ipv4() { (AddressFamily::Inet, 32) } else { (AddressFamily::Inet6, 128) };
    message.header.address_family = family;
    message.header.destination_prefix_length = bits;
    message.header.flags = RouteFlags::LookupTable;
    message.attributes.push(RouteAttribute::Destination(question.to.into()));
    if let Some(from) = question.from {
        message.header.source_prefix_length = bits;
        message.attributes.push(RouteAttribute::Source(from.into()));
    }
    message.attributes.extend(question.entered.map(RouteAttribute::Iif));
    message
}

fn answer(message: &RouteMessage) -> Answer {
    let link = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Oif(index) => Some(*index),
        _ => None,
    });
    let source = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::PrefSource(address) => route::ip(address),
        _ => None,
    });
    let table = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Table(number) => Some(*number),
        _ => None,
    });
    let table = table.unwrap_or(message.header.table.into());
    match (message.header.kind, link) {
        (RouteType::Unicast, Some(link)) => {
            let via = route::via(&message.attributes);
            let mtu = message.attributes.iter().find_map(|attribute| match attribute {
                RouteAttribute::Metrics(metrics) => metrics.iter().find_map(|metric| match metric {
                    RouteMetric::Mtu(mtu) => Some(*mtu),
                    _ => None,
                }),
                _ => None,
            });
            Answer::Send { via, link, source, table, encap: tunnel::encap(&message.attributes), mtu }
        }
        (RouteType::Local, _) => Answer::Keep,
        (kind, _) => Answer::Other(format!("{kind:?}").to_lowercase()),
    }
}
