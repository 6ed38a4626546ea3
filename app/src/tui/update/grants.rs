//! What do keys do in the matrix? They stage edits and take them back; nothing is sent before the plan of all of them.

use super::{go, wizard};
use crate::tui::keymap::Action;
use crate::tui::model::facts::words;
use crate::tui::model::list::ListId;
use crate::tui::model::overlay::{Ask, Asked, Overlay};
use crate::tui::model::staged::{Cell, Edit, plain_grant};
use crate::tui::model::{Level, Model, subject};
use crate::tui::msg::Effect;

/// Moves the selected column.
pub fn columns(model: &mut Model, action: Action) {
    let list = model.list_mut(ListId::MatrixSecrets);
    match action {
        Action::NextColumn => list.step(1),
        Action::PreviousColumn => list.step(-1),
        Action::FirstColumn => list.select_at(0),
        Action::LastColumn => list.select_at(usize::MAX),
        Action::PageRight => list.step(list.page()),
        Action::PageLeft => list.step(-list.page()),
        _ => {}
    }
}

/// Grants what is not granted, withdraws what is; again: as it was.
pub fn toggle(model: &mut Model) {
    let Some((service, secret)) = subject::cell(model) else {
        model.say(Level::Info, "nothing is selected");
        return;
    };
    let granted = service.spec.as_ref().is_some_and(|spec| spec.grants_secret(&secret.id));
    let cell: Cell = (service.id.clone(), secret.id.clone());
    if !granted && secret.current == 0 {
        let text = format!("{} has no current version: rotate it first", secret.name);
        model.say(Level::Warn, text);
        return;
    }
    let edit = match (model.staged.get(&cell), granted) {
        (Some(_), _) => None,
        (None, true) => Some(Edit::Remove(secret.name.clone())),
        (None, false) => Some(Edit::Add(plain_grant(&secret.id, &secret.name))),
    };
    model.staged.put(cell, edit);
}

/// Opens the form of what is staged for the cell, or of what is granted there.
pub fn edit(model: &mut Model) -> Vec<Effect> {
    let Some((service, secret)) = subject::cell(model) else {
        model.say(Level::Info, "nothing is selected");
        return Vec::new();
    };
    let cell: Cell = (service.id.clone(), secret.id.clone());
    let mut granted = service.spec.iter().flat_map(|spec| &spec.grants);
    let mut granted = granted.by_ref().filter(|grant| grant.secret_id == secret.id);
    let is_staged = matches!(model.staged.get(&cell), Some(Edit::Add(_) | Edit::Change(_)));
    let grant = match (model.staged.get(&cell), granted.next(), granted.next()) {
        (_, Some(_), Some(_)) if !is_staged => {
            let text = format!(
                "{} has it in several files: edit them on the command line",
                words::service_name(service)
            );
            model.say(Level::Info, text);
            return Vec::new();
        }
        (Some(Edit::Add(grant) | Edit::Change(grant)), ..) | (_, Some(grant), None) => grant.clone(),
        (_, None | Some(_), _) => plain_grant(&secret.id, &secret.name),
    };
    let names = (words::service_name(service).to_owned(), secret.name.clone());
    wizard::edit_grant(model, cell, names, &grant)
}

/// Takes in what the form says.
pub fn stage(model: &mut Model, cell: Cell, grant: wardroom_api::v1::Grant) {
    let view = &model.cluster;
    let spec = view.services.get(&cell.0).and_then(|service| service.spec.as_ref());
    let granted = spec.and_then(|spec| spec.grants.iter().find(|grant| grant.secret_id == cell.1));
    let edit = match granted {
        Some(now) if *now == grant => None,
        Some(_) => Some(Edit::Change(grant)),
        None => Some(Edit::Add(grant)),
    };
    let text = match &edit {
        Some(edit) => format!("staged: {} {}", edit.sign(), edit.word()),
        None => "as it is granted already: nothing is staged".to_owned(),
    };
    model.staged.put(cell, edit);
    model.say(Level::Info, text);
}

pub fn undo(model: &mut Model) {
    match model.staged.undo() {
        Some((service, secret)) => {
            // The eye follows what has changed.
            model.list_mut(ListId::Matrix).select(&service);
            model.list_mut(ListId::MatrixSecrets).select(&secret);
        }
        None => model.say(Level::Info, "there is nothing to take back"),
    }
}

/// The plan of everything that is staged.
pub fn plan(model: &mut Model) -> Vec<Effect> {
    model.staged.prune(&model.cluster);
    if model.staged.is_empty() {
        model.say(
            Level::Info,
            "nothing is staged: space grants or withdraws the selected cell",
        );
        return Vec::new();
    }
    wizard::send_grants(model)
}

/// Asks before staged edits are lost; false when there are none.
pub fn ask(model: &mut Model, asked: Asked) -> bool {
    if model.staged.is_empty() {
        return false;
    }
    let edits = words::count(model.staged.len(), "staged edit");
    let verb = if model.staged.len() == 1 { "is" } else { "are" };
    let end = match asked {
        Asked::DropStaged => "drop them and leave the matrix",
        Asked::Quit => "drop them and quit",
    };
    model.overlay = Some(Overlay::Ask(Ask {
        title: format!("{edits} {verb} not sent"),
        lines: vec![
            format!("y      {end}"),
            "esc    keep them; other screens can be visited, they stay".to_owned(),
            "p      in the matrix: see the plan of them and send it".to_owned(),
        ],
        asked,
    }));
    true
}

/// Yes: they are dropped.
pub fn confirmed(model: &mut Model, asked: Asked) -> Vec<Effect> {
    let edits = words::count(model.staged.len(), "staged edit");
    model.staged.clear();
    model.say(Level::Info, format!("{edits} dropped, nothing was changed"));
    match asked {
        Asked::DropStaged => {
            let parent = model.place().parent();
            go::to(model, parent);
            Vec::new()
        }
        Asked::Quit => vec![Effect::Quit],
    }
}

/// Staged edits that the cluster has overtaken go.
pub fn overtaken(model: &mut Model) {
    let dropped = model.staged.prune(&model.cluster);
    if dropped > 0 {
        let text = format!(
            "{} overtaken: done already, or the object is gone",
            words::count(dropped, "staged edit")
        );
        model.say(Level::Warn, text);
    }
}
