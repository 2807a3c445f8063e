//! Text that must not be wider than a screen.

use crate::render::report::words::wrap;

/// Breaks text between words, and words that are too long for a line wherever that ends.
pub(super) fn fold(text: &str, width: usize) -> Vec<String> {
    wrap(text, width.max(1)).iter().flat_map(|line| split(line, width)).collect()
}

/// Breaks a line wherever the screen ends. What sets colours takes no room.
pub(super) fn split(line: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let (mut taken, mut is_escape) = (0, false);
    for c in line.chars() {
        is_escape |= c == '\u{1b}';
        if !is_escape && taken == width.max(1) {
            lines.push(String::new());
            taken = 0;
        }
        taken += usize::from(!is_escape);
        // The sequences that are written end with an m.
        is_escape &= c != 'm';
        if let Some(last) = lines.last_mut() {
            last.push(c);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_too_long_is_broken() {
        assert_eq!(fold("a bcdefgh ij", 4), ["a", "bcde", "fgh", "ij"]);
        assert_eq!(fold("", 4), [""]);
        assert_eq!(fold("ab", 0), ["a", "b"]);
    }

    #[test]
    fn colours_take_no_room() {
        assert_eq!(split("\u{1b}[1mabcd\u{1b}[0me", 4), ["\u{1b}[1mabcd\u{1b}[0m", "e"]);
    }
}
