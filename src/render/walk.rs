//! A walk as text: place after place, a line for each interface, and only what changed is told.

mod json;

use std::fmt::Write as _;
use std::net::IpAddr;

pub use json::walk_json;

use super::Names;
use super::report::paint::{Paint, paint};
use crate::diag::Style;
use crate::packet::decode::MacAddress;
use crate::plan::Mac;
use crate::probe::{Attempt, Outcome};
use crate::suite::Fact;
use crate::walk::{Asked, Carries, Change, Direction, Layer, Packet, Protocol, Role, Step, Walk, Wires};

/// What was sent, and what its sender heard.
#[derive(Clone, Copy)]
pub struct Title<'a> {
    /// Who sent it.
    pub from: &'a str,
    /// For whom, as it was named.
    pub to: &'a str,
    /// For whom.
    pub target: IpAddr,
    /// What it was.
    pub attempt: &'a Attempt,
    /// What came of it.
    pub outcome: &'a Outcome,
}

/// How a walk is told.
#[derive(Clone, Copy)]
pub struct WalkText<'a> {
    /// What was sent.
    pub title: Title<'a>,
    /// What addresses are called.
    pub names: &'a dyn Names,
    /// What interfaces are there for.
    pub wires: &'a Wires,
    /// What was asked from the kernel before each step of the request, and of the reply.
    pub asked: &'a [Vec<Vec<String>>; 2],
    /// What is known about why no answer came.
    pub why: &'a [Fact],
    /// Whether Ethernet addresses are shown as they are.
    pub macs: bool,
    /// Whether questions for neighbours and copies are told one by one.
    pub verbose: bool,
    /// Columns.
    pub width: usize,
    /// Whether in colour.
    pub style: Style,
}

impl WalkText<'_> {
    /// All of it.
    pub fn text(&self, walk: &Walk) -> String {
        let mut text = format!("{}\n", self.heading(walk));
        let mut number = 0;
        self.way(&mut text, "REQUEST", &walk.request, &self.asked[0], &mut number);
        self.way(&mut text, "REPLY", &walk.reply, &self.asked[1], &mut number);
        for error in &walk.errors {
            self.way(&mut text, "ICMP ERROR", error, &[], &mut number);
        }
        for (place, asked) in &walk.unanswered {
            let _ = writeln!(
                text,
                "\n{place} asked by {} for {}, and nobody answered",
                protocol(asked),
                self.named(asked.whom)
            );
        }
        let _ = writeln!(text, "\n{}", self.verdict(walk));
        for fact in self.why.iter().filter(|fact| ["likely", "mend"].contains(&fact.label.as_str())) {
            let _ = writeln!(text, "{:<7} {}", fact.label, fact.text.replace('\n', "\n        "));
        }
        text
    }

    fn heading(&self, walk: &Walk) -> String {
        let what = match self.title.attempt {
            Attempt::Tcp { port } => format!("the beginning of a TCP connection to port {port}"),
            Attempt::Udp { port } => format!("a UDP datagram to port {port}"),
            _ => "an ICMP echo request".to_owned(),
        };
        let first = walk.request.first().and_then(|step| step.packet.inner()).and_then(|layer| layer.ip);
        let ends = first.map(|ip| format!(", {} → {}", ip.from, ip.to)).unwrap_or_default();
        format!("{} → {}: {what}{ends}", self.title.from, self.title.to)
    }

    fn way(&self, text: &mut String, title: &str, steps: &[Step], asked: &[Vec<String>], number: &mut usize) {
        let begins = *number;
        if steps.is_empty() {
            return;
        }
        let _ = writeln!(text, "\n{}", paint(title, Paint::Strong, self.style));
        let longest = steps.iter().map(|step| step.interface.len()).max().unwrap_or(0);
        for group in steps.chunk_by(|one, other| one.place == other.place) {
            let _ = writeln!(text, "{}", group[0].place);
            for step in group {
                for line in asked.get(*number - begins).into_iter().flatten() {
                    let _ = writeln!(text, "      {}", paint(&format!("· {line}"), Paint::Faint, self.style));
                }
                *number += 1;
                let way = if step.direction == Direction::Out { "out" } else { "in" };
                let start = format!("  {number:>2}  {:<longest$}  {way:<3}  ", step.interface);
                let column = start.chars().count();
                let mut parts = Vec::new();
                parts.extend(step.asked.iter().map(|asked| self.asked(asked)));
                parts.push(self.role(step));
                parts.extend(self.contents(step, *number == 1 || std::ptr::eq(step, &raw const steps[0])));
                parts.extend(step.changes.iter().map(|change| self.change(step, change)));
                if self.verbose && !step.copies.is_empty() {
                    let copies: Vec<String> =
                        step.copies.iter().map(|(place, interface)| format!("{place} {interface}")).collect();
                    parts.push(format!("copies, dropped, to {}", copies.join(", ")));
                }
                let mut lines = parts.iter().filter(|part| !part.is_empty());
                let first = lines.next().cloned().unwrap_or_default();
                let _ = writeln!(text, "{}", (start + &first).trim_end());
                for line in lines {
                    let _ = writeln!(text, "{:column$}{line}", "");
                }
            }
        }
    }

    fn role(&self, step: &Step) -> String {
        match self.wires.role(&step.place, &step.interface) {
            Some(Role::Own { plugged_into: (place, Some(bridge)) }) => {
                match self.wires.bridge(&step.place, &step.interface) {
                    Some(own) => format!("a port of {own}, its cable to {place} {bridge}"),
                    None => format!("its cable to {place} {bridge}"),
                }
            }
            Some(Role::Own { plugged_into: (place, None) } | Role::Unnumbered { of: place }) => {
                format!("the cable to {place}")
            }
            Some(Role::Port { of, bridge }) => format!("{of}'s cable, a port of {bridge}"),
            Some(Role::Bridge) if step.direction == Direction::Out => {
                format!("{}'s IP stack sends it into the bridge", step.place)
            }
            Some(Role::Bridge) => format!("the bridge gives it to {}'s IP stack", step.place),
            Some(Role::Tunnel(kind)) if step.direction == Direction::Out => format!("into the {kind} tunnel"),
            Some(Role::Tunnel(kind)) => format!("out of the {kind} tunnel"),
            None => String::new(),
        }
    }

    /// What the packet is where it begins; later only changes are told.
    fn contents(&self, step: &Step, is_first: bool) -> Option<String> {
        let layer = step.packet.inner().filter(|_| is_first)?;
        let ttl = layer.ip.map(|ip| format!("TTL {}, ", ip.ttl)).unwrap_or_default();
        let macs = layer.macs().map(|macs| format!(", {}", self.macs(macs))).unwrap_or_default();
        Some(format!("{ttl}{} bytes{macs}", step.packet.bytes))
    }

    fn change(&self, step: &Step, change: &Change) -> String {
        match change {
            Change::Macs { now, .. } => format!("MACs rewritten: {}", self.macs(*now)),
            Change::Ttl { before, now } => format!("TTL {before} → {now}"),
            Change::Source { before, now } => format!("source translated: {} → {}", end(*before), end(*now)),
            Change::Target { before, now } => format!("target translated: {} → {}", end(*before), end(*now)),
            Change::Wrapped { bytes } => format!("wrapped, +{bytes} bytes: {}", self.outside(&step.packet)),
            Change::Unwrapped { bytes } => format!("unwrapped, -{bytes} bytes"),
        }
    }

    /// What is around the packet.
    fn outside(&self, packet: &Packet) -> String {
        let Some(outer) = packet.outer() else { return String::new() };
        let ends =
            outer.ip.map(|ip| format!("{} → {}", self.named(ip.from), self.named(ip.to))).unwrap_or_default();
        format!("{} {ends}", carries(outer))
    }

    fn macs(&self, (from, to): (MacAddress, MacAddress)) -> String {
        format!("{} → {}", self.mac(from), self.mac(to))
    }

    fn mac(&self, mac: MacAddress) -> String {
        match self.wires.owner(Mac(mac.0)).filter(|_| !self.macs) {
            Some(owner) => owner.to_owned(),
            None if mac == MacAddress::BROADCAST && !self.macs => "everybody".to_owned(),
            None => mac.to_string(),
        }
    }

    fn asked(&self, asked: &Asked) -> String {
        let answer = asked.answer.map(|mac| self.mac(mac)).unwrap_or_default();
        format!("after {}: who has {}? {answer}", protocol(asked), asked.whom)
    }

    fn named(&self, address: IpAddr) -> String {
        self.names.name(address).map_or_else(|| address.to_string(), |name| format!("{address} ({name})"))
    }

    fn verdict(&self, walk: &Walk) -> String {
        let counts = walk.counts();
        let number = |count: usize, one: &str| match count {
            0 => format!("no {one}"),
            1 => format!("1 {one}"),
            _ => format!("{count} {one}s"),
        };
        let what = [
            number(counts.routers, "routing step"),
            number(counts.translations, "translation"),
            number(counts.encapsulations, "encapsulation"),
            number(counts.questions, "ARP or ND exchange"),
        ];
        let word = match self.title.outcome {
            Outcome::Reply { .. } => "delivered and answered".to_owned(),
            Outcome::Refused { .. } => "delivered, and refused: nobody listens on that port".to_owned(),
            Outcome::Timeout => self.lost(walk),
            other => format!("{other}; {}", self.lost(walk)),
        };
        format!("{word}: {}", what.join(", "))
    }

    fn lost(&self, walk: &Walk) -> String {
        let way = if walk.reply.is_empty() { &walk.request } else { &walk.reply };
        let what = if walk.reply.is_empty() { "the packet" } else { "the answer" };
        match way.last() {
            Some(step) => format!("{what} was seen last at {} {}", step.place, step.interface),
            None => format!("{what} was never sent"),
        }
    }
}

fn protocol(asked: &Asked) -> &'static str {
    match asked.protocol {
        Protocol::Arp => "ARP",
        Protocol::NeighbourDiscovery => "ND",
    }
}

fn end((address, port): (IpAddr, Option<u16>)) -> String {
    port.map_or_else(|| address.to_string(), |port| std::net::SocketAddr::new(address, port).to_string())
}

fn carries(layer: &Layer) -> String {
    match layer.carries {
        Carries::Vxlan(network) => format!("VXLAN {}", network.id),
        Carries::Geneve(network) => format!("Geneve {}", network.id),
        Carries::Gre => "GRE".to_owned(),
        Carries::Ip => "IP in IP".to_owned(),
        Carries::Wireguard(_) => "WireGuard, encrypted".to_owned(),
        _ => String::new(),
    }
}
