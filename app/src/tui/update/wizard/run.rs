//! How does a filled-in wizard become a change? Page by page to the plan, from the plan by its name to the call, from the
//! answer to the result; a plan that went stale is made anew.

use wardroom_api::{CallError, CallKind};

use super::outcome;
use crate::tui::model::facts::words;
use crate::tui::model::{Dirty, Level, Model};
use crate::tui::msg::{Answer, Effect, Pasted, Ticket};
use crate::tui::update::{feed, grants, lock};
use crate::tui::wizard::form::{Id, Source};
use crate::tui::wizard::{Step, Task, open_grants, open_work, plan, request, values};

pub fn accept_page(model: &mut Model, page: usize) -> Vec<Effect> {
    let ticket = model.ticket();
    let Some(wizard) = &mut model.wizard else {
        return Vec::new();
    };
    if wizard.waiting.is_some() || wizard.form.step(page, 1) {
        return Vec::new();
    }
    if let Err(text) = request::check_page(wizard, page) {
        wizard.note = Some((Level::Warn, text));
        return Vec::new();
    }
    if page == 0 && wizard.form.source() == Source::File && !wizard.form.line(Id::Path).is_empty() {
        wizard.waiting = Some(ticket);
        return vec![Effect::ReadFile(ticket, wizard.form.line(Id::Path).to_owned())];
    }
    next_page(model, page)
}

fn next_page(model: &mut Model, page: usize) -> Vec<Effect> {
    let Some(wizard) = &mut model.wizard else {
        return Vec::new();
    };
    if page + 1 < wizard.form.pages.len() {
        wizard.enter(Step::Page(page + 1), model.now_ms);
        return Vec::new();
    }
    if let Task::StageGrant { cell, .. } = &wizard.task {
        let cell = cell.clone();
        match values::grant(&wizard.form) {
            Ok(grant) => {
                model.wizard = None;
                grants::stage(model, cell, grant);
            }
            Err(text) => wizard.note = Some((Level::Warn, text)),
        }
        return Vec::new();
    }
    make_plan(model)
}

pub fn file_read(model: &mut Model, ticket: Ticket, read: Result<Pasted, String>) -> Vec<Effect> {
    let Some(wizard) = model.wizard.as_mut().filter(|wizard| wizard.waiting == Some(ticket)) else {
        return Vec::new();
    };
    wizard.waiting = None;
    model.dirty = Dirty::Now;
    let filled = read.and_then(|bytes| {
        let Some(value) = wizard.form.value_mut() else {
            return Err("this form takes no value".to_owned());
        };
        value
            .replace(bytes.take())
            .map_err(|refused| refused.words().to_owned())?;
        if value.is_empty() {
            Err("the file is empty: a value has at least one byte".to_owned())
        } else {
            Ok(())
        }
    });
    match filled {
        Ok(()) => next_page(model, 0),
        Err(text) => {
            wizard.note = Some((Level::Bad, text));
            Vec::new()
        }
    }
}

/// Shows the plan page: planned here for simple changes, asked of the leader for the others.
pub fn make_plan(model: &mut Model) -> Vec<Effect> {
    let ticket = model.ticket();
    let Some(wizard) = &mut model.wizard else {
        return Vec::new();
    };
    wizard.enter(Step::Plan, model.now_ms);
    wizard.plan = plan::local(wizard, &model.cluster);
    if wizard.plan.is_some() {
        return Vec::new();
    }
    let Some(call) = request::plan_call(wizard) else {
        return Vec::new();
    };
    wizard.waiting = Some(ticket);
    vec![Effect::Call(ticket, call)]
}

pub fn run(model: &mut Model) -> Vec<Effect> {
    let ticket = model.ticket();
    let read_only = model.read_only();
    let Some(wizard) = &mut model.wizard else {
        return Vec::new();
    };
    if wizard.waiting.is_some() {
        return Vec::new();
    }
    // Without a plan the leader could not be asked: ask again.
    let Some(plan) = &wizard.plan else {
        return make_plan(model);
    };
    let refused = if read_only {
        Some("this session is read-only".to_owned())
    } else if !plan.runnable {
        Some("the plan is blocked: see the checks".to_owned())
    } else if !wizard.name_matches() {
        Some(match wizard.confirmed_by().as_str() {
            "y" => "type y to run the plan".to_owned(),
            name => format!(
                "type the {}'s name, {name}, to run the plan",
                wizard.task.confirmed_noun()
            ),
        })
    } else {
        None
    };
    if let Some(text) = refused {
        wizard.note = Some((Level::Warn, text));
        return Vec::new();
    }
    match request::run_call(wizard, &plan.basis) {
        Ok(call) => {
            wizard.note = None;
            wizard.waiting = Some(ticket);
            vec![Effect::Call(ticket, call)]
        }
        Err(text) => {
            wizard.note = Some((Level::Warn, text));
            Vec::new()
        }
    }
}

pub fn answered(model: &mut Model, answer: Result<Answer, CallError>) -> Vec<Effect> {
    let Some(wizard) = &mut model.wizard else {
        return Vec::new();
    };
    wizard.waiting = None;
    wizard.written = None;
    match answer {
        Ok(answer) => accept(model, answer),
        Err(CallError::Locked(_)) => lock::refused(model),
        Err(error) if error.kind() == CallKind::Conflict => {
            restage(model);
            let effects = make_plan(model);
            if let Some(wizard) = &mut model.wizard {
                wizard.note = Some((
                    Level::Warn,
                    "the objects moved on: this is the plan made anew, read it again".to_owned(),
                ));
            }
            effects
        }
        Err(error) => {
            wizard.note = Some((Level::Bad, feed::words(&error)));
            Vec::new()
        }
    }
}

/// What is staged is planned as it is by now: the cluster may have done a part of it.
fn restage(model: &mut Model) {
    let Some(wizard) = &model.wizard else { return };
    let task = match &wizard.task {
        Task::Grants { .. } => {
            model.staged.prune(&model.cluster);
            open_grants::task(model)
        }
        Task::ForceUpdate { service_id, name, .. } => open_work::force(&model.cluster, service_id, name),
        _ => return,
    };
    if let Some(wizard) = &mut model.wizard {
        wizard.task = task;
    }
}

/// A plan to show, or the word that the change is committed.
fn accept(model: &mut Model, answer: Answer) -> Vec<Effect> {
    let Some(wizard) = &mut model.wizard else {
        return Vec::new();
    };
    if let Answer::Lock(facts) = answer {
        lock::closed(model, facts);
        return Vec::new();
    }
    let Some((plan, mut accepted)) = outcome::of(answer) else {
        return Vec::new();
    };
    if wizard.plan.is_none() {
        wizard.plan = Some(plan::named(&model.cluster, plan.unwrap_or_default()));
        return Vec::new();
    }
    if let Task::Node { node_id, .. } = &wizard.task {
        let tasks = model.cluster.tasks_on_node(node_id);
        accepted.tasks = tasks.filter(|task| words::is_active(task)).count();
    }
    if let Task::Grants { .. } = &wizard.task {
        model.staged.clear();
    }
    wizard.wipe();
    wizard.enter(Step::Run, model.now_ms);
    let (verb, about) = (wizard.task.verb(), wizard.task.about(&wizard.form));
    let text = match wizard.task {
        Task::Backup { .. } => format!("backup of {about} written, its state is at #{}", accepted.index),
        Task::StepDown { .. } => format!("{about} handed over"),
        _ => format!("{verb} of {about} committed at #{}", accepted.index),
    };
    wizard.accepted = Some(accepted);
    model.say(Level::Good, text);
    Vec::new()
}

/// A backup grows.
pub fn written(model: &mut Model, ticket: Ticket, bytes: u64) {
    if let Some(wizard) = model.wizard.as_mut().filter(|wizard| wizard.waiting == Some(ticket)) {
        wizard.written = Some(bytes);
        model.wants_frame(Dirty::Background);
    }
}
