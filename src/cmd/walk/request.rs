//! What a walk is to follow, from the words of the command line.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Context as _;
use ipnet::IpNet;

use crate::cli;
use crate::cmd::{ping, running, usage};
use crate::kernel::{Datagram, Place};
use crate::model::Lab;
use crate::plan::{Sandbox, plan};
use crate::probe::{Attempt, DontFragment, Outcome};
use crate::render::LabNames;
use crate::render::walk::{Macs, Ports, Teller, Title};
use crate::state::Record;
use crate::walk::Wires;

/// Bytes of data in an echo request where nobody says how many: what ping sends.
const ECHO: u16 = 56;

/// What is sent, in which lab, and what is known about the lab beforehand.
pub(in crate::cmd) struct Request<'a> {
    pub(in crate::cmd) lab: &'a Lab,
    pub(in crate::cmd) sandboxes: &'a [Sandbox],
    /// Who sends, and for whom, as they were named.
    pub(in crate::cmd) from: &'a str,
    pub(in crate::cmd) to: &'a str,
    pub(in crate::cmd) target: IpAddr,
    pub(in crate::cmd) attempt: Attempt,
    /// What the datagram is like, where it is one.
    pub(in crate::cmd) datagram: Datagram,
    pub(in crate::cmd) neighbours: Neighbours,
    /// How long to wait for the answer.
    pub(in crate::cmd) timeout: Duration,
    pub(in crate::cmd) listening: Listening,
    pub(in crate::cmd) macs: Macs,
    pub(in crate::cmd) wires: Wires,
    pub(in crate::cmd) names: LabNames,
}

/// Where frames are captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cmd) enum Listening {
    /// At the two ends, and everywhere that is not a pod.
    OnTheWay,
    /// In all places.
    Everywhere,
}

/// What is done about neighbours before the packet is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cmd) enum Neighbours {
    /// Nothing.
    AsTheyAre,
    /// All are forgotten, so that each has to be asked for.
    Forgotten,
    /// All are made known, by a packet that is sent ahead.
    Known,
}

impl<'a> Request<'a> {
    pub(super) fn new(args: &'a cli::Walk, record: &'a Record) -> anyhow::Result<Self> {
        running::place(record, &args.from)?;
        Ok(Self {
            lab: &record.lab,
            sandboxes: &record.sandboxes,
            from: &args.from,
            to: &args.to,
            target: one(&record.lab, running::address(&record.lab, &args.to, ping::family(&args.family))?)?,
            attempt: attempt(args)?,
            datagram: datagram(args),
            neighbours: match (args.cold, args.warm) {
                (true, _) => Neighbours::Forgotten,
                (_, true) => Neighbours::Known,
                _ => Neighbours::AsTheyAre,
            },
            timeout: args.timeout,
            listening: if args.everywhere { Listening::Everywhere } else { Listening::OnTheWay },
            macs: if args.macs { Macs::Raw } else { Macs::Owners },
            wires: Wires::new(&plan(&record.lab)),
            names: LabNames::new(&record.lab),
        })
    }

    /// Where the packet comes from.
    pub(super) fn place(&self) -> anyhow::Result<Place<'a>> {
        let sandbox = self.sandboxes.iter().find(|sandbox| sandbox.name == self.from);
        let sandbox = sandbox.with_context(|| format!("the running lab has no `{}`", self.from))?;
        Ok(Place { sandbox })
    }

    /// Who tells of it.
    pub(super) fn teller<'b>(&'b self, outcome: Option<&'b Outcome>) -> Teller<'b> {
        let title = Title {
            lab: &self.lab.name,
            data_path: self.lab.data_path.word(),
            from: self.from,
            to: self.to,
            target: self.target,
            attempt: &self.attempt,
            outcome,
        };
        Teller { title, names: &self.names, wires: &self.wires, macs: self.macs, ports: Ports::AsTheyAre }
    }
}

/// An address that one place has, and not many.
fn one(lab: &Lab, target: IpAddr) -> anyhow::Result<IpAddr> {
    let pods = lab.nodes.iter().flat_map(|node| node.gateway.iter());
    let nodes = lab.nodes.iter().flat_map(|node| node.address.iter());
    let is_broadcast = |net: IpNet| target.is_ipv4() && net.broadcast() == target && net.addr() != target;
    let everybody = target == IpAddr::from([255; 4]) || pods.chain(nodes).any(is_broadcast);
    if everybody || target.is_multicast() {
        let kind = if everybody { "a broadcast" } else { "a multicast" };
        return Err(usage(format!(
            "{target} is {kind} address: a walk follows one packet to one receiver; `netlab capture` shows what many get"
        )));
    }
    Ok(target)
}

fn datagram(args: &cli::Walk) -> Datagram {
    let own = Datagram::default();
    let dont_fragment = if args.df { DontFragment::Set } else { own.dont_fragment };
    Datagram { size: args.size.unwrap_or(own.size), dont_fragment }
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
        Some(("tcp", _)) if args.size.is_some() || args.df => {
            let flag = if args.df { "--df" } else { "--size" };
            let why = "what begins a TCP connection has no data, and its sender's kernel lets nobody cut it";
            return Err(usage(format!("{flag}: {why}; use icmp or udp:PORT")));
        }
        Some(("tcp", text)) => Attempt::Tcp { port: port(text)? },
        Some(("udp", text)) => Attempt::Udp { port: port(text)? },
        _ => return Err(usage(format!("`{}` cannot be sent: write icmp, udp:PORT or tcp:PORT", args.probe))),
    })
}
