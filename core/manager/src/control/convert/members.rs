//! What do clients see of the cluster and of who belongs to it? Facts about tokens and roots, never a token or a key.

use v1::object::Kind as Body;
use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::cluster::{Cluster, JoinToken, RetiringRoot};
use wardroom_state::node::{Certificate, Node, NodeState, Role};
use wardroom_state::operator::Operator;

use super::keys::keys;
use super::objects::wrap;
use super::words::{availability, hex, operator_role, role};

pub(super) fn cluster(state: &State) -> Option<v1::Object> {
    let cluster: &Cluster = state.cluster()?;
    Some(wrap(Body::Cluster(v1::Cluster {
        id: cluster.id.to_string(),
        name: cluster.name.clone(),
        created_at_ms: cluster.created_at_ms,
        root_fingerprint: cluster.root_fingerprint.clone(),
        root_not_after_ms: cluster.root_not_after_ms,
        autolock: cluster.autolock,
        heartbeat_ms: cluster.heartbeat_ms,
        version_index: cluster.version_index,
        audit_length: state.audit_length(),
        audit_head: hex(&state.audit_head()),
        sealing_root_check: hex(&cluster.sealing_root_check),
        root_certificate: cluster.root_certificate.clone(),
        retiring: cluster.retiring.iter().map(|root| retiring(state, root)).collect(),
        join_tokens: [Role::Worker, Role::Manager]
            .map(|role| token_facts(role, cluster.token(role)))
            .into(),
        certificate_life_ms: cluster.certificate_life_ms,
        task_history: cluster.task_history,
        snapshot_every: cluster.snapshot_every,
        keys: Some(keys(state)),
        refuse_env: cluster.refuse_env,
    })))
}

fn retiring(state: &State, root: &RetiringRoot) -> v1::RetiringRoot {
    // By the state's own time, so that every manager counts the same.
    let remaining = state.issuers(&root.key_id, state.at_ms()).len();
    v1::RetiringRoot {
        fingerprint: root.fingerprint.clone(),
        since_ms: root.since_ms,
        remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
    }
}

/// When a token was made and what it is still good for.
pub(crate) fn token_facts(of: Role, token: &JoinToken) -> v1::JoinTokenFacts {
    v1::JoinTokenFacts {
        role: role(of).into(),
        created_at_ms: token.created_at_ms,
        expires_at_ms: token.expires_at_ms,
        max_uses: token.max_uses,
        uses: token.uses,
    }
}

pub(crate) fn node(state: &State, node: &Node) -> v1::Object {
    let reached = match node.state {
        NodeState::Unknown => v1::NodeState::Unknown,
        NodeState::Ready => v1::NodeState::Ready,
        NodeState::Down => v1::NodeState::Down,
    };
    wrap(Body::Node(v1::Node {
        id: node.id.to_string(),
        hostname: node.hostname.clone(),
        role: role(node.role).into(),
        availability: availability(node.availability).into(),
        state: reached.into(),
        message: node.message.clone(),
        state_since_ms: node.state_since_ms,
        address: node.address.clone(),
        raft_id: node.raft_id,
        labels: node.labels.clone(),
        certificate_fingerprint: node.certificate.fingerprint.clone(),
        certificate_not_before_ms: node.certificate.not_before_ms,
        certificate_not_after_ms: node.certificate.not_after_ms,
        created_at_ms: node.created_at_ms,
        version_index: node.version_index,
        desired_role: role(node.desired_role).into(),
        runs_tasks: node.runs_tasks,
        certificate_issuer: issuer(state, &node.certificate),
        version: node.version.clone(),
    }))
}

pub(crate) fn operator(state: &State, operator: &Operator) -> v1::Object {
    wrap(Body::Operator(v1::Operator {
        id: operator.id.to_string(),
        name: operator.name.clone(),
        role: operator_role(operator.role).into(),
        certificate_fingerprint: operator.certificate.fingerprint.clone(),
        certificate_issuer: issuer(state, &operator.certificate),
        certificate_not_before_ms: operator.certificate.not_before_ms,
        certificate_not_after_ms: operator.certificate.not_after_ms,
        created_at_ms: operator.created_at_ms,
        created_by: operator.created_by.clone(),
        version_index: operator.version_index,
    }))
}

/// The fingerprint of the root that issued a certificate; its key's id where that root is not known any more.
fn issuer(state: &State, certificate: &Certificate) -> String {
    let issued_by = |key_id: &str| key_id == certificate.issuer;
    let known = state.cluster().and_then(|cluster| {
        let retiring = || cluster.retiring.iter().find(|root| issued_by(&root.key_id));
        if issued_by(&cluster.root_key_id) {
            Some(&cluster.root_fingerprint)
        } else {
            retiring().map(|root| &root.fingerprint)
        }
    });
    known.unwrap_or(&certificate.issuer).clone()
}
