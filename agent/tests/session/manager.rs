//! What does a worker talk to here? Managers that play a script, behind real TLS, over a network in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{DuplexStream, copy_bidirectional, duplex};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming, async_trait};
use wardroom_api::v1::dispatcher_server::{Dispatcher, DispatcherServer};
use wardroom_api::v1::*;
use wardroom_ca::{IssueRequest, Issued, ManualClock, NODE_LIFETIME, NodeTls, Role, Root};
use wardroom_keys::{Opened, SecretBytes, SeededChance, TransitOffer, TransitSealer};

use crate::net::MemoryNet;

pub(crate) const CLUSTER: &str = "cluster1";
const NOW_MS: i64 = 1_800_000_000_000;
/// Of every value in these tests.
pub(crate) const RECEIPT_KEY: [u8; 32] = [7; 32];
pub(crate) const REMOVED: &str =
    "Permission denied: node worker1 was removed from swarm. To come back it has to join again";

/// Certificates of one cluster.
pub(crate) struct Authority {
    root: Root,
    clock: Arc<ManualClock>,
    chance: SeededChance,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let (clock, chance) = (Arc::new(ManualClock::new(NOW_MS)), SeededChance::new(1));
        Self {
            root: Root::create(CLUSTER, &*clock, &chance).unwrap(),
            clock,
            chance,
        }
    }

    pub(crate) fn tls(&self, node_id: &str, role: Role) -> NodeTls {
        let issued = self.issue(node_id, role);
        NodeTls::new(
            self.root.certificate_pem(),
            &issued.certificate_pem,
            &issued.key,
            self.clock.clone(),
        )
        .unwrap()
    }

    /// A certificate with its key.
    pub(crate) fn issue(&self, node_id: &str, role: Role) -> Issued {
        let request = IssueRequest {
            node_id,
            role,
            sans: &[],
            lifetime: NODE_LIFETIME,
            now_ms: NOW_MS,
        };
        self.root.issue(&request, &self.chance).unwrap()
    }
}

/// A manager and what its test may do to it.
#[derive(Clone)]
pub(crate) struct FakeManager(Arc<Inner>);

#[derive(Clone, Default)]
enum Lead {
    #[default]
    Own,
    Of(String),
    Nobody,
}

struct Inner {
    heard: watch::Sender<Heard>,
    lead: Mutex<Lead>,
    managers: Mutex<Vec<String>>,
    complete: Mutex<Vec<assignment_change::Change>>,
    sessions: Mutex<Vec<mpsc::Sender<Result<SessionMessage, Status>>>>,
    assignments: Mutex<Vec<Assigned>>,
    refuse_reports: AtomicU32,
    mute_heartbeats: AtomicU32,
    period_ms: AtomicU64,
    removed: AtomicBool,
    told: Mutex<SessionMessage>,
}

/// One open stream of assignments.
struct Assigned {
    stream: mpsc::Sender<Result<AssignmentsMessage, Status>>,
    sealer: TransitSealer,
}

impl Assigned {
    /// Scripts have a receipt key and a value in clear where a manager has them sealed.
    async fn send(&mut self, mut message: AssignmentsMessage, changes: &[assignment_change::Change]) {
        for mut change in changes.iter().cloned() {
            if let assignment_change::Change::Secret(secret) = &mut change {
                let (key, value) = secret.sealed.split_at(RECEIPT_KEY.len());
                let opened = Opened {
                    value: SecretBytes::new(value.to_vec()),
                    digest_key: SecretBytes::new(key.to_vec()),
                };
                secret.sealed = self.sealer.seal(&secret.version_id, &opened);
            }
            message.changes.push(AssignmentChange { change: Some(change) });
        }
        let _ = self.stream.send(Ok(message)).await;
    }
}

/// What this manager has heard so far.
#[derive(Default, Debug)]
pub(crate) struct Heard {
    pub(crate) sessions: u32,
    pub(crate) refused: u32,
    pub(crate) heartbeats: u32,
    /// What the last worker that opened a session called its version.
    pub(crate) version: String,
    /// Of each session, whether its first report was an inventory, and the targets it named as present.
    pub(crate) first_reports: Vec<(bool, BTreeSet<String>)>,
    pub(crate) tasks: BTreeMap<String, TaskReport>,
    pub(crate) receipts: BTreeMap<String, Receipt>,
    /// Targets whose erasure was explained by a lease.
    pub(crate) lapses: Vec<String>,
    reported: u32,
}

impl Heard {
    pub(crate) fn state(&self, task: &str) -> Option<TaskState> {
        self.tasks.get(task).map(TaskReport::state)
    }

    pub(crate) fn holding(&self, target: &str) -> Option<HoldingState> {
        self.receipts.get(target).map(Receipt::state)
    }
}

impl FakeManager {
    /// Starts a manager that answers at `address`.
    pub(crate) fn start(net: &MemoryNet, address: &str, tls: NodeTls) -> Self {
        let manager = Self(Arc::new(Inner {
            heard: watch::Sender::default(),
            lead: Mutex::default(),
            managers: Mutex::default(),
            complete: Mutex::default(),
            sessions: Mutex::default(),
            assignments: Mutex::default(),
            refuse_reports: AtomicU32::new(0),
            mute_heartbeats: AtomicU32::new(0),
            period_ms: AtomicU64::new(1000),
            removed: AtomicBool::new(false),
            told: Mutex::default(),
        }));
        let mut arriving = net.listen(address);
        let (incoming, served) = mpsc::channel::<io::Result<DuplexStream>>(8);
        tokio::spawn(async move {
            while let Some(stream) = arriving.recv().await {
                let Ok((mut secured, ..)) = tls.accept(stream).await else {
                    continue;
                };
                let (near, mut far) = duplex(64 * 1024);
                tokio::spawn(async move { copy_bidirectional(&mut secured, &mut far).await });
                let _ = incoming.send(Ok(near)).await;
            }
        });
        let service = DispatcherServer::new(manager.clone());
        tokio::spawn(
            Server::builder()
                .add_service(service)
                .serve_with_incoming(ReceiverStream::new(served)),
        );
        manager
    }

    pub(crate) fn lead(&self) {
        *self.0.lead.lock().unwrap() = Lead::Own;
    }

    pub(crate) fn follow(&self, leader: Option<&str>) {
        *self.0.lead.lock().unwrap() = leader.map_or(Lead::Nobody, |leader| Lead::Of(leader.to_owned()));
    }

    /// Whom sessions are told of.
    pub(crate) fn introduce(&self, addresses: &[&str]) {
        *self.0.managers.lock().unwrap() = addresses.iter().map(|&address| address.to_owned()).collect();
    }

    /// Says this to every open session and, but for the session's id and its managers, at the beginning of the next ones.
    pub(crate) async fn instruct(&self, message: SessionMessage) {
        *self.0.told.lock().unwrap() = message.clone();
        let open = self.0.sessions.lock().unwrap().clone();
        for stream in open {
            let _ = stream.send(Ok(message.clone())).await;
        }
    }

    /// From now on the worker is told that it was removed.
    pub(crate) fn remove(&self) {
        self.0.removed.store(true, Ordering::SeqCst);
    }

    fn admit(&self) -> Result<(), Status> {
        if self.0.removed.load(Ordering::SeqCst) {
            self.0.heard.send_modify(|heard| heard.refused += 1);
            return Err(Status::permission_denied(REMOVED));
        }
        Ok(())
    }

    /// What the next sessions' complete message says.
    pub(crate) fn assign(&self, changes: Vec<assignment_change::Change>) {
        *self.0.complete.lock().unwrap() = changes;
    }

    /// An incremental message to the sessions that are open.
    pub(crate) async fn change(&self, applies_to: u64, changes: Vec<assignment_change::Change>) {
        let mut open = std::mem::take(&mut *self.0.assignments.lock().unwrap());
        for assigned in &mut open {
            let message = AssignmentsMessage {
                applies_to,
                results_in: applies_to + 1,
                ..Default::default()
            };
            assigned.send(message, &changes).await;
        }
        self.0.assignments.lock().unwrap().append(&mut open);
    }

    /// Ends every session, as a manager that loses the lead does.
    pub(crate) fn cut(&self) {
        self.0.sessions.lock().unwrap().clear();
        self.0.assignments.lock().unwrap().clear();
    }

    pub(crate) fn refuse_reports(&self, times: u32) {
        self.0.refuse_reports.store(times, Ordering::SeqCst);
    }

    /// Heartbeats are asked for this often.
    pub(crate) fn pace(&self, period: Duration) {
        let period_ms = u64::try_from(period.as_millis()).unwrap();
        self.0.period_ms.store(period_ms, Ordering::SeqCst);
    }

    /// The next heartbeats get no answer at all.
    pub(crate) fn mute_heartbeats(&self, times: u32) {
        self.0.mute_heartbeats.store(times, Ordering::SeqCst);
    }

    pub(crate) async fn until(&self, enough: impl FnMut(&Heard) -> bool) {
        let mut heard = self.0.heard.subscribe();
        let waiting = tokio::time::timeout(Duration::from_secs(60), heard.wait_for(enough)).await;
        assert!(waiting.is_ok(), "not heard in time: {:?}", self.0.heard.borrow());
    }

    pub(crate) fn read<T>(&self, read: impl FnOnce(&Heard) -> T) -> T {
        read(&self.0.heard.borrow())
    }
}

fn take_one(counter: &AtomicU32) -> bool {
    counter
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
        .is_ok()
}

#[async_trait]
impl Dispatcher for FakeManager {
    type SessionStream = ReceiverStream<Result<SessionMessage, Status>>;
    type AssignmentsStream = ReceiverStream<Result<AssignmentsMessage, Status>>;
    type LogRequestsStream = ReceiverStream<Result<LogRequest, Status>>;

    async fn log_requests(&self, _: Request<LogRequestsRequest>) -> Result<Response<Self::LogRequestsStream>, Status> {
        Err(Status::unimplemented("nobody reads logs here"))
    }

    async fn publish_logs(&self, _: Request<Streaming<LogBatch>>) -> Result<Response<PublishLogsResponse>, Status> {
        Err(Status::unimplemented("nobody reads logs here"))
    }

    async fn session(&self, request: Request<SessionRequest>) -> Result<Response<Self::SessionStream>, Status> {
        self.admit()?;
        let lead = self.0.lead.lock().unwrap().clone();
        if !matches!(lead, Lead::Own) {
            self.0.heard.send_modify(|heard| heard.refused += 1);
            let mut status = Status::failed_precondition("not the leader");
            if let Lead::Of(leader) = lead {
                status.metadata_mut().insert("wardroom-leader", leader.parse().unwrap());
            }
            return Err(status);
        }
        self.0.heard.send_modify(|heard| {
            heard.sessions += 1;
            heard.version = request.into_inner().version;
            heard.reported = 0;
        });
        let (messages, stream) = mpsc::channel(4);
        let session_id = format!("session-{}", self.read(|heard| heard.sessions));
        let first = SessionMessage {
            session_id,
            heartbeat_ms: self.0.period_ms.load(Ordering::SeqCst),
            managers: self.0.managers.lock().unwrap().clone(),
            ..self.0.told.lock().unwrap().clone()
        };
        messages.send(Ok(first)).await.unwrap();
        self.0.sessions.lock().unwrap().push(messages);
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn heartbeat(&self, _request: Request<HeartbeatRequest>) -> Result<Response<HeartbeatResponse>, Status> {
        self.admit()?;
        if take_one(&self.0.mute_heartbeats) {
            std::future::pending::<()>().await;
        }
        self.0.heard.send_modify(|heard| heard.heartbeats += 1);
        let period_ms = self.0.period_ms.load(Ordering::SeqCst);
        Ok(Response::new(HeartbeatResponse { period_ms }))
    }

    async fn assignments(
        &self,
        request: Request<AssignmentsRequest>,
    ) -> Result<Response<Self::AssignmentsStream>, Status> {
        let (stream, receiver) = mpsc::channel(16);
        let offer = TransitOffer::new(&SeededChance::new(2));
        let first = AssignmentsMessage {
            complete: true,
            results_in: 1,
            transit_key: offer.public().to_vec(),
            ..Default::default()
        };
        let sealer = offer.sealer(&request.get_ref().transit_key).unwrap();
        let mut assigned = Assigned { stream, sealer };
        let changes = self.0.complete.lock().unwrap().clone();
        assigned.send(first, &changes).await;
        self.0.assignments.lock().unwrap().push(assigned);
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn report(&self, request: Request<ReportRequest>) -> Result<Response<ReportResponse>, Status> {
        self.admit()?;
        if take_one(&self.0.refuse_reports) {
            return Err(Status::unavailable("no quorum"));
        }
        let report = request.into_inner();
        self.0.heard.send_modify(|heard| {
            if heard.reported == 0 {
                let present = report
                    .receipts
                    .iter()
                    .filter(|receipt| receipt.state() == HoldingState::Present);
                let targets = present.map(|receipt| receipt.target.clone()).collect();
                heard.first_reports.push((report.inventory, targets));
            }
            heard.reported += 1;
            heard
                .tasks
                .extend(report.tasks.into_iter().map(|task| (task.task_id.clone(), task)));
            let lapses = report
                .receipts
                .iter()
                .filter(|receipt| receipt.message == "lease ran out");
            heard.lapses.extend(lapses.map(|receipt| receipt.target.clone()));
            heard.receipts.extend(
                report
                    .receipts
                    .into_iter()
                    .map(|receipt| (receipt.target.clone(), receipt)),
            );
        });
        Ok(Response::new(ReportResponse { index: 1 }))
    }
}
