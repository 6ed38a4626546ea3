//! The one binary: parse, pick a mode, print the error and what to do next.
#![allow(unreachable_pub)] // a binary has no outside: `pub` means "for the other modules"

mod cli;
mod command;
mod report;
mod text;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::FromArgMatches;
use cli::arguments::{self, Arguments};
use report::{Exit, Report};

fn main() -> ExitCode {
    let parsed = arguments::parser().try_get_matches().and_then(|matches| Arguments::from_arg_matches(&matches));
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(error) => return explain(&error),
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => {
            if !report.quiet {
                // Nobody is left to tell when this fails.
                let _ = writeln!(io::stderr(), "{report}");
            }
            ExitCode::from(report.exit as u8)
        }
    }
}

/// Help and version are answers; everything else is a usage error.
fn explain(error: &clap::Error) -> ExitCode {
    // A closed pipe is no failure of ours.
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { Exit::Usage as u8 } else { Exit::Ok as u8 })
}

fn run(arguments: &Arguments) -> Result<(), Report> {
    let Some(command) = &arguments.command else { return Ok(()) };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Report::failure(format!("cannot start: {error}")).hint("is the limit of open files reached?"))?;
    runtime.block_on(cli::run(command, arguments.host.as_deref(), arguments.format))
}
