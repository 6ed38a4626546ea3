//! How does a worker begin and end? Wipes what an earlier life left, keeps in touch with the managers, and leaves nothing.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wardroom_ca::NodeTls;

use crate::files::{Files, FilesError, RootError};
use crate::instructions::Instructions;
use crate::leases::keep_time;
use crate::output::Logs;
use crate::removal::Removal;
use crate::report::Outbox;
use crate::seams::AgentSeams;
use crate::session::Link;
use crate::task::{Pace, Shared};
use crate::template::Node;
use crate::values::Values;
use crate::worker::Worker;

/// How long a task may take to be gone once it was killed: an engine takes its time.
const ENDING: Duration = Duration::from_secs(10);
/// How long the last receipts of a worker that goes down may take.
const FAREWELL: Duration = Duration::from_secs(3);

/// What a worker is told at its start.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    pub cluster_id: String,
    pub node_id: String,
    pub hostname: String,
    /// Of the program, for the managers to show.
    pub version: String,
    /// `host:port` of managers' TLS ports; one that answers is enough, the leader tells the others.
    pub managers: Vec<String>,
    /// A directory on tmpfs or ramfs; without it the best place that is to be had.
    pub secrets_root: Option<PathBuf>,
    /// The program that answers to [`crate::executor::shim::COMMAND`].
    pub shim: PathBuf,
    pub pace: Pace,
}

#[derive(Debug, Error)]
pub enum StartError {
    #[error(transparent)]
    Root(#[from] RootError),
    #[error(transparent)]
    Files(#[from] FilesError),
    #[error("this is {expected}, but the certificate is of {found}; start it with its own identity folder")]
    Identity { expected: String, found: String },
    #[error("no manager's address is given; name at least one")]
    NoManagers,
}

/// A running worker. Dropped without [`Agent::shutdown`] it still ends its tasks and erases their files, but waits for none
/// of it.
pub struct Agent {
    worker: Arc<Mutex<Worker>>,
    outbox: Arc<Outbox>,
    files: Arc<dyn Files>,
    pace: Pace,
    served_by: watch::Receiver<Option<String>>,
    instructions: watch::Receiver<Instructions>,
    stop: CancellationToken,
    link: tokio::task::JoinHandle<()>,
}

impl Agent {
    /// Starts a worker inside the current runtime, be it on a worker or on a manager that runs tasks as well. Returns at
    /// once; [`Agent::served_by`] tells when a manager serves it. A certificate that `tls` takes over while it runs, of
    /// whichever of these roles, is shown to the next manager and moves no task.
    pub fn start(config: AgentConfig, tls: NodeTls, seams: AgentSeams) -> Result<Self, StartError> {
        check(&config, &tls)?;
        seams.files.wipe()?;
        let outbox = Arc::new(Outbox::default());
        let logs = Arc::new(Logs::default());
        let worker = Arc::new(Mutex::new(Worker::new(Shared {
            files: Arc::clone(&seams.files),
            executors: seams.executors,
            values: Arc::new(Values::default()),
            outbox: Arc::clone(&outbox),
            logs: Arc::clone(&logs),
            node: Arc::new(Node {
                id: config.node_id.clone(),
                hostname: config.hostname.clone(),
            }),
            pace: config.pace,
        })));
        let (told, served_by) = watch::channel(None);
        let (instruct, instructions) = watch::channel(Instructions {
            managers: config.managers.clone(),
            ..Instructions::default()
        });
        let removal = Removal {
            worker: Arc::clone(&worker),
            files: Arc::clone(&seams.files),
            pace: config.pace,
            instructions: instruct.clone(),
        };
        let link = Link {
            hostname: config.hostname,
            version: config.version,
            net: seams.net,
            tls,
            chance: seams.chance,
            worker: Arc::clone(&worker),
            outbox: Arc::clone(&outbox),
            logs,
            served_by: told,
            instructions: instruct,
        };
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let link = tokio::spawn(async move {
            let life = async {
                let removed = tokio::select! {
                    biased;
                    never = keep_time(&removal.worker) => match never {},
                    removed = link.keep(config.managers) => removed,
                };
                removal.carry_out(removed).await;
                // Nothing is left to do, and nobody to do it for.
                std::future::pending::<()>().await;
            };
            tokio::select! {
                biased;
                () = stopped.cancelled() => {}
                () = life => {}
            }
        });
        Ok(Self {
            worker,
            outbox,
            files: seams.files,
            pace: config.pace,
            served_by,
            instructions,
            stop,
            link,
        })
    }

    /// The manager that serves this worker now, if one does.
    pub fn served_by(&self) -> watch::Receiver<Option<String>> {
        self.served_by.clone()
    }

    /// What the managers want of this node besides its tasks.
    pub fn instructions(&self) -> watch::Receiver<Instructions> {
        self.instructions.clone()
    }

    /// Ends every task, erases every file, and sends the last receipts if a manager is there to hear them.
    /// An error means that bytes may be left in memory-backed files; the next start wipes them.
    pub async fn shutdown(mut self) -> Result<(), FilesError> {
        let (ending, grace) = {
            let mut worker = self.worker.lock().expect("no code panics while it holds this lock");
            let grace = worker.longest_grace().max(self.pace.stop_grace);
            (join_all(worker.close()), grace)
        };
        // A task whose files cannot be erased would be tried for ever; what it keeps is erased with the rest below.
        let _ = timeout(grace + ENDING, ending).await;
        let left = self.files.leave();
        if self.served_by.borrow().is_some() {
            let _ = timeout(FAREWELL, self.outbox.silence()).await;
        }
        self.stop.cancel();
        // The link has nothing to say any more, and a panic in it was told by the panic.
        let _ = (&mut self.link).await;
        left
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Ok(mut worker) = self.worker.lock() {
            drop(worker.close());
        }
    }
}

/// A node starts with its own certificate, and with somebody to ask.
fn check(config: &AgentConfig, tls: &NodeTls) -> Result<(), StartError> {
    let identity = tls.identity();
    let is_own = identity.node_id == config.node_id && identity.cluster_id == config.cluster_id;
    if !is_own || !identity.role.is_node() {
        return Err(StartError::Identity {
            expected: format!("node {} of cluster {}", config.node_id, config.cluster_id),
            found: format!("{identity} of cluster {}", identity.cluster_id),
        });
    }
    if config.managers.is_empty() {
        return Err(StartError::NoManagers);
    }
    Ok(())
}
