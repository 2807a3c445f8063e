//! Runs a file's `[[test]]`s in a running lab, all at the same time.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::case;
use super::explain;
use super::job::Job;
use super::subject::Subject;
use crate::kernel::{self, Seen};
use crate::model::{Addresses, EXTERNAL_SOCKETS, Family, Lab, Probe, Test};
use crate::probe::{Answer, Attempt, Finding, Outcome, Request};
use crate::suite::{CaseReport, judge};

/// How long what does not hold is tried again where it may be that a container has not started yet.
const CONTAINERS_START: Duration = Duration::from_secs(3);
/// How long to wait at first for containers to listen.
const CONTAINERS_LISTEN: Duration = Duration::from_secs(1);
/// How long to wait, in milliseconds, before it is tried again whether they do.
const AGAIN: u16 = 20;

/// Runs the file's tests, all at the same time. False when somebody stopped it.
pub(super) fn tests(
    job: &Job,
    subject: &mut Subject<'_>,
    wanted: &[&Test],
    cases: &mut Vec<CaseReport>,
) -> anyhow::Result<bool> {
    let begun = Instant::now();
    wait_for_containers(subject, wanted)?;
    let requests: Vec<Request> = wanted.iter().filter_map(|test| subject.request(test)).collect();
    anyhow::ensure!(requests.len() == wanted.len(), "a test names a place that the lab does not have");
    let every: Vec<usize> = (0..wanted.len()).collect();
    let Some(answers) = ask(subject, &every, wanted, &requests)? else { return Ok(false) };
    let (mut findings, mut as_whom): (Vec<Finding>, Vec<_>) = answers.into_iter().unzip();
    let itself: Vec<bool> = wanted
        .iter()
        .zip(&requests)
        .map(|(test, request)| is_itself(subject.lab, test, request.to))
        .collect();
    let meant =
        |test: usize, finding: Finding| if itself[test] { judge::by_itself(finding) } else { finding };
    findings = findings.into_iter().enumerate().map(|(test, finding)| meant(test, finding)).collect();
    // A program that is still starting does not listen yet.
    while begun.elapsed() < CONTAINERS_START {
        let early: Vec<usize> = (0..wanted.len())
            .filter(|&test| {
                server(subject.lab, wanted[test]).is_some()
                    && wrong(subject, wanted[test], &findings[test], as_whom[test]).is_some()
            })
            .collect();
        if early.is_empty() {
            break;
        }
        early.iter().for_each(|test| _ = subject.walks.remove(&wanted[*test].name));
        kernel::worker::pause(subject.interrupts, AGAIN)?;
        let Some(more) = ask(subject, &early, wanted, &requests)? else { return Ok(false) };
        for (test, (finding, address)) in early.into_iter().zip(more) {
            findings[test] = meant(test, finding);
            as_whom[test] = address;
        }
    }
    let silent = |test: &usize| {
        judge::expects_silence(wanted[*test]) && judge::end(&findings[*test]) == Outcome::Timeout
    };
    let silent: Vec<usize> = (0..wanted.len()).filter(silent).collect();
    let Some(unproved) = canaries(subject, &silent, wanted, &requests)? else { return Ok(false) };
    for (number, test) in wanted.iter().enumerate() {
        let seen = explain::Seen {
            test,
            request: &requests[number],
            finding: &findings[number],
            as_whom: as_whom[number],
        };
        let unproved = unproved.iter().find(|(test, _)| *test == number).map(|(_, why)| why.clone());
        let wrong = unproved.or_else(|| wrong(subject, test, &findings[number], as_whom[number]));
        let failure = match wrong {
            None => None,
            Some(wrong) => match explain::test(subject, &seen, &wrong)? {
                None => return Ok(false),
                explained => explained,
            },
        };
        cases.push(case(&test.name, job.lines.get(&test.name).copied(), failure, begun));
    }
    Ok(true)
}

/// Whether a test has a place ask itself.
fn is_itself(lab: &Lab, test: &Test, to: IpAddr) -> bool {
    to.is_loopback() || explain::owner(lab, to).is_some_and(|owner| owner == test.from)
}

/// What is wrong with what came of a test.
fn wrong(subject: &Subject<'_>, test: &Test, finding: &Finding, as_whom: Option<IpAddr>) -> Option<String> {
    let named = explain::named(subject.lab);
    let by_other_places = || judge::judge_walk(test, &subject.known_walk(test)?.steps);
    judge::judge(test, finding, &named)
        .or_else(|| judge::judge_seen(test, as_whom, &named))
        .or_else(by_other_places)
}

/// What came of a test, and as whom a server saw the one who asked.
type Told = (Finding, Option<IpAddr>);

/// What came of some tests, and as whom the one who asked was seen where a test wants to know. Servers that do not answer
/// that question are tried as any others are: what stands in the way is found out best so.
fn ask(
    subject: &mut Subject<'_>,
    which: &[usize],
    wanted: &[&Test],
    requests: &[Request],
) -> anyhow::Result<Option<Vec<Told>>> {
    let mut found: Vec<Option<Told>> = Vec::with_capacity(which.len());
    for &test in which {
        if wanted[test].probe == Probe::Walk {
            let outcome = subject.walked(wanted[test], requests[test].to)?.outcome.clone();
            found.push(Some((Finding::Answer(Answer { outcome, tries: 1 }), None)));
            continue;
        }
        let asks = wanted[test].seen_as.is_some();
        let told = if asks { subject.seen(&requests[test])? } else { None };
        found.push(
            told.map(|Seen { outcome, address }| (Finding::Answer(Answer { outcome, tries: 1 }), address)),
        );
    }
    let open = || (0..which.len()).filter(|place| found[*place].is_none());
    let plain: Vec<Request> = open().map(|place| requests[which[place]].clone()).collect();
    let Some(findings) = subject.ask(&plain)? else { return Ok(None) };
    for (place, finding) in open().collect::<Vec<_>>().into_iter().zip(findings) {
        found[place] = Some((finding, None));
    }
    Ok(found.into_iter().collect())
}

/// The place whose program a test asks, where the lab has just started that and it may not listen yet; and how many sockets
/// listen at least once it does.
fn server<'a>(lab: &'a Lab, test: &Test) -> Option<(&'a str, usize)> {
    let address: Option<IpAddr> = test.to.parse().ok();
    let is_meant = |name: &str, own: &Addresses| name == test.to || own.ips().any(|ip| Some(ip) == address);
    // A walk with a port is one of TCP; what has none asks no program.
    test.port?;
    let mut externals = lab.externals.iter().filter(|external| is_meant(&external.name, &external.address));
    let external = externals.next().map(|external| (external.name.as_str(), EXTERNAL_SOCKETS));
    let mut pods = lab.pods().map(|(_, pod)| pod).filter(|pod| !pod.containers.is_empty());
    let pod = pods.find(|pod| is_meant(&pod.name, &pod.address));
    external.or_else(|| pod.map(|pod| (pod.name.as_str(), pod.containers.len())))
}

/// Waits, but not for long, until the pods that tests ask by TCP or UDP have as many sockets that listen as they have
/// containers: what is to be refused is then refused because it is, and not because it is early.
fn wait_for_containers(subject: &Subject<'_>, wanted: &[&Test]) -> anyhow::Result<()> {
    let begun = Instant::now();
    for (place, sockets) in wanted.iter().filter_map(|test| server(subject.lab, test)) {
        while subject.listening(place) < sockets && begun.elapsed() < CONTAINERS_LISTEN {
            if kernel::worker::pause(subject.interrupts, AGAIN)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// For each test that met the silence that it expects: do the one who asked and the one who was asked work at all? Gives back
/// the tests whose silence proves nothing, and why.
fn canaries(
    subject: &mut Subject<'_>,
    silent: &[usize],
    wanted: &[&Test],
    requests: &[Request],
) -> anyhow::Result<Option<Vec<(usize, String)>>> {
    let mut unproved = Vec::new();
    let mut asked: Vec<(usize, &str, String)> = Vec::new();
    let mut pings = Vec::new();
    for &test in silent {
        let to = requests[test].to;
        let Some(owner) = explain::owner(subject.lab, to) else {
            unproved.push((test, format!("silence that proves nothing: the lab gave {to} to nobody")));
            continue;
        };
        for place in [&wanted[test].from, &owner] {
            for (what, target) in signs_of_life(subject, place, to) {
                let Some(from) = subject.index(place) else { continue };
                pings.push(Request { from, to: target, attempt: Attempt::PING });
                asked.push((test, what, format!("{place} does not even get an answer from {what}")));
            }
        }
    }
    let Some(findings) = subject.ask(&pings)? else { return Ok(None) };
    for ((test, what, why), finding) in asked.into_iter().zip(findings) {
        let outcome = judge::end(&if what == ITSELF { judge::by_itself(finding) } else { finding });
        if !matches!(outcome, Outcome::Reply { .. }) {
            unproved.push((test, format!("silence that proves nothing: {why} ({outcome})")));
        }
    }
    Ok(Some(unproved))
}

/// The one who answers a place that asks its own address.
const ITSELF: &str = "itself";

/// What a place that works gets answers from: itself and, by its cable, what is at the other end; a pod its gateway, a node
/// a pod of its own.
fn signs_of_life(subject: &Subject<'_>, place: &str, like: IpAddr) -> Vec<(&'static str, IpAddr)> {
    let family = Family::of_address(&like);
    let own = subject.address(place, like).map(|own| (ITSELF, own));
    let of_pod = subject.lab.pods().find(|(_, pod)| pod.name == place);
    let gateway =
        of_pod.and_then(|(node, _)| node.gateway.get(family)).map(|net| ("its gateway", net.addr()));
    let node = subject.lab.nodes.iter().find(|node| node.name == place);
    let pod =
        node.and_then(|node| node.pods.first()?.address.get(family)).map(|net| ("its first pod", net.addr()));
    [own, gateway, pod].into_iter().flatten().collect()
}
