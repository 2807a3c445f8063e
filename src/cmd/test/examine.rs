//! Finds out how a lab is: who reaches whom, by which hops, and what came of the file's own tests.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::explain::{self, Seen};
use super::job::{Job, SNAPSHOT};
use super::snapshots;
use crate::cmd::running::addresses;
use crate::kernel::{self, Interrupts, Prober};
use crate::model::{Family, Lab, Pod, Probe, Test};
use crate::plan::Sandbox;
use crate::probe::{Answer, Attempt, Finding, Outcome, Request, Trace};
use crate::render::survey::{self, Found};
use crate::suite::{CaseFailure, CaseReport, DiffLine, Fact, Piece, Side, Survey, judge};

/// So many questions are in the air at the same time: what the prober keeps of each is needed no longer.
const AT_ONCE: usize = 200_000;
/// How long what does not hold is tried again where it may be that a container has not started yet.
const CONTAINERS_START: Duration = Duration::from_secs(3);
/// How long to wait at first for containers to listen.
const CONTAINERS_LISTEN: Duration = Duration::from_secs(1);
/// How long to wait, in milliseconds, before it is tried again whether they do.
const AGAIN: u16 = 20;

/// So many lines of a snapshot that is new are shown.
const NEW_LINES: usize = 40;

/// How far an examination came.
pub(super) enum Examined {
    /// To its end; with the text for the snapshot, where that was wanted.
    Whole { found: Option<String> },
    /// Somebody stopped it.
    Stopped,
}

/// A lab that is being examined.
pub(super) struct Subject<'a> {
    pub(super) lab: &'a Lab,
    /// All namespaces of the lab.
    pub(super) sandboxes: &'a [Sandbox],
    /// Those that ask, in the order in which requests number them: a survey's places, then the routers.
    askers: Vec<Sandbox>,
    prober: Prober,
    interrupts: &'a Interrupts,
}

impl<'a> Subject<'a> {
    /// A running lab, with what it takes to ask in each of these places.
    pub(super) fn new(
        lab: &'a Lab,
        survey: &Survey,
        sandboxes: &'a [Sandbox],
        interrupts: &'a Interrupts,
    ) -> anyhow::Result<Self> {
        let names = survey.places.iter().map(|place| &place.name);
        let names = names.chain(lab.routers.iter().map(|router| &router.name));
        let askers: Vec<Sandbox> = names
            .filter_map(|name| sandboxes.iter().find(|sandbox| sandbox.name == *name).cloned())
            .collect();
        let prober = Prober::new(&askers)?;
        Ok(Self { lab, sandboxes, askers, prober, interrupts })
    }

    /// Asks; nothing when somebody stopped it.
    pub(super) fn ask(&mut self, requests: &[Request]) -> anyhow::Result<Option<Vec<Finding>>> {
        let mut findings = Vec::with_capacity(requests.len());
        for some in requests.chunks(AT_ONCE) {
            let found: Option<Vec<Finding>> = self.prober.ask(some, self.interrupts)?.into_iter().collect();
            let Some(found) = found else { return Ok(None) };
            findings.extend(found);
        }
        Ok(Some(findings))
    }

    /// The request that a test makes.
    fn request(&self, test: &Test) -> Option<Request> {
        Some(Request {
            from: self.index(&test.from)?,
            to: self.target(&test.to)?,
            attempt: judge::attempt(test),
        })
    }

    /// The number of a place.
    pub(super) fn index(&self, name: &str) -> Option<usize> {
        self.askers.iter().position(|sandbox| sandbox.name == name)
    }

    /// The address that a test means: itself, or the first one of what it names.
    fn target(&self, to: &str) -> Option<IpAddr> {
        to.parse().ok().or_else(|| addresses(self.lab, to)?.primary())
    }

    /// The address of a place, of the family of another address.
    pub(super) fn address(&self, name: &str, like: IpAddr) -> Option<IpAddr> {
        addresses(self.lab, name)?.get(Family::of_address(&like)).map(|net| net.addr())
    }
}

/// Examines a lab; what was decided is added to `cases` as soon as it is.
pub(super) fn examine(
    job: &Job,
    sandboxes: &[Sandbox],
    interrupts: &Interrupts,
    cases: &mut Vec<CaseReport>,
) -> anyhow::Result<Examined> {
    let survey = Survey::of(&job.lab, job.routes);
    let mut subject = Subject::new(&job.lab, &survey, sandboxes, interrupts)?;
    let mut found = None;
    if job.wants(SNAPSHOT) {
        let begun = Instant::now();
        let Some((pings, routes)) = look_around(&mut subject, &survey)? else { return Ok(Examined::Stopped) };
        let seen = Found { survey: &survey, pings: &pings, routes: &routes };
        let text = survey::survey(&job.lab, &seen);
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

fn case(name: &str, line: Option<u32>, failure: Option<CaseFailure>, begun: Instant) -> CaseReport {
    let took_ms = begun.elapsed().as_secs_f64() * 1000.0;
    CaseReport { name: name.to_owned(), line, failure, remark: None, took_ms }
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
    Some(CaseFailure { message, facts, diff, hint: None })
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

/// Runs the file's tests, all at the same time. False when somebody stopped it.
fn tests(
    job: &Job,
    subject: &mut Subject<'_>,
    wanted: &[&Test],
    cases: &mut Vec<CaseReport>,
) -> anyhow::Result<bool> {
    let begun = Instant::now();
    wait_for_containers(subject, wanted)?;
    let requests: Vec<Request> = wanted.iter().filter_map(|test| subject.request(test)).collect();
    anyhow::ensure!(requests.len() == wanted.len(), "a test names a place that the lab does not have");
    let Some(mut findings) = subject.ask(&requests)? else { return Ok(false) };
    let itself = |test: &Test, to: IpAddr| {
        to.is_loopback() || explain::owner(subject.lab, to).is_some_and(|owner| owner == test.from)
    };
    let itself: Vec<bool> =
        wanted.iter().zip(&requests).map(|(test, request)| itself(test, request.to)).collect();
    let meant =
        |test: usize, finding: Finding| if itself[test] { judge::by_itself(finding) } else { finding };
    findings = findings.into_iter().enumerate().map(|(test, finding)| meant(test, finding)).collect();
    // A program that is still starting does not listen yet.
    while begun.elapsed() < CONTAINERS_START {
        let early: Vec<usize> = (0..wanted.len())
            .filter(|&test| {
                server(subject.lab, wanted[test]).is_some()
                    && !is_right(subject.lab, wanted[test], &findings[test])
            })
            .collect();
        if early.is_empty() {
            break;
        }
        kernel::worker::pause(subject.interrupts, AGAIN)?;
        let again: Vec<Request> = early.iter().map(|&test| requests[test].clone()).collect();
        let Some(more) = subject.ask(&again)? else { return Ok(false) };
        for (test, finding) in early.into_iter().zip(more) {
            findings[test] = meant(test, finding);
        }
    }
    let silent = |test: &usize| {
        judge::expects_silence(wanted[*test]) && judge::end(&findings[*test]) == Outcome::Timeout
    };
    let silent: Vec<usize> = (0..wanted.len()).filter(silent).collect();
    let Some(unproved) = canaries(subject, &silent, wanted, &requests)? else { return Ok(false) };
    for (number, test) in wanted.iter().enumerate() {
        let seen = Seen { test, request: &requests[number], finding: &findings[number] };
        let unproved = unproved.iter().find(|(test, _)| *test == number).map(|(_, why)| why.clone());
        let wrong = unproved.or_else(|| judge::judge(test, &findings[number], &explain::named(subject.lab)));
        let failure = match wrong {
            Some(wrong) => Some(explain::test(subject, &seen, &wrong)?),
            None => None,
        };
        cases.push(case(&test.name, job.lines.get(&test.name).copied(), failure, begun));
    }
    Ok(true)
}

fn is_right(lab: &Lab, test: &Test, finding: &Finding) -> bool {
    judge::judge(test, finding, &explain::named(lab)).is_none()
}

/// The pod whose program a test asks, where the lab has just started that: it may not listen yet.
fn server<'a>(lab: &'a Lab, test: &Test) -> Option<&'a Pod> {
    let address: Option<IpAddr> = test.to.parse().ok();
    let is_meant = |pod: &Pod| pod.name == test.to || pod.address.ips().any(|ip| Some(ip) == address);
    let asks = matches!(test.probe, Probe::Tcp | Probe::Udp);
    let mut pods = lab.pods().map(|(_, pod)| pod).filter(|pod| asks && !pod.containers.is_empty());
    pods.find(|pod| is_meant(pod))
}

/// Waits, but not for long, until the pods that tests ask by TCP or UDP have as many sockets that listen as they have
/// containers: what is to be refused is then refused because it is, and not because it is early.
fn wait_for_containers(subject: &Subject<'_>, wanted: &[&Test]) -> anyhow::Result<()> {
    let begun = Instant::now();
    for pod in wanted.iter().filter_map(|test| server(subject.lab, test)) {
        let Some(place) = subject.index(&pod.name) else { continue };
        while kernel::listening(subject.askers[place].pid) < pod.containers.len()
            && begun.elapsed() < CONTAINERS_LISTEN
        {
            if kernel::worker::pause(subject.interrupts, AGAIN)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// For each test that met the silence it expects: do the one who asked and the one who was asked work at all? Each is
/// pinged from its own namespace. Gives back the tests whose silence proves nothing, and why.
fn canaries(
    subject: &mut Subject<'_>,
    silent: &[usize],
    wanted: &[&Test],
    requests: &[Request],
) -> anyhow::Result<Option<Vec<(usize, String)>>> {
    let mut asked: Vec<(usize, String)> = Vec::new();
    let mut pings = Vec::new();
    for &test in silent {
        let to = requests[test].to;
        let owner = explain::owner(subject.lab, to);
        for place in [Some(wanted[test].from.clone()), owner].into_iter().flatten() {
            let own = if place == wanted[test].from { subject.address(&place, to) } else { Some(to) };
            if let (Some(from), Some(to)) = (subject.index(&place), own) {
                pings.push(Request { from, to, attempt: Attempt::PING });
                asked.push((test, place));
            }
        }
    }
    let Some(findings) = subject.ask(&pings)? else { return Ok(None) };
    let dead = asked.into_iter().zip(findings).filter_map(|((test, place), finding)| {
        let outcome = judge::end(&finding);
        let why = format!("silence that proves nothing: {place} does not even answer itself ({outcome})");
        let lives = matches!(outcome, Outcome::Reply { .. } | Outcome::OwnAddress { .. });
        (!lives).then_some((test, why))
    });
    Ok(Some(dead.collect()))
}
