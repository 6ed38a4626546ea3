//! What does a key do in a wizard? It fills in fields and turns pages; `enter` runs a plan only once the name of its
//! object has been typed, and never within the first moment of a step.

mod fill;
mod open;
mod outcome;
mod run;

use super::scoped;
use crate::tui::key::Key;
use crate::tui::keymap::{Action, Scope};
use crate::tui::model::place::Place;
use crate::tui::model::{Level, Model};
use crate::tui::msg::Effect;
use crate::tui::wizard::{ENTER_GUARD_MS, NodeChange, Step, Task};

pub use fill::paste;
pub use open::{About, edit_grant, open, open_named, rotate_token, send_grants};
pub use run::{answered, file_read, written};

pub fn key(model: &mut Model, key: Key, armed: bool) -> Vec<Effect> {
    let action = match scoped(model, Scope::Wizard, key, armed) {
        Ok(action) => action,
        Err(effects) => return effects,
    };
    let Some(wizard) = &mut model.wizard else {
        return Vec::new();
    };
    let opened_ms = model.now_ms.saturating_sub(wizard.since_ms);
    match (action, wizard.step) {
        (Some(Action::Accept), _) if (0..ENTER_GUARD_MS).contains(&opened_ms) => {}
        (Some(Action::Accept), Step::Page(page)) => return run::accept_page(model, page),
        (Some(Action::Accept), Step::Plan) => return run::run(model),
        (Some(Action::Accept | Action::Cancel), Step::Run) => close(model),
        (Some(Action::Cancel), step) => return cancel(model, step),
        (action, Step::Page(page)) => fill::fill(wizard, page, action, key),
        (action, Step::Plan) => fill::confirm(wizard, action, key),
        (_, Step::Run) => {}
    }
    Vec::new()
}

/// `esc`: the page before, and from the first one out. What was sent already goes on.
fn cancel(model: &mut Model, step: Step) -> Vec<Effect> {
    let Some(wizard) = &mut model.wizard else {
        return Vec::new();
    };
    let pages = wizard.form.pages.len();
    let before = match step {
        Step::Page(page) => page.checked_sub(1),
        Step::Plan => pages.checked_sub(1),
        Step::Run => None,
    };
    if wizard.waiting.is_some() && step == Step::Plan && wizard.plan.is_some() {
        model.say(
            Level::Warn,
            "the change was sent already; its result comes as a message",
        );
        model.wizard = None;
        return Vec::new();
    }
    wizard.waiting = None;
    if let Some(page) = before {
        wizard.enter(Step::Page(page), model.now_ms);
    } else {
        let text = format!("{} cancelled, nothing was changed", wizard.task.verb());
        model.wizard = None;
        model.say(Level::Info, text);
    }
    Vec::new()
}

/// Leaves a wizard whose change is under way or through, for the place where it can be seen.
fn close(model: &mut Model) {
    let Some(wizard) = model.wizard.take() else { return };
    let accepted = wizard.accepted.clone().unwrap_or_default();
    match wizard.task {
        Task::CreateSecret if model.cluster.secrets.contains_key(&accepted.id) => {
            super::go::to(model, Place::Secret(accepted.id));
        }
        Task::CreateService if model.cluster.services.contains_key(&accepted.id) => {
            super::go::to(model, Place::Service(accepted.id));
        }
        Task::RemoveSecret { .. } => super::go::to(model, Place::Secrets),
        Task::RemoveService { .. } => super::go::to(model, Place::Services),
        Task::Node {
            change: NodeChange::Remove,
            ..
        } => super::go::to(model, Place::Nodes),
        _ => {}
    }
}
