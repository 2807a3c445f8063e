//! Tests that follow a packet from interface to interface.

use std::net::IpAddr;
use std::time::Duration;

use super::subject::Subject;
use crate::cmd::walk::{Listening, Neighbours, Request, follow};
use crate::kernel::Datagram;
use crate::model::{Probe, Test};
use crate::plan::plan;
use crate::probe::Outcome;
use crate::render::LabNames;
use crate::render::walk::{Macs, normal};
use crate::suite::judge;
use crate::walk::Wires;

/// How long an answer may take; silence is believed after that.
const PATIENCE: Duration = Duration::from_secs(2);

/// What came of a test that follows a packet.
pub(super) struct Walked {
    pub(super) outcome: Outcome,
    /// The interfaces that it crossed, each with its place.
    pub(super) steps: Vec<(String, String)>,
    /// As it stands in a snapshot.
    pub(super) text: String,
}

impl Subject<'_> {
    /// What came of a test that follows a packet; each is done once.
    pub(super) fn walked(&mut self, test: &Test, to: IpAddr) -> anyhow::Result<&Walked> {
        if !self.walks.contains_key(&test.name) {
            let walked = walk(self, test, to)?;
            self.walks.insert(test.name.clone(), walked);
        }
        self.known_walk(test).ok_or_else(|| anyhow::anyhow!("{}: no walk", test.name))
    }

    /// The same, if it was done.
    pub(super) fn known_walk(&self, test: &Test) -> Option<&Walked> {
        self.walks.get(&test.name)
    }

    /// What a snapshot has of walks.
    pub(super) fn walks_of_snapshot(&mut self) -> anyhow::Result<String> {
        let mut text = String::new();
        let wanted = self.lab.tests.iter().filter(|test| test.probe == Probe::Walk && test.snapshot);
        for test in wanted.collect::<Vec<_>>() {
            let Some(request) = self.request(test) else { continue };
            text.push('\n');
            text.push_str(&self.walked(test, request.to)?.text);
        }
        Ok(text)
    }
}

fn walk(subject: &Subject<'_>, test: &Test, target: IpAddr) -> anyhow::Result<Walked> {
    let lab = subject.lab;
    let request = Request {
        lab,
        sandboxes: subject.sandboxes(),
        from: &test.from,
        to: &test.to,
        target,
        attempt: judge::attempt(test),
        datagram: Datagram::default(),
        neighbours: Neighbours::AsTheyAre,
        timeout: PATIENCE,
        listening: Listening::OnTheWay,
        macs: Macs::Owners,
        wires: Wires::new(&plan(lab)),
        names: LabNames::new(lab),
    };
    let (outcome, story) = follow(&request)?;
    let steps = story.ways.first().into_iter().flat_map(|way| &way.steps);
    let steps = steps.map(|step| (step.place.clone(), step.interface.clone())).collect();
    Ok(Walked { outcome, steps, text: normal(&test.name, &story) })
}
