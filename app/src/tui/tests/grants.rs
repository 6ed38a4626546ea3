//! The matrix of grants, and the wizards that change it.

use wardroom_api::v1::{Plan, UpdateServiceResponse};

use super::play::play;
use crate::tui::msg::{Answer, Call};
use crate::tui::wizard::Step;

fn plan() -> Plan {
    Plan {
        index: 18_842,
        basis: "b1".into(),
        runnable: true,
        ..Plan::default()
    }
}

#[test]
fn matrix() {
    insta::assert_snapshot!(play("5m").screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     services > grants             unix:///run/w.sock  <:>command </>filter <?>help
    +- 4 services x 6 secrets  secrets 1-5 ----------------------------------------+
    |                 db_pa~word pay_t~cert pay_t~_key pay_w~_sig sessi~seed       |
    |  SERVICE        v4         v1         v2         v1         v1               |
    |> api            *R v4 swp  .          .          .          *R v1 swp        |
    |  batch          ?r v4 rst  .          .          .          .                |
    |  edge           .          *R v1 sig  *R v2 sig  *R v1 sig  .                |
    |  worker         .          .          .          *R v1 swp  .                |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
    +- api -> db_password ---------------------------------------------------------+
    | granted  file db_password, 0:0 0400, on change swap                          |
    | proven   v4 by 3 of 3 tasks                                                  |
    |                                                                              |
    +------------------------------------------------------------------------------+
     *R every task proves it   ?r not yet   +A -D ~C staged   . none   =v3 pinned
     <w>why <space>toggle <e>edit <u>undo <p>plan <tab>rows/columns <esc>back
    "#);
}

#[test]
fn a_secret_is_granted_to_a_service_by_keys_alone() {
    let mut play = play("4G");
    play.keys("a");
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     secrets(6) > grant               unix:///run/w.sock   [1 grant]  2 plan  3 run
    +- grant ----------------------------------------------------------------------+
    |> service        (x) api ( ) batch ( ) edge ( ) worker                        |
    |                 left and right choose                                        |
    |  secret         < smtp_key >  6 of 6                                         |
    |                 left and right choose                                        |
    |  target         []                                                           |
    |                 file name in the task; empty: the secret's name              |
    |  mode           [0444]                                                       |
    |                 permission bits, octal                                       |
    |  on rotation    (x) swap ( ) restart ( ) signal                              |
    |                 swap the file in place, restart the task, or signal it       |
    |  uid:gid        [0:0]                                                        |
    |                 who owns the file                                            |
    |                                                                              |
    +------------------------------------------------------------------------------+





     <tab>field <enter>continue <esc>cancel
    "#);
    // batch, then down to the target and the mode
    play.keys("<right><tab><tab>mail/key<tab><ctrl-w>0440<tab><right><tab><enter>");
    let (_, call) = play.last_call();
    let Call::UpdateService(request) = call else {
        panic!("{call:?}")
    };
    assert!(request.plan_only && request.reference == "v-batch");
    insta::assert_debug_snapshot!(request.add, @r#"
    [
        Grant {
            secret_id: "s-smtp_key",
            secret_name: "smtp_key",
            pinned: 0,
            target: "mail/key",
            uid: 0,
            gid: 0,
            mode: 288,
            on_change: Restart,
            signal: "",
        },
    ]
    "#);
    play.answer(Ok(Answer::ServiceUpdated(UpdateServiceResponse {
        plan: Some(plan()),
        ..Default::default()
    })));
    play.keys("batc<enter>");
    assert_eq!(play.calls(), 1, "the name is not complete");
    play.keys("h<enter>");
    let (_, call) = play.last_call();
    assert!(
        matches!(call, Call::UpdateService(request) if !request.plan_only && request.plan_basis == "b1"),
        "{call:?}"
    );
    let answer = UpdateServiceResponse {
        id: "v-batch".into(),
        index: 18_843,
        plan: None,
    };
    play.answer(Ok(Answer::ServiceUpdated(answer)));
    assert_eq!(play.model.wizard.as_ref().unwrap().step, Step::Run);
}

#[test]
fn a_grant_is_withdrawn_from_the_service_that_has_it() {
    let mut play = play("5<enter><tab>jW");
    let (_, call) = play.last_call();
    assert!(
        matches!(call, Call::UpdateService(request) if request.remove == ["session_seed"] && request.plan_only),
        "{call:?}"
    );
    play.answer(Ok(Answer::ServiceUpdated(UpdateServiceResponse {
        plan: Some(plan()),
        ..Default::default()
    })));
    play.shows("type the service's name to run:  [___]");
}

#[test]
fn bad_modes_and_owners_do_not_leave_the_form() {
    for (keys, words) in [
        (
            "4a<tab><tab><tab><ctrl-w>999<tab><tab><enter>",
            "the mode is octal permission bits",
        ),
        (
            "4a<tab><tab><tab><tab><tab><ctrl-w>root<enter>",
            "write two numbers, uid:gid",
        ),
    ] {
        let mut play = play(keys);
        play.shows(words);
        assert_eq!(play.calls(), 0);
    }
}
