//! Captures as Wireshark and its like read them: the blocks of a pcapng file (draft-ietf-opsawg-pcapng), as bytes.
//!
//! A file is a section header, a block for each interface, then a block for each frame, and last the interfaces'
//! statistics. Numbers have their least significant byte first, as the section header says.

use std::net::IpAddr;

/// Types of blocks.
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const NAMES: u32 = 4;
const STATISTICS: u32 = 5;
const FRAME: u32 = 6;

/// Records of a block of names.
const NAMES_IPV4: u16 = 1;
const NAMES_IPV6: u16 = 2;

/// Options, which mean different things in different blocks.
const COMMENT: u16 = 1;
const SECTION_APPLICATION: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const INTERFACE_DESCRIPTION: u16 = 3;
const INTERFACE_RESOLUTION: u16 = 9;
const FRAME_FLAGS: u16 = 2;
const STATISTICS_DROPPED: u16 = 5;
const STATISTICS_ACCEPTED: u16 = 6;

/// Times count units of 10⁻⁹ s.
const NANOSECONDS: u8 = 9;
/// A reader sees from its bytes how this file has its numbers.
const BYTE_ORDER: u32 = 0x1a2b_3c4d;

/// What an interface's frames begin with, by the numbers of tcpdump.org/linktypes.html.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkType {
    /// An Ethernet header.
    Ethernet,
    /// An IP header.
    RawIp,
}

/// An interface, as the file describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interface<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is, in words; empty where there is nothing to say.
    pub description: &'a str,
    /// What its frames begin with.
    pub link: LinkType,
}

/// Which way a frame went, as its interface sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It came in.
    In,
    /// It left.
    Out,
}

/// A frame that was captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The interface, by its place among those written before.
    pub interface: u32,
    /// When it passed, in nanoseconds since 1970.
    pub time: u64,
    /// Which way.
    pub direction: Direction,
    /// How long it was in bytes, if not all of it is here.
    pub original: usize,
    /// What is here of it.
    pub bytes: &'a [u8],
    /// What there is to say about it; empty for nothing.
    pub comment: &'a str,
}

/// How many frames there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics<'a> {
    /// The interface, by its place among those written before.
    pub interface: u32,
    /// When they were counted, in nanoseconds since 1970.
    pub time: u64,
    /// How many passed that were wanted, and are in the file.
    pub accepted: u64,
    /// How many more found no room, and are not.
    pub dropped: u64,
    /// What there is to say about the numbers; empty for nothing.
    pub comment: &'a str,
}

/// Begins a file: written by that program.
pub fn section(application: &str) -> Vec<u8> {
    let mut block = Block::new(SECTION);
    block.number(BYTE_ORDER);
    // Version 1.0 of the format.
    block.short(1).short(0);
    // Nobody knows yet how long it will be.
    block.bytes.extend(u64::MAX.to_le_bytes());
    block.text(SECTION_APPLICATION, application);
    block.end()
}

/// What addresses are called (a name resolution block), for readers that show names.
pub fn names(names: &[(IpAddr, String)]) -> Vec<u8> {
    let mut block = Block::new(NAMES);
    for (address, name) in names {
        let (kind, address) = match address {
            IpAddr::V4(address) => (NAMES_IPV4, address.octets().to_vec()),
            IpAddr::V6(address) => (NAMES_IPV6, address.octets().to_vec()),
        };
        // Records look like options; a name ends with a zero.
        block.option(kind, &[&address, name.as_bytes(), &[0]].concat());
    }
    // The end of the records.
    block.has_options = false;
    block.short(0).short(0);
    block.end()
}

impl Interface<'_> {
    /// Its block. The first one written is interface 0.
    pub fn block(&self) -> Vec<u8> {
        let mut block = Block::new(INTERFACE);
        let link = match self.link {
            LinkType::Ethernet => 1,
            LinkType::RawIp => 101,
        };
        block.short(link).short(0);
        // Frames may have any length.
        block.number(0);
        block.text(INTERFACE_NAME, self.name);
        block.text(INTERFACE_DESCRIPTION, self.description);
        block.option(INTERFACE_RESOLUTION, &[NANOSECONDS]);
        block.end()
    }
}

impl Frame<'_> {
    /// Its block.
    pub fn block(&self) -> Vec<u8> {
        let mut block = Block::new(FRAME);
        block.bytes.reserve(self.bytes.len() + self.comment.len() + 64);
        block.number(self.interface);
        block.time(self.time);
        block.number(number(self.bytes.len())).number(number(self.original));
        block.padded(self.bytes);
        block.text(COMMENT, self.comment);
        // The two lowest bits: 1 is in, 2 is out.
        let direction: u32 = match self.direction {
            Direction::In => 1,
            Direction::Out => 2,
        };
        block.option(FRAME_FLAGS, &direction.to_le_bytes());
        block.end()
    }
}

impl Statistics<'_> {
    /// Their block.
    pub fn block(&self) -> Vec<u8> {
        let mut block = Block::new(STATISTICS);
        block.number(self.interface);
        block.time(self.time);
        block.text(COMMENT, self.comment);
        block.option(STATISTICS_DROPPED, &self.dropped.to_le_bytes());
        block.option(STATISTICS_ACCEPTED, &self.accepted.to_le_bytes());
        block.end()
    }
}

/// A block that is being written: its type, its length, what is in it, options, and its length again.
struct Block {
    bytes: Vec<u8>,
    has_options: bool,
}

impl Block {
    fn new(kind: u32) -> Self {
        let mut bytes = kind.to_le_bytes().to_vec();
        // The length is filled in at the end.
        bytes.extend([0; 4]);
        Self { bytes, has_options: false }
    }

    fn short(&mut self, value: u16) -> &mut Self {
        self.bytes.extend(value.to_le_bytes());
        self
    }

    fn number(&mut self, value: u32) -> &mut Self {
        self.bytes.extend(value.to_le_bytes());
        self
    }

    /// Of a time, the upper half comes first.
    fn time(&mut self, nanoseconds: u64) {
        let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        self.number(half(nanoseconds >> 32)).number(half(nanoseconds));
    }

    /// Everything begins at a multiple of four bytes.
    fn padded(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.short(code).short(length);
        self.padded(&value[..usize::from(length)]);
        self.has_options = true;
    }

    /// An option that is text; nothing where the text is empty.
    fn text(&mut self, code: u16, text: &str) {
        if !text.is_empty() {
            self.option(code, text.as_bytes());
        }
    }

    fn end(mut self) -> Vec<u8> {
        if self.has_options {
            self.short(0).short(0);
        }
        let length = number(self.bytes.len() + 4);
        self.number(length);
        self.bytes[4..8].copy_from_slice(&length.to_le_bytes());
        self.bytes
    }
}

fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
