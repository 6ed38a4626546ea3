//! How far is a change of what runs? Rotations that were steered, services that were scaled, put back or started anew,
//! versions that were pruned.

use wardroom_api::ClusterView;
use wardroom_api::v1::{RotationPhase, UpdateState};

use super::open_work::Steer;
use super::progress::{Line, Progress, Verdict, done, rotation, service, waiting};
use super::{Accepted, Task};
use crate::tui::model::facts::{rotations, spec};

/// The progress of such a task; `None` for the others.
pub fn progress(task: &Task, accepted: &Accepted, view: &ClusterView) -> Option<Progress> {
    if view.index < accepted.index {
        return Some(waiting(accepted.index));
    }
    Some(match task {
        Task::Steer {
            rotation_id,
            name,
            steer,
        } => steered(view, accepted, (rotation_id, name), *steer),
        Task::Scale { service_id, name, .. } => service(view, service_id, name),
        Task::RollbackService { service_id, name } | Task::ForceUpdate { service_id, name, .. } => {
            updated(view, service_id, name)
        }
        Task::Prune { name, .. } if accepted.version_name.is_empty() => done(format!("nothing of {name} had to go")),
        Task::Prune { .. } => done(format!("destroyed: {}", accepted.version_name)),
        _ => return None,
    })
}

fn steered(view: &ClusterView, accepted: &Accepted, (id, name): (&str, &str), steer: Steer) -> Progress {
    let Some(found) = view.rotations.get(id) else {
        return waiting(accepted.index);
    };
    let accepted = Accepted {
        rotation_id: id.to_owned(),
        ..accepted.clone()
    };
    let progress = rotation(view, &accepted, name);
    match steer {
        Steer::Pause if rotations::is_paused(found) => Progress {
            verdict: Verdict::Done,
            headline: format!("the rotation of {name} is held: nothing more is moved"),
            ..progress
        },
        Steer::Cancel if found.phase() == RotationPhase::RolledBack => Progress {
            verdict: Verdict::Done,
            headline: format!("every task of {name} is back on v{}", found.from),
            ..progress
        },
        // It may have come to its end before the word did.
        Steer::Pause | Steer::Resume | Steer::Cancel => progress,
    }
}

/// By the word of the update, and by the tasks.
fn updated(view: &ClusterView, service_id: &str, name: &str) -> Progress {
    let mut progress = service(view, service_id, name);
    let Some(found) = view.services.get(service_id) else {
        return progress;
    };
    let outdated = view
        .tasks_of_service(service_id)
        .filter(|task| crate::tui::model::facts::words::is_active(task) && task.generation != found.generation)
        .count();
    if outdated > 0 {
        progress.verdict = Verdict::Running;
        progress.headline = format!("{name}: {outdated} of its tasks are still outdated");
    }
    if let Some(status) = &found.update_status {
        let word = spec::update_state(status);
        progress.verdict = match status.state() {
            UpdateState::Updating | UpdateState::RollbackStarted => Verdict::Running,
            UpdateState::Paused | UpdateState::RollbackPaused => Verdict::Failed,
            _ => progress.verdict,
        };
        if progress.verdict != Verdict::Done {
            progress.headline = format!("{name}: {word} {}", status.message);
        }
        progress.lines.push(Line {
            name: "update".into(),
            done: u64::from(progress.verdict == Verdict::Done),
            total: 1,
            words: word.to_owned(),
        });
    }
    progress
}
