//! What was typed, from the bytes that a terminal sends for it.

/// Something that was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A character.
    Char(char),
    /// Enter.
    Enter,
    /// An arrow.
    Left,
    /// An arrow.
    Right,
    /// An arrow.
    Up,
    /// An arrow.
    Down,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// A screen up.
    PageUp,
    /// A screen down.
    PageDown,
    /// Escape, alone.
    Escape,
    /// Ctrl-C or Ctrl-\.
    Interrupt,
    /// Ctrl-Z.
    Suspend,
}

/// Bytes of which the end may not be there yet: a key may be several of them.
#[derive(Debug, Default)]
pub(super) struct Typed(Vec<u8>);

const ESCAPE: u8 = 0x1b;

impl Typed {
    /// More was typed.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }

    /// Whether a key has begun that may go on.
    pub(super) fn is_open(&self) -> bool {
        !self.0.is_empty()
    }

    /// The next key that is whole. Bytes that mean none are skipped.
    pub(super) fn next(&mut self) -> Option<Key> {
        while let Some(length) = length(&self.0) {
            let bytes: Vec<u8> = self.0.drain(..length).collect();
            if let Some(key) = key(&bytes) {
                return Some(key);
            }
        }
        None
    }

    /// Nothing follows what has begun: Escape alone is a key too.
    pub(super) fn close(&mut self) -> Option<Key> {
        let bytes = std::mem::take(&mut self.0);
        (bytes == [ESCAPE]).then_some(Key::Escape)
    }
}

/// How many bytes the first key has; none if it is not whole.
fn length(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [] | [ESCAPE] | [ESCAPE, b'O'] => None,
        // Parameters, and a letter or a tilde that ends it (ECMA-48, 5.4).
        [ESCAPE, b'[', rest @ ..] => {
            rest.iter().position(|byte| !(0x20..0x40).contains(byte)).map(|end| end + 3)
        }
        [ESCAPE, b'O', ..] => Some(3),
        _ => Some(1),
    }
}

fn key(bytes: &[u8]) -> Option<Key> {
    Some(match bytes {
        [ESCAPE] => Key::Escape,
        [0x03 | 0x1c] => Key::Interrupt,
        [0x1a] => Key::Suspend,
        [b'\r' | b'\n'] => Key::Enter,
        [byte @ 0x20..=0x7e] => Key::Char(char::from(*byte)),
        // What xterm, rxvt and the Linux console send.
        [ESCAPE, b'[' | b'O', .., b'A'] => Key::Up,
        [ESCAPE, b'[' | b'O', .., b'B'] => Key::Down,
        [ESCAPE, b'[' | b'O', .., b'C'] => Key::Right,
        [ESCAPE, b'[' | b'O', .., b'D'] => Key::Left,
        [ESCAPE, b'[' | b'O', .., b'H'] | [ESCAPE, b'[', b'1' | b'7', b'~'] => Key::Home,
        [ESCAPE, b'[' | b'O', .., b'F'] | [ESCAPE, b'[', b'4' | b'8', b'~'] => Key::End,
        [ESCAPE, b'[', b'5', b'~'] => Key::PageUp,
        [ESCAPE, b'[', b'6', b'~'] => Key::PageDown,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<Key> {
        let mut typed = Typed::default();
        typed.add(bytes);
        std::iter::from_fn(|| typed.next()).collect()
    }

    #[test]
    fn a_key_is_one_byte_or_several() {
        use Key::{Char, Down, End, Enter, Home, Interrupt, Left, PageDown, PageUp, Right, Suspend, Up};
        assert_eq!(all(b"n \r\nq"), [Char('n'), Char(' '), Enter, Enter, Char('q')]);
        assert_eq!(all(b"\x1b[A\x1b[B\x1b[C\x1b[D"), [Up, Down, Right, Left]);
        assert_eq!(all(b"\x1bOC\x1bOD\x1b[1;5C"), [Right, Left, Right]);
        assert_eq!(all(b"\x1b[H\x1b[F\x1b[1~\x1b[4~\x1b[7~\x1b[8~"), [Home, End, Home, End, Home, End]);
        assert_eq!(all(b"\x1b[5~\x1b[6~\x03\x1c\x1a"), [PageUp, PageDown, Interrupt, Interrupt, Suspend]);
    }

    #[test]
    fn what_is_no_key_of_ours_is_skipped() {
        assert_eq!(all(b"\x1b[2~\x1b[?1;2cn\xc3\xa4\x00m"), [Key::Char('n'), Key::Char('m')]);
        assert_eq!(all(b"\x1bn"), [Key::Escape, Key::Char('n')]);
    }

    #[test]
    fn a_key_may_come_in_pieces() {
        let mut typed = Typed::default();
        for piece in [&b"\x1b"[..], b"[", b"1;"] {
            typed.add(piece);
            assert_eq!(typed.next(), None);
            assert!(typed.is_open());
        }
        typed.add(b"5C");
        assert_eq!((typed.next(), typed.is_open()), (Some(Key::Right), false));
    }

    #[test]
    fn escape_alone_is_known_by_what_does_not_follow() {
        let mut typed = Typed::default();
        typed.add(b"\x1b");
        assert_eq!((typed.next(), typed.close()), (None, Some(Key::Escape)));
        typed.add(b"\x1b[");
        assert_eq!((typed.next(), typed.close(), typed.is_open()), (None, None, false));
    }
}
