//! Is anything the manager has not acknowledged ever forgotten, and is the last word the one that arrives?
#![allow(clippy::unwrap_used)] // a test may stop at the first surprise

use proptest::prelude::*;
use wardroom_api::v1::TaskState;

use super::*;
use crate::room::{BYTES_MAX, INVENTORY_ITEMS_MAX, ITEMS_MAX, Weighed};

fn report(task: &str, state: TaskState) -> TaskReport {
    TaskReport {
        task_id: task.into(),
        state: state as i32,
        ..Default::default()
    }
}

fn receipt(task: &str, version: u32, state: HoldingState) -> Receipt {
    Receipt {
        task_id: task.into(),
        secret_id: "s".into(),
        version,
        target: "t".into(),
        state: state as i32,
        ..Default::default()
    }
}

fn states(request: &ReportRequest) -> Vec<(u32, HoldingState)> {
    request
        .receipts
        .iter()
        .map(|receipt| (receipt.version, receipt.state()))
        .collect()
}

#[test]
fn the_latest_state_of_a_task_wins() {
    let mut ledger = Ledger::default();
    ledger.task(report("a", TaskState::Accepted));
    ledger.task(report("a", TaskState::Running));
    let request = ledger.take("s1").unwrap();
    assert_eq!(request.tasks, [report("a", TaskState::Running)]);
    assert_eq!((request.session_id.as_str(), request.inventory), ("s1", false));
    assert!(ledger.take("s1").is_none(), "one report is under way at a time");
    ledger.acknowledged();
    assert!(ledger.is_silent());
}

#[test]
fn a_lost_report_is_sent_again_with_what_is_newer() {
    let mut ledger = Ledger::default();
    ledger.task(report("a", TaskState::Running));
    ledger.receipt(receipt("a", 1, HoldingState::Present));
    ledger.take("s").unwrap();
    ledger.receipt(receipt("a", 1, HoldingState::Erased));
    ledger.lost();
    let again = ledger.take("s").unwrap();
    assert_eq!(again.tasks, [report("a", TaskState::Running)]);
    assert_eq!(
        states(&again),
        [(1, HoldingState::Erased)],
        "the older word does not come back"
    );
}

#[test]
fn a_session_begins_with_an_inventory_of_all_that_is_held() {
    let mut ledger = Ledger::default();
    ledger.task(report("a", TaskState::Running));
    ledger.receipt(receipt("a", 1, HoldingState::Present));
    ledger.receipt(receipt("a", 2, HoldingState::Present));
    ledger.take("old").unwrap();
    ledger.acknowledged();
    ledger.receipt(receipt("a", 1, HoldingState::Erased));
    ledger.connected();
    let inventory = ledger.take("new").unwrap();
    assert!(inventory.inventory);
    assert_eq!(inventory.tasks, [report("a", TaskState::Running)]);
    assert_eq!(
        states(&inventory),
        [(1, HoldingState::Erased), (2, HoldingState::Present)]
    );
    ledger.lost();
    assert!(
        ledger.take("new").unwrap().inventory,
        "a lost inventory is owed as an inventory"
    );
}

#[test]
fn a_worker_that_holds_nothing_says_so() {
    let mut ledger = Ledger::default();
    ledger.connected();
    let inventory = ledger.take("s").unwrap();
    assert!(inventory.inventory && inventory.tasks.is_empty() && inventory.receipts.is_empty());
}

#[test]
fn an_inventory_waits_for_files_in_the_making() {
    let mut ledger = Ledger::default();
    ledger.connected();
    ledger.unsettled.insert(TaskId::new("a"));
    assert!(ledger.take("s").is_none());
    ledger.unsettled.remove(&TaskId::new("a"));
    assert!(ledger.take("s").is_some());
}

#[test]
fn a_failed_erasure_stays_in_the_inventory() {
    let mut ledger = Ledger::default();
    ledger.receipt(receipt("a", 1, HoldingState::Present));
    ledger.receipt(receipt("a", 1, HoldingState::Failed));
    ledger.take("s").unwrap();
    ledger.acknowledged();
    ledger.connected();
    assert_eq!(states(&ledger.take("s").unwrap()), [(1, HoldingState::Present)]);
}

#[test]
fn large_ledgers_go_in_parts() {
    let mut ledger = Ledger::default();
    for version in 0..2500 {
        ledger.receipt(receipt("a", version, HoldingState::Erased));
    }
    let mut sent = Vec::new();
    while let Some(request) = ledger.take("s") {
        assert!(request.receipts.len() <= ITEMS_MAX);
        sent.extend(states(&request));
        ledger.acknowledged();
    }
    assert_eq!(sent.len(), 2500);
}

/// Takes and acknowledges all there is to say; each part is small enough for a manager.
fn drain(ledger: &mut Ledger) -> Vec<ReportRequest> {
    let mut parts = Vec::new();
    while let Some(part) = ledger.take("s") {
        let items = part.tasks.len() + part.receipts.len();
        let bytes = part.tasks.iter().map(Weighed::bytes).sum::<usize>()
            + part.receipts.iter().map(Weighed::bytes).sum::<usize>();
        let items_max = if part.inventory { INVENTORY_ITEMS_MAX } else { ITEMS_MAX };
        assert!(items <= items_max && bytes <= BYTES_MAX, "{items} items, {bytes} bytes");
        parts.push(part);
        ledger.acknowledged();
    }
    parts
}

#[test]
fn a_large_inventory_comes_last_and_names_all_that_is_held() {
    let mut ledger = Ledger::default();
    for number in 0..3500 {
        ledger.task(report(&format!("t{number}"), TaskState::Running));
        ledger.receipt(receipt("a", number, HoldingState::Present));
        ledger.receipt(receipt("b", number, HoldingState::Erased));
    }
    ledger.connected();
    let parts = drain(&mut ledger);
    let (last, before) = parts.split_last().unwrap();
    assert!(before.len() >= 2 && before.iter().all(|part| !part.inventory));
    assert!(last.inventory);
    let present = states(last)
        .into_iter()
        .filter(|(_, state)| *state == HoldingState::Present);
    assert_eq!(present.count(), 3500, "the manager takes what it leaves out as gone");
    assert_eq!(parts.iter().map(|part| part.tasks.len()).sum::<usize>(), 3500);
    assert!(ledger.is_silent());
}

#[test]
fn more_than_one_inventory_can_name_is_said_without_one() {
    let mut ledger = Ledger::default();
    for number in 0..9000 {
        ledger.receipt(receipt("a", number, HoldingState::Present));
    }
    drain(&mut ledger);
    ledger.connected();
    let parts = drain(&mut ledger);
    assert!(
        parts.iter().all(|part| !part.inventory),
        "half an inventory would call the other half erased"
    );
    assert_eq!(parts.iter().map(|part| part.receipts.len()).sum::<usize>(), 9000);
    // When enough of them are gone it is made up for.
    for number in 0..8000 {
        ledger.receipt(receipt("a", number, HoldingState::Erased));
    }
    let parts = drain(&mut ledger);
    let last = parts.last().unwrap();
    assert!(last.inventory);
    let present = states(last)
        .iter()
        .filter(|(_, state)| *state == HoldingState::Present)
        .count();
    assert_eq!(present, 1000);
    assert!(ledger.is_silent());
}

#[test]
fn an_inventory_names_thousands_of_files_with_ids_of_full_length() {
    let mut ledger = Ledger::default();
    for number in 0..7500 {
        let receipt = Receipt {
            task_id: "t".repeat(25),
            secret_id: "s".repeat(25),
            target: format!("{number:0>12}"),
            digest: vec![7; 32],
            ..receipt("", 1, HoldingState::Present)
        };
        ledger.receipt(receipt);
    }
    ledger.connected();
    let inventory = ledger.take("s").unwrap();
    assert!(inventory.inventory && inventory.receipts.len() == 7500);
}

#[test]
fn a_lapse_is_said_first_and_though_the_file_is_back() {
    let mut ledger = Ledger::default();
    ledger.receipt(receipt("a", 1, HoldingState::Present));
    ledger.receipt(receipt("a", 2, HoldingState::Present));
    let unanswered = ledger.take("old").unwrap();
    assert_eq!(unanswered.receipts.len(), 2);
    ledger.lapsed(receipt("a", 1, HoldingState::Erased));
    ledger.unsettled.insert(TaskId::new("a"));
    ledger.connected();
    assert_eq!(states(&ledger.take("new").unwrap()), [(1, HoldingState::Erased)]);
    assert!(ledger.take("new").is_none());
    // The answer is lost, and meanwhile the file is there again.
    ledger.receipt(receipt("a", 1, HoldingState::Present));
    ledger.unsettled.clear();
    ledger.connected();
    let again = ledger.take("newer").unwrap();
    assert_eq!(
        (states(&again), again.inventory),
        (vec![(1, HoldingState::Erased)], false)
    );
    ledger.acknowledged();
    let inventory = ledger.take("newer").unwrap();
    assert!(inventory.inventory);
    assert_eq!(
        states(&inventory),
        [(1, HoldingState::Present), (2, HoldingState::Present)]
    );
    ledger.acknowledged();
    assert!(ledger.is_silent());
}

#[test]
fn a_lapse_takes_the_place_of_what_was_owed_before() {
    let mut ledger = Ledger::default();
    ledger.receipt(receipt("a", 1, HoldingState::Present));
    ledger.lapsed(receipt("a", 1, HoldingState::Erased));
    assert_eq!(states(&ledger.take("s").unwrap()), [(1, HoldingState::Erased)]);
    ledger.acknowledged();
    assert!(ledger.is_silent());
}

#[test]
fn long_texts_make_more_parts() {
    let mut ledger = Ledger::default();
    for number in 0..400 {
        let receipt = Receipt {
            target: format!("{number}{}", "x".repeat(4000)),
            ..receipt("a", number, HoldingState::Present)
        };
        ledger.receipt(receipt);
    }
    ledger.connected();
    let parts = drain(&mut ledger);
    assert!(parts.len() > 1);
    assert_eq!(parts.iter().map(|part| part.receipts.len()).sum::<usize>(), 400);
}

#[test]
fn a_failed_erasure_under_way_does_not_leave_the_file_out_of_the_inventory() {
    let mut ledger = Ledger::default();
    ledger.receipt(receipt("a", 1, HoldingState::Present));
    ledger.take("s").unwrap();
    ledger.acknowledged();
    ledger.receipt(receipt("a", 1, HoldingState::Failed));
    ledger.connected();
    let parts = drain(&mut ledger);
    let last = parts.last().unwrap();
    assert!(last.inventory);
    assert_eq!(states(last), [(1, HoldingState::Present)], "its bytes are still there");
    assert_eq!(states(&parts[0]), [(1, HoldingState::Failed)]);
}

#[derive(Clone, Debug)]
enum Step {
    Task(u8, bool),
    Receipt(u8, u32, bool),
    Lapse(u8, u32),
    Exchange(Outcome),
    Connect,
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Acknowledged,
    LostOnTheWay,
    /// The manager took it, the answer was lost.
    AnswerLost,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![
        Just(Outcome::Acknowledged),
        Just(Outcome::LostOnTheWay),
        Just(Outcome::AnswerLost)
    ];
    let step = prop_oneof![
        (0..3u8, any::<bool>()).prop_map(|(task, runs)| Step::Task(task, runs)),
        (0..3u8, 0..3u32, any::<bool>()).prop_map(|(task, version, there)| Step::Receipt(task, version, there)),
        (0..3u8, 0..3u32).prop_map(|(task, version)| Step::Lapse(task, version)),
        outcome.prop_map(Step::Exchange),
        Just(Step::Connect),
    ];
    proptest::collection::vec(step, 0..40)
}

/// What the manager believes after taking a report.
fn believe(manager: &mut Batch, request: &ReportRequest) {
    for report in &request.tasks {
        manager
            .tasks
            .insert(TaskId::new(report.task_id.clone()), report.clone());
    }
    for receipt in &request.receipts {
        manager.receipts.insert(key(receipt), receipt.clone());
    }
}

proptest! {
    #[test]
    fn the_manager_ends_up_with_the_last_word_about_everything(steps in steps()) {
        let (mut ledger, mut manager, mut truth) = (Ledger::default(), Batch::default(), Batch::default());
        for step in steps {
            match step {
                Step::Task(task, runs) => {
                    let report = report(&format!("t{task}"), if runs { TaskState::Running } else { TaskState::Starting });
                    truth.tasks.insert(TaskId::new(report.task_id.clone()), report.clone());
                    ledger.task(report);
                }
                Step::Receipt(task, version, there) => {
                    let state = if there { HoldingState::Present } else { HoldingState::Erased };
                    let receipt = receipt(&format!("t{task}"), version, state);
                    truth.receipts.insert(key(&receipt), receipt.clone());
                    ledger.receipt(receipt);
                }
                Step::Lapse(task, version) => {
                    let receipt = receipt(&format!("t{task}"), version, HoldingState::Erased);
                    truth.receipts.insert(key(&receipt), receipt.clone());
                    ledger.lapsed(receipt);
                }
                Step::Exchange(outcome) => {
                    let Some(request) = ledger.take("s") else { continue };
                    if !matches!(outcome, Outcome::LostOnTheWay) {
                        believe(&mut manager, &request);
                    }
                    if matches!(outcome, Outcome::Acknowledged) { ledger.acknowledged() } else { ledger.lost() }
                }
                Step::Connect => ledger.connected(),
            }
        }
        while let Some(request) = ledger.take("s") {
            believe(&mut manager, &request);
            ledger.acknowledged();
        }
        prop_assert!(ledger.is_silent());
        prop_assert_eq!(manager.tasks, truth.tasks);
        prop_assert_eq!(manager.receipts, truth.receipts);
    }
}
