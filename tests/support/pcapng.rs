//! A reader of pcapng files (draft-ietf-opsawg-pcapng) that shares nothing with the writer but the draft.

/// What a file says.
#[derive(Debug, Default)]
pub struct Capture {
    pub application: String,
    pub interfaces: Vec<Interface>,
    pub frames: Vec<Frame>,
    /// Accepted and dropped, by interface.
    pub statistics: Vec<(usize, u64, u64)>,
    /// Addresses as bytes, and their names.
    pub names: Vec<(Vec<u8>, String)>,
}

#[derive(Debug)]
pub struct Interface {
    pub name: String,
    pub description: String,
    pub link: u16,
    pub resolution: u8,
}

#[derive(Debug)]
pub struct Frame {
    pub interface: usize,
    pub time: u64,
    /// 1 is in, 2 is out.
    pub direction: u32,
    pub comment: String,
    pub original: usize,
    pub bytes: Vec<u8>,
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().expect("two bytes"))
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// Codes and values, up to the end or the mark of it.
fn options(mut bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut found = Vec::new();
    while bytes.len() >= 4 && short(bytes, 0) != 0 {
        let length = usize::from(short(bytes, 2));
        found.push((short(bytes, 0), bytes[4..4 + length].to_vec()));
        bytes = &bytes[4 + length.next_multiple_of(4)..];
    }
    found
}

fn text(options: &[(u16, Vec<u8>)], code: u16) -> String {
    let found = options.iter().find(|(found, _)| *found == code);
    found.map(|(_, value)| String::from_utf8(value.clone()).expect("text")).unwrap_or_default()
}

fn number(options: &[(u16, Vec<u8>)], code: u16) -> u64 {
    let found = options.iter().find(|(found, _)| *found == code).expect("a number");
    u64::from_le_bytes(found.1.clone().try_into().expect("eight bytes"))
}

/// Reads a file, every byte of which must belong to a block.
pub fn read(mut bytes: &[u8]) -> Capture {
    let mut capture = Capture::default();
    while !bytes.is_empty() {
        let (kind, length) = (word(bytes, 0), word(bytes, 4) as usize);
        assert_eq!(length % 4, 0, "a block's length");
        assert_eq!(word(bytes, length - 4) as usize, length, "a block's length at its end");
        block(&mut capture, kind, &bytes[8..length - 4]);
        bytes = &bytes[length..];
    }
    capture
}

fn block(capture: &mut Capture, kind: u32, body: &[u8]) {
    match kind {
        0x0a0d_0d0a => {
            assert_eq!((word(body, 0), short(body, 4)), (0x1a2b_3c4d, 1), "byte order and version");
            capture.application = text(&options(&body[16..]), 4);
        }
        1 => {
            let options = options(&body[8..]);
            let resolution = options.iter().find(|(code, _)| *code == 9).map_or(6, |(_, value)| value[0]);
            let (name, description) = (text(&options, 2), text(&options, 3));
            capture.interfaces.push(Interface { name, description, link: short(body, 0), resolution });
        }
        4 => {
            let mut records = body;
            while short(records, 0) != 0 {
                let (address, length) =
                    (if short(records, 0) == 1 { 4 } else { 16 }, usize::from(short(records, 2)));
                let name = String::from_utf8(records[4 + address..4 + length - 1].to_vec()).expect("text");
                capture.names.push((records[4..4 + address].to_vec(), name));
                records = &records[4 + length.next_multiple_of(4)..];
            }
        }
        5 => {
            let options = options(&body[12..]);
            capture.statistics.push((word(body, 0) as usize, number(&options, 6), number(&options, 5)));
        }
        6 => {
            let kept = word(body, 12) as usize;
            let options = options(&body[20 + kept.next_multiple_of(4)..]);
            let flags = options.iter().find(|(code, _)| *code == 2).map_or(0, |(_, value)| word(value, 0));
            let interface = word(body, 0) as usize;
            assert!(interface < capture.interfaces.len(), "a frame of an interface that comes before it");
            capture.frames.push(Frame {
                interface,
                time: u64::from(word(body, 4)) << 32 | u64::from(word(body, 8)),
                direction: flags & 3,
                comment: text(&options, 1),
                original: word(body, 16) as usize,
                bytes: body[20..20 + kept].to_vec(),
            });
        }
        other => panic!("a block of kind {other}"),
    }
}
