//! How does an embedded cluster lock and unlock? One key opens all managers of its epoch; locking ends everything in order.

use std::sync::Arc;

use wardroom_api::v1;
use wardroom_keys::SecretBytes;
use wardroom_manager::state::command::Actor;

use super::Owner;
use crate::node::badge::Badge;
use crate::node::beginning::system;
use crate::node::keys::Keys;
use crate::node::refusal::{Refusal, Reply};
use crate::node::unlocking::{LockOrder, credentials, record, words};

impl Owner {
    pub(super) async fn obey(&mut self, order: LockOrder) {
        match order {
            LockOrder::Unlock(text, by, reply) => {
                let outcome = self.unlock(text, by).await;
                self.answer(reply, outcome);
            }
            LockOrder::Close(by, reply) => {
                let outcome = self.close(by).await;
                self.answer(reply, outcome);
            }
        }
    }

    fn answer(&mut self, reply: Reply<v1::LockFacts>, outcome: Result<(), Refusal>) {
        self.tell();
        let facts = self.shown.borrow().facts(self.clock.now_ms());
        // Nobody waiting for it any more is no failure.
        let _ = reply.send(outcome.map(|()| facts));
    }

    async fn unlock(&mut self, text: SecretBytes, by: Actor) -> Result<(), Refusal> {
        if !self.parts.unlocking.is_locked() {
            return Err(Refusal::state(words::NOT_LOCKED));
        }
        let Some(right) = self.parts.unlocking.attempt(&text, self.clock.now_ms())? else {
            return Ok(());
        };
        drop(text);
        let opened = match self.open_doors(&right.key, by, right.words()) {
            Ok(()) => self.start().await,
            failed => failed,
        };
        opened.map_err(|report| {
            // What does not start although the key is right waits for it again: its files may be put right.
            self.withdraw();
            Refusal::from(report)
        })
    }

    /// What systemd gave this process, once.
    pub(super) fn try_credentials(&mut self) {
        for text in credentials(&|name| std::env::var_os(name)) {
            let now_ms = self.clock.now_ms();
            let opened = match self.parts.unlocking.attempt(&text, now_ms) {
                Ok(None) => continue,
                Ok(Some(right)) => {
                    let how = format!("{}{}", record::BY_CREDENTIAL, right.words());
                    self.open_doors(&right.key, system(), how).map_err(Refusal::from)
                }
                Err(refusal) => Err(refusal),
            };
            match opened {
                Ok(()) => tracing::info!("this cluster was unlocked with its systemd credential"),
                Err(refusal) => {
                    tracing::error!(%refusal, "the systemd credential does not unlock this cluster: it stays locked");
                }
            }
            return;
        }
    }

    /// `wardroom swarm lock`.
    async fn close(&mut self, by: Actor) -> Result<(), Refusal> {
        if self.parts.open.is_empty() {
            return Ok(());
        }
        let lock = |badge: &Badge| badge.keys.as_ref().is_some_and(Keys::locks);
        if !self.parts.open.iter().all(lock) {
            return Err(Refusal::state(words::AUTOLOCK_OFF));
        }
        let rings: Vec<_> = self
            .parts
            .open
            .iter()
            .filter_map(|badge| badge.keys.as_ref())
            .map(|keys| Arc::downgrade(&keys.ring()))
            .collect();
        if let Some(first) = self.parts.running.first() {
            let hostnames: Vec<&str> = self.parts.open.iter().map(|badge| badge.hostname.as_str()).collect();
            record::locks(&first.manager, by, &hostnames).await;
        }
        self.end().await;
        self.tell(); // whoever waited for the managers lets go of them
        if rings.iter().any(|ring| ring.strong_count() > 0) {
            tracing::error!("a part of this process still holds keys; restart it to be sure");
        }
        self.look()?;
        tracing::warn!("the cluster is locked: run `wardroom swarm unlock` with the unlock key");
        Ok(())
    }
}
