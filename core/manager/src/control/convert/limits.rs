//! How much may one call put into the log? Every text and every count has a bound here, because an entry that is too
//! large to be sent to the other managers would stop the cluster for good.

use std::collections::BTreeMap;

use wardroom_api::v1;
use wardroom_state::ids::ID_LENGTH;
use wardroom_state::service::{Reload, RunSpec};

use crate::control::error::Failure;

/// A target's path in a grant and in a receipt, in bytes.
const TARGET_BYTES: usize = 255;
/// All labels of one object, keys and values.
const LABELS_BYTES: usize = 64 * 1024;
const LABELS: usize = 1_000;
/// All words of a command with one byte between them: what Linux takes for one word of it.
const COMMAND_BYTES: usize = 128 * 1024;
/// All texts of a run spec: some specs go into one update, and each service keeps those that its tasks still run.
const RUN_BYTES: usize = 192 * 1024;
/// Grants of one service.
const GRANTS: usize = 1_000;
/// Placement constraints of one service.
const CONSTRAINTS: usize = 100;
/// Task reports, and as many receipts, in one report. A worker sends what is more in the next one.
pub(crate) const REPORTED: usize = 2_000;
/// The same for an inventory, which has to be complete in one piece.
const INVENTORIED: usize = 8_000;

pub(super) fn id(what: &str, text: &str) -> Result<(), Failure> {
    at_most(text.len(), ID_LENGTH, &format!("a {what} id"), "bytes")
}

pub(super) fn target(text: &str) -> Result<(), Failure> {
    at_most(text.len(), TARGET_BYTES, "a secret's target", "bytes")
}

/// Labels of a secret or a service.
pub(crate) fn labels(labels: &BTreeMap<String, String>) -> Result<(), Failure> {
    at_most(labels.len(), LABELS, "the labels", "entries")?;
    let bytes = labels.iter().map(|(key, value)| key.len() + value.len()).sum();
    at_most(bytes, LABELS_BYTES, "the labels", "bytes in all")
}

/// A run spec as a whole, and its command.
pub(super) fn run(run: &RunSpec) -> Result<(), Failure> {
    command(&run.command)?;
    let lists = [&run.entrypoint, &run.command, &run.env, &run.groups, &run.networks];
    let health = run.health.as_ref().map_or(&[][..], |health| &health.test);
    let reload = match &run.reload {
        Some(Reload::Command(words)) => words.as_slice(),
        Some(Reload::Pidfile { path, .. }) => std::slice::from_ref(path),
        Some(Reload::Unit(unit)) => std::slice::from_ref(unit),
        None => &[],
    };
    let words = lists.into_iter().flatten().chain(health).chain(reload);
    let mounts = run.mounts.iter().flat_map(|mount| [&mount.source, &mount.target]);
    let labels = run.container_labels.iter().flat_map(|(key, value)| [key, value]);
    let bytes = words.chain(mounts).chain(labels).map(|text| text.len() + 1).sum();
    at_most(bytes, RUN_BYTES, "what a service runs", "bytes in all")
}

fn command(words: &[String]) -> Result<(), Failure> {
    let bytes = words.iter().map(|word| word.len() + 1).sum();
    at_most(bytes, COMMAND_BYTES, "the command", "bytes in all")
}

/// The number of grants of one service.
pub(crate) fn grants(count: usize) -> Result<(), Failure> {
    at_most(count, GRANTS, "the grants of a service", "entries")
}

pub(super) fn constraints(count: usize) -> Result<(), Failure> {
    at_most(count, CONSTRAINTS, "the placement constraints of a service", "entries")
}

pub(super) fn report(report: &v1::ReportRequest) -> Result<(), Failure> {
    let (what, most) = if report.inventory {
        ("an inventory", INVENTORIED)
    } else {
        ("a report", REPORTED)
    };
    at_most(report.tasks.len(), most, what, "tasks")?;
    at_most(report.receipts.len(), most, what, "receipts")
}

fn at_most(found: usize, most: usize, what: &str, unit: &str) -> Result<(), Failure> {
    if found <= most {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "{what} may have at most {most} {unit}, not {found}; send less"
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use wardroom_state::refusal::RefusalKind;

    use super::*;
    use crate::control::convert::{report, service_spec};
    use crate::reconcile::scene::Scene;

    fn receipt_of(task: &str, target: &str) -> v1::Receipt {
        v1::Receipt {
            task_id: task.into(),
            secret_id: "s1".into(),
            version: 1,
            target: target.into(),
            state: v1::HoldingState::Present.into(),
            message: "x".repeat(5_000),
            ..Default::default()
        }
    }

    fn said(tasks: usize, receipts: usize) -> v1::ReportRequest {
        v1::ReportRequest {
            tasks: vec![v1::TaskReport::default(); tasks],
            receipts: vec![receipt_of("t1", "db"); receipts],
            ..Default::default()
        }
    }

    fn is_invalid<T>(outcome: Result<T, Failure>) -> bool {
        matches!(outcome, Err(Failure::Refused { kind: RefusalKind::Invalid, text }) if text.contains("at most"))
    }

    #[test]
    fn a_worker_cannot_fill_the_log() {
        assert!(report(said(2_000, 2_000)).is_ok());
        assert!(is_invalid(report(said(2_001, 0))));
        assert!(is_invalid(report(said(0, 2_001))));
        let long = "x".repeat(256);
        let task = v1::TaskReport {
            task_id: long.clone(),
            ..Default::default()
        };
        let tasks = v1::ReportRequest {
            tasks: vec![task],
            ..Default::default()
        };
        assert!(is_invalid(report(tasks)));
        let given = |receipt: v1::Receipt| {
            report(v1::ReportRequest {
                receipts: vec![receipt],
                ..Default::default()
            })
        };
        assert!(is_invalid(given(receipt_of(&long, "db"))));
        assert!(is_invalid(given(receipt_of("t1", &long))));
        let secret = v1::Receipt {
            secret_id: long,
            ..receipt_of("t1", "db")
        };
        assert!(is_invalid(given(secret)));
        assert_eq!(given(receipt_of("t1", "db")).unwrap().1[0].message.len(), 1_024);
    }

    #[test]
    fn an_inventory_has_room_for_a_whole_worker_and_still_an_end() {
        let inventory = |receipts| v1::ReportRequest {
            inventory: true,
            ..said(0, receipts)
        };
        assert!(report(inventory(8_000)).is_ok());
        assert!(is_invalid(report(inventory(8_001))));
    }

    fn words(spec: &mut v1::ServiceSpec) -> &mut Vec<String> {
        &mut spec.run.get_or_insert_default().command
    }

    #[test]
    fn a_spec_is_bounded_before_it_is_proposed() {
        let mut scene = Scene::with_workers(1);
        scene.secret("db");
        let spec = |change: &dyn Fn(&mut v1::ServiceSpec)| {
            let mut spec = v1::ServiceSpec {
                name: "web".into(),
                run: Some(v1::RunSpec {
                    command: vec!["true".into()],
                    ..Default::default()
                }),
                ..Default::default()
            };
            change(&mut spec);
            service_spec(&scene.state, spec)
        };
        let granted = |target: String| v1::Grant {
            secret_name: "db".into(),
            target,
            ..Default::default()
        };
        assert!(spec(&|_| {}).is_ok());
        assert!(is_invalid(spec(&|spec| {
            spec.labels.insert("a".into(), "x".repeat(65_536));
        })));
        assert!(is_invalid(spec(&|spec| {
            spec.labels = (0..1_001).map(|number| (number.to_string(), String::new())).collect();
        })));
        assert!(is_invalid(spec(&|spec| words(spec).push("x".repeat(131_072)))));
        assert!(is_invalid(spec(&|spec| *words(spec) = vec![String::new(); 131_073])));
        let run = |spec: &mut v1::ServiceSpec| {
            spec.run.get_or_insert_default().env = vec!["A=".to_owned() + &"x".repeat(200_000)];
        };
        assert!(is_invalid(spec(&|spec| run(spec))));
        assert!(is_invalid(spec(
            &|spec| spec.grants = (0..1_001).map(|number| granted(number.to_string())).collect()
        )));
        assert!(is_invalid(spec(&|spec| spec.grants = vec![granted("x/".repeat(200))])));
        // What the state would refuse is not proposed first.
        assert!(spec(&|spec| spec.name = "x".repeat(1_000_000)).is_err());
        assert!(
            spec(&|spec| spec.grants = vec![v1::Grant {
                on_change: v1::OnChange::Signal.into(),
                signal: "x".repeat(1_000_000),
                ..granted(String::new())
            }])
            .is_err()
        );
    }
}
