//! How is a container followed to its end? It is waited for, its health events are read, and while the engine does not answer
//! it is asked again.

use std::collections::{BTreeSet, HashMap};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerWaitResponse, EventMessage, HealthStatusEnum};
use bollard::query_parameters::{AttachContainerOptions, EventsOptions, WaitContainerOptions};
use futures_util::{Stream, StreamExt};
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, sleep_until, timeout};

use super::engine::{Engine, Trouble};
use super::look::Look;
use super::output::follow;
use super::{links, name};
use crate::executor::{ExecutorError, Exit, Happening, Job, Running, Signal};
use crate::output::Log;

/// Between two questions to an engine that does not answer.
pub(super) const AGAIN_MIN: Duration = Duration::from_millis(100);
pub(super) const AGAIN_MAX: Duration = Duration::from_secs(5);

type Events<T> = Pin<Box<dyn Stream<Item = Result<T, Error>> + Send>>;

/// One container of a task, from before it is created until it is removed.
pub(super) struct Container {
    pub(super) docker: Docker,
    pub(super) engine: Engine,
    pub(super) name: String,
    pub(super) log: Arc<Log>,
    links: BTreeSet<String>,
    pub(super) attached: Option<JoinHandle<()>>,
    pub(super) pid: u32,
    pub(super) stop_signal: String,
    pub(super) is_checked: bool,
    was_healthy: bool,
    watched: Option<Watched>,
    /// The engine did not answer: when it is asked again, and how long is waited then.
    again: Option<(Instant, Duration)>,
    exit: Option<Exit>,
    pub(super) is_gone: bool,
}

/// What the engine tells of one container.
struct Watched {
    ended: Events<ContainerWaitResponse>,
    health: Option<Events<EventMessage>>,
}

impl Container {
    pub(super) fn new(docker: Docker, engine: Engine, job: &Job) -> Self {
        Self {
            docker,
            engine,
            name: name(job),
            log: Arc::clone(&job.log),
            links: BTreeSet::new(),
            attached: None,
            pid: 0,
            stop_signal: String::new(),
            is_checked: false,
            was_healthy: false,
            watched: None,
            again: None,
            exit: None,
            is_gone: false,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn docker(&self) -> &Docker {
        &self.docker
    }

    /// Links that are not there yet are put there.
    pub(super) async fn changed_links(&mut self, absolute: &[String]) -> Result<(), Trouble> {
        let new: Vec<String> = absolute
            .iter()
            .filter(|path| !self.links.contains(*path))
            .cloned()
            .collect();
        if !new.is_empty() {
            links::put(&self.docker, &self.name, &new).await?;
            self.links.extend(new);
        }
        Ok(())
    }

    /// From now on what it prints is taken.
    pub(super) async fn attach(&mut self) -> Result<(), Trouble> {
        let options = AttachContainerOptions {
            stream: true,
            stdout: true,
            stderr: true,
            ..Default::default()
        };
        let attached = self.docker.attach_container(&self.name, Some(options)).await?;
        self.attached = Some(tokio::spawn(follow(attached.output, Arc::clone(&self.log))));
        Ok(())
    }

    /// What it says from now on, and anything that it said since `since`.
    fn watch(&self, since: u64) -> Watched {
        let options = WaitContainerOptions {
            condition: "not-running".to_owned(),
        };
        let health = self.is_checked.then(|| {
            let filters = [("container", self.name.as_str()), ("event", "health_status")];
            let filters = filters.map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
            let options = EventsOptions {
                since: Some(since.to_string()),
                filters: Some(HashMap::from(filters)),
                ..Default::default()
            };
            Box::pin(self.docker.events(Some(options))) as Events<EventMessage>
        });
        Watched {
            ended: Box::pin(self.docker.wait_container(&self.name, Some(options))),
            health,
        }
    }

    /// Looks, and watches from there; says what is new.
    async fn look_again(&mut self) -> Option<Happening> {
        if let Some((at, _)) = self.again {
            sleep_until(at).await;
        }
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        match self.look().await {
            Ok(Look::Ended(exit)) => {
                self.exit = Some(exit);
                None
            }
            Ok(Look::Runs(health)) => {
                let is_attached = self.attached.as_ref().is_some_and(|attached| !attached.is_finished());
                if !is_attached && let Err(trouble) = self.attach().await {
                    tracing::warn!(
                        container = self.name,
                        words = self.engine.words(&trouble),
                        "its output is lost"
                    );
                }
                self.watched = Some(self.watch(since));
                if self.again.take().is_some() {
                    return Some(Happening::Unknown(String::new()));
                }
                self.news_of(health).await
            }
            Err(trouble) => {
                let before = self.again.map(|(_, wait)| wait);
                let wait = before.map_or(AGAIN_MIN, |wait| (wait * 2).min(AGAIN_MAX));
                self.again = Some((Instant::now() + wait, wait));
                // Told once.
                let words = self.engine.words(&trouble);
                before
                    .is_none()
                    .then(|| Happening::Unknown(format!("the state of the container is not known: {words}")))
            }
        }
    }

    async fn news_of(&mut self, health: Option<HealthStatusEnum>) -> Option<Happening> {
        match health? {
            HealthStatusEnum::HEALTHY if !self.was_healthy => {
                self.was_healthy = true;
                Some(Happening::Healthy)
            }
            HealthStatusEnum::UNHEALTHY => Some(Happening::Unhealthy(self.last_words().await)),
            _ => None,
        }
    }

    /// Waits until it is not known any more what it does, or until it says something new.
    async fn heed(&mut self) -> Option<Happening> {
        let watched = self.watched.as_mut()?;
        let health = watched.health.as_mut();
        tokio::select! {
            biased;
            _ended = watched.ended.next() => {
                // How it ended, or why the engine does not say so, shows the next look.
                self.watched = None;
                None
            }
            event = next_of(health) => if let Some(Ok(event)) = event {
                let action = event.action.unwrap_or_default();
                let status = match action.strip_prefix("health_status: ") {
                    Some("healthy") => Some(HealthStatusEnum::HEALTHY),
                    Some("unhealthy") => Some(HealthStatusEnum::UNHEALTHY),
                    _ => None,
                };
                self.news_of(status).await
            } else {
                self.watched = None;
                None
            }
        }
    }

    async fn end(&mut self) -> Exit {
        loop {
            if let Happening::Ended(exit) = self.next().await {
                return exit;
            }
        }
    }
}

#[tonic::async_trait]
impl Running for Container {
    fn pid(&self) -> u32 {
        self.pid
    }

    fn is_checked(&self) -> bool {
        self.is_checked
    }

    async fn next(&mut self) -> Happening {
        loop {
            if let Some(exit) = self.exit.clone() {
                self.clear_away().await;
                return Happening::Ended(exit);
            }
            let news = if self.watched.is_some() {
                self.heed().await
            } else {
                self.look_again().await
            };
            if let Some(news) = news {
                return news;
            }
        }
    }

    async fn changed(&mut self, absolute: &[String]) -> Result<(), ExecutorError> {
        let put = self.changed_links(absolute).await;
        put.map_err(|trouble| ExecutorError::Told(self.engine.words(&trouble)))
    }

    async fn signal(&mut self, signal: Signal) -> Result<(), ExecutorError> {
        let sent = self.kill(&signal.name()).await;
        sent.map_err(|trouble| ExecutorError::Signal(self.engine.words(&trouble)))
    }

    async fn stop(&mut self, grace: Duration) -> Exit {
        if self.exit.is_none() {
            // An engine that does not answer is asked for the end itself below.
            let signal = self.stop_signal.clone();
            let _ = timeout(grace, self.kill(&signal)).await;
        }
        if let Ok(exit) = timeout(grace, self.end()).await {
            return exit;
        }
        self.remove_surely().await;
        let killed = Exit {
            code: 137,
            error: "killed by signal 9".into(),
        };
        self.exit.get_or_insert(killed).clone()
    }
}

async fn next_of<T>(events: Option<&mut Events<T>>) -> Option<Result<T, Error>> {
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}
