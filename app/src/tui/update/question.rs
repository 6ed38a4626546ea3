//! What does a key do at a question? Only `y` means yes; `enter` never does.

use super::{grants, scoped};
use crate::tui::key::Key;
use crate::tui::keymap::{Action, Scope};
use crate::tui::model::Model;
use crate::tui::model::overlay::Overlay;
use crate::tui::msg::Effect;

pub fn key(model: &mut Model, key: Key, armed: bool) -> Vec<Effect> {
    let action = match scoped(model, Scope::Question, key, armed) {
        Ok(action) => action,
        Err(effects) => return effects,
    };
    let asked = match &model.overlay {
        Some(Overlay::Ask(ask)) => ask.asked,
        _ => return Vec::new(),
    };
    match action {
        Some(Action::Confirm) => {
            model.overlay = None;
            grants::confirmed(model, asked)
        }
        Some(Action::Cancel) => {
            model.overlay = None;
            Vec::new()
        }
        _ => Vec::new(),
    }
}
