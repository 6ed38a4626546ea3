//! What does Docker Swarm take for the same, on this machine and in this run? Ten containers of one service, asked for
//! with the docker command, from the call until the bytes are where they should be.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::workloads::{TASKS, marked, wait};
use crate::{ms, row};

const SERVICE: &str = "wardroom-bench";

/// Measures only where an engine is that is in no swarm; leaves it as it was.
pub(crate) fn report(image: &str) {
    if docker(&["info", "--format", "{{.Swarm.LocalNodeState}}"]).as_deref() != Some("inactive") {
        row("Docker Swarm", "-", "the engine is in a swarm of its own: not touched");
        return;
    }
    if docker(&["swarm", "init", "--advertise-addr", "127.0.0.1"]).is_none() {
        row("Docker Swarm", "-", "no swarm can be made here");
        return;
    }
    let _left = Left;
    let folder = tempfile::tempdir().unwrap();
    feed(&["secret", "create", "bench_v1", "-"], "one");
    feed(&["secret", "create", "bench_v2", "-"], "two");
    feed(&["secret", "create", "bench_v3", "-"], "three");
    figure(
        "Swarm: service created to secret readable in ten containers",
        created(folder.path(), image),
    );
    figure(
        "Swarm: rotation to new content in all ten, default",
        rotated(folder.path(), "1", "2", &[]),
    );
    let at_once = ["--update-parallelism", "0", "--update-delay", "0s"];
    figure(
        "Swarm: the same, all at once",
        rotated(folder.path(), "2", "3", &at_once),
    );
    figure("Swarm: service removed to files gone", removed());
}

/// Leaves the swarm, whatever happened in it.
struct Left;

impl Drop for Left {
    fn drop(&mut self) {
        let _ = docker(&["swarm", "leave", "--force"]);
    }
}

fn figure(what: &str, taken: Duration) {
    row(what, &ms(taken), "");
}

fn created(folder: &Path, image: &str) -> Duration {
    let mount = format!("type=bind,source={},target=/out", folder.display());
    let replicas = TASKS.to_string();
    let script = "cat /run/secrets/bench > /out/$HOSTNAME; exec sleep 100000";
    let started = Instant::now();
    must(&[
        "service",
        "create",
        "--detach",
        "--quiet",
        "--no-resolve-image",
        "--name",
        SERVICE,
        "--replicas",
        &replicas,
        "--secret",
        "source=bench_v1,target=bench",
        // The first process of a container ignores what it has no handler for: the figure is not to be ten seconds of grace.
        "--stop-signal",
        "SIGKILL",
        "--mount",
        &mount,
        image,
        "sh",
        "-c",
        script,
    ]);
    wait("ten containers read it", || marked(folder, "one") >= TASKS);
    started.elapsed()
}

fn rotated(folder: &Path, from: &str, to: &str, settings: &[&str]) -> Duration {
    let (removed, added) = (format!("bench_v{from}"), format!("source=bench_v{to},target=bench"));
    let content = if to == "2" { "two" } else { "three" };
    let mut arguments = vec!["service", "update", "--detach", "--quiet", "--no-resolve-image"];
    arguments.extend(["--secret-rm", &removed, "--secret-add", &added]);
    arguments.extend(settings);
    arguments.push(SERVICE);
    let started = Instant::now();
    must(&arguments);
    wait("ten containers read the next one", || marked(folder, content) >= TASKS);
    started.elapsed()
}

/// Until no container of it is left and none of their secrets is mounted.
fn removed() -> Duration {
    let filter = format!("label=com.docker.swarm.service.name={SERVICE}");
    let started = Instant::now();
    must(&["service", "rm", SERVICE]);
    wait("its containers are gone", || {
        docker(&["ps", "--quiet", "--filter", &filter]).is_some_and(|ids| ids.is_empty())
            && std::fs::read_to_string("/proc/self/mountinfo").is_ok_and(|mounts| !mounts.contains("/mounts/secrets"))
    });
    started.elapsed()
}

/// What the command says, trimmed; `None` when it fails.
pub(crate) fn docker(arguments: &[&str]) -> Option<String> {
    let output = Command::new("docker")
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

fn must(arguments: &[&str]) -> String {
    docker(arguments).unwrap_or_else(|| panic!("docker {} failed", arguments.join(" ")))
}

fn feed(arguments: &[&str], input: &str) {
    use std::io::Write;
    let mut child = Command::new("docker")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "docker {} failed", arguments.join(" "));
}
