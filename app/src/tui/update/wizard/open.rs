//! Which wizard does an action open, and about what? The selection says it, or the name in a command.

use crate::tui::keymap::Action;
use crate::tui::model::list::ListId;
use crate::tui::model::subject::{self, Subject};
use crate::tui::model::{Level, Model, rows};
use crate::tui::msg::Effect;
use crate::tui::update::act;
use crate::tui::wizard::{Step, Wizard, open as begin};

/// Opens the wizard of an action for what is selected.
pub fn open(model: &mut Model, action: Action) -> Vec<Effect> {
    let about_services = act::is_about_services(model.place().kind());
    if action == Action::Withdraw {
        return withdraw(model);
    }
    let id = if about_services {
        subject::service_id(model)
    } else {
        subject::secret_id(model)
    };
    // On a version's row the version is meant, elsewhere the whole secret.
    let version = match (model.focused(), action) {
        (ListId::Versions, Action::Revoke) => model
            .selected(ListId::Versions)
            .and_then(|key| key.parse().ok())
            .unwrap_or(0),
        _ => 0,
    };
    open_named(model, action, &id.unwrap_or_default(), about_services, version)
}

/// Opens the wizard of an action for the object with that id.
pub fn open_named(model: &mut Model, action: Action, id: &str, about_service: bool, version: u32) -> Vec<Effect> {
    let (view, now_ms) = (&model.cluster, model.now_ms);
    let wizard = match action {
        Action::New if about_service => Some(begin::create_service(view, now_ms)),
        Action::New => Some(begin::create_secret(now_ms)),
        Action::Rotate => begin::rotate(view, id, now_ms),
        Action::Revoke => begin::revoke(view, id, version, now_ms),
        Action::Remove if about_service => begin::remove_service(view, id, now_ms),
        Action::Remove => begin::remove_secret(view, id, now_ms),
        Action::Access if about_service => begin::grant(view, Some(id), None, now_ms),
        Action::Access => begin::grant(view, None, Some(id), now_ms),
        _ => None,
    };
    let Some(wizard) = wizard else {
        let needs = action == Action::Access && (view.services.is_empty() || view.secrets.is_empty());
        model.say(
            Level::Info,
            if needs {
                "a grant needs a secret and a service: create them first"
            } else {
                "nothing is selected"
            },
        );
        return Vec::new();
    };
    start(model, wizard)
}

fn withdraw(model: &mut Model) -> Vec<Effect> {
    let Some(Subject::Grant(key)) = subject::selected(model) else {
        model.say(
            Level::Info,
            "select a grant first: tab moves to them in the detail of a service",
        );
        return Vec::new();
    };
    let found = rows::grant_of(model, &key).map(|(service, grant)| (service.id.clone(), grant.secret_name.clone()));
    match found.and_then(|(service, secret)| begin::withdraw(&model.cluster, &service, &secret, model.now_ms)) {
        Some(wizard) => start(model, wizard),
        None => Vec::new(),
    }
}

fn start(model: &mut Model, wizard: Wizard) -> Vec<Effect> {
    let planned_at_once = wizard.step == Step::Plan;
    model.wizard = Some(Box::new(wizard));
    if planned_at_once {
        super::run::make_plan(model)
    } else {
        Vec::new()
    }
}
