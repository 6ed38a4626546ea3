//! How do the wizards of the matrix begin? The form of one cell, and the plan of everything that is staged.

use std::collections::BTreeSet;

use wardroom_api::v1::Grant;

use super::form::{Form, Id, Page, choice, line};
use super::open::grant_fields;
use super::{Task, Wizard};
use crate::tui::model::Model;
use crate::tui::model::facts::words;
use crate::tui::model::staged::Cell;

/// The form of a cell, filled with the grant as it is.
pub fn edit(cell: Cell, (service, secret): (String, String), grant: &Grant, now_ms: i64) -> Wizard {
    let only = |id: &str, name: &str| vec![(id.to_owned(), name.to_owned())];
    let mut fields = vec![choice(
        Id::Secret,
        "secret",
        only(&cell.1, &secret),
        "what is filled in is staged; nothing is sent yet",
    )];
    fields.extend(grant_fields());
    let pin = if grant.pinned == 0 {
        String::new()
    } else {
        grant.pinned.to_string()
    };
    fields.push(line(
        Id::Pin,
        "version",
        &pin,
        "a number stays with that version; empty: the current one",
    ));
    let mut form = Form {
        pages: vec![Page { title: "grant", fields }],
        focus: 1,
    };
    form.set_line(Id::Target, &grant.target);
    form.set_line(Id::Mode, &words::mode(grant.mode));
    form.set_line(Id::Owner, &format!("{}:{}", grant.uid, grant.gid));
    form.choose(Id::OnChange, words::on_change(grant.on_change()));
    if !grant.signal.is_empty() {
        form.set_line(Id::Signal, &grant.signal);
    }
    let task = Task::StageGrant { cell, service, secret };
    Wizard::new(task, form, now_ms)
}

/// What the plan of all staged edits is about.
pub fn task(model: &Model) -> Task {
    let edits: Vec<_> = model
        .staged
        .iter()
        .map(|(cell, edit)| (cell.clone(), edit.clone()))
        .collect();
    let view = &model.cluster;
    let touched: BTreeSet<&str> = edits
        .iter()
        .filter_map(|((service, _), _)| view.services.get(service))
        .map(words::service_name)
        .collect();
    Task::Grants {
        services: touched.into_iter().map(str::to_owned).collect(),
        edits,
        cluster: view
            .cluster
            .as_ref()
            .map(|cluster| cluster.name.clone())
            .unwrap_or_default(),
    }
}
