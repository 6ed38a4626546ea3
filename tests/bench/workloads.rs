//! How soon does a program have its secret, its next version, and how soon is it gone? Ten processes and ten containers
//! of one service, a thousand tasks on ten agents, and Docker Swarm beside them in the same run.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use harness::crowd::{Crowd, raise_descriptors};
use harness::process::Demo;
use harness::until::DEADLINE;
use tokio::runtime::Runtime;
use wardroom_api::v1::object::Kind as Thing;
use wardroom_api::{Client, v1};

use crate::thousand::Seen;
use crate::{binary, cluster, ms, percentile, row, swarm};

pub(crate) const TASKS: usize = 10;
const MANY_TASKS: usize = 1_000;
const AGENTS: usize = 10;
const ROUNDS: usize = 10;
const SECRET: &str = "bench";
const IMAGE: &str = "wardroom-bench";
/// As Swarm is measured: all ten, whatever the roll-out settings.
const SCRIPT: &str = "cat \"$WARDROOM_SECRETS_DIR/bench\" > \"$OUT/$$\"; exec sleep 100000";
const CONTAINER_SCRIPT: &str = "cat /run/secrets/bench > /out/$HOSTNAME; exec sleep 100000";

pub(crate) fn report() {
    let runtime = Runtime::new().unwrap();
    ten(&runtime, "processes", process);
    if image() {
        ten(&runtime, "containers", container);
        swarm::report(IMAGE);
    } else {
        row(
            "containers, and Docker Swarm",
            "-",
            "no engine with a static busybox here",
        );
    }
    thousand(&runtime);
}

/// A cluster of its own: create, rotate again and again, revoke.
fn ten(runtime: &Runtime, what: &str, run: fn(&Path) -> v1::RunSpec) {
    let demo = Demo::empty(&binary());
    let folder = tempfile::tempdir().unwrap();
    // Whoever the task runs as writes there.
    open_to_all(folder.path());
    let _inside = runtime.enter();
    let client = Client::unix(demo.dir.join("wardroom.sock"));
    let mut seen = Seen::new(&client, v1::Kind::Holding);
    runtime.block_on(create_secret(&client));
    let spec = service(run(folder.path()), TASKS, vec![grant()]);
    let started = Instant::now();
    runtime.block_on(create_service(&client, spec));
    wait("ten tasks have read it", || marked(folder.path(), "0") >= TASKS);
    row(
        &format!("service created to secret readable in ten {what}"),
        &ms(started.elapsed()),
        if what == "processes" { "goal 60 ms" } else { "" },
    );
    let mut rotations: Vec<Duration> = (1..=ROUNDS)
        .map(|round| runtime.block_on(rotate(&client, &mut seen, round, TASKS)))
        .collect();
    row(
        &format!("rotation by swap, ten {what} proven, median of {ROUNDS}"),
        &ms(percentile(&mut rotations, 0.5)),
        &format!("worst {}; goal 150 ms", ms(percentile(&mut rotations, 1.0))),
    );
    row(
        &format!("revoke to erased in all ten {what}"),
        &ms(runtime.block_on(revoke(&client, &mut seen))),
        "goal 100 ms",
    );
    runtime.block_on(granted_later(&client, &mut seen, what));
}

/// A grant to tasks that run already.
async fn granted_later(client: &Client, seen: &mut Seen, what: &str) {
    let create = v1::CreateSecretRequest {
        name: "later".into(),
        value: Some(v1::Value::from_bytes(b"later".to_vec())),
        ..Default::default()
    };
    client.control().create_secret(create).await.unwrap();
    let request = v1::UpdateServiceRequest {
        reference: "bench".into(),
        add: vec![v1::Grant {
            secret_name: "later".into(),
            target: "later".into(),
            ..grant()
        }],
        ..Default::default()
    };
    let started = Instant::now();
    client.control().update_service(request).await.unwrap();
    let is_there = |thing: &Thing| held(thing, "later", 1, v1::HoldingState::Present);
    seen.all("ten tasks have the granted one", TASKS, is_there).await;
    row(
        &format!("grant to file readable in ten running {what}"),
        &ms(started.elapsed()),
        "goal 60 ms",
    );
}

/// Ten agents with a hundred tasks each; files and workloads are simulated, everything between is real.
fn thousand(runtime: &Runtime) {
    raise_descriptors();
    let folder = tempfile::Builder::new().prefix("wr-").tempdir().unwrap();
    let daemons = cluster::three(folder.path());
    let leading = cluster::leader(runtime, &daemons);
    let leader = &daemons[leading];
    let _inside = runtime.enter();
    let client = Client::unix(&leader.socket);
    let token = leader.run(&["swarm", "join-token", "-q", "worker"]).ok();
    let mut crowd = Crowd::start(&std::env::current_exe().unwrap(), 1, AGENTS, &leader.address);
    crowd.join(&token);
    crowd.wait_joined();
    crowd.open();
    crowd.wait_open();
    let mut seen = Seen::new(&client, v1::Kind::Holding);
    runtime.block_on(create_secret(&client));
    let run = v1::RunSpec {
        executor: v1::Executor::Process.into(),
        command: vec!["simulated".into()],
        ..Default::default()
    };
    let mut spec = service(run, MANY_TASKS, vec![grant()]);
    spec.constraints = vec!["node.role==worker".into()];
    let started = Instant::now();
    runtime.block_on(async {
        create_service(&client, spec).await;
        let is_there = |thing: &Thing| held(thing, SECRET, 1, v1::HoldingState::Present);
        seen.all("a thousand tasks have it", MANY_TASKS, is_there).await;
    });
    row(
        &format!("{MANY_TASKS} tasks on {AGENTS} agents: created to proven"),
        &ms(started.elapsed()),
        "",
    );
    let mut rotations: Vec<Duration> = (1..=ROUNDS)
        .map(|round| runtime.block_on(rotate(&client, &mut seen, round, MANY_TASKS)))
        .collect();
    row(
        &format!("rotation by swap over {MANY_TASKS} tasks, median of {ROUNDS}"),
        &ms(percentile(&mut rotations, 0.5)),
        &format!("worst {}; goal 2 s", ms(percentile(&mut rotations, 1.0))),
    );
}

async fn create_secret(client: &Client) {
    let create = v1::CreateSecretRequest {
        name: SECRET.into(),
        value: Some(v1::Value::from_bytes(b"0".to_vec())),
        ..Default::default()
    };
    client.control().create_secret(create).await.unwrap();
}

async fn create_service(client: &Client, spec: v1::ServiceSpec) {
    let create = v1::CreateServiceRequest {
        spec: Some(spec),
        exposes_env: false,
    };
    client.control().create_service(create).await.unwrap();
}

/// From the call to the last receipt that proves the new bytes; ends when the rotation is over.
async fn rotate(client: &Client, seen: &mut Seen, round: usize, tasks: usize) -> Duration {
    let version = u32::try_from(round).unwrap() + 1;
    let rotate = v1::RotateSecretRequest {
        reference: SECRET.into(),
        value: Some(v1::Value::from_bytes(round.to_string().into_bytes())),
        ..Default::default()
    };
    let started = Instant::now();
    client.control().rotate_secret(rotate).await.unwrap();
    let is_new = |thing: &Thing| held(thing, SECRET, version, v1::HoldingState::Present);
    seen.all("every task has the next version", tasks, is_new).await;
    let taken = started.elapsed();
    let is_gone = |thing: &Thing| held(thing, SECRET, version - 1, v1::HoldingState::Erased);
    seen.all("no task has the version before", tasks, is_gone).await;
    taken
}

async fn revoke(client: &Client, seen: &mut Seen) -> Duration {
    let last = u32::try_from(ROUNDS).unwrap() + 1;
    let revoke = v1::RevokeSecretRequest {
        reference: SECRET.into(),
        ..Default::default()
    };
    let started = Instant::now();
    client.control().revoke_secret(revoke).await.unwrap();
    let is_gone = |thing: &Thing| held(thing, SECRET, last, v1::HoldingState::Erased);
    seen.all("it is erased everywhere", TASKS, is_gone).await;
    started.elapsed()
}

/// The task whose receipt says so; a value that is present counts once it is proven.
fn held(thing: &Thing, secret: &str, version: u32, state: v1::HoldingState) -> Option<String> {
    let Thing::Holding(holding) = thing else { return None };
    let is_so = holding.secret_name == secret && holding.version == version && holding.state() == state;
    let is_proven = holding.proven || state != v1::HoldingState::Present;
    (is_so && is_proven).then(|| holding.task_id.clone())
}

fn grant() -> v1::Grant {
    v1::Grant {
        secret_name: SECRET.into(),
        target: SECRET.into(),
        mode: 0o444,
        on_change: v1::OnChange::Swap.into(),
        ..Default::default()
    }
}

fn service(run: v1::RunSpec, replicas: usize, grants: Vec<v1::Grant>) -> v1::ServiceSpec {
    v1::ServiceSpec {
        name: "bench".into(),
        run: Some(run),
        replicas: u32::try_from(replicas).unwrap(),
        grants,
        ..Default::default()
    }
}

fn process(folder: &Path) -> v1::RunSpec {
    v1::RunSpec {
        executor: v1::Executor::Process.into(),
        command: ["sh", "-c", SCRIPT].map(str::to_owned).into(),
        env: vec![format!("OUT={}", folder.display())],
        ..Default::default()
    }
}

fn container(folder: &Path) -> v1::RunSpec {
    v1::RunSpec {
        executor: v1::Executor::Container.into(),
        image: IMAGE.into(),
        command: ["sh", "-c", CONTAINER_SCRIPT].map(str::to_owned).into(),
        mounts: vec![v1::Mount {
            kind: v1::MountKind::Bind.into(),
            source: folder.display().to_string(),
            target: "/out".into(),
            read_only: false,
        }],
        ..Default::default()
    }
}

/// Makes the image from this machine's busybox; `false` where that cannot be.
fn image() -> bool {
    harness::engine::busybox_image(IMAGE)
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
}

/// How many tasks have written that they have read `content`.
pub(crate) fn marked(folder: &Path, content: &str) -> usize {
    let read: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let is_it = std::fs::read_to_string(entry.path()).is_ok_and(|text| text == content);
            is_it.then(|| entry.file_name().to_string_lossy().into_owned())
        })
        .collect();
    read.len()
}

/// Looks every millisecond: [`harness::until`] is too patient for what is measured here.
pub(crate) fn wait(what: &str, mut look: impl FnMut() -> bool) {
    let started = Instant::now();
    while !look() {
        assert!(started.elapsed() < DEADLINE * 2, "waited in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}
