//! PURE. What a machine can do for labs: verdicts on facts that were tried and read elsewhere, and what to do where one is bad.
//!
//! The facts say what the kernel did when asked. Nothing here guesses: what could not be tried is said to be so.

mod facts;
mod limits;
mod needs;
mod obstacle;
mod remedies;
#[cfg(test)]
pub(crate) mod sample;
mod takes;
#[cfg(test)]
mod tests;

pub use facts::{Facts, Filter, Foundation, Machine, Modules, Namespace, Settings, State, Tried, User};
pub use limits::{Limit, Reading, Serves, Value};
pub use needs::{Use, Wants};
pub use obstacle::{Gravity, Obstacle, obstacles, raise};
pub use remedies::Remedy;
pub use takes::Takes;

use crate::plan::Feature;

/// What is needed for labs that join their nodes by routes: the least that netlab is good for.
const BASIC: Use = Use::DataPath(crate::model::DataPath::HostGw);

/// A machine, examined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// What was found.
    pub facts: Facts,
    /// The topologies that were asked about.
    pub labs: Vec<Asked>,
}

/// A topology that was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its file, as it was named.
    pub file: String,
    /// The lab's name.
    pub lab: String,
    /// What it takes.
    pub wants: Wants,
}

impl Examination {
    /// Whether basic labs can run here, and all those that were asked about.
    pub fn is_fine(&self) -> bool {
        self.can_run() && self.labs.iter().all(|asked| self.obstacles(&asked.wants).is_empty())
    }

    /// Whether basic labs can run here.
    pub fn can_run(&self) -> bool {
        self.facts.denied().is_none() && self.lacking(BASIC.features()).is_empty()
    }

    /// Those of these features that did not work.
    pub fn lacking(&self, of: &[Feature]) -> Vec<Feature> {
        of.iter().copied().filter(|feature| self.facts.state(*feature) != State::Present).collect()
    }

    /// Whether a limit is lower than it should be for this user's labs.
    pub fn is_low(&self, reading: &Reading) -> bool {
        self.concerns(reading) && reading.is_low()
    }

    /// root's labs have no user namespaces.
    fn concerns(&self, reading: &Reading) -> bool {
        reading.limit != Limit::UserNamespaces || self.facts.foundation != Foundation::Root
    }

    /// Why a lab that takes this cannot run here.
    pub fn obstacles(&self, wants: &Wants) -> Vec<String> {
        if self.facts.denied().is_some() {
            return vec!["no lab can".to_owned()];
        }
        let lacks = wants.features.iter().filter_map(|feature| {
            let state = self.facts.state(*feature);
            (state != State::Present).then(|| format!("{} {}", feature.word(), state.word()))
        });
        let mut tight: Vec<(String, Vec<String>)> = Vec::new();
        for obstacle in self.limits_of(wants, Gravity::Refused) {
            let (needs, leaves) = (obstacle.needs(), obstacle.leaves());
            match tight.iter_mut().find(|(other, _)| *other == needs) {
                Some((_, limits)) => limits.push(leaves),
                None => tight.push((needs, vec![leaves])),
            }
        }
        let limits =
            tight.into_iter().map(|(what, limits)| format!("it takes {what}, but {}", limits.join(", ")));
        lacks.chain(limits).collect()
    }
    /// What comes of limits that keep no lab from coming up, but are too low for it.
    pub fn doubts(&self, wants: &Wants) -> Vec<String> {
        let doubtful = self.limits_of(wants, Gravity::Doubtful);
        doubtful.map(|obstacle| format!("takes {}, but {}", obstacle.needs(), obstacle.leaves())).collect()
    }

    fn limits_of(&self, wants: &Wants, gravity: Gravity) -> impl Iterator<Item = Obstacle> {
        let readings = self.facts.limits.iter().filter(|reading| self.concerns(reading));
        obstacles(&wants.takes, readings).into_iter().filter(move |obstacle| obstacle.gravity == gravity)
    }
}
