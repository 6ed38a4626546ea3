//! A leader that goes, one that comes, and a manager that answers from behind: the facts stay, with their age.

use wardroom_api::v1::{Change, Changes, Election, ManagerLost, Snapshot, change, watch_message};
use wardroom_api::{CallError, ClusterView, FeedEvent};

use super::fixture::cluster;
use super::play::{Play, play};
use crate::tui::Myself;
use crate::tui::model::{Link, Model};
use crate::tui::msg::Msg;

fn lose(play: &mut Play, node_id: &str) {
    let lost = ManagerLost {
        node_id: node_id.into(),
        reason: "no heartbeat".into(),
    };
    play.feed(watch_message::Body::ManagerLost(lost), 18_842);
}

fn elect(play: &mut Play, node_id: &str, term: u64, gap_ms: u64) {
    let mut status = play.model.cluster.managers[node_id].clone();
    status.role = "leader".into();
    status.term = term;
    status.elections.push(Election {
        term,
        leader: node_id.into(),
        at_ms: play.now_ms,
        gap_ms,
    });
    play.feed(watch_message::Body::Manager(status), 18_842);
}

fn snapshot(view: &ClusterView) -> watch_message::Body {
    let mut objects: Vec<_> = view.cluster.iter().cloned().map(Into::into).collect();
    objects.extend(view.nodes.values().cloned().map(Into::into));
    objects.extend(view.secrets.values().cloned().map(Into::into));
    watch_message::Body::Snapshot(Snapshot { objects })
}

/// What the list of secrets shows, without the lines around it.
fn body(play: &mut Play) -> String {
    let screen = play.screen();
    screen.lines().skip(2).take(20).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_leader_that_is_gone_leaves_the_facts_with_their_index_and_age() {
    let mut play = play("4");
    // The first word tells who leads.
    elect(&mut play, "id-mgr-2", 41, 0);
    let before = body(&mut play);
    lose(&mut play, "id-mgr-2");
    play.now_ms += 3200;
    play.send(Msg::Tick);
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 2/3 ! no leader ! (was mgr-2)          as of #18842 12:04Z
     secrets(6)                    unix:///run/w.sock  <:>command </>filter <?>help
    +------------------------------------------------------------------------------+
    |  NAME             TARGET        VER  STATE      AGE  SIZE SVC HOLD  LABELS   |
    |> db_password      db_password   v4   rolling    <1m   32B   2 1/2 ! tier=1   |
    |  pay_tls_cert     pay_tls_cert  v1   ok         81d   32B   1 2/2   tier=1   |
    |  pay_tls_key      pay_tls_key   v2   ok          5d   32B   1 2/2   tier=1   |
    |  pay_webhook_sig  pay_we~ok_sig v1   STALE !    97d   32B   2 2/2   tier=1   |
    |  session_seed     session_seed  v1   ok         14d   32B   1 2/2   tier=1   |
    |  smtp_key         -             v1   unused    120d   32B   0 0/0   tier=1   |
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
     HOLD = nodes that prove the current version in memory / nodes that should
     <enter>detail <n>new <r>rotate <ctrl-d>revoke <a>access <p>progress <u>used by
     no leader for 3 s: this is as of #18842; nothing changes until one is elected
    "#);
    assert_eq!(body(&mut play), before, "nothing is blanked");
    let next = play.model.next_change_ms(play.now_ms).unwrap();
    assert_eq!(next - play.now_ms, 800, "seconds are counted while nobody leads");
    play.now_ms += 120_000;
    play.send(Msg::Tick);
    play.shows("no leader for 2m");
    let aged = body(&mut play);
    let next = play.model.next_change_ms(play.now_ms).unwrap();
    assert!(next - play.now_ms > 1000, "and minutes later on");
    elect(&mut play, "id-mgr-1", 42, 412);
    play.shows("leader mgr-1 t42");
    play.shows("leader mgr-2 -> mgr-1, term 41 -> 42, 412ms without a leader");
    assert_eq!(body(&mut play), aged, "nothing has flickered");
}

#[test]
fn a_change_within_one_frame_is_a_note_and_nothing_else() {
    let mut play = play("1");
    elect(&mut play, "id-mgr-2", 41, 0);
    let mut old = play.model.cluster.managers["id-mgr-2"].clone();
    old.role = "follower".into();
    play.feed(watch_message::Body::Manager(old), 18_842);
    elect(&mut play, "id-mgr-1", 42, 85);
    play.shows("ok    quorum 3/3");
    play.shows("leader mgr-2 -> mgr-1, term 41 -> 42, 85ms without a leader");
    assert!(!play.screen().contains("no leader"));
    assert_eq!(play.model.messages.len(), 1);
}

#[test]
fn an_attention_line_tells_no_leader_from_no_quorum() {
    let mut play = play("1");
    lose(&mut play, "id-mgr-2");
    play.shows("! no leader: 2 of 3 managers answer and elect one");
    lose(&mut play, "id-mgr-1");
    play.shows("! no quorum: 1 of 3 managers answer, nothing can be changed");
}

fn reconnect(play: &mut Play) {
    play.send(Msg::Feed(Box::new(FeedEvent::Lost(CallError::Unavailable(
        "connection reset".into(),
    )))));
    play.send(Msg::Feed(Box::new(FeedEvent::Connected)));
}

/// The cluster as a manager has it that is behind: a secret less, at an earlier index.
fn earlier() -> ClusterView {
    let mut view = cluster();
    view.index = 18_800;
    view.secrets.remove("s-smtp_key");
    view
}

#[test]
fn a_manager_that_is_behind_shows_nothing_old() {
    let mut play = play("4");
    reconnect(&mut play);
    play.feed(snapshot(&earlier()), 18_800);
    play.shows("smtp_key");
    play.shows("#18842 STALE");
    play.shows("the manager that answers is at #18800 and catches up");
    let smtp = cluster().secrets["s-smtp_key"].clone();
    let put = |name: &str| {
        let secret = wardroom_api::v1::Secret {
            name: name.into(),
            ..smtp.clone()
        };
        let change = Change {
            action: Some(change::Action::Put(secret.into())),
        };
        watch_message::Body::Changes(Changes { changes: vec![change] })
    };
    play.feed(put("smtp_older"), 18_820);
    play.shows("smtp_key");
    play.feed(put("smtp_newer"), 18_850);
    play.shows("smtp_newer");
    play.shows("#18850 12:04Z live");
    assert!(play.model.behind.is_none());
}

#[test]
fn a_cluster_that_went_back_is_shown_after_a_while_and_said() {
    let mut play = play("4");
    reconnect(&mut play);
    play.feed(snapshot(&earlier()), 18_800);
    let at = play.model.next_change_ms(play.now_ms).unwrap();
    assert_eq!(at - play.now_ms, 3000);
    // A connection that breaks meanwhile spends nobody's patience.
    reconnect(&mut play);
    play.now_ms += 60_000;
    play.send(Msg::Tick);
    play.shows("smtp_key");
    play.feed(watch_message::Body::Changes(Changes::default()), 18_801);
    play.now_ms += 3000;
    play.send(Msg::Tick);
    assert!(!play.screen().contains("smtp_key"));
    play.shows("this is #18801, before the #18842 shown until now");
    assert_eq!(play.model.link, Link::Live);
}

#[test]
fn another_cluster_at_the_same_address_is_shown_at_once() {
    let mut play = play("4");
    reconnect(&mut play);
    let mut view = earlier();
    if let Some(cluster) = &mut view.cluster {
        cluster.id = "c1".into();
        cluster.name = "fresh".into();
    }
    play.feed(snapshot(&view), 12);
    play.shows("fresh");
    assert_eq!((play.model.cluster.index, play.model.behind.is_none()), (12, true));
}

#[test]
fn the_header_says_where_and_as_whom_at_every_width() {
    let header = |width, role, id: &str| {
        let mut play = super::play::sized((width, 24), "");
        let model = std::mem::replace(&mut play.model, Model::new("", false, (1, 1), 0));
        play.model = model.known_as(Some(Myself { id: id.into(), role }));
        play.screen()
            .lines()
            .take(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
            .join("\n")
    };
    insta::assert_snapshot!(header(80, "admin", "o-jo"), @r#"
    prod-eu [RW admin:jo] quorum 3/3 leader mgr-2 t41 1 rotating #18842 12:04Z live
    cluster                       unix:///run/w.sock  <:>command </>filter <?>help
    "#);
    insta::assert_snapshot!(header(120, "viewer", "o-kim"), @r#"
    wardroom prod-eu [READ-ONLY viewer:kim]  quorum 3/3  leader mgr-2 t41  1 rotating  via mgr-1         #18842 12:04Z live
    cluster                                                               unix:///run/w.sock  <:>command </>filter <?>help
    "#);
    insta::assert_snapshot!(header(44, "operator", "o-gone"), @r#"
    prod-eu [RW] quorum 3/3~ #18842 12:04Z live
    cluster       <:>command </>filter <?>help
    "#);
}
