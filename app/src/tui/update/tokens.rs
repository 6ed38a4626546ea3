//! What do keys do in the box of the join tokens? `enter` asks, `y` has the token brought and shown for half a minute,
//! `esc` hides it at once; the clock hides it in any case.

use wardroom_api::CallError;
use wardroom_api::v1::{Confidential, GetJoinTokenRequest, Role};

use super::{feed, scoped, wizard};
use crate::tui::key::Key;
use crate::tui::keymap::{Action, Scope};
use crate::tui::model::overlay::Overlay;
use crate::tui::model::tokens::{SHOWN_MS, Stage, TokenText, Tokens};
use crate::tui::model::{Dirty, Model};
use crate::tui::msg::{Answer, Call, Effect, Ticket};

pub fn open(model: &mut Model) {
    model.overlay = Some(Overlay::Tokens(Tokens::new()));
}

fn opened(model: &mut Model) -> Option<&mut Tokens> {
    match &mut model.overlay {
        Some(Overlay::Tokens(tokens)) => Some(tokens),
        _ => None,
    }
}

pub fn key(model: &mut Model, key: Key, armed: bool) -> Vec<Effect> {
    let action = match scoped(model, Scope::Tokens, key, armed) {
        Ok(action) => action,
        Err(effects) => return effects,
    };
    let read_only = model.read_only();
    let ticket = model.ticket();
    let Some(tokens) = opened(model) else {
        return Vec::new();
    };
    match (action, &tokens.stage) {
        (Some(Action::Cancel), Stage::Facts(_)) => model.overlay = None,
        (Some(Action::Confirm), Stage::Asking) => {
            tokens.stage = Stage::Waiting(ticket);
            let role = tokens.role.into();
            return vec![Effect::Call(ticket, Call::GetJoinToken(GetJoinTokenRequest { role }))];
        }
        (Some(Action::Cancel | Action::Accept), Stage::Asking | Stage::Waiting(_)) => {
            tokens.hide(Some("it was not shown"));
        }
        (Some(Action::Cancel | Action::Accept), Stage::Shown { .. }) => tokens.hide(Some("the token is hidden again")),
        (Some(Action::Accept | Action::RotateToken), Stage::Facts(_)) if read_only => {
            tokens.hide(Some("this session is read-only: tokens are neither shown nor made"));
        }
        (Some(Action::Accept), Stage::Facts(_)) => tokens.stage = Stage::Asking,
        (Some(Action::RotateToken), Stage::Facts(_)) => {
            let role = tokens.role;
            model.overlay = None;
            return wizard::rotate_token(model, role);
        }
        (Some(Action::Down | Action::Up), Stage::Facts(_) | Stage::Asking) => {
            tokens.role = match tokens.role {
                Role::Manager => Role::Worker,
                Role::Worker | Role::Unspecified => Role::Manager,
            };
            tokens.hide(None);
        }
        _ => {}
    }
    Vec::new()
}

/// Whether the box waits for that answer.
pub fn awaits(model: &mut Model, ticket: Ticket) -> bool {
    opened(model).is_some_and(|tokens| matches!(tokens.stage, Stage::Waiting(waiting) if waiting == ticket))
}

pub fn answered(model: &mut Model, answer: Result<Answer, CallError>) {
    let until_ms = model.now_ms.saturating_add(SHOWN_MS);
    let Some(tokens) = opened(model) else { return };
    match answer {
        Ok(Answer::JoinToken(mut response)) => {
            let bytes = response.token.as_mut().map(Confidential::take).unwrap_or_default();
            match TokenText::new(bytes) {
                Ok(token) => {
                    tokens.stage = Stage::Shown {
                        token,
                        address: response.address,
                        until_ms,
                    }
                }
                Err(words) => tokens.hide(Some(words)),
            }
        }
        Ok(_) => tokens.hide(None),
        Err(error) => tokens.hide(Some(&feed::words(&error))),
    }
}

/// Hides a token whose time is over.
pub fn tick(model: &mut Model) {
    let now_ms = model.now_ms;
    let Some(tokens) = opened(model) else { return };
    if tokens.until_ms().is_some_and(|until| now_ms >= until) {
        tokens.hide(Some("the token is hidden again"));
        model.wants_frame(Dirty::Now);
    }
}

/// Hides a token at once, whatever was said about it.
pub fn hide(model: &mut Model) {
    if let Some(tokens) = opened(model)
        && !matches!(tokens.stage, Stage::Facts(_))
    {
        tokens.hide(Some("the token is hidden again"));
    }
}
