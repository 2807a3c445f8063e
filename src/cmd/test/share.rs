//! The part of a run that is this machine's: `--partition 2/4`.

use std::collections::{BTreeMap, BTreeSet};

use super::job::{Job, SNAPSHOT, whole};
use crate::cli;
use crate::model::{Probe, Test};
use crate::plan::namespaces;
use crate::suite::Partition;
use crate::suite::judge::expects_silence;
use crate::suite::partition::{Dealt, Unit, deal};

// What things take, in microseconds, about: only how they compare decides where they go.
/// A lab, whatever is in it.
const LAB: u64 = 20_000;
/// A namespace with its cable, made and taken down again.
const NAMESPACE: u64 = 3_000;
/// A pair that is asked.
const PAIR: u64 = 20;
/// A packet that is followed, one after the other.
const WALK: u64 = 100_000;
/// Any other test: they are all run at once.
const TEST: u64 = 500;
/// Silence, until it is believed: all that are waited for are so at once.
const SILENCE: u64 = 5_000_000;

/// What is to be done here, and what elsewhere.
pub(super) struct Share {
    pub(super) jobs: Vec<Job>,
    /// Those that other parts have.
    pub(super) others: Vec<Job>,
    /// Which part this is, where it is not the whole.
    pub(super) partition: Option<Partition>,
}

impl Share {
    /// Everything is done here.
    pub(super) fn whole(jobs: Vec<Job>) -> Self {
        Self { jobs, others: Vec::new(), partition: None }
    }

    /// One part of several: of a single lab some of its checks, else some of the labs.
    pub(super) fn part(mut jobs: Vec<Job>, part: cli::Part) -> Self {
        match jobs.pop() {
            Some(job) if jobs.is_empty() => checks(job, part),
            last => labs(jobs.into_iter().chain(last).collect(), part),
        }
    }

    /// Every job, here or elsewhere.
    pub(super) fn all(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().chain(&self.others)
    }

    /// Whether this is the one part that tells what is to be told once.
    pub(super) fn tells_of_all(&self) -> bool {
        self.partition.is_none_or(|partition| partition.part == 1)
    }
}

fn labs(all: Vec<Job>, part: cli::Part) -> Share {
    let units: Vec<Unit> = all.iter().map(|job| Unit { cost: cost(job), name: name(job) }).collect();
    let mut dealt = deal(&units, part.of).into_iter().map(|to| to + 1 == part.part);
    let count = all.len();
    let (jobs, others): (Vec<Job>, _) = all.into_iter().partition(|_| dealt.next().unwrap_or(false));
    let partition = partition(part, Dealt::Labs, jobs.len(), count);
    Share { jobs, others, partition }
}

fn checks(mut job: Job, part: cli::Part) -> Share {
    // A test may be called `snapshot`, too: what has one name is in one part.
    let mut costs: BTreeMap<&str, u64> = BTreeMap::new();
    if job.wants(SNAPSHOT) {
        *costs.entry(SNAPSHOT).or_default() += cost_of_snapshot(&job);
    }
    for test in job.lab.tests.iter().filter(|test| job.wants(&test.name)) {
        *costs.entry(&test.name).or_default() += cost_of_test(test);
    }
    let units: Vec<Unit> =
        costs.into_iter().map(|(name, cost)| Unit { cost, name: name.to_owned() }).collect();
    let dealt = deal(&units, part.of);
    let here = units.iter().zip(dealt).filter(|(_, to)| to + 1 == part.part);
    let here: BTreeSet<String> = here.map(|(unit, _)| unit.name.clone()).collect();
    let partition = partition(part, Dealt::Checks, here.len(), units.len());
    job.checks = Some(here);
    let (jobs, others) = if job.wants_anything() { (vec![job], Vec::new()) } else { (Vec::new(), vec![job]) };
    Share { jobs, others, partition }
}

fn partition(part: cli::Part, dealt: Dealt, here: usize, all: usize) -> Option<Partition> {
    Some(Partition { part: part.part, of: part.of, dealt, here, all })
}

/// What tells a job from others, whatever the path to it.
fn name(job: &Job) -> String {
    format!("{}\n{}", job.title, whole(job.file.as_ref()).display())
}

/// What a lab takes: to bring it up and down, and to find out all that is wanted.
fn cost(job: &Job) -> u64 {
    let lab = &job.lab;
    let upkeep = if job.running.is_some() { 0 } else { LAB + NAMESPACE * namespaces(lab) as u64 };
    let snapshot = if job.wants(SNAPSHOT) { cost_of_snapshot(job) } else { 0 };
    let wanted = || lab.tests.iter().filter(|test| job.wants(&test.name));
    let silence = if wanted().any(expects_silence) { SILENCE } else { 0 };
    upkeep + snapshot + wanted().map(cost_of_test).sum::<u64>() + silence
}

fn cost_of_snapshot(job: &Job) -> u64 {
    PAIR * job.pairs() as u64
}

fn cost_of_test(test: &Test) -> u64 {
    if test.probe == Probe::Walk { WALK } else { TEST }
}
