//! What may be done with the selected line of the Keys screen? Each key is rotated in its own way, and some are not.

use super::{palette, wizard};
use crate::tui::keymap::Action;
use crate::tui::model::key_tree::Line;
use crate::tui::model::line_input::LineInput;
use crate::tui::model::list::ListId;
use crate::tui::model::overlay::{Overlay, Palette};
use crate::tui::model::{Level, Model};
use crate::tui::msg::Effect;

/// Opens the plan that gives the selected key a successor.
pub fn rotate(model: &mut Model) -> Vec<Effect> {
    let selected = |list| model.selected(list).map(str::to_owned);
    let action = match model.focused() {
        ListId::Certificates => Action::RotateRoot,
        ListId::Moves if selected(ListId::Moves).as_deref() == Some("root") => Action::RotateRoot,
        ListId::Moves => Action::RotateDek,
        _ => match selected(ListId::Keys).as_deref().and_then(Line::of_key) {
            Some(Line::UnlockKey) => Action::RotateUnlockKey,
            Some(Line::Dek(_) | Line::Lying(..)) => Action::RotateDek,
            Some(Line::Root | Line::Retiring(_) | Line::Certificates) => Action::RotateRoot,
            Some(Line::Token(role)) => return wizard::rotate_token(model, role),
            Some(Line::SealingRoot) => {
                return said(
                    model,
                    "the sealing root stays: data keys under it come and go with the versions",
                );
            }
            Some(Line::DataKeys) => {
                return said(
                    model,
                    "a data key goes with its version: rotate the secret, or shred it with shift-x",
                );
            }
            None => return said(model, "nothing is selected"),
        },
    };
    wizard::open(model, action)
}

fn said(model: &mut Model, text: &str) -> Vec<Effect> {
    model.say(Level::Info, text);
    Vec::new()
}

/// Asks for the name of what is to be shredded: the tree of keys shows no secrets.
pub fn ask_what_to_shred(model: &mut Model) {
    let mut line = Palette {
        input: LineInput::with("shred "),
        ..Palette::default()
    };
    palette::suggest(model, &mut line);
    model.overlay = Some(Overlay::Palette(line));
}
