//! What needs somebody's attention? A list of plain sentences, each with the place where something can be done.

use std::collections::BTreeMap;

use wardroom_api::ClusterView;
use wardroom_api::v1::{RotationPhase, Task, TaskState, UpdateState};

use super::managers::{LAG_NOTED, Quorum, managers};
use super::secrets::{self, SecretState};
use super::{key_notes, keys, members, rotations, time, trust, words};
use crate::tui::model::place::Place;

/// One thing to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attention {
    /// The same as long as the matter is the same.
    pub key: String,
    pub text: String,
    /// What `enter` shows.
    pub action: &'static str,
    pub place: Place,
}

/// Worst first: quorum, managers, nodes, receipts, rotations, secrets, tasks, certificates, roots, tokens, keys.
pub fn attention(view: &ClusterView, now_ms: i64) -> Vec<Attention> {
    let mut found = Vec::new();
    let mut note = |key: String, text: String, action, place| {
        found.push(Attention {
            key,
            text,
            action,
            place,
        });
    };
    about_managers(view, &mut note);
    about_nodes(view, now_ms, &mut note);
    about_rotations(view, &mut note);
    about_secrets(view, now_ms, &mut note);
    about_schedules(view, now_ms, &mut note);
    about_updates(view, &mut note);
    about_tasks(view, &mut note);
    trust::note(view, now_ms, &mut note);
    key_notes::note(view, now_ms, &mut note);
    found
}

/// Notes one thing: its key, its text, what `enter` shows, and where.
pub type Note<'a> = dyn FnMut(String, String, &'static str, Place) + 'a;

fn about_managers(view: &ClusterView, note: &mut Note<'_>) {
    let quorum = Quorum::of(view);
    if quorum.members > 0 && !quorum.holds() {
        let text = if quorum.answering * 2 > quorum.members {
            format!(
                "no leader: {} of {} managers answer and elect one",
                quorum.answering, quorum.members
            )
        } else {
            format!(
                "no quorum: {} of {} managers answer, nothing can be changed",
                quorum.answering, quorum.members
            )
        };
        note("quorum".into(), text, "raft", Place::Raft);
    } else if quorum.members > 0 && quorum.members.is_multiple_of(2) {
        let tolerated = quorum.members / 2 - 1;
        let text = format!(
            "{} managers survive {}, as {} do: promote or demote one",
            quorum.members,
            words::losses(tolerated),
            quorum.members - 1
        );
        note("even".into(), text, "nodes", Place::Nodes);
    }
    for manager in managers(view) {
        let name = &manager.node.hostname;
        if let Some(reason) = manager.lost {
            // From outside, one that waits for its key looks as one that is down.
            let locks = keys::of_manager(view, &manager.node.id).is_some_and(|keys| keys.locks());
            let or = if locks { ", or is locked" } else { "" };
            note(
                format!("lost/{}", manager.node.id),
                format!("{name} does not answer{or}: {reason}"),
                "raft",
                Place::Raft,
            );
        } else if manager.lag >= LAG_NOTED {
            note(
                format!("lag/{}", manager.node.id),
                format!("{name} is {} entries behind", manager.lag),
                "raft",
                Place::Raft,
            );
        }
    }
}

fn about_nodes(view: &ClusterView, now_ms: i64, note: &mut Note<'_>) {
    for node in view.nodes.values().filter(|node| members::is_down(node)) {
        let holdings = || secrets::holdings_on(view, &node.id);
        let held = holdings().filter(|holding| secrets::is_in_memory(holding));
        let held: std::collections::BTreeSet<&str> = held.map(|holding| holding.secret_id.as_str()).collect();
        let owed = holdings().filter(|holding| holding.owed).count();
        let since = time::age(now_ms, node.state_since_ms);
        let mut text = format!(
            "{} down {since}, last known holder of {}",
            node.hostname,
            words::count(held.len(), "secret")
        );
        if owed > 0 {
            text = format!("{text}, owes {}", words::count(owed, "erasure"));
        }
        note(
            format!("down/{}", node.id),
            text,
            "who holds",
            Place::Node(node.id.clone()),
        );
    }
}

fn about_secrets(view: &ClusterView, now_ms: i64, note: &mut Note<'_>) {
    let known = secrets::States::of(view);
    let states = view
        .secrets
        .values()
        .map(|secret| (known.state(secret, now_ms), secret));
    let mut problems: Vec<_> = states.filter(|(state, _)| state.is_problem()).collect();
    problems.sort_by(|(a, first), (b, second)| (a, &first.name).cmp(&(b, &second.name)));
    for (state, secret) in problems {
        let (name, age) = (&secret.name, time::age(now_ms, secrets::born(secret)));
        let text = match state {
            SecretState::Erasing => {
                let nodes: std::collections::BTreeSet<&str> = secrets::owed(view, &secret.id, None)
                    .map(|holding| view.hostname(&holding.node_id))
                    .collect();
                let nodes: Vec<&str> = nodes.into_iter().collect();
                format!("{name} is not proven erased on {}", nodes.join(", "))
            }
            SecretState::Failed => {
                let phase = view
                    .rotation_of_secret(&secret.id)
                    .map(wardroom_api::v1::Rotation::phase);
                let end = if phase == Some(RotationPhase::RolledBack) {
                    "was rolled back"
                } else {
                    "failed"
                };
                format!("the last rotation of {name} {end}, v{} is current", secret.current)
            }
            SecretState::Stale => {
                let policy = time::span(i64::try_from(secret.max_age_ms).unwrap_or(i64::MAX));
                let services = words::count(view.services_granted(&secret.id).count(), "service");
                format!("{name} v{} is {age} old, policy {policy}, {services}", secret.current)
            }
            _ => format!("{name} v{} is used by no service", secret.current),
        };
        // What came back has its reason where the rotation is.
        let rotation = view
            .rotation_of_secret(&secret.id)
            .filter(|_| state == SecretState::Failed);
        let (action, place) = match rotation {
            Some(rotation) => ("rotation", Place::Rotation(rotation.id.clone())),
            None => ("secret", Place::Secret(secret.id.clone())),
        };
        note(format!("secret/{}", secret.id), text, action, place);
    }
}

/// Rotations that wait for somebody.
fn about_rotations(view: &ClusterView, note: &mut Note<'_>) {
    for rotation in view
        .rotations
        .values()
        .filter(|rotation| rotations::is_paused(rotation))
    {
        let count = rotations::count(rotation);
        let text = format!(
            "the rotation of {} is paused: {} of {} have v{}",
            rotation.secret_name,
            count.proven,
            words::count_u64(count.tasks, "task"),
            rotation.to
        );
        let place = Place::Rotation(rotation.id.clone());
        note(format!("rotation/{}", rotation.id), text, "rotation", place);
    }
}

/// Next values that were not made.
fn about_schedules(view: &ClusterView, now_ms: i64, note: &mut Note<'_>) {
    for secret in view.secrets.values().filter(|secret| !secret.schedule_error.is_empty()) {
        let ago = time::age(now_ms, secret.schedule_error_at_ms);
        let text = format!(
            "{}: the scheduled rotation did not begin {ago} ago: {}",
            secret.name, secret.schedule_error
        );
        note(
            format!("schedule/{}", secret.id),
            text,
            "secret",
            Place::Secret(secret.id.clone()),
        );
    }
}

/// Whether a health check's word is no cause for worry.
pub fn is_well(health: &str) -> bool {
    matches!(health, "" | "starting" | "healthy")
}

/// Updates that stopped or came back.
fn about_updates(view: &ClusterView, note: &mut Note<'_>) {
    for service in view.services.values() {
        let Some(status) = &service.update_status else { continue };
        let verb = match status.state() {
            UpdateState::Paused => "is paused",
            UpdateState::RollbackPaused => "could not be rolled back",
            UpdateState::RollbackCompleted => "was rolled back",
            _ => continue,
        };
        let why = if status.message.is_empty() {
            String::new()
        } else {
            format!(": {}", status.message)
        };
        note(
            format!("update/{}", service.id),
            format!("the update of {} {verb}{why}", words::service_name(service)),
            "service",
            Place::Service(service.id.clone()),
        );
    }
}

/// One note for each service, with the first of its tasks that is not well.
fn about_health(view: &ClusterView, note: &mut Note<'_>) {
    let sick = |task: &&Task| words::is_active(task) && !is_well(&task.health);
    let mut found: BTreeMap<&str, Vec<&Task>> = BTreeMap::new();
    for task in view.tasks.values().filter(sick) {
        found.entry(&task.service_id).or_default().push(task);
    }
    for (service_id, tasks) in found {
        let Some(first) = tasks.first() else { continue };
        let name = words::with_hostnames(view, &first.name);
        let others = match tasks.len() - 1 {
            0 => String::new(),
            count => format!(" (and {count} more)"),
        };
        note(
            format!("health/{service_id}"),
            format!(
                "{name} on {} is not healthy: {}{others}",
                view.hostname(&first.node_id),
                first.health
            ),
            "service",
            Place::Service(service_id.to_owned()),
        );
    }
}

fn about_tasks(view: &ClusterView, note: &mut Note<'_>) {
    about_health(view, note);
    for service in view.services.values() {
        let wanted = view
            .tasks_of_service(&service.id)
            .filter(|task| task.desired() <= TaskState::Running);
        let broken = wanted
            .filter(|task| {
                matches!(
                    task.state(),
                    TaskState::Failed | TaskState::Rejected | TaskState::Pending
                )
            })
            .count();
        if broken > 0 {
            let text = format!(
                "service {}: {} not running",
                words::service_name(service),
                words::count(broken, "task")
            );
            note(
                format!("service/{}", service.id),
                text,
                "tasks",
                Place::Service(service.id.clone()),
            );
        }
    }
}
