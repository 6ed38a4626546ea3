//! Does a whole life of a containerised service hold? Rotations under a reader that looks all the time, a version that
//! breaks the program, a worker that is killed in the middle, and the line-by-line sequence that people know from Docker.

use std::path::PathBuf;

use harness::daemon::Daemon;
use harness::engine::image_or_skip;
use harness::skip::root_or_skip;
use harness::until::until;
use serde_json::Value;

use crate::binary;

const ROTATIONS: usize = 10;
const REPLICAS: usize = 3;

/// A server in the manner of redis: it goes on for ever, reads its password again and again, and notes every reading that
/// is missing, cut off or a mix. It ends, as real ones do, on a password that it cannot use.
const SERVER: &str = r#"
trap : HUP
n=0
while true; do
  if ! all=$(cat /run/secrets/password 2>&1); then echo "missing: $all" >> /out/wrong; fi
  body=${all#* }
  sum=$(printf %s "$body" | sha256sum | head -c 64)
  if [ "$sum" != "${all%% *}" ]; then echo "mixed or cut: $(printf %s "$all" | head -c 90)" >> /out/wrong; fi
  case "$body" in *unusable*) echo 'cannot use this password' >&2; exit 3;; esac
  printf %s "${body%%:*}" > /out/seen.$HOSTNAME.new && mv /out/seen.$HOSTNAME.new /out/seen.$HOSTNAME
  n=$((n + 1)); printf %s $n > /out/reads.$HOSTNAME
done
"#;

/// `<sha256 of the rest> <name>:<much>`: whatever is missing or mixed shows.
fn password(name: &str) -> Vec<u8> {
    use std::fmt::Write;

    use sha2::{Digest, Sha256};
    let body = format!("{name}:{}", name.repeat(20_000 / name.len()));
    let mut sum = String::new();
    for byte in Sha256::digest(body.as_bytes()) {
        write!(sum, "{byte:02x}").unwrap();
    }
    format!("{sum} {body}").into_bytes()
}

/// A manager that runs nothing, and one worker beside it on this machine's engine.
struct Stage {
    manager: Daemon,
    worker: Daemon,
    out: PathBuf,
    _folder: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("wr-").tempdir().unwrap();
        let out = folder.path().join("out");
        std::fs::create_dir(&out).unwrap();
        let manager = Daemon::local(&binary(), folder.path(), "m1");
        let worker = Daemon::local(&binary(), folder.path(), "w1");
        let own = manager.address.clone();
        manager
            .run(&[
                "swarm",
                "init",
                "--advertise-addr",
                &own,
                "--listen-addr",
                &own,
                "--availability",
                "drain",
            ])
            .ok();
        let token = manager.run(&["swarm", "join-token", "-q", "worker"]).ok();
        worker
            .feed(&["swarm", "join", "--token-file", "-", &own], token.as_bytes())
            .ok();
        Self {
            manager,
            worker,
            out,
            _folder: folder,
        }
    }

    fn server(&self, image: &str, on_change: &str) {
        self.manager
            .feed(&["secret", "create", "password", "-"], &password("v1"))
            .ok();
        let replicas = REPLICAS.to_string();
        let secret = format!("source=password,target=password,mode=0400,on-change={on_change}");
        let mount = format!("type=bind,source={},target=/out", self.out.display());
        let create = [
            "service",
            "create",
            "--name",
            "redis",
            "--replicas",
            &replicas,
            "--secret",
            &secret,
            "--mount",
            &mount,
            "--update-monitor",
            "1s",
            "--stop-grace-period",
            "0s",
            image,
            "sh",
            "-c",
            SERVER,
        ];
        self.manager.run(&create).ok();
    }

    fn rotate(&self, name: &str) -> harness::process::Said {
        self.manager
            .feed(&["secret", "rotate", "password", "-", "--yes"], &password(name))
    }

    /// What each container has read last.
    fn seen(&self) -> Vec<String> {
        let files = std::fs::read_dir(&self.out).unwrap().filter_map(Result::ok);
        let of = |file: std::fs::DirEntry| {
            let name = file.file_name().to_string_lossy().into_owned();
            (name.starts_with("seen.") && !name.contains(".new")).then(|| std::fs::read_to_string(file.path()).ok())?
        };
        files.filter_map(of).collect()
    }

    fn forget(&self) {
        for file in std::fs::read_dir(&self.out).unwrap().filter_map(Result::ok) {
            let _ = std::fs::remove_file(file.path());
        }
    }

    #[track_caller]
    fn nothing_was_wrong(&self) {
        let wrong = std::fs::read_to_string(self.out.join("wrong")).unwrap_or_default();
        assert_eq!(wrong, "");
    }

    /// Versions that live tasks of the service hold, proven.
    fn held(&self) -> Vec<(u64, bool)> {
        let holders: Value = self
            .manager
            .run(&["secret", "holders", "password", "--format", "json"])
            .json();
        let held = holders.as_array().unwrap().iter();
        held.filter(|holding| holding["state"] == "present")
            .map(|holding| {
                (
                    holding["version"].as_u64().unwrap(),
                    holding["proven"].as_bool().unwrap(),
                )
            })
            .collect()
    }
}

fn staged(test: &str) -> Option<(Stage, &'static str)> {
    if !root_or_skip(test) {
        return None;
    }
    let image = image_or_skip(test)?;
    Some((Stage::new(), image))
}

#[test]
fn ten_rotations_under_a_reader_that_looks_all_the_time() {
    let Some((stage, image)) = staged("ten_rotations_under_a_reader_that_looks_all_the_time") else {
        return;
    };
    stage.server(image, "swap");
    let before = containers(&stage);
    for round in 2..=ROTATIONS + 1 {
        let name = format!("v{round}");
        stage.rotate(&name).ok();
        until("every container reads the new one", || {
            let seen = stage.seen();
            (seen.len() == REPLICAS && seen.iter().all(|last| *last == name)).then_some(())
        });
    }
    stage.nothing_was_wrong();
    assert_eq!(containers(&stage), before, "nothing was restarted");
}

#[test]
fn a_version_that_breaks_the_program_goes_back_by_itself() {
    for on_change in ["swap", "restart", "signal:HUP"] {
        let Some((stage, image)) = staged("a_version_that_breaks_the_program_goes_back_by_itself") else {
            return;
        };
        stage.server(image, on_change);
        let said = stage.rotate("unusable");
        assert_ne!(said.code, 0, "{on_change}: {}", said.out);
        assert!(said.err.contains("rolled back"), "{on_change}: {}", said.err);
        until("every task has proven the old bytes", || {
            let held = stage.held();
            (held.len() == REPLICAS && held.iter().all(|(version, proven)| *version == 1 && *proven)).then_some(())
        });
        stage.forget();
        until("every container reads the old one", || {
            let seen = stage.seen();
            (seen.len() == REPLICAS && seen.iter().all(|last| last == "v1")).then_some(())
        });
        stage.nothing_was_wrong();
    }
}

#[test]
fn a_worker_that_is_killed_in_the_middle_finishes_after_its_return() {
    let Some((mut stage, image)) = staged("a_worker_that_is_killed_in_the_middle_finishes_after_its_return") else {
        return;
    };
    stage.server(image, "restart");
    stage
        .manager
        .feed(
            &["secret", "rotate", "password", "-", "--yes", "--detach"],
            &password("v2"),
        )
        .ok();
    until("some task has the new version and some has not", || {
        let held = stage.held();
        let new = held.iter().filter(|(version, _)| *version == 2).count();
        (new > 0 && new < REPLICAS).then_some(())
    });
    stage.worker.kill();
    stage.worker.start();
    until("the rotation is over and every task has proven the new bytes", || {
        let held = stage.held();
        (held.len() == REPLICAS && held.iter().all(|(version, proven)| *version == 2 && *proven)).then_some(())
    });
    stage.nothing_was_wrong();
    let left = containers(&stage);
    assert_eq!(left.len(), REPLICAS, "what the killed worker left is gone: {left:?}");
}

#[test]
fn what_people_type_with_docker_works_line_by_line() {
    let Some((stage, image)) = staged("what_people_type_with_docker_works_line_by_line") else {
        return;
    };
    let wardroom = |line: &str, input: &[u8]| {
        let words: Vec<&str> = line
            .split_whitespace()
            .map(|word| if word == "IMAGE" { image } else { word })
            .collect();
        stage.manager.feed(&words, input)
    };
    wardroom("secret create db_password -", b"first").ok();
    wardroom(
        "service create --name db --replicas 1 --update-monitor 0s --secret source=db_password,target=db_password IMAGE sleep 1000",
        b"",
    )
    .ok();
    assert_eq!(inside(&stage, "db", "/run/secrets/db_password"), "first");
    wardroom("secret create db_password_2 -", b"second").ok();
    wardroom(
        "service update --secret-rm db_password --secret-add source=db_password_2,target=db_password db",
        b"",
    )
    .ok();
    assert_eq!(inside(&stage, "db", "/run/secrets/db_password"), "second");
    // As in Docker: the spec before could still need it.
    wardroom("service rm db", b"").ok();
    wardroom("secret rm db_password", b"").ok();
    wardroom("secret rm db_password_2", b"").ok();
    until("nothing is left", || containers(&stage).is_empty().then_some(()));
}

/// Ids of the engine's containers that belong to the worker of this stage.
fn containers(stage: &Stage) -> Vec<String> {
    let node = node_id(stage);
    let filter = format!("label=wardroom.node={node}");
    let said = docker(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter]);
    let mut ids: Vec<String> = said.lines().map(str::to_owned).collect();
    ids.sort();
    ids
}

fn node_id(stage: &Stage) -> String {
    let nodes = stage.manager.run(&["node", "inspect", "w1", "--format", "json"]).json();
    nodes[0]["ID"].as_str().unwrap().to_owned()
}

/// A file of the one running container of a service.
fn inside(stage: &Stage, service: &str, path: &str) -> String {
    let tasks = stage
        .manager
        .run(&["service", "ps", service, "--format", "json"])
        .json();
    assert!(tasks.as_array().unwrap().iter().any(|task| task["state"] == "running"));
    let ids = containers(stage);
    let live: Vec<&String> = ids
        .iter()
        .filter(|id| docker(&["inspect", "-f", "{{.State.Running}}", id]) == "true")
        .collect();
    docker(&["exec", live[0], "cat", path])
}

fn docker(arguments: &[&str]) -> String {
    let output = std::process::Command::new("docker").args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "docker {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
