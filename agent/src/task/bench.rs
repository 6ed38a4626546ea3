//! What does a task's test stand on? One worker with files in a map and simulated workloads, and a manager that listens.
#![allow(clippy::unwrap_used)] // a test may stop at the first surprise

use std::collections::BTreeMap;
use std::sync::MutexGuard;

use tokio::time::Instant;
use wardroom_api::v1::{HoldingState, Receipt, ReportRequest, TaskReport, TaskState};
use wardroom_keys::SecretBytes;

use super::*;
use crate::assignments::{Change, Desired, Update};
use crate::executor::Simulated;
use crate::files::MemoryFiles;
use crate::ids::{SecretId, TaskId, VersionId};
use crate::leases::keep_time;
use crate::run::{Run, Service};
use crate::values::{Driver, Value};
use crate::wire::Incoming;
use crate::worker::Worker;

pub(super) const KEY: &[u8] = b"digest key";

/// One worker, and the manager it reports to.
pub(super) struct Bench {
    worker: Arc<Mutex<Worker>>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) files: Arc<MemoryFiles>,
    pub(super) workloads: Arc<Simulated>,
    pub(super) values: Arc<Values>,
    pub(super) logs: Arc<Logs>,
    /// With which values are sent from now on.
    pub(super) leases: BTreeMap<VersionId, Duration>,
    /// What versions are sent with, where it is not [`value`].
    pub(super) contents: BTreeMap<u32, Vec<u8>>,
    pub(super) driver: String,
    sequence: u64,
    pub(super) heard: Heard,
}

/// What the manager has heard, and in which order.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) tasks: BTreeMap<String, TaskReport>,
    pub(super) receipts: BTreeMap<(String, u32, String), Receipt>,
    pub(super) reports: Vec<ReportRequest>,
}

impl Heard {
    pub(super) fn state(&self, task: &str) -> Option<TaskState> {
        self.tasks.get(task).map(TaskReport::state)
    }

    pub(super) fn holding(&self, task: &str, version: u32, target: &str) -> Option<HoldingState> {
        self.receipts
            .get(&(task.to_owned(), version, target.to_owned()))
            .map(Receipt::state)
    }
}

pub(super) fn bench() -> Bench {
    let files = Arc::new(MemoryFiles::new());
    let workloads = Arc::new(Simulated::default());
    let values = Arc::new(Values::default());
    let outbox = Arc::new(Outbox::default());
    let logs = Arc::new(Logs::default());
    let executors = Executors {
        process: workloads.clone(),
        files: workloads.clone(),
        container: None,
    };
    let shared = Shared {
        files: files.clone(),
        executors,
        values: values.clone(),
        outbox: outbox.clone(),
        logs: logs.clone(),
        node: Arc::default(),
        pace: Pace::default(),
    };
    let worker = Arc::new(Mutex::new(Worker::new(shared)));
    let timed = Arc::clone(&worker);
    tokio::spawn(async move { keep_time(&timed).await });
    Bench {
        worker,
        outbox,
        files,
        workloads,
        values,
        logs,
        leases: BTreeMap::new(),
        contents: BTreeMap::new(),
        driver: String::new(),
        sequence: 0,
        heard: Heard::default(),
    }
}

pub(super) fn value(version: u32) -> Vec<u8> {
    format!("c4n4ry-{version}").into_bytes()
}

pub(super) fn version_id(version: u32) -> VersionId {
    VersionId::new(format!("v{version}"))
}

pub(super) fn file(target: &str, version: u32) -> WantedFile {
    WantedFile {
        target: target.into(),
        secret: SecretId::new("s"),
        version_id: version_id(version),
        version,
        uid: 0,
        gid: 0,
        mode: 0o444,
        signal: None,
    }
}

pub(super) fn wanted(desired: Desired, files: Vec<WantedFile>) -> Wanted {
    Wanted {
        id: TaskId::new("t1"),
        name: "web.1".into(),
        service: Arc::new(Service::default()),
        slot: 1,
        run: Arc::new(Run {
            command: vec!["serve".into()],
            ..Run::default()
        }),
        desired,
        files,
    }
}

/// Task t1, and the values that its files list.
pub(super) fn assigned(desired: Desired, files: Vec<WantedFile>) -> Vec<Change> {
    let values = files.iter().map(|file| Change::Value(file.version_id.clone()));
    let mut changes: Vec<Change> = values.collect();
    changes.push(Change::Task(wanted(desired, files)));
    changes
}

impl Bench {
    pub(super) fn worker(&self) -> MutexGuard<'_, Worker> {
        self.worker.lock().unwrap()
    }

    /// A manager answers, and has nothing else to say.
    pub(super) fn contact(&self) {
        self.worker().heard(Instant::now());
    }

    /// Opens a new session, whose complete message says this.
    pub(super) fn come_back(&mut self, changes: Vec<Change>) {
        self.worker().broken_off();
        self.outbox.connected();
        self.sequence = 0;
        self.send(changes);
    }

    pub(super) fn send(&mut self, changes: Vec<Change>) {
        let values = changes.iter().filter_map(|change| match change {
            Change::Value(id) => {
                let version = id.to_string()[1..].parse().unwrap();
                let bytes = SecretBytes::new(self.contents.get(&version).cloned().unwrap_or_else(|| value(version)));
                Some((
                    id.clone(),
                    Value {
                        bytes,
                        digest_key: SecretBytes::new(KEY.to_vec()),
                        driver: Driver::of(&self.driver),
                    },
                ))
            }
            _ => None,
        });
        let values = values.collect();
        let update = Update {
            complete: self.sequence == 0,
            applies_to: self.sequence,
            results_in: self.sequence + 1,
            changes,
        };
        self.sequence += 1;
        let leases = self.leases.clone();
        self.worker().take(Incoming { update, values, leases }).unwrap();
    }

    /// Assigns task t1, with the values that its files list.
    pub(super) fn bring(&mut self, desired: Desired, files: Vec<WantedFile>) {
        self.send(assigned(desired, files));
    }

    /// Takes reports until the manager has heard enough.
    pub(super) async fn until(&mut self, enough: impl Fn(&Heard) -> bool) {
        let listening = async {
            while !enough(&self.heard) {
                let report = self.outbox.next("session").await;
                self.heard.reports.push(report.clone());
                for task in report.tasks {
                    self.heard.tasks.insert(task.task_id.clone(), task);
                }
                for receipt in report.receipts {
                    let key = (receipt.task_id.clone(), receipt.version, receipt.target.clone());
                    self.heard.receipts.insert(key, receipt);
                }
                self.outbox.acknowledged();
            }
        };
        tokio::time::timeout(Duration::from_secs(60), listening)
            .await
            .expect("the manager hears of it");
    }

    pub(super) async fn running(&mut self, files: Vec<WantedFile>) {
        self.bring(Desired::Running, files);
        self.until(|heard| heard.state("t1") == Some(TaskState::Running)).await;
    }
}
