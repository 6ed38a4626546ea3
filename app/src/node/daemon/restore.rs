//! How does a cluster begin again from a backup? On a machine without a node, as its only manager, with a new identity
//! under the cluster's own root. Until it leads, a crash leaves nothing.

use wardroom_api::v1;
use wardroom_ca::Root;
use wardroom_keys::{SealingRoot, SecretBytes};
use wardroom_manager::backup::{self, Key, Opened};
use wardroom_manager::state::cluster::Cluster;
use wardroom_manager::state::command::Actor;
use wardroom_manager::{Refounding, refound};

use super::init::Addresses;
use super::manifest::{Manifest, NodeRole, Phase};
use super::order::{Refusal, Restore};
use super::supervisor::{Node, Supervisor};
use super::{autolock, words};
use crate::node::beginning::id;
use crate::node::explain;
use crate::node::issuer::Issuer;
use crate::report::Report;

/// What a restored cluster is made of besides its state.
struct Remains {
    cluster: Cluster,
    sealing_root: SealingRoot,
    secrets: u64,
    index: u64,
}

impl Supervisor {
    pub async fn restore(&mut self, restore: Restore, actor: &Actor) -> Result<v1::RestoreResponse, Refusal> {
        if matches!(self.node, Node::Locked(_)) {
            return Err(Refusal::state(format!(
                "{}, or leave its cluster with `--force`.",
                words::UNLOCK_FIRST
            )));
        }
        if !matches!(self.node, Node::None) {
            return Err(Refusal::state(words::ALREADY));
        }
        self.home.check_empty()?;
        let addresses = Addresses::resolve(&restore.head.listen, &restore.head.advertise)?;
        let key = key(restore.head)?;
        let file = restore.file;
        // A passphrase is worth a second of work; others go on meanwhile.
        let opening = tokio::task::spawn_blocking(move || backup::open(&file, &key));
        let opened = self.unless_stopped(opening).await?;
        let opened = opened.map_err(|panic| Refusal::failure(format!("the backup could not be read: {panic}")))?;
        let opened = opened.map_err(|error| Refusal::invalid(error.to_string()))?;
        match self.begin_again(opened, &addresses, actor).await {
            Ok(response) => Ok(response),
            Err(refusal) => {
                self.undo().await;
                Err(refusal)
            }
        }
    }

    async fn begin_again(
        &mut self,
        opened: Opened,
        addresses: &Addresses,
        actor: &Actor,
    ) -> Result<v1::RestoreResponse, Refusal> {
        let ground = self.ground.clone();
        let chance = &*ground.chance;
        let mut manifest = Manifest {
            raft_id: loop {
                let drawn = chance.next_u64();
                if drawn != 0 && !opened.state.raft_id_used(drawn) {
                    break drawn;
                }
            },
            listen: addresses.listen.to_string(),
            advertise: addresses.advertise.to_string(),
            managers: vec![addresses.advertise.to_string()],
            ..Manifest::new(
                Phase::Founding,
                opened.cluster_id.clone(),
                id(chance),
                NodeRole::Manager,
            )
        };
        let remains = remains(&opened)?;
        manifest
            .write(self.home.dir())
            .map_err(|error| self.cannot_use(&error))?;
        let keyring = autolock::restored(&manifest, &remains.sealing_root, &opened.state, &ground)?;
        let keys = ground.create_keys(&self.home, keyring)?;
        let (config, seams) = (ground.manager_config(&manifest), ground.seams(&self.home)?);
        let refounded = refound(&config, keys.ring(), &seams, Refounding::State(Box::new(opened.state))).await;
        refounded.map_err(|error| explain(&error))?;
        let issuer = issuer(&remains)?;
        let manager = self.first_manager(&manifest, &keys, &issuer).await?;
        self.lead_alone(&manager, &manifest, actor).await?;
        manifest.phase = Phase::Member;
        manifest
            .write(self.home.dir())
            .map_err(|error| self.cannot_use(&error))?;
        let response = v1::RestoreResponse {
            node_id: manifest.node_id.clone(),
            index: remains.index,
            secrets: remains.secrets,
            address: manifest.advertise.clone(),
        };
        tracing::warn!(
            cluster = manifest.cluster_id,
            index = remains.index,
            "a cluster was restored from a backup"
        );
        self.complete(manifest)?;
        Ok(response)
    }
}

/// One of both, as the backup was made for.
fn key(mut head: v1::RestoreHead) -> Result<Key, Refusal> {
    let secret = |part: Option<v1::Confidential>| part.map(|mut part| SecretBytes::new(part.take()));
    match (secret(head.passphrase.take()), secret(head.identity.take())) {
        (Some(passphrase), None) => Ok(Key::Passphrase(passphrase)),
        (None, Some(identity)) => Ok(Key::Identity(identity)),
        _ => Err(Refusal::invalid(
            "give the passphrase of the backup, or the identity that opens it, and not both",
        )),
    }
}

fn remains(opened: &Opened) -> Result<Remains, Report> {
    let broken = |what: &str| Report::failure(format!("{what}: take another backup"));
    let cluster = opened
        .state
        .cluster()
        .cloned()
        .ok_or_else(|| broken("the backup is of no cluster"))?;
    let sealing_root = SealingRoot::from_bytes(&opened.sealing_root);
    Ok(Remains {
        cluster,
        sealing_root: sealing_root.ok_or_else(|| broken("the backup has no sealing root"))?,
        secrets: opened.state.secrets().len() as u64,
        index: opened.index,
    })
}

/// The cluster's newest root, whose key stands sealed in its state.
fn issuer(remains: &Remains) -> Result<Issuer, Report> {
    let cluster = &remains.cluster;
    let key = remains
        .sealing_root
        .open_root_key(cluster.id.as_str(), &cluster.sealed_root_key);
    let key = key.map_err(|error| explain(&error))?;
    let root = Root::from_parts(&cluster.root_certificate, key).map_err(|error| explain(&error))?;
    Ok(Issuer::new(root, cluster))
}
