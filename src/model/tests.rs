//! `[[test]]`: what must hold. Checked here, run by `netlab test`.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Lab;
use super::build::Context;
use crate::diag::{Code, Diagnostic, Span, quoted};
use crate::spec::{self, Document, Field, Row};

/// The words for what can come back; `frag-needed` may be followed by the MTU.
pub const ANSWERS: &[&str] = &[
    "reply",
    "timeout",
    "refused",
    "no-route",
    "net-unreachable",
    "host-unreachable",
    "port-unreachable",
    "protocol-unreachable",
    "prohibited",
    "ttl-exceeded",
    "frag-needed",
    "own-address",
];

/// Most bytes of data in a ping: 65535, without the headers of IPv4 and ICMP.
const LARGEST_PING: i64 = 65_507;

/// What a test tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// ICMP echo.
    Ping,
    /// The hops on the way.
    Traceroute,
    /// A TCP connection.
    Tcp,
    /// A UDP request.
    Udp,
    /// A ping, or the beginning of a TCP connection, at every interface that it crosses.
    Walk,
}

/// Something that must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// What reports call it.
    pub name: String,
    /// What is tried.
    pub probe: Probe,
    /// The pod or node that tries.
    pub from: String,
    /// The pod, node or address that is tried.
    pub to: String,
    /// The port, for TCP and UDP, and of a walk that is one of TCP.
    pub port: Option<u16>,
    /// Bytes of data in a ping that nobody may cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u16>,
    /// The answers that are right.
    pub expect: Vec<String>,
    /// The hops in order, by name; of a walk, the places that it passes, or interfaces of theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<String>,
    /// As whom the server must see the one who asks: a name or an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_as: Option<String>,
    /// Whether the steps of a walk belong to the lab's snapshot.
    #[serde(default, skip_serializing_if = "is_false")]
    pub snapshot: bool,
    /// How long the answer may take, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
    /// What to say when it fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Checks all tests of a document against the lab.
pub(super) fn build(document: &Document, lab: &Lab, context: &mut Context) -> Vec<Test> {
    let targets = Targets { all: lab.targets().collect(), lab };
    let mut names: BTreeMap<&str, Span> = BTreeMap::new();
    let mut tests = Vec::new();
    for row in &document.test {
        let name = context.required(row.value.name.as_ref(), "name", "test", &row.span, "\"pods meet\"");
        let test = one(row, &targets, context);
        let Some((name, span)) = name else { continue };
        if name.trim().is_empty() {
            let message = "this test's name is empty";
            let diagnostic = Diagnostic::new(Code::BadTest, message, span, "nothing to call it by");
            context.push(diagnostic.help("write what must hold, for example: name = \"pods meet\""));
            continue;
        }
        if let Some(first) = names.get(name.as_str()) {
            let message = format!("two tests are called {}", quoted(name));
            let diagnostic = Diagnostic::new(Code::DuplicateName, message, span, "the second");
            let diagnostic = diagnostic.also(first.clone(), "the first");
            context.push(diagnostic.help("a report names each test, so each needs a name of its own"));
            continue;
        }
        names.insert(name, span);
        tests.extend(test.map(|test| Test { name: name.clone(), ..test }));
    }
    tests
}

/// What a test can name.
struct Targets<'a> {
    all: HashSet<&'a str>,
    lab: &'a Lab,
}

impl Targets<'_> {
    fn check(&self, name: &str, span: &Span, context: &mut Context) {
        if !self.all.contains(name) {
            context.unknown("pod, node, router or external", name, span, || self.lab.targets());
        }
    }
}

fn one(row: &Row<spec::Test>, targets: &Targets<'_>, context: &mut Context) -> Option<Test> {
    let test = &row.value;
    let (probe, probe_span) = match context.word("probe", test.probe.as_ref()) {
        Some(("traceroute", span)) => (Probe::Traceroute, span),
        Some(("tcp", span)) => (Probe::Tcp, span),
        Some(("udp", span)) => (Probe::Udp, span),
        Some(("walk", span)) => (Probe::Walk, span),
        Some((_, span)) => (Probe::Ping, span),
        None => (Probe::Ping, row.span.clone()),
    };
    let port = context.number("port", test.port.as_ref(), 1..=65535, "a port is 16 bits, and 0 is none");
    check_port(test, probe, &probe_span, context);
    let size = size(test, probe, context);
    let path = path(test, probe, targets, context);
    let expect = expect(test, probe, context);
    let snapshot = snapshot(test, probe, context);
    let seen_as = seen_as(test, probe, &expect, targets, context);
    let within_ms = within(test, &expect, context);
    let from = context.required(test.from.as_ref(), "from", "test", &row.span, "\"pod1\"");
    let to = context.required(test.to.as_ref(), "to", "test", &row.span, "\"pod4\"");
    let (from, from_span) = from?;
    let (to, to_span) = to?;
    targets.check(from, &from_span, context);
    if to.parse::<IpAddr>().is_err() {
        targets.check(to, &to_span, context);
    }
    Some(Test {
        name: String::new(),
        probe,
        from: from.clone(),
        to: to.clone(),
        port: port.and_then(|port| u16::try_from(port).ok()),
        size,
        expect,
        path,
        seen_as,
        snapshot,
        within_ms,
        hint: test.hint.as_ref().and_then(|field| field.value.clone()),
    })
}

fn check_port(test: &spec::Test, probe: Probe, probe_span: &Span, context: &mut Context) {
    let needs = matches!(probe, Probe::Tcp | Probe::Udp);
    match &test.port {
        Some(port) if !needs && probe != Probe::Walk && port.value.is_some() => {
            let diagnostic =
                Diagnostic::new(Code::BadTest, "this probe has no port", port.span.clone(), "a port here");
            let why =
                if test.probe.is_some() { "ICMP has no ports" } else { "without `probe` this is a ping" };
            let diagnostic = diagnostic.also(probe_span.clone(), why);
            context.push(diagnostic.help("write probe = \"tcp\" or probe = \"udp\", or leave the port out"));
        }
        None if needs => {
            let diagnostic = Diagnostic::new(
                Code::BadTest,
                "this probe needs a port",
                probe_span.clone(),
                "to which port?",
            );
            context.push(diagnostic.help("write for example: port = 80"));
        }
        _ => {}
    }
}

fn size(test: &spec::Test, probe: Probe, context: &mut Context) -> Option<u16> {
    let field = test.size.as_ref()?;
    let why = "an IPv4 packet has 65535 bytes at most, 28 of them headers";
    let size = context.number("size", Some(field), 0..=LARGEST_PING, why);
    let is_echo = probe == Probe::Ping || (probe == Probe::Walk && test.port.is_none());
    if !is_echo && field.value.is_some() {
        let message = "only a ping has a size";
        let diagnostic = Diagnostic::new(Code::BadTest, message, field.span.clone(), "a size here");
        context.push(diagnostic.help(match probe {
            Probe::Walk => "with a port, the walk is one of TCP: leave the port out, or the size",
            _ => "write probe = \"ping\", or leave the size out",
        }));
    }
    size.and_then(|size| u16::try_from(size).ok())
}

fn path(test: &spec::Test, probe: Probe, targets: &Targets<'_>, context: &mut Context) -> Vec<String> {
    let Some(field) = &test.path else { return Vec::new() };
    if !matches!(probe, Probe::Traceroute | Probe::Walk) && field.value.is_some() {
        let message = "only a traceroute or a walk has a path";
        let diagnostic = Diagnostic::new(Code::BadTest, message, field.span.clone(), "a path here");
        context
            .push(diagnostic.help("write probe = \"traceroute\" or probe = \"walk\", or leave the path out"));
    }
    let hops: Vec<(String, Span)> = field
        .get()
        .into_iter()
        .flatten()
        .filter_map(|hop| Some((hop.value.clone()?, hop.span.clone())))
        .collect();
    for (hop, span) in &hops {
        let name = hop.split_whitespace().next().unwrap_or_default();
        // On a data path of the command line's, the path of the file's own is not walked.
        if hop.parse::<IpAddr>().is_err() && name != "fabric" {
            targets.check(name, span, context);
        }
    }
    hops.into_iter().map(|(hop, _)| hop).collect()
}

fn snapshot(test: &spec::Test, probe: Probe, context: &mut Context) -> bool {
    let Some(Field { value: Some(wanted), span }) = &test.snapshot else { return false };
    if probe != Probe::Walk {
        let message = "only a walk has steps for the snapshot";
        let diagnostic = Diagnostic::new(Code::BadTest, message, span.clone(), "steps of what?");
        context.push(diagnostic.help("write probe = \"walk\", or leave `snapshot` out"));
    }
    *wanted
}

fn expect(test: &spec::Test, probe: Probe, context: &mut Context) -> Vec<String> {
    let Some(field) = &test.expect else { return vec!["reply".into()] };
    let mut answers = Vec::new();
    for (answer, span) in field.items() {
        let mtu = answer.strip_prefix("frag-needed ");
        let is_tcp = probe == Probe::Tcp || (probe == Probe::Walk && test.port.is_some());
        if answer == "refused" && !is_tcp {
            let message = "only TCP connections are refused";
            let diagnostic = Diagnostic::new(Code::BadTest, message, span, "never comes");
            let help = "where nobody listens, UDP gets \"port-unreachable\"; ICMP has no ports to be closed";
            context.push(diagnostic.help(help));
            continue;
        }
        if ANSWERS.contains(&answer) || mtu.is_some_and(|mtu| mtu.parse::<u16>().is_ok()) {
            answers.push(answer.to_owned());
            continue;
        }
        let message = format!("{} is not an answer", quoted(answer));
        let diagnostic = Diagnostic::new(Code::UnknownWord, message, span, "unknown word");
        let diagnostic = diagnostic.suggest(answer, ANSWERS.iter().copied());
        context.push(if diagnostic.help.is_empty() {
            diagnostic.help(format!("answers are: {}", ANSWERS.join(", ")))
        } else {
            diagnostic
        });
    }
    if field.value.as_ref().is_some_and(|names| names.0.is_empty()) {
        let diagnostic =
            Diagnostic::new(Code::BadTest, "this test expects nothing", field.span.clone(), "an empty list");
        context
            .push(diagnostic.help("leave `expect` out to expect a reply, or write \"timeout\" for silence"));
    }
    answers
}

fn seen_as(
    test: &spec::Test,
    probe: Probe,
    expect: &[String],
    targets: &Targets<'_>,
    context: &mut Context,
) -> Option<String> {
    let Field { value: Some(name), span } = test.seen_as.as_ref()? else { return None };
    if name.parse::<IpAddr>().is_err() {
        targets.check(name.split_whitespace().next().unwrap_or_default(), span, context);
    }
    if !matches!(probe, Probe::Tcp | Probe::Udp) {
        let message = "only servers tell as whom they see somebody";
        let diagnostic = Diagnostic::new(Code::BadTest, message, span.clone(), "whom should they tell?");
        let help =
            "write probe = \"tcp\" and port = 80, which externals answer, or probe = \"udp\" and port = 3478";
        context.push(diagnostic.help(help));
    } else if let ([_, ..], None, Some(field)) =
        (expect, expect.iter().find(|answer| *answer == "reply"), &test.expect)
    {
        let message = "who does not reply tells nothing";
        let diagnostic = Diagnostic::new(Code::BadTest, message, span.clone(), "to be told by a reply");
        let diagnostic = diagnostic.also(field.span.clone(), "that is not to come");
        context.push(diagnostic.help("leave `seen_as` out, or `expect`"));
    }
    Some(name.clone())
}

fn within(test: &spec::Test, expect: &[String], context: &mut Context) -> Option<u64> {
    let Field { value: Some(text), span } = test.within.as_ref()? else { return None };
    let duration = duration(text);
    if duration.is_none() {
        let message = format!("{} is not a duration from 1ms to 3600s", quoted(text));
        let diagnostic = Diagnostic::new(Code::OutOfRange, message, span.clone(), "no such duration");
        context.push(diagnostic.help("write a whole number and its unit, for example \"200ms\" or \"2s\""));
    }
    if let (["timeout"], Some(field)) =
        (expect.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), &test.expect)
    {
        let message = "silence cannot come within a time";
        let diagnostic = Diagnostic::new(Code::BadTest, message, span.clone(), "a time for an answer");
        let diagnostic = diagnostic.also(field.span.clone(), "that is not to come");
        context.push(diagnostic.help("leave `within` out: netlab waits long enough to believe in silence"));
    }
    duration.and_then(|duration| u64::try_from(duration.as_millis()).ok())
}

/// A duration such as `200ms` or `2s`: greater than zero, at most an hour.
fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s')?, 1000),
    };
    let millis = number.trim().parse::<u64>().ok()?.checked_mul(unit)?;
    (1..=3_600_000).contains(&millis).then(|| Duration::from_millis(millis))
}

#[cfg(test)]
mod cases {
    use super::*;

    #[test]
    fn durations_have_a_unit_and_bounds() {
        assert_eq!(duration("200ms"), Some(Duration::from_millis(200)));
        assert_eq!(duration("2s"), Some(Duration::from_secs(2)));
        for wrong in ["", "2", "0ms", "-1s", "2h", "99999999999999999999s", "4000s"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
