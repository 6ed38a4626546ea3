//! What of an embedded cluster is locked, and what opens it? A key opens all managers of its epoch. One that a crash left
//! under an earlier unlock key opens with what the running ones have kept of that key; if they have not, it waits for it
//! while the others run.

use std::sync::Arc;

use futures_util::future::select_all;
use wardroom_keys::{Keyring, OsChance, UnlockKey};
use wardroom_manager::state::command::Actor;

use super::{Owner, Running};
use crate::node::badge::{self, Badge};
use crate::node::beginning::system;
use crate::node::founding::KEYRING;
use crate::node::keyring::{self, Found};
use crate::node::keys::Keys;
use crate::node::manifest::ManagerEntry;
use crate::node::nodes;
use crate::node::unlocking::{Door, Unlocking, record};
use crate::report::Report;

/// In the audit chain, where nobody had to give a key.
const BY_KEPT: &str = "with the key that the managers beside it keep";

impl Owner {
    /// Every keyring that is not open yet: it opens by itself, or is a door.
    pub(super) fn look(&mut self) -> Result<(), Report> {
        if self.parts.workers.is_empty() {
            self.parts.workers = badge::workers(&self.house.dir, &self.house.manifest, &self.clock)?;
        }
        let mut doors = Vec::new();
        for entry in self.closed() {
            let path = self.house.node(&entry.hostname).join(KEYRING);
            match keyring::look(&path, &self.house.manifest.cluster_id, &entry.node_id)? {
                Found::Open(keyring) => self.take_open(&entry, keyring)?,
                Found::Locked(file) => doors.push(Door {
                    node_id: entry.node_id,
                    hostname: entry.hostname,
                    file,
                }),
            }
        }
        self.parts.unlocking = Unlocking::new(&self.house.manifest.cluster_id, doors);
        Ok(())
    }

    fn closed(&self) -> Vec<ManagerEntry> {
        let is_open = |entry: &&ManagerEntry| self.parts.open.iter().any(|badge| badge.node_id == entry.node_id);
        let managers = self.house.manifest.managers.iter();
        managers.filter(|entry| !is_open(entry)).cloned().collect()
    }

    fn take_open(&mut self, entry: &ManagerEntry, keyring: Keyring) -> Result<(), Report> {
        let dir = self.house.node(&entry.hostname);
        let keys = Keys::open(keyring, nodes::disk(&dir)?, dir.clone(), Arc::new(OsChance));
        let badge = badge::manager(dir, entry, keys, &self.clock)?;
        self.parts.open.push(badge);
        Ok(())
    }

    /// Opens every door to which that is the key; the audit chain hears of it once a manager runs.
    pub(super) fn open_doors(&mut self, key: &UnlockKey, by: Actor, how: String) -> Result<(), Report> {
        let opens = self.parts.unlocking.opens(key);
        let entries: Vec<_> = self
            .closed()
            .into_iter()
            .filter(|entry| opens.contains(&entry.node_id))
            .collect();
        let hostnames: Vec<&str> = entries.iter().map(|entry| entry.hostname.as_str()).collect();
        let note = record::unlocked(by, &hostnames, how);
        for entry in entries {
            let path = self.house.node(&entry.hostname).join(KEYRING);
            let keyring = keyring::unlock(&path, &self.house.manifest.cluster_id, &entry.node_id, key)?;
            self.take_open(&entry, keyring)?;
            self.parts.unlocking.opened(&entry.node_id);
            tracing::info!(manager = entry.hostname, "its keys are open");
        }
        self.parts.unlocked.push(note);
        Ok(())
    }

    /// Whether a manager was opened and started with an unlock key that the running ones have kept. What cannot be is told
    /// once, and goes on waiting: the others run without it.
    pub(super) async fn open_with_kept_keys(&mut self) -> bool {
        let keys = self.kept_keys();
        if keys.is_empty() {
            return false;
        }
        let before = self.parts.open.len();
        let by_kept = |key: &UnlockKey| self.open_doors(key, system(), BY_KEPT.to_owned());
        let mut opened = keys.iter().try_for_each(by_kept);
        if opened.is_ok() {
            opened = self.start().await;
        }
        if let Err(report) = opened {
            tracing::error!(%report, "a manager that was left behind does not start");
            self.withdraw();
        }
        self.parts.open.len() > before
    }

    /// What is open and does not run waits for its key again.
    pub(super) fn withdraw(&mut self) {
        let running = &self.parts.running;
        let runs = |badge: &Badge| running.iter().any(|running| running.node_id == badge.node_id);
        self.parts.open.retain(runs);
        self.parts.unlocked.clear();
        if let Err(report) = self.look() {
            tracing::error!(%report, "what waits for a key cannot be read");
        }
    }

    /// The unlock keys of the doors' epochs that the running managers have kept; each is told once.
    fn kept_keys(&mut self) -> Vec<UnlockKey> {
        let cluster_id = self.house.manifest.cluster_id.clone();
        let mut keys = Vec::new();
        for waiting in self.parts.unlocking.shown().managers {
            if self.parts.kept.contains(&waiting.epoch) {
                continue;
            }
            for running in &self.parts.running {
                let sealed = running
                    .manager
                    .replica()
                    .read(|state| state.keys().sealed_unlock_key(waiting.epoch).cloned());
                let badge = self.parts.open.iter().find(|badge| badge.node_id == running.node_id);
                let root = badge
                    .and_then(|badge| badge.keys.as_ref())
                    .map(|keys| keys.ring().sealing_root());
                let (Some(sealed), Some(root)) = (sealed, root) else {
                    continue;
                };
                match root.open_unlock_key(&cluster_id, waiting.epoch, &sealed) {
                    Ok(key) => {
                        self.parts.kept.push(waiting.epoch);
                        keys.push(key);
                    }
                    Err(error) => tracing::error!(%error, epoch = waiting.epoch, "a kept unlock key does not open"),
                }
                break;
            }
        }
        keys
    }
}

/// Returns when a running manager has learnt something, while others wait for a key that it may have been.
pub(super) async fn learns(unlocking: &Unlocking, running: &[Running]) {
    let waits = unlocking.is_locked();
    let replicas = running.iter().filter(|_| waits);
    let moving: Vec<_> = replicas
        .map(|running| {
            let mut indices = running.manager.replica().indices();
            Box::pin(async move {
                if indices.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            })
        })
        .collect();
    if moving.is_empty() {
        return std::future::pending().await;
    }
    select_all(moving).await;
}
