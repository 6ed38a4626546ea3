//! The Keys screen: the tree, what is known of its lines, and the changes that every member makes for itself.

use wardroom_api::ClusterView;
use wardroom_api::v1::{DekOrder, DekReason, DekUse, RetiringRoot};

use super::fixture::{DAY, NOW};
use super::play::{Play, play, sized};
use super::said::change;
use crate::tui::model::overlay::Overlay;

/// A shred is under way: one manager is through, one at its snapshot, one is down and opens with an earlier key.
fn shredding(view: &mut ClusterView) {
    let keys = view.cluster.as_mut().unwrap().keys.as_mut().unwrap();
    keys.earlier_epochs = vec![6];
    keys.managers[2].unlock_key_epoch = 6;
    keys.managers[2].dek_epoch = 11;
    keys.orders.push(DekOrder {
        number: 5,
        reason: DekReason::Shred.into(),
        secret_id: "s-pay_tls_key".into(),
        secret_name: "pay_tls_key".into(),
        versions: vec![1, 2],
        at_ms: NOW - 2000,
        index: 18_842,
        by: "admin:jo".into(),
        done: vec![wardroom_api::v1::DekOrderDone {
            node_id: "id-mgr-2".into(),
            at_ms: NOW - 1100,
        }],
        owing: vec!["id-mgr-1".into(), "id-mgr-3".into()],
    });
}

fn moving(play: &mut Play) {
    play.model
        .cluster
        .lost_managers
        .insert("id-mgr-3".into(), "no answer".into());
    let status = play.model.cluster.managers.get_mut("id-mgr-1").unwrap();
    let keys = status.keys.as_mut().unwrap();
    keys.pending_dek_epoch = 13;
    keys.pending_dek_order = 5;
    keys.step = "snapshot".into();
    keys.uses.push(DekUse {
        epoch: 13,
        segments: 1,
        log_bytes: 4096,
        records: 17,
        ..DekUse::default()
    });
    change(play, 18_843, shredding);
}

#[test]
fn a_shred_shows_who_is_through_and_who_owes_it() {
    let mut play = play("3");
    moving(&mut play);
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 2/3 leader mgr-2 t41 1 rotating          #18843 12:04Z live
     cluster > keys                unix:///run/w.sock  <:>command </>filter <?>help
    +- Keys -----------------------------------++- unlock key ---------------------+
    |  KEY               EPOCH  AGE STATE      || autolock ON: needed at each start|
    |> unlock key        7      21d autolock ON|| key      epoch 7, check 9f2c11aa |
    |  |- DEK mgr-2      12      3d ok         || made     21d ago by admin:jo     |
    |  |- DEK mgr-1      12      3d moves 3/6  || opens    2 of 3 managers; mgr-3  |
    |  |  `- next DEK 13 13         coming     ||          needs 6 !               |
    |  `- DEK mgr-3      11      3d DOWN !     || protects DEK and sealing root on |
    |  sealing root                 secret mem ||          each manager's disk     |
    |  `- data keys x9              sealed     || stored   in your safe; sealed in |
    |  root CA                 200d ends 7282d ||          the state               |
    |  |- certs x7                  first 47h !|| due      when somebody who knew ~|
    |  |- worker token          12d no end     || may      r rotate  a autolock off|
    +------------------------------------------++----------------------------------+
    +- Changes of keys  1 under way -----------------------------------------------+
    |  CHANGE                      SINCE DONE          OWING                       |
    |  shred pay_tls_key v1 v2       <1m 1/3  ##...... mgr-1 mgr-3 down !          |
    |  shred db_password v1           3d 3/3  ######## nobody                      |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
     <r>rotate <a>autolock <shift-x>shred <shift-l>lock <shift-r>root CA <t>tokens
    "#);
    play.keys("jj");
    play.shows("moves    to 13: step 3");
    play.keys("j");
    play.shows("next DEK 13");
    play.shows("on disk  1 segment 4.0K");
    play.keys("<tab><tab>");
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 2/3 leader mgr-2 t41 1 rotating          #18843 12:04Z live
     cluster > keys                unix:///run/w.sock  <:>command </>filter <?>help
    +- Keys -----------------------------------++- shred pay_tls_key v1 v2 --------+
    |  KEY               EPOCH  AGE STATE      || 1 of 3 through, <1m ago by admin~|
    |  unlock key        7      21d autolock ON|| mgr-1 ##..... DEK 13, step 3 of ~|
    |  |- DEK mgr-2      12      3d ok         || mgr-3 ....... DOWN ! owes it unt~|
    |  |- DEK mgr-1      12      3d moves 3/6  || mgr-2 ####### done after 900ms   |
    |  |  `- next DEK 13 13         coming     ||                                  |
    |  `- DEK mgr-3      11      3d DOWN !     ||                                  |
    |  sealing root                 secret mem ||                                  |
    |  `- data keys x9              sealed     ||                                  |
    |  root CA                 200d ends 7282d ||                                  |
    |  |- certs x7                  first 47h !||                                  |
    |  |- worker token          12d no end     ||                                  |
    +------------------------------------------++----------------------------------+
    +- Changes of keys  1 under way -----------------------------------------------+
    |  CHANGE                      SINCE DONE          OWING                       |
    |> shred pay_tls_key v1 v2       <1m 1/3  ##...... mgr-1 mgr-3 down !          |
    |  shred db_password v1           3d 3/3  ######## nobody                      |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
     <r>rotate <a>autolock <shift-x>shred <shift-l>lock <shift-r>root CA <t>tokens
    "#);
    play.keys("<enter>");
    play.shows("- mgr-1: DEK 13, step 3 of 6: snapshot");
}

#[test]
fn large_screens_show_certificates_and_changes() {
    let mut play = sized((120, 40), "3");
    moving(&mut play);
    insta::assert_snapshot!(play.screen(), @r#"
     wardroom prod-eu [RW]  quorum 2/3  leader mgr-2 t41  1 rotating  via mgr-1                           #18843 12:04Z live
     cluster > keys                                                        unix:///run/w.sock  <:>command </>filter <?>help
    +- Keys -----------------------------------------------------------------------++- unlock key -------------------------+
    |  KEY               EPOCH  AGE STATE       CHECK    RECORDS SEGMENTS SNAPS    || autolock ON: needed at each start    |
    |> unlock key        7      21d autolock ON 9f2c11aa                           || key      epoch 7, check 9f2c11aa     |
    |  |- DEK mgr-2      12      3d ok          02d1e2f3   10741 2 1.1M   1 445.3K || made     21d ago by admin:jo         |
    |  |- DEK mgr-1      12      3d moves 3/6   01d1e2f3   10741 2 1.1M   1 445.3K || opens    2 of 3 managers; mgr-3 needs|
    |  |  `- next DEK 13 13         coming                    17 1 4.0K   -        ||          6 !                         |
    |  `- DEK mgr-3      11      3d DOWN !      03d1e2f3                           || protects DEK and sealing root on each|
    |  sealing root                 secret mem  77ab01cd                           ||          manager's disk              |
    |  `- data keys x9              sealed                                         || stored   in your safe; sealed in the |
    |  root CA                 200d ends 7282d  9b1c5d                             ||          state                       |
    |  |- certs x7                  first 47h !                                    || due      when somebody who knew it   |
    |  |- worker token          12d no end                                         ||          leaves                      |
    |  `- manager token         30d no end                                         || may      r rotate  a autolock off    |
    +------------------------------------------------------------------------------++--------------------------------------+
    +- Certificates, soonest first ----------------------------++- Changes of keys  1 under way ---------------------------+
    |  NAME                 KIND     NOT AFTER             LEFT||  CHANGE                  SINCE DONE OWING                |
    |  mgr-3                manager  2026-11-24 12:04     47h !||  shred pay_tls_key v1 v2   <1m 1/3  mgr-1 mgr-3 down !   |
    |  jo                   admin    2027-01-11 12:04       49d||  shred db_password v1       3d 3/3  nobody               |
    |  kim                  viewer   2027-01-11 12:04       49d||                                                          |
    |  mgr-1                manager  2027-01-22 12:04       60d||                                                          |
    |  mgr-2                manager  2027-01-22 12:04       60d||                                                          |
    |  wrk-1                worker   2027-01-22 12:04       60d||                                                          |
    |  wrk-2                worker   2027-01-22 12:04       60d||                                                          |
    |  root CA              ca       2046-10-31 12:04     7282d||                                                          |
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
     <r>rotate <a>autolock <shift-x>shred <shift-l>lock <shift-r>root CA <t>tokens <o>operators <esc>back <d>describe
    "#);
}

#[test]
fn the_largest_follow_everybody_beside_the_list() {
    let mut play = sized((200, 60), "3G");
    moving(&mut play);
    insta::assert_snapshot!(play.screen(), @r#"
     wardroom prod-eu [RW]  quorum 2/3  leader mgr-2 t41  1 rotating  via mgr-1                                                                                                           #18843 12:04Z live
     cluster > keys                                                                                                                                        unix:///run/w.sock  <:>command </>filter <?>help
    +- Keys ----------------------------------------------------------------------------------------------------------------------------++- manager token -------------------------------------------------+
    |  KEY                                                   EPOCH  AGE STATE                         CHECK    RECORDS SEGMENTS SNAPS   || protects who joins as a manager                                 |
    |  unlock key                                            7      21d autolock ON                   9f2c11aa                          || age      30d                                                    |
    |  |- DEK mgr-2                                          12      3d ok                            02d1e2f3   10741 2 1.1M   1 445.3K|| ends     never                                                  |
    |  |- DEK mgr-1                                          12      3d moves 3/6                     01d1e2f3   10741 2 1.1M   1 445.3K|| uses     2 of 5 joins                                           |
    |  |  `- next DEK 13                                     13         coming                                      17 1 4.0K   -       || stored   in the state, under the sealing root                   |
    |  `- DEK mgr-3                                          11      3d DOWN !                        03d1e2f3                          || may      r rotate  t how a machine joins                        |
    |  sealing root                                                     secret mem                    77ab01cd                          ||                                                                 |
    |  `- data keys x9                                                  sealed                                                          ||                                                                 |
    |  root CA                                                     200d ends 7282d                    9b1c5d                            ||                                                                 |
    |  |- certs x7                                                      first 47h !                                                     ||                                                                 |
    |  |- worker token                                              12d no end                                                          ||                                                                 |
    |> `- manager token                                             30d no end                                                          ||                                                                 |
    +-----------------------------------------------------------------------------------------------------------------------------------++-----------------------------------------------------------------+
    +- Certificates, soonest first ------------------------------------------------++- Changes of keys  1 under way ---------------------------------------++- shred pay_tls_key v1 v2 --------------------+
    |  NAME          KIND     NOT AFTER             LEFT LIFE LEFT          ROOT   ||  CHANGE                   SINCE DONE          OWING                  || 1 of 3 through, <1m ago by admin:jo          |
    |  mgr-3         manager  2026-11-24 12:04     47h ! [#...............] current||  shred pay_tls_key v1 v2    <1m 1/3  ##...... mgr-1 mgr-3 down !     || mgr-1 ##..... DEK 13, step 3 of 6: snapshot  |
    |  jo            admin    2027-01-11 12:04       49d [########........] current||  shred db_password v1        3d 3/3  ######## nobody                 || mgr-3 ....... DOWN ! owes it until it is back|
    |  kim           viewer   2027-01-11 12:04       49d [########........] current||                                                                      || mgr-2 ####### done after 900ms               |
    |  mgr-1         manager  2027-01-22 12:04       60d [##########......] current||                                                                      ||                                              |
    |  mgr-2         manager  2027-01-22 12:04       60d [##########......] current||                                                                      ||                                              |
    |  wrk-1         worker   2027-01-22 12:04       60d [##########......] current||                                                                      ||                                              |
    |  wrk-2         worker   2027-01-22 12:04       60d [##########......] current||                                                                      ||                                              |
    |  root CA       ca       2046-10-31 12:04     7282d [###############.] -      ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    |                                                                              ||                                                                      ||                                              |
    +------------------------------------------------------------------------------++----------------------------------------------------------------------++----------------------------------------------+
     <r>rotate <a>autolock <shift-x>shred <shift-l>lock <shift-r>root CA <t>tokens <o>operators <esc>back <d>describe <l>audit
    "#);
}

#[test]
fn it_is_drawn_in_unicode_too() {
    let mut play = play("3");
    moving(&mut play);
    play.ascii = false;
    play.shows("├ DEK mgr-1");
    play.shows("│ └ next DEK 13");
}

#[test]
fn each_line_says_what_it_protects_and_what_may_be_done() {
    let mut play = sized((120, 40), "3");
    change(&mut play, 18_843, |view| {
        let cluster = view.cluster.as_mut().unwrap();
        cluster.certificate_life_ms = 90 * 86_400_000;
        cluster.retiring = vec![RetiringRoot {
            fingerprint: "0ld".into(),
            since_ms: NOW - DAY,
            remaining: 1,
        }];
        view.nodes.get_mut("id-wrk-1").unwrap().certificate_issuer = "0ld".into();
    });
    for (keys, words) in [
        ("", "protects DEK and sealing root on each"),
        ("j", "protects log, snapshots of mgr-2"),
        ("jjj", "protects data keys, CA key, tokens"),
        ("j", "protects one version's value each"),
        ("j", "protects who may join, speak and"),
        ("j", "hang on  1: wrk-1 !"),
        ("j", "renewal  by itself at 50-80 % of 90d"),
        ("j", "protects who joins as a worker"),
        ("j", "protects who joins as a manager"),
    ] {
        play.keys(keys);
        play.shows(words);
        play.keys("d");
        assert!(matches!(play.model.overlay, Some(Overlay::Page(_))));
        play.keys("<esc>");
    }
    play.keys("gl");
    play.shows("action=unlock-key|autolock");
}

#[test]
fn without_autolock_it_says_what_that_means() {
    let mut play = play("3");
    change(&mut play, 18_843, |view| {
        view.cluster.as_mut().unwrap().autolock = false;
    });
    play.shows("unlocked !");
    play.shows("autolock off: keys lie in clear !");
    play.keys("1");
    assert!(!play.screen().contains("autolock"), "a choice is no standing worry");
}

#[test]
fn a_key_that_nobody_has_is_asked_about() {
    let mut play = sized((120, 40), "3");
    change(&mut play, 18_843, |view| {
        let keys = view.cluster.as_mut().unwrap().keys.as_mut().unwrap();
        (keys.unlock_key_epoch, keys.unlock_key_kept_at_ms, keys.earlier_epochs) = (8, 0, vec![7]);
    });
    play.shows("not kept !");
    play.shows("opens    3 of 3 managers");
    play.keys("1");
    play.shows("! nobody has unlock key 8 yet: `wardroom swarm unlock-key` shows it");
    assert!(!play.screen().contains("still opens"), "no disk has to need it yet");
}

#[test]
fn what_about_keys_needs_attention_is_said() {
    let mut play = sized((120, 40), "1");
    let keys = play
        .model
        .cluster
        .managers
        .get_mut("id-mgr-1")
        .unwrap()
        .keys
        .as_mut()
        .unwrap();
    keys.trouble = "the disk is full".into();
    let keys = play
        .model
        .cluster
        .managers
        .get_mut("id-mgr-2")
        .unwrap()
        .keys
        .as_mut()
        .unwrap();
    keys.dek_created_at_ms = NOW - 97 * DAY;
    keys.dek_due_ms = NOW - 7 * DAY;
    play.model
        .cluster
        .lost_managers
        .insert("id-mgr-3".into(), "no answer".into());
    change(&mut play, 18_843, shredding);
    play.shows("! the keys of mgr-1: the disk is full");
    play.shows("! the DEK of mgr-2 is 97d old: rotate it");
    play.shows("! mgr-3 still opens with unlock key 6, and is down");
    play.shows("! shred pay_tls_key v1 v2 is still owed by mgr-3, which is down");
    play.keys("3");
    play.shows("TROUBLE !");
    play.shows("due !");
    play.shows("DOWN !");
    play.shows("opens    2 of 3 managers; mgr-3 needs");
}

#[test]
fn the_tree_is_filtered_but_not_sorted() {
    let mut play = play("3N");
    play.shows("the tree has one order: what hangs on what");
    play.keys("/token<enter>");
    play.shows("3 of 10");
    play.keys("<esc>!");
    assert!(!play.screen().contains("DEK mgr-1"), "nothing is wrong with it");
    play.shows("first 47h !");
}

#[test]
fn names_from_outside_are_cleaned() {
    let mut play = play("3");
    moving(&mut play);
    change(&mut play, 18_844, |view| {
        let keys = view.cluster.as_mut().unwrap().keys.as_mut().unwrap();
        keys.unlock_key_by = "evil\x1b[2J".into();
        keys.orders[1].secret_name = "x\u{202e}y".into();
    });
    for keys in ["", "d", "<esc><tab><tab>", "d"] {
        play.keys(keys);
        let screen = play.screen();
        assert!(!screen.contains('\x1b') && !screen.contains('\u{202e}'), "{screen}");
    }
}
