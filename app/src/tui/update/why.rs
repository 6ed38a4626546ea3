//! Whose chain is asked for? That of the selected cell, grant, holder or task.

use super::popup;
use crate::tui::model::overlay::Overlay;
use crate::tui::model::place::Place;
use crate::tui::model::subject::{self, Subject};
use crate::tui::model::why::{Asked, lines};
use crate::tui::model::{Level, Model, rows};

pub fn open(model: &mut Model) {
    match asked(model) {
        Some(asked) => model.overlay = Some(Overlay::Why(asked)),
        None => model.say(
            Level::Info,
            "select a grant, a holder or a task: why is about a service and a secret",
        ),
    }
}

/// For the pair that a command names.
pub fn of_pair(model: &mut Model, service_id: String, secret_id: String) {
    model.overlay = Some(Overlay::Why(Asked {
        service_id,
        secret_ids: vec![secret_id],
        ..Asked::default()
    }));
}

fn asked(model: &Model) -> Option<Asked> {
    let view = &model.cluster;
    let pair = |service: &str, secret: &str, task: Option<String>| Asked {
        service_id: service.to_owned(),
        secret_ids: vec![secret.to_owned()],
        task_id: task,
        ..Asked::default()
    };
    if *model.place() == Place::Grants {
        let (service, secret) = subject::cell(model)?;
        return Some(pair(&service.id, &secret.id, None));
    }
    match subject::selected(model)? {
        Subject::Grant(key) => {
            rows::grant_of(model, &key).map(|(service, grant)| pair(&service.id, &grant.secret_id, None))
        }
        Subject::Holding(id) => {
            let holding = view.holdings.get(&id)?;
            let task = view.tasks.get(&holding.task_id)?;
            Some(pair(&task.service_id, &holding.secret_id, Some(task.id.clone())))
        }
        Subject::Task(id) => of_task(model, &id),
        Subject::Service(id) => match model.place() {
            Place::Rotation(rotation) => Some(pair(&id, &view.rotations.get(rotation)?.secret_id, None)),
            _ => None,
        },
        // A secret that one service alone may read leaves no choice.
        Subject::Secret(id) => {
            let mut services = view.services_granted(&id);
            let first = services.next()?;
            services.next().is_none().then(|| pair(&first.id, &id, None))
        }
        _ => None,
    }
}

/// In a rotation its secret is meant, elsewhere every one that the task's service was granted.
fn of_task(model: &Model, id: &str) -> Option<Asked> {
    let view = &model.cluster;
    let task = view.tasks.get(id)?;
    let secret_ids = if let Place::Rotation(rotation) = model.place() {
        vec![view.rotations.get(rotation)?.secret_id.clone()]
    } else {
        let spec = view.services.get(&task.service_id)?.spec.as_ref()?;
        let mut ids: Vec<String> = spec.grants.iter().map(|grant| grant.secret_id.clone()).collect();
        ids.dedup();
        ids
    };
    let asked = Asked {
        service_id: task.service_id.clone(),
        secret_ids,
        task_id: Some(id.to_owned()),
        ..Asked::default()
    };
    (!asked.secret_ids.is_empty()).then_some(asked)
}

/// Scrolls by rows of the chain; a long text takes several of the screen.
pub fn scroll(model: &Model, asked: &mut Asked, action: crate::tui::keymap::Action) {
    let count = lines(model, asked).len().saturating_mul(2);
    asked.top = popup::scrolled(asked.top, (count, asked.seen.height()), action);
}
