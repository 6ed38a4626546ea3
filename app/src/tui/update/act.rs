//! What does a key do on a screen? It moves, opens, explains, or opens a wizard; it never changes the cluster.

use super::{always, audit, go, grants, keys, logs, menu, palette, tokens, why, wizard};
use crate::tui::key::Key;
use crate::tui::keymap::{self, Action};
use crate::tui::model::key_tree::Line;
use crate::tui::model::line_input::LineInput;
use crate::tui::model::list::{ListId, SortBy};
use crate::tui::model::overlay::{Overlay, Page};
use crate::tui::model::place::{History, Kind, Place};
use crate::tui::model::subject::{self, Subject};
use crate::tui::model::{Access, Level, Model, describe};
use crate::tui::msg::{Call, Effect};

pub fn key(model: &mut Model, key: Key, armed: bool) -> Vec<Effect> {
    let Some(binding) = keymap::on(model.place(), key) else {
        return Vec::new();
    };
    if let Some(effects) = always(model, binding.action, armed) {
        return effects;
    }
    if binding.writes && model.read_only() {
        model.say_read_only();
        return Vec::new();
    }
    perform(model, binding.action)
}

/// Does what an action means here.
pub fn perform(model: &mut Model, action: Action) -> Vec<Effect> {
    let list = moved(model);
    if model.logs.is_some() {
        logs::moved(model, action);
    }
    match action {
        Action::Down => model.list_mut(list).step(1),
        Action::Up => model.list_mut(list).step(-1),
        Action::Top => model.list_mut(list).select_at(0),
        Action::Bottom => model.list_mut(list).select_at(usize::MAX),
        Action::PageDown => page(model, 1),
        Action::PageUp => page(model, -1),
        Action::NextPane => go::pane(model, 1),
        Action::PreviousPane => go::pane(model, -1),
        Action::Go(kind) => go::to(model, Place::of(kind)),
        Action::Back => go::back(model),
        Action::HistoryBack => go::history(model, History::back),
        Action::HistoryForward => go::history(model, History::forward),
        Action::Last => go::history(model, History::last),
        Action::SortByName => sort(model, SortBy::Name),
        Action::SortByAge => sort(model, SortBy::Age),
        Action::SortByState => sort(model, SortBy::State),
        Action::Palette => model.overlay = Some(Overlay::Palette(palette::open(model))),
        Action::Filter => {
            let list = model.focused();
            let text = model.list_mut(list).filter.text().to_owned();
            model.overlay = Some(Overlay::Filter(list, LineInput::with(&text)));
        }
        Action::Help => model.overlay = Some(Overlay::Help(super::popup::help(model))),
        Action::Messages => model.overlay = Some(Overlay::Messages(super::popup::messages(model))),
        Action::Menu => model.overlay = Some(Overlay::Menu(menu::of_place(model))),
        Action::ProblemsOnly => {
            model.shown.problems_only = !model.shown.problems_only;
            model.rows_stale = true;
        }
        Action::ReadOnly | Action::ReadWrite => read_only(model, action == Action::ReadOnly),
        Action::Refresh if model.place().kind() == Kind::Logs => return logs::again(model),
        Action::Refresh => {
            let ticket = model.ticket();
            return vec![Effect::Call(ticket, Call::Status)];
        }
        _ => return about_selection(model, action),
    }
    Vec::new()
}

/// The list that keys move in: in the matrix down the services, whichever way is filtered.
fn moved(model: &Model) -> ListId {
    match model.place() {
        Place::Grants => ListId::Matrix,
        _ => model.focused(),
    }
}

fn about_selection(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Open => open(model),
        Action::Describe => describe_selected(model),
        Action::CopyName => return copy(model),
        Action::AuditOf => audit_of(model),
        Action::UsedBy => used_by(model),
        Action::Explain => menu::explain(model),
        Action::Actor | Action::Object => audit::narrow(model, action),
        Action::NextDenied => audit::next_denied(model, 1),
        Action::PreviousDenied => audit::next_denied(model, -1),
        Action::VerifyChain => audit::verify(model),
        Action::Follow => {
            model.shown.follow = !model.shown.follow;
            model.rows_stale = true;
            model.say(
                Level::Info,
                if model.shown.follow {
                    "following the newest record"
                } else {
                    "no longer following"
                },
            );
        }
        Action::NextColumn
        | Action::PreviousColumn
        | Action::FirstColumn
        | Action::LastColumn
        | Action::PageRight
        | Action::PageLeft => grants::columns(model, action),
        Action::Why => why::open(model),
        Action::Progress => {
            let id = subject::secret_id(model).unwrap_or_default();
            progress(model, &id);
        }
        Action::Spec => spec(model),
        Action::Logs => logs::open(model),
        Action::Hold => logs::pause(model),
        Action::Toggle => grants::toggle(model),
        Action::EditGrant => return grants::edit(model),
        Action::Undo => grants::undo(model),
        Action::PlanGrants => return grants::plan(model),
        Action::Tokens => tokens::open(model),
        Action::RotateKey => return keys::rotate(model),
        Action::Shred if model.place().kind() == Kind::Keys => keys::ask_what_to_shred(model),
        Action::New
        | Action::Rotate
        | Action::Revoke
        | Action::Remove
        | Action::Access
        | Action::Withdraw
        | Action::Promote
        | Action::Demote
        | Action::Availability
        | Action::Labels
        | Action::StepDown
        | Action::RotateRoot
        | Action::RotateUnlockKey
        | Action::RotateDek
        | Action::Autolock
        | Action::LockNow
        | Action::Shred
        | Action::ToggleRotation
        | Action::PauseRotation
        | Action::ResumeRotation
        | Action::CancelRotation
        | Action::Prune
        | Action::Scale
        | Action::RollbackService
        | Action::ForceUpdate
        | Action::Backup => return wizard::open(model, action),
        _ => {}
    }
    Vec::new()
}

fn page(model: &mut Model, pages: isize) {
    let list = moved(model);
    let list = model.list_mut(list);
    let rows = list.page();
    list.step(rows.saturating_mul(pages));
}

fn sort(model: &mut Model, by: SortBy) {
    let list = model.focused();
    if list == ListId::Keys {
        model.say(Level::Info, "the tree has one order: what hangs on what");
        return;
    }
    model.list_mut(list).toggle_sort(by);
    model.rows_stale = true;
}

fn read_only(model: &mut Model, wanted: bool) {
    let fixed = matches!(model.access, Access::Locked | Access::Viewer);
    if !wanted && fixed {
        model.say_read_only();
        return;
    }
    if !fixed {
        model.access = if wanted { Access::ReadOnly } else { Access::ReadWrite };
    }
    model.say(
        Level::Info,
        if wanted {
            "read-only: keys that change the cluster are off"
        } else {
            "read and write"
        },
    );
}

fn open(model: &mut Model) {
    let place = match (model.focused(), subject::selected(model)) {
        (ListId::Attention, _) => {
            let key = model.selected(ListId::Attention).unwrap_or_default();
            let noted = model.noted.iter().find(|item| item.key == key);
            noted.map(|item| item.place.clone())
        }
        (_, Some(Subject::Secret(id))) => Some(Place::Secret(id)),
        (_, Some(Subject::Service(id))) => Some(Place::Service(id)),
        (_, Some(Subject::Node(id))) => Some(Place::Node(id)),
        (_, Some(Subject::Task(id))) => model
            .cluster
            .tasks
            .get(&id)
            .map(|task| Place::Service(task.service_id.clone())),
        (_, Some(Subject::Rotation(id))) => Some(Place::Rotation(id)),
        (_, Some(Subject::Holding(_) | Subject::Grant(_))) => subject::secret_id(model).map(Place::Secret),
        (
            _,
            Some(Subject::Record(_) | Subject::Operator(_) | Subject::Key(_) | Subject::Move(_) | Subject::Line(_)),
        ) => {
            return describe_selected(model);
        }
        (_, None) => None,
    };
    if let Some(place) = place {
        go::to(model, place);
    }
}

/// The newest rotation of the secret, as it runs or ran.
pub fn progress(model: &mut Model, secret_id: &str) {
    let newest = model.cluster.rotation_of_secret(secret_id);
    match newest.map(|rotation| rotation.id.clone()) {
        Some(id) => go::to(model, Place::Rotation(id)),
        None => model.say(Level::Info, "it was not rotated yet"),
    }
}

fn spec(model: &mut Model) {
    match subject::service_id(model) {
        Some(id) => go::to(model, Place::Spec(id)),
        None => model.say(Level::Info, "nothing is selected"),
    }
}

fn describe_selected(model: &mut Model) {
    let Some(subject) = subject::selected(model) else {
        model.say(Level::Info, "nothing is selected");
        return;
    };
    let lines = describe::describe(model, &subject);
    let title = subject::name(model, &subject).unwrap_or_default();
    model.overlay = Some(Overlay::Page(Page::new(title, lines)));
}

fn copy(model: &mut Model) -> Vec<Effect> {
    let name = subject::selected(model).and_then(|subject| subject::name(model, &subject));
    let Some(name) = name else {
        model.say(Level::Info, "nothing is selected");
        return Vec::new();
    };
    model.say(
        Level::Info,
        format!("'{name}' sent to the terminal's clipboard, if it takes it"),
    );
    vec![Effect::Copy(name)]
}

fn audit_of(model: &mut Model) {
    let about_keys = match subject::selected(model) {
        Some(Subject::Key(line)) => line.audit_filter(),
        Some(Subject::Move(key)) if key == "root" => Line::Root.audit_filter(),
        Some(Subject::Move(_)) => "action=dek|shred|unlock-key|autolock",
        _ => "",
    };
    if !about_keys.is_empty() {
        go::filtered(model, Place::Audit, about_keys);
        return;
    }
    if let Some(name) = subject::selected(model).and_then(|subject| subject::name(model, &subject)) {
        go::filtered(model, Place::Audit, &format!("object={name}"));
    }
}

fn used_by(model: &mut Model) {
    if let Some(secret) = subject::secret_id(model).and_then(|id| model.cluster.secrets.get(&id)) {
        let filter = format!("secret={}", secret.name);
        go::filtered(model, Place::Services, &filter);
    }
}
