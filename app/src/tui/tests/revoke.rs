//! A revocation by keys: plan, name, and the receipts as they come in.

use wardroom_api::v1::{
    Change, Changes, HoldingState, Plan, PlanAction, PlanStep, RevokeSecretResponse, change, watch_message,
};

use super::play::{Play, play};
use crate::tui::msg::{Answer, Call};

fn plan() -> Answer {
    let steps = vec![PlanStep {
        action: PlanAction::Cut.into(),
        subject: "service api".into(),
        detail: "loses the grant".into(),
    }];
    let plan = Plan {
        index: 18_842,
        basis: "b1".into(),
        steps,
        stays: vec!["wrk-2".into()],
        runnable: true,
        ..Plan::default()
    };
    Answer::SecretRevoked(RevokeSecretResponse {
        plan: Some(plan),
        ..RevokeSecretResponse::default()
    })
}

fn holdings(play: &mut Play, erased_on: &str, index: u64) {
    let mut changes = Vec::new();
    for holding in play
        .model
        .cluster
        .holdings
        .values()
        .filter(|holding| holding.secret_id == "s-db_password")
    {
        let mut holding = holding.clone();
        let erased = holding.node_id == erased_on || erased_on == "all";
        holding.owed = !erased;
        holding.state = if erased {
            HoldingState::Erased.into()
        } else {
            HoldingState::Present.into()
        };
        changes.push(Change {
            action: Some(change::Action::Put(holding.into())),
        });
    }
    play.feed(watch_message::Body::Changes(Changes { changes }), index);
}

#[test]
fn a_secret_is_revoked_and_every_receipt_counted() {
    let mut play = play("4<ctrl-d>");
    assert!(matches!(play.last_call().1, Call::RevokeSecret(request) if request.plan_only && request.version == 0));
    play.answer(Ok(plan()));
    play.shows("old bytes stay  wrk-2 !");
    play.shows("there is no way back");
    play.keys("db_password<enter>");
    assert!(
        matches!(play.last_call().1, Call::RevokeSecret(request) if !request.plan_only && request.plan_basis == "b1")
    );
    play.answer(Ok(Answer::SecretRevoked(RevokeSecretResponse {
        index: 18_843,
        ..RevokeSecretResponse::default()
    })));
    holdings(&mut play, "id-wrk-1", 18_843);
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18843 12:04Z live
     secrets(6) > db_password > revoke         unix:///run/w.sock    1 plan [2 run]
    +- revoke  under way ----------------------------------------------------------+
    | db_password is cut off; 3 receipts of its erasure still owed                 |
    |                                                                              |
    | wrk-1              ####################  erased, proved                      |
    | wrk-2              ....................  3 receipts owed !                   |
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
     12:04:17 ok  revoke of db_password committed at #18843
    "#);
    holdings(&mut play, "all", 18_844);
    play.shows("revoke  DONE");
    play.shows("db_password is destroyed, no worker holds it");
}

#[test]
fn on_a_versions_row_only_that_version_is_meant() {
    let play = play("4<enter>j<ctrl-d>");
    assert!(matches!(play.last_call().1, Call::RevokeSecret(request) if request.version == 3));
}

#[test]
fn a_version_is_named_in_a_command() {
    let play = play(":revoke db_password@2<enter>");
    assert!(matches!(play.last_call().1, Call::RevokeSecret(request) if request.version == 2));
}

#[test]
fn the_plan_is_about_the_object_that_was_selected_when_the_key_was_pressed() {
    let mut play = play("4<ctrl-d>");
    let gone = wardroom_api::v1::ObjectKey {
        kind: wardroom_api::v1::Kind::Secret.into(),
        id: "s-db_password".into(),
    };
    let removed = Change {
        action: Some(change::Action::Removed(gone)),
    };
    play.feed(watch_message::Body::Changes(Changes { changes: vec![removed] }), 18_843);
    play.answer(Ok(plan())).keys("pay_tls_cert<enter>");
    assert_eq!(play.calls(), 1, "another secret's name does not run it");
}
