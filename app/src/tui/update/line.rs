//! What does a key do while the palette or a filter is being typed? A filter acts at every key, the palette on enter.

use zeroize::Zeroizing;

use super::{palette, scoped};
use crate::tui::key::Key;
use crate::tui::keymap::{Action, Scope};
use crate::tui::model::filter::Filter;
use crate::tui::model::line_input::LineInput;
use crate::tui::model::list::ListId;
use crate::tui::model::overlay::{Overlay, Palette};
use crate::tui::model::{Level, Model};
use crate::tui::msg::{Effect, Pasted};

pub fn key(model: &mut Model, key: Key, armed: bool) -> Vec<Effect> {
    let action = match scoped(model, Scope::Line, key, armed) {
        Ok(action) => action,
        Err(effects) => return effects,
    };
    match model.overlay.take() {
        Some(Overlay::Palette(line)) => palette_key(model, line, action, key),
        Some(Overlay::Filter(list, line)) => {
            filter_key(model, list, line, action, key);
            Vec::new()
        }
        other => {
            model.overlay = other;
            Vec::new()
        }
    }
}

fn edit(line: &mut LineInput, action: Option<Action>, key: Key) {
    match action {
        Some(Action::Clear) => line.clear(),
        Some(Action::Erase | Action::Edit) | None => line.input(key),
        Some(_) => {}
    }
}

fn palette_key(model: &mut Model, mut open: Palette, action: Option<Action>, key: Key) -> Vec<Effect> {
    let last = open.suggestions.len().saturating_sub(1);
    match action {
        Some(Action::Cancel) => return Vec::new(),
        Some(Action::Down) => open.selected = (open.selected + 1).min(last),
        Some(Action::Up) => open.selected = open.selected.saturating_sub(1),
        Some(Action::Accept) => return accept(model, open),
        Some(Action::Complete) => {
            if let Some(suggestion) = open.suggestions.get(open.selected) {
                open.input = LineInput::with(&suggestion.line);
            }
            palette::suggest(model, &mut open);
        }
        Some(Action::Erase) if open.input.text().is_empty() => return Vec::new(),
        other => {
            edit(&mut open.input, other, key);
            palette::suggest(model, &mut open);
        }
    }
    model.overlay = Some(Overlay::Palette(open));
    Vec::new()
}

/// Runs the line if it is a command, otherwise what is suggested for it; a suggestion that needs a name is completed.
fn accept(model: &mut Model, mut open: Palette) -> Vec<Effect> {
    if let Some(effects) = palette::run(model, open.input.text()) {
        return effects;
    }
    let Some(line) = open
        .suggestions
        .get(open.selected)
        .map(|suggestion| suggestion.line.clone())
    else {
        model.say(
            Level::Warn,
            format!(
                "there is no command '{}'; tab completes, ? shows help",
                open.input.text()
            ),
        );
        return Vec::new();
    };
    if let Some(effects) = palette::run(model, &line) {
        return effects;
    }
    open.input = LineInput::with(&line);
    palette::suggest(model, &mut open);
    model.overlay = Some(Overlay::Palette(open));
    Vec::new()
}

fn filter_key(model: &mut Model, list: ListId, mut line: LineInput, action: Option<Action>, key: Key) {
    match action {
        Some(Action::Accept) => return,
        Some(Action::Cancel) => return apply(model, list, ""),
        Some(Action::Down | Action::Up) => {
            model
                .list_mut(list)
                .step(if action == Some(Action::Down) { 1 } else { -1 });
        }
        Some(Action::Erase) if line.text().is_empty() => return,
        other => edit(&mut line, other, key),
    }
    apply(model, list, line.text());
    model.overlay = Some(Overlay::Filter(list, line));
}

fn apply(model: &mut Model, list: ListId, text: &str) {
    model.list_mut(list).filter = Filter::new(text);
    model.rows_stale = true;
}

pub fn paste(model: &mut Model, pasted: Pasted) {
    // Somebody may paste a value into the wrong line: what does not stay in it is wiped.
    let bytes = Zeroizing::new(pasted.take());
    let text = Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned());
    match model.overlay.take() {
        Some(Overlay::Palette(mut open)) => {
            open.input.paste(&text);
            palette::suggest(model, &mut open);
            model.overlay = Some(Overlay::Palette(open));
        }
        Some(Overlay::Filter(list, mut line)) => {
            line.paste(&text);
            apply(model, list, line.text());
            model.overlay = Some(Overlay::Filter(list, line));
        }
        other => model.overlay = other,
    }
}
