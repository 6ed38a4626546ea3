//! What does each message change? `update` is a plain function from model and message to effects; its parts are split by
//! what has the keys: a screen, a line, a popup, a wizard.

mod act;
mod audit;
mod catch_up;
mod feed;
mod go;
mod grants;
mod keys;
mod line;
mod lock;
mod logs;
mod menu;
pub mod palette;
mod popup;
mod question;
mod tokens;
mod why;
mod wizard;

use super::key::Key;
use super::keymap::{Action, Scope};
use super::model::overlay::Overlay;
use super::model::{Dirty, Level, Model, TINY};
use super::msg::{Effect, Msg, Pasted};

/// Keys that follow a paste this closely belong to it: the terminal lets a paste end early if it contains the marker.
const PASTE_WINDOW_MS: i64 = 100;

/// Takes in one message at the time `now_ms`, Unix milliseconds.
pub fn update(model: &mut Model, now_ms: i64, msg: Msg) -> Vec<Effect> {
    model.now_ms = now_ms;
    let mut effects = take(model, msg);
    // Whatever has led to another place: logs are read while they are looked at.
    effects.extend(logs::keep_up(model));
    effects
}

fn take(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Key(key) => self::key(model, key),
        Msg::Paste(pasted) => paste(model, pasted),
        Msg::Resize(width, height) => {
            model.size = (width, height);
            model.wants_frame(Dirty::Now);
            // Also when the size is what it was: sizes in between, too short to be seen here, cut the screen.
            vec![Effect::Redraw]
        }
        Msg::Tick => {
            tick(model);
            Vec::new()
        }
        Msg::Feed(event) => feed::take_in(model, *event),
        Msg::Answered(ticket, answer) => feed::answered(model, ticket, answer),
        Msg::FileRead(ticket, read) => wizard::file_read(model, ticket, read),
        Msg::Written(ticket, bytes) => {
            wizard::written(model, ticket, bytes);
            Vec::new()
        }
        Msg::Logged(ticket, lines) => {
            logs::take_in(model, ticket, lines);
            Vec::new()
        }
        Msg::LogsEnded(ticket, how) => {
            logs::ended(model, ticket, how);
            Vec::new()
        }
        Msg::Resumed => {
            model.wants_frame(Dirty::Now);
            vec![Effect::Redraw]
        }
    }
}

/// Something that is shown has grown older: an age, a countdown, somebody's patience.
fn tick(model: &mut Model) {
    catch_up::give_up(model);
    tokens::tick(model);
    lock::tick(model);
    model.rows_stale = true;
    model.wants_frame(Dirty::Background);
}

fn key(model: &mut Model, key: Key) -> Vec<Effect> {
    if swallowed(model) {
        return Vec::new();
    }
    model.wants_frame(Dirty::Now);
    model.settle();
    let armed = std::mem::take(&mut model.quit_armed);
    let effects = match &model.overlay {
        _ if is_tiny(model) => unseen(model, key, armed),
        Some(Overlay::Palette(_) | Overlay::Filter(..)) => line::key(model, key, armed),
        Some(Overlay::Tokens(_)) => tokens::key(model, key, armed),
        Some(Overlay::Ask(_)) => question::key(model, key, armed),
        Some(_) => popup::key(model, key, armed),
        None if model.lock.is_some() => lock::key(model, key, armed),
        None if model.wizard.is_some() => wizard::key(model, key, armed),
        None => act::key(model, key, armed),
    };
    model.settle();
    effects
}

fn is_tiny(model: &Model) -> bool {
    model.size.0 < TINY.0 || model.size.1 < TINY.1
}

/// A key on a terminal that is too small to show what it would do.
fn unseen(model: &mut Model, key: Key, armed: bool) -> Vec<Effect> {
    let action = super::keymap::within(Scope::Popup, key);
    action
        .and_then(|action| always(model, action, armed))
        .unwrap_or_default()
}

/// Each swallowed key prolongs the window: a long remainder is swallowed whole.
fn swallowed(model: &mut Model) -> bool {
    let inside = model.now_ms < model.swallow_until_ms && model.swallow_until_ms - model.now_ms <= PASTE_WINDOW_MS;
    if inside {
        model.swallow_until_ms = model.now_ms.saturating_add(PASTE_WINDOW_MS);
    }
    inside
}

fn paste(model: &mut Model, pasted: Pasted) -> Vec<Effect> {
    model.swallow_until_ms = model.now_ms.saturating_add(PASTE_WINDOW_MS);
    model.wants_frame(Dirty::Now);
    match model.overlay {
        _ if is_tiny(model) => {}
        Some(Overlay::Palette(_) | Overlay::Filter(..)) => line::paste(model, pasted),
        None if model.lock.is_some() => lock::paste(model, pasted),
        None if model.wizard.is_some() => wizard::paste(model, pasted),
        _ => model.say(Level::Info, "nothing here takes a paste"),
    }
    Vec::new()
}

/// The actions that mean the same whatever has the keys.
fn always(model: &mut Model, action: Action, armed: bool) -> Option<Vec<Effect>> {
    match action {
        Action::Redraw => Some(vec![Effect::Redraw]),
        Action::Suspend => {
            // Whoever finds the terminal must not find a value in it.
            if let Some(wizard) = &mut model.wizard {
                wizard.wipe();
            }
            tokens::hide(model);
            lock::wipe(model);
            Some(vec![Effect::Suspend])
        }
        Action::Quit if armed => Some(vec![Effect::Quit]),
        Action::Quit => {
            model.overlay = None;
            model.quit_armed = true;
            let lost = match model.staged.len() {
                0 => String::new(),
                count => format!("; {count} staged, not sent, would be lost"),
            };
            model.say(Level::Info, format!("press ctrl-c again to quit{lost}"));
            Some(Vec::new())
        }
        _ => None,
    }
}

/// The action of a key in that scope, unless it was one of those that mean the same everywhere.
fn scoped(model: &mut Model, scope: Scope, key: Key, armed: bool) -> Result<Option<Action>, Vec<Effect>> {
    let Some(action) = super::keymap::within(scope, key) else {
        return Ok(None);
    };
    match always(model, action, armed) {
        Some(effects) => Err(effects),
        None => Ok(Some(action)),
    }
}
