//! How does a worker begin and end? Wipes what an earlier life left, keeps in touch with the managers, and leaves nothing.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wardroom_api::{Net, TcpNet};
use wardroom_ca::{NodeTls, Role};
use wardroom_keys::{Chance, OsChance};

use crate::executor::Executors;
use crate::files::{Files, FilesError, RootError, TmpfsFiles, choose};
use crate::report::Outbox;
use crate::session::Link;
use crate::task::{Pace, Shared};
use crate::values::Values;
use crate::worker::Worker;

/// How long the last receipts of a worker that goes down may take.
const FAREWELL: Duration = Duration::from_secs(3);

/// What a worker is told at its start.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    pub cluster_id: String,
    pub node_id: String,
    pub hostname: String,
    /// `host:port` of managers' TLS ports; one that answers is enough, the leader tells the others.
    pub managers: Vec<String>,
    /// A directory on tmpfs or ramfs; without it the best place that is to be had.
    pub secrets_root: Option<PathBuf>,
    /// The program that answers to [`crate::executor::shim::COMMAND`].
    pub shim: PathBuf,
    pub pace: Pace,
}

/// The world as a worker meets it.
#[derive(Clone)]
pub struct AgentSeams {
    pub chance: Arc<dyn Chance>,
    pub net: Arc<dyn Net>,
    pub files: Arc<dyn Files>,
    pub executors: Executors,
}

#[derive(Debug, Error)]
pub enum StartError {
    #[error(transparent)]
    Root(#[from] RootError),
    #[error(transparent)]
    Files(#[from] FilesError),
    #[error("this worker is {expected}, but its certificate is of {found}; start it with its own identity folder")]
    Identity { expected: String, found: String },
    #[error("no manager's address is given; name at least one")]
    NoManagers,
}

impl AgentSeams {
    /// The real world: TCP, files in memory, processes of this host.
    pub fn real(config: &AgentConfig) -> Result<Self, RootError> {
        let root = choose(config.secrets_root.as_deref(), &config.node_id)?;
        if !root.is_swap_free() {
            tracing::info!(path = %root.path().display(), "secrets are kept in memory that the kernel may swap out");
        }
        Ok(Self {
            chance: Arc::new(OsChance),
            net: Arc::new(TcpNet),
            files: Arc::new(TmpfsFiles::new(root)),
            executors: Executors::real(config.shim.clone()),
        })
    }
}

/// A running worker. Dropped without [`Agent::shutdown`] it still ends its tasks and erases their files, but waits for none
/// of it.
pub struct Agent {
    worker: Arc<Mutex<Worker>>,
    outbox: Arc<Outbox>,
    files: Arc<dyn Files>,
    pace: Pace,
    served_by: watch::Receiver<Option<String>>,
    stop: CancellationToken,
    link: tokio::task::JoinHandle<()>,
}

impl Agent {
    /// Starts a worker inside the current runtime. Returns at once; [`Agent::served_by`] tells when a manager serves it.
    pub fn start(config: AgentConfig, tls: NodeTls, seams: AgentSeams) -> Result<Self, StartError> {
        let identity = tls.identity();
        if identity.node_id != config.node_id
            || identity.cluster_id != config.cluster_id
            || identity.role != Role::Worker
        {
            let expected = format!("worker {} of cluster {}", config.node_id, config.cluster_id);
            return Err(StartError::Identity {
                expected,
                found: format!("{identity} of cluster {}", identity.cluster_id),
            });
        }
        if config.managers.is_empty() {
            return Err(StartError::NoManagers);
        }
        seams.files.wipe()?;
        let outbox = Arc::new(Outbox::default());
        let worker = Arc::new(Mutex::new(Worker::new(Shared {
            files: Arc::clone(&seams.files),
            executors: seams.executors,
            values: Arc::new(Values::default()),
            outbox: Arc::clone(&outbox),
            pace: config.pace,
        })));
        let (told, served_by) = watch::channel(None);
        let link = Link {
            hostname: config.hostname,
            net: seams.net,
            tls,
            chance: seams.chance,
            worker: Arc::clone(&worker),
            outbox: Arc::clone(&outbox),
            served_by: told,
        };
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let link = tokio::spawn(async move {
            tokio::select! {
                biased;
                () = stopped.cancelled() => {}
                never = link.keep(config.managers) => match never {},
            }
        });
        Ok(Self {
            worker,
            outbox,
            files: seams.files,
            pace: config.pace,
            served_by,
            stop,
            link,
        })
    }

    /// The manager that serves this worker now, if one does.
    pub fn served_by(&self) -> watch::Receiver<Option<String>> {
        self.served_by.clone()
    }

    /// Ends every task, erases every file, and sends the last receipts if a manager is there to hear them.
    /// An error means that bytes may be left in memory-backed files; the next start wipes them.
    pub async fn shutdown(mut self) -> Result<(), FilesError> {
        let tasks = self
            .worker
            .lock()
            .expect("no code panics while it holds this lock")
            .close();
        let ending = join_all(tasks.into_iter().map(crate::task::Task::over));
        // A task whose files cannot be erased would be tried for ever; what it keeps is erased with the rest below.
        let _ = timeout(self.pace.stop_grace + FAREWELL, ending).await;
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
