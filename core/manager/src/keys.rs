//! How does a new manager come by the keys of its cluster? It asks the leader, which hands them to a node that the state
//! wants as a manager, over mutual TLS, and to nobody else.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tonic::{Code, Request, Status};
use wardroom_api::channel;
use wardroom_api::v1;
use wardroom_ca::{ExpectPeer, HandshakeError, NodeTls};
use wardroom_keys::{Keyring, SealingRoot, SecretBytes, UnlockKey};
use wardroom_state::State;
use wardroom_state::ids::NodeId;
use wardroom_state::node::Role;

use crate::Seams;
use crate::context::Context;
use crate::control::caller::{Caller, Identity, LEADER};
use crate::control::error::Failure;

/// How long the managers are asked, one after the other and again.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long one of them has to answer.
const CALL: Duration = Duration::from_secs(5);
/// Pause before they are asked again.
const PAUSE: Duration = Duration::from_millis(250);

const PATH: &str = "/wardroom.v1.Peer/Keys";

/// Why a new manager has no keys.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("no manager's address is known; give one")]
    NobodyToAsk,
    /// The leader's answer.
    #[error("{0}")]
    Denied(String),
    /// What the managers said last.
    #[error(
        "no manager handed out the keys within {} s: {reason}. Make sure that more than half of the managers run, \
         then try again",
        PATIENCE.as_secs()
    )]
    Unanswered { reason: String },
    #[error("a manager sent keys that are none; it may run another version of wardroom. Use the same everywhere")]
    Malformed,
}

/// The leader's answer to a caller that is connected itself; a call that was forwarded is nobody's own.
pub(crate) async fn answer(context: &Context, request: &Request<v1::KeysRequest>) -> Result<v1::KeysResponse, Status> {
    let caller = request.extensions().get::<Caller>();
    let Some(caller) = caller.filter(|caller| !caller.forwarded) else {
        return Err(Status::permission_denied(
            "Permission denied: keys are handed to the caller itself",
        ));
    };
    // Only what a quorum confirms now is sure to know of the last promotion, and of the last removal.
    context
        .proposer
        .confirm()
        .await
        .map_err(|error| Status::from(Failure::from(error)))?;
    let votes = |raft_id| context.consensus.votes(raft_id);
    if let Err(reason) = context.replica.read(|state| may_have(state, &caller.identity, votes)) {
        let reason = format!("Permission denied: {reason}");
        context.offices.refusals.note(caller, PATH, &reason, 1);
        return Err(Status::permission_denied(reason));
    }
    let (keyring, status) = (&context.keyring, context.keyring.status());
    let confidential = |secret: SecretBytes| Some(v1::Confidential::new(secret.expose().to_vec()));
    tracing::info!(to = %caller.identity.actor_name(), "the cluster's keys go to a manager");
    Ok(v1::KeysResponse {
        sealing_root: confidential(keyring.sealing_root().danger_expose()),
        unlock_key: confidential(keyring.unlock_key().text()),
        kek_epoch: status.kek_epoch,
        autolock: status.autolock,
    })
}

/// A voter had the keys before it voted. One that asks again has lost its store, and must not come back without it under
/// the Raft id with which it confirmed writes.
fn may_have(state: &State, caller: &Identity, votes: impl Fn(u64) -> bool) -> Result<(), String> {
    let Identity::Manager(id) = caller else {
        return Err("keys go to managers only".to_owned());
    };
    if state.subject_removed(id) {
        return Err(format!("node {id} was removed from swarm"));
    }
    match state.nodes().get(&NodeId::new(id.as_str())) {
        None => Err(format!("node {id} is not a node of this cluster; join it first")),
        Some(node) if node.desired_role != Role::Manager => Err(format!(
            "node {} is not to be a manager; promote it first",
            node.hostname
        )),
        Some(node) if votes(node.raft_id) => Err(format!(
            "node {} votes already, so its data directory holds the keys; put that back, or demote the node and promote \
             it again",
            node.hostname
        )),
        Some(_) => Ok(()),
    }
}

/// Asks the managers at these addresses (`host:port`) for the keys of `cluster`, and makes the keyring of `node` from
/// them: the cluster's sealing root and unlock key, and a fresh key for its own disk.
pub async fn fetch_keys(
    seams: &Seams,
    tls: &NodeTls,
    cluster: &str,
    node: &str,
    managers: &[String],
) -> Result<Keyring, FetchError> {
    let deadline = Instant::now() + PATIENCE;
    let mut addresses = managers.to_vec();
    let mut last = FetchError::NobodyToAsk;
    loop {
        let mut place = 0;
        while let Some(address) = addresses.get(place).cloned() {
            place += 1;
            match tokio::time::timeout(CALL, ask(seams, tls, &address)).await {
                Err(_elapsed) => last = unanswered(format!("no answer from {address}")),
                Ok(Ok(keys)) => return keyring(seams, cluster, node, keys),
                Ok(Err(status)) if status.code() == Code::PermissionDenied => {
                    return Err(FetchError::Denied(status.message().to_owned()));
                }
                Ok(Err(status)) => {
                    let leader = status.metadata().get(LEADER).and_then(|at| at.to_str().ok());
                    if let Some(leader) = leader.filter(|leader| !addresses.iter().any(|known| known == leader)) {
                        addresses.push(leader.to_owned());
                    }
                    last = unanswered(format!("{address}: {}", status.message()));
                }
            }
        }
        if addresses.is_empty() || Instant::now() + PAUSE > deadline {
            return Err(last);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn unanswered(reason: String) -> FetchError {
    FetchError::Unanswered { reason }
}

async fn ask(seams: &Seams, tls: &NodeTls, address: &str) -> Result<v1::KeysResponse, Status> {
    let (net, tls, to) = (Arc::clone(&seams.net), tls.clone(), address.to_owned());
    let line = channel::lazy(move || {
        let (net, tls, to) = (Arc::clone(&net), tls.clone(), to.clone());
        async move {
            let stream = net.connect(&to).await.map_err(HandshakeError::Stream)?;
            tls.connect(stream, ExpectPeer::AnyManager).await
        }
    });
    let answer = channel::peer(line)
        .keys(channel::request(v1::KeysRequest {}, CALL))
        .await;
    answer.map(tonic::Response::into_inner)
}

fn keyring(seams: &Seams, cluster: &str, node: &str, keys: v1::KeysResponse) -> Result<Keyring, FetchError> {
    let secret = |part: Option<v1::Confidential>| {
        let mut part = part.ok_or(FetchError::Malformed)?;
        Ok(SecretBytes::new(part.take()))
    };
    let root = SealingRoot::from_bytes(&secret(keys.sealing_root)?).ok_or(FetchError::Malformed)?;
    let unlock = secret(keys.unlock_key)?;
    let unlock = std::str::from_utf8(unlock.expose()).map_err(|_| FetchError::Malformed)?;
    let unlock = UnlockKey::parse(unlock).map_err(|_| FetchError::Malformed)?;
    let now_ms = seams.clock.now_ms();
    let mut keyring = Keyring::join(&*seams.chance, cluster, node, &root, &unlock, keys.kek_epoch, now_ms);
    keyring.set_autolock(keys.autolock);
    Ok(keyring)
}

#[cfg(test)]
mod tests {
    use wardroom_state::command::Command;

    use super::*;
    use crate::reconcile::scene::{Scene, node_id};

    #[test]
    fn a_newcomer_may_have_the_keys_and_a_voter_that_lost_its_store_may_not() {
        let mut scene = Scene::with_managers(2);
        let promote = |raft_id| Command::SetDesiredRole {
            node: node_id("w1"),
            role: Role::Manager,
            raft_id,
        };
        let ask = |scene: &Scene, node: &str, voters: &[u64]| {
            let caller = Identity::Manager(node.to_owned());
            may_have(&scene.state, &caller, |id| voters.contains(&id))
        };
        let refused = ask(&scene, "w1", &[1, 2]).expect_err("it is a worker");
        assert_eq!(refused, "node host-w1 is not to be a manager; promote it first");
        scene.apply(promote(9));
        assert_eq!(ask(&scene, "w1", &[1, 2]), Ok(()));
        let refused = ask(&scene, "w1", &[1, 2, 9]).expect_err("it votes");
        assert!(refused.starts_with("node host-w1 votes already"), "{refused}");
        assert!(ask(&scene, "m2", &[1, 2]).is_err());
        assert_eq!(ask(&scene, "m2", &[1]), Ok(()), "its vote was taken");
    }
}
