//! The `netlab` program: reads the command line and does it.
//!
//! `main` is synchronous and makes no thread: commands enter the lab's user namespace, which the kernel allows only to
//! processes with one thread, and build a runtime afterwards where they need one.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    ExitCode::from(netlab::cmd::run(netlab::cli::Cli::parse()))
}
