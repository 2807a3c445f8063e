//! Where frames are lost, questions for neighbours would be lost too: so the answers are entered before, and taken away when
//! nothing is lost any more.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Now;
use crate::kernel::Live;
use crate::plan::{Cable, CableEnd, Op, Plan, Step, Wires};

/// Who is dealt with beside the cables that are meant.
pub(super) enum Around {
    /// Nobody.
    Nobody,
    /// Those who will have questions that could be lost, each with the answers.
    Asking(Vec<Step>),
    /// Everybody who may have been told answers.
    Wires(Wires),
}

/// What [`Around::learn`] has made.
pub(super) struct Learnt(Vec<(String, Vec<(u32, IpAddr)>)>);

impl Around {
    pub(super) fn nobody(_: &Plan, _: &[Cable]) -> Self {
        Self::Nobody
    }

    /// Before these cables begin to lose frames.
    pub(super) fn those_who_ask(plan: &Plan, cables: &[Cable]) -> Self {
        Self::Asking(plan.neighbours_at(&cables.iter().collect::<Vec<_>>()))
    }

    /// When these cables may no longer lose frames.
    pub(super) fn whole_wires(plan: &Plan, cables: &[Cable]) -> Self {
        Self::Wires(plan.wires_of(cables))
    }

    /// The namespaces that have to be entered for it.
    pub(super) fn places(&self) -> BTreeSet<usize> {
        match self {
            Self::Nobody => BTreeSet::new(),
            Self::Asking(steps) => steps.iter().map(|step| step.run_in).collect(),
            Self::Wires(wires) => {
                let ends = wires.cables.iter().flat_map(|cable| [cable.near, cable.far]);
                ends.chain(wires.interfaces.iter().map(|(place, _)| *place)).collect()
            }
        }
    }

    /// Enters the answers that are not there yet.
    pub(super) fn learn(&self, plan: &Plan, live: &mut Live) -> anyhow::Result<Learnt> {
        let mut learnt = Learnt(Vec::new());
        let Self::Asking(steps) = self else { return Ok(learnt) };
        for step in steps {
            let place = &plan.namespaces[step.run_in].name;
            match live.learn(place, &step.ops) {
                Ok(made) => learnt.0.push((place.clone(), made)),
                Err(problem) => {
                    let _ = learnt.undo(live);
                    return Err(problem.into());
                }
            }
        }
        Ok(learnt)
    }

    /// Takes answers away that were entered by [`learn`](Self::learn), but for those that cables still need that lose frames.
    pub(super) fn forget(&self, plan: &Plan, live: &mut Live) -> anyhow::Result<()> {
        let Self::Wires(wires) = self else { return Ok(()) };
        let needed = needed(plan, live, &wires.cables)?;
        let places: BTreeSet<usize> = wires.interfaces.iter().map(|(place, _)| *place).collect();
        for place in places {
            let name = &plan.namespaces[place].name;
            let mut entries = live.learnt(name)?;
            entries.retain(|(link, address)| {
                wires.interfaces.contains(&(place, *link)) && !needed.contains(&(place, *link, *address))
            });
            live.forget(name, &entries)?;
        }
        Ok(())
    }
}

/// The answers that those of these cables need which lose frames now: the place, the interface and the address.
fn needed(plan: &Plan, live: &mut Live, cables: &[Cable]) -> anyhow::Result<BTreeSet<(usize, u32, IpAddr)>> {
    let mut now = Now::default();
    let mut lossy = Vec::new();
    for cable in cables {
        for end in [CableEnd::Out, CableEnd::In] {
            if now.impair(live, plan, cable, end)?.is_some_and(|impair| impair.loses_frames()) {
                lossy.push(cable);
                break;
            }
        }
    }
    let steps = plan.neighbours_at(&lossy);
    let ops = steps.iter().flat_map(|step| step.ops.iter().map(|op| (step.run_in, op)));
    let entries = ops.filter_map(|(place, op)| match op {
        Op::Neighbour { link, address, .. } => Some((place, link.index, *address)),
        _ => None,
    });
    Ok(entries.collect())
}

impl Learnt {
    /// Takes all of it away again.
    pub(super) fn undo(&self, live: &mut Live) -> anyhow::Result<()> {
        for (place, entries) in &self.0 {
            live.forget(place, entries)?;
        }
        Ok(())
    }
}
