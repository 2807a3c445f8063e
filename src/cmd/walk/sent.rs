//! Sending the packet while everybody on its way listens.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::evidence;
use super::request::{Listening, Neighbours, Request};
use crate::cmd::{Fail, OTHER};
use crate::kernel::capture::{Ears, Extent, Interface, KeptAway, Wanted, now};
use crate::kernel::{Identity, Live, Single, Tally, start_time, stop_flag};
use crate::packet::decode::Start;
use crate::packet::heard::{Heard, Whose};
use crate::packet::pcapng::{Direction, LinkType};
use crate::plan::{Kind, Sandbox};
use crate::probe::{Attempt, Outcome};
use crate::walk::{self, Mark, Probe, Sighting};

/// How long captured frames may take until they can be read, at most.
const PATIENCE: Duration = Duration::from_secs(5);

/// What shells give for SIGINT.
const INTERRUPTED: u8 = 130;

/// What came of it, and everything that was heard meanwhile.
pub(super) struct Sent {
    pub(super) outcome: Outcome,
    /// What the places on the way had counted before.
    pub(super) before: Vec<(String, Tally)>,
    pub(super) probe: Probe,
    pub(super) interfaces: Vec<Interface>,
    pub(super) frames: Vec<Heard>,
    /// What the frames are, each at the same place as its frame.
    pub(super) sightings: Vec<Sighting>,
}

/// Sends it, and waits until all that was captured is here.
pub(super) fn send(request: &Request<'_>) -> anyhow::Result<Sent> {
    let sent = try_to_send(request);
    // Whatever it was that did not work then, the reason is plain.
    let pid = request.place()?.sandbox.pid;
    if sent.is_err() && start_time(pid).is_none() { Err(ended(request)) } else { sent }
}

fn ended(request: &Request<'_>) -> anyhow::Error {
    let message = format!("lab `{}` ended, or {} in it, during the walk", request.lab.name, request.from);
    Fail { code: OTHER, message }.into()
}

fn try_to_send(request: &Request<'_>) -> anyhow::Result<Sent> {
    let listened = listened(request);
    let stop = stop_flag();
    match request.neighbours {
        Neighbours::AsTheyAre => {}
        Neighbours::Known => _ = single(request)?.send(request.timeout, stop)?,
        Neighbours::Forgotten => {
            let places = listened.iter().map(|wanted| wanted.sandbox);
            let mut live = Live::open(places.clone())?;
            for sandbox in places {
                live.forget_all(&sandbox.name)?;
            }
        }
    }
    let before = evidence::before(listened.iter().map(|wanted| wanted.sandbox));
    let mut ears = Ears::open(&listened, Extent::Whole, KeptAway::Nothing)?;
    let mut single = single(request)?;
    let probe = Probe { to: request.target, mark: mark(&request.attempt, single.identity())? };
    let outcome = single.send(request.timeout, stop)?;
    let frames = listen(&mut ears, stop)?;
    if single.is_gone() {
        return Err(ended(request));
    }
    if stop.load(Ordering::Relaxed) {
        let message = "stopped before an answer came".to_owned();
        return Err(Fail { code: INTERRUPTED, message }.into());
    }
    let interfaces = ears.interfaces().to_vec();
    let sightings = frames.iter().map(|frame| sighting(&interfaces, frame)).collect();
    Ok(Sent { outcome, before, probe, interfaces, frames, sightings })
}

fn single(request: &Request<'_>) -> anyhow::Result<Single> {
    Ok(Single::new(&request.place()?, request.target, &request.attempt, request.datagram)?)
}

fn mark(attempt: &Attempt, identity: Identity) -> anyhow::Result<Mark> {
    Ok(match (attempt, identity) {
        (Attempt::Udp { port }, Identity::Nonce(nonce)) => Mark::Udp(*port, nonce),
        (Attempt::Tcp { port }, Identity::Port(from)) => Mark::Tcp { to: *port, from },
        (_, Identity::Nonce(nonce)) => Mark::Echo(nonce),
        (_, Identity::Port(_)) => anyhow::bail!("a port is nothing to know an echo request by"),
    })
}

/// Where the packet may pass: the two ends, and everything that is not a pod. Who has an address that the lab gave to nobody
/// is not known beforehand.
fn listened<'a>(request: &Request<'a>) -> Vec<Wanted<'a>> {
    let owner = request.wires.holder(request.target);
    let may_pass = |sandbox: &&Sandbox| {
        request.listening == Listening::Everywhere
            || owner.is_none()
            || sandbox.kind != Kind::Pod
            || sandbox.name == request.from
            || Some(sandbox.name.as_str()) == owner
    };
    let sandboxes = request.sandboxes.iter().filter(may_pass);
    sandboxes.map(|sandbox| Wanted { sandbox, interfaces: None }).collect()
}

/// Takes everything that was captured until now, which takes the kernel a moment to hand over.
fn listen(ears: &mut Ears, stop: &AtomicBool) -> anyhow::Result<Vec<Heard>> {
    let mut frames = Vec::new();
    let until = now();
    let arrived = ears.arrived()?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let drained = ears.drain()?;
        frames.extend(drained.frames);
        let is_whole = drained.complete >= until && ears.has_taken(&arrived);
        if is_whole || stop.load(Ordering::Relaxed) || Instant::now() > deadline {
            return Ok(frames);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn sighting(interfaces: &[Interface], frame: &Heard) -> Sighting {
    let interface = &interfaces[frame.interface];
    Sighting {
        place: interface.place.clone(),
        interface: interface.name.clone(),
        direction: match frame.direction {
            Direction::In if frame.whose == Whose::Own => walk::Direction::In,
            Direction::In => walk::Direction::InForOther,
            Direction::Out => walk::Direction::Out,
        },
        time: frame.time,
        start: match interface.link {
            LinkType::Ethernet => Start::Ethernet,
            LinkType::RawIp => Start::Ip,
        },
        bytes: frame.bytes.clone(),
    }
}
