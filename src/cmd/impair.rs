//! `netlab impair`: what the cables of a running lab do to frames, changed and shown.

mod neighbours;

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};

use super::cables::{self, Meant, What};
use super::{FINE, print_json, running, usage};
use crate::cli::{self, DirectionArg, Format, ImpairAction, ImpairClear, ImpairSet, ImpairShow};
use crate::diag::closest;
use crate::kernel::Live;
use crate::model::{Clash, Impair, Value};
use crate::plan::{Cable, CableEnd, Op, Plan, Qdisc, plan};
use crate::render::impair::{Impaired, Impairments, impairments_text};
use crate::state::Record;
use crate::ui;
use neighbours::Around;

pub(super) fn impair(args: &cli::Impair) -> anyhow::Result<u8> {
    let lab = args.lab.as_deref();
    match &args.action {
        ImpairAction::Set(args) => set(lab, args),
        ImpairAction::Show(args) => show(lab, args),
        ImpairAction::Clear(args) => clear(lab, args),
    }
}

fn set(lab: Option<&str>, args: &ImpairSet) -> anyhow::Result<u8> {
    let changes = args.values.iter().map(|text| assignment(text)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut twice = BTreeSet::new();
    if let Some((value, _)) = changes.iter().find(|(value, _)| !twice.insert(*value)) {
        return Err(usage(format!("`{}` is given twice", value.word())));
    }
    let loses = changes.iter().any(|(value, _)| value.loses_frames());
    let around = if loses { Around::those_who_ask } else { Around::nobody };
    let mut work = Work::begin(lab, Some(&args.target), args.direction, around)?;
    for end in &mut work.ends {
        changes.iter().for_each(|(value, number)| end.impair.set(*value, Some(*number)));
    }
    work.check(|clash| clash.remedy.to_owned())?;
    let mut live = work.live;
    let learnt = work.around.learn(&work.plan, &mut live)?;
    for (place, ops) in queues(&work.plan, &work.ends) {
        if let Err(problem) = live.apply(place, &ops) {
            // Nothing is lost there that they would be needed for. What keeps them from going is no news beside that.
            let _ = learnt.undo(&mut live);
            return Err(problem.into());
        }
    }
    tell(&work.record, &work.plan, &mut live, &work.ends, Format::Text)
}

fn show(lab: Option<&str>, args: &ImpairShow) -> anyhow::Result<u8> {
    let mut work = Work::begin(lab, args.target.as_deref(), args.direction, Around::nobody)?;
    tell(&work.record, &work.plan, &mut work.live, &work.ends, args.format)
}

fn clear(lab: Option<&str>, args: &ImpairClear) -> anyhow::Result<u8> {
    let keys = args.keys.iter().map(|word| key(word)).collect::<anyhow::Result<Vec<_>>>()?;
    let all = Value::ALL;
    let values = if keys.is_empty() { &all[..] } else { &keys[..] };
    let loses = values.iter().any(|value| value.loses_frames());
    let around = if loses { Around::whole_wires } else { Around::nobody };
    let mut work = Work::begin(lab, Some(&args.target), args.direction, around)?;
    work.ends.retain(|end| !end.impair.is_empty() || (end.is_there && keys.is_empty()));
    if work.ends.is_empty() {
        work.around.forget(&work.plan, &mut work.live)?;
        ui::print(&format!("{} is not impaired\n", args.target))?;
        return Ok(FINE);
    }
    for end in &mut work.ends {
        values.iter().for_each(|value| end.impair.set(*value, None));
    }
    work.check(|clash| format!("clear {} too", clash.value.word()))?;
    let mut live = work.live;
    for end in work.ends.iter().filter(|end| end.impair.is_empty()) {
        let (place, link) = end.cable.end(end.end);
        live.clear(&work.plan.namespaces[place].name, link)?;
    }
    for (place, ops) in queues(&work.plan, &work.ends) {
        live.apply(place, &ops)?;
    }
    work.around.forget(&work.plan, &mut live)?;
    tell(&work.record, &work.plan, &mut live, &work.ends, Format::Text)
}

/// `delay=10ms`
fn assignment(text: &str) -> anyhow::Result<(Value, u64)> {
    let Some((word, value)) = text.split_once('=') else {
        let example = match Value::from_word(text) {
            Some(value) => format!("{}=…", value.word()),
            None => "delay=10ms".into(),
        };
        return Err(usage(format!("`{text}` has no value: write it as {example}")));
    };
    let key = key(word)?;
    let number = key.parse(value);
    Ok((key, number.map_err(|wrong| usage(format!("{text}: {}; {}", wrong.why, wrong.instead)))?))
}

fn key(word: &str) -> anyhow::Result<Value> {
    let words = Value::ALL.map(Value::word);
    Value::from_word(word).ok_or_else(|| {
        usage(match (word, closest(word, words)) {
            ("direction", _) => "the direction is an option: --direction out".to_owned(),
            (_, Some(near)) => format!("`{word}` is not one of the values; did you mean `{near}`?"),
            (_, None) => format!("`{word}` is not one of the values: {}", words.join(", ")),
        })
    })
}

/// An end of a cable, and what is or shall be done there.
struct EndOf {
    cable: Cable,
    end: CableEnd,
    impair: Impair,
    /// Whether there is a queue that impairs: it may do what only `tc` can set.
    is_there: bool,
}

/// A lab with those of its ends that are meant, as the kernel has them.
struct Work {
    record: Record,
    plan: Plan,
    live: Live,
    ends: Vec<EndOf>,
    around: Around,
}

impl Work {
    fn begin(
        lab: Option<&str>,
        target: Option<&str>,
        direction: DirectionArg,
        around: impl FnOnce(&Plan, &[Cable]) -> Around,
    ) -> anyhow::Result<Self> {
        let record = running::find(lab)?;
        let plan = plan(&record.lab);
        let cables = match target {
            None => plan.cables(),
            Some(target) => meant(&record, &plan, target, direction)?,
        };
        running::in_sight(&record)?;
        let is_segment = target.is_some_and(|name| is_segment(&record, name));
        let wanted: &[CableEnd] = match direction {
            DirectionArg::Both if is_segment => &[CableEnd::In],
            DirectionArg::Both => &[CableEnd::Out, CableEnd::In],
            DirectionArg::Out => &[CableEnd::Out],
            DirectionArg::In => &[CableEnd::In],
        };
        let around = around(&plan, &cables);
        let mut places = around.places();
        places.extend(cables.iter().flat_map(|cable| wanted.iter().map(|end| cable.end(*end).0)));
        let mut sandboxes = Vec::new();
        for place in &places {
            sandboxes.push(running::sandbox(&record, &plan.namespaces[*place].name)?);
        }
        let mut live = Live::open(sandboxes)?;
        let mut now = Now::default();
        let mut ends = Vec::new();
        for cable in cables {
            for end in wanted {
                let impair = now.impair(&mut live, &plan, &cable, *end)?;
                let is_there = impair.is_some();
                ends.push(EndOf {
                    cable: cable.clone(),
                    end: *end,
                    impair: impair.unwrap_or_default(),
                    is_there,
                });
            }
        }
        Ok(Self { record, plan, live, ends, around })
    }

    /// Whether the values of each end go together; `remedy` says what to do where they do not.
    fn check(&self, remedy: impl Fn(Clash) -> String) -> anyhow::Result<()> {
        let clash = self.ends.iter().find_map(|end| Some((end, end.impair.clash()?)));
        let Some((end, clash)) = clash else { return Ok(()) };
        let name = cables::name(&self.plan, &end.cable);
        Err(usage(format!("{name} would have {}: {}; {}", end.impair, clash.why, remedy(clash))))
    }
}

/// What the kernel does now, each place asked once.
#[derive(Default)]
struct Now(BTreeMap<usize, BTreeMap<u32, Qdisc>>);

impl Now {
    fn impair(
        &mut self,
        live: &mut Live,
        plan: &Plan,
        cable: &Cable,
        end: CableEnd,
    ) -> anyhow::Result<Option<Impair>> {
        let (place, link) = cable.end(end);
        let qdiscs = match self.0.entry(place) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(live.qdiscs(&plan.namespaces[place].name)?),
        };
        Ok(qdiscs.get(&link.index).map(Qdisc::impair))
    }
}

fn meant(record: &Record, plan: &Plan, target: &str, direction: DirectionArg) -> anyhow::Result<Vec<Cable>> {
    let Meant { cables, what } = cables::of(&record.lab, plan, target)?;
    if what == What::Segment && direction != DirectionArg::Both {
        return Err(usage(format!(
            "a segment has no direction: every frame crosses {target}'s switch once; impair the nodes whose frames are meant"
        )));
    }
    Ok(cables)
}

fn is_segment(record: &Record, name: &str) -> bool {
    record.lab.segments.iter().any(|segment| segment.name == name)
}

/// What is to be asked of each place, so that its ends do what they shall.
fn queues<'a>(plan: &'a Plan, ends: &[EndOf]) -> BTreeMap<&'a str, Vec<Op>> {
    let mut queues: BTreeMap<&str, Vec<Op>> = BTreeMap::new();
    for end in ends {
        let (place, link) = end.cable.end(end.end);
        let qdisc = Qdisc::new(&end.impair, end.cable.mtu);
        let op = qdisc.map(|qdisc| Op::Impair { link: link.clone(), qdisc });
        queues.entry(plan.namespaces[place].name.as_str()).or_default().extend(op);
    }
    queues
}

/// Says what the kernel does now at these ends.
fn tell(record: &Record, plan: &Plan, live: &mut Live, ends: &[EndOf], format: Format) -> anyhow::Result<u8> {
    let mut now = Now::default();
    let mut impaired = Vec::new();
    for EndOf { cable, end, .. } in ends {
        let Some(impair) = now.impair(live, plan, cable, *end)? else { continue };
        let (place, link) = cable.end(*end);
        impaired.push(Impaired {
            name: cables::name(plan, cable),
            direction: *end,
            place: plan.namespaces[place].name.clone(),
            interface: link.name.to_string(),
            impair,
        });
    }
    let impairments = Impairments { lab: record.lab.name.clone(), impaired };
    match format {
        Format::Text => ui::print(&impairments_text(&impairments, ui::output_width()))?,
        Format::Json => print_json("netlab.impair/1", &impairments)?,
    }
    Ok(FINE)
}
