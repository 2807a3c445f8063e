//! Finds out how a lab is: who reaches whom, by which hops, and what came of the file's own tests.

use std::time::Instant;

use super::explain;
use super::job::{Job, SNAPSHOT};
use super::subject::{Here, Subject};
use super::tests::tests;
use super::{case, snapshots};
use crate::kernel::Interrupts;
use crate::model::Test;
use crate::probe::{Answer, Attempt, Finding, Outcome, Trace};
use crate::render::survey::{self, Found};
use crate::suite::{CaseFailure, CaseReport, DiffLine, Fact, Piece, Side, Survey};

/// So many lines of a snapshot that is new are shown.
const NEW_LINES: usize = 40;

/// How far an examination came.
pub(super) enum Examined {
    /// To its end; with the text for the snapshot, where that was wanted.
    Whole { found: Option<String> },
    /// Somebody stopped it.
    Stopped,
}

/// Examines a lab; what was decided is added to `cases` as soon as it is.
pub(super) fn examine(
    job: &Job,
    here: Here<'_>,
    interrupts: &Interrupts,
    cases: &mut Vec<CaseReport>,
) -> anyhow::Result<Examined> {
    let survey = Survey::of(&job.lab, job.routes);
    let mut subject = Subject::new(&job.lab, &survey, here, interrupts)?;
    let mut found = None;
    if job.wants(SNAPSHOT) {
        let begun = Instant::now();
        let Some((pings, routes)) = look_around(&mut subject, &survey)? else { return Ok(Examined::Stopped) };
        let seen = Found { survey: &survey, pings: &pings, routes: &routes };
        let text = survey::survey(&job.lab, &seen) + &subject.walks_of_snapshot()?;
        let failure = compare(job, &text, |expected| explain::survey(&subject, &seen, expected));
        cases.push(case(SNAPSHOT, None, failure, begun));
        found = Some(text);
    }
    let wanted: Vec<&Test> = job.lab.tests.iter().filter(|test| job.wants(&test.name)).collect();
    if !wanted.is_empty() && !tests(job, &mut subject, &wanted, cases)? {
        return Ok(Examined::Stopped);
    }
    Ok(Examined::Whole { found })
}

/// All pings and all routes of a survey.
fn look_around(
    subject: &mut Subject<'_>,
    survey: &Survey,
) -> anyhow::Result<Option<(Vec<Outcome>, Vec<Trace>)>> {
    let Some(pings) = subject.ask(&survey.ping_requests(&Attempt::PING))? else { return Ok(None) };
    let Some(routes) = subject.ask(&survey.route_requests())? else { return Ok(None) };
    let pings = pings.into_iter().filter_map(|finding| match finding {
        Finding::Answer(Answer { outcome, .. }) => Some(outcome),
        Finding::Path(_) => None,
    });
    let routes = routes.into_iter().filter_map(|finding| match finding {
        Finding::Path(trace) => Some(trace),
        Finding::Answer(_) => None,
    });
    Ok(Some((pings.collect(), routes.collect())))
}

/// How what was found differs from the snapshot, with what `explain` says of what is not in that.
fn compare(job: &Job, found: &str, explain: impl FnOnce(&str) -> Vec<Fact>) -> Option<CaseFailure> {
    let path = job.snapshot.display();
    let found = crate::suite::normal(found);
    let expected = snapshots::read(&job.snapshot);
    let (message, diff, facts) = match &expected {
        Ok(Some(snapshot)) if snapshot.text() == found => return None,
        Ok(Some(snapshot)) => {
            let diff = crate::suite::diff(snapshot.text(), &found);
            (format!("what was found differs from {path}"), diff, explain(snapshot.text()))
        }
        Ok(None) => {
            let diff = shortened(crate::suite::diff("", &found));
            (format!("there is no snapshot yet: {path}"), diff, explain(""))
        }
        Err(why) => (why.clone(), Vec::new(), explain("")),
    };
    Some(CaseFailure { message, facts, diff, ..CaseFailure::default() })
}

/// Enough of a new snapshot to see what it is about.
fn shortened(mut lines: Vec<DiffLine>) -> Vec<DiffLine> {
    let more = lines.len().saturating_sub(NEW_LINES);
    if more > 1 {
        lines.truncate(NEW_LINES);
        let text = format!("{more} lines more");
        lines.push(DiffLine { side: Side::Gap, pieces: vec![Piece { text, changed: false }] });
    }
    lines
}
