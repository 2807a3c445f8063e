//! Some pairs out of very many: counts instead of a table that nobody could read.

use std::fmt::Write as _;

use serde::Serialize;

use super::Matrix;
use crate::model::Family;
use crate::probe::Attempt;
use crate::render::survey::{
    OfKind, OfNode, Share, by_node, exceptions, kinds_or_grid, lines, of_kinds, troubled,
};
use crate::suite::Role;

/// So many pairs without a reply are rows of a document.
const ROWS: usize = 20;

pub(super) fn text(matrix: &Matrix<'_>) -> String {
    let mut out = String::new();
    for family in matrix.families {
        let _ = writeln!(out, "{}\n", title(matrix, *family));
        out.push_str(&kinds_or_grid(&matrix.found, *family));
        out.push_str(&exceptions(&matrix.found, *family, matrix.names));
        out.push('\n');
    }
    let _ = writeln!(out, "{}", score(matrix));
    out
}

/// Kinds, nodes that something is wrong with, and the first of the pairs.
pub(super) fn markdown(matrix: &Matrix<'_>) -> String {
    let mut out = String::new();
    for family in matrix.families {
        let _ = writeln!(
            out,
            "{}\n\n| kind | asked | of | replied |\n|---|---:|---:|---:|",
            title(matrix, *family)
        );
        for OfKind { kind, asked, of, replied, .. } in of_kinds(&matrix.found, *family) {
            let _ = writeln!(out, "| {kind} | {asked} | {of} | {replied} |");
        }
        out.push('\n');
        let nodes = troubled(&matrix.found, &[*family]);
        if !nodes.is_empty() {
            out.push_str("| node | from there | replied | to there | replied |\n|---|---:|---:|---:|---:|\n");
            for OfNode { node, from, to } in nodes {
                let _ = writeln!(
                    out,
                    "| {node} | {} | {} | {} | {} |",
                    from.asked, from.replied, to.asked, to.replied
                );
            }
            out.push('\n');
        }
        let lines = lines(&matrix.found, *family, matrix.names);
        lines.iter().take(ROWS).for_each(|line| _ = writeln!(out, "- {}", line.text));
        if lines.len() > ROWS {
            let _ = writeln!(out, "- … and {} more", lines.len() - ROWS);
        }
        if !lines.is_empty() {
            out.push('\n');
        }
    }
    let _ = writeln!(out, "{}", score(matrix));
    out
}

/// A row for each pair that was asked.
pub(super) fn csv(matrix: &Matrix<'_>) -> String {
    let mut out = String::from("family,from,to,answer\n");
    let survey = matrix.found.survey;
    for (pair, outcome) in survey.pings.iter().zip(matrix.found.pings) {
        let (from, to) = (&survey.places[pair.from].name, &survey.places[pair.to].name);
        let _ = writeln!(out, "{},{from},{to},{}", pair.family.name(), super::word(outcome));
    }
    out
}

/// What was asked, for programs.
#[derive(Debug, Serialize)]
pub struct SomeReport<'a> {
    kinds: Vec<KindReport>,
    nodes: Vec<NodeReport<'a>>,
}

#[derive(Debug, Serialize)]
struct KindReport {
    family: &'static str,
    kind: &'static str,
    asked: usize,
    /// How many there are.
    of: usize,
    replied: usize,
}

#[derive(Debug, Serialize)]
struct NodeReport<'a> {
    node: &'a str,
    from: ShareReport,
    to: ShareReport,
}

#[derive(Debug, Serialize)]
struct ShareReport {
    asked: usize,
    replied: usize,
}

impl From<Share> for ShareReport {
    fn from(Share { asked, replied }: Share) -> Self {
        Self { asked, replied }
    }
}

pub(super) fn report<'a>(matrix: &Matrix<'a>) -> Option<SomeReport<'a>> {
    matrix.found.survey.whole.as_ref()?;
    let of_family = |family: &Family| {
        let family = *family;
        of_kinds(&matrix.found, family).into_iter().map(move |OfKind { kind, asked, of, replied, .. }| {
            KindReport { family: family.name(), kind, asked, of, replied }
        })
    };
    let kinds = matrix.families.iter().flat_map(of_family).collect();
    let nodes = by_node(&matrix.found, matrix.families);
    let node = |OfNode { node, from, to }| NodeReport { node, from: from.into(), to: to.into() };
    Some(SomeReport { kinds, nodes: nodes.into_iter().map(node).collect() })
}

fn title(matrix: &Matrix<'_>, family: Family) -> String {
    let of_family = if matrix.families.len() > 1 { format!(", {}", family.name()) } else { String::new() };
    let what = match matrix.attempt {
        Attempt::Tcp { port } => format!("TCP connections to port {port}"),
        Attempt::Udp { port } => format!("UDP requests to port {port}"),
        Attempt::Ping { .. } | Attempt::Traceroute(_) => "ping".to_owned(),
    };
    let survey = matrix.found.survey;
    let is_gateway = |place: usize| survey.places[place].role == Role::Gateway;
    let any = |gateways: bool| survey.pings.iter().any(|pair| is_gateway(pair.to) == gateways);
    let asked = match (any(false), any(true)) {
        (true, true) => "every pod's gateway, and some pairs of pods",
        (true, false) => "some pairs of pods",
        _ => "every pod's gateway",
    };
    format!("{what}{of_family}: {asked}")
}

fn score(matrix: &Matrix<'_>) -> String {
    let lab = matrix.lab;
    match matrix.score() {
        (replied, asked) if replied == asked => format!("all {asked} that were asked in {lab} replied"),
        (replied, asked) => {
            format!("{replied} of {asked} that were asked in {lab} replied, {} did not", asked - replied)
        }
    }
}
