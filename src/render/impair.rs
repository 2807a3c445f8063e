//! What the cables of a running lab do to frames.

use serde::Serialize;

use super::inspect::table;
use crate::model::{Direction, Impair, Impairment};
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

/// `impaired`, `impaired out`
pub(super) fn words(direction: Direction) -> String {
    match direction {
        Direction::Both => "impaired".into(),
        Direction::Out | Direction::In => format!("impaired {}", direction.word()),
    }
}

/// What happens, value by value: `delay 10ms`, `loss 1%`.
pub(super) fn each(impairment: &Impairment) -> Vec<String> {
    let only = |(value, number)| {
        let mut only = Impair::default();
        only.set(value, Some(number));
        only.to_string()
    };
    impairment.impair.values().map(only).collect()
}

/// A table for people: one line where both directions are the same.
#[must_use]
pub fn impairments_text(impairments: &Impairments) -> String {
    if impairments.impaired.is_empty() {
        return "nothing is impaired\n".into();
    }
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
        let what = if one.impair.is_empty() { BY_HAND.to_owned() } else { one.impair.to_string() };
        rows.push([one.name.clone(), direction.to_owned(), what]);
        rest = if is_both { &others[1..] } else { others };
    }
    let lines = table(["CABLE OF", "DIRECTION", "WHAT HAPPENS"], rows);
    let lines: Vec<String> = lines.iter().map(|line| line.trim_start().to_owned()).collect();
    format!("{}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_netlab_has_no_words_for_is_there_all_the_same() {
        let impaired = Impaired {
            name: "node2".into(),
            direction: CableEnd::Out,
            place: "node2".into(),
            interface: "eth0".into(),
            impair: Impair::default(),
        };
        let text = impairments_text(&Impairments { lab: "lab".into(), impaired: vec![impaired] });
        assert!(text.ends_with("node2     out        something that only `tc qdisc show` tells\n"), "{text}");
    }
}
