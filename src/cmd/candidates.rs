//! What each argument of each verb can be completed with: names from the running labs, codes, or what the shell finds.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;

use clap::{Command, CommandFactory as _};
use clap_complete::CompletionCandidate;
use clap_complete::engine::ArgValueCompleter;

use super::{load, running};
use crate::cli::Cli;
use crate::diag::{Code, page};
use crate::model::{Addresses, DataPath, Value};
use crate::spec::IMPAIR_EXAMPLES;
use crate::state::{self, Record};

/// Stands for topology files and directories, which the shell finds. No name has such a character.
const TOPOLOGIES: &str = "<topologies>";
/// Stands for any file.
const FILES: &str = "<files>";
/// Stands for programs.
const PROGRAMS: &str = "<programs>";

/// What an argument takes.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Topology,
    Lab,
    LabOrTopology,
    /// A node, router or pod.
    Place,
    /// A place, or the switches.
    PlaceOrFabric,
    /// A place, the switches, or one of them.
    PlaceFabricOrSegment,
    /// Any file.
    File,
    /// A place, or a segment.
    PlaceOrSegment,
    /// A value of an impairment, as far as its `=`.
    Value,
    /// A value of an impairment.
    Key,
    Container,
    Code,
    DataPath,
    /// A program and its arguments.
    Program,
}

/// The arguments that clap cannot complete by itself.
const ARGUMENTS: [(&str, &str, Kind); 49] = [
    ("up", "file", Kind::Topology),
    ("down", "labs", Kind::Lab),
    ("status", "lab", Kind::Lab),
    ("check", "files", Kind::Topology),
    ("doctor", "files", Kind::Topology),
    ("plan", "file", Kind::Topology),
    ("exec", "lab", Kind::Lab),
    ("exec", "target", Kind::PlaceOrFabric),
    ("exec", "command", Kind::Program),
    ("sh", "lab", Kind::Lab),
    ("sh", "target", Kind::Place),
    ("inspect", "lab", Kind::Lab),
    ("inspect", "target", Kind::PlaceOrFabric),
    ("impair", "lab", Kind::Lab),
    ("impair set", "target", Kind::PlaceOrSegment),
    ("impair set", "values", Kind::Value),
    ("impair show", "target", Kind::PlaceOrSegment),
    ("impair clear", "target", Kind::PlaceOrSegment),
    ("impair clear", "keys", Kind::Key),
    ("link", "lab", Kind::Lab),
    ("link down", "target", Kind::Place),
    ("link up", "target", Kind::Place),
    ("logs", "lab", Kind::Lab),
    ("logs", "target", Kind::Container),
    ("ping", "lab", Kind::Lab),
    ("ping", "from", Kind::Place),
    ("ping", "to", Kind::Place),
    ("traceroute", "lab", Kind::Lab),
    ("traceroute", "from", Kind::Place),
    ("traceroute", "to", Kind::Place),
    ("capture", "lab", Kind::Lab),
    ("capture", "words", Kind::PlaceFabricOrSegment),
    ("capture", "write", Kind::File),
    ("walk", "lab", Kind::Lab),
    ("walk", "from", Kind::Place),
    ("walk", "to", Kind::PlaceOrFabric),
    ("walk", "pcapng", Kind::File),
    ("walk", "html", Kind::File),
    ("matrix", "lab", Kind::Lab),
    ("matrix", "targets", Kind::Place),
    ("test", "files", Kind::LabOrTopology),
    ("compare", "file", Kind::Topology),
    ("graph", "file", Kind::LabOrTopology),
    ("explain", "code", Kind::Code),
    ("up", "data_path", Kind::DataPath),
    ("plan", "data_path", Kind::DataPath),
    ("graph", "data_path", Kind::DataPath),
    ("test", "data_path", Kind::DataPath),
    ("compare", "data_path", Kind::DataPath),
];

/// The command line's definition, with what completes it when these words, the last one unfinished, are its beginning.
pub(super) fn command(words: &[OsString]) -> Command {
    let line = Arc::new(Line::read(words));
    let mut command = Cli::command();
    for (verb, argument, kind) in ARGUMENTS {
        let line = Arc::clone(&line);
        let completer = ArgValueCompleter::new(move |current: &OsStr| line.candidates(kind, current));
        let verbs: Vec<&str> = verb.split(' ').collect();
        command = below(command, &verbs, &|verb: Command| {
            let completer = completer.clone();
            verb.mut_arg(argument, |argument| argument.add(completer))
        });
    }
    command
}

/// Changes the verb that these words lead to.
fn below(command: Command, verbs: &[&str], change: &dyn Fn(Command) -> Command) -> Command {
    match verbs.split_first() {
        Some((verb, rest)) => command.mut_subcommand(verb, |inner| below(inner, rest, change)),
        None => change(command),
    }
}

/// What the words before the cursor say.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    /// The lab that was named.
    lab: Option<String>,
    /// Whether a `--` comes right before the cursor.
    fresh: bool,
}

impl Line {
    fn read(words: &[OsString]) -> Self {
        let before: Vec<&str> =
            words.iter().take(words.len().saturating_sub(1)).filter_map(|word| word.to_str()).collect();
        let mut lab = None;
        let mut rest = before.iter().take_while(|word| **word != "--");
        while let Some(word) = rest.next() {
            if ["-l", "--lab"].contains(word) {
                lab = rest.next().copied();
            } else if let Some(name) = word.strip_prefix("--lab=") {
                lab = Some(name);
            } else if let Some(name) = word.strip_prefix("-l") {
                lab = Some(name.strip_prefix('=').unwrap_or(name));
            }
        }
        Self { lab: lab.map(str::to_owned), fresh: before.last() == Some(&"--") }
    }

    /// What begins like the current word, and the marks of what the shell is to find.
    fn candidates(&self, kind: Kind, current: &OsStr) -> Vec<CompletionCandidate> {
        let mut found = match kind {
            Kind::Topology | Kind::Program | Kind::File => Vec::new(),
            Kind::Lab | Kind::LabOrTopology => labs(),
            Kind::Place => self.places(),
            Kind::PlaceOrFabric => self.places_and_fabric(),
            Kind::PlaceFabricOrSegment => {
                self.places_and_fabric().into_iter().chain(self.segments()).collect()
            }
            Kind::PlaceOrSegment => self.places().into_iter().chain(self.segments()).collect(),
            Kind::Value => values("="),
            Kind::Key => values(""),
            Kind::Container => self.containers(),
            Kind::Code => codes(),
            Kind::DataPath => DataPath::ALL.into_iter().map(data_path).collect(),
        };
        // Codes are known by either case, and names have no capitals.
        let current = current.to_string_lossy().to_lowercase();
        found.retain(|found| found.get_value().to_string_lossy().to_lowercase().starts_with(&current));
        match kind {
            // An option, and no shell finds those.
            _ if current.starts_with('-') => {}
            Kind::Topology | Kind::LabOrTopology => found.push(TOPOLOGIES.into()),
            Kind::Program if self.fresh => found.push(PROGRAMS.into()),
            Kind::Program | Kind::File => found.push(FILES.into()),
            _ => {}
        }
        found
    }

    /// The lab that is meant. Whatever is wrong with it is said when the line is run, not while it is typed.
    fn record(&self) -> Option<Record> {
        match &self.lab {
            Some(file) if running::is_file(file) => {
                state::record(&load::read(Path::new(file)).ok()?.parse().ok()?.name)
            }
            name => running::find(name.as_deref()).ok(),
        }
    }

    fn places(&self) -> Vec<CompletionCandidate> {
        let Some(record) = self.record() else { return Vec::new() };
        let lab = &record.lab;
        let nodes = lab.nodes.iter().map(|node| (&node.name, "node".to_owned(), Some(node.address)));
        let routers = lab
            .routers
            .iter()
            .map(|router| (&router.name, "router".to_owned(), router.ports.first().map(|port| port.address)));
        let externals = lab
            .externals
            .iter()
            .map(|external| (&external.name, "external".to_owned(), Some(external.address)));
        let pods =
            lab.pods().map(|(node, pod)| (&pod.name, format!("pod on {}", node.name), Some(pod.address)));
        let places = nodes.chain(routers).chain(externals).chain(pods);
        places.map(|(name, what, address)| candidate(name, with_address(&what, address))).collect()
    }

    fn places_and_fabric(&self) -> Vec<CompletionCandidate> {
        let mut places = self.places();
        if !places.is_empty() {
            places.push(candidate("fabric", "the switches".to_owned()));
        }
        places
    }

    fn segments(&self) -> Vec<CompletionCandidate> {
        let Some(record) = self.record() else { return Vec::new() };
        let segments = record.lab.segments.iter();
        segments
            .map(|segment| candidate(&segment.name, with_address("segment", Some(segment.subnet))))
            .collect()
    }

    fn containers(&self) -> Vec<CompletionCandidate> {
        let Some(record) = self.record() else { return Vec::new() };
        let containers = record.lab.pods().flat_map(|(_, pod)| {
            let name = |container: &str| format!("{}/{container}", pod.name);
            pod.containers.iter().map(move |row| candidate(&name(&row.name), row.command.join(" ")))
        });
        let servers =
            record.lab.externals.iter().map(|external| candidate(&external.name, "its server".to_owned()));
        containers.chain(servers).collect()
    }
}

/// The values of impairments.
fn values(end: &str) -> Vec<CompletionCandidate> {
    let example =
        |word: &str| IMPAIR_EXAMPLES.iter().find(|(key, _)| *key == word).map_or("", |(_, example)| *example);
    let words = Value::ALL.into_iter().map(Value::word);
    words.map(|word| candidate(&format!("{word}{end}"), format!("such as {}", example(word)))).collect()
}

fn candidate(name: &str, help: String) -> CompletionCandidate {
    CompletionCandidate::new(name).help(Some(help.into()))
}

fn with_address(what: &str, addresses: Option<Addresses>) -> String {
    let address = addresses.and_then(|addresses| addresses.primary());
    address.map_or_else(|| what.to_owned(), |address| format!("{what}, {address}"))
}

fn labs() -> Vec<CompletionCandidate> {
    state::labs()
        .unwrap_or_default()
        .into_iter()
        .map(|lab| CompletionCandidate::new(lab).help(Some("running".into())))
        .collect()
}

fn data_path(one: DataPath) -> CompletionCandidate {
    let about = match one {
        DataPath::L2 => "all pods on one flat layer-2 network",
        DataPath::HostGw => "every node has a route to every other node's pods",
        DataPath::Cloud => "the fabric has the routes, as a cloud's route table",
        DataPath::Vxlan => "Ethernet frames in UDP, as flannel does it",
        DataPath::Geneve => "Ethernet frames in UDP, as OVN and Cilium do it",
        DataPath::Ipip => "IPv4 packets in IPv4 packets",
        DataPath::Gre => "IP packets in GRE",
        DataPath::Wireguard => "encrypted IP packets in UDP",
    };
    candidate(one.word(), about.to_owned())
}

fn codes() -> Vec<CompletionCandidate> {
    let title = |code| page(code).lines().next().unwrap_or_default();
    let about = |code: Code| title(code).trim_start_matches(code.id()).trim_start_matches([':', ' ']);
    Code::ALL.into_iter().map(|code| candidate(code.id(), about(code).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lab(line: &str) -> Option<String> {
        Line::read(&line.split(' ').map(OsString::from).collect::<Vec<_>>()).lab
    }

    #[test]
    fn the_lab_is_found_however_it_is_spelt() {
        for line in ["netlab sh -l a x", "netlab sh -la x", "netlab sh --lab a x", "netlab sh --lab=a x"] {
            assert_eq!(lab(line).as_deref(), Some("a"), "{line}");
        }
        for line in ["netlab sh x", "netlab sh -l a", "netlab exec x -- ls -l a b"] {
            assert_eq!(lab(line), None, "{line}");
        }
    }
}
