//! How is it made sure that a container is gone? It is removed with its volumes, and asked for again until the engine says
//! that there is none.

use bollard::query_parameters::{KillContainerOptions, RemoveContainerOptions};
use tokio::time::{Duration, sleep, timeout};

use super::engine::{Trouble, status};
use super::running::{AGAIN_MAX, AGAIN_MIN, Container};

/// How long the last of its output may be on its way after its end.
const LAST_OUTPUT: Duration = Duration::from_secs(2);

impl Container {
    /// One try to remove it. Done when it is gone, whoever did it.
    pub(super) async fn remove(&mut self) -> Result<(), Trouble> {
        let options = RemoveContainerOptions {
            force: true,
            v: true,
            ..Default::default()
        };
        match self.docker.remove_container(&self.name, Some(options)).await {
            Err(error) if status(&error) != Some(404) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Kills and removes it, however long the engine takes to answer.
    pub(super) async fn remove_surely(&mut self) {
        let mut wait = AGAIN_MIN;
        while !self.is_gone {
            match self.remove().await {
                Ok(()) => self.is_gone = true,
                Err(trouble) => {
                    if wait == AGAIN_MIN {
                        let words = self.engine.words(&trouble);
                        tracing::warn!(
                            container = self.name,
                            words,
                            "it cannot be removed yet; its files stay until it is"
                        );
                    }
                    sleep(wait).await;
                    wait = (wait * 2).min(AGAIN_MAX);
                }
            }
        }
    }

    /// Takes the last of its output, and removes it.
    pub(super) async fn clear_away(&mut self) {
        if let Some(attached) = &mut self.attached {
            let _ = timeout(LAST_OUTPUT, attached).await;
            self.attached = None;
        }
        self.remove_surely().await;
    }

    pub(super) async fn kill(&mut self, signal: &str) -> Result<(), Trouble> {
        let options = KillContainerOptions {
            signal: signal.to_owned(),
        };
        match self.docker.kill_container(&self.name, Some(options)).await {
            // It is gone, or does not run: whoever waits for it is told how it ended.
            Err(error) if matches!(status(&error), Some(404 | 409)) => Ok(()),
            answer => Ok(answer?),
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if self.is_gone {
            return;
        }
        // Nobody waits for it any more. Without a runtime it is left to the next start of this node.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (docker, name) = (self.docker.clone(), std::mem::take(&mut self.name));
            let options = RemoveContainerOptions {
                force: true,
                v: true,
                ..Default::default()
            };
            runtime.spawn(async move { docker.remove_container(&name, Some(options)).await });
        }
    }
}
