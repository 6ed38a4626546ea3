//! How does the cluster's word reach the loop? One task holds one watch and hands every event on; it never polls. Whoever
//! knows that the manager answers again may hurry it.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use wardroom_api::{Client, WatchFeed};

use super::msg::Msg;

/// Starts the feed; it ends when the loop does.
pub fn start(client: Client, out: mpsc::Sender<Msg>, hurry: Arc<Notify>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut feed = WatchFeed::everything(client);
        loop {
            tokio::select! {
                event = feed.event() => {
                    if out.send(Msg::Feed(Box::new(event))).await.is_err() {
                        return;
                    }
                }
                () = hurry.notified() => feed.hurry(),
            }
        }
    })
}
