//! `netlab matrix`: who reaches whom in a running lab.

use std::collections::{HashMap, HashSet};

use super::{FAILED, FINE, Fail, ping, print_json, running, usage};
use crate::cli::{self, MatrixFormat};
use crate::kernel::{Interrupts, Prober};
use crate::model::Family;
use crate::plan::Sandbox;
use crate::probe::{Answer, Attempt, Finding, Outcome};
use crate::render::LabNames;
use crate::render::matrix::Matrix;
use crate::render::survey::Found;
use crate::state::Record;
use crate::suite::{Survey, Wanted};
use crate::ui;

/// More pairs than this would take minutes, and gigabytes: some 300 bytes and 40 µs each.
const MOST_PAIRS: usize = 5_000_000;
/// So many questions are in the air at the same time: what the prober keeps of each is needed no longer.
const AT_ONCE: usize = 200_000;

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
    let Some(pings) = ask(&record, &survey, &attempt)? else { return Err(interrupted()) };
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

/// What comes of each pair; nothing where somebody stopped it.
fn ask(record: &Record, survey: &Survey, attempt: &Attempt) -> anyhow::Result<Option<Vec<Outcome>>> {
    let by_name: HashMap<&str, &Sandbox> =
        record.sandboxes.iter().map(|sandbox| (sandbox.name.as_str(), sandbox)).collect();
    let sandboxes = survey.askers().map(|place| match by_name.get(place.name.as_str()) {
        Some(sandbox) => Ok((*sandbox).clone()),
        None => running::sandbox(record, &place.name).cloned(),
    });
    let sandboxes: Vec<Sandbox> = sandboxes.collect::<anyhow::Result<_>>()?;
    let interrupts = Interrupts::hold()?;
    let mut prober = Prober::new(&sandboxes)?;
    let mut pings = Vec::with_capacity(survey.pings.len());
    for some in survey.ping_requests(attempt).chunks(AT_ONCE) {
        let found = prober.ask(some, &interrupts)?;
        let found: Option<Vec<Outcome>> = found.into_iter().map(outcome).collect();
        let Some(found) = found else {
            // Which signal it was, the prober alone knows.
            return Ok(None);
        };
        pings.extend(found);
    }
    Ok(Some(pings))
}

/// The exit code of a command that Ctrl-C stopped.
fn interrupted() -> anyhow::Error {
    Fail { code: 128 + 2, message: "interrupted".into() }.into()
}

/// The pairs that are asked about, or why there are none.
fn pairs(record: &Record, args: &cli::Matrix, families: &[Family]) -> anyhow::Result<Survey> {
    let lab = &record.lab;
    let wanted = wanted(args);
    for target in &args.targets {
        running::sandbox(record, target)?;
        let is_external = lab.externals.iter().any(|external| external.name == *target);
        if lab.routers.iter().any(|router| router.name == *target) || target == "fabric" {
            return Err(usage(format!(
                "`{target}` is neither a pod nor a node, and a matrix is about those"
            )));
        }
        if is_external && !wanted.is_empty() {
            return Err(usage(format!(
                "`{target}` is beyond the cluster, and --sample and --gateways are about pods"
            )));
        }
    }
    let targets: HashSet<&str> = args.targets.iter().map(String::as_str).collect();
    let is_named = |name: &str| targets.is_empty() || targets.contains(name);
    let family = families.first().map_or("IP", |family| family.name());
    if wanted.is_empty() {
        let size = Survey::size(lab, families, is_named);
        if size > MOST_PAIRS {
            return Err(usage(format!(
                "{size} pairs would take minutes and gigabytes: --sample 10000 asks some, --gateways every pod's gateway, and \
                 names of pods and nodes those among each other"
            )));
        }
        let survey = Survey::pairs(lab, families, is_named);
        return match (survey.pings.is_empty(), survey.places.len()) {
            (false, _) => Ok(survey),
            (true, 0 | 1) => Err(usage("a matrix takes two pods or nodes at least")),
            (true, _) => Err(usage(format!("no two of these have {family} addresses"))),
        };
    }
    let survey = Survey::some(lab, families, is_named, &wanted);
    let is_missing = |wanted: &Wanted| !survey.has(*wanted);
    match wanted.iter().find(|wanted| is_missing(wanted)) {
        None => Ok(survey),
        Some(Wanted::Pairs(_)) => {
            Err(usage(format!("a sample takes two pods with {family} addresses at least")))
        }
        Some(Wanted::Gateways) => {
            Err(usage(format!("there is no pod with an {family} address, so nobody has a gateway")))
        }
    }
}

/// What is asked where not everything is.
fn wanted(args: &cli::Matrix) -> Vec<Wanted> {
    let gateways = args.gateways.then_some(Wanted::Gateways);
    let sample = args.sample.map(|count| Wanted::Pairs(count as usize));
    gateways.into_iter().chain(sample).collect()
}

fn outcome(finding: Option<Finding>) -> Option<Outcome> {
    match finding? {
        Finding::Answer(Answer { outcome, .. }) => Some(outcome),
        Finding::Path(_) => None,
    }
}
