//! What do the other managers say about themselves? Each manager offers a feed of its own status and follows the feeds
//! of all others; the table of their latest words is what a console sees of the managers.

mod table;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};
use wardroom_api::v1::peer_server::{Peer as PeerService, PeerServer};
use wardroom_api::{channel, v1};

use crate::context::Context;
use crate::control::caller::Caller;
use crate::keys;
use crate::links::{Lane, Links};
use crate::notes;
use crate::raft::Peer;

pub use self::table::{Managers, Table, Word};

/// A feed repeats its word after this time, so that silence means trouble.
const REPEAT: Duration = Duration::from_secs(2);
/// Silence on a feed after which the manager counts as lost.
const SILENCE: Duration = Duration::from_secs(6);
/// Pause before a lost feed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// What this manager answers to the others.
struct Service {
    status: watch::Receiver<v1::ManagerStatus>,
    context: Context,
}

/// The service that offers `status`; its streams end when the manager stops.
pub(crate) fn service(status: watch::Receiver<v1::ManagerStatus>, context: &Context) -> PeerServer<impl PeerService> {
    PeerServer::new(Service {
        status,
        context: context.clone(),
    })
}

impl Service {
    /// Only the leader may ask for an election, and only for the one after its own term: anybody else's wish would cost
    /// the cluster a leader.
    fn may_end(&self, request: &Request<v1::ElectRequest>) -> Result<(), String> {
        let known = self.context.leadership.borrow().clone();
        let caller = request.extensions().get::<Caller>().filter(|caller| !caller.forwarded);
        let caller = caller.and_then(|caller| caller.identity.node_id());
        let leader = known.leader.as_ref().map(|leader| leader.node_id.as_str());
        if caller.is_none() || caller != leader {
            return Err("only the manager that leads may ask for an election".to_owned());
        }
        let asked = request.get_ref().term;
        if asked != known.term {
            return Err(format!("term {asked} is not the one in force, {}", known.term));
        }
        Ok(())
    }
}

#[tonic::async_trait]
impl PeerService for Service {
    type FollowStream = futures_util::stream::BoxStream<'static, Result<v1::ManagerStatus, Status>>;

    async fn follow(&self, _: Request<v1::FollowRequest>) -> Result<Response<Self::FollowStream>, Status> {
        let stop = self.context.stop.clone();
        let feed = repeated(self.status.clone()).take_until(stop.cancelled_owned());
        Ok(Response::new(feed.map(Ok).boxed()))
    }

    async fn elect(&self, request: Request<v1::ElectRequest>) -> Result<Response<v1::ElectResponse>, Status> {
        self.may_end(&request).map_err(Status::failed_precondition)?;
        tracing::info!(
            term = request.get_ref().term,
            "the leader steps down in favour of this manager"
        );
        if !self.context.consensus.elect().await {
            return Err(Status::unavailable("this manager has stopped"));
        }
        Ok(Response::new(v1::ElectResponse {
            term: request.get_ref().term,
        }))
    }

    async fn keys(&self, request: Request<v1::KeysRequest>) -> Result<Response<v1::KeysResponse>, Status> {
        keys::answer(&self.context, &request).await.map(Response::new)
    }

    async fn note(&self, request: Request<v1::NoteRequest>) -> Result<Response<v1::NoteResponse>, Status> {
        notes::record(&self.context, request.into_inner())
            .await
            .map(Response::new)
    }
}

/// Each new word, and the last one again whenever nothing is new for a while.
fn repeated(status: watch::Receiver<v1::ManagerStatus>) -> impl Stream<Item = v1::ManagerStatus> + Send {
    futures_util::stream::unfold((status, true), |(mut status, first)| async move {
        if !first && matches!(tokio::time::timeout(REPEAT, status.changed()).await, Ok(Err(_))) {
            return None;
        }
        let word = status.borrow_and_update().clone();
        Some((word, (status, false)))
    })
}

/// Follows this manager's own status and every other member's feed until `stop`.
pub(crate) async fn follow_all(
    managers: Managers,
    own: watch::Receiver<v1::ManagerStatus>,
    mut members: watch::Receiver<Vec<Peer>>,
    links: Links,
    stop: CancellationToken,
) {
    let me = own.borrow().node_id.clone();
    let mut following: BTreeMap<(String, String), Following> = BTreeMap::new();
    let mut own = WatchStream::new(own);
    loop {
        let current = members.borrow_and_update().clone();
        following.retain(|_, task| current.contains(&task.peer));
        for peer in current.iter().filter(|peer| peer.node_id != me) {
            let key = (peer.node_id.clone(), peer.address.clone());
            following
                .entry(key)
                .or_insert_with(|| Following::start(&managers, peer, &links));
        }
        let known = current
            .iter()
            .map(|peer| peer.node_id.as_str())
            .chain([me.as_str()])
            .collect();
        managers.keep(&known);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                changed = members.changed() => if changed.is_ok() { break } else { return },
                Some(word) = own.next() => managers.note(&me, Word::Status(Arc::new(word))),
            }
        }
    }
}

/// A feed being followed; dropping it stops that.
struct Following {
    peer: Peer,
    task: AbortHandle,
}

impl Following {
    fn start(managers: &Managers, peer: &Peer, links: &Links) -> Self {
        let following = follow(managers.clone(), peer.clone(), links.clone());
        Self {
            peer: peer.clone(),
            task: tokio::spawn(following).abort_handle(),
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(managers: Managers, peer: Peer, links: Links) {
    loop {
        let reason = follow_once(&managers, &peer, &links).await;
        managers.note(&peer.node_id, Word::Lost(reason));
        tokio::time::sleep(PAUSE).await;
    }
}

/// Follows one feed until it ends and says why it did.
async fn follow_once(managers: &Managers, peer: &Peer, links: &Links) -> String {
    // The urgent lane is used once too: it stands when a ballot needs it, and an election waits for no handshake.
    if let Err(reason) = warm(peer, links).await {
        return reason;
    }
    let mut feed = match open(peer, links, Lane::Bulk).await {
        Ok(feed) => feed,
        Err(reason) => return reason,
    };
    loop {
        match tokio::time::timeout(SILENCE, feed.message()).await {
            Ok(Ok(Some(status))) if status.node_id == peer.node_id => {
                managers.note(&peer.node_id, Word::Status(Arc::new(status)));
            }
            Ok(Ok(Some(_))) => return format!("{} spoke for another manager", peer.address),
            Ok(Ok(None)) => return "it stopped".to_owned(),
            Ok(Err(status)) => return status.message().to_owned(),
            Err(_elapsed) => return format!("silent for {} s", SILENCE.as_secs()),
        }
    }
}

async fn open(peer: &Peer, links: &Links, lane: Lane) -> Result<Streaming<v1::ManagerStatus>, String> {
    let (carrier, attempt) = links.attempt(peer, lane);
    let mut client = channel::peer(carrier);
    let opened = tokio::time::timeout(SILENCE, client.follow(v1::FollowRequest {})).await;
    let answer = opened.map_err(|_elapsed| format!("no answer from {}", peer.address))?;
    attempt.answered();
    let feed = answer.map_err(|status| status.message().to_owned())?;
    Ok(feed.into_inner())
}

async fn warm(peer: &Peer, links: &Links) -> Result<(), String> {
    open(peer, links, Lane::Urgent).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_feed_repeats_itself_in_silence() {
        let (words, status) = watch::channel(v1::ManagerStatus::default());
        let mut feed = Box::pin(repeated(status));
        assert_eq!(feed.next().await.map(|word| word.applied), Some(0));
        words.send_modify(|word| word.applied = 7);
        assert_eq!(feed.next().await.map(|word| word.applied), Some(7));
        let before = tokio::time::Instant::now();
        assert_eq!(feed.next().await.map(|word| word.applied), Some(7));
        assert_eq!(before.elapsed(), REPEAT);
        drop(words);
        assert!(feed.next().await.is_none());
    }
}
