//! How is the program started? By the same second start of this program that makes a worker's tasks: as root in a mount
//! namespace of its own with its files at `/run/secrets`, and in any case tied to this process, so that it does not outlive
//! its secrets.

#[cfg(feature = "embedded")]
use std::ffi::OsString;
use std::io;
#[cfg(feature = "embedded")]
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
#[cfg(feature = "embedded")]
use std::process::Stdio;
use std::process::{Child, Command};

use super::env::Filled;
use super::user::User;
use crate::report::{Exit, Report};
use crate::text::clean;

/// What the program finds when it starts.
pub struct Stage {
    pub secrets_dir: PathBuf,
    pub user: User,
    pub dir: Option<String>,
    pub variables: Vec<Filled>,
}

/// Without a worker in this program there is no second start of it either: the program finds its files by the variable.
#[cfg(not(feature = "embedded"))]
impl Stage {
    pub fn start(&self, program: &[String], own_group: bool) -> Result<Child, Report> {
        if self.user.becomes.is_some() {
            return Err(Report::usage("this wardroom cannot run a program as another user")
                .hint("use one that was built with the feature `embedded`"));
        }
        let mut command = Command::new(&program[0]);
        command
            .args(&program[1..])
            .env("WARDROOM_SECRETS_DIR", &self.secrets_dir)
            .envs(self.variables.iter().map(|variable| (&variable.name, &variable.value)));
        if own_group {
            command.process_group(0);
        }
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command.spawn().map_err(|error| {
            let missing = error.kind() == io::ErrorKind::NotFound;
            let exit = if missing { Exit::NoProgram } else { Exit::CannotRun };
            Report::new(exit, format!("cannot run {}: {error}", clean(&program[0])))
        })
    }
}

#[cfg(feature = "embedded")]
impl Stage {
    /// Starts the program, in a process group of its own if that is wanted.
    pub fn start(&self, program: &[String], own_group: bool) -> Result<Child, Report> {
        let (answer, question) = io::pipe().map_err(|error| cannot("make a pipe", &error))?;
        // Not closed at exec: the shim takes its standard input from there.
        let stdin =
            rustix::io::dup(rustix::stdio::stdin()).map_err(|error| cannot("keep standard input", &error.into()))?;
        let own = std::env::current_exe().map_err(|error| cannot("find this program", &error))?;
        let mut command = Command::new(own);
        command
            .args(self.arguments(&stdin, program))
            .envs(self.variables.iter().map(|variable| (&variable.name, &variable.value)))
            .stdin(Stdio::from(question));
        if own_group {
            command.process_group(0);
        }
        let child = command.spawn().map_err(|error| cannot("start the program", &error))?;
        // The other ends of the pipe are the child's alone.
        drop(command);
        drop(stdin);
        check(answer, child, &program[0])
    }

    fn arguments(&self, stdin: &impl std::os::fd::AsRawFd, program: &[String]) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec![crate::node::oneoff::BECOMES_A_TASK.into()];
        let mut option = |name: &str, value: OsString| arguments.extend([name.into(), value]);
        // In front: it is what the shim looks at first.
        option("--stdin", stdin.as_raw_fd().to_string().into());
        option("--parent", std::process::id().to_string().into());
        option("--secrets-dir", self.secrets_dir.clone().into());
        if let Some(groups) = &self.user.becomes {
            option("--user", format!("{}:{}", self.user.uid, self.user.gid).into());
            for group in groups {
                option("--group", group.to_string().into());
            }
        }
        if let Some(dir) = &self.dir {
            option("--dir", dir.into());
        }
        if rustix::process::geteuid().is_root() {
            // The worker's root, which holds the directories of all tasks, and in each of them the task's own.
            if let Some(root) = self.secrets_dir.parent().and_then(std::path::Path::parent) {
                option("--hide", root.into());
            }
            arguments.push("--mount".into());
        }
        arguments.push("--".into());
        arguments.extend(program.iter().map(OsString::from));
        arguments
    }
}

/// An answer without words means that the program has taken over.
#[cfg(feature = "embedded")]
fn check(mut answer: io::PipeReader, mut child: Child, program: &str) -> Result<Child, Report> {
    let mut reason = String::new();
    let read = answer.read_to_string(&mut reason);
    if read.is_ok() && reason.is_empty() {
        return Ok(child);
    }
    // It has ended, or is about to: nobody else waits for it.
    let _ = child.wait();
    let missing = reason.contains("No such file or directory");
    let exit = if missing { Exit::NoProgram } else { Exit::CannotRun };
    Err(
        Report::new(exit, format!("cannot run {}: {}", clean(program), clean(&reason)))
            .hint("write the program's path, or a name that is found in PATH"),
    )
}

#[cfg(feature = "embedded")]
fn cannot(what: &str, error: &io::Error) -> Report {
    Report::new(Exit::Failure, format!("cannot {what}: {error}"))
}
