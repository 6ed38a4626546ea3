//! How does a cluster go on when its quorum is gone? One manager that has survived is made the only one, with everything
//! it knows. What is begun is finished by the next start: the cluster has no other way on.

use std::time::Duration;

use wardroom_api::v1;
use wardroom_ca::{JoinToken, NodeTls};
use wardroom_manager::state::State;
use wardroom_manager::state::command::{Actor, Command};
use wardroom_manager::state::ids::NodeId;
use wardroom_manager::state::node::{Node as StateNode, Role};
use wardroom_manager::{Manager, Refounding, refound};

use super::begin::start_agent;
use super::init::Addresses;
use super::manifest::{Manifest, NodeRole, Phase};
use super::order::Refusal;
use super::supervisor::{Node, Supervisor, stop_agent};
use super::words;
use crate::node::beginning::{certificate, system};
use crate::node::explain;
use crate::node::keys::Keys;
use crate::report::Report;

/// How long a manager that is alone may take to lead.
const ELECTION: Duration = Duration::from_secs(30);

impl Supervisor {
    /// `wardroom swarm init --force-new-cluster` on a manager.
    pub async fn force_new_cluster(
        &mut self,
        request: &v1::InitRequest,
        actor: &Actor,
    ) -> Result<v1::InitResponse, Refusal> {
        let Node::Member(member) = &self.node else {
            return Err(Refusal::state(words::NOT_PART));
        };
        if member.manifest.role != NodeRole::Manager || !self.home.has_store().map_err(|e| self.cannot_use(&e))? {
            return Err(Refusal::state(format!(
                "{} Only a manager can keep its cluster with --force-new-cluster.",
                words::WORKER
            )));
        }
        let mut manifest = member.manifest.clone();
        if !request.listen.is_empty() || !request.advertise.is_empty() {
            let listen = if request.listen.is_empty() {
                &manifest.listen
            } else {
                &request.listen
            };
            let moved = Addresses::resolve(listen, &request.advertise)?;
            manifest.listen = moved.listen.to_string();
            manifest.advertise = moved.advertise.to_string();
        }
        manifest.phase = Phase::Refounding;
        manifest.managers = vec![manifest.advertise.clone()];
        manifest
            .write(self.home.dir())
            .map_err(|error| self.cannot_use(&error))?;
        self.refound_here(manifest, actor).await?;
        let Node::Member(member) = &self.node else {
            return Err(Refusal::state(words::NOT_PART));
        };
        let token = self.worker_token()?;
        Ok(v1::InitResponse {
            node_id: member.manifest.node_id.clone(),
            worker_token: Some(v1::Confidential::new(token.text().expose().to_vec())),
            address: member.manifest.advertise.clone(),
            unlock_key: None,
        })
    }

    /// What an earlier start left unfinished. A failure is told; asking again, or the next start, repeats it.
    pub async fn finish_refounding(&mut self, manifest: Manifest, tls: NodeTls, keys: Option<Keys>) {
        tracing::warn!("this manager was about to become the only one of its cluster; that is finished now");
        let mut member = self.member(manifest.clone(), tls, keys);
        start_agent(&self.ground, &mut member);
        self.node = Node::Member(Box::new(member));
        if let Err(refusal) = self.refound_here(manifest, &system()).await {
            tracing::error!(%refusal, "the cluster could not be begun anew");
        }
    }

    /// The agent goes on meanwhile: tasks need no manager to run, unless it is to be found elsewhere from now on.
    async fn refound_here(&mut self, mut manifest: Manifest, actor: &Actor) -> Result<(), Refusal> {
        self.switch.lead_to(None);
        let Node::Member(member) = &mut self.node else {
            return Err(Refusal::state(words::NOT_PART));
        };
        if let Some(manager) = member.manager.take() {
            manager.shutdown().await;
        }
        if member.manifest.advertise != manifest.advertise {
            // It knows no manager that is left; it begins anew with the new address.
            stop_agent(member).await;
        }
        member.manifest = manifest.clone();
        member.votes = false;
        member.manager_trouble = None;
        let done = self.lead_anew(&manifest, actor).await;
        let Node::Member(member) = &mut self.node else {
            return Err(Refusal::state(words::NOT_PART));
        };
        if let Err(refusal) = done {
            let why = format!("{refusal}. Repeat `wardroom swarm init --force-new-cluster`.");
            member.manager_trouble = Some(why);
            return Err(refusal);
        }
        manifest.phase = Phase::Member;
        manifest
            .write(self.home.dir())
            .map_err(|error| self.cannot_use(&error))?;
        self.complete(manifest)
    }

    async fn lead_anew(&mut self, manifest: &Manifest, actor: &Actor) -> Result<(), Refusal> {
        let keys = self.keys()?;
        let (config, seams) = (self.ground.manager_config(manifest), self.ground.seams(&self.home)?);
        let refounded = refound(&config, keys.ring(), &seams, Refounding::Survivor).await;
        refounded.map_err(|error| explain(&error))?;
        let Node::Member(member) = &mut self.node else {
            return Err(Refusal::state(words::NOT_PART));
        };
        let manager = self
            .ground
            .start_manager(&self.home, manifest, &keys, &member.tls)
            .await?;
        member.watch_manager(manager.clone());
        self.note_unlock();
        self.issue_for_itself();
        self.lead_alone(&manager, manifest, actor).await
    }

    /// Waits until the manager leads, and tells the state that it is the only one.
    pub async fn lead_alone(&self, manager: &Manager, manifest: &Manifest, actor: &Actor) -> Result<(), Refusal> {
        let mut leadership = manager.leadership();
        let led = self
            .unless_stopped(async {
                let leads = leadership.wait_for(|leadership| leadership.mine);
                matches!(tokio::time::timeout(ELECTION, leads).await, Ok(Ok(_)))
            })
            .await?;
        if !led {
            return Err(Refusal::failure(format!(
                "the manager does not lead after {} s alone: see its log",
                ELECTION.as_secs()
            )));
        }
        let node = self.as_only_manager(manager, manifest)?;
        let command = Command::ForceNewCluster { node };
        let proposed = self
            .unless_stopped(manager.proposer().propose(actor.clone(), command))
            .await?;
        proposed
            .map(|_| ())
            .map_err(|error| Refusal::failure(error.to_string()))
    }

    /// The node as the state has it, or as it is to have it; at the address and with the certificate of now.
    fn as_only_manager(&self, manager: &Manager, manifest: &Manifest) -> Result<StateNode, Refusal> {
        let id = NodeId::new(&manifest.node_id);
        let known = manager.replica().read(|state: &State| state.nodes().get(&id).cloned());
        let Some(mut node) = known else {
            return self.own_node(manifest);
        };
        let Node::Member(member) = &self.node else {
            return Err(Refusal::state(words::NOT_PART));
        };
        node.role = Role::Manager;
        node.desired_role = Role::Manager;
        node.raft_id = manifest.raft_id;
        node.address.clone_from(&manifest.advertise);
        node.certificate = certificate(&member.tls);
        Ok(node)
    }

    fn keys(&self) -> Result<Keys, Refusal> {
        let keys = match &self.node {
            Node::Member(member) => member.keys.clone(),
            _ => None,
        };
        keys.ok_or_else(|| {
            Refusal::failure("this manager has no keyring: put back its data directory, or restore a backup")
        })
    }

    /// The token by which workers join, opened from what this manager holds.
    fn worker_token(&self) -> Result<JoinToken, Refusal> {
        let Node::Member(member) = &self.node else {
            return Err(Refusal::state(words::NOT_PART));
        };
        let cluster = member
            .manager
            .as_ref()
            .and_then(|manager| manager.replica().read(|state| state.cluster().cloned()));
        let cluster = cluster.ok_or_else(|| Report::failure("this manager knows no cluster"))?;
        let keys = self.keys()?.ring();
        let sealed = &cluster.token(Role::Worker).sealed_secret;
        let secret = keys
            .sealing_root()
            .open_join_secret(cluster.id.as_str(), Role::Worker.as_str(), sealed);
        let secret = secret.map_err(|error| explain(&error))?;
        let root = member.manager.as_ref().map(|manager| manager.root(&cluster));
        let Some(Ok(root)) = root else {
            return Err(Refusal::failure(
                "the root of this cluster does not open: put back its keyring",
            ));
        };
        JoinToken::from_parts(root.certificate_der(), secret).map_err(|error| Refusal::failure(error.to_string()))
    }
}
