//! What the cables of a running lab do to frames.

use serde::Serialize;

use super::inspect::table;
use crate::model::{Direction, Impair};
use crate::plan::CableEnd;

/// The cables of a lab that do something to frames.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Impairments {
    /// The lab.
    pub lab: String,
    /// The ends of cables where something happens.
    pub impaired: Vec<Impaired>,
}

/// An end of a cable where something happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Impaired {
    /// Whose cable it is, with the port where there are several: `node1`, `router1/eth0`.
    pub name: String,
    /// Whether it happens to what that one sends or to what it gets.
    pub direction: CableEnd,
    /// Where the end is.
    pub place: String,
    /// The interface there.
    pub interface: String,
    /// What happens.
    pub impair: Impair,
}

/// Of a queue that somebody made by hand, to do what netlab has no word for.
const BY_HAND: &str = "something that only `tc qdisc show` tells";

const HEADS: [&str; 3] = ["CABLE OF", "DIRECTION", "WHAT HAPPENS"];
/// Columns of a table are so far apart, and from the edge.
const MARGIN: usize = 2;

/// `impaired`, `impaired out`
pub(super) fn words(direction: Direction) -> String {
    match direction {
        Direction::Both => "impaired".into(),
        Direction::Out | Direction::In => format!("impaired {}", direction.word()),
    }
}

/// What happens, value by value: `delay 10ms`, `loss 1%`.
pub(super) fn each(impair: &Impair) -> Vec<String> {
    let only = |(value, number)| {
        let mut only = Impair::default();
        only.set(value, Some(number));
        only.to_string()
    };
    impair.values().map(only).collect()
}

/// The same in lines of at most `width`, if a single value fits that.
fn in_lines(impair: &Impair, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for value in each(impair) {
        match lines.last_mut() {
            // With two commas: that between them, and one more if others follow.
            Some(line) if line.len() + value.len() + 3 <= width => *line += &format!(", {value}"),
            Some(line) => {
                line.push(',');
                lines.push(value);
            }
            None => lines.push(value),
        }
    }
    lines
}

/// A table for people: one row where both directions are the same. A row is one line, but for where the screen is too narrow.
#[must_use]
pub fn impairments_text(impairments: &Impairments, width: Option<usize>) -> String {
    if impairments.impaired.is_empty() {
        return "nothing is impaired\n".into();
    }
    let names = impairments.impaired.iter().map(|one| one.name.len());
    let before = names.chain([HEADS[0].len()]).max().unwrap_or(0) + HEADS[1].len() + 2 * MARGIN;
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(before));
    let mut rows: Vec<[String; 3]> = Vec::new();
    let mut rest = impairments.impaired.as_slice();
    while let [one, others @ ..] = rest {
        let is_both =
            others.first().is_some_and(|other| (&other.name, other.impair) == (&one.name, one.impair));
        let direction = match one.direction {
            _ if is_both => "both",
            CableEnd::Out => "out",
            CableEnd::In => "in",
        };
        let mut what = in_lines(&one.impair, room).into_iter();
        let first = what.next().unwrap_or_else(|| BY_HAND.to_owned());
        rows.push([one.name.clone(), direction.to_owned(), first]);
        rows.extend(what.map(|more| [String::new(), String::new(), more]));
        rest = if is_both { &others[1..] } else { others };
    }
    let lines = table(HEADS, rows);
    // The margin of other tables.
    let lines: Vec<&str> = lines.iter().map(|line| line.get(MARGIN..).unwrap_or_default()).collect();
    format!("{}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;

    fn text(impair: Impair, width: Option<usize>) -> String {
        let impaired = Impaired {
            name: "node2".into(),
            direction: CableEnd::Out,
            place: "node2".into(),
            interface: "eth0".into(),
            impair,
        };
        impairments_text(&Impairments { lab: "lab".into(), impaired: vec![impaired] }, width)
    }

    #[test]
    fn a_queue_that_netlab_has_no_words_for_is_there_all_the_same() {
        let text = text(Impair::default(), Some(80));
        assert!(text.ends_with("node2     out        something that only `tc qdisc show` tells\n"), "{text}");
    }

    #[test]
    fn all_values_fit_the_screen() {
        let mut all = Impair::default();
        let numbers = [100_000, 10_000, 5000, 10_000_000, 20_000, 250_000, 1];
        Value::ALL.into_iter().zip(numbers).for_each(|(value, number)| all.set(value, Some(number)));
        let wide = text(all, None);
        assert_eq!(wide.lines().count(), 2, "{wide}");
        let narrow = text(all, Some(60));
        assert_eq!(
            narrow,
            "CABLE OF  DIRECTION  WHAT HAPPENS\n\
             node2     out        delay 100ms, jitter 10ms, loss 0.5%,\n\
             \x20                    rate 10mbit, duplicate 2%, reorder 25%,\n\
             \x20                    corrupt 0.0001%\n"
        );
        for width in 45..120 {
            let text = text(all, Some(width));
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}:\n{text}");
        }
    }
}
