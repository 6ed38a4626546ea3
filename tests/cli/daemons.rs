//! Is the daemon a good citizen of its machine? One process a directory, words where no manager is, a ready word for
//! systemd, an orderly end, and nothing lost in any other.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};

use harness::daemon::Daemon;
use harness::process::Said;
use harness::until::{DEADLINE, until};

use crate::binary;

pub(crate) fn scratch() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("wr-").tempdir().unwrap()
}

pub(crate) fn daemon(folder: &Path, name: &str) -> Daemon {
    Daemon::local(&binary(), folder, name)
}

fn init(daemon: &Daemon) {
    daemon.run(&["swarm", "init", "--listen-addr", &daemon.address]).ok();
}

pub(crate) fn join(daemon: &Daemon, manager: &Daemon, role: &str) -> Said {
    let token = manager.run(&["swarm", "join-token", "-q", role]).ok();
    let arguments = [
        "swarm",
        "join",
        "--token-file",
        "-",
        "--listen-addr",
        &daemon.address,
        &manager.address,
    ];
    daemon.feed(&arguments, token.as_bytes())
}

fn hostnames(manager: &Daemon, wanted: impl Fn(&serde_json::Value) -> bool) -> Vec<String> {
    let nodes = manager.ask(&["node", "ls"]).unwrap_or_default();
    let rows = nodes.as_array().cloned().unwrap_or_default();
    let wanted = rows.iter().filter(|row| wanted(row));
    wanted.map(|row| row["hostname"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn machines_come_in_by_their_token_and_go() {
    let folder = scratch();
    let (manager, second, worker) = (
        daemon(folder.path(), "m1"),
        daemon(folder.path(), "m2"),
        daemon(folder.path(), "w1"),
    );
    manager
        .run(&["secret", "ls"])
        .refused(7, &["This node is not a swarm manager. Use \"wardroom swarm init\""]);
    init(&manager);
    let audit = manager.ask(&["audit", "ls"]).unwrap().to_string();
    assert!(
        audit.contains("cluster.bootstrap") && audit.contains("admin:"),
        "{audit}"
    );
    assert_eq!(
        join(&worker, &manager, "worker").ok(),
        "This node joined a swarm as a worker.\n"
    );
    assert_eq!(
        join(&second, &manager, "manager").ok(),
        "This node joined a swarm as a manager.\n"
    );
    worker
        .run(&["secret", "ls"])
        .refused(7, &["Worker nodes can't be used to view or modify cluster state"]);
    join(&worker, &manager, "worker").refused(7, &["This node is already part of a swarm"]);
    second.feed(&["secret", "create", "db", "-"], b"value").ok();
    until("all are ready", || {
        (hostnames(&manager, |row| row["status"] == "ready").len() == 3).then_some(())
    });

    second
        .run(&["swarm", "leave"])
        .refused(7, &["leaves 1 managers out of 2", "--force-new-cluster"]);
    assert_eq!(worker.run(&["swarm", "leave"]).ok(), "Node left the swarm.\n");
    until("the worker is down", || {
        (hostnames(&manager, |row| row["status"] == "down") == ["w1"]).then_some(())
    });
    worker
        .run(&["swarm", "leave"])
        .refused(7, &["This node is not part of a swarm"]);
}

#[test]
fn a_node_is_the_same_after_an_orderly_end_and_after_any_other() {
    let folder = scratch();
    let mut manager = daemon(folder.path(), "m1");
    init(&manager);
    manager.feed(&["secret", "create", "db", "-"], b"value").ok();
    let id = manager.ask(&["node", "ls"]).unwrap()[0]["id"].clone();
    assert_eq!(manager.stop(), 0, "SIGTERM ends it in order");
    assert!(!manager.socket.exists());
    manager.start();
    manager.kill();
    manager.start();
    until("it leads again", || {
        let nodes = manager.ask(&["node", "ls"])?;
        (nodes[0]["id"] == id && nodes[0]["manager_status"] == "leader").then_some(())
    });
    let secrets = manager.run(&["secret", "ls", "-q"]).ok();
    assert_eq!(secrets.lines().count(), 1, "{secrets}");
}

#[test]
fn a_directory_and_a_socket_have_one_daemon() {
    let folder = scratch();
    let first = daemon(folder.path(), "m1");
    let second = |state: &Path, socket: &Path| {
        let mut command = Command::new(binary());
        command
            .args(["daemon", "--state-dir"])
            .arg(state)
            .arg("--socket")
            .arg(socket);
        Said::from(command.stdin(Stdio::null()).output().unwrap())
    };
    let other = folder.path().join("other.sock");
    second(&first.state_dir, &other).refused(7, &[&first.pid().to_string(), "--state-dir"]);
    second(&folder.path().join("m2"), &first.socket).refused(1, &["another process listens", "--socket"]);
    first.run(&["swarm", "info"]).ok();
}

#[test]
fn systemd_hears_that_it_is_ready_what_it_is_and_that_it_ends() {
    let folder = scratch();
    let notified = folder.path().join("notify.sock");
    let listener = UnixDatagram::bind(&notified).unwrap();
    listener.set_read_timeout(Some(DEADLINE)).unwrap();
    let heard = |wanted: &str| {
        let mut bytes = [0; 1024];
        loop {
            let length = listener
                .recv(&mut bytes)
                .unwrap_or_else(|error| panic!("no {wanted}: {error}"));
            if String::from_utf8_lossy(&bytes[..length]).contains(wanted) {
                return;
            }
        }
    };
    let mut child = Command::new(binary())
        .args(["daemon", "--state-dir"])
        .arg(folder.path().join("m1"))
        .arg("--socket")
        .arg(folder.path().join("m1.sock"))
        .env("NOTIFY_SOCKET", &notified)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    heard("READY=1");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    heard("STOPPING=1");
    let ended = until("it ends", || child.try_wait().unwrap());
    assert_eq!(ended.code(), Some(0));
}

#[test]
#[allow(clippy::print_stderr)] // a skip is said aloud
fn the_unit_keeps_the_daemon_in_its_box() {
    const EXPOSURE_TENTHS_MAX: &str = "30";
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/systemd/wardroom.service");
    let mut judge = Command::new("systemd-analyze");
    judge.args([
        "security",
        "--offline=true",
        "--no-pager",
        "--threshold",
        EXPOSURE_TENTHS_MAX,
    ]);
    let Ok(judged) = judge.arg(unit).output() else {
        eprintln!("\n*** SKIPPED the_unit_keeps_the_daemon_in_its_box: there is no systemd-analyze ***\n");
        return;
    };
    let said = Said::from(judged);
    if said.err.contains("unrecognized option") {
        eprintln!("\n*** SKIPPED the_unit_keeps_the_daemon_in_its_box: this systemd-analyze is too old ***\n");
        return;
    }
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}
