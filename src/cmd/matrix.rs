//! `netlab matrix`: who reaches whom in a running lab.

use super::{FAILED, FINE, Fail, OTHER, ping, print_json, running, usage};
use crate::cli::{self, MatrixFormat};
use crate::kernel::{Interrupts, Prober};
use crate::model::Family;
use crate::plan::Sandbox;
use crate::probe::{Answer, Attempt, Finding, Outcome};
use crate::render::LabNames;
use crate::render::matrix::Matrix;
use crate::render::survey::Found;
use crate::suite::Survey;
use crate::ui;

pub(super) fn matrix(args: &cli::Matrix) -> anyhow::Result<u8> {
    let record = running::find(args.lab.lab.as_deref())?;
    running::in_sight(&record)?;
    let lab = &record.lab;
    let families = match ping::family(&args.family) {
        Some(family) => vec![family],
        None => lab.families().collect(),
    };
    let attempt = args.tcp.map_or(Attempt::PING, |port| Attempt::Tcp { port });
    let survey = pairs(&record, args, &families)?;
    let sandboxes = survey.places.iter().map(|place| running::sandbox(&record, &place.name).cloned());
    let sandboxes: Vec<Sandbox> = sandboxes.collect::<anyhow::Result<_>>()?;
    let interrupts = Interrupts::hold()?;
    let found = Prober::new(&sandboxes)?.ask(&survey.ping_requests(&attempt), &interrupts)?;
    let pings: Option<Vec<Outcome>> = found.into_iter().map(outcome).collect();
    let Some(pings) = pings else {
        let signal = interrupts.take().map_or(2, |signal| signal as i32);
        let code = u8::try_from(128 + signal).unwrap_or(OTHER);
        return Err(Fail { code, message: "interrupted".into() }.into());
    };
    let found = Found { survey: &survey, pings: &pings, routes: &[] };
    let names = LabNames::new(lab);
    let matrix = Matrix { lab: &lab.name, found, attempt: &attempt, families: &families, names: &names };
    match args.format {
        MatrixFormat::Text => ui::print(&matrix.text())?,
        MatrixFormat::Markdown => ui::print(&matrix.markdown())?,
        MatrixFormat::Csv => ui::print(&matrix.csv())?,
        MatrixFormat::Json => print_json("netlab.matrix/1", &matrix.json())?,
    }
    let (reached, total) = matrix.score();
    Ok(if reached == total { FINE } else { FAILED })
}

/// The pairs that are asked about, or why there are none.
fn pairs(record: &crate::state::Record, args: &cli::Matrix, families: &[Family]) -> anyhow::Result<Survey> {
    let lab = &record.lab;
    for target in &args.targets {
        running::sandbox(record, target)?;
        if lab.routers.iter().any(|router| router.name == *target) || target == "fabric" {
            return Err(usage(format!(
                "`{target}` is neither a pod nor a node, and a matrix is about those"
            )));
        }
    }
    let wanted = |name: &str| args.targets.is_empty() || args.targets.iter().any(|target| target == name);
    let survey = Survey::pairs(lab, families, wanted);
    if survey.pings.is_empty() {
        let family = families.first().map_or("IP", |family| family.name());
        return Err(usage(match survey.places.len() {
            0 | 1 => "a matrix takes two pods or nodes at least".to_owned(),
            _ => format!("no two of these have {family} addresses"),
        }));
    }
    Ok(survey)
}

fn outcome(finding: Option<Finding>) -> Option<Outcome> {
    match finding? {
        Finding::Answer(Answer { outcome, .. }) => Some(outcome),
        Finding::Path(_) => None,
    }
}
