//! `netlab up`: a lab, from its file to pods that answer.

use std::time::Instant;

use anyhow::Context as _;
use serde::Serialize;

use super::foresee::{self, Used};
use super::launch::launch;
use super::{FINE, Fail, OTHER, down, exit_code, load, print_json, running, usage};
use crate::cli::{Format, Up};
use crate::event::{Event, Failure};
use crate::kernel::{self, Heard, Interrupts, Launched};
use crate::model::Lab;
use crate::plan::{Plan, plan};
use crate::render::{Extent, commands, summary, tree};
use crate::state;
use crate::ui::{self, Progress};

pub(super) fn up(args: &Up) -> anyhow::Result<u8> {
    let begun = Instant::now();
    let data_path = args.data_path.as_deref();
    let lab = match &args.name {
        None => load::lab(&args.file, data_path)?,
        Some(name) => load::lab_called(&args.file, data_path, name)?,
    };
    if !make_room(&lab, args)? {
        return Ok(FINE);
    }
    foresee::room(&lab, Used::Now)?;
    let plan = plan(&lab);
    let interrupts = Interrupts::hold()?;
    let launched = launch(&lab, &plan, &args.file, &state::directory_of(&lab.name))?;
    follow(launched, &interrupts, &lab, &plan, args)?;
    say(&lab, args, begun).with_context(|| format!("lab `{}` is up, but telling of it failed", lab.name))?;
    Ok(FINE)
}

/// Looks for a lab of that name, and ends it if that is asked for. False when the very same lab runs already.
fn make_room(lab: &Lab, args: &Up) -> anyhow::Result<bool> {
    let Some(record) = state::record(&lab.name) else { return Ok(true) };
    if args.replace || running::is_ending(&record) {
        // Nobody wants to lose a lab to one that cannot come up whatever the old one gives back.
        foresee::room(lab, Used::Unknown)?;
        down::end(&record)?;
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
        Format::Json => print_json("netlab.up/1", &Report::new(lab, None))?,
    }
    Ok(false)
}

/// Follows the build to its end: ready, failed, or interrupted.
fn follow(
    mut launched: Launched,
    interrupts: &Interrupts,
    lab: &Lab,
    plan: &Plan,
    args: &Up,
) -> anyhow::Result<()> {
    let keeper = launched.keeper;
    // Begun by the first word of the holder: until then the lab's name may turn out to be taken.
    let mut begun: Option<Progress> = None;
    let start = || Progress::start(&lab.name, plan.namespaces.len());
    let (code, message, busy) = loop {
        match launched.next(interrupts)? {
            Heard::Event(Event::Built(number)) => {
                let progress = begun.get_or_insert_with(start);
                if args.verbose
                    && let Some(namespace) = plan.namespaces.get(number)
                {
                    progress.remark(commands::section(plan, namespace).trim_end());
                }
                progress.done(number + 1);
            }
            Heard::Event(Event::Started(count)) if args.verbose => {
                begun.get_or_insert_with(start).remark(&format!("# started {count} containers"));
            }
            Heard::Event(Event::Started(_)) => {}
            Heard::Event(Event::Ready) => {
                if args.verbose && !plan.last.is_empty() {
                    begun.get_or_insert_with(start).remark(commands::last_section(plan).trim_end());
                }
                drop(begun);
                launched.commit()?;
                return Ok(());
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
}

impl<'a> Report<'a> {
    fn new(lab: &'a Lab, took_ms: Option<f64>) -> Self {
        Self { lab, took_ms }
    }
}

fn say(lab: &Lab, args: &Up, begun: Instant) -> anyhow::Result<()> {
    let took = begun.elapsed();
    if args.format == Format::Json {
        return print_json("netlab.up/1", &Report::new(lab, Some(took.as_secs_f64() * 1000.0)));
    }
    let mut text = format!("{} is up: {}, in {}\n\n", lab.name, summary(lab), ui::duration(took));
    text.push_str(&tree(lab, Extent::Brief, &|_| None));
    if let Some(message) = &lab.message {
        text.push_str(&format!("\n{}\n", message.trim_end()));
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
