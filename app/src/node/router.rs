//! Which manager serves a local connection? The first one that has not failed: one and the same as long as it is well, so
//! that whoever writes through a connection also reads what was written through the next one.

use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use wardroom_manager::{Local, Manager};

/// Connections that wait for their manager.
const QUEUE: usize = 16;

/// Where connections are handed in.
pub type Incoming = mpsc::Sender<Local>;

/// Serves what is handed in until the managers stop. A manager that fails is stopped, which cuts its connections: their
/// clients come again and find the next one.
pub fn start(managers: &[Manager]) -> Incoming {
    let lines: Vec<Line> = managers.iter().map(Line::open).collect();
    for manager in managers {
        tokio::spawn(stop_when_failed(manager.clone()));
    }
    let (sender, incoming) = mpsc::channel(QUEUE);
    tokio::spawn(route(incoming, lines));
    sender
}

struct Line {
    manager: Manager,
    sender: mpsc::Sender<Local>,
}

impl Line {
    fn open(manager: &Manager) -> Self {
        let (sender, connections) = mpsc::channel(QUEUE);
        manager.serve_local(ReceiverStream::new(connections));
        Self {
            manager: manager.clone(),
            sender,
        }
    }

    fn is_well(&self) -> bool {
        !self.sender.is_closed() && self.manager.failure().borrow().is_none()
    }
}

/// Ends with the last manager; whoever hands in sees the channel closed.
async fn route(mut incoming: mpsc::Receiver<Local>, lines: Vec<Line>) {
    let over = join_all(lines.iter().map(|line| line.sender.closed()));
    tokio::pin!(over);
    loop {
        let connection = tokio::select! {
            biased;
            _ = &mut over => return,
            connection = incoming.recv() => connection,
        };
        let Some(connection) = connection else { return };
        // Without a manager that is well it is dropped, and the client is told that nobody is there.
        if let Some(line) = lines.iter().find(|line| line.is_well()) {
            // One that stopped in between drops it too; the client comes again.
            let _ = line.sender.send(connection).await;
        }
    }
}

async fn stop_when_failed(manager: Manager) {
    let mut failure = manager.failure();
    let reason = match failure.wait_for(Option::is_some).await {
        Ok(reason) => reason.clone().unwrap_or_default(),
        Err(_stopped) => return,
    };
    tracing::error!(%reason, "a manager has stopped");
    manager.shutdown().await;
}
