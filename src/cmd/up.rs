//! `netlab up`: a lab, from its file to pods that answer.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;

use super::foresee::{self, Used};
use super::launch::launch;
use super::{FINE, Fail, OTHER, down, exit_code, load, print_json, running, usage};
use crate::cli::{Format, Up};
use crate::event::{Event, Failure, Phase, Timings};
use crate::kernel::{self, Heard, Interrupts, Launched, Stopwatch};
use crate::model::Lab;
use crate::plan::{namespaces, plan};
use crate::render::{Extent, commands, summary, timings, tree};
use crate::state;
use crate::ui::{self, Progress};

pub(super) fn up(args: &Up) -> anyhow::Result<u8> {
    let begun = Instant::now();
    let mut watch = Stopwatch::new(args.timings);
    let data_path = args.data_path.as_deref();
    let lab = match &args.name {
        None => load::lab(&args.file, data_path)?,
        Some(name) => load::lab_called(&args.file, data_path, name)?,
    };
    if !make_room(&lab, args)? {
        return Ok(FINE);
    }
    foresee::room(&lab, Used::Now)?;
    watch.lap(Phase::Parse, 1);
    let interrupts = Interrupts::hold()?;
    let launched = launch(&lab, &args.file, &state::directory_of(&lab.name), watch)?;
    let timings = follow(launched, &interrupts, &lab, args)?;
    let took = begun.elapsed();
    say(&lab, args, took, timings)
        .with_context(|| format!("lab `{}` is up, but telling of it failed", lab.name))?;
    Ok(FINE)
}

/// Looks for a lab of that name, and ends it if that is asked for. False when the very same lab runs already.
fn make_room(lab: &Lab, args: &Up) -> anyhow::Result<bool> {
    let Some(record) = state::record(&lab.name) else { return Ok(true) };
    if args.replace || running::is_ending(&record) {
        // Nobody wants to lose a lab to one that cannot come up whatever the old one gives back.
        foresee::room(lab, Used::Unknown)?;
        down::end(&record.keepers())?;
        return Ok(true);
    }
    if record.lab != *lab {
        return Err(usage(format!(
            "lab `{0}` is running with another topology: `netlab up --replace {1}` replaces it, --name gives this one \
             another name, `netlab down {0}` ends it",
            lab.name,
            args.file.display()
        )));
    }
    match args.format {
        Format::Text => ui::print(&format!("{} is up already, with this very topology\n", lab.name))?,
        Format::Json => print_json("netlab.up/1", &Report { lab, took_ms: None, timings: None })?,
    }
    Ok(false)
}

/// Follows the build to its end: ready, failed, or interrupted. Gives back where the holder's time went, if it was to say.
fn follow(
    mut launched: Launched,
    interrupts: &Interrupts,
    lab: &Lab,
    args: &Up,
) -> anyhow::Result<Option<Timings>> {
    let keeper = launched.keeper;
    // Begun by the first word of the holder: until then the lab's name may turn out to be taken.
    let mut begun: Option<Progress> = None;
    let mut timings = None;
    let start = || Progress::start(&lab.name, namespaces(lab));
    // The holder has a plan of its own: this one is for telling.
    let plan = args.verbose.then(|| plan(lab));
    let mut told = 0;
    let (code, message, busy) = loop {
        match launched.next(interrupts)? {
            Heard::Event(Event::Built(count)) => {
                let progress = begun.get_or_insert_with(start);
                if let Some(plan) = &plan {
                    for namespace in plan.namespaces.iter().take(count).skip(told) {
                        progress.remark(commands::section(plan, namespace).trim_end());
                    }
                }
                told = count;
                progress.done(count);
            }
            Heard::Event(Event::Started(count)) if args.verbose => {
                begun.get_or_insert_with(start).remark(&format!("# started {count} containers"));
            }
            Heard::Event(Event::Started(_)) => {}
            Heard::Event(Event::Timings(spent)) => timings = Some(spent),
            Heard::Event(Event::Ready) => {
                if let Some(plan) = plan.as_ref().filter(|plan| !plan.last.is_empty()) {
                    begun.get_or_insert_with(start).remark(commands::last_section(plan).trim_end());
                }
                drop(begun);
                launched.commit()?;
                return Ok(timings);
            }
            Heard::Event(Event::Failed { failure, message }) => {
                break (exit_code(failure), message, failure == Failure::Busy);
            }
            Heard::Ended => {
                let (failure, message) = kernel::silent_death(keeper);
                break (exit_code(failure), message, false);
            }
            Heard::Interrupted(signal) => {
                let signal = signal as i32;
                break (u8::try_from(128 + signal).unwrap_or(OTHER), "interrupted".to_owned(), false);
            }
        }
    };
    drop(begun);
    launched.abort()?;
    if busy {
        return Err(Fail { code, message }.into());
    }
    let message = format!("{message}\nlab `{}` was not brought up; nothing of it is left", lab.name);
    Err(Fail { code, message }.into())
}

/// What `up` says as JSON.
#[derive(Serialize)]
struct Report<'a> {
    lab: &'a Lab,
    /// Milliseconds that bringing it up took; null when it was up already.
    took_ms: Option<f64>,
    /// Where the time went; null where that was not asked for.
    timings: Option<timings::Report>,
}

fn say(lab: &Lab, args: &Up, took: Duration, spent: Option<Timings>) -> anyhow::Result<()> {
    let spent = spent.map(|spent| timings::Report::new(&spent, took));
    if args.format == Format::Json {
        let took_ms = Some(took.as_secs_f64() * 1000.0);
        return print_json("netlab.up/1", &Report { lab, took_ms, timings: spent });
    }
    let mut text = format!("{} is up: {}, in {}\n\n", lab.name, summary(lab), ui::duration(took));
    text.push_str(&tree(lab, Extent::Brief, &|_| None));
    if let Some(message) = &lab.message {
        text.push_str(&format!("\n{}\n", message.trim_end()));
    }
    if let Some(spent) = &spent {
        text.push_str(&format!("\n{}", spent.table()));
    }
    text.push_str("\ntry:\n");
    for line in suggestions(lab) {
        text.push_str(&format!("  {line}\n"));
    }
    ui::print(&text)?;
    Ok(())
}

/// Two or three commands that show something in this very lab.
fn suggestions(lab: &Lab) -> Vec<String> {
    let which = if state::labs().is_ok_and(|labs| labs.len() > 1) {
        format!(" -l {}", lab.name)
    } else {
        String::new()
    };
    let pods: Vec<&str> = lab.pods().map(|(_, pod)| pod.name.as_str()).collect();
    let mut lines = Vec::new();
    if let (Some(first), Some(last)) = (pods.first(), pods.last())
        && first != last
    {
        lines.push(format!("netlab ping{which} {first} {last}"));
        lines.push(format!("netlab traceroute{which} {first} {last}"));
    }
    if let Some(node) = lab.nodes.first() {
        lines.push(format!("netlab inspect{which} {}", node.name));
    }
    lines.push(format!("netlab down {}", lab.name));
    lines
}
