//! Labs that live no longer than the process which needs them.

use std::path::Path;

use super::foresee;
use super::launch::launch;
use crate::event::{Event, Failure};
use crate::kernel::{self, Heard, Interrupts, Launched, Stopwatch};
use crate::model::Lab;
use crate::state::{self, Record};

/// Such a lab's name begins with so many characters of the lab's own; a DNS label has 63.
const NAME: usize = 40;

/// Why a lab did not come up.
pub(super) enum NotUp {
    /// This kernel lacks something that it needs, or this machine has no room for it.
    Lacks(String),
    /// For a reason that keeps all labs from coming up.
    Denied(String),
    /// A signal came.
    Stopped,
    /// Anything else.
    Error(String),
}

/// The name of a lab that this process needs for that purpose: nobody else's lab has it.
pub(super) fn name(lab: &str, purpose: &str) -> String {
    let stem: String = lab.chars().take(NAME).collect();
    format!("{}-{purpose}-{}", stem.trim_end_matches('-'), std::process::id())
}

/// Brings a lab up that lives no longer than this process, unless it is told to.
pub(super) fn bring_up(
    lab: &Lab,
    file: &Path,
    directory: &Path,
    interrupts: &Interrupts,
) -> Result<(Launched, Record), NotUp> {
    if let Some(why) = foresee::refusal(lab) {
        return Err(NotUp::Lacks(why));
    }
    let mut launched = launch(lab, file, directory, Stopwatch::default())
        .map_err(|problem| NotUp::Error(format!("{problem:#}")))?;
    let end = loop {
        match launched.next(interrupts) {
            Ok(Heard::Event(Event::Built(_) | Event::Started(_) | Event::Timings(_))) => {}
            Ok(Heard::Event(Event::Ready)) => match state::record_in(directory) {
                Some(record) => return Ok((launched, record)),
                None => break NotUp::Error("its record cannot be read".into()),
            },
            Ok(Heard::Event(Event::Failed { failure, message })) => {
                break match failure {
                    Failure::Feature => NotUp::Lacks(message),
                    Failure::Machine => NotUp::Denied(message),
                    Failure::Busy | Failure::Other => NotUp::Error(message),
                };
            }
            Ok(Heard::Ended) => break NotUp::Error(kernel::silent_death(launched.keeper).1),
            Ok(Heard::Interrupted(_)) => break NotUp::Stopped,
            Err(problem) => break NotUp::Error(problem.to_string()),
        }
    };
    match launched.abort() {
        Ok(()) => Err(end),
        Err(problem) => Err(NotUp::Error(problem.to_string())),
    }
}
