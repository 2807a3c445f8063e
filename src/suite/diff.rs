//! How what was found differs from what was expected, line by line and within lines.

use similar::{ChangeTag, TextDiff};

use super::{DiffLine, Piece, Side};

/// So many equal lines are shown around each difference.
const CONTEXT: usize = 2;

/// The lines that differ, each with a little of what is around it.
pub fn diff(expected: &str, found: &str) -> Vec<DiffLine> {
    let diff = TextDiff::from_lines(expected, found);
    let mut lines = Vec::new();
    let mut shown_to = 0;
    for group in diff.grouped_ops(CONTEXT) {
        let begins = group.first().map_or(0, |op| op.old_range().start);
        if begins > shown_to {
            lines.push(gap(begins - shown_to));
        }
        for op in &group {
            for change in diff.iter_inline_changes(op) {
                let side = match change.tag() {
                    ChangeTag::Equal => Side::Both,
                    ChangeTag::Delete => Side::Expected,
                    ChangeTag::Insert => Side::Found,
                };
                lines.push(DiffLine { side, pieces: pieces(change.values()) });
            }
            shown_to = op.old_range().end;
        }
    }
    let total = expected.lines().count();
    if !lines.is_empty() && shown_to < total {
        lines.push(gap(total - shown_to));
    }
    lines
}

fn pieces(values: &[(bool, &str)]) -> Vec<Piece> {
    let pieces = values.iter().map(|(changed, text)| Piece {
        text: text.trim_end_matches(['\n', '\r']).to_owned(),
        changed: *changed,
    });
    pieces.filter(|piece| !piece.text.is_empty()).collect()
}

fn gap(lines: usize) -> DiffLine {
    let text = if lines == 1 { "1 equal line".to_owned() } else { format!("{lines} equal lines") };
    DiffLine { side: Side::Gap, pieces: vec![Piece { text, changed: false }] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(lines: &[DiffLine]) -> Vec<String> {
        let mark = |side| match side {
            Side::Both => ' ',
            Side::Expected => '-',
            Side::Found => '+',
            Side::Gap => '~',
        };
        let text = |piece: &Piece| {
            if piece.changed { format!("[{}]", piece.text) } else { piece.text.clone() }
        };
        lines
            .iter()
            .map(|line| format!("{}{}", mark(line.side), line.pieces.iter().map(text).collect::<String>()))
            .collect()
    }

    #[test]
    fn one_changed_word_is_all_that_is_marked() {
        let expected = "a\nb\nc\npod1  64  62\nd\ne\nf\ng\n";
        let found = expected.replace("62", "63");
        let lines = shown(&diff(expected, &found));
        let around = ["~1 equal line", " b", " c", "-pod1  64  [62]", "+pod1  64  [63]", " d", " e"];
        assert_eq!(lines[..7], around);
        assert_eq!(lines[7..], ["~2 equal lines"]);
    }

    #[test]
    fn equal_texts_have_no_difference() {
        assert!(diff("a\nb", "a\nb").is_empty());
    }

    #[test]
    fn against_nothing_everything_is_new() {
        assert_eq!(shown(&diff("", "a\nb\n")), ["+a", "+b"]);
    }
}
