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

/// Refuses a lab that this machine has no room for, and remarks on what will not be as it should be.
pub(super) fn room(lab: &Lab, used: Used) -> anyhow::Result<()> {
    let who = format!("lab `{}`", lab.name);
    let (refused, doubtful): (Vec<_>, Vec<_>) =
        limits(lab, used).into_iter().partition(|obstacle| obstacle.gravity == Gravity::Refused);
    if let Some(message) = refusal(&who, &refused) {
        return Err(Fail { code: MACHINE, message }.into());
    }
    if used == Used::Now {
        warn(&who, &doubtful);
    }
    Ok(())
}

/// All that is in the way, and that nothing was made.
fn refusal(who: &str, obstacles: &[Obstacle]) -> Option<String> {
    let lines: Vec<String> = obstacles.iter().map(|obstacle| obstacle.said_of(who)).collect();
    (!lines.is_empty())
        .then(|| format!("{}\n{who} was not brought up; nothing of it was made", lines.join("\nnetlab: ")))
}

/// A line for each, on standard error.
pub(super) fn warn(who: &str, obstacles: &[Obstacle]) {
    for obstacle in obstacles {
        ui::remark(&format!("warning: this machine: {}", obstacle.said_of(who)));
    }
}
