//! How does a machine come in? It proves the cluster by the pin in its token, shows the token and a request for its key,
//! and is given an identity. The key is on disk before the first try: whoever tries again is the same node.

use std::time::Duration;

use wardroom_api::v1;
use wardroom_ca::{JoinTls, JoinToken, KeyRequest, KeyRest, NodeFiles};
use wardroom_keys::SecretBytes;

use super::call::{self, CallFailure};
use super::init::Addresses;
use super::manifest::{Manifest, NodeRole, Phase};
use super::order::{Refusal, Reply};
use super::parts::VERSION;
use super::step::to_ask;
use super::supervisor::{Node, Supervisor, stop_agent};
use super::{address, interfaces, words};
use crate::node::explain;
use crate::node::keys::Keys;
use crate::report::Report;

/// How long the administrator waits for the node to be counted in; it goes on trying without them.
const PATIENCE: Duration = Duration::from_secs(20);

/// A machine that asks to be let in, and what it is told.
struct Joiner {
    key: KeyRequest,
    /// The node it is already, if it comes back to its cluster.
    before: Option<Manifest>,
    listen: String,
    /// Known if somebody said it, or if only one address is listened at.
    advertise: Option<String>,
    remotes: Vec<String>,
    availability: i32,
}

impl Supervisor {
    pub async fn join(&mut self, request: v1::JoinRequest, reply: Reply<v1::JoinResponse>) {
        match self.enter_cluster(request).await {
            Ok(response) => {
                if let Node::Member(member) = &mut self.node {
                    member.wait(response, reply, PATIENCE);
                }
            }
            Err(refusal) => {
                let _ = reply.send(Err(refusal));
            }
        }
    }

    async fn enter_cluster(&mut self, mut request: v1::JoinRequest) -> Result<v1::JoinResponse, Refusal> {
        let before = self.comes_back()?;
        if before.is_none() {
            self.home.check_empty()?;
        }
        let text = SecretBytes::new(request.token.take().map(|mut token| token.take()).unwrap_or_default());
        let token = JoinToken::parse(text.expose()).map_err(|error| Refusal::invalid(error.to_string()))?;
        if request.remotes.is_empty() {
            return Err(Refusal::invalid(
                "no manager to join at is named: add the HOST:PORT of one",
            ));
        }
        let joiner = self.joiner(before, request)?;
        let answer = self
            .unless_stopped(self.ask_to_come_in(&token, &text, &joiner))
            .await??;
        drop((token, text));
        self.take_in(joiner, answer).await
    }

    /// A node may join where it is none; and one whose certificate has expired may come back to its own cluster.
    fn comes_back(&self) -> Result<Option<Manifest>, Refusal> {
        match &self.node {
            Node::None => Ok(None),
            Node::Member(member) if member.tls.facts().not_after_ms <= self.ground.clock.now_ms() => {
                Ok(Some(member.manifest.clone()))
            }
            Node::Locked(_) => Err(Refusal::state(format!(
                "{}, or leave its cluster with `--force`.",
                words::UNLOCK_FIRST
            ))),
            _ => Err(Refusal::state(words::ALREADY)),
        }
    }

    fn joiner(&self, before: Option<Manifest>, request: v1::JoinRequest) -> Result<Joiner, Refusal> {
        let (listen, advertise) = match &before {
            Some(manifest) => (manifest.listen.clone(), Some(manifest.advertise.clone())),
            None => addresses(&request.listen, &request.advertise)?,
        };
        let key = if before.is_some() {
            KeyRequest::with_key(self.own_files()?.key).map_err(|error| explain(&error))?
        } else {
            self.home.joining_key(&*self.ground.chance)?
        };
        Ok(Joiner {
            key,
            before,
            listen,
            advertise,
            remotes: request.remotes,
            availability: request.availability,
        })
    }

    async fn ask_to_come_in(
        &self,
        token: &JoinToken,
        text: &SecretBytes,
        joiner: &Joiner,
    ) -> Result<v1::AdmitResponse, Refusal> {
        let tls = JoinTls::new(token.pin(), self.ground.clock.clone());
        let message = v1::AdmitRequest {
            token: Some(v1::Confidential::new(text.expose().to_vec())),
            csr_pem: joiner.key.csr_pem.clone(),
            hostname: self.ground.hostname.clone(),
            address: joiner.address(),
            availability: joiner.availability,
            runs_tasks: true,
            version: VERSION.to_owned(),
        };
        let own = |root_pem: &str| self.check_own_cluster(joiner, root_pem);
        let admitted = call::admit(&self.ground, &tls, &joiner.remotes, &message, own).await;
        admitted.map_err(|failure| match failure {
            CallFailure::Refused(status) => Refusal::from(status),
            CallFailure::Unproven(reason) => Refusal::state(reason),
            other => Refusal::unreachable(format!(
                "{other}. Nothing has changed here; try again with the same command"
            )),
        })
    }

    /// A node that comes back shows its key only to the cluster it is of.
    fn check_own_cluster(&self, joiner: &Joiner, root_pem: &str) -> Result<(), tonic::Status> {
        if joiner.before.is_none() {
            return Ok(());
        }
        let tls = self.own_files().and_then(|files| self.ground.tls(&files));
        let is_own = tls.map_err(Refusal::from)?.trust(root_pem).is_ok();
        if is_own {
            Ok(())
        } else {
            Err(Refusal::state(words::ALREADY).into())
        }
    }

    /// Admitted: what makes this node is written down in an order that the next start can finish or undo.
    async fn take_in(&mut self, joiner: Joiner, answer: v1::AdmitResponse) -> Result<v1::JoinResponse, Refusal> {
        let files = NodeFiles {
            root_pem: answer.roots_pem,
            certificate_pem: answer.certificate_pem,
            key: joiner.key.key,
        };
        let proven = self.ground.tls(&files)?.identity();
        let role = NodeRole::of(proven.role);
        let is_ours = proven.node_id == answer.node_id && proven.cluster_id == answer.cluster_id;
        let Some(role) = role.filter(|_| is_ours) else {
            return Err(Refusal::failure(format!(
                "a manager sent a certificate for {proven}, which is not this node"
            )));
        };
        let phase = if joiner.before.is_some() {
            Phase::Member
        } else {
            Phase::Joining
        };
        let mut manifest = Manifest {
            raft_id: answer.raft_id,
            listen: joiner.listen,
            advertise: answer.address,
            managers: to_ask(&answer.managers, &joiner.remotes),
            ..Manifest::new(phase, answer.cluster_id, answer.node_id, role)
        };
        let mut keys = None;
        if let Some(before) = &joiner.before {
            manifest.pace = before.pace;
            keys = self.set_down().await;
            if before.raft_id != manifest.raft_id || role == NodeRole::Worker {
                keys = None; // of a voter that this node is no more
            }
        }
        if let Err(report) = self.write_down(joiner.before.as_ref(), &manifest, &files, keys.as_ref()) {
            let refusal = Refusal::from(report);
            if joiner.before.is_some() || self.is_saved(&manifest) {
                let why = format!(
                    "{}. Then start the daemon again, or run `wardroom swarm leave`",
                    refusal.text
                );
                self.node = Node::Broken { manifest, why };
            }
            return Err(refusal);
        }
        let response = v1::JoinResponse {
            node_id: manifest.node_id.clone(),
            role: match role {
                NodeRole::Manager => v1::Role::Manager,
                NodeRole::Worker => v1::Role::Worker,
            }
            .into(),
        };
        tracing::info!(
            cluster = manifest.cluster_id,
            node = manifest.node_id,
            ?role,
            "this node was admitted"
        );
        match keys {
            Some(keys) => self.take_up(manifest, Some(keys)).await,
            None => self.enter(manifest).await,
        }
        match &self.node {
            Node::Member(_) => Ok(response),
            Node::Locked(_) => Err(Refusal::state(words::LOCKED)),
            Node::Broken { why, .. } => Err(Refusal::state(why.clone())),
            Node::None => Err(Refusal::state(words::NOT_PART)),
        }
    }

    /// What of it is on disk after an error is still a node: the one that came back, or the one that has its certificate.
    pub fn write_down(
        &self,
        before: Option<&Manifest>,
        manifest: &Manifest,
        files: &NodeFiles,
        keys: Option<&Keys>,
    ) -> Result<(), Report> {
        if before.is_some_and(|before| before.raft_id != manifest.raft_id) {
            // It was taken out of the consensus while it was away: what it kept is another voter's, and it begins anew.
            self.home.wipe_store().map_err(|error| self.cannot_use(&error))?;
        }
        let written = manifest.write(self.home.dir());
        written.map_err(|error| self.cannot_use(&error))?;
        let saved = match keys {
            Some(keys) => keys.save_node(files),
            None => files.save(&self.home.identity(), &KeyRest::Clear),
        };
        saved.map_err(|error| explain(&error))
    }

    /// This node as it was saved, with its key.
    fn own_files(&self) -> Result<NodeFiles, Report> {
        let keys = match &self.node {
            Node::Member(member) => member.keys.as_ref(),
            _ => None,
        };
        let files = match keys {
            Some(keys) => keys.load_node(),
            None => NodeFiles::load(&self.home.identity(), None),
        };
        files.map_err(|error| explain(&error))
    }

    /// Nothing of this node runs any more; what it has on disk stays. Returns its keys.
    pub async fn set_down(&mut self) -> Option<Keys> {
        self.switch.lead_to(None);
        let Node::Member(mut member) = std::mem::replace(&mut self.node, Node::None) else {
            return None;
        };
        stop_agent(&mut member).await;
        if let Some(manager) = member.manager.take() {
            manager.shutdown().await;
        }
        member.keys.take()
    }
}

impl Joiner {
    /// As the managers are to record it; an empty host stands for the machine that calls.
    fn address(&self) -> String {
        if let Some(advertise) = &self.advertise {
            return advertise.clone();
        }
        let port = self.listen.rsplit_once(':').map_or("", |(_, port)| port);
        format!(":{port}")
    }
}

/// What to listen at; and where to be reached, unless the managers are to see that for themselves.
fn addresses(listen: &str, advertise: &str) -> Result<(String, Option<String>), Refusal> {
    if !advertise.is_empty() {
        let Addresses { listen, advertise } = Addresses::resolve(listen, advertise)?;
        return Ok((listen.to_string(), Some(advertise.to_string())));
    }
    let known = interfaces::all()
        .map_err(|error| Refusal::failure(format!("this machine does not tell its addresses: {error}")))?;
    let listen = address::listen(listen, &known).map_err(|error| Refusal::invalid(error.to_string()))?;
    let only = (!listen.ip().is_unspecified()).then(|| listen.to_string());
    Ok((listen.to_string(), only))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use wardroom_keys::SeededChance;

    use super::*;

    fn joiner(listen: &str, advertise: &str) -> Result<Joiner, Refusal> {
        let (listen, advertise) = addresses(listen, advertise)?;
        Ok(Joiner {
            key: KeyRequest::generate(&SeededChance::new(1)),
            before: None,
            listen,
            advertise,
            remotes: Vec::new(),
            availability: 0,
        })
    }

    #[test]
    fn where_it_is_reached_is_said_or_seen() {
        let address = |listen, advertise| joiner(listen, advertise).map(|joiner| joiner.address());
        assert_eq!(
            address("", "").unwrap(),
            ":2377",
            "the managers see where the call comes from"
        );
        assert_eq!(address("0.0.0.0:4000", "").unwrap(), ":4000");
        assert_eq!(address("127.0.0.2:4000", "").unwrap(), "127.0.0.2:4000");
        assert_eq!(address("0.0.0.0:4000", "192.0.2.9").unwrap(), "192.0.2.9:4000");
        assert!(address("", "0.0.0.0").is_err());
    }
}
