//! How does `wardroom run --image` run a container that belongs to no service? Attached to the caller's own input, output and
//! terminal, with its signals passed on, and removed at its end.

mod signals;
mod terminal;

use std::collections::BTreeMap;
use std::path::PathBuf;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType};
use bollard::query_parameters::{
    AttachContainerOptions, CreateContainerOptions, InspectContainerOptions, KillContainerOptions,
    RemoveContainerOptions, ResizeContainerTTYOptions, StartContainerOptions, WaitContainerOptions,
};
use futures_util::StreamExt;
use tokio::io::{AsyncWrite, AsyncWriteExt, stderr, stdout};
use tokio::time::{Duration, timeout};

use crate::executor::Engine;
use crate::executor::{Trouble, status};

use self::signals::{Signals, Told};
use self::terminal::RawTerminal;

/// What is to be run once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OneOff {
    pub image: String,
    /// Empty: the image's own.
    pub args: Vec<String>,
    /// Of this host, and where the container sees them, read-only.
    pub binds: Vec<(PathBuf, String)>,
    /// `NAME=value`.
    pub env: Vec<String>,
    pub labels: BTreeMap<String, String>,
    /// Empty: the image's own.
    pub user: String,
    /// Empty: the image's own.
    pub dir: String,
}

/// How long the last of its output may be on its way after its end.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// Runs it to its end and removes it; its exit code. Fails with words for whoever asked for it.
pub async fn run_attached(engine: &Engine, what: &OneOff) -> Result<i32, String> {
    let docker = engine.connect().await?;
    let tty = terminal::is_one();
    let created = docker
        .create_container(None::<CreateContainerOptions>, body(what, tty))
        .await;
    let id = match created {
        Ok(created) => created.id,
        Err(error) if status(&error) == Some(404) => {
            return Err(format!(
                "image {} is not on this node; load it with docker import or docker pull",
                what.image.escape_default()
            ));
        }
        Err(error) => return Err(engine.words(&error.into())),
    };
    let container = Container { docker, id, tty };
    let ended = container.run().await;
    container.remove().await;
    ended.map_err(|trouble| engine.words(&trouble))
}

fn body(what: &OneOff, tty: bool) -> ContainerCreateBody {
    let bind = |(source, target): &(PathBuf, String)| Mount {
        typ: Some(MountType::BIND),
        source: Some(source.display().to_string()),
        target: Some(target.clone()),
        read_only: Some(true),
        ..Default::default()
    };
    ContainerCreateBody {
        image: Some(what.image.clone()),
        cmd: (!what.args.is_empty()).then(|| what.args.clone()),
        env: Some(what.env.clone()),
        labels: Some(what.labels.clone().into_iter().collect()),
        user: (!what.user.is_empty()).then(|| what.user.clone()),
        working_dir: (!what.dir.is_empty()).then(|| what.dir.clone()),
        tty: Some(tty),
        open_stdin: Some(true),
        stdin_once: Some(true),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        host_config: Some(HostConfig {
            mounts: Some(what.binds.iter().map(bind).collect()),
            log_config: Some(HostConfigLogConfig {
                typ: Some("none".to_owned()),
                config: None,
            }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

struct Container {
    docker: Docker,
    id: String,
    tty: bool,
}

impl Container {
    async fn run(&self) -> Result<i32, Trouble> {
        let options = AttachContainerOptions {
            stream: true,
            stdin: true,
            stdout: true,
            stderr: true,
            ..Default::default()
        };
        let attached = self.docker.attach_container(&self.id, Some(options)).await?;
        let (mut printed, mut keyboard) = (attached.output, attached.input);
        let signals = Signals::new().map_err(bollard::errors::Error::from)?;
        let _raw = if self.tty { RawTerminal::take() } else { None };
        self.docker
            .start_container(&self.id, None::<StartContainerOptions>)
            .await?;
        self.resize().await;
        // Asked once it has started: one that has ended already is told of as well.
        let options = WaitContainerOptions {
            condition: "not-running".to_owned(),
        };
        let mut ended = Box::pin(self.docker.wait_container(&self.id, Some(options)));
        let input = async {
            let mut typed = terminal::typed();
            while let Some(bytes) = typed.recv().await {
                if keyboard.write_all(&bytes).await.is_err() || keyboard.flush().await.is_err() {
                    break;
                }
            }
            let _ = keyboard.shutdown().await;
            std::future::pending::<()>().await;
        };
        let output = async {
            while let Some(Ok(chunk)) = printed.next().await {
                show(chunk).await;
            }
        };
        let mut output = std::pin::pin!(output);
        let over = async {
            tokio::select! {
                () = &mut output => drop(ended.next().await),
                // All that it has printed comes before its end is told; the engine need not end the stream for it.
                _ended = ended.next() => drop(timeout(LAST_OUTPUT, &mut output).await),
            }
        };
        tokio::select! {
            () = input => {}
            () = self.pass_on(signals) => {}
            () = over => {}
        }
        self.exit_code().await
    }

    async fn exit_code(&self) -> Result<i32, Trouble> {
        let found = self
            .docker
            .inspect_container(&self.id, None::<InspectContainerOptions>)
            .await?;
        let code = found.state.and_then(|state| state.exit_code);
        Ok(code.and_then(|code| i32::try_from(code).ok()).unwrap_or(-1))
    }

    async fn resize(&self) {
        if let Some((w, h)) = self.tty.then(terminal::size).flatten() {
            let options = ResizeContainerTTYOptions { h, w };
            // The old size is untidy, and no more.
            let _ = self.docker.resize_container_tty(&self.id, options).await;
        }
    }

    /// Never ends by itself.
    async fn pass_on(&self, mut signals: Signals) {
        loop {
            match signals.next().await {
                Told::Resized => self.resize().await,
                Told::Signal(name) => {
                    let options = KillContainerOptions {
                        signal: name.to_owned(),
                    };
                    // It has just ended: that is told in a moment.
                    let _ = self.docker.kill_container(&self.id, Some(options)).await;
                }
            }
        }
    }

    async fn remove(&self) {
        let options = RemoveContainerOptions {
            force: true,
            v: true,
            ..Default::default()
        };
        if let Err(error) = self.docker.remove_container(&self.id, Some(options)).await {
            tracing::warn!(container = self.id, %error, "it could not be removed; remove it with docker rm");
        }
    }
}

async fn show(chunk: LogOutput) {
    // Who has closed it wants to see no more of it; the container goes on.
    let _ = match &chunk {
        LogOutput::StdErr { message } => write(stderr(), message).await,
        other => write(stdout(), other.as_ref()).await,
    };
}

async fn write(mut to: impl AsyncWrite + Unpin, bytes: &[u8]) -> std::io::Result<()> {
    to.write_all(bytes).await?;
    to.flush().await
}
