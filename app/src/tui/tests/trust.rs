//! What the cluster trusts, by keys: a new root with every node that moves to it, and operators.

use wardroom_api::v1::{NodeState, PlanAction, RemoveOperatorResponse, RetiringRoot, RotateRootResponse};
use wardroom_api::{CallError, ClusterView};

use super::fixture::NOW;
use super::play::{Play, play};
use super::said::{change, plan, remove};
use crate::tui::msg::{Answer, Call, Msg};

fn new_root(view: &mut ClusterView, remaining: u32) {
    let cluster = view.cluster.as_mut().unwrap();
    cluster.root_fingerprint = "n3w".into();
    cluster.retiring = Vec::new();
    if remaining > 0 {
        cluster.retiring.push(RetiringRoot {
            fingerprint: "9b1c5d".into(),
            since_ms: NOW - 3_600_000,
            remaining,
        });
    }
}

fn rotated(play: &mut Play) {
    assert!(matches!(play.last_call().1, Call::RotateRoot(request) if request.plan_only));
    play.answer(Ok(Answer::RootRotated(RotateRootResponse {
        plan: Some(plan(PlanAction::Create, "root CA", "cross-signed by the one before")),
        ..Default::default()
    })));
    play.shows("same as  $ wardroom swarm ca --rotate");
    play.shows("nobody is cut off");
    play.keys("prod-eu<enter>");
    assert!(matches!(play.last_call().1, Call::RotateRoot(request)
        if !request.plan_only && request.plan_basis == "b1"));
    play.answer(Ok(Answer::RootRotated(RotateRootResponse {
        fingerprint: "n3w".into(),
        index: 18_843,
        ..Default::default()
    })));
}

#[test]
fn a_new_root_counts_the_nodes_and_names_those_that_are_down() {
    let mut play = play("3R");
    rotated(&mut play);
    play.shows("rotate root  under way");
    change(&mut play, 18_843, |view| {
        new_root(view, 5);
        for id in ["id-mgr-1", "id-mgr-2"] {
            view.nodes.get_mut(id).unwrap().certificate_issuer = "n3w".into();
        }
        view.nodes.get_mut("id-wrk-2").unwrap().state = NodeState::Down.into();
    });
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18843 12:04Z live
     cluster > keys > prod-eu > rotate root    unix:///run/w.sock    1 plan [2 run]
    +- rotate root  under way -----------------------------------------------------+
    | 3 nodes still on the older root; 2 operators to be added anew                |
    |                                                                              |
    | mgr-3              ....................  still on the older root             |
    | wrk-1              ....................  still on the older root             |
    | wrk-2              ....................  DOWN ! gets it when it returns      |
    | mgr-1              ####################  has a certificate of the new root   |
    | mgr-2              ####################  has a certificate of the new root   |
    |                                                                              |
    | committed at #18843                                                          |
    | you may leave: it goes on by itself, and screen 3 shows it                   |
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
     12:04:15 ok  rotate root of prod-eu committed at #18843
    "#);
    play.keys("<enter>");
    play.shows("Changes of keys  1 under way");
    play.shows("new root CA");
    play.shows("mgr-3 wrk-1 wrk-2 down !");
    play.keys("<tab>");
    play.shows("Certificates, soonest first  5 still on an older root !");
    play.shows("older !");
    play.keys("1");
    play.send(Msg::Resize(120, 40));
    play.shows("! 3 nodes still on an older root, replaced 1h ago; down: wrk-2");
}

#[test]
fn a_new_root_is_through_when_no_node_hangs_on_an_older_one() {
    let mut play = play("3R");
    rotated(&mut play);
    change(&mut play, 18_844, |view| {
        new_root(view, 2);
        view.nodes
            .values_mut()
            .for_each(|node| node.certificate_issuer = "n3w".into());
    });
    play.shows("rotate root  DONE");
    play.shows("every node has a certificate of the new root; 2 operators to be added anew");
    play.keys("<enter>1");
    play.send(Msg::Resize(120, 40));
    play.shows("! 2 operators still on an older root, replaced 1h ago: add them anew");
}

#[test]
fn a_node_that_is_never_heard_again_does_not_hold_it_up_for_ever() {
    let mut play = play("3R");
    rotated(&mut play);
    change(&mut play, 18_844, |view| {
        // Its certificate has expired, and the older root was let go.
        new_root(view, 0);
        for node in view.nodes.values_mut().filter(|node| node.hostname != "wrk-2") {
            node.certificate_issuer = "n3w".into();
        }
    });
    play.shows("rotate root  DONE");
}

#[test]
fn many_nodes_are_counted_where_they_find_no_room() {
    let mut play = play("3R");
    rotated(&mut play);
    change(&mut play, 18_843, |view| {
        new_root(view, 200);
        for number in 0..200 {
            let mut node = view.nodes["id-wrk-1"].clone();
            node.id = format!("id-{number}");
            node.hostname = format!("a-host-with-a-long-name-{number:03}.example.org");
            view.nodes.insert(node.id.clone(), node);
        }
    });
    play.shows("+193 more, 193 of them not done");
    play.shows("a-host-wi~mple.org");
    play.shows("committed at #18843");
    play.send(Msg::Resize(120, 40));
    play.shows("a-host-with-a-long-name-000.example.org ");
}

#[test]
fn operators_are_listed_and_removed_by_name() {
    let mut play = play("3oj");
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     keys > operators(2)           unix:///run/w.sock  <:>command </>filter <?>help
    +- Operators ------------------------------------------------------------------+
    |  OPERATOR             ROLE          CERT UNTIL            ROOT           AGE |
    |  jo                   admin          49d 2027-01-11 12:04 current        40d |
    |> kim                  viewer         49d 2027-01-11 12:04 current        40d |
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
    |                                                                              |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
     made on the command line only: wardroom operator add NAME --role ROLE
     <ctrl-d>remove <esc>back <d>describe <l>audit
    "#);
    play.keys("D");
    play.shows("- destroy  operator kim");
    play.shows("same as  $ wardroom operator rm kim");
    play.keys("kim<enter>");
    assert!(matches!(play.last_call().1, Call::RemoveOperator(request) if request.reference == "o-kim"));
    play.answer(Ok(Answer::OperatorRemoved(RemoveOperatorResponse {
        id: "o-kim".into(),
        index: 18_843,
    })));
    remove(&mut play, wardroom_api::v1::Kind::Operator, "o-kim", 18_843);
    play.shows("remove  DONE");
    play.keys("<enter>k");
    play.shows("operators(1)");
    play.keys(":operator rm jo<enter>");
    play.shows("the last admin: then only a manager's own socket is left");
}

#[test]
fn operators_are_found_and_described() {
    let mut play = play(":operators role=admin<enter>");
    play.shows("1 of 2");
    play.keys("<enter>");
    play.shows("certificate_until: 2027-01-11");
    let mut keys = super::play::play("3");
    keys.shows("jo            admin");
}

#[test]
fn a_refused_rotation_says_so_in_the_clusters_words() {
    let mut play = play("3R");
    play.answer(Err(CallError::PermissionDenied(
        "Permission denied: RotateRoot needs the role admin".into(),
    )));
    play.shows("ERROR: Permission denied: RotateRoot needs the role admin");
}
