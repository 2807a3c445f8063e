//! From what was found about a packet to what is said of it.

use std::net::IpAddr;

use super::story::{
    ChangeKind, ChangeTold, CountsTold, Heading, IpTold, LayerTold, Mac, Origin, StepTold, Story, Told, Way,
    WayKind,
};
use crate::packet::decode::{Icmp, MacAddress, Meaning};
use crate::plan::{self, Kind};
use crate::probe::{Attempt, Outcome};
use crate::render::capture::icmp_meaning;
use crate::render::{Endpoint, Names};
use crate::walk::{Asked, Carries, Change, Direction, Layer, Packet, Protocol, Role, Step, Walk, Wires};

/// What was sent, and what its sender heard.
#[derive(Clone, Copy)]
pub struct Title<'a> {
    /// The lab.
    pub lab: &'a str,
    /// Its data path.
    pub data_path: &'static str,
    /// Who sent it.
    pub from: &'a str,
    /// For whom, as it was named.
    pub to: &'a str,
    /// For which address.
    pub target: IpAddr,
    /// What it was.
    pub attempt: &'a Attempt,
    /// What came of it; none if it was only foretold.
    pub outcome: Option<&'a Outcome>,
}

/// How Ethernet addresses are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Macs {
    /// By whose they are.
    Owners,
    /// As they are.
    Raw,
}

/// How ports are named that a sender's kernel has chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// By their numbers.
    AsTheyAre,
    /// Not at all: they are others each time.
    Any,
}

/// What a kernel says before each step of the request, of the reply, and of each error.
#[derive(Debug, Clone, Default)]
pub struct Decisions {
    /// Before each step of the request.
    pub request: Vec<Vec<Told>>,
    /// Before each step of the reply.
    pub reply: Vec<Vec<Told>>,
}

/// Who turns a walk to words.
#[derive(Clone, Copy)]
pub struct Teller<'a> {
    /// What was sent.
    pub title: Title<'a>,
    /// What addresses are called.
    pub names: &'a dyn Names,
    /// What interfaces are there for.
    pub wires: &'a Wires,
    /// How Ethernet addresses are named.
    pub macs: Macs,
    /// How ports are named that a sender's kernel has chosen.
    pub ports: Ports,
}

impl Teller<'_> {
    /// All of it, but for what is wrong and what was foretold.
    pub fn story(&self, walk: &Walk, decisions: &Decisions) -> Story {
        let title = self.title;
        let mut number = 0;
        let ways = [
            (WayKind::Request, &walk.request, &decisions.request),
            (WayKind::Reply, &walk.reply, &decisions.reply),
        ]
        .into_iter()
        .map(|(kind, steps, asked)| (kind, steps, asked.as_slice()))
        .chain(walk.errors.iter().map(|steps| (WayKind::Error, steps, [].as_slice())))
        .filter(|(_, steps, _)| !steps.is_empty())
        .map(|(kind, steps, asked)| Way {
            kind,
            what: self.what(steps),
            steps: self.steps(steps, asked, &mut number),
        })
        .collect();
        let counts = walk.counts();
        let counts = CountsTold {
            routers: counts.routers,
            translations: counts.translations,
            encapsulations: counts.encapsulations,
            questions: counts.questions,
        };
        let mut story = Story {
            lab: title.lab.to_owned(),
            data_path: title.data_path,
            from: title.from.to_owned(),
            to: title.to.to_owned(),
            target: title.target,
            probe: probe(title.attempt),
            what: sent(title.attempt, title.target),
            origin: if title.outcome.is_some() { Origin::Captured } else { Origin::Predicted },
            outcome: title.outcome.cloned(),
            ways,
            unanswered: walk.unanswered.iter().map(|(place, asked)| self.unanswered(place, asked)).collect(),
            counts,
            verdict: String::new(),
            prediction: None,
            lost: None,
        };
        story.verdict = self.verdict(&story);
        story
    }

    fn steps(&self, steps: &[Step], asked: &[Vec<Told>], number: &mut usize) -> Vec<StepTold> {
        let mut told: Vec<StepTold> = Vec::with_capacity(steps.len());
        for (at, step) in steps.iter().enumerate() {
            let asked = asked.get(at).cloned().unwrap_or_default();
            let crossed = at.checked_sub(1).and_then(|before| self.crossed(&steps[before], step));
            if let Some((segment, last)) = crossed.zip(told.last_mut()) {
                last.cross(segment, &step.interface, asked);
                last.copies.extend(copies(step));
                last.questions.extend(step.asked.iter().map(|asked| self.question(asked)));
                continue;
            }
            *number += 1;
            told.push(self.step(step, asked, *number));
        }
        told
    }

    /// The segment that a packet crosses between two steps. Its switch stands for a cable between machines: that it has a
    /// port for each of them is nobody's concern.
    fn crossed(&self, before: &Step, step: &Step) -> Option<&str> {
        let bridge = self.wires.bridge(&step.place, &step.interface)?;
        let is_switched = self.wires.kind(&step.place) == Some(Kind::Fabric)
            && before.place == step.place
            && self.wires.bridge(&before.place, &before.interface) == Some(bridge)
            && before.direction != Direction::Out
            && step.direction == Direction::Out
            && step.changes.is_empty();
        is_switched.then_some(bridge)
    }

    fn step(&self, step: &Step, asked: Vec<Told>, number: usize) -> StepTold {
        StepTold {
            number,
            place: step.place.clone(),
            kind: self.wires.kind(&step.place).map_or("place", kind),
            interface: step.interface.clone(),
            ports: None,
            direction: if step.direction == Direction::Out { Heading::Out } else { Heading::In },
            after_ns: step.after,
            role: self.role(step),
            bytes: step.packet.bytes,
            pieces: step.pieces,
            layers: step.packet.layers.iter().map(|layer| self.layer(layer)).collect(),
            macs: step.packet.outer().and_then(macs).map(|macs| self.pair(macs)),
            changes: step.changes.iter().map(|change| self.change(step, change)).collect(),
            asked,
            questions: step.asked.iter().map(|asked| self.question(asked)).collect(),
            copies: copies(step).collect(),
            frame: step.frame,
        }
    }

    fn role(&self, step: &Step) -> String {
        let is_out = step.direction == Direction::Out;
        match self.wires.role(&step.place, &step.interface) {
            None if step.interface == "lo" => format!("its loopback: what {} sends to itself", step.place),
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
            Some(Role::Bridge) if is_out => format!("{}'s IP stack sends it into the bridge", step.place),
            Some(Role::Bridge) => format!("the bridge gives it to {}'s IP stack", step.place),
            Some(Role::Tunnel(kind)) if is_out => format!("into the {kind} tunnel"),
            Some(Role::Tunnel(kind)) => format!("out of the {kind} tunnel"),
            None => String::new(),
        }
    }

    fn layer(&self, layer: &Layer) -> LayerTold {
        LayerTold {
            ethernet: macs(layer).map(|(from, to)| [self.owned(from), self.owned(to)]),
            ip: layer.ip.map(|ip| IpTold {
                from: Endpoint::new(ip.from, self.names),
                to: Endpoint::new(ip.to, self.names),
                ttl: ip.ttl,
                length: ip.length,
                dont_fragment: ip.dont_fragment,
            }),
            carries: self.carries(layer),
            bytes: layer.bytes,
        }
    }

    fn change(&self, step: &Step, change: &Change) -> ChangeTold {
        let (kind, text) = match change {
            Change::Macs { now, .. } => (ChangeKind::Macs, format!("MACs rewritten: {}", self.pair(*now))),
            Change::Ttl { before, now } => (ChangeKind::Ttl, format!("TTL {before} → {now}")),
            Change::Source { before, now } => {
                (ChangeKind::Source, format!("source translated: {} → {}", self.end(*before), self.end(*now)))
            }
            Change::Target { before, now } => {
                (ChangeKind::Target, format!("target translated: {} → {}", self.end(*before), self.end(*now)))
            }
            Change::Wrapped { bytes } => {
                (ChangeKind::Wrapped, format!("wrapped, +{bytes} bytes: {}", self.outside(&step.packet)))
            }
            Change::Unwrapped { bytes } => (ChangeKind::Unwrapped, format!("unwrapped, −{bytes} bytes")),
        };
        ChangeTold { kind, text }
    }

    /// What is around the packet.
    fn outside(&self, packet: &Packet) -> String {
        let Some(outer) = packet.outer() else { return String::new() };
        let ends = outer
            .ip
            .map(|ip| format!(" {} → {}", self.named(ip.from), self.named(ip.to)))
            .unwrap_or_default();
        format!("{}{ends}", self.carries(outer))
    }

    fn pair(&self, (from, to): (MacAddress, MacAddress)) -> String {
        format!("{} → {}", self.mac(from), self.mac(to))
    }

    fn owned(&self, mac: MacAddress) -> Mac {
        let owner = match self.wires.owner(plan::Mac(mac.0)) {
            None if mac == MacAddress::BROADCAST => Some("everybody".to_owned()),
            owner => owner.map(str::to_owned),
        };
        Mac { address: mac.to_string(), owner }
    }

    pub(super) fn mac(&self, mac: MacAddress) -> String {
        let Mac { address, owner } = self.owned(mac);
        owner.filter(|_| self.macs == Macs::Owners).unwrap_or(address)
    }

    fn question(&self, asked: &Asked) -> String {
        let answer = asked.answer.map(|mac| self.mac(mac)).unwrap_or_default();
        format!("{}: who has {}? {answer}", protocol(asked), asked.whom)
    }

    fn unanswered(&self, place: &str, asked: &Asked) -> String {
        let Asked { whom, interface, .. } = asked;
        format!(
            "{place} asked on {interface} by {} for {}, and nobody answered",
            protocol(asked),
            self.named(*whom)
        )
    }

    fn what(&self, steps: &[Step]) -> String {
        let inner = steps.first().and_then(|step| step.packet.inner());
        inner.map(|layer| self.carries(layer)).unwrap_or_default()
    }

    fn carries(&self, layer: &Layer) -> String {
        match layer.carries {
            Carries::Icmp(icmp) => icmp_words(&icmp),
            Carries::Udp(from, to) => format!("UDP {} → {}", self.port(from), self.port(to)),
            Carries::Tcp(tcp) => {
                let flags = tcp.flags.to_string().replace(", ", "+");
                format!("TCP {} → {} {flags}", self.port(tcp.from), self.port(tcp.to))
            }
            Carries::Vxlan(network) => format!("VXLAN {}", network.id),
            Carries::Geneve(network) => format!("Geneve {}", network.id),
            Carries::Gre => "GRE".to_owned(),
            Carries::Ip => "IP in IP".to_owned(),
            Carries::Wireguard(_) => "WireGuard, encrypted".to_owned(),
            Carries::Other => String::new(),
        }
    }

    fn end(&self, (address, port): (IpAddr, Option<u16>)) -> String {
        match port {
            None => address.to_string(),
            Some(port) if address.is_ipv4() => format!("{address}:{}", self.port(port)),
            Some(port) => format!("[{address}]:{}", self.port(port)),
        }
    }

    fn port(&self, port: u16) -> String {
        let is_asked_for = match self.title.attempt {
            Attempt::Tcp { port: asked } | Attempt::Udp { port: asked } => *asked == port,
            _ => false,
        };
        if is_asked_for || self.ports == Ports::AsTheyAre { port.to_string() } else { "*".to_owned() }
    }

    fn named(&self, address: IpAddr) -> String {
        self.names.name(address).map_or_else(|| address.to_string(), |name| format!("{address} ({name})"))
    }
}

impl StepTold {
    /// Makes this step one through a segment, instead of only into it.
    fn cross(&mut self, segment: &str, out: &str, asked: Vec<Told>) {
        let came = std::mem::replace(&mut self.interface, segment.to_owned());
        self.role = format!("from {came}'s cable to {out}'s");
        self.ports = Some([came, out.to_owned()]);
        self.direction = Heading::Through;
        self.asked.extend(asked);
    }
}

/// Its Ethernet addresses; a loopback's are all zero, and nobody's.
fn macs(layer: &Layer) -> Option<(MacAddress, MacAddress)> {
    layer.macs().filter(|macs| *macs != (MacAddress([0; 6]), MacAddress([0; 6])))
}

fn copies(step: &Step) -> impl Iterator<Item = String> {
    step.copies.iter().map(|(place, interface)| format!("{place} {interface}"))
}

/// `icmp`, `tcp:80`: as the command line has it.
fn probe(attempt: &Attempt) -> String {
    match attempt {
        Attempt::Tcp { port } => format!("tcp:{port}"),
        Attempt::Udp { port } => format!("udp:{port}"),
        _ => "icmp".to_owned(),
    }
}

fn sent(attempt: &Attempt, target: IpAddr) -> String {
    match attempt {
        Attempt::Tcp { port } => format!("the beginning of a TCP connection to port {port}"),
        Attempt::Udp { port } => format!("a UDP datagram to port {port}"),
        _ if target.is_ipv4() => "an ICMP echo request".to_owned(),
        _ => "an ICMPv6 echo request".to_owned(),
    }
}

pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Fabric => "fabric",
        Kind::Router => "router",
        Kind::Node => "node",
        Kind::Pod => "pod",
        Kind::External => "external",
    }
}

pub(super) fn protocol(asked: &Asked) -> &'static str {
    match asked.protocol {
        Protocol::Arp => "ARP",
        Protocol::NeighbourDiscovery => "ND",
    }
}

fn icmp_words(icmp: &Icmp) -> String {
    let version = if icmp.is_v4() { "ICMP" } else { "ICMPv6" };
    // Which echo it is does not matter here: there is one.
    let words = match icmp.meaning {
        Meaning::EchoRequest(_) => "echo request".to_owned(),
        Meaning::EchoReply(_) => "echo reply".to_owned(),
        _ => icmp_meaning(icmp),
    };
    format!("{version} {words}")
}
