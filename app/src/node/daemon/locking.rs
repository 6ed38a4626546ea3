//! How does a manager of this machine lock and unlock? Locked it is nothing but a door: no port, no agent, no keys. The
//! right key opens its keyring, the keyring opens the node's own key, and then the node begins as it always does.

use std::future::pending;

use wardroom_api::v1;
use wardroom_keys::{KeyringFile, SecretBytes, UnlockKey};
use wardroom_manager::state::command::Actor;

use super::manifest::{Manifest, NodeRole};
use super::order::{Refusal, Reply};
use super::supervisor::{Node, Supervisor};
use super::words;
use crate::node::beginning::system;
use crate::node::keyring::{self, Found};
use crate::node::keys::Keys;
use crate::node::unlocking::{Door, LockOrder, Shown, Unlocking, credentials, record};
use crate::report::Report;

/// A manager that waits for its unlock key.
pub struct Locked {
    pub manifest: Manifest,
    pub certificate_ends_ms: i64,
    pub unlocking: Unlocking,
}

impl Supervisor {
    /// The node of a manifest waits for its key; the machine may have it from systemd, once.
    pub async fn wait_for_key(&mut self, manifest: Manifest, certificate_ends_ms: i64, file: KeyringFile) {
        // No agent wipes what an earlier life of it left in memory.
        if let Err(error) = wardroom_agent::files::forget(&manifest.node_id) {
            tracing::error!(%error, "what an earlier life of this node left in memory could not be erased");
        }
        self.lock(manifest, certificate_ends_ms, file);
        for text in std::mem::take(&mut self.credentials) {
            match self.unlock(&text, system(), record::BY_CREDENTIAL).await {
                Ok(()) if !matches!(self.node, Node::Locked(_)) => {
                    tracing::info!("this manager was unlocked with its systemd credential");
                    return;
                }
                Ok(()) => {}
                Err(refusal) => {
                    tracing::error!(%refusal, "the systemd credential does not unlock this manager: it stays locked");
                    return;
                }
            }
        }
    }

    fn lock(&mut self, manifest: Manifest, certificate_ends_ms: i64, file: KeyringFile) {
        tracing::warn!(
            epoch = file.kek_epoch(),
            "this manager is locked: run `wardroom swarm unlock` with the unlock key of that epoch"
        );
        let door = Door {
            node_id: manifest.node_id.clone(),
            hostname: self.ground.hostname.clone(),
            file,
        };
        let unlocking = Unlocking::new(&manifest.cluster_id, vec![door]);
        self.node = Node::Locked(Box::new(Locked {
            manifest,
            certificate_ends_ms,
            unlocking,
        }));
    }

    pub async fn obey_lock(&mut self, order: LockOrder) {
        match order {
            LockOrder::Unlock(text, by, reply) => {
                let outcome = self.unlock(&text, by, "").await;
                drop(text);
                self.answer_lock(reply, outcome);
            }
            LockOrder::Close(by, reply) => {
                let outcome = self.close(by).await;
                self.answer_lock(reply, outcome);
            }
        }
    }

    fn answer_lock(&mut self, reply: Reply<v1::LockFacts>, outcome: Result<(), Refusal>) {
        self.publish();
        let now_ms = self.ground.clock.now_ms();
        let _ = reply.send(outcome.map(|()| self.shown_lock().facts(now_ms)));
    }

    /// Takes a key or a share of it. With the key the node begins, and the audit chain hears of it from its manager.
    async fn unlock(&mut self, text: &SecretBytes, by: Actor, means: &str) -> Result<(), Refusal> {
        let now_ms = self.ground.clock.now_ms();
        let locked = match &mut self.node {
            Node::Locked(locked) => locked,
            Node::None => return Err(Refusal::state(words::NOT_PART)),
            Node::Member(_) | Node::Broken { .. } => return Err(Refusal::state(words::NOT_LOCKED)),
        };
        let Some(right) = locked.unlocking.attempt(text, now_ms)? else {
            return Ok(());
        };
        let detail = format!("{means}{}", right.words());
        self.unlocked = Some(record::unlocked(by, &[self.ground.hostname.as_str()], detail));
        let opened = self.open(&right.key).await;
        if opened.is_err() {
            self.unlocked = None;
        }
        opened.map_err(Refusal::from)
    }

    /// The manager that was unlocked runs: it tells the chain when somebody leads, and nobody waits for that.
    pub fn note_unlock(&mut self) {
        if let Node::Member(member) = &self.node
            && let Some(manager) = &member.manager
            && let Some(note) = self.unlocked.take()
        {
            manager.note(note);
        }
    }

    /// What does not open although the key is right is told, and stays locked: its files may be put right and tried again.
    async fn open(&mut self, key: &UnlockKey) -> Result<(), Report> {
        let Node::Locked(locked) = &self.node else {
            return Ok(());
        };
        let manifest = locked.manifest.clone();
        let path = self.home.keyring();
        let keyring = keyring::unlock(&path, &manifest.cluster_id, &manifest.node_id, key)?;
        let keys = self.ground.open_keys(&self.home, keyring)?;
        self.ground.identity(&self.home, Some(&keys))?;
        self.take_up(manifest, Some(keys)).await;
        Ok(())
    }

    /// `wardroom swarm lock`: everything ends in order, and the keys are gone from this process.
    async fn close(&mut self, by: Actor) -> Result<(), Refusal> {
        let member = match &self.node {
            Node::Member(member) => member,
            Node::Locked(_) => return Ok(()),
            Node::None => return Err(Refusal::state(words::NOT_PART)),
            Node::Broken { why, .. } => return Err(Refusal::state(why.clone())),
        };
        if member.manifest.role != NodeRole::Manager {
            return Err(Refusal::state(words::ONLY_MANAGERS_LOCK));
        }
        if !member.keys.as_ref().is_some_and(Keys::locks) {
            return Err(Refusal::state(words::AUTOLOCK_OFF));
        }
        let (manifest, ends_ms) = (member.manifest.clone(), member.tls.facts().not_after_ms);
        if let Some(manager) = member.manager.clone() {
            record::locks(&manager, by, &[self.ground.hostname.as_str()]).await;
        }
        let Some(keys) = self.set_down().await else {
            return Err(Refusal::state(words::AUTOLOCK_OFF));
        };
        let (file, still_locks) = (keys.ring().file(), keys.locks());
        if !keys.forget() {
            tracing::error!("a part of this manager still holds its keys; restart the daemon to be sure");
        }
        if !still_locks {
            // It was turned off while the manager ended.
            self.enter(manifest).await;
            return Err(Refusal::state(words::AUTOLOCK_OFF));
        }
        // Only now nobody replaces it any more. What cannot be read is not needed before somebody unlocks, and told then.
        let file = match self.find_keys(&manifest) {
            Ok(Some(Found::Locked(on_disk))) => on_disk,
            Ok(_) => file,
            Err(report) => {
                tracing::error!(%report, "the keyring of this manager will not open as it is");
                file
            }
        };
        self.lock(manifest, ends_ms, file);
        Ok(())
    }

    /// Until shares that were given are to be forgotten.
    pub fn patience(&self) -> impl Future<Output = ()> + Send + use<> {
        let waiting = match &self.node {
            Node::Locked(locked) => Some(locked.unlocking.patience(&self.ground.clock)),
            _ => None,
        };
        async move {
            match waiting {
                Some(waiting) => waiting.await,
                None => pending().await,
            }
        }
    }

    pub fn forget_shares(&mut self) {
        if let Node::Locked(locked) = &mut self.node {
            locked.unlocking.forget_old(self.ground.clock.now_ms());
        }
    }

    /// What may be told of the lock.
    pub fn shown_lock(&self) -> Shown {
        match &self.node {
            Node::Locked(locked) => locked.unlocking.shown(),
            Node::Member(member) => Shown::open(&member.manifest.cluster_id),
            Node::Broken { manifest, .. } => Shown::open(&manifest.cluster_id),
            Node::None => Shown::default(),
        }
    }
}

/// What systemd gave this process to unlock with.
pub fn given() -> Vec<SecretBytes> {
    credentials(&|name| std::env::var_os(name))
}
