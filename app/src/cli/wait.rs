//! When is a change through? Watches the cluster until a condition holds on a view that is at least as new as the
//! change, or until the deadline.

use std::time::Duration;

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
