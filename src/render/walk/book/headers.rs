//! The packet before a step and after it, header by header, with what is different marked.

use super::{Size, fold::fold};
use crate::diag::Style;
use crate::render::report::paint::{Paint, paint};
use crate::render::walk::story::{LayerTold, Mac, StepTold};

/// Columns that it takes to put both next to each other.
const BOTH: usize = 70;
/// Columns of what a line begins with: a mark, and the header's name.
const MARK: usize = 2;
const NAME: usize = 10;

/// Lines of a header that may be there: from whom, for whom, the same of IP, the rest of IP, and what that carries.
const LINES: usize = 6;

/// What a line of a header begins with, and what it says.
type Line = (&'static str, String);

/// What a line is, compared with its counterpart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum News {
    Same,
    New,
    Gone,
}

pub(super) fn headers(before: Option<&StepTold>, now: &StepTold, size: Size) -> Vec<String> {
    let called = |step: &StepTold| {
        format!("{} {} {}, {} bytes", step.place, step.interface, step.direction.word(), step.bytes)
    };
    let Some(before) = before else {
        let width = size.columns;
        let lines = aligned(&[], &lines(now)).into_iter().flat_map(|(_, line)| line);
        let mut said =
            vec![paint(&format!("here it begins: {} bytes", now.bytes), Paint::Strong, size.style)];
        said.extend(lines.flat_map(|line| shown(&line, News::Same, width, size.style)).map(|(text, _)| text));
        return said;
    };
    let pairs = aligned(&lines(before), &lines(now));
    let titles = [format!("before: {}", called(before)), format!("now: {}", called(now))];
    if size.columns < BOTH { below(&titles, &pairs, size) } else { beside(&titles, &pairs, size) }
}

/// One below the other.
fn below(titles: &[String; 2], pairs: &[Pair], size: Size) -> Vec<String> {
    let mut said = Vec::new();
    let mut block = |title: &str, which: fn(&Pair) -> (&Option<Line>, News)| {
        let title = fold(title, size.columns);
        said.extend(title.iter().map(|line| paint(line, Paint::Strong, size.style)));
        for (line, news) in pairs.iter().map(which) {
            let shown = line.iter().flat_map(|line| shown(line, news, size.columns, size.style));
            said.extend(shown.map(|(text, _)| text));
        }
    };
    block(&titles[0], |pair| (&pair.0, news(pair, News::Gone)));
    block(&titles[1], |pair| (&pair.1, news(pair, News::New)));
    said
}

/// Next to each other.
fn beside(titles: &[String; 2], pairs: &[Pair], size: Size) -> Vec<String> {
    let width = (size.columns - 3) / 2;
    let title = |text: &String| -> Vec<(String, usize)> {
        let strong = |line: &String| (paint(line, Paint::Strong, size.style), line.chars().count());
        fold(text, width).iter().map(strong).collect()
    };
    let mut said = zipped(&title(&titles[0]), &title(&titles[1]), width);
    for pair in pairs {
        let side = |line: &Option<Line>, news: News| -> Vec<(String, usize)> {
            line.iter().flat_map(|line| shown(line, news, width, size.style)).collect()
        };
        let (left, right) = (side(&pair.0, news(pair, News::Gone)), side(&pair.1, news(pair, News::New)));
        said.extend(zipped(&left, &right, width));
    }
    said
}

fn zipped(left: &[(String, usize)], right: &[(String, usize)], width: usize) -> Vec<String> {
    let rows = left.len().max(right.len());
    let side = |lines: &[(String, usize)], row: usize| lines.get(row).cloned().unwrap_or_default();
    (0..rows)
        .map(|row| {
            let ((left, taken), (right, _)) = (side(left, row), side(right, row));
            let line = format!("{left}{:1$} │ {right}", "", width.saturating_sub(taken));
            line.trim_end().to_owned()
        })
        .collect()
}

/// A line and its counterpart, if they have one.
type Pair = (Option<Line>, Option<Line>);

/// What a line of such a pair is: what it is called where it is not the same.
fn news((before, now): &Pair, otherwise: News) -> News {
    match (before, now, otherwise) {
        (Some(before), Some(now), _) if before == now => News::Same,
        // Of what has another value now, the new one is marked.
        (Some(_), Some(_), News::Gone) => News::Same,
        _ => otherwise,
    }
}

/// The lines of a packet, those of each header together, from the outside to the inside.
fn lines(step: &StepTold) -> Vec<[Option<Line>; LINES]> {
    // Addresses are named as they are elsewhere on this walk.
    let is_raw = step
        .layers
        .first()
        .and_then(|layer| layer.ethernet.as_ref())
        .is_some_and(|macs| step.macs.as_ref().is_some_and(|said| said.contains(&macs[0].address)));
    step.layers.iter().map(|layer| layer_lines(layer, is_raw)).collect()
}

fn layer_lines(layer: &LayerTold, is_raw: bool) -> [Option<Line>; LINES] {
    let mac = |mac: &Mac| match &mac.owner {
        Some(owner) if !is_raw => owner.clone(),
        _ => mac.address.clone(),
    };
    let end = |end: &crate::render::Endpoint| match &end.name {
        Some(name) => format!("{} {name}", end.address),
        None => end.address.to_string(),
    };
    let macs = layer.ethernet.as_ref();
    let ip = layer.ip.as_ref();
    let name = if ip.is_some_and(|ip| ip.from.address.is_ipv6()) { "IPv6" } else { "IPv4" };
    let rest = ip.map(|ip| {
        let whole = if ip.dont_fragment && name == "IPv4" { ", DF" } else { "" };
        format!("TTL {}, {} bytes{whole}", ip.ttl, ip.length)
    });
    [
        macs.map(|macs| ("Ethernet", mac(&macs[0]))),
        macs.map(|macs| ("       →", mac(&macs[1]))),
        ip.map(|ip| (name, end(&ip.from))),
        ip.map(|ip| ("       →", end(&ip.to))),
        rest.map(|rest| ("", rest)),
        Some(("", layer.carries.clone())).filter(|(_, carries)| !carries.is_empty()),
    ]
}

/// Each line with its counterpart. What is wrapped is compared with what it was before: headers are counted from the inside.
fn aligned(before: &[[Option<Line>; LINES]], now: &[[Option<Line>; LINES]]) -> Vec<Pair> {
    let depth = before.len().max(now.len());
    let header = |lines: &[[Option<Line>; LINES]], number: usize| -> [Option<Line>; LINES] {
        let at = (number + lines.len()).checked_sub(depth);
        at.and_then(|at| lines.get(at).cloned()).unwrap_or_default()
    };
    (0..depth)
        .flat_map(|number| header(before, number).into_iter().zip(header(now, number)))
        .filter(|(before, now)| before.is_some() || now.is_some())
        .collect()
}

/// A line as it is printed, folded, with how wide each of them is.
fn shown((name, text): &Line, news: News, width: usize, style: Style) -> Vec<(String, usize)> {
    let (mark, how) = match news {
        News::Same => (" ", Paint::Plain),
        News::New => ("*", Paint::New),
        News::Gone => ("-", Paint::Gone),
    };
    let begin = format!("{mark:<MARK$}{name:<NAME$}");
    let folded = fold(text, width.saturating_sub(MARK + NAME));
    let line = |(number, text): (usize, &String)| {
        let begin = if number == 0 { begin.clone() } else { " ".repeat(MARK + NAME) };
        let whole = format!("{begin}{text}");
        let length = whole.chars().count();
        (paint(&whole, how, style), length)
    };
    folded.iter().enumerate().map(line).collect()
}
