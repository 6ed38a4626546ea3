//! How is this manager? One word about itself that changes only when something worth showing does.
//!
//! Raft's metrics move with every heartbeat; a change of leader is told at once, but a status is published only when more
//! than times moved, and at most a few times a second. Nothing here polls.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wardroom_api::v1;
use wardroom_ca::{Clock, NodeTls};
use wardroom_keys::{KeyMemory, SharedKeyring};

use crate::ManagerConfig;
use crate::digest::Digest;
use crate::elections::Elections;
use crate::keeping::{self, Progress};
use crate::raft::{Consensus, Peer, View};
use crate::replica::Replica;

/// Shortest time between two published words.
const PACE: Duration = Duration::from_millis(250);
/// How long one that needs nobody's answer is confirmed before it is confirmed again.
const ALWAYS: Duration = Duration::from_secs(365 * 24 * 3600);

/// Who leads, as this manager knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    pub term: u64,
    /// `None` while nobody is known to lead.
    pub leader: Option<Peer>,
    /// This manager leads, a quorum has confirmed that lately, and it has applied everything committed before its term:
    /// what it decides rests on the truth.
    pub mine: bool,
}

/// What a status is made from.
pub(crate) struct Reporter {
    pub(crate) config: Arc<ManagerConfig>,
    pub(crate) consensus: Consensus,
    pub(crate) replica: Replica,
    pub(crate) keyring: Arc<SharedKeyring>,
    pub(crate) keeping: watch::Receiver<Progress>,
    pub(crate) tls: NodeTls,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What a reporter tells.
#[derive(Clone)]
pub(crate) struct Reports {
    pub(crate) status: watch::Receiver<v1::ManagerStatus>,
    pub(crate) leadership: watch::Receiver<Leadership>,
    pub(crate) members: watch::Receiver<Vec<Peer>>,
    /// Why Raft stopped by itself; `None` while it runs.
    pub(crate) failure: watch::Receiver<Option<String>>,
}

struct Senders {
    status: watch::Sender<v1::ManagerStatus>,
    leadership: watch::Sender<Leadership>,
    members: watch::Sender<Vec<Peer>>,
    failure: watch::Sender<Option<String>>,
}

/// What the reporter has seen and told so far.
struct Memory {
    elections: Elections,
    /// The last view, and whether a quorum had confirmed it.
    seen: Option<(View, bool)>,
    /// On a leader: when its quorum's last answer is too old to rely on.
    confirmed_until: Option<Instant>,
    digest: Digest,
}

impl Reporter {
    /// Starts reporting until `stop`.
    pub(crate) fn start(self, stop: CancellationToken) -> Reports {
        let mut memory = Memory {
            elections: Elections::default(),
            seen: None,
            confirmed_until: None,
            digest: self.replica.read(Digest::new),
        };
        let view = self.consensus.view();
        let senders = Senders {
            status: watch::Sender::new(self.status(&view, &mut memory)),
            leadership: watch::Sender::new(view.leadership(self.confirmed_until(&view).is_some())),
            members: watch::Sender::new(view.members()),
            failure: watch::Sender::new(None),
        };
        let reports = Reports {
            status: senders.status.subscribe(),
            leadership: senders.leadership.subscribe(),
            members: senders.members.subscribe(),
            failure: senders.failure.subscribe(),
        };
        tokio::spawn(self.run(senders, memory, stop));
        reports
    }

    async fn run(self, senders: Senders, mut memory: Memory, stop: CancellationToken) {
        let mut changes = self.consensus.changes();
        let mut keeping = self.keeping.clone();
        let mut next = Instant::now();
        let mut pending = true;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                moved = changes.next() => match moved {
                    Ok(()) => pending |= self.take_in(&senders, &mut memory),
                    Err(reason) => return self.ended(&senders, reason),
                },
                // Somebody waits for that: it is told at once.
                told = keeping.changed() => match told {
                    Ok(()) => (pending, next) = (true, Instant::now()),
                    Err(_) => return,
                },
                () = at(memory.confirmed_until) => {
                    memory.confirmed_until = None;
                    pending |= self.tell_news(&senders, &mut memory, self.consensus.view());
                }
                () = at(memory.digest.due()) => {
                    memory.digest.wait_no_more();
                    pending = true;
                }
                () = tokio::time::sleep_until(next), if pending => {
                    pending = false;
                    next = Instant::now() + PACE;
                    let status = self.status(&self.consensus.view(), &mut memory);
                    senders.status.send_replace(status);
                }
            }
        }
    }

    /// Takes in what Raft has just said; returns whether there is more to tell than the next heartbeat.
    fn take_in(&self, senders: &Senders, memory: &mut Memory) -> bool {
        let view = self.consensus.view();
        memory.confirmed_until = self.confirmed_until(&view);
        self.tell_news(senders, memory, view)
    }

    /// Tells at once who leads and who belongs, if that is news.
    fn tell_news(&self, senders: &Senders, memory: &mut Memory, view: View) -> bool {
        let confirmed = memory.confirmed_until.is_some();
        let news = !memory
            .seen
            .as_ref()
            .is_some_and(|(seen, was)| *was == confirmed && seen.stands_as(&view));
        if news {
            memory.elections.observe(
                view.term,
                view.leader_peer().map(|peer| peer.node_id),
                self.clock.now_ms(),
            );
            tell(&senders.leadership, view.leadership(confirmed));
            tell(&senders.members, view.members());
            memory.seen = Some((view, confirmed));
        }
        news
    }

    /// Until when this leader may rely on its quorum's last answer: for two elections' time. `None` if there was none
    /// lately; a Raft that says nothing any more is no longer relied on either when the time is over.
    fn confirmed_until(&self, view: &View) -> Option<Instant> {
        let now = Instant::now();
        if view.is_only_voter() {
            return Some(now + ALWAYS);
        }
        let patience = 2 * self.config.timing.election_max_ms;
        let left = patience
            .checked_sub(view.quorum_acked_ms_ago?)
            .filter(|left| *left > 0)?;
        Some(now + Duration::from_millis(left))
    }

    fn ended(&self, senders: &Senders, reason: String) {
        tracing::error!(%reason, "raft has stopped on this manager");
        let at_ms = self.clock.now_ms();
        senders.status.send_modify(|status| {
            "stopped".clone_into(&mut status.role);
            status.leader.clear();
            status.at_ms = at_ms;
        });
        tell(&senders.leadership, Leadership::default());
        tell(&senders.failure, Some(reason));
    }

    fn status(&self, view: &View, memory: &mut Memory) -> v1::ManagerStatus {
        let (applied, digest) = self.replica.read(|state| (state.index(), memory.digest.of(state)));
        let log = self.consensus.log_status();
        let at_ms = self.clock.now_ms();
        let acked = |ms: u64| at_ms.saturating_sub(i64::try_from(ms).unwrap_or(i64::MAX));
        v1::ManagerStatus {
            node_id: self.config.node_id.clone(),
            hostname: self.config.hostname.clone(),
            raft_id: self.config.raft_id,
            role: view.role.to_owned(),
            term: view.term,
            voted_for: view.node_id_of(view.voted_for),
            leader: view.leader_peer().map(|peer| peer.node_id).unwrap_or_default(),
            first_index: view.pointers.first,
            last_index: view.pointers.last,
            committed: view.pointers.committed,
            applied,
            snapshot_index: view.snapshot,
            followers: view.followers(),
            elections: memory.elections.told(),
            digest: digest.map_or_else(String::new, |digest| hex(&digest[..8])),
            log: Some(log),
            keys: Some(self.keys()),
            at_ms,
            heartbeat_ms: self.config.timing.heartbeat_ms,
            election_min_ms: self.config.timing.election_min_ms,
            election_max_ms: self.config.timing.election_max_ms,
            quorum_acked_ms: view.quorum_acked_ms_ago.map(acked).unwrap_or_default(),
        }
    }

    fn keys(&self) -> v1::KeyStatus {
        let (keys, progress) = (self.keyring.status(), self.keeping.borrow().clone());
        let certificate = self.tls.facts();
        v1::KeyStatus {
            kek_epoch: keys.kek_epoch,
            autolock: keys.autolock,
            kek_check: hex(&keys.kek_check),
            dek_epoch: keys.dek_epoch,
            dek_created_at_ms: keys.dek_created_at_ms,
            dek_records: self.consensus.log_records(),
            dek_check: hex(&keys.dek_check),
            certificate_fingerprint: certificate.fingerprint,
            certificate_not_before_ms: certificate.not_before_ms,
            certificate_not_after_ms: certificate.not_after_ms,
            memory_locked: keys.memory != KeyMemory::Plain,
            memory: memory_word(keys.memory).to_owned(),
            sealing_root_check: hex(&self.keyring.sealing_root().check()),
            dek_order: keys.dek_order,
            pending_dek_epoch: keys.pending_dek_epoch.unwrap_or_default(),
            pending_dek_order: keys.pending_dek_order.unwrap_or_default(),
            step: progress.step.to_owned(),
            uses: self.consensus.dek_uses(),
            dek_due_ms: keeping::due_ms(&keys),
            trouble: progress.trouble,
        }
    }
}

fn memory_word(memory: KeyMemory) -> &'static str {
    match memory {
        KeyMemory::Secret => "secret",
        KeyMemory::Locked => "locked",
        KeyMemory::Plain => "plain",
    }
}

/// Ends at an instant, or never without one.
async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

fn tell<T: PartialEq>(sender: &watch::Sender<T>, value: T) {
    sender.send_if_modified(|current| {
        let changed = *current != value;
        *current = value;
        changed
    });
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            for digit in [byte >> 4, byte & 15] {
                out.push(char::from_digit(u32::from(digit), 16).expect("four bits are a hex digit"));
            }
            out
        })
}
