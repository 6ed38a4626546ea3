//! What would a change do? A plan as a page for people or as JSON, and the question whether to go on.

use std::fmt::Write as _;
use std::io::{self, BufRead, IsTerminal, Write as _};

use serde_json::{Value, json};
use wardroom_api::v1;

use crate::cli::arguments::Change;
use crate::cli::output::Table;
use crate::cli::session::Session;
use crate::cli::words;
use crate::report::{Exit, Report};
use crate::text::clean;

/// A change is confirmed by `--yes`, or by a person who has seen the plan; nothing else counts.
pub fn check_confirmable(change: &Change) -> Result<(), Report> {
    if change.plan || change.yes || (io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Ok(());
    }
    Err(
        Report::usage("nobody can be asked to confirm: standard input is not a terminal")
            .hint("look with --plan, then run it with --yes"),
    )
}

/// Whether somebody is there who can be asked, and wants to be.
pub fn may_ask(yes: bool) -> bool {
    !yes && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// The answer to `--plan`.
pub fn show(plan: &v1::Plan, session: &mut Session) -> Result<(), Report> {
    if session.output.is_json() {
        return session.output.json(&json(plan));
    }
    session.output.text(&page(plan))
}

/// Shows the plan where a person reads it and asks; the basis binds the change to what was shown.
pub fn ask(plan: &v1::Plan, name: &str, verb: &str, session: &Session) -> Result<String, Report> {
    let mut notes = io::stderr();
    writeln!(notes, "Cluster: {}", clean(&session.target.to_string()))?;
    notes.write_all(page(plan).as_bytes())?;
    check_runnable(plan)?;
    confirm(name, verb)?;
    Ok(plan.basis.clone())
}

/// Asks to type the object's name. Anything else cancels.
pub fn confirm(name: &str, verb: &str) -> Result<(), Report> {
    let mut notes = io::stderr();
    write!(notes, "Type {} to {verb} it: ", clean(name))?;
    notes.flush()?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Report::failure(format!("cannot read the answer: {error}")).hint("run it with --yes"))?;
    if answer.trim() == name {
        return Ok(());
    }
    Err(Report::failure("cancelled, nothing was changed").hint("the whole name is expected, then enter"))
}

/// A blocked plan is refused here, with what blocks it.
pub fn check_runnable(plan: &v1::Plan) -> Result<(), Report> {
    if plan.runnable {
        return Ok(());
    }
    let blocks = |check: &&v1::PlanCheck| check.level == v1::CheckLevel::Blocked as i32;
    let reasons: Vec<&str> = plan
        .checks
        .iter()
        .filter(blocks)
        .map(|check| check.text.as_str())
        .collect();
    let reason = if reasons.is_empty() {
        "the plan cannot run now".to_owned()
    } else {
        reasons.join("; ")
    };
    Err(Report::new(Exit::Conflict, clean(&reason)).hint("resolve what blocks it, then look at the plan again"))
}

pub fn json(plan: &v1::Plan) -> Value {
    let step = |step: &v1::PlanStep| json!({ "action": words::plan_action(step.action), "subject": step.subject, "detail": step.detail });
    let check = |check: &v1::PlanCheck| json!({ "level": words::check_level(check.level), "text": check.text });
    json!({
        "index": plan.index,
        "basis": plan.basis,
        "runnable": plan.runnable,
        "steps": plan.steps.iter().map(step).collect::<Value>(),
        "checks": plan.checks.iter().map(check).collect::<Value>(),
        "leaves": plan.leaves,
        "stays": plan.stays,
        "arrives": plan.arrives,
    })
}

/// The page a person reads before typing the name.
pub fn page(plan: &v1::Plan) -> String {
    let mut table = Table::new(&["ACTION", "SUBJECT", "DETAIL"]);
    for step in &plan.steps {
        table.row([words::plan_action(step.action), &step.subject, &step.detail]);
    }
    let mut text = format!("Plan at index {}:\n{}", plan.index, table.render());
    for (words, hosts) in [
        ("New bytes arrive on:", &plan.arrives),
        ("Old bytes leave:", &plan.leaves),
        ("Keep them until they answer:", &plan.stays),
    ] {
        if !hosts.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{words} {}", clean(&hosts.join(", ")));
        }
    }
    for check in &plan.checks {
        let _ = writeln!(text, "{}: {}", words::check_level(check.level), clean(&check.text));
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    fn plan() -> v1::Plan {
        v1::Plan {
            index: 42,
            basis: "b".into(),
            steps: vec![v1::PlanStep {
                action: v1::PlanAction::Swap as i32,
                subject: "service web".into(),
                detail: "4 tasks".into(),
            }],
            checks: vec![v1::PlanCheck {
                level: v1::CheckLevel::Blocked as i32,
                text: "a rotation is running".into(),
            }],
            leaves: vec!["worker-1".into(), "worker-2".into()],
            ..v1::Plan::default()
        }
    }

    #[test]
    fn the_page_names_steps_hosts_and_checks() {
        assert_eq!(
            page(&plan()),
            "Plan at index 42:\n\
             ACTION   SUBJECT       DETAIL\n\
             swap     service web   4 tasks\n\
             Old bytes leave: worker-1, worker-2\n\
             blocked: a rotation is running\n"
        );
        assert_eq!(json(&plan())["steps"][0]["action"], "swap");
    }

    #[test]
    fn a_blocked_plan_says_why() {
        let report = check_runnable(&plan()).unwrap_err();
        assert_eq!(report.message, "a rotation is running");
        assert_eq!(report.exit, Exit::Conflict);
        assert!(
            check_runnable(&v1::Plan {
                runnable: true,
                ..plan()
            })
            .is_ok()
        );
    }
}
