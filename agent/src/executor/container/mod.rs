//! How does a service's task run in a container? In the Docker Engine of this host, with the task's directory bound
//! read-only at `/run/secrets`.
//!
//! ```text
//! prepare: engine there? image there?      start: create > networks > links > attach > start
//! follow:  wait + health events            end:   drained > removed, and only then the files go
//! ```
//!
//! What a container prints is never given to one of the engine's log drivers, which keep it on a disk: this worker is
//! attached from before the start. Containers of an earlier life that was killed are found by their labels and removed
//! before any file is wiped. While the engine does not answer it is not known whether a container still has its files: it is
//! asked again and again, and they stay.

mod create;
mod engine;
mod gone;
mod links;
mod look;
mod output;
mod running;
mod sweep;

use bollard::Docker;
use bollard::models::NetworkConnectRequest;
use bollard::query_parameters::{CreateContainerOptionsBuilder, StartContainerOptions};
use tokio::sync::OnceCell;
use tokio::time::{Duration, timeout};

pub(crate) use self::create::Labels;
pub use self::engine::Engine;
pub(crate) use self::engine::{Trouble, status};
use self::running::Container;
use super::{Executor, ExecutorError, Job, Running};
use crate::files::Reach;

/// How long the start of a worker waits for what an earlier life has left.
const SWEEP_DEADLINE: Duration = Duration::from_secs(20);

/// What is wrong when the engine does not find what is there.
const UNSEEN: &str = "; the files are on a mount that the engine does not see: start this worker in the host's mount \
                      namespace (a unit of systemd: with containers.conf)";

/// Runs containers of one engine.
pub struct Containers {
    engine: Engine,
    labels: Labels,
    swept: OnceCell<()>,
}

impl Containers {
    /// Of `node` in `cluster`, on the engine that `DOCKER_HOST` names, or on the usual one.
    pub fn new(cluster: &str, node: &str) -> Self {
        Self::on(Engine::from_environment(), cluster, node)
    }

    /// On an engine of one's own choice.
    pub fn on(engine: Engine, cluster: &str, node: &str) -> Self {
        Self {
            engine,
            labels: Labels::new(cluster, node),
            swept: OnceCell::new(),
        }
    }

    /// Removes what an earlier life of this node has left running, and what workers that are gone for good have. Call it
    /// before the files of an earlier life are wiped, and when no other agent of this node lives. An engine that does not
    /// answer is asked again before the first container.
    pub fn sweep_now(&self) {
        // The start of a worker is no asynchronous matter, and this must be over before it goes on.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let Ok(runtime) = runtime else { return };
                if runtime
                    .block_on(async { timeout(SWEEP_DEADLINE, self.sweep()).await })
                    .is_err()
                {
                    tracing::warn!("the engine is slow; containers of an earlier life are looked for later");
                }
            });
        });
    }

    async fn sweep(&self) {
        match self.engine.connect().await {
            Ok(docker) => {
                let swept = self.swept.get_or_try_init(|| sweep::sweep(&docker, &self.labels)).await;
                if let Err(trouble) = swept {
                    tracing::warn!(
                        words = self.engine.words(&trouble),
                        "containers of an earlier life may be left"
                    );
                }
            }
            Err(words) => tracing::debug!(words, "no containers of an earlier life were looked for"),
        }
    }

    async fn connect(&self) -> Result<Docker, ExecutorError> {
        let docker = self.engine.connect().await.map_err(ExecutorError::Unfit)?;
        self.swept
            .get_or_try_init(|| sweep::sweep(&docker, &self.labels))
            .await
            .map_err(|trouble| self.unfit(&trouble))?;
        Ok(docker)
    }

    fn unfit(&self, trouble: &Trouble) -> ExecutorError {
        ExecutorError::Unfit(self.engine.words(trouble))
    }

    /// Everything up to the running container. What fails leaves a container to be removed.
    async fn set_up(&self, container: &mut Container, job: &Job, absolute: &[String]) -> Result<(), Trouble> {
        let body = create::body(job, &self.labels);
        let name = container.name().to_owned();
        let docker = container.docker().clone();
        let options = || Some(CreateContainerOptionsBuilder::default().name(&name).build());
        match docker.create_container(options(), body.clone()).await {
            // An earlier try whose answer was lost.
            Err(error) if status(&error) == Some(409) => {
                container.remove().await?;
                docker.create_container(options(), body).await?;
            }
            created => drop(created?),
        }
        for network in job.run.networks.iter().skip(1) {
            let request = NetworkConnectRequest {
                container: name.clone(),
                ..Default::default()
            };
            docker.connect_network(network, request).await?;
        }
        container.changed_links(absolute).await?;
        container.attach().await?;
        docker.start_container(&name, None::<StartContainerOptions>).await?;
        container.learn().await
    }
}

#[tonic::async_trait]
impl Executor for Containers {
    fn reach(&self) -> Reach {
        Reach::Container
    }

    async fn prepare(&self, job: &Job) -> Result<(), ExecutorError> {
        create::fits(&job.run).map_err(ExecutorError::Unfit)?;
        let docker = self.connect().await?;
        match docker.inspect_image(&job.run.image).await {
            Ok(_image) => Ok(()),
            Err(error) if status(&error) == Some(404) => Err(ExecutorError::Unfit(format!(
                "image {} is not on this node; load it with docker import or docker pull",
                job.run.image.escape_default()
            ))),
            Err(error) => Err(self.unfit(&error.into())),
        }
    }

    async fn start(&self, job: &Job, absolute: &[String]) -> Result<Box<dyn Running>, ExecutorError> {
        if let (true, Some(path)) = (job.run.read_only, absolute.first()) {
            return Err(ExecutorError::Unfit(format!(
                "no link can be put at {} into a container whose root is read-only; use a target below /run/secrets, or \
                 leave --read-only away",
                path.escape_default()
            )));
        }
        let docker = self.connect().await?;
        let mut container = Container::new(docker, self.engine.clone(), job);
        match self.set_up(&mut container, job, absolute).await {
            Ok(()) => Ok(Box::new(container)),
            Err(trouble) => {
                let mut reason = self.engine.words(&trouble);
                if reason.contains("bind source path does not exist") && job.secrets_dir.is_dir() {
                    reason.push_str(UNSEEN);
                }
                // It may exist, and even run: its files may go only after it.
                container.remove_surely().await;
                Err(ExecutorError::Start {
                    command: job.run.image.escape_default().to_string(),
                    reason,
                })
            }
        }
    }
}

/// The name by which the engine knows a task's container.
fn name(job: &Job) -> String {
    let plain = |char: char| {
        if char.is_ascii_alphanumeric() || "_.-".contains(char) {
            char
        } else {
            '_'
        }
    };
    let task: String = job.name.chars().map(plain).collect();
    format!("wardroom.{task}.{}", job.task)
}
