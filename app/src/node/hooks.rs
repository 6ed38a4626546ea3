//! Which program makes the next value of a secret? One of this machine's hooks folder. What it writes to its file
//! descriptor 3 is the value: never an argument, never standard output, which goes nowhere.
//!
//! A hook runs with this process's rights, so that only who has them may have put it there: the folder and the file
//! belong to root or to this user, and nobody else may write to them.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use wardroom_keys::SecretBytes;
use wardroom_manager::{HookError, Hooks};
use zeroize::Zeroizing;

/// Name of the folder in a daemon's or a demo's directory.
pub const FOLDER: &str = "hooks";
const PATIENCE: Duration = Duration::from_secs(60);
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// One byte more than a value may have: what is longer is noticed.
const MOST: usize = wardroom_manager::state::validate::SECRET_SIZE_LIMIT;
/// The value's pipe is the shell's standard output; the hook has it as descriptor 3, and no standard output.
const OPEN_3: &str = "exec \"$0\" 3>&1 >/dev/null";
const GROUP_AND_OTHERS_WRITE: u32 = 0o022;

/// The hooks of one folder.
#[derive(Clone, Debug)]
pub struct FolderHooks {
    folder: PathBuf,
    patience: Duration,
}

impl FolderHooks {
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            patience: PATIENCE,
        }
    }

    async fn made(&self, hook: &str, secret: &str) -> Result<SecretBytes, HookError> {
        let program = self.program(hook)?;
        let child = Command::new("/bin/sh")
            .args(["-c", OPEN_3])
            .arg(&program)
            .env_clear()
            .env("PATH", PATH)
            .env("WARDROOM_SECRET", secret)
            .env("WARDROOM_VALUE_FD", "3")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| told(format!("it does not start: {error}")))?;
        let mut running = Running::of(child);
        match tokio::time::timeout(self.patience, running.value()).await {
            Ok(value) => value,
            Err(_elapsed) => Err(told(format!(
                "it was not done after {} seconds, and was ended",
                self.patience.as_secs()
            ))),
        }
    }

    /// Refused unless nobody but root and this user can have made it what it is.
    fn program(&self, hook: &str) -> Result<PathBuf, HookError> {
        let folder = &self.folder;
        let is_name = !hook.is_empty() && !hook.contains('/') && hook != "." && hook != "..";
        if !is_name {
            return Err(told("its name is no name of a file".to_owned()));
        }
        let found = fs::metadata(folder).map_err(|error| missing(folder, &error))?;
        trusted(folder, &found)?;
        let program = folder.join(hook);
        // What a link leads to could be changed by whoever owns that.
        let found = fs::symlink_metadata(&program).map_err(|error| missing(&program, &error))?;
        if !found.is_file() {
            return Err(told(format!(
                "{} is no regular file; put the program itself there",
                program.display()
            )));
        }
        trusted(&program, &found)?;
        Ok(program)
    }
}

impl Hooks for FolderHooks {
    fn run<'a>(&'a self, hook: &'a str, secret: &'a str) -> BoxFuture<'a, Result<SecretBytes, HookError>> {
        self.made(hook, secret).boxed()
    }
}

fn told(why: String) -> HookError {
    HookError(why)
}

fn missing(path: &Path, error: &io::Error) -> HookError {
    told(format!("{} cannot be used on this manager: {error}", path.display()))
}

fn trusted(path: &Path, found: &Metadata) -> Result<(), HookError> {
    let own = rustix::process::geteuid().as_raw();
    if found.uid() != 0 && found.uid() != own {
        return Err(told(format!(
            "{} belongs to another user; make it root's, or that of the user that wardroom runs as",
            path.display()
        )));
    }
    if found.mode() & GROUP_AND_OTHERS_WRITE != 0 {
        return Err(told(format!(
            "{path} can be written by others; run `chmod go-w {path}`",
            path = path.display()
        )));
    }
    Ok(())
}

/// A hook with everything that it has started. Dropped, all of it is ended.
struct Running {
    child: Child,
    group: Option<Pid>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // Nothing of it may be left already.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Running {
    fn of(child: Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self {
            group: id.and_then(Pid::from_raw),
            child,
        }
    }

    /// Read into one allocation that is wiped, so that no copy is left behind.
    async fn value(&mut self) -> Result<SecretBytes, HookError> {
        let lost = |error: io::Error| told(format!("its value could not be read: {error}"));
        let pipe = self.child.stdout.take();
        let mut pipe = pipe.ok_or_else(|| told("its value could not be read".to_owned()))?;
        let mut written = Zeroizing::new(vec![0; MOST]);
        let mut length = 0;
        while length < MOST {
            match pipe.read(&mut written[length..]).await.map_err(lost)? {
                0 => break,
                read => length += read,
            }
        }
        if length >= MOST {
            return Err(told(format!(
                "it wrote more than the {} bytes that a value may have",
                MOST - 1
            )));
        }
        let status = self.child.wait().await.map_err(lost)?;
        if !status.success() {
            return Err(told(format!("it ended with {status}")));
        }
        if length == 0 {
            return Err(told("it wrote nothing to file descriptor 3".to_owned()));
        }
        let mut value = Vec::with_capacity(length);
        value.extend_from_slice(&written[..length]);
        Ok(SecretBytes::new(value))
    }
}

#[cfg(test)]
#[path = "hooks_tests.rs"]
mod tests;
