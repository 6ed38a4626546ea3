//! What does the cluster's word change? The view takes it in; whether it is live or stale is kept beside it. Answers go
//! to whoever asked.

use wardroom_api::v1::{Change, Kind, WatchMessage, change, object, watch_message};
use wardroom_api::{CallError, FeedEvent};

use super::{catch_up, grants, lock, logs, tokens, wizard};
use crate::tui::model::{Dirty, Level, Link, Model};
use crate::tui::msg::{Answer, Call, Effect, Ticket};

/// Audit records kept on this side; managers keep as many.
const AUDIT_MAX: usize = 10_000;

pub fn take_in(model: &mut Model, event: FeedEvent) -> Vec<Effect> {
    match event {
        FeedEvent::Connected => {
            lock::connected(model);
            // Which manager answers is not in the stream: one call per connection asks for it.
            let ticket = model.ticket();
            let mut effects = vec![Effect::Call(ticket, Call::Status)];
            effects.extend(logs::reconnected(model));
            return effects;
        }
        FeedEvent::Message(message) => {
            if !catch_up::take_in(model, &message) {
                return Vec::new();
            }
            while model.cluster.audit.len() > AUDIT_MAX {
                model.cluster.audit.pop_first();
            }
            live(model);
            observe(model);
            if !model.staged.is_empty() && changes_grants(&message) {
                grants::overtaken(model);
            }
            model.rows_stale |= touches(model, &message);
            model.wants_frame(Dirty::Background);
        }
        FeedEvent::Lost(reason) => {
            lost(model, &reason);
            if let CallError::Locked(_) = reason {
                return lock::refused(model);
            }
            lock::lost(model);
        }
    }
    Vec::new()
}

/// Whether the rows of the lists on the screen may be others now. Lists that are not on it are made when they come.
fn touches(model: &Model, message: &WatchMessage) -> bool {
    let lists = model.place().lists();
    let read = |kind: Kind| lists.iter().any(|list| list.reads(kind));
    match &message.body {
        Some(watch_message::Body::Changes(changes)) => changes.changes.iter().filter_map(kind).any(read),
        Some(watch_message::Body::Manager(_) | watch_message::Body::ManagerLost(_)) => read(Kind::Unspecified),
        Some(watch_message::Body::Snapshot(_)) => true,
        None => false,
    }
}

fn changes_grants(message: &WatchMessage) -> bool {
    match &message.body {
        Some(watch_message::Body::Changes(changes)) => {
            let mut kinds = changes.changes.iter().filter_map(kind);
            kinds.any(|kind| matches!(kind, Kind::Service | Kind::Secret))
        }
        Some(watch_message::Body::Snapshot(_)) => true,
        _ => false,
    }
}

fn kind(change: &Change) -> Option<Kind> {
    Some(match change.action.as_ref()? {
        change::Action::Put(object) => match object.kind.as_ref()? {
            object::Kind::Cluster(_) => Kind::Cluster,
            object::Kind::Node(_) => Kind::Node,
            object::Kind::Secret(_) => Kind::Secret,
            object::Kind::Service(_) => Kind::Service,
            object::Kind::Task(_) => Kind::Task,
            object::Kind::Rotation(_) => Kind::Rotation,
            object::Kind::Holding(_) => Kind::Holding,
            object::Kind::Audit(_) => Kind::Audit,
            object::Kind::Operator(_) => Kind::Operator,
        },
        change::Action::Removed(key) => key.kind(),
    })
}

fn live(model: &mut Model) {
    if model.cluster.index == 0 || model.behind.is_some() {
        return;
    }
    match std::mem::replace(&mut model.link, Link::Live) {
        Link::Live => {}
        Link::Connecting(_) => model.wants_frame(Dirty::Now),
        Link::Stale { .. } => model.say(Level::Good, "live again"),
    }
}

/// Says calmly that another leader was found.
fn observe(model: &mut Model) {
    if let Some(sentence) = model.leadership.observe(&model.cluster, model.now_ms) {
        model.say(Level::Info, sentence);
    }
}

fn lost(model: &mut Model, reason: &CallError) {
    let text = words(reason);
    model.attached = None;
    catch_up::lost(model);
    // While a manager stays locked, each try says the same.
    if model.lock.is_none() {
        model.wants_frame(Dirty::Now);
    }
    match &mut model.link {
        Link::Connecting(why) => *why = Some(text),
        Link::Stale { reason, .. } => *reason = text,
        Link::Live => {
            model.link = Link::Stale {
                since_ms: model.now_ms,
                reason: text.clone(),
            };
            // The screen of a locked manager says it in its own words.
            if !matches!(reason, CallError::Locked(_)) {
                model.say(Level::Warn, format!("the view is stale, reconnecting: {text}"));
            }
        }
    }
}

/// The failure and what to do about it.
pub fn words(error: &CallError) -> String {
    match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}

pub fn answered(model: &mut Model, ticket: Ticket, answer: Result<Answer, CallError>) -> Vec<Effect> {
    if lock::awaits(model, ticket) {
        return lock::answered(model, answer);
    }
    model.wants_frame(Dirty::Now);
    if model
        .wizard
        .as_ref()
        .is_some_and(|wizard| wizard.waiting == Some(ticket))
    {
        return wizard::answered(model, answer);
    }
    if tokens::awaits(model, ticket) {
        tokens::answered(model, answer);
        return Vec::new();
    }
    match answer {
        Ok(Answer::Status(status)) => {
            model.attached = Some(status.answered_by.clone());
            for manager in status.managers {
                model.cluster.lost_managers.remove(&manager.node_id);
                model.cluster.managers.insert(manager.node_id.clone(), manager);
            }
            for lost in status.lost {
                model.cluster.lost_managers.insert(lost.node_id, lost.reason);
            }
            model.rows_stale = true;
            observe(model);
        }
        // Nobody waits for the token any more: it is wiped unseen. Facts of a lock were overtaken by a try.
        Ok(Answer::JoinToken(_) | Answer::Lock(_)) => {}
        Ok(Answer::BackedUp(done)) => model.say(
            Level::Good,
            format!("the backup is written, its state is at #{}", done.index),
        ),
        Err(CallError::Locked(_)) => return lock::refused(model),
        // A wizard that was left: its change goes on without it.
        Ok(_) => model.say(Level::Good, "the change was accepted"),
        Err(error) => model.say(Level::Bad, words(&error)),
    }
    Vec::new()
}
