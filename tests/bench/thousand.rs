//! What do a thousand workers cost? Three managers, and real sessions from crowds of agents: joins, memory and processor
//! time by session, and how long it takes to bring one secret to all of them.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use harness::crowd::{Crowd, raise_descriptors};
use harness::daemon::Daemon;
use harness::until::{DEADLINE, until};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use wardroom_api::v1::change::Action;
use wardroom_api::v1::object::Kind as Thing;
use wardroom_api::v1::watch_message::Body;
use wardroom_api::{Client, FeedEvent, WatchFeed, v1};

use crate::console::{cpu, rss_mib};
use crate::{cluster, ms, row};

/// How many, where a thousand are too many.
const WORKERS: &str = "WARDROOM_BENCH_WORKERS";
const CROWDS: usize = 4;
/// Over which processor time is counted while nobody does anything.
const WINDOW: Duration = Duration::from_secs(20);
/// The cluster's default.
const HEARTBEAT: Duration = Duration::from_secs(5);
const SECRET: &str = "for-all";
const BYTES: usize = 500;

pub(crate) fn report() {
    // A thousand do not settle on two cores that managers and workers share: ask for them where there are more.
    let workers = std::env::var(WORKERS).map_or(500, |text| text.parse().unwrap());
    raise_descriptors();
    let folder = tempfile::Builder::new().prefix("wr-").tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let daemons = cluster::three(folder.path());
    let leading = cluster::leader(&runtime, &daemons);
    let (leader, follower) = (&daemons[leading], &daemons[(leading + 1) % daemons.len()]);
    let _inside = runtime.enter();
    let client = Client::unix(&leader.socket);
    let watched = Watched {
        leader,
        follower,
        runtime: &runtime,
        client: &client,
    };

    settled(&runtime, &client);
    let before = watched.look();
    let alone = watched.idle();
    let mut crowds = crowds(workers, &leader.address);
    join(leader, &mut crowds, workers);
    let joined: Vec<f64> = crowds.iter().map(|crowd| rss_mib(crowd.pid())).collect();
    open(&runtime, &client, &mut crowds, workers);
    settled(&runtime, &client);
    memory(&watched, &before, workers);
    agents_memory(&crowds, &joined, workers);
    heartbeats(&alone, &watched.idle(), workers);
    runtime.block_on(deliveries(&client, workers));
}

/// Two of the managers: followers are alike.
struct Watched<'a> {
    leader: &'a Daemon,
    follower: &'a Daemon,
    runtime: &'a Runtime,
    client: &'a Client,
}

/// A figure of the leader, and the same of a follower.
struct Both<T> {
    leader: T,
    follower: T,
}

impl Watched<'_> {
    /// Resident memory, MiB.
    fn look(&self) -> Both<f64> {
        Both {
            leader: rss_mib(self.leader.pid()),
            follower: rss_mib(self.follower.pid()),
        }
    }

    /// Processor time over [`WINDOW`], in which nothing may change.
    fn idle(&self) -> Both<Duration> {
        let used = || (cpu(self.leader.pid()), cpu(self.follower.pid()));
        let mut seen = Seen::new(self.client, v1::Kind::Service);
        self.runtime.block_on(seen.first());
        let before = used();
        let change = self.runtime.block_on(timeout(WINDOW, seen.feed.event()));
        assert!(change.is_err(), "it was to be idle: {change:?}");
        let after = used();
        Both {
            leader: after.0.saturating_sub(before.0),
            follower: after.1.saturating_sub(before.1),
        }
    }
}

/// In processes of their own, the workers divided among them.
fn crowds(workers: usize, manager: &str) -> Vec<Crowd> {
    let program = std::env::current_exe().unwrap();
    let first_of = |crowd: usize| workers * crowd / CROWDS;
    (0..CROWDS)
        .map(|crowd| {
            let (first, next) = (first_of(crowd), first_of(crowd + 1));
            Crowd::start(Path::new(&program), first + 1, next - first, manager)
        })
        .collect()
}

fn join(leader: &Daemon, crowds: &mut [Crowd], workers: usize) {
    let token = leader.run(&["swarm", "join-token", "-q", "worker"]).ok();
    let started = Instant::now();
    for crowd in crowds.iter_mut() {
        crowd.join(&token);
    }
    crowds.iter_mut().for_each(Crowd::wait_joined);
    let took = started.elapsed();
    row(
        &format!("{workers} workers join"),
        &ms(took),
        &format!("{:.0} joins/s", count(workers) / took.as_secs_f64()),
    );
}

fn open(runtime: &Runtime, client: &Client, crowds: &mut [Crowd], workers: usize) {
    let started = Instant::now();
    crowds.iter_mut().for_each(Crowd::open);
    let mut ready = Seen::new(client, v1::Kind::Node);
    let is_ready = |thing: &Thing| match thing {
        Thing::Node(node) if node.role() == v1::Role::Worker && node.state() == v1::NodeState::Ready => {
            Some(node.id.clone())
        }
        _ => None,
    };
    runtime.block_on(ready.all("every worker is ready", workers, is_ready));
    crowds.iter_mut().for_each(Crowd::wait_open);
    let took = started.elapsed();
    row(
        &format!("their {workers} sessions open"),
        &ms(took),
        &format!("{:.0} sessions/s", count(workers) / took.as_secs_f64()),
    );
}

/// Nothing has been proposed for as long as a heartbeat takes.
fn settled(runtime: &Runtime, client: &Client) {
    let index = || {
        let answer = runtime.block_on(async { client.control().status(v1::StatusRequest {}).await });
        answer.map_or(0, |answer| answer.into_inner().index)
    };
    let mut last = (index(), Instant::now());
    until("the cluster comes to rest", || {
        let now = index();
        if now != last.0 {
            last = (now, Instant::now());
        }
        (last.1.elapsed() > HEARTBEAT).then_some(())
    });
}

fn memory(watched: &Watched<'_>, before: &Both<f64>, workers: usize) {
    let now = watched.look();
    row(
        "a worker in its session, in the leader's memory",
        &kib(now.leader - before.leader, workers),
        &format!("RSS {:.1} MiB, before {:.1}", now.leader, before.leader),
    );
    row(
        "the same worker in a follower's memory",
        &kib(now.follower - before.follower, workers),
        &format!("RSS {:.1} MiB, before {:.1}", now.follower, before.follower),
    );
}

fn agents_memory(crowds: &[Crowd], joined: &[f64], workers: usize) {
    let now: f64 = crowds.iter().map(|crowd| rss_mib(crowd.pid())).sum();
    row(
        "an agent and its session, in the agents' processes",
        &kib(now - joined.iter().sum::<f64>(), workers),
        &format!("{CROWDS} processes, {now:.1} MiB"),
    );
}

fn heartbeats(alone: &Both<Duration>, now: &Both<Duration>, workers: usize) {
    let percent = |used: Duration| used.as_secs_f64() / WINDOW.as_secs_f64() * 100.0;
    row(
        &format!("idle CPU of the leader, {workers} sessions"),
        &format!("{:.2} %", percent(now.leader)),
        &format!("of a core; {:.2} % before they joined", percent(alone.leader)),
    );
    row(
        "idle CPU of a follower",
        &format!("{:.2} %", percent(now.follower)),
        &format!("{:.2} % before they joined", percent(alone.follower)),
    );
    let beats = count(workers) * WINDOW.as_secs_f64() / HEARTBEAT.as_secs_f64();
    let for_beats = now.leader.saturating_sub(alone.leader);
    row(
        "the leader's CPU for 1,000 heartbeats",
        &ms(for_beats.div_f64(beats / 1_000.0)),
        &format!("{beats:.0} heartbeats in {} s", WINDOW.as_secs()),
    );
}

/// One secret to everybody, and its next version.
async fn deliveries(client: &Client, workers: usize) {
    let mut proven = Seen::new(client, v1::Kind::Holding);
    let value = |byte| Some(v1::Value::from_bytes(vec![byte; BYTES]));
    let create = v1::CreateSecretRequest {
        name: SECRET.into(),
        value: value(b'1'),
        ..Default::default()
    };
    client.control().create_secret(create).await.unwrap();
    let started = Instant::now();
    let service = v1::CreateServiceRequest {
        exposes_env: false,
        spec: Some(service()),
    };
    client.control().create_service(service).await.unwrap();
    let present = |number: u32| move |thing: &Thing| held(thing, number, v1::HoldingState::Present);
    proven.all("every worker has the secret", workers, present(1)).await;
    row(
        &format!("a global service: {workers} receipts proven"),
        &ms(started.elapsed()),
        "from the call of service create",
    );
    let started = Instant::now();
    let rotate = v1::RotateSecretRequest {
        reference: SECRET.into(),
        value: value(b'2'),
        ..Default::default()
    };
    client.control().rotate_secret(rotate).await.unwrap();
    proven
        .all("every worker has the next version", workers, present(2))
        .await;
    row(
        &format!("rotate by swap: {workers} receipts proven"),
        &ms(started.elapsed()),
        "",
    );
    let erased = |thing: &Thing| held(thing, 1, v1::HoldingState::Erased);
    proven.all("no worker has the old version", workers, erased).await;
    row(
        &format!("the same: {workers} erasures of the old bytes"),
        &ms(started.elapsed()),
        "they stay readable for 500 ms",
    );
}

fn service() -> v1::ServiceSpec {
    v1::ServiceSpec {
        name: "everywhere".into(),
        run: Some(v1::RunSpec {
            executor: v1::Executor::Process.into(),
            command: vec!["simulated".into()],
            ..Default::default()
        }),
        global: true,
        constraints: vec!["node.role==worker".into()],
        grants: vec![v1::Grant {
            secret_name: SECRET.into(),
            target: SECRET.into(),
            mode: 0o444,
            on_change: v1::OnChange::Swap.into(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// The node whose receipt says so; a value that is present counts once it is proven.
fn held(thing: &Thing, number: u32, state: v1::HoldingState) -> Option<String> {
    let Thing::Holding(holding) = thing else { return None };
    let is_so = holding.version == number && holding.state() == state;
    let is_proven = holding.proven || state != v1::HoldingState::Present;
    (is_so && is_proven).then(|| holding.node_id.clone())
}

/// A watch of the leader, as a screen has it.
pub(crate) struct Seen {
    feed: WatchFeed,
    /// What was put and is not looked at yet.
    put: Vec<Thing>,
}

impl Seen {
    pub(crate) fn new(client: &Client, kind: v1::Kind) -> Self {
        Self {
            feed: WatchFeed::new(client.clone(), &[kind], false),
            put: Vec::new(),
        }
    }

    /// Waits until it has caught up with what there is.
    async fn first(&mut self) {
        let snapshot = |event: &FeedEvent| match event {
            FeedEvent::Message(message) => matches!(message.body, Some(Body::Snapshot(_))),
            _ => false,
        };
        while !snapshot(&self.feed.event().await) {}
    }

    /// Returns when `wanted` has named so many different nodes.
    pub(crate) async fn all(&mut self, what: &str, nodes: usize, wanted: impl Fn(&Thing) -> Option<String>) {
        let mut found = BTreeSet::new();
        let looking = async {
            loop {
                found.extend(self.put.drain(..).filter_map(|thing| wanted(&thing)));
                if found.len() >= nodes {
                    return;
                }
                self.put = puts(self.feed.event().await);
            }
        };
        let in_time = timeout(DEADLINE, looking).await.is_ok();
        assert!(in_time, "{what}: {} of {nodes} after {DEADLINE:?}", found.len());
    }
}

fn puts(event: FeedEvent) -> Vec<Thing> {
    let FeedEvent::Message(message) = event else {
        return Vec::new();
    };
    let objects = match message.body {
        Some(Body::Snapshot(snapshot)) => snapshot.objects,
        Some(Body::Changes(changes)) => {
            let put = |change: v1::Change| match change.action {
                Some(Action::Put(object)) => Some(object),
                _ => None,
            };
            changes.changes.into_iter().filter_map(put).collect()
        }
        _ => Vec::new(),
    };
    objects.into_iter().filter_map(|object| object.kind).collect()
}

#[allow(clippy::cast_precision_loss)] // thousands
fn count(number: usize) -> f64 {
    number as f64
}

fn kib(mib: f64, workers: usize) -> String {
    format!("{:.1} KiB", mib * 1024.0 / count(workers))
}
