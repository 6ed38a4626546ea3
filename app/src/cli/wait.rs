//! When is a change through? Watches the cluster until a condition holds on a view that is at least as new as the
//! change, or until the deadline.

use std::time::Duration;

use tokio::time::Instant;
use wardroom_api::v1::Kind;
use wardroom_api::{Client, ClusterView, FeedEvent, WatchFeed};

/// How long a command waits for workers to answer.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Waits until `done` says something, or gives back the last view when time is up.
///
/// `index` is the Raft index of the change: older views are not asked. A lost connection is made again meanwhile.
pub async fn until<T>(
    client: &Client,
    kinds: &[Kind],
    index: u64,
    mut done: impl FnMut(&ClusterView) -> Option<T>,
) -> Result<T, Box<ClusterView>> {
    let mut feed = WatchFeed::new(client.clone(), kinds, false);
    let mut view = Box::new(ClusterView::default());
    let deadline = tokio::time::sleep(DEADLINE);
    tokio::pin!(deadline);
    loop {
        let event = tokio::select! {
            biased;
            () = &mut deadline => return Err(view),
            event = feed.event() => event,
        };
        if let FeedEvent::Message(message) = event
            && view.apply(&message)
            && view.index >= index
            && let Some(result) = done(&view)
        {
            return Ok(result);
        }
    }
}

/// What a look at a view tells.
pub enum Seen<T> {
    Over(T),
    /// How far it is, and how long it may stay there.
    Moving {
        word: String,
        patience: Duration,
    },
}

/// As [`until`], but for as long as something moves: the time begins anew with each new word. `tell` gets each.
pub async fn while_moving<T>(
    client: &Client,
    kinds: &[Kind],
    index: u64,
    mut look: impl FnMut(&ClusterView) -> Seen<T>,
    mut tell: impl FnMut(&str),
) -> Result<T, Box<ClusterView>> {
    let mut feed = WatchFeed::new(client.clone(), kinds, false);
    let mut view = Box::new(ClusterView::default());
    let mut last = String::new();
    let mut until = Instant::now() + DEADLINE;
    loop {
        let Ok(event) = tokio::time::timeout_at(until, feed.event()).await else {
            return Err(view);
        };
        let FeedEvent::Message(message) = event else { continue };
        if !view.apply(&message) || view.index < index {
            continue;
        }
        match look(&view) {
            Seen::Over(result) => return Ok(result),
            Seen::Moving { word, patience } if word != last => {
                tell(&word);
                until = Instant::now() + patience;
                last = word;
            }
            Seen::Moving { .. } => {}
        }
    }
}
