//! How does this process reach its own cluster? Through pairs of connected unix sockets, so that the kernel names the
//! user as it does for every other local connection; the console may knock before the cluster is up.

use tokio::net::UnixStream;
use tokio::sync::mpsc;
use wardroom_api::Client;
use wardroom_api::channel::ConnectFailure;
use wardroom_manager::Local;

use super::front::Incoming;

/// Connections that wait while the cluster starts.
const QUEUE: usize = 16;

/// The cluster's end.
pub type Door = mpsc::Receiver<UnixStream>;

/// A client of the cluster that will serve the other end; `address` is what people would write to reach it.
pub fn open(address: String) -> (Client, Door) {
    let (sender, door) = mpsc::channel(QUEUE);
    let name = address.clone();
    let connector = move || {
        let (sender, address) = (sender.clone(), name.clone());
        async move {
            let cause = match UnixStream::pair() {
                Ok((near, far)) => match sender.send(far).await {
                    Ok(()) => return Ok(near),
                    Err(_closed) => "the embedded cluster has stopped".to_owned(),
                },
                Err(error) => error.to_string(),
            };
            Err(ConnectFailure {
                address,
                cause,
                hint: "start wardroom again".to_owned(),
            })
        }
    };
    (Client::over(address, connector), door)
}

/// Lets in whoever knocks, until the cluster stops.
pub async fn serve(mut door: Door, incoming: Incoming) {
    loop {
        let stream = tokio::select! {
            biased;
            () = incoming.closed() => return,
            stream = door.recv() => stream,
        };
        let Some(stream) = stream else { return };
        match Local::unix(stream) {
            Ok(local) => drop(incoming.send(local).await),
            Err(error) => tracing::warn!(%error, "a connection of this process was refused"),
        }
    }
}
