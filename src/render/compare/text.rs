//! A comparison for people: the table, the way and the frame of each data path, and what the columns mean.

use super::legend::legend;
use super::table::{COLUMNS, Column};
use super::{failures, layers, measured, path, reason, title};
use crate::compare::{Comparison, Measured, OnWire, Row};
use crate::model::DataPath;
use crate::render::report::words::{visible, wrap};

/// Between two columns, and between two groups of them.
const GAP: usize = 1;
const WIDE_GAP: usize = 2;
/// The narrowest column of text that can still be read.
const NARROW: usize = 24;

/// The whole comparison, in lines of at most `width` where that can be.
pub fn text(comparison: &Comparison, width: usize) -> String {
    let mut lines = vec![title(comparison), String::new()];
    if measured(comparison).next().is_none() {
        let reasons = comparison.rows.iter().filter_map(|row| Some((row.data_path.word(), reason(row)?)));
        lines.extend(section("not compared", reasons.map(|(name, why)| (name, why.to_owned())), width));
    } else {
        let table = table(comparison, width);
        lines.extend(table.unwrap_or_else(|| list(comparison, width)));
        lines.extend(details(comparison, width));
        lines.extend(section("what this says", legend(comparison).into_iter(), width));
    }
    let end = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    lines[..end].iter().fold(String::new(), |text, line| text + line + "\n")
}

/// The figures, a data path in each row; none where that is too wide.
fn table(comparison: &Comparison, width: usize) -> Option<Vec<String>> {
    let rows: Vec<(&Row, Vec<String>)> =
        comparison.rows.iter().map(|row| (row, cells(row, comparison))).collect();
    let names = rows.iter().map(|(row, _)| row.data_path.word().len());
    let first = names.chain(["data path".len()]).max().unwrap_or(0);
    let widths = widths(&rows);
    let line = |name: &str, cells: &[String]| {
        let mut line = format!("{name:first$}");
        for (at, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            line += &format!("{:1$}{cell:>width$}", "", if begins_group(at) { WIDE_GAP } else { GAP });
        }
        line
    };
    let mut groups = " ".repeat(first);
    for at in (0..COLUMNS.len()).filter(|at| begins_group(*at)) {
        groups += &format!("{:WIDE_GAP$}{:>2$}", "", COLUMNS[at].group, room(&widths, at));
    }
    let heads: Vec<String> = COLUMNS.iter().map(|column| column.head.to_owned()).collect();
    let mut lines = vec![groups, line("data path", &heads)];
    for (row, cells) in &rows {
        match reason(row) {
            None => lines.push(line(row.data_path.word(), cells)),
            Some(why) => lines.extend(hanging(row.data_path.word(), first, why, width)),
        }
    }
    lines.push(String::new());
    lines.iter().all(|line| line.chars().count() <= width).then_some(lines)
}

/// What a row has in each column; nothing where nothing was measured.
fn cells(row: &Row, comparison: &Comparison) -> Vec<String> {
    let cells = |of| COLUMNS.iter().map(|column| (column.cell)(of, comparison)).collect();
    row.measured().map(cells).unwrap_or_default()
}

fn begins_group(at: usize) -> bool {
    at == 0 || COLUMNS[at].group != COLUMNS[at - 1].group
}

/// How wide the columns are of the group that begins there.
fn room(widths: &[usize], at: usize) -> usize {
    let span = COLUMNS[at..].iter().take_while(|column| column.group == COLUMNS[at].group).count();
    widths[at..at + span].iter().sum::<usize>() + GAP * (span - 1)
}

fn widths(rows: &[(&Row, Vec<String>)]) -> Vec<usize> {
    let mut widths: Vec<usize> = COLUMNS.iter().map(|column| column.head.len()).collect();
    for (_, cells) in rows {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.len());
        }
    }
    for at in (0..COLUMNS.len()).filter(|at| begins_group(*at)) {
        widths[at] += COLUMNS[at].group.len().saturating_sub(room(&widths, at));
    }
    widths
}

/// The figures one below the other, for narrow terminals.
fn list(comparison: &Comparison, width: usize) -> Vec<String> {
    let name = |column: &Column| format!("{} {}", column.group, column.head).trim().to_owned();
    let first = COLUMNS.iter().map(|column| name(column).len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for row in &comparison.rows {
        lines.push(row.data_path.word().to_owned());
        lines.extend(reason(row).into_iter().flat_map(|why| hanging("", 0, why, width)));
        for (column, cell) in COLUMNS.iter().zip(cells(row, comparison)) {
            lines.push(format!("  {:first$}  {cell}", name(column)));
        }
        lines.push(String::new());
    }
    lines
}

/// A name in a column of its own, and text of as many lines as it takes beside it.
fn hanging(name: &str, first: usize, text: &str, width: usize) -> Vec<String> {
    let room = width.saturating_sub(first + WIDE_GAP).max(NARROW);
    let text = visible(text.trim_end());
    let lines = text.lines().flat_map(|line| wrap(line.trim_start(), room)).enumerate();
    lines.map(|(at, line)| format!("{:first$}  {line}", if at == 0 { name } else { "" })).collect()
}

/// What no column has room for.
fn details(comparison: &Comparison, width: usize) -> Vec<String> {
    let pair = &comparison.pair;
    let failures =
        measured(comparison).flat_map(|(name, of)| failures(of).into_iter().map(move |line| (name, line)));
    let paths = measured(comparison).filter_map(|(name, of)| Some((name, path(of.path.as_ref().ok()?))));
    let plain = plain_ping(comparison);
    let frames =
        measured(comparison).filter_map(|(name, of)| Some((name, frame(of.ping.as_ref().ok()?, plain))));
    let fabric = measured(comparison).filter_map(|(name, of)| Some((name, fabric(of)?)));
    let more = if plain.is_some() { " (and how many more than on host-gw)" } else { "" };
    let head = format!("the ping's frame on {}'s eth0, in bytes{more}", pair.from.node);
    let mut lines = section("could not be measured", failures, width);
    lines.extend(section("hops", paths, width));
    lines.extend(section(&head, frames, width));
    lines.extend(section("entries in the fabric", fabric, width));
    lines
}

/// Bytes of the ping's frame where nothing is added to it; none where there is nothing to compare with that.
fn plain_ping(comparison: &Comparison) -> Option<usize> {
    let host_gw = comparison.rows.iter().find(|row| row.data_path == DataPath::HostGw)?;
    let plain = host_gw.measured()?.ping.as_ref().ok()?.wire_bytes;
    (comparison.rows.len() > 1).then_some(plain)
}

/// `148 (+50): Ethernet 14, IPv4 20, UDP 8, VXLAN 8, …`
fn frame(ping: &OnWire, plain: Option<usize>) -> String {
    let bytes = ping.wire_bytes;
    let more = plain.and_then(|plain| bytes.checked_sub(plain)).filter(|more| *more > 0);
    let more = more.map(|more| format!(" (+{more})")).unwrap_or_default();
    format!("{bytes}{more}: {}", layers(ping))
}

fn fabric(of: &Measured) -> Option<String> {
    let fabric = of.entries.as_ref().ok()?.iter().find(|entries| !entries.is_node)?;
    let counts = [(fabric.routes, "routes"), (fabric.fdb, "FDB"), (fabric.neighbours, "neighbours")];
    let words: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{what} {count}"))
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// A heading, and a line or more for each name; nothing where there is none.
fn section<'a>(head: &str, entries: impl Iterator<Item = (&'a str, String)>, width: usize) -> Vec<String> {
    let entries: Vec<(&str, String)> = entries.collect();
    if entries.is_empty() {
        return Vec::new();
    }
    let first = entries.iter().map(|(name, _)| name.len() + 2).max().unwrap_or(0);
    let lines = entries.iter().flat_map(|(name, text)| hanging(&format!("  {name}"), first, text, width));
    std::iter::once(head.to_owned()).chain(lines).chain([String::new()]).collect()
}
