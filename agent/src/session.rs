//! How does a worker stay in touch with whoever leads? One session at a time, opened again whenever anything of it breaks.
//!
//! ```text
//! worker                                leader
//!   │ ── Session(hostname, version) ────> │  id, heartbeat, managers, instructions
//!   │ ── Assignments(id) ───────────────> │  complete, then incremental ...
//!   │ ── Report(inventory) ─────────────> │  what is held, then what changes
//!   │ ── Heartbeat(id) ──── every n ────> │
//! ```
//!
//! Tasks go on while no manager answers; only what is wanted of them stands still.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tonic::transport::Channel;
use tonic::{Code, Response, Status, Streaming};
use wardroom_api::channel::{CALL_DEADLINE, dispatcher, request};
use wardroom_api::v1::dispatcher_client::DispatcherClient;
use wardroom_api::v1::{AssignmentsMessage, AssignmentsRequest, HeartbeatRequest, SessionMessage, SessionRequest};
use wardroom_api::{CallError, Net};
use wardroom_ca::NodeTls;
use wardroom_keys::Chance;

use crate::dial::dial;
use crate::instructions::{Instructions, removal};
use crate::logs;
use crate::managers::{HURRY, Managers, Next};
use crate::output::Logs;
use crate::report::Outbox;
use crate::wire::Reader;
use crate::worker::Worker;

/// Metadata in which a manager that does not lead names the one that does.
const LEADER: &str = "wardroom-leader";
/// One complete assignment carries all values of a node: more than other messages are allowed.
const ASSIGNMENT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Between two reports: what happens meanwhile goes into one proposal.
const REPORT_PAUSE: Duration = Duration::from_millis(10);
const HEARTBEAT_MIN: Duration = Duration::from_millis(50);

/// Everything a session needs of its worker.
pub(crate) struct Link {
    pub hostname: String,
    pub version: String,
    pub net: Arc<dyn Net>,
    pub tls: NodeTls,
    pub chance: Arc<dyn Chance>,
    pub worker: Arc<Mutex<Worker>>,
    pub outbox: Arc<Outbox>,
    pub logs: Arc<Logs>,
    /// The manager that serves this worker now.
    pub served_by: watch::Sender<Option<String>>,
    pub instructions: watch::Sender<Instructions>,
}

/// A manager said, in these words, that this node is no longer of the cluster.
pub(crate) struct Removed(pub(crate) String);

/// Why there is no session (any more).
enum Lost {
    NotLeader(Option<String>),
    Broken(String),
    Removed(Removed),
}

impl From<Status> for Lost {
    fn from(status: Status) -> Self {
        if let Some(words) = removal(&status) {
            return Self::Removed(Removed(words));
        }
        let leader = status
            .metadata()
            .get(LEADER)
            .and_then(|leader| leader.to_str().ok())
            .map(ToOwned::to_owned);
        match (status.code(), leader) {
            (_, Some(leader)) => Self::NotLeader(Some(leader)),
            (Code::FailedPrecondition, None) => Self::NotLeader(None),
            _ => Self::Broken(CallError::from(status).to_string()),
        }
    }
}

impl Lost {
    fn broken(text: impl Into<String>) -> Self {
        Self::Broken(text.into())
    }
}

type Client = DispatcherClient<Channel>;

/// A session that has begun.
struct Opened {
    client: Client,
    first: SessionMessage,
    messages: Streaming<SessionMessage>,
    assignments: Streaming<AssignmentsMessage>,
    reader: Reader,
}

impl Link {
    /// Keeps a session open for as long as it is polled, and this node is of the cluster.
    pub(crate) async fn keep(self, managers: Vec<String>) -> Removed {
        let managers = Mutex::new(Managers::new(managers));
        let mut tries = FuturesUnordered::new();
        loop {
            let patience = match lock(&managers).next(&*self.chance) {
                Next::Try(address) => {
                    tries.push(self.attempt(address));
                    HURRY
                }
                Next::Wait(wait) => wait,
            };
            let Ok((address, opened)) = timeout(patience, first(&mut tries)).await else {
                continue;
            };
            let lost = match opened {
                Ok(opened) => {
                    tries.clear();
                    lock(&managers).opened();
                    self.session(opened, &address, &managers).await
                }
                Err(lost) => lost,
            };
            match lost {
                Lost::NotLeader(leader) => {
                    tracing::debug!(manager = address, ?leader, "this manager does not lead");
                    lock(&managers).follows(&address, leader);
                }
                Lost::Broken(reason) => {
                    tracing::info!(manager = address, reason, "no session with this manager");
                    lock(&managers).lost(&address);
                }
                Lost::Removed(removed) => return removed,
            }
        }
    }

    async fn attempt(&self, address: String) -> (String, Result<Opened, Lost>) {
        let opened = self.open(&address).await;
        (address, opened)
    }

    async fn open(&self, address: &str) -> Result<Opened, Lost> {
        let channel = dial(&self.net, &self.tls, address).await.map_err(Lost::Broken)?;
        let mut client = dispatcher(channel).max_decoding_message_size(ASSIGNMENT_BYTES_MAX);
        let mut messages = opening(client.session(SessionRequest {
            hostname: self.hostname.clone(),
            version: self.version.clone(),
        }))
        .await?;
        let first = timeout(CALL_DEADLINE, messages.message())
            .await
            .map_err(|_elapsed| Lost::broken("no answer in time"))??;
        let first = first.ok_or_else(|| Lost::broken("the manager ended the session at once"))?;
        let session_id = first.session_id.clone();
        let (reader, transit_key) = Reader::new(&*self.chance);
        let request = AssignmentsRequest {
            session_id,
            transit_key,
        };
        let assignments = opening(client.assignments(request)).await?;
        Ok(Opened {
            client,
            first,
            messages,
            assignments,
            reader,
        })
    }

    /// One session from its opening to its loss.
    async fn session(&self, opened: Opened, address: &str, managers: &Mutex<Managers>) -> Lost {
        let Opened {
            client,
            first,
            messages,
            assignments,
            reader,
        } = opened;
        let id = first.session_id.clone();
        self.note(&first, managers);
        self.outbox.connected();
        self.served_by.send_replace(Some(address.to_owned()));
        let period = Duration::from_millis(first.heartbeat_ms);
        let took_report = || lock(managers).served(address);
        let connect = || dial(&self.net, &self.tls, address);
        let lost = tokio::select! {
            biased;
            lost = self.follow(messages, managers) => lost,
            // Before anything is received: what there is to say of now fits into one inventory.
            lost = self.report(client.clone(), &id, took_report) => lost,
            lost = self.receive(assignments, reader) => lost,
            lost = self.beat(client.clone(), &id, period) => lost,
            never = logs::serve(client, &id, &self.logs, connect) => match never {},
        };
        self.served_by.send_replace(None);
        self.outbox.lost();
        lock(&self.worker).broken_off();
        lost
    }

    /// The manager tells of other managers and of this node, and ends the stream when it no longer leads.
    async fn follow(&self, mut sessions: Streaming<SessionMessage>, managers: &Mutex<Managers>) -> Lost {
        loop {
            match sessions.message().await {
                Ok(Some(message)) => self.note(&message, managers),
                Ok(None) => return Lost::broken("the manager ended the session"),
                Err(status) => return status.into(),
            }
        }
    }

    fn note(&self, message: &SessionMessage, managers: &Mutex<Managers>) {
        lock(managers).learn(&message.managers);
        let role = self.tls.identity().role;
        self.instructions
            .send_if_modified(|instructions| instructions.take(message, role));
    }

    async fn receive(&self, mut assignments: Streaming<AssignmentsMessage>, mut reader: Reader) -> Lost {
        let mut lacks = lock(&self.worker).lacks();
        loop {
            let message = tokio::select! {
                biased;
                message = assignments.message() => message,
                // This manager believes that it has sent everything.
                _ = lacks.wait_for(|lacks| *lacks), if reader.is_complete() => {
                    return Lost::broken("a lease ran out while the manager was silent");
                }
            };
            let message = match message {
                Ok(Some(message)) => message,
                Ok(None) => return Lost::broken("the manager ended the assignments"),
                Err(status) => return status.into(),
            };
            let incoming = match reader.read(message) {
                Ok(incoming) => incoming,
                Err(error) => return Lost::Broken(error.to_string()),
            };
            if let Err(gap) = lock(&self.worker).take(incoming) {
                return Lost::Broken(gap.to_string());
            }
        }
    }

    async fn report(&self, mut client: Client, id: &str, took_report: impl Fn()) -> Lost {
        loop {
            let report = self.outbox.next(id).await;
            let asked = Instant::now();
            match timeout(CALL_DEADLINE, client.report(request(report, CALL_DEADLINE))).await {
                Ok(Ok(_index)) => {
                    lock(&self.worker).heard(asked);
                    took_report();
                    self.outbox.acknowledged();
                }
                Ok(Err(status)) => return status.into(),
                Err(_elapsed) => return Lost::broken("a report was not answered in time"),
            }
            sleep(REPORT_PAUSE).await;
        }
    }

    async fn beat(&self, mut client: Client, id: &str, first: Duration) -> Lost {
        let mut leases = lock(&self.worker).shortest_lease();
        let (mut period, mut last) = (first, Instant::now());
        loop {
            let pause = pause(period, *leases.borrow_and_update());
            tokio::select! {
                biased;
                () = sleep_until(last + pause) => {}
                Ok(()) = leases.changed() => continue,
            }
            last = Instant::now();
            // Three periods without a word and the manager gives this node up: one is enough to notice here.
            let deadline = period.max(Duration::from_secs(1));
            let session_id = id.to_owned();
            let heartbeat = request(HeartbeatRequest { session_id }, deadline);
            match timeout(deadline, client.heartbeat(heartbeat)).await {
                Ok(Ok(answer)) => {
                    lock(&self.worker).heard(last);
                    match answer.into_inner().period_ms {
                        0 => {}
                        next => period = Duration::from_millis(next),
                    }
                }
                Ok(Err(status)) => return status.into(),
                Err(_elapsed) => return Lost::broken("a heartbeat was not answered in time"),
            }
        }
    }
}

/// Between two heartbeats: the manager's period, or less if a lease would run out before the third.
fn pause(period: Duration, shortest_lease: Option<Duration>) -> Duration {
    let pause = shortest_lease.map_or(period, |lease| period.min(lease / 3));
    pause.max(HEARTBEAT_MIN)
}

/// The opening of a stream has a deadline, the stream has none.
async fn opening<T>(call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Lost> {
    match timeout(CALL_DEADLINE, call).await {
        Ok(answer) => Ok(answer?.into_inner()),
        Err(_elapsed) => Err(Lost::broken("no answer in time")),
    }
}

/// The first of the tries that ends; never, while there is none.
async fn first<F: Future>(tries: &mut FuturesUnordered<F>) -> F::Output {
    match tries.next().await {
        Some(ended) => ended,
        None => std::future::pending().await,
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().expect("no code panics while it holds this lock")
}
