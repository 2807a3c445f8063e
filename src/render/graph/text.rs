//! Boxes and lines: each segment is a bar, what is plugged into it hangs below, and a router that joins two segments
//! stands between their bars.

use super::{
    FABRIC, cbr0_lines, eth0_lines, externals_shown, impaired_lines, ip_lines, labelled, more, more_nodes,
    net_lines, nodes_shown, pods_shown, router_ports, routers,
};
use crate::model::{Lab, Node, Router};
use crate::plan::veth_names;
use crate::render::{data_path, summary};

/// The columns of a terminal of the least common width; wider only where one box is.
const WIDTH: usize = 80;
/// Where a cable meets its box or bar, in columns from the left.
const STEM: usize = 2;

/// The drawing.
pub fn text(lab: &Lab) -> String {
    let mut lines = vec![format!("{}: {}", lab.name, summary(lab)), data_path(lab), String::new()];
    let routers = routers(lab);
    let mut above = None;
    for segment in 0..lab.segments.len() {
        let below = between(&routers, segment);
        lines.extend(draw(lab, &routers, segment, above, below));
        if let Some(router) = below {
            lines.extend(draw_between(lab, router));
        } else if segment + 1 < lab.segments.len() {
            lines.push(String::new());
        }
        above = below;
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The router that can stand between a segment's bar and the next: the first that joins just these two.
fn between(routers: &[Router], segment: usize) -> Option<&Router> {
    routers.iter().find(|router| {
        let mut joins: Vec<usize> = router.ports.iter().map(|port| port.segment).collect();
        joins.sort_unstable();
        joins == [segment, segment + 1]
    })
}

/// Something that hangs from a bar: what is written beside its cable, and what is in its box.
struct Card {
    stem: Vec<String>,
    body: Vec<String>,
}

impl Card {
    fn width(&self) -> usize {
        let body = self.body.iter().map(|line| length(line) + 4).max().unwrap_or(0);
        let stem = self.stem.iter().map(|line| length(line) + STEM + 2).max().unwrap_or(0);
        body.max(stem).max(STEM + 2)
    }

    fn of_node(lab: &Lab, node: &Node) -> Self {
        let mut body = vec![node.name.clone()];
        body.extend(labelled("cbr0", cbr0_lines(lab, node)));
        let (pods, hidden) = pods_shown(node);
        let name = pods.iter().map(|pod| pod.name.len()).max().unwrap_or(0);
        for (number, (pod, veth)) in pods.iter().zip(veth_names(node)).enumerate() {
            let last = number + 1 == pods.len() && hidden == 0;
            let (mark, bar) = if last { ("└─", "  ") } else { ("├─", "│ ") };
            // What follows the first line stands below the pod's name.
            let blank = " ".repeat(length(&veth) + 3);
            let mut ips = ip_lines(&pod.address).into_iter();
            body.push(format!("{mark} {veth} ─ {:name$} {}", pod.name, ips.next().unwrap_or_default()));
            let containers = pod.containers.iter().map(|container| format!("· {}", container.name));
            let impaired = impaired_lines(pod.impair);
            body.extend(ips.chain(containers).chain(impaired).map(|line| format!("{bar} {blank}{line}")));
        }
        if hidden > 0 {
            body.push(format!("└─ {}", more(hidden, "pod")));
        }
        let mut stem = labelled("eth0", eth0_lines(lab, node));
        if stem.is_empty() {
            stem.push("eth0, a port of cbr0".into());
        }
        stem.extend(impaired_lines(node.impair));
        Self { stem, body }
    }

    /// A router as one of its segments sees it.
    fn of_router(lab: &Lab, router: &Router, segment: usize) -> Option<Self> {
        let (here, others): (Vec<_>, Vec<_>) =
            router_ports(router).into_iter().partition(|(place, _)| *place == segment);
        let (_, stem) = here.into_iter().next()?;
        let mut body = vec![format!("{} (router)", router.name)];
        // Hosts are plugged in once, wherever the fabric is seen.
        if router.ports.first().is_some_and(|port| port.segment == segment) {
            body.extend(external_lines(lab, router));
        }
        for (place, port) in others {
            body.push(format!("to segment {}:", lab.segments[place].name));
            body.extend(port.into_iter().map(|line| format!("  {line}")));
        }
        Some(Self { stem, body })
    }
}

/// A segment: its bar, and what hangs from it, in as many rows as it takes. `above` and `below` are the routers that
/// join it to the segments before and after; the cable of the latter passes the boxes on their left.
fn draw(
    lab: &Lab,
    routers: &[Router],
    segment: usize,
    above: Option<&Router>,
    below: Option<&Router>,
) -> Vec<String> {
    let drawn = |router: &Router| [above, below].into_iter().flatten().any(|other| other.name == router.name);
    let routers = routers.iter().filter(|router| !drawn(router));
    let mut cards: Vec<Card> = routers.filter_map(|router| Card::of_router(lab, router, segment)).collect();
    let (nodes, hidden) = nodes_shown(lab, segment);
    cards.extend(nodes.into_iter().map(|node| Card::of_node(lab, node)));
    if !hidden.is_empty() {
        cards.push(Card { stem: Vec::new(), body: more_nodes(&hidden) });
    }

    let beside = above.is_some() || below.is_some();
    let margin = match (beside, below) {
        (true, Some(_)) => "  │ ",
        (true, None) => "    ",
        (false, _) => "",
    };
    let rows = in_rows(cards, WIDTH - length(margin));
    let width = rows.iter().map(|row| row_width(row)).max().unwrap_or(0).max(30);
    let name = &lab.segments[segment].name;
    let mut label = net_lines(&lab.segments[segment].subnet);
    label.extend(impaired_lines(lab.segments[segment].impair));
    let label = labelled(&format!("segment {name} "), label);
    let before = if above.is_some() { "  │ " } else { "" };
    let mut lines: Vec<String> = label.into_iter().map(|line| format!("{before}{line}")).collect();
    for (number, row) in rows.iter().enumerate() {
        let start = match (number, above, below) {
            (1.., ..) => margin,
            (0, None, None) => "",
            (0, Some(_), None) => "══╧═",
            (0, None, Some(_)) => "══╤═",
            (0, Some(_), Some(_)) => "══╪═",
        };
        if number > 0 {
            lines.push(format!("{margin}segment {name}, continued"));
        }
        lines.push(format!("{start}{}", bar(row, width)));
        lines.extend(boxes(row).into_iter().map(|line| format!("{margin}{line}")));
    }
    lines
}

/// The router between two bars, with its cables.
fn draw_between(lab: &Lab, router: &Router) -> Vec<String> {
    let mut ports = router_ports(router);
    ports.sort_by_key(|(segment, _)| *segment);
    let mut cables = ports.into_iter().map(|(_, port)| port);
    let mut body = vec![format!("{} (router)", router.name)];
    body.extend(external_lines(lab, router));
    let width = body.iter().map(|line| length(line)).max().unwrap_or(0);
    let line = "─".repeat(width + 1);
    let beside = |line: String| format!("  │ {line}");
    let mut lines: Vec<String> = cables.next().unwrap_or_default().into_iter().map(beside).collect();
    lines.push(format!("┌─┴{line}┐"));
    lines.extend(body.iter().map(|text| format!("│ {}  │", pad(text, width))));
    lines.push(format!("└─┬{line}┘"));
    lines.extend(cables.next().unwrap_or_default().into_iter().map(beside));
    lines.push("  │".into());
    lines
}

/// The hosts beyond the cluster, which are plugged into the fabric; other routers have none.
fn external_lines(lab: &Lab, router: &Router) -> Vec<String> {
    if router.name != FABRIC {
        return Vec::new();
    }
    let (externals, hidden) = externals_shown(lab);
    let name = externals.iter().map(|external| external.name.len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (number, external) in externals.iter().enumerate() {
        let last = number + 1 == externals.len() && hidden == 0;
        let (mark, bar) = if last { ("└─", "  ") } else { ("├─", "│ ") };
        let addresses = labelled(&format!("{:name$}", external.name), ip_lines(&external.address));
        let mark = |(number, line)| format!("{} {line}", if number == 0 { mark } else { bar });
        lines.extend(addresses.into_iter().enumerate().map(mark));
    }
    if hidden > 0 {
        lines.push(format!("└─ {}", more(hidden, "external host")));
    }
    lines
}

/// Cards side by side, as many in a row as fit; an empty row where there are none.
fn in_rows(cards: Vec<Card>, width: usize) -> Vec<Vec<Card>> {
    let mut rows = vec![Vec::new()];
    let mut used = 0;
    for card in cards {
        if used > 0 && used + 1 + card.width() > width {
            rows.push(Vec::new());
            used = 0;
        }
        used += card.width() + usize::from(used > 0);
        if let Some(row) = rows.last_mut() {
            row.push(card);
        }
    }
    rows
}

fn row_width(row: &[Card]) -> usize {
    row.iter().map(|card| card.width() + 1).sum::<usize>().saturating_sub(1)
}

fn bar(row: &[Card], width: usize) -> String {
    let mut bar: Vec<char> = vec!['═'; width];
    let mut left = 0;
    for card in row {
        bar[left + STEM] = '╤';
        left += card.width() + 1;
    }
    bar.into_iter().collect()
}

/// The boxes of a row with their cables, line by line.
fn boxes(row: &[Card]) -> Vec<String> {
    let stems = row.iter().map(|card| card.stem.len()).max().unwrap_or(0);
    let bodies = row.iter().map(|card| card.body.len()).max().unwrap_or(0);
    let line = |cell: &dyn Fn(&Card) -> String| -> String {
        let cells: Vec<String> = row.iter().map(|card| pad(&cell(card), card.width())).collect();
        cells.join(" ")
    };
    let mut lines: Vec<String> = (0..stems)
        .map(|number| {
            line(&|card| format!("  │ {}", card.stem.get(number).map(String::as_str).unwrap_or_default()))
        })
        .collect();
    if row.is_empty() {
        return lines;
    }
    lines.push(line(&|card| format!("┌─┴{}┐", "─".repeat(card.width() - STEM - 2))));
    // One more line than the tallest box has: its lower edge.
    lines.extend((0..=bodies).map(|number| {
        line(&|card| match card.body.get(number) {
            Some(text) => format!("│ {} │", pad(text, card.width() - 4)),
            None if number == card.body.len() => format!("└{}┘", "─".repeat(card.width() - 2)),
            None => String::new(),
        })
    }));
    lines
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn pad(text: &str, width: usize) -> String {
    format!("{text:width$}")
}
