//! One lab, and all that compete in making it.

use std::time::Duration;

use crate::batch::Batch;
use crate::floor::Floor;
use crate::mininet::Mininet;
use crate::netlab::Netlab;
use crate::quiet::Quiet;
use crate::results::{Key, Results, Tool};
use crate::size::Size;
use crate::who::Who;

/// Up to so many pods, `netlab test` asks for all pairs in a time that can be waited for in each round.
const TESTED: usize = 100;
/// From so many pods on, `ip -batch` takes minutes: once is enough.
const ONCE: usize = 5000;
/// How many pairs of pods of a very large lab are asked for.
const SAMPLE: &str = "10000";

/// Everybody who makes one lab for one user.
pub(crate) struct Contest<'a> {
    size: Size,
    who: Who,
    netlab: Netlab,
    floor: Option<&'a Floor>,
    batch: Option<Batch>,
    mininet: Option<&'a Mininet>,
    /// Whether what only very large labs are asked for is known to be there.
    large: bool,
}

impl<'a> Contest<'a> {
    pub(crate) fn new(
        size: Size,
        who: Who,
        floor: Option<&'a Floor>,
        mininet: Option<&'a Mininet>,
    ) -> anyhow::Result<Self> {
        let netlab = Netlab::of(who, &size.topology(""))?;
        let batch = match Batch::new(who, &netlab.plan()?) {
            // The smallest lab shows whether it works at all.
            Ok(batch) if size.all_pods() <= TESTED => batch.build()?.end().map(|()| batch),
            other => other,
        };
        let batch = batch
            .inspect_err(|error| eprintln!("SKIPPED: ip -batch, {}, {}: {error:#}", who.word(), size.word()));
        if size.all_pods() <= TESTED {
            netlab.accept()?;
        }
        // It is root's alone.
        let mininet = mininet.filter(|_| who == Who::Root && size.all_pods() <= TESTED);
        Ok(Self { size, who, netlab, floor, batch: batch.ok(), mininet, large: size.all_pods() >= ONCE })
    }

    /// Whether a round takes so little time that one more does not matter.
    pub(crate) fn is_quick(&self) -> bool {
        self.size.all_pods() <= TESTED
    }

    /// Everybody's turn, once; each begins when the kernel has freed what the one before left.
    pub(crate) fn round(&self, round: u32, quiet: &mut Quiet, results: &mut Results) -> anyhow::Result<()> {
        eprintln!("{} as {}, round {round}", self.size.word(), self.who.word());
        self.netlab(quiet, results)?;
        if let Some(floor) = self.floor {
            quiet.wait()?;
            let held = floor.up(self.who, self.size)?;
            self.note(results, "up", Tool::Floor, held.took);
            self.note(results, "down", Tool::Floor, held.end()?);
            quiet.wait()?;
            let left = floor.up_and_leave(self.who, self.size)?;
            self.note(results, "up", Tool::FloorCommands, left.took);
            self.note(results, "down", Tool::FloorCommands, floor.down(self.who, &left)?);
        }
        if let Some(batch) = self.batch.as_ref().filter(|_| self.size.all_pods() < ONCE || round == 1) {
            quiet.wait()?;
            let built = batch.build()?;
            self.note(results, "up", Tool::Batch, built.took);
            built.end()?;
        }
        if let Some(mininet) = self.mininet {
            quiet.wait()?;
            let (up, down) = mininet.run(self.size)?;
            self.note(results, "up", Tool::Mininet, up);
            self.note(results, "down", Tool::Mininet, down);
        }
        Ok(())
    }

    fn netlab(&self, quiet: &mut Quiet, results: &mut Results) -> anyhow::Result<()> {
        let netlab = &self.netlab;
        let mut note = |command, took| self.note(results, command, Tool::Netlab, took);
        quiet.wait()?;
        note("up", netlab.up()?);
        note("status", netlab.status()?);
        note("exec true", netlab.exec()?);
        note("walk", netlab.walk()?);
        if self.large {
            self.reach("all gateways", &["matrix", "--gateways"], &mut note)?;
            self.reach("10,000 pairs", &["matrix", "--sample", SAMPLE], &mut note)?;
        }
        note("down", netlab.down()?);
        if self.is_quick() {
            quiet.wait()?;
            note("test", netlab.test()?);
        }
        Ok(())
    }

    /// What is asked of a very large lab: a command that fails if a single answer is missing.
    fn reach(
        &self,
        name: &'static str,
        args: &[&str],
        note: &mut impl FnMut(&'static str, Duration),
    ) -> anyhow::Result<()> {
        match self.netlab.time_if_known(args)? {
            Some((took, said)) => {
                eprintln!("{name}: {said}");
                note(name, took);
            }
            None => eprintln!("SKIPPED: {name}: this netlab has no `{}`", args.join(" ")),
        }
        Ok(())
    }

    fn note(&self, results: &mut Results, command: &'static str, tool: Tool, took: Duration) {
        results.add(Key { size: self.size, who: self.who, command }, tool, took);
    }
}
