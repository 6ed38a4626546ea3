//! What happens with a new certificate? It is proven to be this node's, written down before it is shown, and may bring
//! another role: then a manager begins or ends, and the agent goes on as if nothing had happened.

use wardroom_api::v1;
use wardroom_ca::{KeyRequest, NodeFiles};
use wardroom_keys::{Keyring, SecretBytes};
use wardroom_manager::{FetchError, fetch_keys};

use super::call::CallFailure;
use super::home::cannot_use;
use super::manifest::NodeRole;
use super::member::Member;
use super::news::News;
use super::reconsider::{addresses, show};
use super::step::{Turn, turn};
use super::supervisor::{Node, Supervisor};
use crate::node::explain;
use crate::report::Report;

/// How a manager tells a node that was removed.
const REMOVED: &str = "was removed from swarm";

/// What became of a certificate.
enum Taken {
    Shown,
    /// It is a manager's, and waits for the cluster's keys.
    Waits,
}

impl Supervisor {
    /// The answer to a request for a new certificate.
    pub async fn renewed(&mut self, asked: KeyRequest, answer: Result<v1::RenewResponse, CallFailure>) {
        let Node::Member(member) = &mut self.node else { return };
        member.is_asking = false;
        let taken = match answer {
            Ok(answer) => self.take_certificate(asked.key, answer).await,
            Err(CallFailure::Refused(status)) if status.message().contains(REMOVED) => {
                return self.gone(status.message()).await;
            }
            Err(failure) => Err(Report::failure(failure.to_string())),
        };
        let Node::Member(member) = &mut self.node else { return };
        match taken {
            Ok(Taken::Shown) => self.note_renewal(),
            // The keys come first; the answer to that brings the node here again.
            Ok(Taken::Waits) => {}
            Err(report) => {
                tracing::warn!(%report, "no new certificate yet; it is tried again");
                member.renewal_failed();
            }
        }
    }

    /// One that brought what was wanted is the end of it; a demotion brings its own only when the consensus has let go.
    fn note_renewal(&mut self) {
        let Node::Member(member) = &mut self.node else { return };
        member.watch_certificate(&self.ground);
        let role = member.role();
        if member.told().desired_role.is_some_and(|desired| desired != role) {
            member.renewal_failed();
        } else {
            member.renewal.trial.succeeded();
        }
        tracing::info!(role = role.unit(), "this node has a new certificate");
    }

    async fn take_certificate(&mut self, key: SecretBytes, answer: v1::RenewResponse) -> Result<Taken, Report> {
        let Node::Member(member) = &mut self.node else {
            return Ok(Taken::Shown);
        };
        let files = NodeFiles {
            root_pem: answer.roots_pem,
            certificate_pem: answer.certificate_pem,
            key,
        };
        let proven = self.ground.tls(&files)?.identity();
        let of_this_node = proven.node_id == member.manifest.node_id && proven.cluster_id == member.manifest.cluster_id;
        let Some(role) = NodeRole::of(proven.role).filter(|_| of_this_node) else {
            return Err(Report::failure(format!(
                "a manager sent a certificate for {proven}, which is not this node"
            )));
        };
        let turn = turn(member.role(), proven.role);
        // A manager's number is on disk before its certificate: a crash in between leaves a worker that asks again.
        let is_another = member.manifest.raft_id != 0 && member.manifest.raft_id != answer.raft_id;
        if role == NodeRole::Manager && is_another {
            // It was taken out of the consensus and wanted again while it was away: it begins anew.
            self.end_manager().await?;
        }
        let Node::Member(member) = &mut self.node else {
            return Ok(Taken::Shown);
        };
        if role == NodeRole::Manager {
            member.manifest.raft_id = answer.raft_id;
            if !answer.address.is_empty() {
                member.manifest.advertise = answer.address;
            }
        }
        if !answer.managers.is_empty() {
            member.manifest.managers = answer.managers;
        }
        let write = |member: &Member| {
            let written = member.manifest.write(self.home.dir());
            written.map_err(|error| cannot_use(self.home.dir(), &error))
        };
        write(member)?;
        if turn == Turn::Promote {
            self.ask_for_keys_first(files)?;
            return Ok(Taken::Waits);
        }
        show(member, &self.home.identity(), &files, role)?;
        if turn == Turn::Demote {
            self.demote().await?;
        }
        Ok(Taken::Shown)
    }

    /// A cluster may lock, and then this key must never lie on the disk in clear: the keyring that seals it comes first. The
    /// certificate is shown to the managers for that alone; until it is saved this node is a worker.
    fn ask_for_keys_first(&mut self, files: NodeFiles) -> Result<(), Report> {
        let (tls, seams) = (self.ground.tls(&files)?, self.ground.seams(&self.home)?);
        let Node::Member(member) = &mut self.node else {
            return Ok(());
        };
        let (manifest, addresses) = (member.manifest.clone(), addresses(member));
        tracing::info!(node = manifest.node_id, "asking for the cluster's keys");
        member.ask(async move {
            let answer = fetch_keys(&seams, &tls, &manifest.cluster_id, &manifest.node_id, &addresses).await;
            News::Promoted(Box::new(files), answer)
        });
        Ok(())
    }

    /// A worker with a manager's certificate has the cluster's keys, or has not: then it asks for another certificate.
    pub fn promoted(&mut self, files: &NodeFiles, answer: Result<Keyring, FetchError>) {
        let Node::Member(member) = &mut self.node else { return };
        member.is_asking = false;
        let made = answer
            .map_err(|error| explain(&error))
            .and_then(|keyring| self.ground.create_keys(&self.home, keyring));
        let shown = made.and_then(|keys| {
            member.take_keys(keys);
            member.manifest.role = NodeRole::Manager;
            let written = member.manifest.write(self.home.dir());
            written.map_err(|error| cannot_use(self.home.dir(), &error))?;
            show(member, &self.home.identity(), files, NodeRole::Manager)
        });
        match shown {
            Ok(()) => {
                tracing::info!("this node becomes a manager");
                self.note_renewal();
            }
            Err(report) => {
                tracing::warn!(%report, "this node is no manager yet; it is tried again");
                // Nothing of it is used: the keys that come next are other ones.
                member.manifest.role = NodeRole::Worker;
                member.keys = None;
                if let Err(error) = self.home.wipe_store() {
                    tracing::warn!(%error, "what was begun could not be removed; it is before the next try");
                }
                member.renewal_failed();
            }
        }
    }

    /// It has left the consensus, and shows a worker's certificate already: what it knew as a manager goes.
    async fn demote(&mut self) -> Result<(), Report> {
        self.end_manager().await?;
        let Node::Member(member) = &mut self.node else {
            return Ok(());
        };
        member.manifest.role = NodeRole::Worker;
        member.manifest.raft_id = 0;
        let written = member.manifest.write(self.home.dir());
        written.map_err(|error| cannot_use(self.home.dir(), &error))?;
        tracing::info!("this node is a worker from now on");
        Ok(())
    }

    /// Nothing of a manager runs, and nothing of it is left on disk.
    async fn end_manager(&mut self) -> Result<(), Report> {
        self.switch.lead_to(None);
        let Node::Member(member) = &mut self.node else {
            return Ok(());
        };
        if let Some(manager) = member.manager.take() {
            manager.shutdown().await;
        }
        member.votes = false;
        member.keys = None;
        member.manager_trouble = None;
        member.starting.succeeded();
        let wiped = self.home.wipe_store();
        wiped.map_err(|error| cannot_use(self.home.dir(), &error))
    }
}
