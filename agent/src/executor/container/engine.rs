//! Where is the engine, does it answer, and what does it mean by what it says?

use std::sync::Arc;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, Docker};
use thiserror::Error;
use tokio::time::{Duration, timeout};

const USUAL_SOCKET: &str = "/var/run/docker.sock";
/// Swarm's features that services here ask for are all there since Docker 20.10.
const API_MIN: (usize, usize) = (1, 41);
/// From asking for the engine until it has said its version.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);
/// Of one request; what takes longer is not waited for by one request.
const REQUEST_SECONDS: u64 = 60;

/// The engine did not do what it was asked to.
#[derive(Debug, Error)]
#[error(transparent)]
pub(crate) struct Trouble(#[from] Error);

/// How this worker gets to its engine.
#[derive(Clone, Debug)]
pub struct Engine(Arc<Result<String, String>>);

impl Engine {
    /// `DOCKER_HOST`, or the usual socket.
    pub fn from_environment() -> Self {
        match std::env::var("DOCKER_HOST") {
            Ok(host) if !host.is_empty() => Self::at(&host),
            _ => Self::at(USUAL_SOCKET),
        }
    }

    /// The engine behind a socket: a path, or `unix://` and a path.
    pub fn at(host: &str) -> Self {
        let path = host.strip_prefix("unix://").unwrap_or(host);
        Self(Arc::new(if path.starts_with('/') {
            Ok(path.to_owned())
        } else {
            Err(format!(
                "DOCKER_HOST is {}, which is not a socket of this host; secrets are bound from this host's memory: give \
                 unix:// and a path",
                host.escape_default()
            ))
        }))
    }

    /// A connection to an engine that answers and is not too old.
    pub(crate) async fn connect(&self) -> Result<Docker, String> {
        let path = self.0.as_ref().as_ref().map_err(Clone::clone)?;
        let docker = Docker::connect_with_unix(path, REQUEST_SECONDS, API_DEFAULT_VERSION)
            .map_err(|error| self.words(&Trouble(error)))?;
        let docker = timeout(ANSWER_DEADLINE, docker.negotiate_version())
            .await
            .map_err(|_elapsed| self.absent("it does not answer"))?
            .map_err(|error| self.words(&Trouble(error)))?;
        let version = docker.client_version();
        if (version.major_version, version.minor_version) < API_MIN {
            return Err(format!(
                "the container engine at {path} speaks API {}.{}, and {}.{} is needed; update it to Docker 20.10 or later",
                version.major_version, version.minor_version, API_MIN.0, API_MIN.1
            ));
        }
        Ok(docker)
    }

    /// What went wrong, in one line.
    pub(crate) fn words(&self, Trouble(error): &Trouble) -> String {
        match error {
            Error::DockerResponseServerError { message, .. } => one_line(message),
            Error::SocketNotFoundError(_) => self.absent("there is no such socket"),
            Error::RequestTimeoutError => self.absent("it does not answer"),
            other => self.absent(&innermost(other)),
        }
    }

    fn absent(&self, reason: &str) -> String {
        let path = self.0.as_ref().as_ref().map_or("nowhere", String::as_str);
        format!("no container engine at {path}: {reason}; start it or set DOCKER_HOST")
    }
}

/// The status of an answer; `None`: there was none.
pub(crate) fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |cause| cause.source());
    causes.last().map(ToString::to_string).unwrap_or_default()
}

fn one_line(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may stop at the first surprise

    use super::*;

    #[tokio::test]
    async fn an_engine_that_is_not_there_is_told_of() {
        let words = Engine::at("/no/such/socket").connect().await.unwrap_err();
        assert_eq!(
            words,
            "no container engine at /no/such/socket: there is no such socket; start it or set DOCKER_HOST"
        );
        let words = Engine::at("tcp://10.0.0.1:2375").connect().await.unwrap_err();
        assert!(words.contains("DOCKER_HOST is tcp://10.0.0.1:2375"), "{words}");
    }

    #[tokio::test]
    async fn a_socket_that_nobody_listens_at_is_told_of() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("docker.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let words = Engine::at(path.to_str().unwrap()).connect().await.unwrap_err();
        assert!(
            words.contains("refused") && words.contains("set DOCKER_HOST"),
            "{words}"
        );
    }
}
