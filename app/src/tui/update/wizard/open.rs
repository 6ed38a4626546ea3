//! Which wizard does an action open, and about what? The selection says it, or the name in a command.

use wardroom_api::v1::{Grant, Role};

use crate::tui::keymap::Action;
use crate::tui::model::list::ListId;
use crate::tui::model::place::Kind;
use crate::tui::model::staged::Cell;
use crate::tui::model::subject::{self, Subject};
use crate::tui::model::{Level, Model, rows};
use crate::tui::msg::Effect;
use crate::tui::wizard::form::Form;
use crate::tui::wizard::{Step, Wizard, keys, open as begin, open_grants, open_members as members, open_work};

/// What kind of object a wizard is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    Secret,
    Service,
    Node,
    Operator,
}

impl About {
    /// What the keys of a screen are about.
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Services | Kind::Service | Kind::Grants | Kind::Spec | Kind::Logs => Self::Service,
            Kind::Nodes | Kind::Node | Kind::Raft => Self::Node,
            Kind::Operators => Self::Operator,
            _ => Self::Secret,
        }
    }
}

/// Opens the wizard of an action for what is selected.
pub fn open(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Withdraw => return withdraw(model),
        Action::ToggleRotation | Action::CancelRotation => return steer(model, action),
        _ => {}
    }
    let about = About::of(model.place().kind());
    let id = match about {
        About::Secret => subject::secret_id(model),
        About::Service => subject::service_id(model),
        About::Node => subject::node_id(model),
        About::Operator => subject::operator_id(model),
    };
    // On a version's row the version is meant, elsewhere the whole secret.
    let version = match (model.focused(), action) {
        (ListId::Versions, Action::Revoke | Action::Shred) => model
            .selected(ListId::Versions)
            .and_then(|key| key.parse().ok())
            .unwrap_or(0),
        _ => 0,
    };
    open_named(model, action, about, &id.unwrap_or_default(), version)
}

/// Opens the wizard of an action for the object with that id.
pub fn open_named(model: &mut Model, action: Action, about: About, id: &str, version: u32) -> Vec<Effect> {
    match begin_for(model, action, about, id, version) {
        Ok(wizard) => start(model, wizard),
        Err(why) => {
            model.say(Level::Info, why);
            Vec::new()
        }
    }
}

/// The wizard, or why there is none.
fn begin_for(model: &Model, action: Action, about: About, id: &str, version: u32) -> Result<Wizard, String> {
    let (view, now_ms) = (&model.cluster, model.now_ms);
    if let Some(opened) = keys::open(view, action, model.attached.as_deref(), now_ms) {
        return opened;
    }
    if let Some(opened) = open_work::service(view, action, id, now_ms) {
        return opened;
    }
    let wizard = match (action, about) {
        (Action::StepDown, _) => return members::step_down(view, Some(id), now_ms),
        (Action::RotateRoot, _) => Some(members::rotate_root(view, now_ms)),
        (Action::Backup, _) => Some(members::backup(view, now_ms)),
        (_, About::Node) => return members::node(view, action, id, now_ms),
        (Action::Remove, About::Operator) => members::remove_operator(view, id, now_ms),
        (Action::New, About::Service) => Some(begin::create_service(view, now_ms)),
        (Action::New, _) => Some(begin::create_secret(now_ms)),
        (Action::Rotate, _) => begin::rotate(view, id, now_ms),
        (Action::PauseRotation | Action::ResumeRotation | Action::CancelRotation, _) => {
            let newest = view.rotation_of_secret(id).ok_or("it was not rotated yet")?;
            return open_work::steer(view, &newest.id, action, now_ms);
        }
        (Action::Prune, _) => open_work::prune(view, id, now_ms),
        (Action::Shred, _) => keys::shred(view, id, version, now_ms),
        (Action::Revoke, _) => begin::revoke(view, id, version, now_ms),
        (Action::Remove, About::Service) => begin::remove_service(view, id, now_ms),
        (Action::Remove, _) => begin::remove_secret(view, id, now_ms),
        (Action::Access, About::Service) => begin::grant(view, Some(id), None, now_ms),
        (Action::Access, _) => begin::grant(view, None, Some(id), now_ms),
        _ => None,
    };
    wizard.ok_or_else(|| {
        let needs = action == Action::Access && (view.services.is_empty() || view.secrets.is_empty());
        let why = if needs {
            "a grant needs a secret and a service: create them first"
        } else {
            "nothing is selected"
        };
        why.to_owned()
    })
}

/// A new join token for nodes of that role.
pub fn rotate_token(model: &mut Model, role: Role) -> Vec<Effect> {
    let wizard = members::rotate_token(role, model.now_ms);
    start(model, wizard)
}

/// The form of a cell of the matrix.
pub fn edit_grant(model: &mut Model, cell: Cell, names: (String, String), grant: &Grant) -> Vec<Effect> {
    let wizard = open_grants::edit(cell, names, grant, model.now_ms);
    start(model, wizard)
}

/// The plan of everything that is staged.
pub fn send_grants(model: &mut Model) -> Vec<Effect> {
    let wizard = Wizard::new(open_grants::task(model), Form::default(), model.now_ms);
    start(model, wizard)
}

fn steer(model: &mut Model, action: Action) -> Vec<Effect> {
    let opened = match subject::rotation_id(model) {
        Some(id) => open_work::steer(&model.cluster, &id, action, model.now_ms),
        None => Err("select a rotation first".to_owned()),
    };
    match opened {
        Ok(wizard) => start(model, wizard),
        Err(why) => {
            model.say(Level::Info, why);
            Vec::new()
        }
    }
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
