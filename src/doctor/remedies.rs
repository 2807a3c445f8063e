//! What to do about each thing that is not as it should be.

use serde::Serialize;

use super::{Examination, Modules, State};
use crate::plan::Feature;

/// What to do about something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// What is not as it should be.
    pub about: String,
    /// What it means, and what to do.
    pub text: String,
}

impl Examination {
    /// One for each thing that is not fine; features that need the same are told together.
    pub fn remedies(&self) -> Vec<Remedy> {
        let mut remedies = Vec::new();
        if let Some(why) = self.facts.denied() {
            remedies.push(Remedy { about: "labs".into(), text: why.to_owned() });
        }
        let mut told: Vec<Remedy> = Vec::new();
        for tried in &self.facts.features {
            let Some(text) = self.remedy(tried.feature, tried.state, tried.said.as_deref()) else { continue };
            match told.iter_mut().find(|other| other.text == text) {
                Some(other) => other.about = format!("{}, {}", other.about, tried.feature.word()),
                None => told.push(Remedy { about: tried.feature.word().into(), text }),
            }
        }
        remedies.extend(told);
        let low = self.facts.limits.iter().filter(|reading| self.is_low(reading));
        let low = low.map(|reading| Remedy {
            about: reading.limit.name().into(),
            text: format!("{}: {}", reading.meaning(), reading.remedy(0)),
        });
        remedies.extend(low);
        remedies
    }

    fn remedy(&self, feature: Feature, state: State, said: Option<&str>) -> Option<String> {
        let about = feature.about();
        match state {
            State::Present => None,
            // Nothing was tried: the reason has been told.
            State::Denied if self.facts.denied().is_some() => None,
            State::Denied => Some(format!("the kernel refused it: {}", said.unwrap_or("it did not say why"))),
            State::Loadable => Some(format!(
                "on this machine's disk, but not loaded by itself: `sudo modprobe -a {}`",
                about.modules.join(" ")
            )),
            State::Missing => {
                let no_list = self.facts.machine.modules == Modules::NotListed && !about.modules.is_empty();
                let reboot = if no_list {
                    format!(
                        "; there is no list of modules in /lib/modules/{}: if the kernel was upgraded since it was booted, reboot",
                        self.facts.machine.release
                    )
                } else {
                    String::new()
                };
                Some(format!("not in this kernel; {}{reboot}", about.package))
            }
        }
    }
}
