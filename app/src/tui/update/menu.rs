//! What can be done here? The actions that a screen adds, and why there is none that reveals a value.

use crate::tui::keymap::{self, Action};
use crate::tui::model::Model;
use crate::tui::model::overlay::{Menu, Overlay, Page};
use crate::tui::model::place::Place;
use crate::tui::model::subject::{self, Subject};

pub fn explain(model: &mut Model) {
    let lines = [
        "No call reads a value back: not from here, not from the command line, not as root.",
        "Values are sealed when they come in, and only the workers that run a granted service get them,",
        "into memory, as files.",
        "",
        "What you may want instead:",
        "  r       rotate: give it a new value that you know, or that nobody knows",
        "  enter   who holds which version in memory now, proved by a keyed digest",
        "  l       who changed it, and when",
    ];
    let lines = lines.iter().map(|line| (*line).to_owned()).collect();
    model.overlay = Some(Overlay::Page(Page::new("why there is no reveal", lines)));
}

/// The actions that this screen adds, each with its key.
pub fn of_place(model: &Model) -> Menu {
    let kind = model.place().kind();
    let own =
        keymap::of_screen(kind, model.read_only()).filter(|binding| matches!(binding.scope, keymap::Scope::On(_)));
    let items = own
        .filter(|binding| !matches!(binding.action, Action::Menu | Action::New))
        .map(|binding| (binding.action, binding.key_names(), binding.help.to_owned()))
        .collect();
    let title = subject_title(model);
    Menu {
        title,
        items,
        selected: 0,
    }
}

fn subject_title(model: &Model) -> String {
    match model.place() {
        Place::Secret(id) => subject::name(model, &Subject::Secret(id.clone())),
        Place::Service(id) => subject::name(model, &Subject::Service(id.clone())),
        Place::Node(id) => subject::name(model, &Subject::Node(id.clone())),
        _ => None,
    }
    .unwrap_or_else(|| "actions".to_owned())
}
