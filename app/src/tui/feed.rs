//! How does the cluster's word reach the loop? One task holds one watch and hands every event on; it never polls.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use wardroom_api::{Client, WatchFeed};

use super::msg::Msg;

/// Starts the feed; it ends when the loop does.
pub fn start(client: Client, out: mpsc::Sender<Msg>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut feed = WatchFeed::everything(client);
        while out.send(Msg::Feed(Box::new(feed.event().await))).await.is_ok() {}
    })
}
