//! Who belongs, who did, and who may come in? The questions about nodes, operators, tokens and roots.

use std::collections::BTreeMap;

use crate::cluster::JoinToken;
use crate::ids::OperatorId;
use crate::node::{Certificate, Node, Role, Tombstone};
use crate::operator::Operator;
use crate::state::State;

impl State {
    pub fn operators(&self) -> &BTreeMap<OperatorId, Operator> {
        &self.facts.operators
    }

    /// Nodes and operators that were removed, by id; kept for ever.
    pub fn removed(&self) -> &BTreeMap<String, Tombstone> {
        &self.facts.removed
    }

    /// Whether a node or an operator with that id was removed.
    pub fn subject_removed(&self, id: &str) -> bool {
        self.facts.removed.contains_key(id)
    }

    /// Nodes that are managers, become managers, or are still on their way back to being workers.
    pub fn managers(&self) -> impl Iterator<Item = &Node> {
        self.facts.nodes.values().filter(|node| node.is_in_raft())
    }

    /// Whether a node has or ever had it.
    pub fn raft_id_used(&self, raft_id: u64) -> bool {
        self.facts.retired_raft_ids.contains(&raft_id) || self.facts.nodes.values().any(|node| node.raft_id == raft_id)
    }

    /// The token with that digest and the role it gives, whether it still admits anybody or not.
    pub fn token_by_digest(&self, digest: &[u8; 32]) -> Option<(Role, &JoinToken)> {
        let cluster = self.cluster()?;
        [Role::Manager, Role::Worker]
            .map(|role| (role, cluster.token(role)))
            .into_iter()
            .find(|(_, token)| token.is(digest))
    }

    /// The node with that public key (sha256 of its DER form, hex).
    pub fn node_by_key(&self, fingerprint: &str) -> Option<&Node> {
        self.facts.nodes.get(self.derived.nodes_by_key.get(fingerprint)?)
    }

    /// Names of the nodes and operators whose certificate was issued by the root with that key id (hex) and is still
    /// valid at that time, nodes first.
    pub fn issuers(&self, key_id: &str, now_ms: i64) -> Vec<String> {
        // A certificate from before issuers were recorded hangs on the oldest root.
        let oldest = self.cluster().map(|cluster| {
            let first = cluster.retiring.first().map(|root| &root.key_id);
            first.unwrap_or(&cluster.root_key_id).as_str()
        });
        let issued_by_it = |issuer: &str| issuer == key_id || (issuer.is_empty() && oldest == Some(key_id));
        let hangs_on_it =
            |certificate: &Certificate| issued_by_it(&certificate.issuer) && certificate.not_after_ms > now_ms;
        let nodes = self.facts.nodes.values();
        let nodes = nodes
            .filter(|node| hangs_on_it(&node.certificate))
            .map(|node| &node.hostname);
        let operators = self.facts.operators.values();
        let operators = operators
            .filter(|operator| hangs_on_it(&operator.certificate))
            .map(|operator| &operator.name);
        nodes.chain(operators).cloned().collect()
    }
}
