//! Where on its way a packet is: the places in a row, and the interfaces of the one where it is.

use super::{Size, fold::split};
use crate::render::report::paint::{Paint, paint};
use crate::render::walk::story::{StepTold, Story, Way, WayKind};

/// Columns before the places.
const INDENT: usize = 9;

/// Something in a row, and whether it is the one.
type Mark<'a> = (&'a str, bool);

pub(super) fn path(story: &Story, way: &Way, here: &StepTold, size: Size) -> Vec<String> {
    let visits: Vec<&[StepTold]> = way.steps.chunk_by(|one, other| one.place == other.place).collect();
    let is_here = |visit: &[StepTold]| visit.iter().any(|step| step.number == here.number);
    let places: Vec<Mark<'_>> =
        visits.iter().map(|visit| (visit[0].place.as_str(), is_here(visit))).collect();
    let is_lost = story.lost.as_ref().and_then(|lost| lost.after_step);
    let end = if is_lost.is_some_and(|step| way.steps.iter().any(|it| it.number == step)) {
        " ──x"
    } else {
        ""
    };
    let title = match way.kind {
        WayKind::Request => "REQUEST",
        WayKind::Reply => "REPLY",
        WayKind::Error => "ERROR",
    };
    let mut lines = row(&format!("{title:<INDENT$}"), &places, " ── ", end, size);
    let visit = visits.iter().find(|visit| is_here(visit));
    let interfaces: Vec<Mark<'_>> = visit
        .iter()
        .flat_map(|visit| visit.iter())
        .map(|step| (step.interface.as_str(), step.number == here.number))
        .collect();
    lines.extend(row(&" ".repeat(INDENT), &interfaces, " → ", "", size));
    lines
}

/// Things in a row, folded between them, the one in brackets.
fn row(begin: &str, marks: &[Mark<'_>], between: &str, end: &str, size: Size) -> Vec<String> {
    let mut lines = vec![begin.to_owned()];
    let mut taken = begin.chars().count();
    for (number, (name, is_it)) in marks.iter().enumerate() {
        let text = if *is_it { format!("[{name}]") } else { (*name).to_owned() };
        let after = if number + 1 < marks.len() { between } else { end };
        let length = text.chars().count() + after.chars().count();
        if taken > INDENT && taken + length > size.columns {
            lines.push(" ".repeat(INDENT));
            taken = INDENT;
        }
        taken += length;
        let how = if *is_it { Paint::Strong } else { Paint::Plain };
        if let Some(line) = lines.last_mut() {
            line.push_str(&paint(&text, how, size.style));
            line.push_str(after);
        }
    }
    lines.iter().flat_map(|line| split(line.trim_end(), size.columns)).collect()
}
