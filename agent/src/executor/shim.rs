//! What stands between this worker and a task's command? A second start of the same program that sets the stage and then
//! becomes the command.
//!
//! ```text
//! wardroom internal-task [--stdin HANDLE] --parent PID --secrets-dir DIR [--mount] [--hide ROOT] [--user UID:GID] [--group GID]...
//!                        [--dir DIR] -- COMMAND ARGS...
//! ```
//!
//! A service's user is taken on once the mounts stand: with these groups and no others, and no way to more privileges
//! (`no_new_privs`). The environment is the one the shim was started with.
//!
//! It dies with the worker (`PDEATHSIG`), sees its own files at `/run/secrets` and, as root, no other task's. Failures go
//! back through standard input, which the worker hands over as the writing end of a pipe: it closes by itself when the
//! command takes over, so an empty answer means that the command runs. What it does not know: any value, any key.
//!
//! Only the command itself is tied to the worker: `PDEATHSIG` is not inherited. When a worker is killed with no chance to
//! end its groups, what a command has started (`sh -c 'a | b'`) goes on with what it has already read, until somebody ends
//! it; its files are wiped by the next start. A process name space would end them all, but its first process must then be
//! an init that reaps, and passes signals and exit codes on: more than a shim that vanishes into its command can be. Where
//! it matters, run the worker in a unit or container of its own, so that its end is the end of the whole control group.
#![allow(unsafe_code)] // unshare(2) and handles by number; no other file of this crate may

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::FdFlags;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind_recursive, mount_change, mount_remount};
use rustix::process::{Gid, Signal, Uid, getppid, set_parent_process_death_signal};
use rustix::thread::{
    UnshareFlags, set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid, unshare_unsafe,
};

/// The hidden command by which a program that embeds a worker is asked to become a task.
pub const COMMAND: &str = "internal-task";
/// Where a task finds its directory of files.
pub const SECRETS_DIR: &str = "WARDROOM_SECRETS_DIR";
const MOUNTED_AT: &str = "/run/secrets";

/// What a shell exits with when a command cannot be run.
const CANNOT_RUN: u8 = 126;

/// What the worker asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    parent: u32,
    secrets_dir: PathBuf,
    mount: bool,
    hide: Option<PathBuf>,
    user: Option<(u32, u32)>,
    groups: Vec<u32>,
    dir: Option<PathBuf>,
    command: Vec<OsString>,
}

/// If `args` (those of the process, its own name first) ask for a task: becomes it, and returns only when that fails.
/// Call it first in `main`, before any thread is started; `None` means that the program was started for something else.
pub fn run_if_asked(args: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut args = args.into_iter().skip(1);
    (args.next()? == COMMAND).then(|| run(args))
}

/// Becomes the task; `args` are those after [`COMMAND`]. Returns only when that fails.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    // The worker listens at the other end of what is standard input now; the command must not inherit it.
    let answer = take_answer();
    let reason = match parse(take_stdin(args)).and_then(|request| become_task(&request)) {
        Err(reason) => reason,
        Ok(never) => match never {},
    };
    if let Some(answer) = answer {
        // A worker that no longer listens needs no answer.
        let _ = std::fs::File::from(answer).write_all(reason.as_bytes());
    }
    ExitCode::from(CANNOT_RUN)
}

/// Moves the worker's pipe out of standard input, to a handle that closes when the command takes over.
fn take_answer() -> Option<OwnedFd> {
    let answer = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).ok()?;
    let null = openat(CWD, "/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    rustix::stdio::dup2_stdin(&null).ok()?;
    Some(answer)
}

/// `--stdin HANDLE` in front: the command reads from there, where a task reads nothing. For what somebody has started at
/// a terminal or behind a pipe.
fn take_stdin(args: impl IntoIterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    let mut args = args.into_iter().peekable();
    if args.next_if(|arg| arg == "--stdin").is_some()
        && let Some(number) = args.next().and_then(|text| text.to_str()?.parse().ok())
        && number > 2
    {
        // SAFETY: borrowed for one call that only doubles it. Whoever started this left it open; a number that is not
        // gives EBADF, and the command reads nothing.
        let handle = unsafe { BorrowedFd::borrow_raw(number) };
        let _ = rustix::stdio::dup2_stdin(handle);
    }
    args
}

fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
    let mut request = Request::default();
    let mut args = args.into_iter();
    let missing = |option: &str| format!("{option} needs a value");
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--parent") => {
                let text = args.next().ok_or_else(|| missing("--parent"))?;
                request.parent = text
                    .to_str()
                    .and_then(|text| text.parse().ok())
                    .ok_or("--parent is not a process id")?;
            }
            Some("--secrets-dir") => request.secrets_dir = args.next().ok_or_else(|| missing("--secrets-dir"))?.into(),
            Some("--hide") => request.hide = Some(args.next().ok_or_else(|| missing("--hide"))?.into()),
            Some("--mount") => request.mount = true,
            Some("--user") => {
                let ids = args.next().ok_or_else(|| missing("--user"))?;
                request.user = Some(user(&ids).ok_or("--user is not UID:GID")?);
            }
            Some("--group") => {
                let id = args.next().ok_or_else(|| missing("--group"))?;
                request
                    .groups
                    .push(id.to_str().and_then(id_of).ok_or("--group is not a number")?);
            }
            Some("--dir") => request.dir = Some(args.next().ok_or_else(|| missing("--dir"))?.into()),
            Some("--") => request.command = args.by_ref().collect(),
            _ => return Err(format!("{} is not an option of {COMMAND}", arg.display())),
        }
    }
    if request.secrets_dir.as_os_str().is_empty() || request.command.is_empty() {
        return Err(format!("{COMMAND} needs --secrets-dir and, after --, a command"));
    }
    Ok(request)
}

fn user(ids: &OsStr) -> Option<(u32, u32)> {
    let (uid, gid) = ids.to_str()?.split_once(':')?;
    Some((id_of(uid)?, id_of(gid)?))
}

/// The all-ones id means "leave it as it is" to the kernel: whoever asks for it would stay root.
fn id_of(text: &str) -> Option<u32> {
    text.parse().ok().filter(|&id| id != u32::MAX)
}

fn become_task(request: &Request) -> Result<std::convert::Infallible, String> {
    die_with(request.parent)?;
    let mut seen = request.secrets_dir.as_path();
    if request.mount {
        own_mounts(&request.secrets_dir, request.hide.as_deref())
            .map_err(|(doing, errno)| format!("cannot {doing}: {errno}"))?;
        seen = Path::new(MOUNTED_AT);
    }
    close_at_exec().map_err(|error| format!("cannot look at its open files: {error}"))?;
    if let Some((uid, gid)) = request.user {
        take_on(uid, gid, &request.groups).map_err(|(doing, errno)| format!("cannot {doing}: {errno}"))?;
        // The kernel unties it from the worker when its user changes.
        die_with(request.parent)?;
    }
    if let Some(dir) = &request.dir {
        std::env::set_current_dir(dir).map_err(|error| format!("cannot enter {}: {error}", dir.display()))?;
    }
    let (program, args) = request.command.split_first().ok_or("there is no command")?;
    Err(Command::new(program)
        .args(args)
        .env(SECRETS_DIR, seen)
        .exec()
        .to_string())
}

/// Becomes this user, for good.
fn take_on(uid: u32, gid: u32, groups: &[u32]) -> Step<()> {
    let step = |doing: &'static str| move |errno| (doing, errno);
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    // A program that opens /dev/stdout again must own what is behind it.
    for stream in [rustix::stdio::stdout(), rustix::stdio::stderr()] {
        match rustix::fs::fchown(stream, Some(uid), None) {
            Ok(()) | Err(rustix::io::Errno::PERM | rustix::io::Errno::ROFS) => {}
            Err(errno) => return Err(("hand over its output", errno)),
        }
    }
    if rustix::process::geteuid().is_root() {
        let groups: Vec<Gid> = groups.iter().map(|&group| Gid::from_raw(group)).collect();
        set_thread_groups(&groups).map_err(step("set its groups"))?;
        set_thread_res_gid(gid, gid, gid).map_err(step("set its group"))?;
        set_thread_res_uid(uid, uid, uid).map_err(step("set its user"))?;
    }
    set_no_new_privs(true).map_err(step("forbid more privileges"))
}

/// Whatever the worker itself has inherited without the flag ends here: a task gets 0, 1 and 2.
fn close_at_exec() -> std::io::Result<()> {
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        let Some(number) = number.filter(|&number| number > 2) else {
            continue;
        };
        // SAFETY: borrowed for one call that only sets a flag. It was open a moment ago, and a number that has been
        // closed since, as the listing's own is at its end, gives EBADF.
        let handle = unsafe { BorrowedFd::borrow_raw(number) };
        match rustix::io::fcntl_setfd(handle, FdFlags::CLOEXEC) {
            Ok(()) | Err(rustix::io::Errno::BADF) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// The kernel kills this process when the worker goes, however it goes.
fn die_with(parent: u32) -> Result<(), String> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|errno| format!("cannot tie it to the worker: {errno}"))?;
    // The worker may have gone before the line above: then nobody is left to tie this process to.
    let now = getppid().and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok());
    if now == Some(parent) {
        Ok(())
    } else {
        Err("the worker is gone".into())
    }
}

type Step<T> = Result<T, (&'static str, rustix::io::Errno)>;

/// A view of the file systems in which `/run/secrets` is this task's directory and `hide` is empty.
///
/// The directory is bound, not its files: a later swap of the set inside it is seen at once.
fn own_mounts(secrets_dir: &Path, hide: Option<&Path>) -> Step<()> {
    let step = |doing: &'static str| move |errno| (doing, errno);
    make_directory(Path::new("/run"))
        .and_then(|()| make_directory(Path::new(MOUNTED_AT)))
        .map_err(step("create /run/secrets"))?;
    // SAFETY: only the mount name space is left; FILES, the flag that could take handles from other threads, is not
    // given, and this process has a single thread.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.map_err(step("take a mount name space"))?;
    // Slave: what is mounted on the host later still arrives, and nothing from here reaches the host.
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)
        .map_err(step("detach the mounts"))?;
    mount_bind_recursive(secrets_dir, MOUNTED_AT).map_err(step("bind the secrets directory"))?;
    // A remount that does not repeat a flag drops it.
    let quiet = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount_remount(MOUNTED_AT, MountFlags::BIND | MountFlags::RDONLY | quiet, "")
        .map_err(step("make the secrets read-only"))?;
    if let Some(hide) = hide {
        mount(
            "wardroom",
            hide,
            "tmpfs",
            MountFlags::RDONLY | quiet,
            c"size=4k,nr_inodes=1,mode=0",
        )
        .map_err(step("hide the other tasks' secrets"))?;
    }
    Ok(())
}

fn make_directory(path: &Path) -> rustix::io::Result<()> {
    match rustix::fs::mkdir(path, Mode::from_raw_mode(0o755)) {
        Err(rustix::io::Errno::EXIST) => Ok(()),
        other => other,
    }
}

/// What the worker starts its own program again for.
#[derive(Clone, Debug)]
pub(super) struct Stage<'a> {
    pub(super) secrets_dir: &'a Path,
    pub(super) mount: bool,
    pub(super) hide: Option<&'a Path>,
    /// `uid`, `gid` and the groups besides.
    pub(super) user: Option<(u32, u32, &'a [u32])>,
    pub(super) dir: Option<&'a Path>,
}

/// The arguments with which the worker `parent` does so.
pub(super) fn args(parent: u32, stage: &Stage<'_>, command: &[String]) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec![COMMAND.into(), "--parent".into(), parent.to_string().into()];
    let mut option = |name: &str, value: OsString| args.extend([name.into(), value]);
    option("--secrets-dir", stage.secrets_dir.into());
    if let Some(hide) = stage.hide.filter(|_| stage.mount) {
        option("--hide", hide.into());
    }
    if let Some((uid, gid, groups)) = stage.user {
        option("--user", format!("{uid}:{gid}").into());
        for group in groups {
            option("--group", group.to_string().into());
        }
    }
    if let Some(dir) = stage.dir {
        option("--dir", dir.into());
    }
    if stage.mount {
        args.push("--mount".into());
    }
    args.push("--".into());
    args.extend(command.iter().map(OsString::from));
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_worker_writes_the_shim_reads() {
        let command = ["sleep".to_owned(), "--mount".to_owned()];
        let stage = Stage {
            secrets_dir: Path::new("/x/y"),
            mount: true,
            hide: Some(Path::new("/x")),
            user: Some((5, 6, &[7, 8])),
            dir: Some(Path::new("/srv")),
        };
        let written = args(7, &stage, &command);
        let read = parse(written.into_iter().skip(1));
        let expected = Request {
            parent: 7,
            secrets_dir: "/x/y".into(),
            mount: true,
            hide: Some("/x".into()),
            user: Some((5, 6)),
            groups: vec![7, 8],
            dir: Some("/srv".into()),
            command: command.iter().map(OsString::from).collect(),
        };
        assert_eq!(read, Ok(expected));
    }

    #[test]
    fn half_a_request_is_refused() {
        for args in [
            &["--secrets-dir", "/x"][..],
            &["--", "true"],
            &["--parent", "x"],
            &["--secrets-dir"],
            &["--else"],
            &["--secrets-dir", "/x", "--user", "1", "--", "true"],
            &["--secrets-dir", "/x", "--user", "4294967295:0", "--", "true"],
            &["--secrets-dir", "/x", "--group", "wheel", "--", "true"],
        ] {
            assert!(parse(args.iter().map(OsString::from)).is_err(), "{args:?}");
        }
    }

    #[test]
    fn where_the_command_reads_from_stands_in_front() {
        let left = |args: &[&str]| take_stdin(args.iter().map(OsString::from)).collect::<Vec<_>>();
        // Nothing is open under such a number, and the three that are not meant are left alone.
        assert_eq!(left(&["--stdin", "2000000000", "--mount"]), ["--mount"]);
        assert_eq!(left(&["--stdin", "0", "--mount"]), ["--mount"]);
        assert_eq!(left(&["--mount", "--stdin", "9"]), ["--mount", "--stdin", "9"]);
    }

    #[test]
    fn other_starts_of_the_program_are_left_alone() {
        assert!(run_if_asked(["wardroom", "demo"].map(OsString::from)).is_none());
        assert!(run_if_asked(["wardroom"].map(OsString::from)).is_none());
    }
}
