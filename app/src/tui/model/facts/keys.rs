//! Which keys do the managers have? Each one's own, by its word now, or while it is silent by what it reported last; and
//! which unlock key opens whose disk.

use std::collections::BTreeSet;

use wardroom_api::ClusterView;
use wardroom_api::v1::{Cluster, ClusterKeys, DekUse, KeyStatus, ManagerKeys, Node};

use super::managers::managers;
use super::{members, trust};

const DAY_MS: i64 = 86_400_000;
/// From this age on a DEK is replaced by itself; one that is older waits for something.
pub const DEK_LIFE_MS: i64 = 90 * DAY_MS;
/// The steps of a DEK's rotation on one manager, in their order.
pub const STEPS: [&str; 6] = ["begin", "roll", "snapshot", "purge", "node key", "finish"];

/// The place of a step among them, from 1; a word that is not known has just begun.
pub fn step_number(step: &str) -> u64 {
    let at = STEPS.iter().position(|known| *known == step).unwrap_or(0);
    u64::try_from(at + 1).unwrap_or(1)
}

/// A rotation that runs on one manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending<'a> {
    pub epoch: u32,
    pub order: u64,
    pub step: &'a str,
}

/// One manager's keys.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    pub node: &'a Node,
    /// It does not answer: what it reported last is what is known.
    pub silent: bool,
    live: Option<&'a KeyStatus>,
    told: Option<&'a ManagerKeys>,
}

impl<'a> Keys<'a> {
    /// Its word now; `None` while it is silent.
    pub fn live(&self) -> Option<&'a KeyStatus> {
        self.live.filter(|_| !self.silent)
    }

    pub fn is_known(&self) -> bool {
        self.live.is_some() || self.told.is_some()
    }

    /// What it says now; while it is silent what it reported; without a report what it said last.
    fn either<T>(&self, live: impl Fn(&'a KeyStatus) -> T, told: impl Fn(&'a ManagerKeys) -> T) -> Option<T> {
        let now = self.live().map(&live);
        now.or_else(|| self.told.map(told)).or_else(|| self.live.map(live))
    }

    /// Epoch of the unlock key that its keys are wrapped by.
    pub fn unlock_epoch(&self) -> u32 {
        self.either(|it| it.kek_epoch, |it| it.unlock_key_epoch).unwrap_or(0)
    }

    /// Whether its disk needs that key to be read.
    pub fn locks(&self) -> bool {
        self.either(|it| it.autolock, |it| it.locks).unwrap_or(false)
    }

    pub fn dek_epoch(&self) -> u32 {
        self.either(|it| it.dek_epoch, |it| it.dek_epoch).unwrap_or(0)
    }

    pub fn dek_check(&self) -> &'a str {
        let check = self.either(|it| it.dek_check.as_str(), |it| it.dek_check.as_str());
        check.unwrap_or_default()
    }

    pub fn dek_since_ms(&self) -> i64 {
        self.either(|it| it.dek_created_at_ms, |it| it.dek_created_at_ms)
            .unwrap_or(0)
    }

    /// When its DEK's age asks for the next one; 0: not known.
    pub fn dek_due_ms(&self) -> i64 {
        match (self.live().map_or(0, |live| live.dek_due_ms), self.dek_since_ms()) {
            (0, 0) => 0,
            (0, since) => since.saturating_add(DEK_LIFE_MS),
            (due, _) => due,
        }
    }

    pub fn pending(&self) -> Option<Pending<'a>> {
        let live = self.live()?;
        (live.pending_dek_epoch > 0).then(|| Pending {
            epoch: live.pending_dek_epoch,
            order: live.pending_dek_order,
            step: &live.step,
        })
    }

    /// What lies on its disk under the DEK of that epoch.
    pub fn lying_under(&self, epoch: u32) -> Option<&'a DekUse> {
        self.live()?.uses.iter().find(|lying| lying.epoch == epoch)
    }

    /// Why its keys are not as the cluster wants them.
    pub fn trouble(&self) -> Option<&'a str> {
        self.live()
            .map(|live| live.trouble.as_str())
            .filter(|it| !it.is_empty())
    }

    /// The unlock key that opens it, where that is not the one in force.
    pub fn hangs_on(&self, view: &ClusterView) -> Option<u32> {
        let (epoch, wanted) = (self.unlock_epoch(), epoch_in_force(view));
        (self.locks() && epoch > 0 && wanted > 0 && epoch != wanted).then_some(epoch)
    }
}

/// The keys of every manager, the leader's first, the others by name.
pub fn of_managers(view: &ClusterView) -> Vec<Keys<'_>> {
    let told = |id: &str| of_cluster(view)?.managers.iter().find(|told| told.node_id == id);
    let found = managers(view).into_iter().map(|manager| Keys {
        node: manager.node,
        silent: !manager.answers(),
        live: manager.status.and_then(|status| status.keys.as_ref()),
        told: told(&manager.node.id),
    });
    found.collect()
}

pub fn of_manager<'a>(view: &'a ClusterView, node_id: &str) -> Option<Keys<'a>> {
    of_managers(view).into_iter().find(|keys| keys.node.id == node_id)
}

pub fn of_cluster(view: &ClusterView) -> Option<&ClusterKeys> {
    view.cluster.as_ref()?.keys.as_ref()
}

pub fn autolock(view: &ClusterView) -> bool {
    view.cluster.as_ref().is_some_and(|cluster| cluster.autolock)
}

/// Whether somebody has the latest unlock key: until then no disk needs it. The one from the beginning needs nobody.
pub fn is_kept(view: &ClusterView) -> bool {
    of_cluster(view).is_none_or(|keys| keys.unlock_key_kept_at_ms > 0 || keys.unlock_key_epoch <= 1)
}

/// The unlock key that disks need now: the latest that somebody keeps; 0: none that is known.
fn epoch_in_force(view: &ClusterView) -> u32 {
    if is_kept(view) {
        return unlock_epoch(view);
    }
    let earlier = of_cluster(view).and_then(|keys| keys.earlier_epochs.iter().max());
    earlier.copied().unwrap_or(0)
}

/// Epoch of the latest unlock key: by the cluster's word, otherwise the latest that a manager has.
pub fn unlock_epoch(view: &ClusterView) -> u32 {
    match of_cluster(view).map_or(0, |keys| keys.unlock_key_epoch) {
        0 => {
            let live = view.managers.values().filter_map(|status| status.keys.as_ref());
            live.map(|keys| keys.kek_epoch).max().unwrap_or(0)
        }
        epoch => epoch,
    }
}

/// Check value of the latest unlock key; empty while each disk has one of its own.
pub fn unlock_check(view: &ClusterView) -> &str {
    let told = of_cluster(view).map_or("", |keys| keys.unlock_key_check.as_str());
    if !told.is_empty() {
        return told;
    }
    let live = view.managers.values().filter_map(|status| status.keys.as_ref());
    let checks: BTreeSet<&str> = live.map(|keys| keys.kek_check.as_str()).collect();
    checks
        .first()
        .copied()
        .filter(|_| checks.len() == 1)
        .unwrap_or_default()
}

/// Where the managers that answer keep their keys in memory: the word of the weakest, and how many have at least that.
pub fn memory(view: &ClusterView) -> Option<(&str, usize)> {
    let rank = |word: &str| ["plain", "locked", "secret"].iter().position(|known| *known == word);
    let held = of_managers(view);
    let words: Vec<&str> = held.iter().filter_map(Keys::live).map(memory_of).collect();
    let weakest = words.iter().min_by_key(|word| rank(word))?;
    Some((weakest, words.len()))
}

/// Managers from before the word say only whether the pages are locked.
pub fn memory_of(live: &KeyStatus) -> &str {
    match (live.memory.as_str(), live.memory_locked) {
        ("", true) => "locked",
        ("", false) => "plain",
        (word, _) => word,
    }
}

/// What a word about memory means.
pub fn memory_words(word: &str) -> &'static str {
    match word {
        "secret" => "secret: no other process and no dump reads it",
        "locked" => "locked: never in swap, left out of dumps",
        _ => "plain: it may reach swap !",
    }
}

/// Sealed versions: each has a data key of its own.
pub fn data_keys(view: &ClusterView) -> usize {
    let versions = view.secrets.values().flat_map(|secret| &secret.versions);
    versions.filter(|version| !version.key_check.is_empty()).count()
}

/// The managers that answer and have another sealing root than the cluster, which none should.
pub fn strange_sealing_roots<'a>(view: &'a ClusterView, cluster: &Cluster) -> Vec<&'a str> {
    let differs = |live: &KeyStatus| {
        let check = &live.sealing_root_check;
        !check.is_empty() && *check != cluster.sealing_root_check
    };
    let held = of_managers(view).into_iter();
    held.filter(|keys| keys.live().is_some_and(differs))
        .map(|keys| keys.node.hostname.as_str())
        .collect()
}

/// Certificates of nodes and operators: how many, and when the first of them ends.
pub fn certificates(view: &ClusterView) -> (usize, i64) {
    let nodes = view.nodes.values().map(|node| node.certificate_not_after_ms);
    let operators = view.operators.values().map(|it| it.certificate_not_after_ms);
    let ends: Vec<i64> = nodes.chain(operators).filter(|end| *end > 0).collect();
    (ends.len(), ends.iter().copied().min().unwrap_or(0))
}

/// How many of them are near their end.
pub fn certificates_expiring(view: &ClusterView, now_ms: i64) -> usize {
    let nodes = view.nodes.values();
    let lives = nodes.map(|node| (node.certificate_not_before_ms, node.certificate_not_after_ms));
    let operators = view.operators.values();
    let others = operators.map(|it| (it.certificate_not_before_ms, it.certificate_not_after_ms));
    let near = |(from, until): &(i64, i64)| trust::is_expiring(now_ms, *from, *until);
    lives.chain(others).filter(near).count()
}

/// Who is down, for plans and progress: a node without a session, or a manager that does not answer.
pub fn is_away(view: &ClusterView, node_id: &str) -> bool {
    view.lost_managers.contains_key(node_id) || view.nodes.get(node_id).is_some_and(members::is_down)
}
