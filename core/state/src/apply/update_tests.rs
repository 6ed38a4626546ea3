//! Does an update go through Docker's states, and does what tasks run stay known for as long as they run it?

use crate::command::{Command, TaskChange};
use crate::ids::TaskId;
use crate::script::{
    Script, advance_update, change, create, expect, grant, revoke, roll_back, rotate, running, service, service_id,
    spec, status, update, update_all,
};
use crate::service::{Grant, Mode, Service, UpdateState};
use crate::task::TaskState;

fn web(script: &Script) -> &Service {
    &script.state.services()[&service_id("web")]
}

fn state(script: &Script) -> Option<UpdateState> {
    web(script).update_status.as_ref().map(|status| status.state)
}

fn generation(script: &Script, task: &str) -> u64 {
    script.state.tasks()[&TaskId::new(task)].generation
}

fn ended_and_reaped(script: &mut Script, task: &str) {
    let id = TaskId::new(task);
    script.play(change(TaskChange::Desire {
        task: id.clone(),
        desired: TaskState::Shutdown,
    }));
    script.play(status("n1", task, TaskState::Shutdown));
    script.play(change(TaskChange::Reap { task: id }));
}

#[test]
fn what_a_task_runs_is_kept_until_the_last_task_of_its_generation_is_forgotten() {
    let mut script = Script::with_web(&[]);
    expect(
        &script.play(update("web", running("web", &[], 1))),
        "service svc-web\nservice.update web [ok] replaced by force",
    );
    assert_eq!((web(&script).generation, generation(&script, "t1")), (2, 1));
    assert_eq!(web(&script).run_of(1).map(|run| run.force), Some(0));
    script.start("t2", "web", "n1");
    // Nobody ran the second generation for long: only what tasks run is kept.
    script.play(update("web", running("web", &[], 2)));
    script.play(update("web", running("web", &[], 3)));
    assert_eq!(web(&script).earlier.keys().copied().collect::<Vec<_>>(), [1, 2]);
    let token = web(&script).version_index;
    ended_and_reaped(&mut script, "t1");
    assert_eq!(web(&script).earlier.keys().copied().collect::<Vec<_>>(), [2]);
    assert_eq!(web(&script).version_index, token, "nobody has to read it again");
    ended_and_reaped(&mut script, "t2");
    assert!(web(&script).earlier.is_empty());
}

#[test]
fn a_roll_back_makes_the_tasks_that_were_not_replaced_current_again() {
    let mut script = Script::with_web(&[]);
    expect(
        &script.play(roll_back("web")),
        "Precondition: service web does not have a previous spec",
    );
    script.play(update("web", running("web", &[], 1)));
    script.start("t2", "web", "n1");
    expect(
        &script.play(roll_back("web")),
        "service svc-web\ntask t1\nservice.rollback web [ok] replaced by force",
    );
    assert_eq!((generation(&script, "t1"), generation(&script, "t2")), (3, 2));
    assert_eq!(web(&script).generation, 3);
    let told = web(&script).update_status.clone().unwrap();
    assert_eq!(
        (told.state, told.message.as_str()),
        (UpdateState::RollbackStarted, "manually requested rollback")
    );
    // As in Docker: again, and it is where it was.
    script.play(roll_back("web"));
    assert_eq!((generation(&script, "t1"), generation(&script, "t2")), (3, 4));
    assert_eq!(web(&script).spec.run.force, 1);
}

#[test]
fn only_what_changes_tasks_is_an_update_with_a_state() {
    let mut script = Script::with_web(&["db"]);
    let scaled = crate::service::ServiceSpec {
        mode: Mode::Replicated(3),
        ..spec("web", &["db"])
    };
    script.play(update("web", scaled));
    assert_eq!(state(&script), None);
    script.play(update("web", spec("web", &[])));
    assert_eq!(state(&script), Some(UpdateState::Updating));
    script.play(advance_update("web", UpdateState::Completed, "update completed"));
    let over = web(&script).update_status.clone().unwrap();
    assert!(over.completed_at_ms >= over.started_at_ms && over.completed_at_ms != 0);
    let mut labelled = spec("web", &[]);
    labelled.labels.insert("a".into(), "b".into());
    script.play(update("web", labelled));
    assert_eq!(state(&script), Some(UpdateState::Completed));
}

#[test]
fn several_services_change_together_or_not_at_all() {
    let mut script = Script::with_web(&["db"]);
    script.play(service("api", &["db"]));
    expect(
        &script.play(update_all(vec![spec("web", &[]), spec("api", &["gone"])])),
        "Invalid: secret not found: s-gone",
    );
    expect(
        &script.play(update_all(vec![spec("web", &[]), spec("web", &[])])),
        "Invalid: service web is named twice in one change; name it once",
    );
    expect(
        &script.play(update_all(vec![spec("web", &[]), spec("api", &[])])),
        "service svc-api
         service svc-web
         service.update web [ok] -db (swap)
         service.update api [ok] -db (swap)",
    );
}

#[test]
fn a_failed_update_goes_back_once_and_the_states_have_an_order() {
    let mut script = Script::with_web(&[]);
    let late = "Conflict: the update of service web cannot take that step from where it is; plan again";
    expect(&script.play(advance_update("web", UpdateState::Completed, "")), late);
    script.play(update("web", running("web", &[], 1)));
    expect(
        &script.play(advance_update("web", UpdateState::RollbackCompleted, "")),
        late,
    );
    expect(
        &script.play(advance_update("web", UpdateState::Updating, "update in progress")),
        "",
    );
    let why = "update rolled back due to failure or early termination of task t2";
    expect(
        &script.play(advance_update("web", UpdateState::RollbackStarted, why)),
        &format!("service svc-web\ntask t1\nservice.rollback web [failed] {why}"),
    );
    assert_eq!((web(&script).spec.run.force, &web(&script).previous), (0, &None));
    script.play(advance_update(
        "web",
        UpdateState::RollbackCompleted,
        "rollback completed",
    ));
    expect(
        &script.play(advance_update("web", UpdateState::RollbackPaused, "")),
        late,
    );
}

#[test]
fn what_is_paused_goes_on_with_the_next_update_also_with_the_same_spec() {
    let mut script = Script::with_web(&[]);
    let next = || running("web", &[], 1);
    script.play(update("web", next()));
    script.play(advance_update(
        "web",
        UpdateState::Paused,
        "update paused due to failure",
    ));
    expect(
        &script.play(update("web", next())),
        "service svc-web\nservice.update web [ok] resumed",
    );
    assert_eq!(state(&script), Some(UpdateState::Updating));
    assert_eq!(web(&script).previous.as_ref().map(|spec| spec.run.force), Some(0));
    expect(&script.play(update("web", next())), "");
}

#[test]
fn there_is_no_way_back_to_a_pinned_version_without_a_value() {
    let mut script = Script::with_web(&[]);
    script.play(create("db"));
    let pinned = Grant {
        pinned: Some(1),
        ..grant("db")
    };
    let mut with = spec("web", &[]);
    with.grants = vec![pinned];
    script.play(update("web", with));
    script.play(update("web", running("web", &[], 1)));
    script.play(rotate("db", 2));
    script.play(revoke("db", Some(1)));
    let gone = "Precondition: service web cannot go back: version 1 of secret 'db', which it would use again, has no value any more; update the service instead";
    expect(&script.play(roll_back("web")), gone);
    expect(
        &script.play(advance_update("web", UpdateState::RollbackStarted, "")),
        gone,
    );
    let stale = Command::RollbackService {
        id: service_id("web"),
        expected: Some(1),
    };
    expect(&script.play(stale), "Conflict: update out of sequence");
}
