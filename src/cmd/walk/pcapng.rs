//! The frames of a walk as a capture file, each with what it is as its comment.

use anyhow::Context as _;

use super::request::Request;
use super::sent::Sent;
use crate::cmd::capture::describe::Descriptions;
use crate::cmd::capture::mend::{Shown, mend};
use crate::cmd::capture::output::file_begin;
use crate::cmd::new_file::NewFile;
use crate::packet::decode::decode_from;
use crate::packet::pcapng;
use crate::plan::plan;
use crate::render::walk::Story;
use crate::ui;
use crate::walk::Walk;

/// Writes them, and says how many there are.
pub(super) fn write(
    file: NewFile,
    request: &Request<'_>,
    sent: &Sent,
    walk: &Walk,
    story: &Story,
) -> anyhow::Result<()> {
    let mut comments = request.teller(Some(&sent.outcome)).comments(walk, story, &sent.sightings);
    comments.sort_by_key(|(frame, _)| (sent.frames[*frame].time, *frame));
    let mut bytes = file_begin(&request.names.all());
    let interfaces = interfaces(&mut bytes, request, sent, &comments);
    for (number, comment) in &comments {
        let mut frame = sent.frames[*number].clone();
        let headers = decode_from(sent.sightings[*number].start, &frame.bytes);
        let heard_at = &sent.interfaces[frame.interface];
        let notes = mend(&mut frame, &headers, heard_at);
        let notes = notes.notes(frame.original, Shown::Whole);
        let comment = std::iter::once(comment.clone()).chain(notes).collect::<Vec<_>>().join("; ");
        let interface = interfaces.iter().position(|interface| *interface == frame.interface);
        let interface = interface.context("a frame of an interface that is not in the file")?;
        let frame = pcapng::Frame {
            interface: u32::try_from(interface)?,
            time: frame.time,
            direction: frame.direction,
            original: frame.original,
            bytes: &frame.bytes,
            comment: &comment,
        };
        bytes.extend(frame.block());
    }
    let path = file.path().display().to_string();
    file.write(&bytes)?;
    let (frames, interfaces) = (comments.len(), interfaces.len());
    ui::remark(&format!("wrote {path}: {} of {}", count(frames, "frame"), count(interfaces, "interface")));
    Ok(())
}

/// Writes the interfaces at which there are frames, and gives back their numbers among all.
fn interfaces(
    bytes: &mut Vec<u8>,
    request: &Request<'_>,
    sent: &Sent,
    comments: &[(usize, String)],
) -> Vec<usize> {
    let lab = request.lab;
    let descriptions = Descriptions::new(lab, &plan(lab));
    let mut found: Vec<usize> = comments.iter().map(|(frame, _)| sent.frames[*frame].interface).collect();
    found.sort_unstable();
    found.dedup();
    for interface in found.iter().map(|number| &sent.interfaces[*number]) {
        let name = format!("{}/{}", interface.place, interface.name);
        let description = descriptions.of(&interface.place, &interface.name);
        let block = pcapng::Interface { name: &name, description: &description, link: interface.link };
        bytes.extend(block.block());
    }
    found
}

/// `1 frame`, `2 frames`
fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}
