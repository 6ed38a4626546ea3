//! How far is a change of the managers' keys? Every manager destroys its DEK from before by itself; a shred is through
//! when the last of them has, and every worker has proved that it erased the value.

use wardroom_api::ClusterView;

use super::progress::{Line, Progress, Verdict, done, waiting};
use super::{Accepted, Task};
use crate::tui::model::facts::keys;
use crate::tui::model::facts::moves::{self, Move, Part};

/// The progress of those tasks; `None` for the others. `erasure`: how far the workers are with a shred.
pub fn progress(
    task: &Task,
    accepted: &Accepted,
    view: &ClusterView,
    erasure: impl Fn() -> Progress,
) -> Option<Progress> {
    Some(match task {
        Task::RotateUnlockKey { .. } => {
            let epoch = accepted.epoch;
            let through = format!("every manager opens with unlock key {epoch}; the DEKs before are gone");
            unlock_key(view, accepted, epoch, through)
        }
        Task::Autolock { on: true, .. } => {
            let epoch = keys::unlock_epoch(view);
            let through = format!("autolock is on: every disk needs unlock key {epoch}; the DEKs before are gone");
            unlock_key(view, accepted, epoch, through)
        }
        Task::Autolock { on: false, .. } => unlocked(view, accepted),
        Task::RotateDek { .. } => {
            let through = "every manager writes under a fresh DEK; the ones before are gone".to_owned();
            order(view, accepted, accepted.order, through)
        }
        Task::Shred { name, version, .. } => shred(view, accepted, name, *version, erasure()),
        Task::Lock { manager } => done(format!("{manager} is locked")),
        _ => return None,
    })
}

pub(super) fn line(part: &Part) -> Line {
    Line {
        name: part.name.clone(),
        done: part.done,
        total: part.total,
        words: part.words.clone(),
    }
}

/// A new unlock key: made, then kept by somebody, then taken by every manager.
fn unlock_key(view: &ClusterView, accepted: &Accepted, epoch: u32, through: String) -> Progress {
    if view.index < accepted.index {
        return waiting(accepted.index);
    }
    if keys::unlock_epoch(view) > epoch {
        return Progress {
            verdict: Verdict::Failed,
            ..done(format!("unlock key {epoch} was replaced by another one meanwhile"))
        };
    }
    if !keys::is_kept(view) {
        return Progress {
            verdict: Verdict::Running,
            ..done(format!(
                "unlock key {epoch} is made; no disk needs it before somebody has it"
            ))
        };
    }
    match moves::of_unlock_key(view) {
        Some(number) => order(view, accepted, number, through),
        None => done(through),
    }
}

/// The order that the change gave; `through` is said once nobody owes it.
fn order(view: &ClusterView, accepted: &Accepted, number: u64, through: String) -> Progress {
    if view.index < accepted.index {
        return waiting(accepted.index);
    }
    // Of those that are through the oldest are forgotten.
    let Some(found) = moves::numbered(view, number) else {
        return done(through);
    };
    let lines = found.parts.iter().map(line).collect();
    if found.is_done() {
        return Progress { lines, ..done(through) };
    }
    Progress {
        verdict: Verdict::Running,
        headline: headline(&found),
        lines,
        audit: None,
    }
}

/// `2 of 3 managers through; mgr-3 is down and owes it until it is back`.
fn headline(found: &Move) -> String {
    let (share, total) = found.share();
    let (_, away) = found.owing();
    let down = match away.as_slice() {
        [] => String::new(),
        [one] => format!("; {one} is down and owes it until it is back"),
        several => format!("; {} are down and owe it until they are back", several.join(", ")),
    };
    format!("{share} of {total} managers through{down}")
}

fn unlocked(view: &ClusterView, accepted: &Accepted) -> Progress {
    if view.index < accepted.index {
        return waiting(accepted.index);
    }
    let held = keys::of_managers(view);
    let line = |manager: &keys::Keys<'_>| Line {
        name: manager.node.hostname.clone(),
        done: u64::from(!manager.locks()),
        total: 1,
        words: match (manager.locks(), manager.silent) {
            (false, _) => "starts without a key".to_owned(),
            (true, true) => format!("DOWN ! stays locked by unlock key {}", manager.unlock_epoch()),
            (true, false) => "still needs its key".to_owned(),
        },
    };
    let lines: Vec<Line> = held.iter().map(line).collect();
    let left = lines.iter().filter(|line| line.done < line.total).count();
    let through = done("autolock is off: managers start without a key, and their disks can be read".to_owned());
    if left == 0 {
        return Progress { lines, ..through };
    }
    Progress {
        verdict: Verdict::Running,
        headline: format!("{left} of {} managers still need their key", held.len()),
        lines,
        audit: None,
    }
}

fn shred(view: &ClusterView, accepted: &Accepted, name: &str, version: u32, erasure: Progress) -> Progress {
    let what = if version == 0 {
        name.to_owned()
    } else {
        format!("{name} v{version}")
    };
    let disks = order(
        view,
        accepted,
        accepted.order,
        format!("{what} cannot be read from any manager's disk any more"),
    );
    let workers = erasure.verdict == Verdict::Done;
    let (verdict, headline) = match (workers, disks.verdict) {
        (true, _) => (disks.verdict, disks.headline),
        (false, Verdict::Done) => (Verdict::Running, erasure.headline),
        (false, _) => (Verdict::Running, format!("{}; {}", erasure.headline, disks.headline)),
    };
    Progress {
        verdict,
        headline,
        lines: disks.lines.into_iter().chain(erasure.lines).collect(),
        audit: None,
    }
}
