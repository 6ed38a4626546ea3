//! What becomes of a container whose engine does not answer for a while? Nobody says that it is gone before it is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};
use wardroom_agent::executor::{Containers, Engine, Executor, Happening};

use crate::bench::{PATIENCE, bench, docker, next, until_line};

/// A way to the engine that can be cut.
struct Way {
    path: PathBuf,
    open: Option<JoinHandle<()>>,
}

impl Way {
    fn new(home: &Path) -> Self {
        let mut way = Self {
            path: home.join("docker.sock"),
            open: None,
        };
        way.mend();
        way
    }

    fn mend(&mut self) {
        let listener = UnixListener::bind(&self.path).unwrap();
        self.open = Some(tokio::spawn(async move {
            // Dropped with this task, and all connections with it.
            let mut connections = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                connections.spawn(async move {
                    let mut far = UnixStream::connect("/var/run/docker.sock").await?;
                    tokio::io::copy_bidirectional(&mut near, &mut far).await
                });
            }
        }));
    }

    async fn cut(&mut self) {
        let open = self.open.take().unwrap();
        open.abort();
        assert!(open.await.unwrap_err().is_cancelled());
        std::fs::remove_file(&self.path).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_gone_for_a_while_is_asked_again() {
    let Some(bench) = bench("an_engine_that_is_gone_for_a_while_is_asked_again") else {
        return;
    };
    bench.publish(&[("db", "one")]);
    let home = tempfile::tempdir().unwrap();
    let mut way = Way::new(home.path());
    let engine = Engine::at(way.path.to_str().unwrap());
    let containers = Containers::on(engine, "cluster1", &bench.node);
    let job = bench.job("trap '' TERM; echo ready; while :; do sleep 0.01; done");
    containers.prepare(&job).await.unwrap();
    let mut running = containers.start(&job, &[]).await.unwrap();
    until_line(&job, "ready").await;
    let early = tokio::time::timeout(Duration::from_millis(50), running.next()).await;
    assert!(early.is_err(), "nothing happens to it");
    way.cut().await;
    let Happening::Unknown(words) = next(&mut running).await else {
        panic!("it is not known how it is");
    };
    assert!(
        words.contains("state of the container is not known: no container engine at"),
        "{words}"
    );
    way.mend();
    assert_eq!(
        next(&mut running).await,
        Happening::Unknown(String::new()),
        "and now it is"
    );
    way.cut().await;
    let stopped = tokio::time::timeout(Duration::from_millis(500), running.stop(Duration::from_millis(10))).await;
    assert!(stopped.is_err(), "it cannot be known to be gone");
    let id = || docker(&["ps", "-q", "--filter", &format!("name={}", bench.container())]);
    assert_ne!(id(), "", "and it is not");
    way.mend();
    let exit = tokio::time::timeout(PATIENCE, running.stop(Duration::from_millis(10)))
        .await
        .unwrap();
    assert_eq!((exit.code, id().as_str()), (137, ""));
}
