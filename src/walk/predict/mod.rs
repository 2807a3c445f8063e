//! The way of a packet that nobody sends, from what the kernels of a lab say of themselves: their routes, neighbours,
//! forwarding databases, rules of translation and tunnels.
//!
//! What it gives has the shape of what is captured, step by step, so that the two can be held against each other. What no
//! table shows, a packet filter within a place for one, it does not know.

mod own;
mod parcel;
#[cfg(test)]
mod tests;
mod tunnel;
mod wire;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use super::change::changes;
use super::{Asked, Direction, Step, Walk, Wires};
use crate::blame::{self, Decision, Facts, Link, State};
use crate::model::Family;
use crate::packet::decode::MacAddress;
use crate::plan::Mac;
use crate::plan::nftables::{Verdict, translation};
use crate::probe::{Attempt, DontFragment};
use own::{forwards, is_link_local, own_address, own_hops, to_itself};
use parcel::Parcel;

/// More places than a packet passes: tunnels in tunnels could lead round for ever.
const MOST: usize = 300;

/// The loopback interface has no other.
const LOOPBACK: MacAddress = MacAddress([0; 6]);

/// What the tables say of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prediction {
    /// Its way and its answer's, as far as they lead.
    pub walk: Walk,
    /// Why they lead no further; none where the answer arrives.
    pub ends: Option<Ending>,
}

/// What would be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Sending {
    /// What it is.
    pub attempt: Attempt,
    /// Bytes of data, of an echo request or a datagram.
    pub data: u16,
    /// May it be cut?
    pub dont_fragment: DontFragment,
    /// What its sender knows of the path.
    pub path: Path,
}

/// What the sender of a packet knows of how much passes on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// What its kernel knows now.
    AsKnown,
    /// Nothing: it may have come to know it by this very packet.
    Unknown,
}

/// Why a packet gets no further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The place that does not send it on.
    pub place: String,
    /// In words: `node2 does not forward: net.ipv4.ip_forward = 0`.
    pub text: String,
    /// How it ends.
    pub how: Halt,
}

/// How a way ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Halt {
    /// It is dropped there.
    Dropped,
    /// A bridge sends it by all of its ports, and nobody behind them wants it.
    Flooded,
}

impl Prediction {
    /// The same as somebody sees it who is not in all places.
    #[must_use]
    pub fn seen_at(mut self, is_seen: impl Fn(&str) -> bool) -> Self {
        for steps in [&mut self.walk.request, &mut self.walk.reply] {
            steps.retain(|step| is_seen(&step.place));
            anew(steps);
        }
        self
    }
}

/// Finds what is new at each of these steps, some of which have lost the one before.
fn anew(steps: &mut [Step]) {
    let now: Vec<_> = steps.windows(2).map(|pair| changes(&pair[0].packet, &pair[1].packet)).collect();
    steps.iter_mut().skip(1).zip(now).for_each(|(step, now)| step.changes = now);
}

/// Follows a packet from a place to an address, and its answer back, and sends nothing.
pub fn predict(
    sending: &Sending,
    from: &str,
    to: IpAddr,
    wires: &Wires,
    facts: &mut dyn Facts,
) -> Prediction {
    let mut follower = Follower {
        sending,
        facts,
        wires,
        steps: Vec::new(),
        asked: Vec::new(),
        met: Vec::new(),
        heard: Vec::new(),
        translated: Vec::new(),
        going: true,
        arrived: None,
    };
    let nobody = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let request = Parcel::request(sending, nobody, to);
    let there = follower.follow(request, from);
    let mut walk = Walk { request: follower.taken(), ..Walk::default() };
    let back = there.and_then(|(at, parcel)| follower.answer(from, &at, &parcel));
    walk.reply = follower.taken();
    Prediction { walk, ends: back.err().map(|ending| *ending) }
}

/// Boxed, because it is much larger than what goes on.
type Followed<T> = Result<T, Box<Ending>>;

struct Follower<'a> {
    sending: &'a Sending,
    facts: &'a mut dyn Facts,
    wires: &'a Wires,
    steps: Vec<Step>,
    /// Questions that the next step has to wait for.
    asked: Vec<Asked>,
    /// Places with the neighbours that they have come to know by questions on the way.
    met: Vec<(String, IpAddr)>,
    /// Ethernet addresses that switches have come to know by those questions.
    heard: Vec<MacAddress>,
    translated: Vec<Translated>,
    /// Whether this is the packet, and not its answer.
    going: bool,
    /// The interface by which the target got the packet: by it the answer to a link-local address leaves.
    arrived: Option<String>,
}

/// An address that a place has translated, and translates back for the answer.
struct Translated {
    place: String,
    source: IpAddr,
    now: IpAddr,
    to: IpAddr,
}

/// How a packet leaves a place, as its route says.
struct Exit {
    link: String,
    hop: IpAddr,
    source: Option<IpAddr>,
    encap: Option<crate::plan::Encap>,
    mtu: Option<u32>,
}

/// Where a packet is after it left a place's IP stack.
enum Next {
    /// Still there, in another packet.
    Wrapped,
    /// At another place's interface.
    There(String, String),
}

impl Follower<'_> {
    /// Follows the target's answer.
    fn answer(&mut self, from: &str, at: &str, parcel: &Parcel) -> Followed<()> {
        let state = self.state(at)?;
        self.going = false;
        let to = parcel.ip().map_or(Ipv4Addr::UNSPECIFIED.into(), |ip| ip.to);
        let setting = match Family::of_address(&to) {
            Family::V4 if state.ignores_pings_v4 => Some("net.ipv4.icmp_echo_ignore_all"),
            Family::V6 if state.ignores_pings_v6 => Some("net.ipv6.icmp.echo_ignore_all"),
            _ => None,
        };
        if let (Attempt::Ping { .. }, Some(setting)) = (&self.sending.attempt, setting) {
            return Err(dropped(at, format!("{at} answers no pings: {setting} = 1")));
        }
        let Some(answer) = parcel.answer() else { return Ok(()) };
        let (end, _) = self.follow(answer, at)?;
        if end == from {
            return Ok(());
        }
        Err(dropped(&end, format!("{end} takes the answer for its own, and {from} gets nothing")))
    }

    /// Follows a packet from the place that makes it to the one that keeps it.
    fn follow(&mut self, mut parcel: Parcel, start: &str) -> Followed<(String, Parcel)> {
        let (mut at, mut entered) = (start.to_owned(), None);
        for _ in 0..MOST {
            let state = self.state(&at)?;
            let Some(exit) = self.decide(&at, &state, entered.as_deref(), &mut parcel)? else {
                match self.unwrapped(&at, &state, &mut parcel)? {
                    Some(tunnel) => entered = Some(tunnel),
                    None if entered.is_none() => {
                        // A place's own packets for itself.
                        parcel.edit(|ip| {
                            if ip.from.is_unspecified() {
                                ip.from = to_itself(&state, ip.to);
                            }
                            let hops = state.link("lo").and_then(|lo| own_hops(&state, lo, ip.to));
                            ip.ttl = hops.unwrap_or(ip.ttl);
                        });
                        parcel.address(Some((LOOPBACK, LOOPBACK)));
                        self.step(&at, "lo", Direction::In, &parcel);
                        return Ok((at, parcel));
                    }
                    None => {
                        self.arrived = entered;
                        return Ok((at, parcel));
                    }
                }
                continue;
            };
            match self.leave(&at, &state, entered.as_deref(), &exit, &mut parcel)? {
                Next::Wrapped => entered = None,
                Next::There(place, link) => (at, entered) = (place, Some(link)),
            }
        }
        Err(dropped(&at, "it goes round in circles".to_owned()))
    }

    /// What a place's IP stack does with a packet: how it leaves, or nothing if the place keeps it.
    fn decide(
        &mut self,
        at: &str,
        state: &State,
        entered: Option<&str>,
        parcel: &mut Parcel,
    ) -> Followed<Option<Exit>> {
        if entered.is_some() {
            self.translate_back(at, parcel);
        }
        let Some(ip) = parcel.ip() else { return Err(dropped(at, format!("{at}: this is no IP"))) };
        if let Some(link) = self.arrived.clone().filter(|_| entered.is_none() && is_link_local(ip.to)) {
            return Ok(Some(Exit { link, hop: ip.to, source: None, encap: None, mtu: None }));
        }
        let from = (!ip.from.is_unspecified()).then_some(ip.from);
        let packet = blame::Packet { from, to: ip.to, entered: entered.map(str::to_owned) };
        let decision = self.facts.route(at, &packet).map_err(|why| dropped(at, why))?;
        if decision == Decision::Keep {
            return Ok(None);
        }
        if let Some(link) = entered {
            forwards(at, state, link, ip.to)?;
        }
        match decision {
            Decision::Send { via, link, source, encap, mtu, .. } => {
                if entered.is_some() {
                    if ip.ttl <= 1 {
                        return Err(dropped(at, format!("its TTL is used up at {at}")));
                    }
                    parcel.edit(|ip| ip.ttl -= 1);
                }
                let mtu = mtu.filter(|_| entered.is_none() && self.sending.path == Path::AsKnown);
                Ok(Some(Exit { link, hop: via.unwrap_or(ip.to), source, encap, mtu }))
            }
            Decision::Refuse { errno, text } => {
                let filter = entered.and_then(|link| state.link(link)).filter(|link| link.rp_filter > 0);
                let text = match (filter, errno.as_str()) {
                    (Some(link), "EXDEV" | "EINVAL") => {
                        let (name, how) = (&link.name, link.rp_filter);
                        format!("{at} takes nothing from {} by {name} (rp_filter = {how}): {text}", ip.from)
                    }
                    _ => format!("{at} has no route to {}: {text} ({errno})", ip.to),
                };
                Err(dropped(at, text))
            }
            Decision::Other(kind) => Err(dropped(at, format!("{at}'s route to {} is {kind}", ip.to))),
            Decision::Keep => Ok(None),
        }
    }

    /// Sends a packet by the interface that its route says: to the next place, or into a tunnel.
    fn leave(
        &mut self,
        at: &str,
        state: &State,
        entered: Option<&str>,
        exit: &Exit,
        parcel: &mut Parcel,
    ) -> Followed<Next> {
        let link = state.link(&exit.link);
        let link = link.ok_or_else(|| dropped(at, format!("{at} has no interface {}", exit.link)))?;
        let own = |to: IpAddr| exit.source.or_else(|| own_address(link, exit.hop, to));
        parcel.edit(|ip| {
            if ip.from.is_unspecified() {
                ip.from = own(ip.to).unwrap_or(ip.from);
            }
            if entered.is_none() {
                ip.ttl = own_hops(state, link, ip.to).unwrap_or(ip.ttl);
            }
        });
        let Some(ip) = parcel.ip() else { return Err(dropped(at, format!("{at}: this is no IP"))) };
        let known = exit.mtu.filter(|known| *known < link.mtu);
        let mtu = known.unwrap_or(link.mtu);
        if ip.length > mtu as usize {
            if self.stays_whole(entered, parcel) {
                let (name, length) = (&link.name, ip.length);
                let who = match known {
                    Some(_) => format!("{at} knows that the path to {}", ip.to),
                    None => format!("{at} {name}"),
                };
                let text = format!(
                    "{who} takes {mtu} bytes, and the packet has {length} and may not be taken apart"
                );
                return Err(dropped(at, text));
            }
            parcel.cut(mtu as usize);
        }
        self.translate(at, state, link, exit.hop, parcel);
        if link.tunnel.is_some() {
            self.enter_tunnel(at, state, link, exit, parcel)?;
            return Ok(Next::Wrapped);
        }
        let mac = self.neighbour(at, state, link, exit.hop)?;
        self.send(at, link, mac, parcel)
    }

    /// Whether a packet may not be taken apart. What a place makes itself, its kernel makes as it fits, unless it is told
    /// not to.
    fn stays_whole(&self, entered: Option<&str>, parcel: &Parcel) -> bool {
        let told = self.sending.dont_fragment == DontFragment::Set;
        match entered {
            Some(_) => parcel.ip().is_some_and(|ip| ip.dont_fragment),
            None => told && self.going && parcel.wrapping().is_none(),
        }
    }

    /// Gives a packet that leaves a place another source, where the place's rules say so.
    fn translate(&mut self, at: &str, state: &State, link: &Link, hop: IpAddr, parcel: &mut Parcel) {
        let Some(ip) = parcel.ip().filter(|_| self.going) else { return };
        let now = match translation(&state.source_nat, ip.from, ip.to) {
            Some(Verdict::SourceNat(own)) => Some(own),
            Some(_) => own_address(link, hop, ip.to),
            None => None,
        };
        if let Some(now) = now.filter(|now| *now != ip.from) {
            self.translated.push(Translated { place: at.to_owned(), source: ip.from, now, to: ip.to });
            parcel.edit(|ip| ip.from = now);
        }
    }

    /// Undoes that for the answer.
    fn translate_back(&mut self, at: &str, parcel: &mut Parcel) {
        let Some(ip) = parcel.ip().filter(|_| !self.going) else { return };
        let is_it = |one: &&Translated| one.place == at && one.now == ip.to && one.to == ip.from;
        if let Some(source) = self.translated.iter().find(is_it).map(|one| one.source) {
            parcel.edit(|ip| ip.to = source);
        }
    }

    /// Takes note of the packet at an interface.
    fn step(&mut self, place: &str, interface: &str, direction: Direction, parcel: &Parcel) {
        let packet = parcel.seen();
        let before = self.steps.last().map(|before| changes(&before.packet, &packet));
        let asked = if direction == Direction::Out { std::mem::take(&mut self.asked) } else { Vec::new() };
        self.steps.push(Step {
            place: place.to_owned(),
            interface: interface.to_owned(),
            direction,
            after: 0,
            packet,
            changes: before.unwrap_or_default(),
            asked,
            copies: Vec::new(),
            frame: None,
            pieces: parcel.pieces(),
        });
    }

    fn taken(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.steps)
    }

    fn state(&mut self, place: &str) -> Followed<Rc<State>> {
        self.facts.place(place).map_err(|why| dropped(place, why))
    }
}

fn dropped(place: &str, text: String) -> Box<Ending> {
    Box::new(Ending { place: place.to_owned(), text, how: Halt::Dropped })
}

fn address(mac: Mac) -> MacAddress {
    MacAddress(mac.0)
}
