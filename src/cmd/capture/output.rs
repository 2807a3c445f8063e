//! Where captured frames go: to the terminal as lines, to programs as JSON, or as pcapng to a file or a pipe.

use std::fs::File;
use std::io::{self, IsTerminal as _, Stdout, Write as _};
use std::net::IpAddr;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::describe::Descriptions;
use super::mend::{Mended, Shown};
use crate::cli::{Capture, Format, StampArg};
use crate::cmd::usage;
use crate::kernel::capture::{Counts, Interface, now};
use crate::model::Lab;
use crate::packet::decode::Header;
use crate::packet::heard::Heard;
use crate::packet::pcapng;
use crate::plan::Plan;
use crate::render::capture::{CaptureText, Passed, Stamp, capture_json, summary};
use crate::render::{LabNames, Names};
use crate::ui;

/// A frame with what is known of it.
pub(super) struct Noted<'a> {
    pub(super) frame: &'a Heard,
    pub(super) headers: &'a [Header],
    /// What it was not as on a wire.
    pub(super) mended: Mended,
}

/// Who reads it.
enum Reader {
    /// A person.
    Text(Stamp),
    /// A program.
    Json,
    /// Wireshark and its like.
    Pcapng(To),
}

/// Where a capture is written to.
enum To {
    File(PathBuf, File),
    Stdout,
}

pub(super) struct Output {
    reader: Reader,
    stdout: Stdout,
    names: Option<LabNames>,
    lab_names: Vec<(IpAddr, String)>,
    descriptions: Descriptions,
    /// What interfaces are called: `node1/cbr0`.
    interfaces: Vec<String>,
    longest: usize,
    /// Whether only the beginnings of frames are kept.
    is_cut: bool,
    start: Option<u64>,
    batch: Vec<u8>,
}

impl Output {
    /// Opens what is to be written, before anything is captured.
    pub(super) fn open(args: &Capture, lab: &Lab, plan: &Plan) -> anyhow::Result<Self> {
        let names = LabNames::new(lab);
        Ok(Self {
            reader: reader(args)?,
            stdout: io::stdout(),
            lab_names: names.all(),
            names: (!args.numeric).then_some(names),
            descriptions: Descriptions::new(lab, plan),
            interfaces: Vec::new(),
            longest: 0,
            is_cut: args.snap.is_some(),
            start: None,
            batch: Vec::new(),
        })
    }

    /// Standard output, if that is where frames go.
    pub(super) fn reader(&self) -> Option<BorrowedFd<'_>> {
        let is_file = matches!(self.reader, Reader::Pcapng(To::File(..)));
        (!is_file).then(|| self.stdout.as_fd())
    }

    /// What would make frames smaller, where they could be.
    pub(super) fn remedy(&self) -> &'static str {
        match self.reader {
            Reader::Pcapng(_) if !self.is_cut => ", or keep only the headers of each frame with -s 512",
            _ => "",
        }
    }

    /// Says which interfaces there are.
    pub(super) fn begin(&mut self, interfaces: &[Interface]) -> anyhow::Result<()> {
        if matches!(self.reader, Reader::Pcapng(_)) {
            self.batch = file_begin(&self.lab_names);
        }
        self.know(interfaces)?;
        self.flush()
    }

    /// Says which interfaces there are that were not there before.
    pub(super) fn know(&mut self, interfaces: &[Interface]) -> anyhow::Result<()> {
        for interface in &interfaces[self.interfaces.len()..] {
            let name = format!("{}/{}", interface.place, interface.name);
            if matches!(self.reader, Reader::Pcapng(_)) {
                let description = self.descriptions.of(&interface.place, &interface.name);
                let block =
                    pcapng::Interface { name: &name, description: &description, link: interface.link };
                self.batch.extend(block.block());
            }
            self.longest = self.longest.max(name.chars().count());
            self.interfaces.push(name);
        }
        Ok(())
    }

    /// A frame, which is written with the next [`Output::flush`].
    pub(super) fn frame(&mut self, noted: &Noted<'_>) -> anyhow::Result<()> {
        let Noted { frame, headers, .. } = noted;
        let names: &dyn Names = match &self.names {
            Some(names) => names,
            None => &|_: IpAddr| None,
        };
        let shown = match self.reader {
            Reader::Pcapng(_) => Shown::Whole,
            Reader::Text(_) | Reader::Json => Shown::InWords,
        };
        let notes = noted.mended.notes(frame.original, shown);
        let interface = self.interfaces[frame.interface].as_str();
        let start = *self.start.get_or_insert(frame.time);
        let (direction, time, length) = (frame.direction, frame.time, frame.original);
        let passed = Passed { interface, direction, time, length, headers, notes: &notes };
        match self.reader {
            Reader::Text(stamp) => {
                let (longest, width, style) = (self.longest, ui::output_width(), ui::output_style());
                let text = CaptureText { names, stamp, start, longest, width, style };
                self.batch.extend(text.line(&passed).as_bytes());
                self.batch.push(b'\n');
            }
            Reader::Json => {
                self.batch.extend(capture_json(&passed, names)?.as_bytes());
                self.batch.push(b'\n');
            }
            Reader::Pcapng(_) => {
                let told = summary(headers, length, names);
                let comment = std::iter::once(told).chain(notes).collect::<Vec<_>>().join("; ");
                let interface = u32::try_from(frame.interface).unwrap_or(u32::MAX);
                let (original, bytes) = (length, &frame.bytes);
                let block = pcapng::Frame { interface, time, direction, original, bytes, comment: &comment };
                self.batch.extend(block.block());
            }
        }
        Ok(())
    }

    /// Writes what there is.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        match &mut self.reader {
            Reader::Pcapng(To::File(path, file)) => {
                file.write_all(&self.batch).with_context(|| format!("writing to {}", path.display()))?;
            }
            _ => ui::write(&self.batch)?,
        }
        self.batch.clear();
        Ok(())
    }

    /// Writes how many frames there were and were lost.
    pub(super) fn end(
        &mut self,
        interfaces: &[Interface],
        accepted: &[u64],
        counts: &[(String, Counts)],
    ) -> anyhow::Result<()> {
        if !matches!(self.reader, Reader::Pcapng(_)) {
            return Ok(());
        }
        let time = now();
        let mut told: Vec<&str> = Vec::new();
        for (number, interface) in interfaces.iter().enumerate() {
            let place = interface.place.as_str();
            let lost = counts.iter().find(|(name, _)| name == place).map_or(0, |(_, counts)| counts.dropped);
            // The kernel counts them by namespace: they are said once.
            let (dropped, comment) = match lost {
                0 => (0, String::new()),
                _ if told.contains(&place) => {
                    (0, format!("what {place} lost is said at its first interface"))
                }
                lost => (lost, format!("lost are {lost} frames of any of {place}'s interfaces")),
            };
            told.push(place);
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let accepted = accepted.get(number as usize).copied().unwrap_or(0);
            let comment = &comment;
            let block = pcapng::Statistics { interface: number, time, accepted, dropped, comment };
            self.batch.extend(block.block());
        }
        self.flush()
    }
}

/// How every file begins.
pub(in crate::cmd) fn file_begin(names: &[(IpAddr, String)]) -> Vec<u8> {
    let mut bytes = pcapng::section(concat!("netlab ", env!("CARGO_PKG_VERSION")));
    bytes.extend(pcapng::names(names));
    bytes
}

fn reader(args: &Capture) -> anyhow::Result<Reader> {
    let stamp = match args.stamp {
        StampArg::Relative => Stamp::Relative,
        StampArg::Absolute => Stamp::Absolute,
        StampArg::None => Stamp::Without,
    };
    match (&args.write, args.format) {
        (None, Format::Text) => Ok(Reader::Text(stamp)),
        (None, Format::Json) => Ok(Reader::Json),
        (Some(path), _) if path == Path::new("-") && io::stdout().is_terminal() => Err(usage(
            "-w -: a terminal cannot show pcapng; pipe it, such as `netlab capture -w - | wireshark -k -i -`, \
             or leave -w out",
        )),
        (Some(path), _) if path == Path::new("-") => Ok(Reader::Pcapng(To::Stdout)),
        (Some(path), _) => {
            let file = File::create(path)
                .map_err(|error| usage(format!("-w {}: it cannot be written: {error}", path.display())))?;
            Ok(Reader::Pcapng(To::File(path.clone(), file)))
        }
    }
}
