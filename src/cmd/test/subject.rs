//! A running lab, and how to ask in it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;

use anyhow::Context as _;

use super::walks::Walked;
use crate::cmd::running::addresses;
use crate::cmd::status::containers_in;
use crate::kernel::{self, ContainerState, Interrupts, Prober, Seen};
use crate::model::{Family, Lab, Test};
use crate::plan::Sandbox;
use crate::probe::{Finding, Request};
use crate::suite::{Survey, judge};

/// So many questions are in the air at the same time: what the prober keeps of each is needed no longer.
const AT_ONCE: usize = 200_000;

/// A running lab, as its record tells of it.
#[derive(Clone, Copy)]
pub(super) struct Here<'a> {
    /// All its namespaces.
    pub(super) sandboxes: &'a [Sandbox],
    /// Where its files are.
    pub(super) directory: &'a Path,
}

/// A lab that is being examined.
pub(super) struct Subject<'a> {
    pub(super) lab: &'a Lab,
    here: Here<'a>,
    /// Those that ask, in the order in which requests number them: a survey's places, then the routers and the fabric.
    askers: Vec<Sandbox>,
    prober: Prober,
    pub(super) interrupts: &'a Interrupts,
    /// What came of tests that follow a packet, by name.
    pub(super) walks: HashMap<String, Walked>,
}

impl<'a> Subject<'a> {
    /// A running lab, with what it takes to ask in each of these places.
    pub(super) fn new(
        lab: &'a Lab,
        survey: &Survey,
        here: Here<'a>,
        interrupts: &'a Interrupts,
    ) -> anyhow::Result<Self> {
        let names = survey.askers().map(|place| &place.name);
        let names = names.map(String::as_str).chain(lab.routers.iter().map(|router| router.name.as_str()));
        let names = names.chain((!lab.fabric.is_empty()).then_some("fabric"));
        let by_name: HashMap<&str, &Sandbox> =
            here.sandboxes.iter().map(|sandbox| (sandbox.name.as_str(), sandbox)).collect();
        let asker = |name: &str| {
            let sandbox = by_name.get(name).map(|sandbox| (*sandbox).clone());
            sandbox.with_context(|| format!("the running lab has no `{name}`"))
        };
        let askers: Vec<Sandbox> = names.map(asker).collect::<anyhow::Result<_>>()?;
        let prober = Prober::new(&askers)?;
        Ok(Self { lab, here, askers, prober, interrupts, walks: HashMap::new() })
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

    /// Asks a server which address it sees; nothing where no answer came.
    pub(super) fn seen(&mut self, request: &Request) -> anyhow::Result<Option<Seen>> {
        Ok(self.prober.seen(request.from, request.to, &request.attempt)?)
    }

    /// The request that a test makes.
    pub(super) fn request(&self, test: &Test) -> Option<Request> {
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

    /// All namespaces of the lab.
    pub(super) fn sandboxes(&self) -> &'a [Sandbox] {
        self.here.sandboxes
    }

    /// What the lab's containers are doing.
    pub(super) fn containers(&self) -> Vec<ContainerState> {
        containers_in(self.here.directory)
    }

    /// How many sockets listen in the namespace of a place; none where it is not there.
    pub(super) fn listening(&self, place: &str) -> usize {
        self.index(place).map_or(0, |place| kernel::listening(self.askers[place].pid))
    }
}
