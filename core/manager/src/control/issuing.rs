//! Who gets a certificate of this cluster, and what comes with it? Nodes and operators, from the root whose key stands
//! sealed in the state, together with the roots to trust and the managers to call.

use std::time::Duration;

use wardroom_ca::{IssueError, IssueRequest, Role, Root};
use wardroom_state::State;
use wardroom_state::cluster::Cluster;
use wardroom_state::node::{Certificate, Node, Role as NodeRole};

use crate::context::Context;
use crate::control::error::Failure;
use crate::root::{self, RootError};
use crate::trust;

/// The root of one moment, ready to issue.
pub(super) struct Issuer {
    pub(super) cluster: Cluster,
    pub(super) root: Root,
    now_ms: i64,
}

impl Issuer {
    pub(super) fn of(context: &Context) -> Result<Self, Failure> {
        let cluster = cluster(context)?;
        let root = root::open(&context.keyring.sealing_root(), &cluster).map_err(|error| match error {
            RootError::Sealed(_) => Failure::precondition(error.to_string()),
            RootError::Parts(error) => refused(&error),
        })?;
        Ok(Self {
            cluster,
            root,
            now_ms: context.clock.now_ms(),
        })
    }

    /// A certificate for the key of a request: the text that its holder shows, and what the state keeps of it.
    pub(super) fn issue(
        &self,
        csr_pem: &str,
        id: &str,
        role: Role,
        life: Option<Duration>,
    ) -> Result<(String, Certificate), Failure> {
        let request = IssueRequest {
            node_id: id,
            role,
            // Nobody judges a node by its host's name.
            sans: &[],
            lifetime: life.unwrap_or(Duration::from_millis(self.cluster.certificate_life_ms)),
            now_ms: self.now_ms,
        };
        let signed = self.root.sign(csr_pem, &request, &self.intermediates_pem());
        let signed = signed.map_err(|error| refused(&error))?;
        let certificate = Certificate {
            fingerprint: signed.facts.fingerprint,
            key_fingerprint: signed.key_fingerprint,
            issuer: signed.facts.issuer,
            not_before_ms: signed.facts.not_before_ms,
            not_after_ms: signed.facts.not_after_ms,
        };
        Ok((signed.certificate_pem, certificate))
    }

    /// From this root's key, signed by the root before it, down to the oldest that somebody may still trust.
    fn intermediates_pem(&self) -> String {
        let retiring = self.cluster.retiring.iter().rev();
        retiring.map(|root| root.cross_signed.as_str()).collect()
    }

    pub(super) fn roots_pem(&self) -> String {
        trust::roots_pem(&self.cluster)
    }
}

pub(super) fn cluster(context: &Context) -> Result<Cluster, Failure> {
    let cluster = context.replica.read(|state| state.cluster().cloned());
    cluster.ok_or_else(|| Failure::precondition("this cluster is not initialised yet; initialise it first"))
}

/// What is wrong with the request is the caller's to mend, and the rest is this cluster's.
fn refused(error: &IssueError) -> Failure {
    match error {
        IssueError::TooShort | IssueError::Name(_) | IssueError::Request(_) => Failure::invalid(error.to_string()),
        _ => Failure::precondition(error.to_string()),
    }
}

/// The role of the certificate that a node is to have: a manager's from the moment it is wanted as one until it has left
/// the consensus.
pub(super) fn certified_role(node: &Node) -> NodeRole {
    if node.is_in_raft() {
        NodeRole::Manager
    } else {
        NodeRole::Worker
    }
}

/// The role as a certificate says it.
pub(super) fn on_paper(role: NodeRole) -> Role {
    match role {
        NodeRole::Manager => Role::Manager,
        NodeRole::Worker => Role::Worker,
    }
}

/// Addresses of the managers' TLS ports, this one's first: what is issued is issued by the leader. Without the one that
/// asks, which knows its own.
pub(super) fn managers(context: &Context, asks: &str) -> Vec<String> {
    let own = context.config.advertise.clone();
    let others = context.replica.read(|state: &State| -> Vec<String> {
        let nodes = state.nodes().values().filter(|node| node.id.as_str() != asks);
        let serving = nodes.filter(|node| node.role == NodeRole::Manager);
        let addresses = serving.map(|node| node.address.clone());
        addresses
            .filter(|address| !address.is_empty() && *address != own)
            .collect()
    });
    std::iter::once(own.clone()).chain(others).collect()
}

/// `host:port` as it is to be recorded. An empty host stands for the machine that calls.
pub(super) fn address(given: &str, caller_host: &str) -> Result<String, Failure> {
    let address = match given.strip_prefix(':') {
        Some(port) if caller_host.contains(':') => format!("[{caller_host}]:{port}"),
        Some(port) => format!("{caller_host}:{port}"),
        None => given.to_owned(),
    };
    wardroom_state::validate::address(&address)?;
    Ok(address)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use super::*;

    #[test]
    fn an_empty_host_is_the_caller_s() {
        assert_eq!(address("ember:2377", "10.0.0.7").unwrap(), "ember:2377");
        assert_eq!(address(":2377", "10.0.0.7").unwrap(), "10.0.0.7:2377");
        assert_eq!(address(":2377", "fe80::1").unwrap(), "[fe80::1]:2377");
        for bad in ["", "2377", "ember", "ember:0", ":", "a b:1", "\u{1b}:1"] {
            assert!(address(bad, "10.0.0.7").is_err(), "{bad:?}");
        }
    }
}
