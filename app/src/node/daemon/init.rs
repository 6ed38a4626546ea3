//! How does a machine become the first of a cluster? Its root, keys and identity are made and written down, one manager
//! begins the consensus alone, and only then is anybody told. A crash before that leaves nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use wardroom_api::v1;
use wardroom_ca::{JoinToken, Root};
use wardroom_keys::SealingRoot;
use wardroom_manager::state::cluster::Cluster;
use wardroom_manager::state::command::{Actor, Command};
use wardroom_manager::state::ids::NodeId;
use wardroom_manager::state::node::{Availability, Node as Member, NodeState, Role};
use wardroom_manager::state::refusal::Refusal as StateRefusal;
use wardroom_manager::state::validate;
use wardroom_manager::{Manager, Peer};

use super::begin::start_agent;
use super::manifest::{Manifest, NodeRole, Phase};
use super::order::Refusal;
use super::parts::VERSION;
use super::supervisor::{Node, Supervisor};
use super::{address, autolock, interfaces, words};
use crate::node::beginning::{Founding, certificate, id};
use crate::node::explain;
use crate::node::issuer::Issuer;
use crate::node::keys::Keys;
use crate::report::Report;

/// What a cluster is called that nobody named.
const NAME: &str = "default";

/// Where a node listens, and where it is reached.
pub struct Addresses {
    pub listen: SocketAddr,
    pub advertise: SocketAddr,
}

impl Addresses {
    /// By Docker's rules, on this machine as it is now. Empty texts stand for the defaults.
    pub fn resolve(listen: &str, advertise: &str) -> Result<Self, Refusal> {
        let known = interfaces::all()
            .map_err(|error| Refusal::failure(format!("this machine does not tell its addresses: {error}")))?;
        let refused = |error: address::AddressError| Refusal::invalid(error.to_string());
        let listen = address::listen(listen, &known).map_err(refused)?;
        let advertise = if advertise.is_empty() {
            address::chosen(listen, &known)
        } else {
            address::named(advertise, listen, &known)
        };
        Ok(Self {
            listen,
            advertise: advertise.map_err(refused)?,
        })
    }
}

/// A cluster that is about to be.
struct Wanted {
    name: String,
    availability: Availability,
    addresses: Addresses,
    settings: v1::InitRequest,
}

impl Supervisor {
    pub async fn init(&mut self, request: v1::InitRequest, actor: &Actor) -> Result<v1::InitResponse, Refusal> {
        match &self.node {
            Node::None => {}
            Node::Locked(_) if request.force_new_cluster => {
                let text = format!("{}, then repeat --force-new-cluster.", words::UNLOCK_FIRST);
                return Err(Refusal::state(text));
            }
            _ if request.force_new_cluster => return self.force_new_cluster(&request, actor).await,
            _ => return Err(Refusal::state(words::ALREADY)),
        }
        self.home.check_empty()?;
        validate::hostname(&self.ground.hostname).map_err(|refusal| Refusal::invalid(refusal.to_string()))?;
        check(&request)?;
        let wanted = Wanted {
            name: if request.name.is_empty() {
                NAME.to_owned()
            } else {
                request.name.clone()
            },
            availability: availability(request.availability()),
            addresses: Addresses::resolve(&request.listen, &request.advertise)?,
            settings: request,
        };
        match self.found(&wanted, actor).await {
            Ok(response) => Ok(response),
            Err(refusal) => {
                self.undo().await;
                Err(refusal)
            }
        }
    }

    async fn found(&mut self, wanted: &Wanted, actor: &Actor) -> Result<v1::InitResponse, Refusal> {
        let (ground, now_ms) = (self.ground.clone(), self.ground.clock.now_ms());
        let chance = &*ground.chance;
        let manifest = Manifest {
            raft_id: chance.next_u64().max(1),
            listen: wanted.addresses.listen.to_string(),
            advertise: wanted.addresses.advertise.to_string(),
            managers: vec![wanted.addresses.advertise.to_string()],
            ..Manifest::new(Phase::Founding, id(chance), id(chance), NodeRole::Manager)
        };
        manifest
            .write(self.home.dir())
            .map_err(|error| self.cannot_use(&error))?;
        let root = Root::create(&manifest.cluster_id, &*ground.clock, chance).map_err(|error| explain(&error))?;
        let sealing_root = SealingRoot::generate(chance);
        let (founding, token) = Founding::of(&root, &sealing_root, now_ms, chance);
        let cluster = settled(founding.cluster(&manifest.cluster_id, &wanted.name), &wanted.settings);
        let keyring = autolock::first(&manifest, &sealing_root, wanted.settings.autolock, &ground);
        let keys = ground.create_keys(&self.home, keyring)?;
        let manager = self
            .first_manager(&manifest, &keys, &Issuer::new(root, &cluster))
            .await?;
        let mut node = self.own_node(&manifest)?;
        node.availability = wanted.availability;
        let first_change = Command::Bootstrap {
            cluster,
            nodes: vec![node],
        };
        self.initialize(&manager, &manifest, actor, first_change).await?;
        let unlock_key = if wanted.settings.autolock {
            Some(self.lock_cluster(&manager, &keys, actor).await?)
        } else {
            None
        };
        let mut response = self.settle_in(manifest, &token)?;
        response.unlock_key = unlock_key;
        Ok(response)
    }

    /// The first manager of a cluster or of its restored image, on an identity that is issued here and now. It is this
    /// machine's from here on, so that what fails later can be undone.
    pub async fn first_manager(
        &mut self,
        manifest: &Manifest,
        keys: &Keys,
        issuer: &Issuer,
    ) -> Result<Manager, Report> {
        let now_ms = self.ground.clock.now_ms();
        let files = issuer.issue(
            &manifest.node_id,
            wardroom_ca::Role::Manager,
            &[],
            now_ms,
            &*self.ground.chance,
        );
        let files = files.map_err(|error| explain(&error))?;
        keys.save_node(&files).map_err(|error| explain(&error))?;
        let tls = self.ground.tls(&files)?;
        let manager = self.ground.start_manager(&self.home, manifest, keys, &tls).await?;
        let mut member = self.member(manifest.clone(), tls, Some(keys.clone()));
        member.watch_manager(manager.clone());
        self.node = Node::Member(Box::new(member));
        Ok(manager)
    }

    async fn initialize(
        &self,
        manager: &Manager,
        manifest: &Manifest,
        actor: &Actor,
        first_change: Command,
    ) -> Result<(), Refusal> {
        let peer = Peer {
            address: manifest.advertise.clone(),
            node_id: manifest.node_id.clone(),
        };
        let members = BTreeMap::from([(manifest.raft_id, peer)]);
        let begun = self
            .unless_stopped(manager.initialize(members, actor.clone(), first_change))
            .await?;
        begun.map(|_| ()).map_err(|error| Refusal::failure(error.to_string()))
    }

    /// This machine's node as the state is to have it, with the certificate that it shows now.
    pub fn own_node(&self, manifest: &Manifest) -> Result<Member, Refusal> {
        let Node::Member(member) = &self.node else {
            return Err(Refusal::state(words::NOT_PART));
        };
        let now_ms = self.ground.clock.now_ms();
        Ok(Member {
            id: NodeId::new(&manifest.node_id),
            hostname: self.ground.hostname.clone(),
            role: Role::Manager,
            desired_role: Role::Manager,
            availability: Availability::Active,
            state: NodeState::Ready,
            message: String::new(),
            state_since_ms: now_ms,
            address: manifest.advertise.clone(),
            raft_id: manifest.raft_id,
            runs_tasks: true,
            version: VERSION.to_owned(),
            labels: BTreeMap::new(),
            certificate: certificate(&member.tls),
            created_at_ms: now_ms,
            version_index: 0,
        })
    }

    /// The cluster is there: from here on it is kept, and its node runs whole.
    fn settle_in(&mut self, mut manifest: Manifest, token: &JoinToken) -> Result<v1::InitResponse, Refusal> {
        manifest.phase = Phase::Member;
        manifest
            .write(self.home.dir())
            .map_err(|error| self.cannot_use(&error))?;
        let (node_id, address) = (manifest.node_id.clone(), manifest.advertise.clone());
        tracing::info!(
            cluster = manifest.cluster_id,
            node = node_id,
            address,
            "a cluster was founded"
        );
        self.complete(manifest)?;
        Ok(v1::InitResponse {
            node_id,
            worker_token: Some(v1::Confidential::new(token.text().expose().to_vec())),
            address,
            unlock_key: None,
        })
    }

    /// The manager runs and leads; now the rest of its node does.
    pub fn complete(&mut self, manifest: Manifest) -> Result<(), Refusal> {
        let Node::Member(mut member) = std::mem::replace(&mut self.node, Node::None) else {
            return Err(Refusal::state(words::NOT_PART));
        };
        member.manifest = manifest;
        member.votes = true;
        if let Some(manager) = &member.manager {
            self.switch.lead_to(Some(manager.local_routes()));
        }
        if member.agent.is_none() {
            start_agent(&self.ground, &mut member);
        }
        self.node = Node::Member(member);
        Ok(())
    }

    /// What was begun in vain is taken back.
    pub async fn undo(&mut self) {
        self.switch.lead_to(None);
        if let Node::Member(member) = std::mem::replace(&mut self.node, Node::None)
            && let Some(manager) = &member.manager
        {
            manager.shutdown().await;
        }
        if let Err(error) = self.home.wipe() {
            tracing::error!(%error, "what was begun could not be removed; the next start does");
        }
    }
}

/// What the state would refuse is refused before anything is made.
fn check(request: &v1::InitRequest) -> Result<(), Refusal> {
    let check = |value: u64, check: fn(u64) -> Result<(), StateRefusal>| match value {
        0 => Ok(()),
        value => check(value).map_err(|refusal| Refusal::invalid(refusal.to_string())),
    };
    check(request.certificate_life_ms, validate::certificate_life)?;
    check(request.heartbeat_ms, validate::heartbeat)?;
    check(request.snapshot_every, validate::snapshot_every)
}

/// The cluster with what was asked for; 0 stands for what it has.
fn settled(mut cluster: Cluster, asked: &v1::InitRequest) -> Cluster {
    let set = |value: &mut u64, asked: u64| {
        if asked != 0 {
            *value = asked;
        }
    };
    set(&mut cluster.certificate_life_ms, asked.certificate_life_ms);
    set(&mut cluster.heartbeat_ms, asked.heartbeat_ms);
    set(&mut cluster.snapshot_every, asked.snapshot_every);
    if asked.task_history != 0 {
        cluster.task_history = asked.task_history;
    }
    cluster
}

fn availability(asked: v1::Availability) -> Availability {
    match asked {
        v1::Availability::Unspecified | v1::Availability::Active => Availability::Active,
        v1::Availability::Pause => Availability::Pause,
        v1::Availability::Drain => Availability::Drain,
    }
}
