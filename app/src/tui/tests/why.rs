//! Why can a service read a secret, or why not: the chain over the screen, from wherever one looks.

use wardroom_api::v1::{Change, Changes, Holding, HoldingState, change, watch_message};

use super::play::{play, sized};
use crate::tui::model::overlay::Overlay;

#[test]
fn a_whole_chain_and_one_that_waits() {
    insta::assert_snapshot!(play("5mw").screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     services > grants             unix:///run/w.sock  <:>command </>filter <?>help
    +- why: api, db_password ------------------------------------------------------+
    | WHOLE    3 files in place and proven, as of #18842                           |
    |  * ok        grant        api may read db_password as db_password, owner     |
    |                           0:0, mode 0400                                     |
    |  * ok        version      the grant follows the current version: v4, and a   |
    |                           rotation to v4 is rolling, since 12:04:11          |
    | api.1 on wrk-2, file db_password                                             |
    |  * ok        assignment   api.1 is running on wrk-2, with v4, since 11-13    |
    |                           12:04                                              |
    |  * ok        delivery     wrk-2 has v4, since 12:04:05                       |
    |  * ok        file         /run/secrets/db_password, since 12:04:05           |
    |  * ok        digest       what was read back is what was sealed, since       |
    |                           12:04:05                                           |
    | api.2 on wrk-1, file db_password                                             |
    |  * ok        assignment   api.2 is running on wrk-1, with v4, since 11-13    |
    |                           12:04                                              |
    |  * ok        delivery     wrk-1 has v4, since 12:04:05                       |
    |  * ok        file         /run/secrets/db_password, since 12:04:05           |
    |  * ok        digest       what was read back is what was sealed, since       |
    +--------------------------------------------------------------------- 8 more -+
     <esc>close <enter>choose <j>down <k>up
    "#);
    insta::assert_snapshot!(sized((120, 40), "5mjw").screen(), @r#"
     wardroom prod-eu [RW]  quorum 3/3  leader mgr-2 t41  1 rotating  via mgr-1                           #18842 12:04Z live
     services > grants                                                     unix:///run/w.sock  <:>command </>filter <?>help
    +- 4 services x 6 secrets  secrets 1-5 ------------------------------------++- batch -> db_password -------------------+
    |                 db_pa~word pay_t~cert pay_t~_key pay_w~_sig sessi~seed   || granted  file db_password, 0:0 0440, on  |
    |  SERVICE        v4         v1         v2         v1         v1           ||          change restart                  |
    |  api            *R v4 swp  .          .          .          *R v1 swp    || proven   v4 by 0 of 1 task, not by       |
    |> batch          ?r v4 rst  .          .          .          .            ||          batch.1 on wrk-2 !              |
    |  edge           .          *R v1 sig  *R v2 sig  *R v1 sig  .            ||                                          |
    |  worker         .          .          .          *R v1 swp  .            || TASK          NODE        HOLDS PROOF    |
    |                                                                          || batch.1       wrk-2       v3    not yet !|
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    +- why: batch, db_password --------------------------------------------------------------------------------------------+
    | WAITS !  it waits at the delivery of batch.1: wrk-2 was not told of v4 yet                                           |
    | next     the leader does it as soon as the worker listens: wardroom node ls                                          |
    |  * ok        grant        batch may read db_password as db_password, owner 0:0, mode 0440                            |
    |  * ok        version      the grant follows the current version: v4, and a rotation to v4 is rolling, since 12:04:11 |
    | batch.1 on wrk-2, file db_password                                                                                   |
    |  * ok        assignment   batch.1 is running on wrk-2, with v4, since 11-13 12:04                                    |
    |  ? waits !   delivery     wrk-2 was not told of v4 yet                                                               |
    +----------------------------------------------------------------------------------------------------------------------+
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    +--------------------------------------------------------------------------++------------------------------------------+
     *R every task proves it   ?r not yet   +A -D ~C staged   . none   =v3 pinned
     <esc>close <enter>choose <j>down <k>up
    "#);
}

#[test]
fn it_is_asked_from_cells_grants_holders_tasks_and_by_name() {
    for keys in [
        "5mw",
        "4<enter><tab>w",
        "4<enter><tab><tab>w",
        "5<enter>w",
        "5<enter><tab>w",
        "8<tab>w",
        "8<enter>w",
        "8<enter><tab>w",
        ":why api db_password<enter>",
    ] {
        let mut play = play(keys);
        assert!(matches!(play.model.overlay, Some(Overlay::Why(_))), "{keys}");
        play.shows("why: api");
        play.shows("grant");
    }
    let mut play = play("4<enter>w");
    play.shows("select a grant, a holder or a task");
    play.keys(":why api nothing<enter>");
    assert!(!matches!(play.model.overlay, Some(Overlay::Why(_))));
}

#[test]
fn a_pair_without_a_grant_says_so_and_what_to_do() {
    let mut play = play(":why worker smtp_key<enter>");
    play.shows("BROKEN !");
    play.shows("worker was not granted smtp_key");
    play.shows("service update --secret-add smtp_key worker");
}

#[test]
fn the_chain_closes_while_one_looks() {
    let mut play = play(":why batch db_password<enter>");
    assert!(!play.screen().contains("WHOLE"), "{}", play.screen());
    let held = Holding {
        node_id: "id-wrk-2".into(),
        task_id: "t-batch.1".into(),
        secret_id: "s-db_password".into(),
        secret_name: "db_password".into(),
        version: 4,
        target: "db_password".into(),
        state: HoldingState::Present.into(),
        proven: true,
        since_ms: super::fixture::NOW,
        ..Holding::default()
    };
    let put = Change {
        action: Some(change::Action::Put(held.into())),
    };
    play.feed(watch_message::Body::Changes(Changes { changes: vec![put] }), 18_843);
    play.shows("WHOLE");
    play.shows("as of #18843");
    play.keys("<esc>");
    assert!(play.model.overlay.is_none());
}

#[test]
fn it_scrolls_where_it_is_long() {
    let mut play = sized((60, 14), "5<enter>w");
    play.shows("more");
    let first = play.screen();
    play.keys("<pgdn><pgdn>");
    assert_ne!(play.screen(), first);
    play.keys("g");
    assert_eq!(play.screen(), first);
}
