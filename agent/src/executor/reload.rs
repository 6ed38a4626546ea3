//! How do the host's own programs learn that their files have changed? By a signal to the process that a file names, by
//! `systemctl reload`, or by a command; each in bounded time.
//!
//! The new files are visible by then, and stay. What cannot be told is the task's error and a failure of the files that
//! changed, so that a rotation turns back; the programs go on with what they have read.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal as Number, kill_process_group, pidfd_open, pidfd_send_signal};
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::shim::SECRETS_DIR;
use super::{Job, Signal};
use crate::run::Reload;

/// Longer than a program needs that is told by a script.
const PATIENCE: Duration = Duration::from_secs(30);
/// Of what it says.
const WORDS_BYTES: u64 = 4096;
/// Where the host's programs are, for a command without an environment.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What can be told before anything has changed.
pub(super) fn fits(how: &Reload) -> Result<(), String> {
    match how {
        Reload::Pidfile { path, signal } => {
            signal
                .parse::<Signal>()
                .map_err(|error| format!("the reload {error}"))?;
            if Path::new(path).is_absolute() {
                Ok(())
            } else {
                Err(format!(
                    "the pidfile '{}' is not an absolute path",
                    path.escape_default()
                ))
            }
        }
        Reload::Unit(unit) if unit.is_empty() => Err("the unit to reload has no name".into()),
        Reload::Command(words) if words.first().is_none_or(String::is_empty) => {
            Err("the reload command is empty".into())
        }
        Reload::Unit(_) | Reload::Command(_) => Ok(()),
    }
}

pub(super) async fn tell(how: &Reload, job: &Job) -> Result<(), String> {
    match how {
        Reload::Pidfile { path, signal } => send(path, signal).map_err(|words| format!("reload failed: {words}")),
        Reload::Unit(unit) => {
            let words = ["systemctl", "reload", "--", unit].map(ToOwned::to_owned);
            run(&words, job)
                .await
                .map_err(|words| format!("systemctl reload {} failed: {words}", unit.escape_default()))
        }
        Reload::Command(words) => run(words, job)
            .await
            .map_err(|words| format!("the reload command failed: {words}")),
    }
}

fn send(path: &str, signal: &str) -> Result<(), String> {
    let signal: Signal = signal.parse()?;
    let named = path.escape_default();
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read the pidfile {named}: {error}"))?;
    let number = text
        .split_whitespace()
        .next()
        .and_then(|pid| pid.parse().ok())
        .filter(|&pid: &i32| pid > 1);
    let pid = number
        .and_then(Pid::from_raw)
        .ok_or_else(|| format!("the pidfile {named} names no process"))?;
    // By its handle: the process that is signalled is the one that was found alive.
    pidfd_open(pid, PidfdFlags::empty())
        .and_then(|process| pidfd_send_signal(process, signal.0))
        .map_err(|errno| {
            format!(
                "process {} of the pidfile {named} cannot be signalled: {errno}",
                pid.as_raw_nonzero()
            )
        })
}

async fn run(words: &[String], job: &Job) -> Result<(), String> {
    let (program, args) = words.split_first().ok_or("there is no command")?;
    let mut child = Command::new(program)
        .args(args)
        .env_clear()
        .env("PATH", PATH)
        .env(SECRETS_DIR, &job.secrets_dir)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{}: {error}", program.escape_default()))?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let mut said = Vec::new();
    let running = async {
        if let Some(stderr) = child.stderr.take() {
            let mut first = stderr.take(WORDS_BYTES);
            let _ = first.read_to_end(&mut said).await;
            // What it says beyond that must not hold it up.
            let _ = tokio::io::copy(&mut first.into_inner(), &mut tokio::io::sink()).await;
        }
        child.wait().await
    };
    let ended = timeout(PATIENCE, running).await;
    let words = job.log.last_words(&said);
    drop(wardroom_keys::SecretBytes::new(said));
    match ended {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) if words.is_empty() => Err(status.to_string()),
        Ok(Ok(status)) => Err(format!("{words} ({status})")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_elapsed) => {
            if let Some(group) = group {
                let _ = kill_process_group(group, Number::KILL);
            }
            Err(format!("not done within {} s", PATIENCE.as_secs()))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may stop at the first surprise

    use std::os::unix::process::ExitStatusExt;
    use std::sync::Arc;

    use super::*;
    use crate::ids::TaskId;

    fn job() -> Job {
        Job {
            task: TaskId::new("t1"),
            name: "files.1".into(),
            service: Arc::default(),
            run: Arc::default(),
            secrets_dir: "/run/x/t1/secrets".into(),
            hidden: None,
            log: Arc::default(),
        }
    }

    fn sh(script: &str) -> Reload {
        Reload::Command(["sh", "-c", script].map(ToOwned::to_owned).to_vec())
    }

    #[tokio::test]
    async fn a_command_is_told_where_the_files_are_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let told = home.path().join("told");
        tell(&sh(&format!("env > {}", told.display())), &job()).await.unwrap();
        let env = std::fs::read_to_string(told).unwrap();
        assert!(env.contains("WARDROOM_SECRETS_DIR=/run/x/t1/secrets"));
        assert!(!env.contains("CARGO"), "{env}");
    }

    #[tokio::test]
    async fn a_command_that_fails_is_quoted() {
        let words = tell(&sh("echo 'bad config' >&2; exit 3"), &job()).await.unwrap_err();
        assert_eq!(words, "the reload command failed: bad config (exit status: 3)");
        let gone = Reload::Command(vec!["/no/such/program".into()]);
        let words = tell(&gone, &job()).await.unwrap_err();
        assert!(words.contains("No such file"), "{words}");
    }

    #[tokio::test]
    async fn the_process_of_a_pidfile_is_signalled() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("pid").display().to_string();
        let how = Reload::Pidfile {
            path: path.clone(),
            signal: "SIGUSR1".into(),
        };
        fits(&how).unwrap();
        assert!(
            tell(&how, &job())
                .await
                .unwrap_err()
                .contains("cannot read the pidfile")
        );
        let mut process = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        std::fs::write(&path, format!("{}\n", process.id())).unwrap();
        tell(&how, &job()).await.unwrap();
        assert_eq!(process.wait().unwrap().signal(), Some(Number::USR1.as_raw()));
        assert!(
            tell(&how, &job()).await.unwrap_err().contains("cannot be signalled"),
            "it is gone"
        );
        for nobody in ["", "x", "-1", "0", "1"] {
            std::fs::write(&path, nobody).unwrap();
            assert!(
                tell(&how, &job()).await.unwrap_err().contains("names no process"),
                "{nobody}"
            );
        }
    }
}
