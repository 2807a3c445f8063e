//! One file a verb: the only place where the pure parts and the system meet. A reader of a verb sees the story.

mod blame;
mod cables;
mod candidates;
mod capture;
mod check;
mod compare;
mod complete;
mod completions;
mod doctor;
mod down;
mod exec;
mod explain;
mod foresee;
mod graph;
mod impair;
mod inspect;
mod launch;
mod link;
mod load;
mod logs;
mod matrix;
mod new_file;
mod ping;
mod plan;
mod running;
mod schema;
mod serve;
mod status;
pub mod test;
mod traceroute;
mod transient;
mod up;
mod walk;
mod why;

use std::io;

use crate::cli::{Cli, Command};
use crate::event::Failure;
use crate::{kernel, state, ui};

/// Everything went well.
pub const FINE: u8 = 0;
/// A probe or a test failed.
pub const FAILED: u8 = 1;
/// The command or the topology is wrong.
pub const USAGE: u8 = 2;
/// This machine cannot: privilege or a kernel feature.
pub const MACHINE: u8 = 3;
/// Anything else.
pub const OTHER: u8 = 4;

/// An error with an exit code of its own.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Fail {
    /// The exit code.
    pub code: u8,
    /// What is wrong and what to do about it; may have several lines.
    pub message: String,
}

/// The error for a command that cannot be meant.
fn usage(message: impl Into<String>) -> anyhow::Error {
    Fail { code: USAGE, message: message.into() }.into()
}

/// Does what the command line says, and gives back the exit code.
pub fn run(cli: Cli) -> u8 {
    let result = match cli.command {
        Command::Up(args) => up::up(&args),
        Command::Down(args) => down::down(&args),
        Command::Status(args) => status::status(&args),
        Command::Check(args) => check::check(&args),
        Command::Plan(args) => plan::plan(&args),
        Command::Exec(args) => exec::exec(&args),
        Command::Sh(args) => exec::sh(&args),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::Impair(args) => impair::impair(&args),
        Command::Link(args) => link::link(&args),
        Command::Logs(args) => logs::logs(&args),
        Command::Ping(args) => ping::ping(&args),
        Command::Traceroute(args) => traceroute::traceroute(&args),
        Command::Capture(args) => capture::capture(&args),
        Command::Walk(args) => walk::walk(&args),
        Command::Matrix(args) => matrix::matrix(&args),
        Command::Test(args) => test::test(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Graph(args) => graph::graph(&args),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Schema => schema::schema(),
        Command::Completions(args) => completions::completions(&args),
        Command::Complete(args) => complete::complete(&args),
        Command::Serve(args) => serve::serve(&args),
        Command::Fetch(args) => serve::fetch(&args),
        Command::Why(args) => why::why(&args),
    };
    result.unwrap_or_else(|error| report(&error))
}

/// Says what went wrong, and gives back the exit code.
fn report(error: &anyhow::Error) -> u8 {
    if error.chain().any(is_broken_pipe) {
        return FINE;
    }
    let code = if let Some(fail) = error.downcast_ref::<Fail>() {
        fail.code
    } else if let Some(error) = error.downcast_ref::<kernel::Error>() {
        exit_code(error.failure())
    } else if let Some(state::Error::Foreign(_)) = error.downcast_ref() {
        MACHINE
    } else {
        OTHER
    };
    ui::remark(&format!("netlab: {error:#}"));
    code
}

/// A reader that has gone away is not a failure.
fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn exit_code(failure: Failure) -> u8 {
    match failure {
        Failure::Feature | Failure::Machine => MACHINE,
        Failure::Busy | Failure::Other => OTHER,
    }
}

/// Prints a value as JSON with its schema's name.
fn print_json<T: serde::Serialize>(schema: &str, value: &T) -> anyhow::Result<()> {
    #[derive(serde::Serialize)]
    struct Versioned<'a, T> {
        schema: &'a str,
        #[serde(flatten)]
        value: &'a T,
    }
    ui::stream(|out| serde_json::to_writer_pretty(out, &Versioned { schema, value }).map_err(Into::into))?;
    ui::print("\n")?;
    Ok(())
}
