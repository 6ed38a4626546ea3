//! How does a refused access get into the audit chain? The first of a kind at once, its repetitions as a count every few
//! seconds, so that nobody fills the log by knocking.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use wardroom_state::command::{Actor, Command};

use crate::context::Context;
use crate::control::authorize::short;
use crate::control::caller::{Caller, Identity};
use crate::control::forward;
use crate::propose::ProposeError;

/// One record per caller and method within this time.
const WINDOW: Duration = Duration::from_secs(5);
/// Callers and methods remembered at once; what comes on top is counted as one kind.
const KINDS: usize = 128;
/// The same for strangers, of whom anybody can make up as many as there are addresses.
const STRANGERS: usize = 8;
/// The method in the record of those. A path that can be called, so that a follower can knock with it.
const MANY_METHODS: &str = "/many";

/// Refusals that wait for the chain. Cheap to clone; all clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Refusals(Arc<Inner>);

#[derive(Default)]
struct Inner {
    kinds: Mutex<BTreeMap<Kind, Waiting>>,
    news: Notify,
}

/// Caller's name and method path. Strangers are told apart by their machine only: the path is theirs to invent.
type Kind = (String, String);

fn kind_of(caller: &Caller, path: &str) -> Kind {
    let name = caller.identity.actor_name();
    if is_stranger(caller) {
        (format!("stranger at {}", caller.host()), String::new())
    } else {
        (name, path.to_owned())
    }
}

fn is_stranger(caller: &Caller) -> bool {
    matches!(caller.identity, Identity::Nobody | Identity::Unlisted(_))
}

#[derive(Clone)]
struct Waiting {
    caller: Caller,
    /// Of the first.
    path: String,
    reason: String,
    /// Refusals that no record counts yet.
    count: u32,
    due: Instant,
}

/// One record to write.
#[derive(Clone)]
struct Note {
    kind: Kind,
    caller: Caller,
    path: String,
    reason: String,
    count: u32,
}

impl Refusals {
    /// `count` calls of a caller were refused.
    pub(crate) fn note(&self, caller: &Caller, path: &str, reason: &str, count: u32) {
        let mut path: String = path.chars().take(128).collect();
        tracing::info!(
            actor = caller.identity.actor_name(),
            from = caller.from,
            method = path,
            "refused a call"
        );
        let mut kinds = self.0.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kind = kind_of(caller, &path);
        let mut caller = caller.clone();
        let mut reason = reason.to_owned();
        let strangers = || kinds.values().filter(|waiting| is_stranger(&waiting.caller)).count();
        let is_full = kinds.len() >= KINDS || is_stranger(&caller) && strangers() >= STRANGERS;
        if is_full && !kinds.contains_key(&kind) {
            // Nobody's, so that no single caller stands for the others.
            caller = Caller::new(Identity::Nobody, "many callers");
            MANY_METHODS.clone_into(&mut path);
            kind = kind_of(&caller, &path);
            "Permission denied: more callers and methods at once than are told apart".clone_into(&mut reason);
        }
        let first = || Waiting {
            caller,
            path,
            reason,
            count: 0,
            due: Instant::now(),
        };
        let waiting = kinds.entry(kind).or_insert_with(first);
        waiting.count = waiting.count.saturating_add(count);
        drop(kinds);
        self.0.news.notify_one();
    }

    /// What is due now, counted down; kinds without news since their last record are forgotten.
    fn take(&self, now: Instant) -> Vec<Note> {
        let mut kinds = self.0.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.retain(|_, waiting| waiting.count > 0 || waiting.due > now);
        let due = kinds
            .iter_mut()
            .filter(|(_, waiting)| waiting.due <= now && waiting.count > 0);
        due.map(|(kind, waiting)| {
            waiting.due = now + WINDOW;
            let count = std::mem::take(&mut waiting.count);
            Note {
                kind: kind.clone(),
                caller: waiting.caller.clone(),
                path: waiting.path.clone(),
                reason: waiting.reason.clone(),
                count,
            }
        })
        .collect()
    }

    /// A note that could not be written is due again after a window.
    fn put_back(&self, note: &Note) {
        let mut kinds = self.0.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = kinds.get_mut(&note.kind) {
            waiting.count = waiting.count.saturating_add(note.count);
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let kinds = self.0.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.values().map(|waiting| waiting.due).min()
    }
}

/// Writes refusals until the manager stops.
pub(crate) async fn run(context: Context) {
    let refusals = context.offices.refusals.clone();
    loop {
        for note in refusals.take(Instant::now()) {
            if !write(&context, &note).await {
                refusals.put_back(&note);
            }
        }
        let next = refusals.next_due();
        tokio::select! {
            biased;
            () = context.stop.cancelled() => return,
            () = refusals.0.news.notified() => {}
            () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
        }
    }
}

/// A follower knocks in the caller's name at the leader, which refuses as well and writes the record.
async fn write(context: &Context, note: &Note) -> bool {
    let leadership = context.leadership.borrow().clone();
    match leadership.leader {
        Some(leader) if !leadership.mine && leader.node_id != context.config.node_id => {
            forward::knock(context, &leader, &note.caller, &note.path, note.count).await
        }
        _ => propose(context, note).await,
    }
}

async fn propose(context: &Context, note: &Note) -> bool {
    let actor: Actor = note.caller.actor();
    let reason = match note.count {
        0 | 1 => note.reason.clone(),
        count => format!("{} ({count} times)", note.reason),
    };
    let command = Command::NoteRefusal {
        method: short(&note.path),
        reason,
    };
    // A cluster that does not exist yet has no chain to write to.
    matches!(
        context.proposer.propose(actor, command).await,
        Ok(_) | Err(ProposeError::Refused(_))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::caller::Identity;

    fn worker(name: &str) -> Caller {
        Caller::new(Identity::Worker(name.into()), "10.0.0.7:1")
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_is_due_at_once_and_repetitions_are_counted() {
        let refusals = Refusals::default();
        refusals.note(&worker("w1"), "/x/List", "no", 1);
        let taken = refusals.take(Instant::now());
        assert_eq!(taken.iter().map(|note| note.count).collect::<Vec<_>>(), [1]);
        for _ in 0..1_000 {
            refusals.note(&worker("w1"), "/x/List", "no", 1);
        }
        assert!(refusals.take(Instant::now()).is_empty());
        tokio::time::advance(WINDOW).await;
        let taken = refusals.take(Instant::now());
        assert_eq!(taken.iter().map(|note| note.count).collect::<Vec<_>>(), [1_000]);
        tokio::time::advance(WINDOW).await;
        assert!(refusals.take(Instant::now()).is_empty());
        assert_eq!(refusals.next_due(), None, "a quiet kind is forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn invented_methods_do_not_fill_the_memory() {
        let refusals = Refusals::default();
        for number in 0..10_000 {
            refusals.note(&worker("w1"), &format!("/x/{number}"), "no", 1);
        }
        let taken = refusals.take(Instant::now());
        assert_eq!(taken.len(), KINDS + 1);
        assert_eq!(taken.iter().map(|note| note.count).sum::<u32>(), 10_000);
        let callable = |note: &Note| http::Request::post(&*note.path).body(()).is_ok();
        assert!(taken.iter().all(callable), "a follower can knock with each of them");
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_are_told_apart_by_their_machine() {
        let refusals = Refusals::default();
        for from in ["10.0.0.7:1", "10.0.0.7:2", "10.0.0.8:1"] {
            refusals.note(&Caller::new(Identity::Nobody, from), "/x/Admit", "no", 1);
        }
        let mut counts: Vec<_> = refusals.take(Instant::now()).iter().map(|note| note.count).collect();
        counts.sort_unstable();
        assert_eq!(counts, [1, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_cannot_write_the_chain_full() {
        let refusals = Refusals::default();
        for number in 0..1_000 {
            let from = format!("10.0.{}.{}:1", number / 200, number % 200);
            refusals.note(&Caller::new(Identity::Nobody, from), &format!("/a{number}"), "no", 1);
        }
        let taken = refusals.take(Instant::now());
        assert_eq!(
            taken.len(),
            STRANGERS + 1,
            "however many machines and methods they make up"
        );
        assert_eq!(taken.iter().map(|note| note.count).sum::<u32>(), 1_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_note_that_stands_for_many_counts_as_many() {
        let refusals = Refusals::default();
        refusals.note(&worker("w1"), "/x/List", "no", 40);
        refusals.note(&worker("w1"), "/x/List", "no", 2);
        let taken = refusals.take(Instant::now());
        assert_eq!(taken.iter().map(|note| note.count).collect::<Vec<_>>(), [42]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_written_is_tried_again() {
        let refusals = Refusals::default();
        refusals.note(&worker("w1"), "/x/List", "no", 1);
        let taken = refusals.take(Instant::now());
        refusals.put_back(&taken[0]);
        tokio::time::advance(WINDOW).await;
        assert_eq!(refusals.take(Instant::now()).len(), 1);
    }
}
