//! Is each worker told exactly what it needs, once, and nothing of anybody else's?

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

use std::collections::BTreeSet;

use wardroom_state::command::Command;
use wardroom_state::ids::{NodeId, SecretId, VersionId};
use wardroom_state::service::{Mode, OnChange};
use wardroom_state::task::TaskState;

use super::assignments::{Sent, Step, never_told, wanted};
use crate::reconcile::scene::{Scene, node_id};

/// One worker's session over a scene.
struct Session {
    node: NodeId,
    sent: Sent,
}

impl Session {
    fn open(node: &str) -> Self {
        Self {
            node: node_id(node),
            sent: Sent::default(),
        }
    }

    fn step(&mut self, scene: &Scene) -> Option<Step> {
        let wanted = wanted(&scene.state, &self.node, self.sent.versions());
        self.sent.step(wanted)
    }
}

/// `web` on both workers with `db`; `api` on `w2` alone with `key`.
fn scene() -> Scene {
    let mut scene = Scene::with_workers(2);
    scene.secret("db");
    scene.secret("key");
    scene.service("web", Mode::Replicated(2), vec![Scene::grant("db", OnChange::Swap)]);
    scene.schedule();
    scene.availability("w1", wardroom_state::node::Availability::Pause);
    scene.service("api", Mode::Replicated(1), vec![Scene::grant("key", OnChange::Swap)]);
    scene.schedule();
    scene
}

fn names(step: &Step) -> (Vec<&str>, Vec<&str>) {
    let versions = step.versions.iter().map(|version| version.id.as_str()).collect();
    (versions, step.tasks.iter().map(|task| task.name.as_str()).collect())
}

fn roll_out(scene: &mut Scene) {
    let rolled = crate::reconcile::rollout::decide(&scene.state, scene.now_ms, &mut || unreachable!("swapped"));
    scene.carry_out(rolled);
}

#[test]
fn the_first_message_is_complete_also_when_there_is_nothing() {
    let scene = Scene::with_workers(1);
    let mut session = Session::open("w1");
    let step = session.step(&scene).unwrap();
    assert!(step.complete && step.tasks.is_empty());
    assert_eq!((step.applies_to, step.results_in), (0, 1));
    assert_eq!(session.step(&scene), None);
}

#[test]
fn a_worker_gets_its_own_tasks_and_their_versions_only() {
    let scene = scene();
    let first = Session::open("w1").step(&scene).unwrap();
    assert_eq!(names(&first), (vec!["db-version-1"], vec!["web.1"]));
    let second = Session::open("w2").step(&scene).unwrap();
    assert_eq!(names(&second).0, ["db-version-1", "key-version-1"]);
    assert_eq!(second.tasks.len(), 2);
}

#[test]
fn a_version_is_sent_once_however_many_tasks_use_it() {
    let mut scene = scene();
    let mut session = Session::open("w2");
    session.step(&scene);
    scene.update("web", |spec| spec.mode = Mode::Replicated(4));
    scene.schedule();
    let step = session.step(&scene).unwrap();
    assert_eq!(names(&step), (vec![], vec!["web.3", "web.4"]));
    assert!(!step.complete);
    assert_eq!((step.applies_to, step.results_in), (1, 2));
}

#[test]
fn a_rotation_sends_the_new_version_and_withdraws_the_old_one() {
    let mut scene = scene();
    let mut session = Session::open("w1");
    session.step(&scene);
    scene.rotate("db");
    roll_out(&mut scene);
    let step = session.step(&scene).unwrap();
    assert_eq!(names(&step), (vec!["db-version-2"], vec!["web.1"]));
    assert_eq!(step.versions_removed, [VersionId::new("db-version-1")]);
    assert_eq!(step.tasks[0].files[0].version, 2);
}

#[test]
fn a_revoke_takes_file_and_version_and_sends_nothing() {
    let mut scene = scene();
    let mut session = Session::open("w1");
    session.step(&scene);
    scene.apply(Command::RevokeSecret {
        secret: SecretId::new("db"),
        version: None,
        expected: None,
    });
    let step = session.step(&scene).unwrap();
    assert_eq!(names(&step), (vec![], vec!["web.1"]));
    assert!(step.tasks[0].files.is_empty());
    assert_eq!(step.versions_removed, [VersionId::new("db-version-1")]);
}

#[test]
fn what_a_worker_reports_is_not_told_back_to_it() {
    let mut scene = scene();
    let mut session = Session::open("w1");
    session.step(&scene);
    scene.workers_obey();
    assert_eq!(session.step(&scene), None);
}

#[test]
fn an_ended_task_is_withdrawn_when_its_files_are_erased() {
    let mut scene = scene();
    scene.workers_obey();
    let mut session = Session::open("w1");
    session.step(&scene);
    let task = scene
        .live()
        .into_iter()
        .find(|task| task.node == Some(node_id("w1")))
        .unwrap()
        .id
        .clone();
    scene.report(&task, TaskState::Failed);
    let step = session.step(&scene).unwrap();
    assert_eq!(
        step.tasks[0].desired(),
        wardroom_api::v1::TaskState::Shutdown,
        "it is not to be started again"
    );
    assert_eq!(step.versions_removed.len(), 1);
    scene.workers_obey();
    let step = session.step(&scene).unwrap();
    assert_eq!(step.tasks_removed, [task]);
}

#[test]
fn a_worker_that_comes_back_gets_no_value_for_tasks_on_their_way_out() {
    let mut scene = scene();
    scene.workers_obey();
    scene.availability("w1", wardroom_state::node::Availability::Drain);
    scene.schedule();
    let step = Session::open("w1").step(&scene).unwrap();
    assert_eq!(names(&step), (vec![], vec!["web.1"]));
    assert_eq!(step.tasks[0].desired(), wardroom_api::v1::TaskState::Shutdown);
}

/// I4 over a whole life: whatever happens, a worker is only ever sent versions that its own live tasks name.
#[test]
fn no_step_ever_carries_a_version_without_a_task_for_it() {
    let mut scene = scene();
    let mut sessions = [Session::open("w1"), Session::open("w2")];
    for round in 0..12 {
        match round % 4 {
            0 => drop(scene.rotate("db")),
            1 => scene.update("web", |spec| spec.mode = Mode::Replicated(1 + round % 5)),
            2 => drop(scene.rotate("key")),
            _ => scene.node_state("w2", wardroom_state::node::NodeState::Ready),
        }
        scene.schedule();
        roll_out(&mut scene);
        for session in &mut sessions {
            let Some(step) = session.step(&scene) else { continue };
            let own = scene
                .live()
                .into_iter()
                .filter(|task| task.node.as_ref() == Some(&session.node));
            let named: BTreeSet<_> = own
                .flat_map(|task| &task.files)
                .map(|file| file.version_id.clone())
                .collect();
            assert!(
                step.versions.iter().all(|version| named.contains(&version.id)),
                "round {round}"
            );
        }
        scene.workers_obey();
    }
}

#[test]
fn what_was_taken_back_unheard_is_known_not_to_be_there() {
    let mut scene = scene();
    let (mut told, untold) = (Session::open("w1"), Session::open("w1"));
    told.step(&scene);
    scene.apply(Command::RevokeSecret {
        secret: SecretId::new("db"),
        version: None,
        expected: None,
    });
    assert_eq!(
        never_told(&scene.state, &told.node, &told.sent),
        [],
        "its receipt is to come"
    );
    let unseen = never_told(&scene.state, &untold.node, &untold.sent);
    let [receipt] = &unseen[..] else { panic!("{unseen:?}") };
    assert_eq!(
        (receipt.secret.as_str(), receipt.version, receipt.target.as_str()),
        ("db", 1, "db")
    );
}

/// The first message of a new session while one value of a task's two is gone.
fn first_without_db(scene: &Scene) -> Step {
    let mut wanted = wanted(&scene.state, &node_id("w1"), &BTreeSet::new());
    let gone = VersionId::new("db-version-1");
    assert!(wanted.versions.remove(&gone) && wanted.unsent.remove(&gone).is_some());
    Sent::default().step(wanted).unwrap()
}

#[test]
fn a_running_task_goes_on_with_what_can_be_delivered() {
    let mut scene = Scene::with_workers(1);
    scene.secret("db");
    scene.secret("key");
    let grants = ["db", "key"].map(|secret| Scene::grant(secret, OnChange::Swap));
    scene.service("web", Mode::Replicated(1), grants.into());
    scene.schedule();
    let step = first_without_db(&scene);
    assert_eq!(
        names(&step).1,
        Vec::<&str>::new(),
        "none starts before its files are complete"
    );

    scene.workers_obey();
    let step = first_without_db(&scene);
    assert_eq!(names(&step), (vec!["key-version-1"], vec!["web.1"]));
    assert_eq!(step.tasks[0].desired(), wardroom_api::v1::TaskState::Running);
    let targets: Vec<_> = step.tasks[0].files.iter().map(|file| file.target.as_str()).collect();
    assert_eq!(targets, ["key"]);
}
