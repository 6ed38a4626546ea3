//! Does a process that dies leave its memory behind? No daemon, no embedded cluster and no command writes a core file, also
//! when its limit was lifted from outside; a process without such care writes one, and the value is in it.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use harness::canary::Canary;
use harness::core_file::{CoreFiles, abort_with_core, found_in};
use harness::holder::Holder;
use harness::memory::scan;
use harness::process::Demo;
use harness::skip::root_or_skip;
use harness::until::until;
use wardroom_keys::memory;

use crate::binary;
use crate::machines::Machines;

const VALUE: &[u8] = b"Xw3mTz8QbLk5RvYc2NsHd7Gf9JpAe4UoKi6ZqMn1VxCtBhEyWjSrDlPgFu0Ia_Os";

/// A folder to die in. A control process shows that core files come to it and that the value is found in them.
fn grave(test: &str) -> Option<(CoreFiles, tempfile::TempDir)> {
    if !root_or_skip(test) {
        return None;
    }
    let files = CoreFiles::to_working_directory(test)?;
    let folder = tempfile::Builder::new().prefix("wr-").tempdir().unwrap();
    let mut holder = Holder::in_folder(VALUE, folder.path());
    assert!(abort_with_core(holder.pid()), "nothing of its own forbids it");
    holder.ended();
    let cores = found_in(folder.path());
    assert_eq!(cores.len(), 1, "the control leaves a core file");
    assert_eq!(
        Canary::new(VALUE).found_below(folder.path()).len(),
        1,
        "and the value is in it"
    );
    std::fs::remove_file(&cores[0]).unwrap();
    Some((files, folder))
}

/// Lifts its limit where that is allowed, has it abort, and finds nothing.
fn check_no_core(folder: &Path, pid: u32, ended: impl FnOnce() -> ExitStatus) {
    abort_with_core(pid);
    let status = ended();
    assert_eq!(status.signal(), Some(6), "it died of the signal");
    assert!(!status.core_dumped(), "the kernel says that it dumped core");
    assert_eq!(found_in(folder), Vec::<PathBuf>::new());
}

/// Which of the two ways of forbidding core files a process of this test takes before it aborts.
const FORBIDS: &str = "WARDROOM_TEST_FORBIDS";

#[test]
fn each_way_of_forbidding_core_files_is_enough() {
    if let Ok(way) = std::env::var(FORBIDS) {
        match way.as_str() {
            "core files" => memory::forbid_core_files().unwrap(),
            "tracing" => memory::forbid_tracing().unwrap(),
            _ => {}
        }
        std::process::abort();
    }
    let Some((_files, folder)) = grave("each_way_of_forbidding_core_files_is_enough") else {
        return;
    };
    for (way, dumps) in [("nothing", true), ("core files", false), ("tracing", false)] {
        let myself = std::env::current_exe().unwrap();
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -c unlimited; exec \"$@\"", "sh"])
            .arg(myself)
            .args(["--exact", "cores::each_way_of_forbidding_core_files_is_enough"])
            .env(FORBIDS, way)
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        assert_eq!(child.wait().unwrap().core_dumped(), dumps, "{way}");
    }
}

#[test]
fn a_worker_that_holds_a_value_leaves_no_core_file() {
    let Some((_files, _folder)) = grave("a_worker_that_holds_a_value_leaves_no_core_file") else {
        return;
    };
    let mut machines = Machines::cluster(&["m1", "w1"]);
    machines.manager().feed(&["secret", "create", "db", "-"], VALUE).ok();
    machines.serve("web", "db", 1, &["--constraint", "node.role==worker"]);
    machines.wait_files("web", "db", 1, VALUE);
    let folder = machines.folder.path().to_owned();
    for name in ["w1", "m1"] {
        let daemon = machines.named_mut(name);
        let pid = daemon.pid();
        if name == "w1" {
            let scan = scan(pid, &Canary::new(VALUE)).unwrap();
            assert!(!scan.hits.is_empty(), "it holds the value");
            assert_eq!(
                scan.can_be_swapped().count(),
                0,
                "in memory that is locked: {:#?}",
                scan.hits
            );
        }
        check_no_core(&folder, pid, || daemon.died());
    }
}

#[test]
fn an_embedded_cluster_leaves_no_core_file() {
    let Some((_files, folder)) = grave("an_embedded_cluster_leaves_no_core_file") else {
        return;
    };
    let mut demo = Demo::at(&binary(), &folder.path().join("d"), &["--empty"]);
    demo.feed(&["secret", "create", "db", "-"], VALUE).ok();
    let pid = demo.pid();
    check_no_core(folder.path(), pid, || demo.died());
    demo.start(&[]);
    assert_eq!(demo.stop(), 0, "it takes away what the one before has left");
}

/// It has read part of a value and waits for the rest.
#[test]
fn a_command_that_holds_a_value_leaves_no_core_file() {
    let Some((_files, folder)) = grave("a_command_that_holds_a_value_leaves_no_core_file") else {
        return;
    };
    let mut command = halfway(folder.path());
    let pid = command.id();
    until("the command has read what there is", || {
        let scan = scan(pid, &Canary::new(VALUE)).unwrap();
        (!scan.hits.is_empty()).then_some(())
    });
    check_no_core(folder.path(), pid, || command.wait().unwrap());
}

fn halfway(folder: &Path) -> Child {
    let mut command = Command::new(binary())
        .args(["--host", "unix:///nowhere", "secret", "create", "db", "-"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    command.stdin.as_mut().unwrap().write_all(VALUE).unwrap();
    command
}

/// What the kernel gives to root in `/proc` cannot be traced or read by the user whose process it is.
#[test]
fn nothing_of_a_users_own_processes_can_be_traced() {
    if !root_or_skip("nothing_of_a_users_own_processes_can_be_traced") {
        return;
    }
    let scratch = tempfile::Builder::new().prefix("wr-").tempdir().unwrap();
    let folder = scratch.path().join("d");
    std::fs::set_permissions(scratch.path(), Permissions::from_mode(0o777)).unwrap();
    let program = scratch.path().join("wardroom");
    std::fs::copy(binary(), &program).unwrap();
    // It lives as long as its input is open.
    let mut control = Command::new("cat").stdin(Stdio::piped()).uid(NOBODY).spawn().unwrap();
    assert_eq!(owner(control.id()), NOBODY, "the control belongs to its user");
    control.kill().unwrap();
    control.wait().unwrap();
    for arguments in [
        &["demo", "--headless", "--empty", "--dir"][..],
        &["daemon", "--state-dir"],
    ] {
        let mut process = Command::new(&program)
            .args(arguments)
            .arg(&folder)
            .uid(NOBODY)
            .gid(NOBODY)
            .env_clear()
            .env("XDG_RUNTIME_DIR", scratch.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("it belongs to root", || (owner(process.id()) == 0).then_some(()));
        process.kill().unwrap();
        process.wait().unwrap();
    }
}

const NOBODY: u32 = 65534;

fn owner(pid: u32) -> u32 {
    std::fs::metadata(format!("/proc/{pid}/environ")).unwrap().uid()
}
