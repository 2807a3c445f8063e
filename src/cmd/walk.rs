//! `netlab walk`: one packet and its answer, as they were captured at every interface that they crossed.

mod asked;

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::blame::{Live, facts_about};
use super::{FAILED, FINE, Fail, OTHER, ping, print_json, running, usage};
use crate::cli::{self, Format};
use crate::kernel::capture::{Ears, Extent, KeptAway, LATENCY, Wanted};
use crate::kernel::{Identity, Single, stop_flag};
use crate::packet::decode::Start;
use crate::packet::heard::Heard;
use crate::packet::pcapng::{Direction, LinkType};
use crate::plan::{Kind, Sandbox, plan};
use crate::probe::{Attempt, DontFragment, Outcome};
use crate::render::walk::{Title, WalkText, walk_json};
use crate::render::{LabNames, Names as _};
use crate::state::Record;
use crate::ui;
use asked::Asking;

use crate::walk::{self, Mark, Probe, Sighting, Wires, fold};

pub(super) fn walk(args: &cli::Walk) -> anyhow::Result<u8> {
    let record = running::find(args.lab.lab.as_deref())?;
    let place = running::place(&record, &args.from)?;
    let target = running::address(&record.lab, &args.to, ping::family(&args.family))?;
    let attempt = attempt(args)?;
    let plan = plan(&record.lab);
    let wires = Wires::new(&plan);
    let mut ears = Ears::open(&listened(args, &record, target), Extent::Whole, KeptAway::Nothing)?;
    let mut single = Single::new(&place, target, &attempt)?;
    let probe = Probe { to: target, mark: mark(&attempt, single.identity())? };
    let stop = stop_flag();
    let outcome = single.send(args.timeout, stop)?;
    let frames = listen(&mut ears, stop)?;
    if single.is_gone() {
        let message = format!("lab `{}` ended, or {} in it, during the walk", record.lab.name, args.from);
        return Err(Fail { code: OTHER, message }.into());
    }
    let sightings = sightings(&ears, &wires, frames);
    let walk = fold(probe, &sightings, &wires);
    let names = LabNames::new(&record.lab);
    let mut live = Live::new(&record.sandboxes);
    let mut asking = Asking { kernels: &mut live, names: &names, wires: &wires };
    let asked = [asking.about(&walk.request), asking.about(&walk.reply)];
    let unanswered = !matches!(outcome, Outcome::Reply { .. } | Outcome::Refused { .. });
    let why = if unanswered {
        facts_about(&record.lab, &record.sandboxes, &args.from, target).facts
    } else {
        Vec::new()
    };
    let title = Title { from: &args.from, to: &args.to, target, attempt: &attempt, outcome: &outcome };
    match args.format {
        Format::Text => {
            let text = WalkText {
                title,
                names: &names,
                wires: &wires,
                asked: &asked,
                why: &why,
                macs: args.macs,
                verbose: args.verbose,
                width: ui::output_width().unwrap_or(80),
                style: ui::output_style(),
            };
            ui::print(&text.text(&walk))?;
        }
        Format::Json => print_json("netlab.walk/1", &walk_json(&title, &walk, &names, &wires))?,
    }
    Ok(if matches!(outcome, Outcome::Reply { .. } | Outcome::Refused { .. }) { FINE } else { FAILED })
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
            Attempt::Ping { size: args.size, dont_fragment }
        }
        Some(("tcp", text)) => Attempt::Tcp { port: port(text)? },
        Some(("udp", text)) => Attempt::Udp { port: port(text)? },
        _ => return Err(usage(format!("`{}` cannot be sent: write icmp, udp:PORT or tcp:PORT", args.probe))),
    })
}

fn mark(attempt: &Attempt, identity: Identity) -> anyhow::Result<Mark> {
    Ok(match (attempt, identity) {
        (Attempt::Udp { port }, Identity::Nonce(nonce)) => Mark::Udp(*port, nonce),
        (Attempt::Tcp { port }, Identity::Port(from)) => Mark::Tcp { to: *port, from },
        (_, Identity::Nonce(nonce)) => Mark::Echo(nonce),
        (_, Identity::Port(_)) => anyhow::bail!("a port is nothing to know an echo request by"),
    })
}

/// Where the packet may pass: the two ends, and everything that is not a pod.
fn listened<'a>(args: &cli::Walk, record: &'a Record, target: IpAddr) -> Vec<Wanted<'a>> {
    let names = LabNames::new(&record.lab);
    let owner = names.name(target).unwrap_or_default();
    let owner = owner.split(' ').next().unwrap_or_default();
    let may_pass = |sandbox: &&Sandbox| {
        args.everywhere || sandbox.kind != Kind::Pod || sandbox.name == args.from || sandbox.name == owner
    };
    record.sandboxes.iter().filter(may_pass).map(|sandbox| Wanted { sandbox, interfaces: None }).collect()
}

/// Takes everything that was captured until now, which takes the kernel a moment to hand over.
fn listen(ears: &mut Ears, stop: &AtomicBool) -> anyhow::Result<Vec<Heard>> {
    let mut frames = Vec::new();
    let until = crate::kernel::capture::now();
    let deadline = Instant::now() + 20 * LATENCY;
    loop {
        let drained = ears.drain()?;
        frames.extend(drained.frames);
        if drained.complete >= until || stop.load(Ordering::Relaxed) || Instant::now() > deadline {
            return Ok(frames);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn sightings(ears: &Ears, wires: &Wires, frames: Vec<Heard>) -> Vec<Sighting> {
    let interfaces = ears.interfaces();
    let seen = |frame: Heard| {
        let interface = interfaces.get(frame.interface)?;
        Some(Sighting {
            place: interface.place.clone(),
            interface: interface.name.clone(),
            direction: match frame.direction {
                Direction::In if wires.is_for(&interface.place, &interface.name, &frame.bytes) => {
                    walk::Direction::In
                }
                Direction::In => walk::Direction::InForOther,
                Direction::Out => walk::Direction::Out,
            },
            time: frame.time,
            start: match interface.link {
                LinkType::Ethernet => Start::Ethernet,
                LinkType::RawIp => Start::Ip,
            },
            bytes: frame.bytes,
        })
    };
    frames.into_iter().filter_map(seen).collect()
}
