//! The one binary: parse, pick a mode, print the error and what to do next.
#![allow(unreachable_pub)] // a binary has no outside: `pub` means "for the other modules"

mod cli;
mod command;
#[cfg(feature = "embedded")]
mod logging;
#[cfg(feature = "embedded")]
mod node;
mod report;
mod stack;
mod text;
mod tui;
mod why;

use std::alloc::System;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::FromArgMatches;
use cli::arguments::{self, Arguments, Noun};
#[cfg(feature = "embedded")]
use cli::connect::Place;
use cli::connect::{self, Target};
use command::Command;
use report::{Exit, Report};
use tui::{Myself, TuiOptions};
use wardroom_api::Client;
use wardroom_ca::Role;
use wardroom_keys::memory;
use zeroizing_alloc::ZeroAlloc;

/// Values and keys pass through buffers of gRPC, TLS and protobuf, which free them as they are. Here nothing is freed
/// with its bytes in it; a buffer that grows leaves nothing behind either, because growing is allocating anew here. That
/// costs 6 ns for a block of 64 bytes, 20 ns for 1 KiB, 150 ns for 16 KiB (measured on the machine of README's figures).
#[global_allocator]
static WIPES_WHAT_IS_FREED: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    #[cfg(feature = "embedded")]
    if let Some(ended) = wardroom_agent::executor::shim::run_if_asked(std::env::args_os()) {
        return ended;
    }
    harden();
    let parsed = arguments::parser().try_get_matches().and_then(|matches| {
        let mut arguments = Arguments::from_arg_matches(&matches)?;
        arguments.read_only = arguments::only_looks(&matches);
        Ok((arguments, arguments::change(&matches)))
    });
    let (arguments, change) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return explain(&error),
    };
    match check_read_only(&arguments, change).and_then(|()| run(&arguments)) {
        Ok(code) => ExitCode::from(code),
        Err(report) => {
            if !report.quiet {
                // Nobody is left to tell when this fails.
                let _ = writeln!(io::stderr(), "{report}");
            }
            ExitCode::from(report.exit as u8)
        }
    }
}

/// Values, keys and passphrases pass through every kind of run: no core file of it, and no look into it by what the same
/// user runs. Tasks are not meant; the shim, which becomes them, has left before.
fn harden() {
    for outcome in [memory::forbid_core_files(), memory::forbid_tracing()] {
        if let Err(error) = outcome {
            // Neither needs any right, so this is a sandbox that will not have it; it is no reason not to work there.
            let _ = writeln!(io::stderr(), "note: this process could not be hardened: {error}");
        }
    }
}

/// Help and version are answers; everything else is a usage error.
fn explain(error: &clap::Error) -> ExitCode {
    // A closed pipe is no failure of ours.
    let _ = error.print();
    ExitCode::from(if error.use_stderr() {
        Exit::Usage as u8
    } else {
        Exit::Ok as u8
    })
}

/// Before anything is sent: who only wants to look changes nothing by a slip.
fn check_read_only(arguments: &Arguments, change: Option<&Command>) -> Result<(), Report> {
    match change {
        Some(command) if arguments.read_only => Err(Report::new(
            Exit::Permission,
            format!(
                "`wardroom {}` changes the cluster, and this is --read-only",
                command.path()
            ),
        )
        .hint("leave out --read-only if the change is meant")),
        _ => Ok(()),
    }
}

/// What to exit with.
fn run(arguments: &Arguments) -> Result<u8, Report> {
    match &arguments.command {
        None => open_console(arguments),
        Some(Noun::Demo(demo)) => open_demo(demo, arguments),
        Some(Noun::Daemon(daemon)) => run_daemon(daemon),
        Some(command) => one_thread()?.block_on(cli::run(command, arguments)),
    }
}

/// On the cluster that is meant; the user's own is started when it does not run.
fn open_console(arguments: &Arguments) -> Result<u8, Report> {
    check_terminal()?;
    let target = Target::choose(&arguments.selection, &connect::environment)?;
    let look = TuiOptions {
        label: target.context.clone(),
        myself: myself(&target),
        ..look(arguments)
    };
    #[cfg(feature = "embedded")]
    if let Place::Own(_) = target.place {
        return node::own(|client| console(client, look));
    }
    one_thread()?.block_on(async { console(target.client()?, look).await })
}

#[cfg(feature = "embedded")]
fn run_daemon(daemon: &arguments::Daemon) -> Result<u8, Report> {
    node::daemon::run(node::daemon::DaemonOptions {
        state_dir: daemon.state_dir.clone(),
        socket: daemon.socket.clone(),
        group: daemon.group.clone(),
        hostname: daemon.hostname.clone(),
        hooks_dir: daemon.hooks_dir.clone(),
    })
}

#[cfg(not(feature = "embedded"))]
fn run_daemon(_: &arguments::Daemon) -> Result<u8, Report> {
    Err(
        Report::failure("this wardroom is an operator's client and cannot be a node of a cluster")
            .hint("use one that was built with the feature `embedded`"),
    )
}

#[cfg(feature = "embedded")]
fn open_demo(demo: &arguments::Demo, arguments: &Arguments) -> Result<u8, Report> {
    if !demo.headless {
        check_terminal()?;
    }
    let mut output = cli::output::Output::standard(arguments.format);
    node::demo(demo, &mut output, |client| console(client, look(arguments)))
}

#[cfg(not(feature = "embedded"))]
fn open_demo(_: &arguments::Demo, _: &Arguments) -> Result<u8, Report> {
    Err(
        Report::failure("this wardroom is an operator's client and cannot start a cluster")
            .hint("use one that was built with the feature `embedded`"),
    )
}

/// Before anything is started for a console that nobody could see.
fn check_terminal() -> Result<(), Report> {
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        return Ok(());
    }
    Err(Report::failure("there is no terminal for the console").hint(
        "use the commands instead (`wardroom --help` lists them), or `wardroom demo --headless` for a cluster without a console",
    ))
}

/// How the console is to be.
fn look(arguments: &Arguments) -> TuiOptions {
    TuiOptions {
        ascii: arguments.ascii,
        read_only: arguments.read_only,
        ..TuiOptions::default()
    }
}

/// Who the console's session is, where a certificate says so.
fn myself(target: &Target) -> Option<Myself> {
    let (id, role) = target.operator()?;
    let role = match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Admin => "admin",
        // No node is an operator: the managers will refuse it, in their words.
        Role::Manager | Role::Worker => return None,
    };
    Some(Myself { id, role })
}

async fn console(client: Client, look: TuiOptions) -> Result<u8, Report> {
    match tui::run(client, look).await {
        Ok(tui::Exit::Quit) => Ok(Exit::Ok as u8),
        // As a shell tells it.
        Ok(tui::Exit::Signal(number)) => Ok(u8::try_from(128 + number).unwrap_or(u8::MAX)),
        Err(error) => Err(Report::failure(error.to_string())),
    }
}

fn one_thread() -> Result<tokio::runtime::Runtime, Report> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Report::failure(format!("cannot start: {error}")).hint("is the limit of open files reached?"))
}
