//! How far is the change that was accepted? Read from the view alone: the rotation object, the holdings, the audit
//! chain. A proof is a receipt, never an assumption.

use std::collections::BTreeSet;

use wardroom_api::ClusterView;
use wardroom_api::v1::{HoldingState, RotationPhase};

use super::{Accepted, Task, Wizard, progress_keys, progress_members, progress_work};
use crate::tui::model::facts::{secrets, words};
use crate::tui::model::staged::{Cell, Edit};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Running,
    Done,
    Failed,
}

/// One line: a service that rolls, or a worker that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub name: String,
    pub done: u64,
    pub total: u64,
    pub words: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub verdict: Verdict,
    pub headline: String,
    pub lines: Vec<Line>,
    /// Sequence of the audit record that tells of the change.
    pub audit: Option<u64>,
}

pub fn progress(wizard: &Wizard, view: &ClusterView) -> Progress {
    let Some(accepted) = &wizard.accepted else {
        return Progress {
            verdict: Verdict::Running,
            headline: "sent, waiting for the answer".into(),
            lines: Vec::new(),
            audit: None,
        };
    };
    let mut progress = match &wizard.task {
        Task::Rotate { name, .. } => rotation(view, accepted, name),
        Task::Revoke {
            secret_id,
            name,
            version,
        } => revocation(view, accepted, secret_id, name, *version),
        Task::CreateSecret => done(format!(
            "secret {} v1 is sealed and replicated",
            wizard.form.line(super::form::Id::Name)
        )),
        Task::RemoveSecret { name, .. } | Task::RemoveService { name, .. } => done(format!("{name} is removed")),
        Task::CreateService => service(view, &accepted.id, wizard.form.line(super::form::Id::Name)),
        Task::Grant => service(
            view,
            wizard.form.chosen(super::form::Id::Service),
            wizard.form.chosen_label(super::form::Id::Service),
        ),
        Task::Grants { edits, .. } => grants(view, accepted, edits),
        Task::Withdraw {
            service_id,
            service: name,
            ..
        } => service(view, service_id, name),
        task => progress_members::progress(task, accepted, view)
            .or_else(|| progress_work::progress(task, accepted, view))
            .or_else(|| progress_keys::progress(task, accepted, view, || erasure(view, accepted, task)))
            .unwrap_or_else(|| waiting(accepted.index)),
    };
    progress.audit = view
        .audit
        .values()
        .rev()
        .find(|record| record.index == accepted.index)
        .map(|record| record.sequence);
    progress
}

pub(super) fn done(headline: String) -> Progress {
    Progress {
        verdict: Verdict::Done,
        headline,
        lines: Vec::new(),
        audit: None,
    }
}

pub(super) fn waiting(index: u64) -> Progress {
    Progress {
        verdict: Verdict::Running,
        headline: format!("committed at #{index}, waiting for the view"),
        lines: Vec::new(),
        audit: None,
    }
}

pub(super) fn rotation(view: &ClusterView, accepted: &Accepted, name: &str) -> Progress {
    let Some(rotation) = view.rotations.get(&accepted.rotation_id) else {
        return waiting(accepted.index);
    };
    let to = rotation.to;
    let (verdict, headline) = match rotation.phase() {
        RotationPhase::Done => (
            Verdict::Done,
            format!("{name} v{to} is current, every task has proved it"),
        ),
        RotationPhase::RolledBack => (
            Verdict::Failed,
            format!("rolled back to v{}: {}", rotation.from, rotation.message),
        ),
        RotationPhase::Failed => (Verdict::Failed, format!("failed: {}", rotation.message)),
        RotationPhase::RollingBack => (
            Verdict::Running,
            format!("rolling back to v{}: {}", rotation.from, rotation.message),
        ),
        RotationPhase::Verifying => (Verdict::Running, format!("v{to} is out, waiting for the last receipts")),
        RotationPhase::Rolling | RotationPhase::Unspecified if rotation.paused => (
            Verdict::Running,
            format!("held at v{to}: nothing more is moved until it is resumed"),
        ),
        RotationPhase::Rolling | RotationPhase::Unspecified => (Verdict::Running, format!("rolling v{to} out")),
    };
    let lines = rotation
        .services
        .iter()
        .map(|service| Line {
            name: service.service_name.clone(),
            done: service.proven.into(),
            total: service.tasks.into(),
            words: format!(
                "{} of {} proved, {} settled",
                service.proven,
                words::count(service.tasks as usize, "task"),
                service.settled
            ),
        })
        .collect();
    Progress {
        verdict,
        headline,
        lines,
        audit: None,
    }
}

/// How far the workers are with what is shredded.
fn erasure(view: &ClusterView, accepted: &Accepted, task: &Task) -> Progress {
    match task {
        Task::Shred {
            secret_id,
            name,
            version,
        } => revocation(view, accepted, secret_id, name, *version),
        _ => waiting(accepted.index),
    }
}

fn revocation(view: &ClusterView, accepted: &Accepted, secret_id: &str, name: &str, version: u32) -> Progress {
    if view.index < accepted.index {
        return waiting(accepted.index);
    }
    let wanted = Some(version).filter(|version| *version > 0);
    let what = wanted.map_or(name.to_owned(), |version| format!("{name} v{version}"));
    let owed = secrets::owed(view, secret_id, wanted).count();
    let touched = view
        .holdings_of_secret(secret_id)
        .filter(|holding| wanted.is_none_or(|version| holding.version == version));
    let mut lines: Vec<Line> = Vec::new();
    for holding in touched {
        let host = view.hostname(&holding.node_id);
        let erased = u64::from(holding.state() == HoldingState::Erased);
        match lines.iter_mut().find(|line| line.name == host) {
            Some(line) => {
                line.done += erased;
                line.total += 1;
            }
            None => lines.push(Line {
                name: host.to_owned(),
                done: erased,
                total: 1,
                words: String::new(),
            }),
        }
    }
    for line in &mut lines {
        let missing = line.total - line.done;
        line.words = if missing == 0 {
            "erased, proved".into()
        } else {
            format!(
                "{} owed !",
                words::count(usize::try_from(missing).unwrap_or(0), "receipt")
            )
        };
    }
    if owed == 0 {
        return Progress {
            lines,
            ..done(format!("{what} is destroyed, no worker holds it"))
        };
    }
    let headline = format!(
        "{what} is cut off; {} of its erasure still owed",
        words::count(owed, "receipt")
    );
    Progress {
        verdict: Verdict::Running,
        headline,
        lines,
        audit: None,
    }
}

/// One line for each service that was touched.
fn grants(view: &ClusterView, accepted: &Accepted, edits: &[(Cell, Edit)]) -> Progress {
    if view.index < accepted.index {
        return waiting(accepted.index);
    }
    let touched: BTreeSet<&str> = edits.iter().map(|((service, _), _)| service.as_str()).collect();
    let of_service = |id: &&str| {
        let name = view.services.get(*id).map_or(*id, words::service_name);
        let found = service(view, id, name);
        let [tasks, files] = [0, 1].map(|at| found.lines[at].words.clone());
        let line = Line {
            name: name.to_owned(),
            words: format!("{tasks}, {files}"),
            ..found.lines[1].clone()
        };
        (line, found.verdict == Verdict::Done)
    };
    let (lines, ready): (Vec<Line>, Vec<bool>) = touched.iter().map(of_service).unzip();
    let all = ready.iter().all(|ready| *ready);
    let count = words::count(lines.len(), "service");
    Progress {
        verdict: if all { Verdict::Done } else { Verdict::Running },
        headline: if all {
            format!("{count}: every task runs and has proved its files")
        } else {
            format!("{count}: tasks take over their files")
        },
        lines,
        audit: None,
    }
}

pub(super) fn service(view: &ClusterView, service_id: &str, name: &str) -> Progress {
    let tasks: Vec<_> = view
        .tasks_of_service(service_id)
        .filter(|task| words::is_active(task))
        .collect();
    let running = tasks
        .iter()
        .filter(|task| task.state() == wardroom_api::v1::TaskState::Running)
        .count();
    let files: usize = tasks.iter().map(|task| task.files.len()).sum();
    let held: usize = tasks.iter().map(|task| secrets::proved_files(view, task)).sum();
    let total = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let lines = vec![
        Line {
            name: "tasks".into(),
            done: total(running),
            total: total(tasks.len()),
            words: format!("{running} of {} running", tasks.len()),
        },
        Line {
            name: "files".into(),
            done: total(held.min(files)),
            total: total(files),
            words: format!("{held} of {files} proved"),
        },
    ];
    let ready = !tasks.is_empty() && running == tasks.len() && held >= files;
    let verdict = if ready { Verdict::Done } else { Verdict::Running };
    let headline = if ready {
        format!("{name}: every task runs and has proved its files")
    } else {
        format!("{name}: tasks are starting")
    };
    Progress {
        verdict,
        headline,
        lines,
        audit: None,
    }
}
