//! Roles by keys: a worker becomes a manager and back, each as a plan with its progress.

use wardroom_api::CallError;
use wardroom_api::v1::{PlanAction, Role};

use super::play::play;
use super::said::{accepted, manager, node, planned};
use crate::tui::msg::Call;

#[test]
fn a_promotion_ends_when_the_node_votes() {
    let mut play = play("6jjjp");
    assert!(matches!(play.last_call().1, Call::UpdateNode(request)
        if request.plan_only && request.role() == Role::Manager && request.reference == "id-wrk-1"));
    planned(&mut play, PlanAction::Move, "worker -> manager");
    play.shows("same as  $ wardroom node promote wrk-1");
    play.shows("a manager keeps every secret, sealed, and the key that opens them");
    play.keys("wrk-1<enter>");
    assert!(matches!(play.last_call().1, Call::UpdateNode(request)
        if !request.plan_only && request.plan_basis == "b1"));
    accepted(&mut play);
    node(&mut play, "id-wrk-1", 18_843, |node| {
        node.desired_role = Role::Manager.into();
    });
    play.shows("promote  under way");
    play.shows("wrk-1 is becoming a manager");
    node(&mut play, "id-wrk-1", 18_850, |node| {
        node.role = Role::Manager.into();
        node.raft_id = 77;
    });
    play.shows("quorum 3/3");
    manager(&mut play, "id-wrk-1", "learner");
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18850 12:04Z live
     nodes(5) > wrk-1 > promote                unix:///run/w.sock    1 plan [2 run]
    +- promote  under way ---------------------------------------------------------+
    | wrk-1 is becoming a manager                                                  |
    |                                                                              |
    | certificate        ####################  a manager's                         |
    | copies the log     ####################  it has all of it                    |
    | vote               ....................  not yet                             |
    |                                                                              |
    | committed at #18843                                                          |
    | you may leave: it goes on by itself, and screen 6 shows it                   |
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
     12:04:16 ok  promote of wrk-1 committed at #18843
    "#);
    manager(&mut play, "id-wrk-1", "follower");
    play.shows("promote  DONE");
    play.shows("wrk-1 is a manager and votes");
    play.keys("<enter>");
    play.shows("manager  ready   active Reachable         2");
}

#[test]
fn a_role_on_its_way_is_seen_in_the_list_and_on_the_raft_screen() {
    let mut play = play("6");
    node(&mut play, "id-wrk-1", 18_843, |node| {
        node.desired_role = Role::Manager.into();
    });
    manager(&mut play, "id-wrk-1", "learner");
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18843 12:04Z live
     nodes(5)                      unix:///run/w.sock  <:>command </>filter <?>help
    +------------------------------------------------------------------------------+
    |  NODE             ROLE              STATE   AVAIL  MANAGER       TASKS   CERT|
    |> mgr-1            manager           ready   active Reachable         0    60d|
    |  mgr-2            manager           ready   active Leader            0    60d|
    |  mgr-3            manager           ready   active Reachable         0  47h !|
    |  wrk-1            worker -> manager ready   active learner           2    60d|
    |  wrk-2            worker            ready   active -                 5    60d|
    +------------------------------------------------------------------------------+
    +- In the memory of mgr-1 right now -------------------------------------------+
    | no secret                                                                    |
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
     <enter>detail <p>promote <d>demote <a>availability <ctrl-d>remove <t>tokens
    "#);
    play.shows("quorum 3/3");
    play.keys("2");
    play.shows("wrk-1     learner");
    play.ascii = false;
    play.keys("6");
    play.shows("worker → manager");
}

#[test]
fn a_demotion_ends_with_a_workers_certificate() {
    let mut play = play("6d");
    assert!(matches!(play.last_call().1, Call::UpdateNode(request)
        if request.role() == Role::Worker && request.reference == "id-mgr-1"));
    planned(&mut play, PlanAction::Move, "manager -> worker");
    play.keys("mgr-1<enter>");
    accepted(&mut play);
    node(&mut play, "id-mgr-1", 18_843, |node| {
        node.desired_role = Role::Worker.into();
    });
    play.shows("mgr-1 is becoming a worker");
    node(&mut play, "id-mgr-1", 18_844, |node| {
        node.role = Role::Worker.into();
        node.raft_id = 0;
    });
    play.shows("demote  DONE");
}

#[test]
fn a_role_that_is_there_already_needs_no_plan() {
    let mut play = play("6p");
    play.shows("mgr-1 is a manager already, or on its way");
    play.keys("jjjd");
    play.shows("wrk-1 is a worker already, or on its way");
    assert_eq!(play.calls(), 0);
}

#[test]
fn a_refusal_of_the_plan_is_shown_in_the_clusters_words() {
    let mut play = play("6d");
    play.answer(Err(CallError::Precondition(
        "attempting to demote the last manager of the swarm".into(),
    )));
    play.shows("ERROR: attempting to demote the last manager of the swarm");
}
