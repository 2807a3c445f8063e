//! What keeps a lab from coming up on this machine, told before anything of it is made.

use super::{Fail, MACHINE};
use crate::doctor::{Gravity, Obstacle, Takes, obstacles};
use crate::model::Lab;
use crate::{kernel, ui};

/// The variable that has labs tried whatever is foreseen: the kernel has the last word.
const OVERRIDE: &str = "NETLAB_LIMITS";

/// What is known of how much of each limit is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Used {
    /// As the machine is.
    Now,
    /// Something will be given back first: nobody knows how much.
    Unknown,
}

/// What this lab takes more of than this machine leaves.
pub(super) fn limits(lab: &Lab, used: Used) -> Vec<Obstacle> {
    if std::env::var_os(OVERRIDE).is_some_and(|value| value == "ignore") {
        return Vec::new();
    }
    let takes = Takes::of(lab);
    let mut readings = kernel::limits_for(&takes);
    if used == Used::Unknown {
        readings.iter_mut().for_each(|reading| reading.used = None);
    }
    obstacles(&takes, &readings)
}

/// Refuses a lab that this machine has no room for, with all that is in the way, and warns of what will not be as it should.
pub(super) fn room(lab: &Lab, used: Used) -> anyhow::Result<()> {
    let who = format!("lab `{}`", lab.name);
    let (refused, doubtful): (Vec<_>, Vec<_>) = limits(lab, used).into_iter().partition(is_refusal);
    if !refused.is_empty() {
        let lines: Vec<String> = refused.iter().map(|obstacle| obstacle.said_of(&who)).collect();
        let message =
            format!("{}\n{who} was not brought up; nothing of it was made", lines.join("\nnetlab: "));
        return Err(Fail { code: MACHINE, message }.into());
    }
    if used == Used::Now {
        warn(&who, &doubtful);
    }
    Ok(())
}

/// The same for a lab that is one of many: only why not, in one line.
pub(super) fn refusal(lab: &Lab) -> Option<String> {
    let refused = limits(lab, Used::Now).into_iter().filter(is_refusal);
    let said: Vec<String> = refused.map(|obstacle| obstacle.said_of("the lab")).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

fn is_refusal(obstacle: &Obstacle) -> bool {
    obstacle.gravity == Gravity::Refused
}

/// A line for each, on standard error.
pub(super) fn warn(who: &str, obstacles: &[Obstacle]) {
    for obstacle in obstacles {
        ui::remark(&format!("warning: this machine: {}", obstacle.said_of(who)));
    }
}
