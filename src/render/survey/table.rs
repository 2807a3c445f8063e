//! Who reaches whom, as a table: a row asks, a column answers.

use super::Found;
use crate::model::Family;
use crate::probe::Outcome;

/// What stands on the diagonal: nobody asks themselves.
const SELF: &str = "-";
/// What stands for a reply without a TTL.
const REPLY: &str = "ok";
/// What stands for everything that is not a reply.
const NO_REPLY: &str = "x";

/// The table's contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cells {
    /// Who asks and who answers.
    pub names: Vec<String>,
    /// A row for each that asks, a cell for each that answers.
    pub rows: Vec<Vec<String>>,
}

impl Cells {
    /// The TTLs of replies.
    pub fn of(found: &Found<'_>, family: Family) -> Self {
        Self::with(found, family, |outcome| match outcome {
            Outcome::Reply { ttl, .. } => ttl.map_or_else(|| REPLY.to_owned(), |ttl| ttl.to_string()),
            _ => NO_REPLY.to_owned(),
        })
    }

    /// Whatever is to be said of each pair.
    pub fn with(found: &Found<'_>, family: Family, say: impl Fn(&Outcome) -> String) -> Self {
        let places = &found.survey.places;
        let has: Vec<bool> = places.iter().map(|place| place.address.get(family).is_some()).collect();
        let mut rows: Vec<Vec<String>> = vec![vec![String::new(); places.len()]; places.len()];
        for (pair, outcome) in found.survey.pings.iter().zip(found.pings) {
            if pair.family == family {
                rows[pair.from][pair.to] = say(outcome);
            }
        }
        for (place, row) in rows.iter_mut().enumerate() {
            SELF.clone_into(&mut row[place]);
        }
        let keep = |index: &usize| has[*index];
        let kept: Vec<usize> = (0..places.len()).filter(keep).collect();
        Self {
            names: kept.iter().map(|place| places[*place].name.clone()).collect(),
            rows: kept
                .iter()
                .map(|row| kept.iter().map(|column| rows[*row][*column].clone()).collect())
                .collect(),
        }
    }
}

/// The table as aligned text.
pub fn grid(cells: &Cells) -> String {
    let wide = |text: &String| text.chars().count();
    let first = cells.names.iter().map(wide).max().unwrap_or(0);
    let columns = cells.names.iter().enumerate();
    let widths: Vec<usize> = columns
        .map(|(column, name)| {
            cells.rows.iter().map(|row| wide(&row[column])).max().unwrap_or(0).max(wide(name))
        })
        .collect();
    let line = |head: &str, cells: &[String]| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("  {cell:>width$}"));
        format!("{head:first$}{}\n", cells.collect::<String>())
    };
    let rows = cells.names.iter().zip(&cells.rows).map(|(name, row)| line(name, row));
    std::iter::once(line("", &cells.names)).chain(rows).collect()
}
