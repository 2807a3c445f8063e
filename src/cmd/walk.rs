//! `netlab walk`: one packet and its answer, as they were captured at every interface that they crossed.

mod asked;
mod evidence;
mod lost;
mod page;
mod pcapng;
mod predicted;
mod request;
mod sent;
mod step;

use super::blame::Live;
use super::new_file::NewFile;
use super::{FAILED, FINE, print_json, running, usage};
use crate::cli::{self, WalkFormat};
use crate::probe::Outcome;
use crate::render::walk::{Decisions, Detail, Ports, Story, Teller, Text, mermaid, text};
use crate::ui;
use crate::walk::{Walk, fold};
use asked::Asking;
pub(super) use request::{Listening, Neighbours, Request};
use sent::{Sent, send};

pub(super) fn walk(args: &cli::Walk) -> anyhow::Result<u8> {
    let record = running::find(args.lab.lab.as_deref())?;
    let request = Request::new(args, &record)?;
    if args.step {
        step::check()?;
    }
    if let (Some(page), Some(pcapng)) = (&args.html, &args.pcapng)
        && page == pcapng
    {
        return Err(usage(format!("--html and --pcapng: both are to be {}: name two files", page.display())));
    }
    let page = args.html.as_deref().map(|path| NewFile::open("--html", path)).transpose()?;
    if args.predict {
        let story = predicted::foretold(&request, &mut Live::new(request.sandboxes));
        page.map(|file| page::write(file, &request, &story)).transpose()?;
        show(args, &story)?;
        return Ok(if story.lost.is_some() { FAILED } else { FINE });
    }
    let pcapng = args.pcapng.as_deref().map(|path| NewFile::open("--pcapng", path)).transpose()?;
    let mut sent = send(&request)?;
    let walk = fold(sent.probe, &sent.sightings, &request.wires);
    sent.outcome = lost::heard(&request, sent.outcome, &walk);
    let story = tell(&request, &sent, &walk);
    // Before anything is printed, which ends where nobody reads it.
    page.map(|file| page::write(file, &request, &story)).transpose()?;
    pcapng.map(|file| pcapng::write(file, &request, &sent, &walk, &story)).transpose()?;
    show(args, &story)?;
    Ok(if story.lost.is_some() { FAILED } else { FINE })
}

/// Follows a packet for a test: what came of it, and its steps without what differs from run to run.
pub(super) fn follow(request: &Request<'_>) -> anyhow::Result<(Outcome, Story)> {
    let mut sent = send(request)?;
    let walk = fold(sent.probe, &sent.sightings, &request.wires);
    sent.outcome = lost::heard(request, sent.outcome, &walk);
    let teller = Teller { ports: Ports::Any, ..request.teller(Some(&sent.outcome)) };
    let story = teller.story(&walk, &Decisions::default());
    Ok((sent.outcome, story))
}

/// What was captured, what the kernels say about it, and if need be what is wrong.
fn tell(request: &Request<'_>, sent: &Sent, walk: &Walk) -> Story {
    let mut live = Live::new(request.sandboxes);
    let (names, wires) = (&request.names, &request.wires);
    let mut asking = Asking { kernels: &mut live, names, wires, heard: Vec::new() };
    let decisions = Decisions { request: asking.about(&walk.request), reply: asking.about(&walk.reply) };
    let mut story = request.teller(Some(&sent.outcome)).story(walk, &decisions);
    story.prediction = Some(predicted::compare(request, (sent, walk), &story, &mut live));
    lost::explain(request, sent, walk, &mut live, &mut story);
    story
}

fn show(args: &cli::Walk, story: &Story) -> anyhow::Result<()> {
    match args.format {
        _ if args.step => step::show(story),
        WalkFormat::Text => {
            let detail = if args.verbose { Detail::All } else { Detail::Short };
            let how = Text { width: ui::output_width().unwrap_or(80), style: ui::output_style(), detail };
            ui::print(&text(story, how))?;
            Ok(())
        }
        WalkFormat::Json => print_json("netlab.walk/1", story),
        WalkFormat::Mermaid => Ok(ui::print(&mermaid(story))?),
    }
}
