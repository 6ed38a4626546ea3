//! When are logs read? While their screen is the one that is shown, and not a moment longer, however it is left.

use wardroom_api::CallError;
use wardroom_api::v1::{LogLine, LogsRequest};

use super::feed;
use crate::tui::keymap::Action;
use crate::tui::model::logs::{Logs, Stream};
use crate::tui::model::place::Place;
use crate::tui::model::{Dirty, Level, Model};
use crate::tui::msg::{Effect, Ticket};

/// Lines of each task that are asked for at the beginning.
const TAIL: u32 = 500;

/// Begins, ends or changes the stream so that it is the one of the place that is shown.
pub fn keep_up(model: &mut Model) -> Vec<Effect> {
    let wanted = match model.place() {
        place @ Place::Logs { .. } if model.lock.is_none() => Some(place.clone()),
        _ => None,
    };
    match (&model.logs, wanted) {
        (None, None) => Vec::new(),
        (Some(logs), Some(about)) if logs.about == about => Vec::new(),
        (Some(_), None) => {
            model.logs = None;
            vec![Effect::StopLogs]
        }
        (_, Some(about)) => begin(model, about),
    }
}

fn begin(model: &mut Model, about: Place) -> Vec<Effect> {
    let ticket = model.ticket();
    let request = request(&about, Some(TAIL), 0);
    model.logs = Some(Box::new(Logs::new(about, ticket)));
    model.rows_stale = true;
    vec![Effect::ReadLogs(ticket, request)]
}

fn request(about: &Place, tail: Option<u32>, since_ms: i64) -> LogsRequest {
    let reference = match about {
        Place::Logs { task: Some(task), .. } => task.clone(),
        Place::Logs { service, .. } => service.clone(),
        _ => String::new(),
    };
    LogsRequest {
        references: vec![reference],
        follow: true,
        tail,
        since_ms,
    }
}

/// A stream that broke goes on behind its last line once there is a connection again.
pub fn reconnected(model: &mut Model) -> Vec<Effect> {
    let ticket = model.ticket();
    let Some(logs) = model
        .logs
        .as_mut()
        .filter(|logs| matches!(logs.stream, Stream::Broken(_)))
    else {
        return Vec::new();
    };
    logs.ticket = ticket;
    logs.stream = Stream::Open;
    let since_ms = logs.newest_ms().saturating_add(1);
    let tail = (logs.newest_ms() == 0).then_some(TAIL);
    let request = request(&logs.about, tail, if tail.is_some() { 0 } else { since_ms });
    vec![Effect::ReadLogs(ticket, request)]
}

/// Reads it anew from the beginning.
pub fn again(model: &mut Model) -> Vec<Effect> {
    let about = model.place().clone();
    begin(model, about)
}

fn reading(model: &mut Model, ticket: Ticket) -> Option<&mut Logs> {
    model.logs.as_deref_mut().filter(|logs| logs.ticket == ticket)
}

pub fn take_in(model: &mut Model, ticket: Ticket, lines: Vec<LogLine>) {
    if let Some(logs) = reading(model, ticket) {
        logs.take_in(lines);
        model.rows_stale = true;
        model.wants_frame(Dirty::Background);
    }
}

pub fn ended(model: &mut Model, ticket: Ticket, how: Result<(), CallError>) {
    if let Some(logs) = reading(model, ticket) {
        logs.stream = match how {
            Ok(()) => Stream::Over,
            Err(error) => Stream::Broken(feed::words(&error)),
        };
        model.wants_frame(Dirty::Background);
    }
}

/// Holds the view, or follows the newest line again.
pub fn pause(model: &mut Model) {
    let Some(logs) = &mut model.logs else { return };
    logs.paused = !logs.paused;
    logs.unseen = 0;
    model.rows_stale = true;
}

/// Who looks at older lines does not want them to move; who goes to the end follows again.
pub fn moved(model: &mut Model, action: Action) {
    let Some(logs) = &mut model.logs else { return };
    match action {
        Action::Up | Action::PageUp | Action::Top => logs.paused = true,
        Action::Bottom => {
            logs.paused = false;
            logs.unseen = 0;
        }
        _ => {}
    }
}

/// Opens the output of the service, or of the task, that is selected.
pub fn open(model: &mut Model) {
    use crate::tui::model::subject::{self, Subject};
    let task = match subject::selected(model) {
        Some(Subject::Task(id)) => model
            .cluster
            .tasks
            .get(&id)
            .map(|task| (task.service_id.clone(), Some(id))),
        _ => None,
    };
    let found = task.or_else(|| Some((subject::service_id(model)?, None)));
    match found {
        Some((service, task)) => super::go::to(model, Place::Logs { service, task }),
        None => model.say(Level::Info, "nothing is selected"),
    }
}
