//! What would a change of the cluster itself do? The plans that no call computes, made from the view: a step-down, new
//! tokens, operators, backups.

use wardroom_api::ClusterView;
use wardroom_api::v1::{CheckLevel, Plan, PlanAction, Role};

use super::form::{Form, Id};
use super::plan::{check, step};
use super::values::{max_uses, recipients, ttl};
use super::{Task, role_word};
use crate::tui::model::facts::managers::{Quorum, managers};
use crate::tui::model::facts::{members, time, words};

/// A passphrase below this many bytes is warned about: the file may be attacked in peace.
const PASSPHRASE_SHORT: usize = 16;

/// Writes the plan of the task; false when the leader has to be asked for it.
pub fn plan(plan: &mut Plan, task: &Task, form: &Form, view: &ClusterView) -> bool {
    match task {
        Task::StepDown { leader } => step_down(plan, form, view, leader),
        Task::RotateToken { role } => rotate_token(plan, form, view, *role),
        Task::RemoveOperator { operator_id, name } => remove_operator(plan, view, operator_id, name),
        Task::Backup { .. } => backup(plan, form),
        _ => return false,
    }
    true
}

fn step_down(plan: &mut Plan, form: &Form, view: &ClusterView, leader: &str) {
    let now = view.leader().map_or("", |status| view.hostname(&status.node_id));
    if now != leader {
        check(
            plan,
            CheckLevel::Blocked,
            format!("{leader} does not lead any more: look again"),
        );
        return;
    }
    let to = form.chosen(Id::To);
    let next = if to.is_empty() {
        "the manager that has most of the log"
    } else {
        form.chosen_label(Id::To)
    };
    step(plan, PlanAction::Move, "leadership", format!("from {leader} to {next}"));
    step(
        plan,
        PlanAction::Keep,
        "workers",
        "their sessions find the next leader by themselves",
    );
    step(plan, PlanAction::Keep, leader.to_owned(), "stays a manager");
    let found = managers(view);
    let fit = |id: &str| found.iter().any(|manager| manager.node.id == id && manager.answers());
    let others = found
        .iter()
        .filter(|manager| !manager.leads() && !manager.learns && manager.answers())
        .count();
    if others == 0 {
        check(plan, CheckLevel::Blocked, "no other manager answers");
    } else if !to.is_empty() && !fit(to) {
        check(
            plan,
            CheckLevel::Blocked,
            format!("{next} does not answer: choose another"),
        );
    } else {
        check(
            plan,
            CheckLevel::Ok,
            format!("{} could lead", words::count(others, "other manager")),
        );
    }
    let lag = found
        .iter()
        .find(|manager| manager.node.id == to)
        .map_or(0, |manager| manager.lag);
    if lag > 0 {
        check(
            plan,
            CheckLevel::Warn,
            format!("{next} is {lag} entries behind: it has to get them first"),
        );
    }
    let last = view.leader().and_then(|status| status.elections.last());
    if let Some(gap_ms) = last.map(|last| last.gap_ms).filter(|gap_ms| *gap_ms > 0) {
        let text = format!("the last change took {}", time::precise(gap_ms));
        check(plan, CheckLevel::Ok, text);
    }
}

fn rotate_token(plan: &mut Plan, form: &Form, view: &ClusterView, role: Role) {
    let word = role_word(role);
    let expiry = match ttl(form) {
        Ok(0) | Err(_) => "never expires".to_owned(),
        Ok(length) => format!("expires in {}", time::span(i64::try_from(length).unwrap_or(i64::MAX))),
    };
    let uses = match max_uses(form) {
        Ok(0) | Err(_) => "any number of joins".to_owned(),
        Ok(number) => words::count(usize::try_from(number).unwrap_or(usize::MAX), "join"),
    };
    step(
        plan,
        PlanAction::Create,
        format!("{word} token"),
        format!("{expiry}, {uses}"),
    );
    let before = members::join_token(view, role);
    let joined = before.map_or(0, |facts| facts.uses);
    step(
        plan,
        PlanAction::Cut,
        "the token before",
        format!("used {joined} times; refused from then on"),
    );
    step(plan, PlanAction::Keep, "nodes", "those that joined stay as they are");
    if role == Role::Manager {
        check(
            plan,
            CheckLevel::Warn,
            "a manager gets every key: give its token an end",
        );
    }
}

fn remove_operator(plan: &mut Plan, view: &ClusterView, operator_id: &str, name: &str) {
    let Some(operator) = view.operators.get(operator_id) else {
        check(plan, CheckLevel::Blocked, format!("operator {name} is gone already"));
        return;
    };
    let role = members::operator_role(operator);
    step(
        plan,
        PlanAction::Destroy,
        format!("operator {name}"),
        format!("{role}, its certificate is refused"),
    );
    step(plan, PlanAction::Cut, "its connections", "end at once, consoles too");
    step(
        plan,
        PlanAction::Keep,
        "audit records",
        "what it did stays in the chain",
    );
    let is_admin = |it: &&wardroom_api::v1::Operator| members::operator_role(it) == "admin";
    let admins = view.operators.values().filter(is_admin).count();
    if role == "admin" && admins == 1 {
        check(
            plan,
            CheckLevel::Warn,
            "the last admin: then only a manager's own socket is left",
        );
    }
}

fn backup(plan: &mut Plan, form: &Form) {
    step(
        plan,
        PlanAction::Create,
        form.line(Id::File).to_owned(),
        "on this machine, readable by you alone",
    );
    match form.secret(Id::Passphrase) {
        Some(passphrase) if form.chosen(Id::SealedBy) == "passphrase" => {
            step(plan, PlanAction::Create, "seal", "age, opened by the passphrase");
            if passphrase.len() < PASSPHRASE_SHORT {
                check(
                    plan,
                    CheckLevel::Warn,
                    format!("the passphrase has fewer than {PASSPHRASE_SHORT} bytes"),
                );
            }
        }
        _ => {
            let count = recipients(form).map_or(0, |found| found.len());
            step(
                plan,
                PlanAction::Create,
                "seal",
                format!("age, for {}", words::count(count, "recipient")),
            );
        }
    }
    step(
        plan,
        PlanAction::Keep,
        "the cluster",
        "goes on meanwhile, nothing stops",
    );
}

/// The quorum as a check, for every plan that is made here. Only a change needs one: what a manager has can be saved
/// without.
pub fn quorum(plan: &mut Plan, view: &ClusterView, changes: bool) {
    let quorum = Quorum::of(view);
    let text = format!("quorum {}/{}", quorum.answering, quorum.members);
    match (quorum.holds(), changes) {
        (true, _) => check(plan, CheckLevel::Ok, text),
        (false, true) => check(plan, CheckLevel::Blocked, text),
        (false, false) => check(
            plan,
            CheckLevel::Warn,
            format!("{text}: it holds what the manager that answers has"),
        ),
    }
}
