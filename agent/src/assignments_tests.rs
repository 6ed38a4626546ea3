//! Does the comparison always lead from what is held to what is wanted? Tables first, then properties.
#![allow(clippy::unwrap_used)] // a test may stop at the first surprise

use proptest::prelude::*;

use super::*;

fn version(name: &str) -> VersionId {
    VersionId::new(name)
}

fn task(id: &str, desired: Desired, versions: &[&str]) -> Wanted {
    let files = versions.iter().map(|name| WantedFile {
        target: format!("file-{name}"),
        secret: SecretId::new(format!("secret-{name}")),
        version_id: version(name),
        version: 1,
        uid: 0,
        gid: 0,
        mode: 0o444,
        signal: None,
    });
    Wanted {
        id: TaskId::new(id),
        name: format!("web.{id}"),
        service: Arc::default(),
        slot: 1,
        run: Arc::default(),
        desired,
        files: files.collect(),
    }
}

fn complete(results_in: u64, changes: Vec<Change>) -> Update {
    Update {
        complete: true,
        applies_to: 0,
        results_in,
        changes,
    }
}

fn next(applies_to: u64, changes: Vec<Change>) -> Update {
    Update {
        complete: false,
        applies_to,
        results_in: applies_to + 1,
        changes,
    }
}

#[test]
fn a_complete_message_is_taken_up_and_repeated_without_effect() {
    let mut held = Assignments::default();
    let a = task("a", Desired::Running, &["v1"]);
    let message = || complete(1, vec![Change::Value(version("v1")), Change::Task(a.clone())]);
    assert_eq!(
        held.apply(message()).unwrap(),
        [Action::Keep(version("v1")), Action::Bring(a.clone())]
    );
    held.broken_off();
    assert_eq!(held.apply(message()).unwrap(), [Action::Keep(version("v1"))]);
}

#[test]
fn what_a_complete_message_leaves_out_ends_and_is_wiped() {
    let mut held = Assignments::default();
    let a = task("a", Desired::Running, &["v1"]);
    held.apply(complete(1, vec![Change::Value(version("v1")), Change::Task(a)]))
        .unwrap();
    assert_eq!(
        held.apply(complete(7, vec![])).unwrap(),
        [Action::End(TaskId::new("a")), Action::Drop(version("v1"))]
    );
}

#[test]
fn a_gap_changes_nothing() {
    let mut held = Assignments::default();
    assert_eq!(held.apply(next(0, vec![])), Err(Gap::NotComplete));
    held.apply(complete(5, vec![])).unwrap();
    let a = Change::Task(task("a", Desired::Running, &[]));
    assert_eq!(
        held.apply(next(4, vec![a.clone()])),
        Err(Gap::Sequence { held: 5, applies_to: 4 })
    );
    assert!(
        matches!(held.apply(next(5, vec![a])).unwrap()[..], [Action::Bring(_)]),
        "the refused message left no trace"
    );
    held.broken_off();
    assert_eq!(held.apply(next(6, vec![])), Err(Gap::NotComplete));
}

#[test]
fn a_value_goes_with_the_last_task_that_lists_it() {
    let mut held = Assignments::default();
    let (a, b) = (
        task("a", Desired::Running, &["v1"]),
        task("b", Desired::Running, &["v1"]),
    );
    held.apply(complete(
        1,
        vec![Change::Value(version("v1")), Change::Task(a), Change::Task(b)],
    ))
    .unwrap();
    assert_eq!(
        held.apply(next(1, vec![Change::TaskRemoved(TaskId::new("a"))]))
            .unwrap(),
        [Action::End(TaskId::new("a"))]
    );
    // A task that is to stop still lists its files: another may be assigned that shares the value.
    let stopping = task("b", Desired::Stopped, &["v1"]);
    assert_eq!(
        held.apply(next(2, vec![Change::Task(stopping.clone())])).unwrap(),
        [Action::Bring(stopping)]
    );
    let done = held
        .apply(next(3, vec![Change::TaskRemoved(TaskId::new("b"))]))
        .unwrap();
    assert_eq!(done, [Action::End(TaskId::new("b")), Action::Drop(version("v1"))]);
}

#[test]
fn a_value_may_arrive_before_its_task() {
    let mut held = Assignments::default();
    held.apply(complete(1, vec![])).unwrap();
    assert_eq!(
        held.apply(next(1, vec![Change::Value(version("v1"))])).unwrap(),
        [Action::Keep(version("v1"))]
    );
    let a = task("a", Desired::Running, &["v1"]);
    assert_eq!(
        held.apply(next(2, vec![Change::Task(a.clone())])).unwrap(),
        [Action::Bring(a)]
    );
}

#[test]
fn a_value_taken_back_is_wiped_after_the_tasks_have_heard() {
    let mut held = Assignments::default();
    let a = task("a", Desired::Running, &["v1"]);
    held.apply(complete(1, vec![Change::Value(version("v1")), Change::Task(a)]))
        .unwrap();
    let without = task("a", Desired::Running, &[]);
    let actions = held
        .apply(next(
            1,
            vec![Change::ValueRemoved(version("v1")), Change::Task(without.clone())],
        ))
        .unwrap();
    assert_eq!(actions, [Action::Bring(without), Action::Drop(version("v1"))]);
}

fn any_task() -> impl Strategy<Value = Wanted> {
    let desired = prop_oneof![Just(Desired::Ready), Just(Desired::Running), Just(Desired::Stopped)];
    (0..4u8, desired, proptest::collection::btree_set(0..5u8, 0..4)).prop_map(|(id, desired, versions)| {
        let names: Vec<String> = versions.iter().map(|number| format!("v{number}")).collect();
        task(
            &format!("t{id}"),
            desired,
            &names.iter().map(String::as_str).collect::<Vec<_>>(),
        )
    })
}

/// A manager's view of one worker: the tasks, each with the values it lists.
fn any_view() -> impl Strategy<Value = BTreeMap<TaskId, Wanted>> {
    proptest::collection::vec(any_task(), 0..4)
        .prop_map(|tasks| tasks.into_iter().map(|task| (task.id.clone(), task)).collect())
}

fn versions_of(view: &BTreeMap<TaskId, Wanted>) -> BTreeSet<VersionId> {
    view.values()
        .flat_map(|task| &task.files)
        .map(|file| file.version_id.clone())
        .collect()
}

/// The message a manager sends to lead from one view to another.
fn changes(before: &BTreeMap<TaskId, Wanted>, after: &BTreeMap<TaskId, Wanted>) -> Vec<Change> {
    let (had, has) = (versions_of(before), versions_of(after));
    let mut changes: Vec<Change> = has.difference(&had).cloned().map(Change::Value).collect();
    changes.extend(
        after
            .values()
            .filter(|task| before.get(&task.id) != Some(*task))
            .cloned()
            .map(Change::Task),
    );
    changes.extend(
        before
            .keys()
            .filter(|id| !after.contains_key(*id))
            .cloned()
            .map(Change::TaskRemoved),
    );
    changes.extend(had.difference(&has).cloned().map(Change::ValueRemoved));
    changes
}

/// What a worker has after carrying the actions out.
#[derive(Default)]
struct Worker {
    tasks: BTreeMap<TaskId, Wanted>,
    values: BTreeSet<VersionId>,
}

impl Worker {
    fn carry_out(&mut self, actions: &[Action]) {
        for action in actions {
            match action {
                Action::Keep(version) => {
                    self.values.insert(version.clone());
                }
                Action::Bring(wanted) => {
                    for file in &wanted.files {
                        assert!(
                            self.values.contains(&file.version_id),
                            "a task is brought up before its value came"
                        );
                    }
                    self.tasks.insert(wanted.id.clone(), wanted.clone());
                }
                Action::End(id) => assert!(self.tasks.remove(id).is_some(), "only what runs can end"),
                Action::Drop(version) => assert!(self.values.remove(version), "only what is held can be wiped"),
            }
        }
    }
}

proptest! {
    #[test]
    fn the_worker_follows_every_view(views in proptest::collection::vec((any_view(), any::<bool>()), 1..8)) {
        let (mut held, mut worker) = (Assignments::default(), Worker::default());
        let mut before = BTreeMap::new();
        for (number, (view, reconnect)) in views.into_iter().enumerate() {
            let at = number as u64;
            let update = if at == 0 || reconnect {
                held.broken_off();
                complete(at + 1, changes(&BTreeMap::new(), &view))
            } else {
                next(at, changes(&before, &view))
            };
            worker.carry_out(&held.apply(update).unwrap());
            prop_assert_eq!(&worker.tasks, &view);
            prop_assert_eq!(&worker.values, &versions_of(&view), "I4: exactly the versions its tasks list");
            before = view;
        }
    }

    #[test]
    fn the_same_view_twice_asks_for_nothing(view in any_view()) {
        let mut held = Assignments::default();
        held.apply(complete(1, changes(&BTreeMap::new(), &view))).unwrap();
        let again = held.apply(complete(2, changes(&BTreeMap::new(), &view))).unwrap();
        prop_assert!(again.iter().all(|action| matches!(action, Action::Keep(_))), "{:?}", again);
    }
}
