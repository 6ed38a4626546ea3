//! How does one get from place to place? Screens, details, history, and filters that travel along.

use super::grants;
use crate::tui::model::filter::Filter;
use crate::tui::model::list::ListId;
use crate::tui::model::overlay::Asked;
use crate::tui::model::place::{History, Place};
use crate::tui::model::{Level, Model};

/// Shows a place, with its first list focused.
pub fn to(model: &mut Model, place: Place) {
    if *model.place() == place {
        return;
    }
    model.history.visit(place);
    arrived(model);
}

/// Shows a place with its first list filtered.
pub fn filtered(model: &mut Model, place: Place, filter: &str) {
    let list = place.lists()[0];
    to(model, place);
    let list = model.list_mut(list);
    list.filter = Filter::new(filter);
    list.select_at(0);
    model.rows_stale = true;
}

/// Lists of a detail belong to its subject: another subject begins at the top.
fn forget_details(model: &mut Model) {
    let details = [
        ListId::Versions,
        ListId::Holders,
        ListId::SecretGrants,
        ListId::ServiceTasks,
        ListId::ServiceGrants,
        ListId::NodeHoldings,
        ListId::NodeTasks,
        ListId::RotationServices,
        ListId::RotationTasks,
        ListId::Spec,
        ListId::Logs,
    ];
    for id in details {
        model.lists.remove(&id);
    }
}

fn arrived(model: &mut Model) {
    forget_details(model);
    model.focus = 0;
    model.rows_stale = true;
    model.settle();
}

/// `esc`: first a filter goes, then the place.
pub fn back(model: &mut Model) {
    let mut filtered = vec![model.focused()];
    if *model.place() == Place::Grants {
        filtered.extend([ListId::Matrix, ListId::MatrixSecrets]);
    }
    for id in filtered {
        let list = model.list_mut(id);
        if !list.filter.is_empty() {
            list.filter = Filter::default();
            model.rows_stale = true;
            return;
        }
    }
    if model.shown.problems_only {
        model.shown.problems_only = false;
        model.rows_stale = true;
        return;
    }
    if *model.place() == Place::Grants && grants::ask(model, Asked::DropStaged) {
        return;
    }
    let parent = model.place().parent();
    to(model, parent);
}

pub fn history(model: &mut Model, step: impl Fn(&mut History) -> bool) {
    if step(&mut model.history) {
        arrived(model);
    } else {
        model.say(Level::Info, "no further place in the history");
    }
}

/// Moves the focus to another list of the screen.
pub fn pane(model: &mut Model, step: isize) {
    let count = isize::try_from(model.place().lists().len()).unwrap_or(1);
    let at = isize::try_from(model.focus).unwrap_or(0);
    model.focus = usize::try_from((at + step).rem_euclid(count)).unwrap_or(0);
}
