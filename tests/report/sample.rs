//! A report with one of everything in it, and with names that mean something to every format.

use netlab::suite::partition::{Dealt, Partition};
use netlab::suite::{CaseFailure, CaseReport, DiffLine, Fact, LabEnd, LabReport, Piece, RunReport, Side};

/// A name that no format can print as it is.
pub(crate) const STRANGE: &str =
    "<b>&\"two\" 'one' |`tick`| 100%: a, b # c \\ *d*\n]]> grüße → \u{1b}[31mred\u{7}";
/// A file that has to be escaped and quoted.
pub(crate) const STRANGE_FILE: &str = "labs/50%: it's, a <lab>.toml";

pub(crate) fn everything() -> RunReport {
    RunReport {
        labs: vec![passed(), failed(), written(), strange(), skipped(), error(), stopped()],
        partition: None,
        unreferenced: vec!["snapshots/labs/four-node.snap".into(), "snapshots/labs/a|b,c.snap".into()],
        interrupted: true,
        took_ms: 2345.6,
    }
}

pub(crate) fn all_well() -> RunReport {
    RunReport { labs: vec![passed(), written()], took_ms: 130.2, ..RunReport::default() }
}

/// The second of three parts.
pub(crate) fn a_part() -> RunReport {
    let partition = Some(Partition { part: 2, of: 3, dealt: Dealt::Labs, here: 2, all: 5 });
    RunReport { partition, ..all_well() }
}

/// A part of a lab that has fewer checks than there are parts.
pub(crate) fn an_empty_part() -> RunReport {
    let partition = Some(Partition { part: 8, of: 8, dealt: Dealt::Checks, here: 0, all: 3 });
    RunReport { partition, ..RunReport::default() }
}

pub(crate) fn lab(name: &str, end: LabEnd, cases: Vec<CaseReport>, took_ms: f64) -> LabReport {
    LabReport { name: name.into(), file: format!("labs/{name}.toml"), end, cases, kept: None, took_ms }
}

pub(crate) fn case(name: &str, line: Option<u32>, failure: Option<CaseFailure>) -> CaseReport {
    CaseReport { name: name.into(), line, failure, remark: None, took_ms: 12.34 }
}

pub(crate) fn facts(facts: &[(&str, &str)]) -> Vec<Fact> {
    facts.iter().map(|(label, text)| Fact { label: (*label).into(), text: (*text).into() }).collect()
}

/// A line of a difference; what is between `[` and `]` is what differs.
pub(crate) fn line(side: Side, text: &str) -> DiffLine {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        let (changed, after) = after.split_once(']').expect("a closing bracket");
        pieces.push(Piece { text: before.into(), changed: false });
        pieces.push(Piece { text: changed.into(), changed: true });
        rest = after;
    }
    pieces.push(Piece { text: rest.into(), changed: false });
    DiffLine { side, pieces: pieces.into_iter().filter(|piece| !piece.text.is_empty()).collect() }
}

fn passed() -> LabReport {
    let cases = vec![
        case("snapshot", None, None),
        case("the switch joins the pods", Some(18), None),
        case("pods reach their gateway", Some(23), None),
    ];
    lab("one-node", LabEnd::Finished, cases, 61.7)
}

fn written() -> LabReport {
    let mut snapshot = case("snapshot", None, None);
    snapshot.remark = Some("new, written to snapshots/labs/sidecar.snap: review it and commit it".into());
    lab("sidecar", LabEnd::Finished, vec![snapshot, case("nobody listens on port 81", Some(44), None)], 68.5)
}

fn failed() -> LabReport {
    let snapshot = CaseFailure {
        message: "2 lines differ from the snapshot".into(),
        facts: facts(&[("snapshot", "snapshots/labs/two-node.snap")]),
        diff: vec![
            line(Side::Gap, "12 lines that are equal"),
            line(Side::Both, "pod1 → pod2  reply, ttl 64"),
            line(Side::Expected, "pod1 → pod4  reply, ttl 6[2]"),
            line(Side::Found, "pod1 → pod4  reply, ttl 6[1]"),
            line(Side::Expected, "[pod3 → pod1  reply, ttl 62]"),
            line(Side::Both, ""),
            line(Side::Gap, ""),
        ],
        review: vec!["netlab test --accept labs/two-node.toml".into(), "cargo insta review".into()],
        hint: None,
    };
    let routed = CaseFailure {
        message: "pod1 → pod4: net-unreachable from node1 cbr0 (10.244.1.1), expected reply".into(),
        facts: facts(&[
            ("tried", "traceroute from pod1 (10.244.1.2) to pod4 (10.244.2.3)"),
            ("expected", "node1 cbr0, node2 eth0, pod4"),
            ("got", " 1  node1 cbr0 10.244.1.1  !N\n\n 2  nothing"),
            ("route at pod1", "default via 10.244.1.1 dev eth0"),
            ("neighbour table of node1", "empty"),
            (
                "likely",
                "node1 has no route to 10.244.2.0/24: of the two that the plan makes, it has only the one to its own pods",
            ),
            (
                "mend",
                "netlab exec --lab two-node node1 -- ip route add 10.244.2.0/24 via 192.168.66.12 dev eth0",
            ),
        ]),
        diff: Vec::new(),
        review: Vec::new(),
        hint: Some(
            "node1 needs a route to 10.244.2.0/24, node2 one back to 10.244.1.0/24, and both need ip_forward"
                .into(),
        ),
    };
    let cases = vec![
        case("snapshot", None, Some(snapshot)),
        case("same node: switched, not routed", Some(22), None),
        case("two nodes: routed by both", Some(27), Some(routed)),
    ];
    LabReport { kept: Some("two-node".into()), ..lab("two-node", LabEnd::Finished, cases, 893.0) }
}

fn strange() -> LabReport {
    let failure = CaseFailure {
        message: format!("{STRANGE} was not expected"),
        facts: facts(&[("label: x", STRANGE), ("fence", "```\n````diff")]),
        diff: vec![
            line(Side::Expected, "  - indented, [`<&>`] and # no comment"),
            line(Side::Found, "[]````  "),
        ],
        review: Vec::new(),
        hint: Some("a hint:\nwith \"two\" lines".into()),
    };
    let cases = vec![case("snapshot", None, None), case(STRANGE, Some(7), Some(failure))];
    LabReport { file: STRANGE_FILE.into(), ..lab("strange@vxlan", LabEnd::Finished, cases, 1234.0) }
}

fn skipped() -> LabReport {
    let reason = "this kernel lacks wireguard (module `wireguard`; on Debian and Ubuntu in the package \
                  linux-modules-extra-6.12) # not 'ours' | theirs";
    lab("wireguard", LabEnd::Skipped { reason: reason.into() }, Vec::new(), 4.2)
}

fn error() -> LabReport {
    let message = "node1: route 10.244.2.0/24 via 192.168.66.12: Network is unreachable (Nexthop has invalid \
                   gateway)\nthe holder's last words:\n  <nothing> & \"nobody\"\n";
    lab("broken", LabEnd::Error { message: message.into() }, vec![case("snapshot", None, None)], 35.0)
}

fn stopped() -> LabReport {
    lab("hundred-pods", LabEnd::Stopped, vec![case("snapshot", None, None)], 220.0)
}
