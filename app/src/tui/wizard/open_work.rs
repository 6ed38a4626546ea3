//! How do the wizards about what runs begin? Rotations that are steered, services that are scaled, put back or started
//! anew, versions that are pruned; and the plans of those that no leader plans.

use wardroom_api::ClusterView;
use wardroom_api::v1::{CheckLevel, Plan, PlanAction, RotationAction, RunSpec};

use super::form::{Form, Id, Page, line};
use super::plan::{check, step};
use super::{Task, Wizard};
use crate::tui::keymap::Action;
use crate::tui::model::facts::rotations;
use crate::tui::model::facts::words::{self, service_name};

/// What is done to a rotation that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steer {
    Pause,
    Resume,
    Cancel,
}

impl Steer {
    pub fn verb(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
        }
    }

    pub fn action(self) -> RotationAction {
        match self {
            Self::Pause => RotationAction::Pause,
            Self::Resume => RotationAction::Resume,
            Self::Cancel => RotationAction::Cancel,
        }
    }
}

/// The wizard, or why there is none.
pub fn steer(view: &ClusterView, rotation_id: &str, action: Action, now_ms: i64) -> Result<Wizard, String> {
    let rotation = view
        .rotations
        .get(rotation_id)
        .ok_or("this rotation is no longer remembered")?;
    if !rotations::is_running(rotation) {
        let name = &rotation.secret_name;
        return Err(format!(
            "the rotation of {name} is over: {}",
            rotations::state(rotation)
        ));
    }
    let steer = match (action, rotation.paused) {
        (Action::CancelRotation, _) => Steer::Cancel,
        (Action::PauseRotation, _) => Steer::Pause,
        (Action::ResumeRotation, _) | (_, true) => Steer::Resume,
        (_, false) => Steer::Pause,
    };
    let task = Task::Steer {
        rotation_id: rotation.id.clone(),
        name: rotation.secret_name.clone(),
        steer,
    };
    Ok(Wizard::new(task, Form::default(), now_ms))
}

/// The plan of it, made from the view.
pub fn plan_steer(plan: &mut Plan, view: &ClusterView, rotation_id: &str, steer: Steer) {
    let Some(rotation) = view.rotations.get(rotation_id) else {
        check(plan, CheckLevel::Blocked, "the rotation is gone");
        return;
    };
    let (from, to) = (rotation.from, rotation.to);
    for service in &rotation.services {
        let tasks = usize::try_from(service.tasks).unwrap_or(usize::MAX);
        let moved = usize::try_from(service.proven).unwrap_or(usize::MAX);
        let (action, detail) = match steer {
            Steer::Cancel if moved == 0 => (PlanAction::Keep, format!("stays on v{from}")),
            Steer::Cancel => (
                PlanAction::Move,
                format!("{} of {} go back to v{from}", moved, words::count(tasks, "task")),
            ),
            Steer::Pause => (
                PlanAction::Keep,
                format!("{moved} of {} have v{to}, the others wait", words::count(tasks, "task")),
            ),
            Steer::Resume if moved >= tasks => (PlanAction::Keep, format!("has v{to} already")),
            Steer::Resume => (
                PlanAction::Move,
                format!("{} of {} still get v{to}", tasks - moved, words::count(tasks, "task")),
            ),
        };
        step(plan, action, format!("service {}", service.service_name), detail);
    }
    match steer {
        Steer::Cancel => {
            step(
                plan,
                PlanAction::Cut,
                format!("{} v{to}", rotation.secret_name),
                "marked failed; it is not tried again",
            );
            if from == 0 {
                check(plan, CheckLevel::Warn, "there is no version to go back to");
            }
        }
        Steer::Pause => check(plan, CheckLevel::Ok, "it can be resumed or cancelled at any time"),
        Steer::Resume => check(plan, CheckLevel::Ok, "it goes on where it was held"),
    }
    if !rotations::is_running(rotation) {
        let text = format!("it is over already: {}", rotations::state(rotation));
        check(plan, CheckLevel::Blocked, text);
    } else if rotation.paused == (steer == Steer::Pause) && steer != Steer::Cancel {
        let word = if rotation.paused { "paused" } else { "running" };
        check(plan, CheckLevel::Blocked, format!("it is {word} already"));
    }
}

/// The wizard of an action on a service, or why there is none; `None` for other actions.
pub fn service(view: &ClusterView, action: Action, id: &str, now_ms: i64) -> Option<Result<Wizard, String>> {
    if !matches!(action, Action::Scale | Action::RollbackService | Action::ForceUpdate) {
        return None;
    }
    let found = view
        .services
        .get(id)
        .and_then(|service| Some((service, service.spec.as_ref()?)));
    let Some((service, spec)) = found else {
        return Some(Err("nothing is selected".to_owned()));
    };
    let (service_id, name) = (service.id.clone(), service_name(service).to_owned());
    Some(match action {
        Action::Scale if spec.global => Err(format!("{name} runs once on every node: there is nothing to scale")),
        Action::Scale => {
            let now = spec.replicas.to_string();
            let fields = vec![line(Id::Replicas, "replicas", &now, "so many tasks run from then on")];
            let pages = vec![Page { title: "size", fields }];
            let before = spec.replicas;
            let task = Task::Scale {
                service_id,
                name,
                before,
            };
            Ok(Wizard::new(task, Form { pages, focus: 0 }, now_ms))
        }
        Action::RollbackService if service.previous_spec.is_none() => {
            Err(format!("{name} was not updated yet: there is nothing to go back to"))
        }
        Action::RollbackService => {
            let task = Task::RollbackService { service_id, name };
            Ok(Wizard::new(task, Form::default(), now_ms))
        }
        _ => Ok(Wizard::new(force(view, &service_id, &name), Form::default(), now_ms)),
    })
}

/// The same spec with a counter moved on: every task is replaced, as the update settings say.
pub fn force(view: &ClusterView, service_id: &str, name: &str) -> Task {
    let service = view.services.get(service_id);
    let mut spec = service.and_then(|service| service.spec.clone()).unwrap_or_default();
    let run = spec.run.get_or_insert_with(RunSpec::default);
    run.force = run.force.wrapping_add(1);
    Task::ForceUpdate {
        service_id: service_id.to_owned(),
        name: name.to_owned(),
        spec: Box::new(spec),
        expected: service.map_or(0, |service| service.version_index),
    }
}

/// Old versions of one secret go.
pub fn prune(view: &ClusterView, secret_id: &str, now_ms: i64) -> Option<Wizard> {
    let secret = view.secrets.get(secret_id)?;
    let fields = vec![
        line(
            Id::Keep,
            "keep",
            "1",
            "so many superseded versions stay for a roll-back, the newest",
        ),
        line(
            Id::OlderThan,
            "older than",
            "",
            "such as 30d: younger ones stay as well; empty: any age",
        ),
    ];
    let pages = vec![Page {
        title: "what goes",
        fields,
    }];
    let task = Task::Prune {
        secret_id: secret.id.clone(),
        name: secret.name.clone(),
    };
    Some(Wizard::new(task, Form { pages, focus: 0 }, now_ms))
}
