//! What do keys and pastes fill in? The focused field of a page, or the name that confirms a plan.

use zeroize::Zeroize;

use crate::tui::key::Key;
use crate::tui::keymap::Action;
use crate::tui::model::{Level, Model};
use crate::tui::msg::Pasted;
use crate::tui::secret_input::Refused;
use crate::tui::wizard::form::{Input, Source};
use crate::tui::wizard::{Step, Wizard};

/// Keys within a page of the form.
pub fn fill(wizard: &mut Wizard, page: usize, action: Option<Action>, key: Key) {
    let source = wizard.form.source();
    let secret_is_for = wizard.form.secret_is_for();
    match action {
        Some(Action::NextField) => return wizard.form.cycle(page, 1),
        Some(Action::PreviousField) => return wizard.form.cycle(page, -1),
        _ => {}
    }
    let Some(field) = wizard.form.focused(page) else { return };
    let mut refused = None;
    match (&mut field.input, action) {
        (Input::Choice { .. }, Some(Action::NextChoice)) => {
            field.turn(1);
        }
        (Input::Choice { .. }, Some(Action::PreviousChoice)) => {
            field.turn(-1);
        }
        (Input::Choice { .. }, None) if key.typed() == Some(' ') => {
            field.turn(1);
        }
        (Input::Line(line), Some(Action::Clear)) => line.clear(),
        (
            Input::Line(line),
            Some(Action::Erase | Action::Edit | Action::NextChoice | Action::PreviousChoice) | None,
        ) => {
            line.input(key);
        }
        (Input::Secret(secret), Some(Action::Erase)) => secret.erase(),
        (Input::Secret(secret), Some(Action::Clear)) => secret.clear(),
        (Input::Secret(_), None) if source == Source::Paste => {
            refused = Some("this field takes a paste; choose `type` to type");
        }
        (Input::Secret(secret), None) => {
            let pushed = key.typed().map_or(Ok(()), |character| secret.push(character));
            refused = pushed.err().map(Refused::words);
        }
        _ => {}
    }
    // Another choice must not send what was typed for the one before.
    if wizard.form.secret_is_for() != secret_is_for {
        wizard.form.wipe();
    }
    wizard.note = refused.map(|text| (Level::Warn, text.to_owned()));
}

pub fn confirm(wizard: &mut Wizard, action: Option<Action>, key: Key) {
    match action {
        Some(Action::Clear) => wizard.confirm.clear(),
        Some(Action::Erase | Action::Edit | Action::NextChoice | Action::PreviousChoice) | None => {
            wizard.confirm.input(key);
        }
        Some(_) => {}
    }
}

pub fn paste(model: &mut Model, pasted: Pasted) {
    let Some(wizard) = &mut model.wizard else { return };
    let Step::Page(page) = wizard.step else {
        // A name that was typed proves that it was read; a pasted one does not.
        wizard.note = Some((Level::Warn, "type the name, a paste does not count".to_owned()));
        return;
    };
    let Ok(mut text) = String::from_utf8(pasted.take()) else {
        return;
    };
    let pasting = wizard.form.source() == Source::Paste;
    let Some(field) = wizard.form.focused(page) else { return };
    let refused = match &mut field.input {
        Input::Line(line) => {
            let fits = line.paste(&text);
            text.zeroize();
            (!fits).then_some("the paste was too long for this field: its end was left out")
        }
        Input::Secret(secret) => {
            if pasting {
                secret.clear();
            }
            secret.paste(text).err().map(Refused::words)
        }
        Input::Choice { .. } => {
            text.zeroize();
            Some("this field takes no paste: move to the value first")
        }
    };
    wizard.note = refused.map(|text| (Level::Warn, text.to_owned()));
}
