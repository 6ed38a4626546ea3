//! Nodes by keys: what each is, and drain, label, remove as plans with their progress.

use wardroom_api::v1::{
    Availability, Change, Changes, Kind, NodeState, PlanAction, RemoveNodeResponse, change, watch_message,
};

use super::play::{play, sized};
use super::said::{accepted, node, plan, planned, remove};
use crate::tui::msg::{Answer, Call};

#[test]
fn a_drain_counts_the_tasks_that_are_left() {
    let mut play = play("6jjja<enter>");
    play.shows("wrk-1 is active already: choose another");
    play.keys("<right><right><enter>");
    assert!(matches!(play.last_call().1, Call::UpdateNode(request)
        if request.plan_only && request.availability() == Availability::Drain));
    planned(&mut play, PlanAction::Cut, "edge.id-wrk-1 ends");
    play.shows("edge.wrk-1 ends");
    play.shows("same as  $ wardroom node update --availability drain wrk-1");
    play.keys("wrk-1<enter>");
    accepted(&mut play);
    node(&mut play, "id-wrk-1", 18_843, |node| {
        node.availability = Availability::Drain.into();
    });
    remove(&mut play, Kind::Task, "t-api.2", 18_844);
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18844 12:04Z live
     nodes(5) > wrk-1 > availability                 1 availability  2 plan [3 run]
    +- availability  under way ----------------------------------------------------+
    | wrk-1 is draining, its tasks move to other nodes                             |
    |                                                                              |
    | tasks              ##########..........  1 task left                         |
    | secrets            ....................  5 files still in memory             |
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
    |                                                                              |
    +------------------------------------------------------------------------------+
     <enter>leave <esc>leave
     12:04:17 ok  availability of wrk-1 committed at #18843
    "#);
    remove(&mut play, Kind::Task, "t-edge.2", 18_845);
    play.shows("5 files still in memory");
    let held: Vec<String> = play
        .model
        .cluster
        .holdings
        .keys()
        .filter(|id| id.starts_with("id-wrk-1/"))
        .cloned()
        .collect();
    for id in held {
        remove(&mut play, Kind::Holding, &id, 18_846);
    }
    play.shows("availability  DONE");
    play.shows("wrk-1 is drained");
}

#[test]
fn labels_are_edited_as_one_line_and_sent_as_what_differs() {
    let mut play = sized((120, 24), "6jjj");
    node(&mut play, "id-wrk-1", 18_843, |node| {
        node.labels = [("zone", "eu"), ("old", "1")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
    });
    play.keys("e<enter>");
    play.shows("the labels are as they were");
    play.keys("<ctrl-w>zone=us disk=ssd<enter>");
    let (_, call) = play.last_call();
    let Call::UpdateNode(request) = call else {
        panic!("{call:?}")
    };
    assert!(request.plan_only);
    let added: Vec<_> = request
        .label_add
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    assert_eq!(
        (added, &request.label_rm),
        (
            vec!["disk=ssd".to_owned(), "zone=us".to_owned()],
            &vec!["old".to_owned()]
        )
    );
    planned(&mut play, PlanAction::Keep, "labels");
    play.shows("wardroom node update --label-add disk=ssd --label-add zone=us --label-rm old wrk-1");
}

#[test]
fn a_removal_asks_for_the_hostname_and_tells_what_force_does() {
    let mut play = play("6GD");
    play.shows("force: also while it is up");
    play.keys("<right><enter>");
    assert!(matches!(play.last_call().1, Call::RemoveNode(request) if request.plan_only && request.force));
    play.answer(Ok(Answer::NodeRemoved(RemoveNodeResponse {
        plan: Some(plan(
            PlanAction::Destroy,
            "node wrk-2",
            "its certificate is refused from now on, its connections are cut, and its id is never used again",
        )),
        ..Default::default()
    })));
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     nodes(5) > wrk-2 > remove       unix:///run/w.sock    1 remove [2 plan]  3 run
    +- Plan, computed at #18842 (nothing has been changed yet) --------------------+
    | - destroy  node wrk-2 its certificate is refused from now on, its            |
    |                       connections are cut, and its id is never used again    |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
    +- Checks -----------------------------++- Blast radius -----------------------+
    |                                      || secrets leave   -                    |
    |                                      || secrets stay    -                    |
    |                                      || secrets come    -                    |
    +--------------------------------------++--------------------------------------+
     there is no way back: the machine has to join anew, with a token
     same as  $ wardroom node rm --force wrk-2
     type the node's name to run:  [_____]



     <enter>run once the name matches <esc>back
    "#);
    play.keys("wrk-1<enter>");
    assert_eq!(play.calls(), 1, "another node's name does not run it");
    play.keys("<ctrl-w>wrk-2<enter>");
    assert!(matches!(play.last_call().1, Call::RemoveNode(request)
        if !request.plan_only && request.force && request.plan_basis == "b1"));
    play.answer(Ok(Answer::NodeRemoved(RemoveNodeResponse {
        index: 18_843,
        ..Default::default()
    })));
    play.shows("remove  under way");
    remove(&mut play, Kind::Node, "id-wrk-2", 18_843);
    play.shows("remove  DONE");
    play.shows("wrk-2 is removed; it is refused from now on");
}

#[test]
fn the_detail_of_a_node_acts_on_it_whatever_is_selected() {
    let mut play = play("6jjj<enter><tab>D");
    play.shows("nodes > wrk-1 > remove");
    play.keys("<esc><enter>");
    play.shows("<ctrl-d shift-d> remove a node");
    play.keys("e");
    play.shows("nodes > wrk-1 > labels");
}

#[test]
fn a_node_that_is_down_shows_what_it_owes() {
    let mut play = play("6jjj");
    let owed: Vec<_> = play
        .model
        .cluster
        .holdings
        .values()
        .filter(|holding| holding.node_id == "id-wrk-1")
        .cloned()
        .collect();
    for mut holding in owed.into_iter().take(2) {
        holding.owed = true;
        let put = Change {
            action: Some(change::Action::Put(holding.into())),
        };
        play.feed(watch_message::Body::Changes(Changes { changes: vec![put] }), 18_843);
    }
    node(&mut play, "id-wrk-1", 18_844, |node| {
        node.state = NodeState::Down.into();
        node.certificate_issuer = "0ld".into();
        node.labels = [("zone".to_owned(), "eu".to_owned())].into();
    });
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18844 12:04Z live
     nodes(5)                      unix:///run/w.sock  <:>command </>filter <?>help
    +------------------------------------------------------------------------------+
    |  NODE               ROLE     STATE   AVAIL  MANAGER       TASKS          CERT|
    |  mgr-1              manager  ready   active Reachable         0           60d|
    |  mgr-2              manager  ready   active Leader            0           60d|
    |  mgr-3              manager  ready   active Reachable         0         47h !|
    |> wrk-1              worker   DOWN !  active -                 2  60d old root|
    |  wrk-2              worker   ready   active -                 5           60d|
    +------------------------------------------------------------------------------+
    +- In the memory of wrk-1 right now -------------------------------------------+
    | SECRET                 VER  STATE      TASK                SINCE       PROOF |
    | db_password            v4   OWED !     api.2               12:04:05    proved|
    | session_seed           v1   OWED !     api.2               11-08 12:04 proved|
    | pay_tls_cert           v1   in memory  edge.2              11-08 12:04 proved|
    | pay_tls_key            v2   in memory  edge.2              11-08 12:04 proved|
    | pay_webhook_sig        v1   in memory  edge.2              11-08 12:04 proved|
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
     <enter>detail <p>promote <d>demote <a>availability <ctrl-d>remove <t>tokens
    "#);
    play.keys("1");
    play.shows("! wrk-1 down 3d, last known holder of 5 secrets, owes 2 erasures");
}

#[test]
fn wide_nodes_show_versions_labels_and_the_detail_beside() {
    let mut wide = sized((120, 30), "6jjj");
    insta::assert_snapshot!(wide.screen(), @r#"
     wardroom prod-eu [RW]  quorum 3/3  leader mgr-2 t41  1 rotating  via mgr-1                           #18842 12:04Z live
     nodes(5)                                                              unix:///run/w.sock  <:>command </>filter <?>help
    +----------------------------------------------------------------------------------------------------------------------+
    |  NODE               ROLE     STATE   AVAIL  MANAGER       TASKS   CERT HOLDS    SINCE VERSION   LABELS               |
    |  mgr-1              manager  ready   active Reachable         0    60d 0           3d 0.3.0     -                    |
    |  mgr-2              manager  ready   active Leader            0    60d 0           3d 0.3.0     -                    |
    |  mgr-3              manager  ready   active Reachable         0  47h ! 0           3d 0.3.0     -                    |
    |> wrk-1              worker   ready   active -                 2    60d 5 / 5v      3d 0.3.0     -                    |
    |  wrk-2              worker   ready   active -                 5    60d 5 / 6v      3d 0.3.0     -                    |
    +----------------------------------------------------------------------------------------------------------------------+
    +- wrk-1 --------------------------------------------------++- Tasks on wrk-1 -----------------------------------------+
    | role     worker                                          || TASK         NODE      STATE       FILES SINCE MESSAGE   |
    | state    ready, active, since 2026-11-19 12:04           || api.2        wrk-1     running       2/2    9d started   |
    | address  -, version 0.3.0                                || edge.2       wrk-1     running       3/3    9d started   |
    | cert     60d left, until 2027-01-22 12:04 3f09ab, of the ||                                                          |
    |          current root                                    ||                                                          |
    | labels   -                                               ||                                                          |
    +----------------------------------------------------------+|                                                          |
    +- In the memory of wrk-1 right now -----------------------+|                                                          |
    | SECRET       VER  STATE      TASK      SINCE       PROOF ||                                                          |
    | db_password  v4   in memory  api.2     12:04:05    proved||                                                          |
    | session_seed v1   in memory  api.2     11-08 12:04 proved||                                                          |
    | pay_tls_cert v1   in memory  edge.2    11-08 12:04 proved||                                                          |
    | pay_tls_key  v2   in memory  edge.2    11-08 12:04 proved||                                                          |
    | pay_we~k_sig v1   in memory  edge.2    11-08 12:04 proved||                                                          |
    |                                                          ||                                                          |
    |                                                          ||                                                          |
    +----------------------------------------------------------++----------------------------------------------------------+
     <enter>detail <p>promote <d>demote <a>availability <ctrl-d>remove <t>tokens <e>labels <y>describe <esc>back <l>audit
    "#);
    let mut widest = sized((200, 60), "6j");
    widest.shows("VERSION");
    widest.shows("role     manager, Leader, raft id 2");
    let screen = widest.screen();
    assert!(screen.lines().all(|line| line.chars().count() <= 200));
    let mut detail = sized((120, 30), "6jjj<enter>");
    insta::assert_snapshot!(detail.screen(), @r#"
     wardroom prod-eu [RW]  quorum 3/3  leader mgr-2 t41  1 rotating  via mgr-1                           #18842 12:04Z live
     nodes > wrk-1                                                         unix:///run/w.sock  <:>command </>filter <?>help
    +- wrk-1 --------------------------------------------------------------------------------------------------------------+
    | role     worker                                                                                                      |
    | state    ready, active, since 2026-11-19 12:04                                                                       |
    | address  -, version 0.3.0                                                                                            |
    | cert     60d left, until 2027-01-22 12:04  3f09ab, of the current root                                               |
    | labels   -                                                                                                           |
    +----------------------------------------------------------------------------------------------------------------------+
    +- Secrets: in memory, and erased with proof --------------++- Tasks --------------------------------------------------+
    |  SECRET      VER  STATE      TASK      SINCE       PROOF ||  TASK              NODE           STATE       FILES SINCE|
    |> db_password v4   in memory  api.2     12:04:05    proved||  api.2             wrk-1          running       2/2    9d|
    |  pay_tls_key v2   in memory  edge.2    11-08 12:04 proved||  edge.2            wrk-1          running       3/3    9d|
    |  sessi~_seed v1   in memory  api.2     11-08 12:04 proved||                                                          |
    |  pay_t~_cert v1   in memory  edge.2    11-08 12:04 proved||                                                          |
    |  pay_w~k_sig v1   in memory  edge.2    11-08 12:04 proved||                                                          |
    |                                                          ||                                                          |
    |                                                          ||                                                          |
    |                                                          ||                                                          |
    |                                                          ||                                                          |
    |                                                          ||                                                          |
    |                                                          ||                                                          |
    |                                                          ||                                                          |
    |                                                          ||                                                          |
    |                                                          ||                                                          |
    |                                                          ||                                                          |
    |                                                          ||                                                          |
    +----------------------------------------------------------++----------------------------------------------------------+
     <enter>actions <p>promote <d>demote <a>availability <ctrl-d>remove <t>tokens <e>labels <y>describe <esc>back <l>audit
    "#);
}

#[test]
fn narrow_lists_keep_what_matters_most() {
    for (keys, words) in [
        ("6", ["mgr-1", "manager", "ready", "60d"]),
        ("3<tab>", ["mgr-1", "manager", "60d", "47h !"]),
        ("3o", ["jo", "admin", "kim", "49d"]),
    ] {
        let mut play = sized((41, 12), keys);
        let screen = play.screen();
        for word in words {
            assert!(screen.contains(word), "{keys} {word}\n{screen}");
        }
        let rows = screen.lines().skip(2).take(8);
        assert!(
            rows.clone().all(|row| row.ends_with('|') || row.ends_with('+')),
            "{keys}: the frame is whole\n{screen}"
        );
    }
}
