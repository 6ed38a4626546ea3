//! A rotation by keys: value, options, plan, name, progress, result.

use wardroom_api::v1::{
    Change, Changes, CheckLevel, Plan, PlanAction, PlanCheck, PlanStep, RotateSecretResponse, Rotation, RotationPhase,
    change, watch_message,
};
use wardroom_api::{CallError, CallKind};

use super::play::{Play, play};
use crate::tui::msg::{Answer, Call};

fn plan(basis: &str) -> Answer {
    let step = |action: PlanAction, subject: &str, detail: &str| PlanStep {
        action: action.into(),
        subject: subject.into(),
        detail: detail.into(),
    };
    let check = |level: CheckLevel, text: &str| PlanCheck {
        level: level.into(),
        text: text.into(),
    };
    let plan = Plan {
        index: 18_842,
        basis: basis.into(),
        steps: vec![
            step(PlanAction::Create, "db_password v5", "differs from the versions before"),
            step(PlanAction::Swap, "service api", "3 tasks, files swapped in place"),
            step(PlanAction::Restart, "service batch", "1 task, 1 at a time"),
            step(PlanAction::Keep, "db_password v4", "sealed, for a roll-back"),
        ],
        checks: vec![
            check(CheckLevel::Ok, "quorum 3/3"),
            check(CheckLevel::Warn, "a rotation of it is still running"),
        ],
        leaves: vec!["wrk-1".into(), "wrk-2".into()],
        stays: Vec::new(),
        arrives: vec!["wrk-1".into(), "wrk-2".into()],
        runnable: true,
    };
    Answer::SecretRotated(RotateSecretResponse {
        plan: Some(plan),
        ..Default::default()
    })
}

fn accepted() -> Answer {
    Answer::SecretRotated(RotateSecretResponse {
        rotation_id: "r-2".into(),
        version: 5,
        version_name: "db_password_v5".into(),
        index: 18_843,
        plan: None,
    })
}

fn progress(play: &mut Play, phase: RotationPhase, proven: u32, index: u64) {
    let mut rotation = Rotation {
        id: "r-2".into(),
        from: 4,
        to: 5,
        ..play.model.cluster.rotations["r-1"].clone()
    };
    rotation.phase = phase.into();
    rotation.services[1].proven = proven;
    let put = Change {
        action: Some(change::Action::Put(rotation.into())),
    };
    play.feed(watch_message::Body::Changes(Changes { changes: vec![put] }), index);
}

#[test]
fn a_rotation_from_value_to_result() {
    let mut play = play("4r");
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     secrets(6) > db_password > rotate          [1 value]  2 options  3 plan  4 run
    +- value ----------------------------------------------------------------------+
    |> value from     (x) generate ( ) type ( ) paste ( ) file                     |
    |                 left and right choose; generated: by the leader, unseen      |
    |                                                                              |
    +------------------------------------------------------------------------------+















     <tab>field <enter>continue <esc>cancel
    "#);
    play.keys("<enter><enter>");
    assert!(matches!(play.last_call().1, Call::RotateSecret(request) if request.plan_only && request.value.is_none()));
    play.answer(Ok(plan("b1")));
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     secrets(6) > db_password > rotate           1 value  2 options [3 plan]  4 run
    +- Plan, computed at #18842 (nothing has been changed yet) --------------------+
    | + create   db_password v5 differs from the versions before                   |
    | ~ swap     service api    3 tasks, files swapped in place                    |
    | ~ restart  service batch  1 task, 1 at a time                                |
    | = keep     db_password v4 sealed, for a roll-back                            |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
    +- Checks -----------------------------++- Blast radius -----------------------+
    | ok    quorum 3/3                     || old bytes leave wrk-1 wrk-2          |
    | WARN  a rotation of it is still      || old bytes stay  -                    |
    |       running                        || new bytes come  wrk-1 wrk-2          |
    +--------------------------------------++--------------------------------------+
     on failure the version before returns; the new one is marked failed
     same as  $ wardroom secret rotate db_password --generate 32
     type the secret's name to run:  [___________]



     <enter>run once the name matches <esc>back
    "#);
    play.keys("db_password<enter>");
    insta::assert_debug_snapshot!(play.last_call().1, @r#"
    RotateSecret(
        RotateSecretRequest {
            reference: "s-db_password",
            value: Some(
                Value {
                    source: Some(
                        Generate(
                            32,
                        ),
                    ),
                },
            ),
            plan_only: false,
            plan_basis: "b1",
            if_changed: false,
        },
    )
    "#);
    play.answer(Ok(accepted()));
    progress(&mut play, RotationPhase::Rolling, 0, 18_843);
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 2 rotating          #18843 12:04Z live
     secrets(6) > db_password > rotate           1 value  2 options  3 plan [4 run]
    +- rotate  under way ----------------------------------------------------------+
    | rolling v5 out                                                               |
    |                                                                              |
    | api                ####################  3 of 3 tasks proved, 3 settled      |
    | batch              ....................  0 of 1 task proved, 0 settled       |
    |                                                                              |
    | committed at #18843                                                          |
    | you may leave: it goes on by itself, and screen 8 shows it                   |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
     <enter>leave <esc>leave
     12:04:18 ok  rotate of db_password committed at #18843
    "#);
    progress(&mut play, RotationPhase::Done, 1, 18_844);
    play.shows("rotate  DONE");
    play.shows("db_password v5 is current, every task has proved it");
    play.keys("<enter>");
    assert!(play.model.wizard.is_none());
}

#[test]
fn a_roll_back_is_told_as_a_failure() {
    let mut play = play("4r<enter><enter>");
    play.answer(Ok(plan("b1")))
        .keys("db_password<enter>")
        .answer(Ok(accepted()));
    progress(&mut play, RotationPhase::RolledBack, 0, 18_844);
    play.shows("FAILED !");
    play.shows("rolled back to v4");
}

#[test]
fn a_stale_plan_is_made_anew_and_the_name_asked_again() {
    let mut play = play("4r<right><enter>hunter2<enter><enter>");
    play.answer(Ok(plan("b1"))).keys("db_password<enter>");
    play.answer(Err(CallError::Conflict("the objects moved on".into())));
    assert_eq!(CallError::Conflict(String::new()).kind(), CallKind::Conflict);
    assert!(matches!(play.last_call().1, Call::RotateSecret(request) if request.plan_only));
    play.answer(Ok(plan("b2")));
    play.shows("this is the plan made anew");
    play.keys("<enter>");
    assert_eq!(play.calls(), 3, "the name has to be typed again");
    play.keys("db_password<enter>");
    let (_, call) = play.last_call();
    let Call::RotateSecret(request) = call else {
        panic!("{call:?}")
    };
    assert_eq!(
        (request.plan_basis.as_str(), request.value.is_some()),
        ("b2", true),
        "the typed value is still there"
    );
}

#[test]
fn a_plan_that_cannot_be_made_is_asked_for_again() {
    let mut play = play("4r<enter><enter>");
    play.answer(Err(CallError::NoQuorum("The swarm does not have a leader.".into())));
    play.shows("The swarm does not have a leader.");
    play.keys("<enter>");
    assert_eq!(play.calls(), 2);
    play.answer(Ok(plan("b1")));
    play.shows("Plan, computed at #18842");
}

#[test]
fn escape_goes_back_page_by_page_and_changes_nothing() {
    let mut play = play("4r<enter><enter>");
    play.answer(Ok(plan("b1"))).keys("<esc><esc>");
    play.shows("1 value");
    play.keys("<esc>");
    assert!(play.model.wizard.is_none());
    play.shows("rotate cancelled, nothing was changed");
    assert_eq!(play.calls(), 1);
}
