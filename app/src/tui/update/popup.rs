//! What does a key do in a popup? It scrolls, chooses, closes. Help is written here, from the table of keys.

use super::{act, palette, scoped};
use crate::tui::key::Key;
use crate::tui::keymap::{self, Action, Binding, Scope};
use crate::tui::model::Model;
use crate::tui::model::facts::time;
use crate::tui::model::overlay::{Menu, Overlay, Page};
use crate::tui::msg::Effect;

pub fn key(model: &mut Model, key: Key, armed: bool) -> Vec<Effect> {
    let action = match scoped(model, Scope::Popup, key, armed) {
        Ok(action) => action,
        Err(effects) => return effects,
    };
    match (model.overlay.take(), action) {
        (Some(Overlay::Menu(menu)), action) => menu_key(model, menu, action, key),
        (None, _) | (_, Some(Action::Cancel | Action::Accept)) => Vec::new(),
        (Some(mut overlay), action) => {
            if let (Overlay::Why(asked), Some(action)) = (&mut overlay, action) {
                super::why::scroll(model, asked, action);
            }
            if let (Overlay::Page(page) | Overlay::Help(page) | Overlay::Messages(page), Some(action)) =
                (&mut overlay, action)
            {
                scroll(page, action);
            }
            model.overlay = Some(overlay);
            Vec::new()
        }
    }
}

fn scroll(page: &mut Page, action: Action) {
    page.top = scrolled(page.top, (page.lines.len(), page.seen.height()), action);
}

/// The first line shown after that, of so many lines of which so many fit.
pub fn scrolled(top: usize, (count, height): (usize, usize), action: Action) -> usize {
    let last = count.saturating_sub(height);
    let rows = height.max(1);
    match action {
        Action::Down => top + 1,
        Action::Up => top.saturating_sub(1),
        Action::PageDown => top + rows,
        Action::PageUp => top.saturating_sub(rows),
        Action::Top => 0,
        Action::Bottom => last,
        _ => top,
    }
    .min(last)
}

/// An item is chosen by `enter`, or by the key that it shows.
fn menu_key(model: &mut Model, mut menu: Menu, action: Option<Action>, key: Key) -> Vec<Effect> {
    let shown = keymap::on(model.place(), key).map(|binding| binding.action);
    if let Some((chosen, ..)) = menu.items.iter().find(|(item, ..)| Some(*item) == shown) {
        return act::perform(model, *chosen);
    }
    match action {
        Some(Action::Cancel) => return Vec::new(),
        Some(Action::Accept) => {
            return match menu.items.get(menu.selected) {
                Some((chosen, ..)) => act::perform(model, *chosen),
                None => Vec::new(),
            };
        }
        Some(Action::Down) => menu.selected = (menu.selected + 1).min(menu.items.len().saturating_sub(1)),
        Some(Action::Up) => menu.selected = menu.selected.saturating_sub(1),
        _ => {}
    }
    model.overlay = Some(Overlay::Menu(menu));
    Vec::new()
}

fn line(binding: &Binding) -> String {
    format!("  {:<16} {}", binding.key_names(), binding.help)
}

/// Every binding that holds here, then those of wizards, lines and popups, then the commands.
pub fn help(model: &Model) -> Page {
    if model.lock.is_some() {
        let mut lines = vec!["While the manager is locked".to_owned()];
        lines.extend(keymap::of_scope(Scope::Lock).map(line));
        return Page::new("help", lines);
    }
    let kind = model.place().kind();
    let mut lines = vec!["On this screen".to_owned()];
    let bindings = || keymap::of_screen(kind, model.read_only());
    lines.extend(
        bindings()
            .filter(|binding| binding.scope != Scope::Everywhere)
            .map(line),
    );
    lines.extend([String::new(), "Everywhere".to_owned()]);
    lines.extend(
        bindings()
            .filter(|binding| binding.scope == Scope::Everywhere)
            .map(line),
    );
    for (title, scope) in [
        ("In wizards", Scope::Wizard),
        ("In the palette and the filter", Scope::Line),
        ("In popups", Scope::Popup),
        ("In the join tokens", Scope::Tokens),
        ("At a question", Scope::Question),
        ("While the manager is locked", Scope::Lock),
    ] {
        lines.extend([String::new(), title.to_owned()]);
        let shown = keymap::of_scope(scope).filter(|binding| !(binding.writes && model.read_only()));
        lines.extend(shown.map(line));
    }
    lines.extend([String::new(), "Commands".to_owned()]);
    lines.extend(
        palette::help(model.read_only()).map(|(command, key, help)| format!("  {command:<24} {key:<8} {help}")),
    );
    Page::new("help", lines)
}

/// What the message line said, newest first.
pub fn messages(model: &Model) -> Page {
    let line = |message: &crate::tui::model::Message| format!("{}  {}", time::clock(message.at_ms), message.text);
    Page::new("messages", model.messages.iter().rev().map(line).collect())
}
