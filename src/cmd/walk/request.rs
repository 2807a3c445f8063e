//! What a walk is to follow, from the words of the command line.

use std::net::IpAddr;

use crate::cli;
use crate::cmd::{ping, running, usage};
use crate::kernel::Place;
use crate::plan::plan;
use crate::probe::{Attempt, DontFragment};
use crate::render::LabNames;
use crate::render::walk::{Macs, Teller, Title};
use crate::state::Record;
use crate::walk::Wires;

/// Bytes of data in an echo request where nobody says how many: what ping sends.
const ECHO: u16 = 56;

/// What is sent, in which lab, and what is known about the lab beforehand.
pub(super) struct Request<'a> {
    pub(super) args: &'a cli::Walk,
    pub(super) record: &'a Record,
    pub(super) place: Place<'a>,
    pub(super) target: IpAddr,
    pub(super) attempt: Attempt,
    pub(super) wires: Wires,
    pub(super) names: LabNames,
}

impl<'a> Request<'a> {
    pub(super) fn new(args: &'a cli::Walk, record: &'a Record) -> anyhow::Result<Self> {
        Ok(Self {
            args,
            record,
            place: running::place(record, &args.from)?,
            target: running::address(&record.lab, &args.to, ping::family(&args.family))?,
            attempt: attempt(args)?,
            wires: Wires::new(&plan(&record.lab)),
            names: LabNames::new(&record.lab),
        })
    }

    /// Who tells of it.
    pub(super) fn teller<'b>(&'b self, outcome: Option<&'b crate::probe::Outcome>) -> Teller<'b> {
        let title = Title {
            lab: &self.record.lab.name,
            data_path: self.record.lab.data_path.word(),
            from: &self.args.from,
            to: &self.args.to,
            target: self.target,
            attempt: &self.attempt,
            outcome,
        };
        let macs = if self.args.macs { Macs::Raw } else { Macs::Owners };
        Teller { title, names: &self.names, wires: &self.wires, macs }
    }
}

fn attempt(args: &cli::Walk) -> anyhow::Result<Attempt> {
    let port = |text: &str| {
        text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(|| {
            usage(format!(
                "{}: `{text}` is no port: write a number from 1 to 65535, as in tcp:80",
                args.probe
            ))
        })
    };
    Ok(match args.probe.split_once(':') {
        None if args.probe == "icmp" => {
            let dont_fragment = if args.df { DontFragment::Set } else { DontFragment::Kernel };
            Attempt::Ping { size: args.size.unwrap_or(ECHO), dont_fragment }
        }
        Some(("tcp", _)) if args.size.is_some() => {
            return Err(usage("--size: what begins a TCP connection has no data; use icmp or udp:PORT"));
        }
        Some(("tcp", text)) => Attempt::Tcp { port: port(text)? },
        Some(("udp", text)) => Attempt::Udp { port: port(text)? },
        _ => return Err(usage(format!("`{}` cannot be sent: write icmp, udp:PORT or tcp:PORT", args.probe))),
    })
}
