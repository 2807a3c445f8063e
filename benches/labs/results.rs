//! What everybody took, as tables and as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::figures::{Figures, Target, millis, time, times};
use crate::size::Size;
use crate::table::Table;
use crate::who::Who;

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tool {
    Netlab,
    /// The floor program, holding the lab.
    Floor,
    /// The floor program as two commands, of which the first leaves the lab.
    FloorCommands,
    Batch,
    Mininet,
}

impl Tool {
    fn word(self) -> &'static str {
        match self {
            Self::Netlab => "netlab",
            Self::Floor => "floor",
            Self::FloorCommands => "floor as commands",
            Self::Batch => "ip -batch",
            Self::Mininet => "Mininet",
        }
    }
}

/// What was done.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Key {
    pub(crate) size: Size,
    pub(crate) who: Who,
    pub(crate) command: &'static str,
}

/// How often the floor program's time netlab may take, and by how much at the smallest size.
const RATIO: f64 = 1.3;
const SMALL: usize = 4;
const MORE: f64 = 20.0;
/// How much faster than `ip -batch` it is to be.
const FASTER: f64 = 3.0;
/// Milliseconds that a walk should take in any lab.
const WALK: f64 = 300.0;

/// Milliseconds of each run, in the order of the rounds.
type Runs = BTreeMap<Tool, Vec<f64>>;

#[derive(Default)]
pub(crate) struct Results {
    all: Vec<(Key, Runs)>,
}

impl Results {
    pub(crate) fn add(&mut self, key: Key, tool: Tool, took: Duration) {
        let place = self.all.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
            self.all.push((key, Runs::new()));
            self.all.len() - 1
        });
        self.all[place].1.entry(tool).or_default().push(millis(took));
    }

    /// Forgets the runs that were only to warm up.
    pub(crate) fn forget(&mut self) {
        self.all.clear();
    }

    /// What was measured of netlab and of another: the pairs of each round, put together.
    fn pairs(runs: &Runs, other: Tool, put: impl Fn(f64, f64) -> f64) -> Option<Figures> {
        Figures::of_pairs(runs.get(&Tool::Netlab)?, runs.get(&other)?, put)
    }

    /// Markdown, the ratios first.
    pub(crate) fn tables(&self) -> String {
        [self.floor_table(), self.rival_table(), self.command_table()].join("\n")
    }

    fn rows<'a>(&'a self, commands: &'a [&'a str]) -> impl Iterator<Item = (&'a Key, &'a Runs)> {
        let of = |command: &'a str| self.all.iter().filter(move |(key, _)| key.command == command);
        commands.iter().flat_map(move |command| of(command)).map(|(key, runs)| (key, runs))
    }

    fn floor_table(&self) -> String {
        let mut table = Table::new(&[
            "command",
            "lab",
            "as",
            "#netlab ÷ floor",
            "#netlab − floor",
            "target",
            "",
            "#netlab ÷ floor as commands",
            "#netlab: median",
            "#least",
            "#most",
            "#floor: median",
            "#least",
            "#most",
            "#floor as commands: median",
        ]);
        for (key, runs) in self.rows(&["up", "down"]) {
            let ratio = Self::pairs(runs, Tool::Floor, |ours, floor| ours / floor).map(|found| found.median);
            let more = Self::pairs(runs, Tool::Floor, |ours, floor| ours - floor).map(|found| found.median);
            let commands = Self::pairs(runs, Tool::FloorCommands, |ours, floor| ours / floor);
            let commands = commands.map(|found| found.median);
            let judged = if key.size.all_pods() <= SMALL {
                Target::judge_some(Some(Target::Most(MORE, "ms more")), more)
            } else {
                // `down` is a program that has to be started, and ends a lab that others hold: so is the floor's.
                let like = if key.command == "down" { commands } else { ratio };
                Target::judge_some(Some(Target::Most(RATIO, "×")), like)
            };
            let cells =
                |tool: Tool| runs.get(&tool).map_or_else(Default::default, |runs| Figures::of(runs).cells());
            let [detached, ..] = cells(Tool::FloorCommands);
            let what = [key.command.to_owned(), key.size.word(), key.who.word().to_owned()];
            let compared = [ratio.map_or_else(String::new, times), more.map_or_else(String::new, time)];
            let commands = [commands.map_or_else(String::new, times)];
            let row = what.into_iter().chain(compared).chain(judged).chain(commands);
            table.row(row.chain(cells(Tool::Netlab)).chain(cells(Tool::Floor)).chain([detached]));
        }
        table.finish()
    }

    fn rival_table(&self) -> String {
        let mut table = Table::new(&[
            "other tool",
            "lab",
            "as",
            "#it ÷ netlab, up",
            "target",
            "",
            "#it: median",
            "#least",
            "#most",
        ]);
        for (key, runs) in self.rows(&["up"]) {
            for tool in [Tool::Batch, Tool::Mininet] {
                let Some(theirs) = runs.get(&tool) else { continue };
                let ratio = Self::pairs(runs, tool, |ours, other| other / ours).map(|found| found.median);
                let target = (tool == Tool::Batch).then_some(Target::Least(FASTER, "×"));
                let what = [tool.word().to_owned(), key.size.word(), key.who.word().to_owned()];
                let row = what.into_iter().chain([ratio.map_or_else(String::new, times)]);
                table.row(row.chain(Target::judge_some(target, ratio)).chain(Figures::of(theirs).cells()));
            }
        }
        table.finish()
    }

    fn command_table(&self) -> String {
        let mut table =
            Table::new(&["command", "lab", "as", "#netlab: median", "#least", "#most", "target", ""]);
        for (key, runs) in self.rows(&["status", "exec true", "walk", "test", "all gateways", "10,000 pairs"])
        {
            let Some(ours) = runs.get(&Tool::Netlab) else { continue };
            let figures = Figures::of(ours);
            let target = (key.command == "walk").then_some(Target::Most(WALK, "ms"));
            let what = [key.command.to_owned(), key.size.word(), key.who.word().to_owned()];
            let judged = Target::judge_some(target, Some(figures.median));
            table.row(what.into_iter().chain(figures.cells()).chain(judged));
        }
        table.finish()
    }

    /// Every single time.
    pub(crate) fn json(&self) -> Value {
        let rows = self.all.iter().flat_map(|(key, runs)| {
            runs.iter().map(|(tool, runs)| {
                let Figures { median, least, most } = Figures::of(runs);
                json!({
                    "nodes": key.size.nodes, "pods_each": key.size.pods, "as": key.who.word(),
                    "command": key.command, "tool": tool.word(),
                    "median_ms": median, "least_ms": least, "most_ms": most, "times_ms": runs,
                })
            })
        });
        rows.collect()
    }
}
