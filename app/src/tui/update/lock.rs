//! What happens while the manager that answers is locked? It is asked once what it waits for, and again after each try
//! and each time the watch is refused anew; a key or a share goes from the hidden field to it and is wiped here. Once it
//! is open the console goes on where it was.

use wardroom_api::v1::{Confidential, LockFacts, UnlockRequest};
use wardroom_api::{CallError, CallKind};

use super::{feed, popup, scoped};
use crate::tui::key::Key;
use crate::tui::keymap::{Action, Scope};
use crate::tui::model::facts::words;
use crate::tui::model::lock::{Asked, Locked};
use crate::tui::model::overlay::Overlay;
use crate::tui::model::{Dirty, Level, Link, Model};
use crate::tui::msg::{Answer, Call, Effect, Pasted, Ticket};
use crate::tui::secret_input::Refused;
use crate::tui::wizard::Task;

/// The manager refuses everything because it is locked.
pub fn refused(model: &mut Model) -> Vec<Effect> {
    if model.lock.is_none() {
        enter(model);
        model.say(Level::Warn, "the manager that answers is locked");
    }
    ask(model)
}

/// The screen for it; what lay over the one before is put away, and what was typed there is wiped.
fn enter(model: &mut Model) {
    model.lock = Some(Box::new(Locked::new()));
    model.overlay = None;
    if let Some(wizard) = &mut model.wizard {
        wizard.wipe();
    }
    let locked_here = |task: &Task| matches!(task, Task::Lock { .. });
    if model.wizard.as_ref().is_some_and(|wizard| locked_here(&wizard.task)) {
        model.wizard = None;
    }
    model.wants_frame(Dirty::Now);
}

/// This manager was locked from here, and said so.
pub fn closed(model: &mut Model, facts: LockFacts) {
    enter(model);
    model.say(Level::Good, "it is locked, and has forgotten its keys");
    take_in(model, facts);
}

/// Asks for the facts, unless an answer is on its way.
fn ask(model: &mut Model) -> Vec<Effect> {
    let ticket = model.ticket();
    let Some(locked) = model.lock.as_mut().filter(|locked| locked.asked.is_none()) else {
        return Vec::new();
    };
    locked.asked = Some(Asked::Facts(ticket));
    vec![Effect::Call(ticket, Call::GetLock)]
}

/// A connection is there: what it says is shown from now on.
pub fn connected(model: &mut Model) {
    if model.lock.take().is_none() {
        return;
    }
    model.say(Level::Good, "unlocked: on it goes");
    match &mut model.link {
        Link::Connecting(reason) => *reason = None,
        Link::Stale { reason, .. } => "it is unlocked, and tells what is new".clone_into(reason),
        Link::Live => {}
    }
}

/// Nobody is there to be unlocked any more, unless it is only opening.
pub fn lost(model: &mut Model) {
    if model.lock.as_ref().is_some_and(|locked| !locked.opened) {
        model.lock = None;
    }
}

/// Whoever finds the terminal must not find a key in it.
pub fn wipe(model: &mut Model) {
    if let Some(locked) = &mut model.lock {
        locked.input.clear();
    }
}

/// The wait after wrong keys is over.
pub fn tick(model: &mut Model) {
    let now_ms = model.now_ms;
    let over = |locked: &&mut Box<Locked>| locked.until_ms > 0 && now_ms >= locked.until_ms;
    if let Some(locked) = model.lock.as_mut().filter(over) {
        locked.until_ms = 0;
        model.wants_frame(Dirty::Now);
    }
}

pub fn key(model: &mut Model, key: Key, armed: bool) -> Vec<Effect> {
    let action = match scoped(model, Scope::Lock, key, armed) {
        Ok(action) => action,
        Err(effects) => return effects,
    };
    if action == Some(Action::Accept) {
        return send(model);
    }
    let empty = model.lock.as_ref().is_some_and(|locked| locked.input.is_empty());
    if action == Some(Action::Help) && empty {
        model.overlay = Some(Overlay::Help(popup::help(model)));
        return Vec::new();
    }
    let Some(locked) = &mut model.lock else {
        return Vec::new();
    };
    locked.note = None;
    match action {
        Some(Action::Erase) => locked.input.erase(),
        Some(Action::Clear | Action::Cancel) => locked.input.clear(),
        _ => match key.typed() {
            Some(character) if character.is_ascii_graphic() => push(locked, character),
            Some(_) => locked.say(
                Level::Warn,
                "an unlock key has no spaces and only plain letters, digits and signs",
            ),
            None => {}
        },
    }
    Vec::new()
}

fn push(locked: &mut Locked, character: char) {
    if let Err(Refused::TooLong) = locked.input.push(character) {
        locked.say(Level::Warn, "no unlock key is that long");
    }
}

pub fn paste(model: &mut Model, pasted: Pasted) {
    let Some(locked) = &mut model.lock else { return };
    locked.note = match locked.input.replace_trimmed(pasted.take()) {
        Ok(()) => None,
        Err(text) => Some((Level::Warn, text.to_owned())),
    };
}

/// Sends what was typed to the manager; here it is wiped.
fn send(model: &mut Model) -> Vec<Effect> {
    let (ticket, now_ms, read_only) = (model.ticket(), model.now_ms, model.read_only());
    let Some(locked) = model
        .lock
        .as_mut()
        .filter(|locked| !locked.is_sending() && !locked.opened)
    else {
        return Vec::new();
    };
    if read_only {
        locked.input.clear();
        locked.say(
            Level::Warn,
            "this session is read-only: run `wardroom swarm unlock` on this machine, then it goes on here",
        );
        return Vec::new();
    }
    if let Some(text) = locked.refusal(now_ms) {
        // What waits for its time is kept; what is no key is not.
        if now_ms >= locked.until_ms {
            locked.input.clear();
        }
        locked.say(Level::Warn, text);
        return Vec::new();
    }
    let key = Confidential::new(locked.input.copy(false));
    locked.input.clear();
    locked.note = None;
    // Facts that are still on their way are of no use any more.
    locked.asked = Some(Asked::Try(ticket));
    vec![Effect::Call(ticket, Call::Unlock(UnlockRequest { key: Some(key) }))]
}

/// Whether the screen waits for that answer.
pub fn awaits(model: &Model, ticket: Ticket) -> bool {
    let asked = model.lock.as_ref().and_then(|locked| locked.asked);
    matches!(asked, Some(Asked::Facts(it) | Asked::Try(it)) if it == ticket)
}

pub fn answered(model: &mut Model, answer: Result<Answer, CallError>) -> Vec<Effect> {
    let Some(locked) = &mut model.lock else {
        return Vec::new();
    };
    let tried = locked.is_sending();
    locked.asked = None;
    match answer {
        Ok(Answer::Lock(facts)) => {
            if tried {
                told(locked, &facts);
            }
            return take_in(model, facts);
        }
        Ok(_) => {}
        Err(error) if tried => {
            model.wants_frame(Dirty::Now);
            return failed(model, &error);
        }
        // The watch tells in the end; until then its own words do.
        Err(error) => {
            let known = locked.facts.is_some();
            if !known {
                let text = format!("{}; `wardroom swarm unlock` on its machine opens it", plainly(&error));
                locked.say(Level::Bad, text);
                model.wants_frame(Dirty::Now);
            }
        }
    }
    Vec::new()
}

/// What a try that was taken has done.
fn told(locked: &mut Locked, facts: &LockFacts) {
    let before = locked.facts.as_ref().map_or(0, |facts| facts.managers.len());
    let left = facts.managers.len();
    let text = if !facts.locked || left == 0 {
        "opened: the log is being read".to_owned()
    } else if left < before {
        let opened = words::count(before - left, "manager");
        format!("{opened} opened; {left} more need another key")
    } else if facts.shares_have > 0 {
        format!("the share is taken: {} of {}", facts.shares_have, facts.shares_need)
    } else {
        "taken".to_owned()
    };
    locked.say(Level::Good, text);
}

fn take_in(model: &mut Model, facts: LockFacts) -> Vec<Effect> {
    let now_ms = model.now_ms;
    let Some(locked) = &mut model.lock else {
        return Vec::new();
    };
    let was_opened = locked.opened;
    locked.opened = !facts.locked;
    let opens = locked.opened && !was_opened;
    if locked.take_in(facts, now_ms) || opens {
        model.wants_frame(Dirty::Now);
    }
    if opens { vec![Effect::Reconnect] } else { Vec::new() }
}

/// A try was refused: why, and until when the next one is.
fn failed(model: &mut Model, error: &CallError) -> Vec<Effect> {
    let Some(locked) = &mut model.lock else {
        return Vec::new();
    };
    if error.kind() == CallKind::Precondition {
        // Somebody else was faster.
        locked.say(Level::Good, plainly(error));
        locked.opened = true;
        return vec![Effect::Reconnect];
    }
    locked.say(Level::Bad, plainly(error));
    ask(model)
}

/// The manager's own words. The advice about accounts and connections that others get leads astray here.
fn plainly(error: &CallError) -> String {
    match error.kind() {
        CallKind::PermissionDenied | CallKind::Unavailable | CallKind::Invalid | CallKind::Precondition => {
            error.to_string()
        }
        _ => feed::words(error),
    }
}
