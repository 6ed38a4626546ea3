//! What is a worker to the managers? A session, assignments taken in order, and receipts for what it holds.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic::{Code, Status};
use wardroom_api::net::{Net, TcpNet};
use wardroom_api::v1::assignment_change::Change;
use wardroom_api::v1::dispatcher_client::DispatcherClient;
use wardroom_api::{channel, v1};
use wardroom_ca::{ExpectPeer, NodeTls};
use wardroom_keys::{OsChance, TransitOffer, TransitOpener, receipt_digest};

use crate::fleet::{Fleet, in_time};

/// What a worker has been told so far.
#[derive(Clone, Default)]
pub(crate) struct Held {
    /// By version id.
    pub(crate) values: BTreeMap<String, Vec<u8>>,
    keys: BTreeMap<String, Vec<u8>>,
    pub(crate) tasks: BTreeMap<String, v1::TaskAssignment>,
    /// Version ids, those it was told to forget included.
    pub(crate) ever: BTreeSet<String>,
    pub(crate) sessions: u32,
}

/// A worker that obeys at once.
pub(crate) struct Agent {
    pub(crate) held: watch::Receiver<Held>,
    task: JoinHandle<()>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A dispatcher client with a worker's certificate.
pub(crate) fn line(address: &str, tls: &NodeTls) -> Channel {
    let (address, tls) = (address.to_owned(), tls.clone());
    channel::lazy(move || {
        let (address, tls) = (address.clone(), tls.clone());
        async move {
            let stream = TcpNet.connect(&address).await.map_err(std::io::Error::other)?;
            tls.connect(stream, ExpectPeer::AnyManager)
                .await
                .map_err(std::io::Error::other)
        }
    })
}

impl Agent {
    pub(crate) fn start(fleet: &Fleet, node_id: &str) -> Self {
        let lines: Vec<Channel> = {
            let tls = fleet.worker_tls(node_id);
            fleet.addresses().iter().map(|address| line(address, &tls)).collect()
        };
        let hostname = format!("host-{node_id}");
        let (sender, held) = watch::channel(Held::default());
        let task = tokio::spawn(async move {
            loop {
                for line in &lines {
                    let client = channel::dispatcher(line.clone());
                    if let Err(status) = serve(client, &hostname, &sender).await {
                        // Cancelled: the connection closed under the call.
                        let expected = [
                            Code::FailedPrecondition,
                            Code::Unavailable,
                            Code::InvalidArgument,
                            Code::Cancelled,
                        ];
                        // So does this: the server said goodbye while the call was on its way.
                        let goodbye =
                            status.code() == Code::Internal && status.message().starts_with("h2 protocol error");
                        assert!(goodbye || expected.contains(&status.code()), "{status:?}");
                    }
                    // As agents do between two attempts.
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        });
        Self { held, task }
    }

    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&Held) -> bool) {
        in_time(what, self.held.wait_for(|held| holds(held))).await.unwrap();
    }

    /// Values that its tasks can read now.
    pub(crate) fn values(&self) -> BTreeSet<Vec<u8>> {
        self.held.borrow().values.values().cloned().collect()
    }
}

/// One session, until it ends.
async fn serve(
    mut client: DispatcherClient<Channel>,
    hostname: &str,
    shared: &watch::Sender<Held>,
) -> Result<(), Status> {
    let mut session = client
        .session(v1::SessionRequest {
            hostname: hostname.into(),
            ..Default::default()
        })
        .await?
        .into_inner();
    let opened = session
        .message()
        .await?
        .ok_or_else(|| Status::unavailable("no session"))?;
    let session_id = opened.session_id;
    let mut held = Held {
        sessions: shared.borrow().sessions + 1,
        ..Held::default()
    };
    shared.send_replace(held.clone());
    let inventory = v1::ReportRequest {
        session_id: session_id.clone(),
        inventory: true,
        ..Default::default()
    };
    client.report(inventory).await?;
    let offer = TransitOffer::new(&OsChance);
    let request = v1::AssignmentsRequest {
        session_id: session_id.clone(),
        transit_key: offer.public().to_vec(),
    };
    let (mut offer, mut transit) = (Some(offer), None);
    let mut assignments = client.assignments(request).await?.into_inner();
    let mut beats = tokio::time::interval(std::time::Duration::from_millis(opened.heartbeat_ms / 2));
    let mut sequence = 0;
    loop {
        tokio::select! {
            biased;
            end = session.message() => return end.map(|_| ()),
            message = assignments.message() => {
                let Some(message) = message? else { return Ok(()) };
                assert_eq!(message.applies_to, sequence, "messages are chained");
                assert_eq!(message.complete, sequence == 0);
                sequence = message.results_in;
                if let Some(offer) = offer.take() {
                    transit = Some(offer.opener(&message.transit_key).expect("the first message has a key"));
                }
                let report = take_in(&mut held, message, transit.as_mut().expect("there was a first message"));
                shared.send_replace(held.clone());
                client.report(v1::ReportRequest { session_id: session_id.clone(), ..report }).await?;
            }
            _ = beats.tick() => {
                client.heartbeat(v1::HeartbeatRequest { session_id: session_id.clone() }).await?;
            }
        }
    }
}

fn take_in(held: &mut Held, message: v1::AssignmentsMessage, transit: &mut TransitOpener) -> v1::ReportRequest {
    let mut report = v1::ReportRequest::default();
    for change in message.changes {
        match change.change.unwrap() {
            Change::Secret(secret) => {
                let id = secret.version_id;
                let opened = transit
                    .open(&id, &secret.sealed)
                    .expect("it is of this stream and in order");
                held.ever.insert(id.clone());
                held.values.insert(id.clone(), opened.value.expose().to_vec());
                held.keys.insert(id, opened.digest_key.expose().to_vec());
            }
            Change::Task(task) => obey(held, task, &mut report),
            Change::SecretRemoved(id) => {
                assert!(held.values.remove(&id).is_some(), "only what was sent is withdrawn");
            }
            Change::TaskRemoved(id) => {
                let task = held.tasks.remove(&id).expect("only what was assigned is withdrawn");
                report.receipts.extend(
                    task.files
                        .iter()
                        .map(|file| receipt(&id, file, v1::HoldingState::Erased, None)),
                );
            }
        }
    }
    report
}

fn obey(held: &mut Held, task: v1::TaskAssignment, report: &mut v1::ReportRequest) {
    let stops = task.desired() > v1::TaskState::Running;
    let files = if stops { Vec::new() } else { task.files.clone() };
    let before = held
        .tasks
        .get(&task.id)
        .map(|task| task.files.clone())
        .unwrap_or_default();
    let state = if stops {
        v1::TaskState::Shutdown
    } else {
        v1::TaskState::Running
    };
    report.tasks.push(v1::TaskReport {
        task_id: task.id.clone(),
        state: state.into(),
        ..Default::default()
    });
    for file in &files {
        let value = held
            .values
            .get(&file.version_id)
            .expect("values come before the tasks that use them");
        let digest = receipt_digest(&held.keys[&file.version_id], value);
        report
            .receipts
            .push(receipt(&task.id, file, v1::HoldingState::Present, Some(digest)));
    }
    for gone in before
        .iter()
        .filter(|old| !files.iter().any(|new| new.version_id == old.version_id))
    {
        report
            .receipts
            .push(receipt(&task.id, gone, v1::HoldingState::Erased, None));
    }
    held.tasks.insert(task.id.clone(), v1::TaskAssignment { files, ..task });
}

fn receipt(task: &str, file: &v1::SecretFile, state: v1::HoldingState, digest: Option<[u8; 32]>) -> v1::Receipt {
    v1::Receipt {
        task_id: task.to_owned(),
        secret_id: file.secret_id.clone(),
        version: file.version,
        target: file.target.clone(),
        state: state.into(),
        digest: digest.map(Vec::from).unwrap_or_default(),
        message: String::new(),
    }
}
