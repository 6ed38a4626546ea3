//! Larger and smaller terminals.

use super::play::sized;
use crate::tui::msg::{Effect, Msg};

#[test]
fn wide_secrets_show_list_and_detail() {
    insta::assert_snapshot!(sized((120, 40), "4").screen(), @r#"
     wardroom prod-eu [RW]  quorum 3/3  leader mgr-2 t41  1 rotating  via mgr-1                           #18842 12:04Z live
     secrets(6)                                                            unix:///run/w.sock  <:>command </>filter <?>help
    +----------------------------------------------------------++- db_password -> db_password -----------------------------+
    |  NAME                       VER  STATE      AGE SVC HOLD || rolling  current v4  32 B  policy 90d  by admin:jo  data~|
    |> db_password                v4   rolling    <1m   2 1/2 !|+----------------------------------------------------------+
    |  pay_tls_cert               v1   ok         81d   1 2/2  |+- Versions -----------------------------------------------+
    |  pay_tls_key                v2   ok          5d   1 2/2  || VER  STATE      LIFE            SIZE NOTE                |
    |  pay_webhook_sig            v1   STALE !    97d   2 2/2  || v4   CURRENT                #>   32B <1m, admin:jo       |
    |  session_seed               v1   ok         14d   1 2/2  || v3   superseded           ##x    32B superseded Nov 22   |
    |  smtp_key                   v1   unused    120d   0 0/0  || v2   superseded     ######x      32B superseded Oct 13   |
    |                                                          || v1   destroyed  ####x            32B destroyed Jul 15    |
    |                                                          |+----------------------------------------------------------+
    |                                                          |+- In memory right now: v3 1 node  v4 2 nodes -------------+
    |                                                          || NODE      VER  STATE        TASK       SINCE       PROOF |
    |                                                          || wrk-2     v4   in memory    api.1      12:04:05    proved|
    |                                                          || wrk-1     v4   in memory    api.2      12:04:05    proved|
    |                                                          || wrk-2     v4   in memory    api.3      12:04:05    proved|
    |                                                          || wrk-2     v3   in memory    batch.1    11-08 12:04 proved|
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
    |                                                          ||                                                          |
    |                                                          ||                                                          |
    |                                                          ||                                                          |
    |                                                          ||                                                          |
    |                                                          ||                                                          |
    |                                                          ||                                                          |
    |                                                          ||                                                          |
    |                                                          ||                                                          |
    +----------------------------------------------------------++----------------------------------------------------------+
     <enter>detail <n>new <r>rotate <ctrl-d>revoke <a>access <p>progress <u>used by <esc>back <d>describe <l>audit
    "#);
}

#[test]
fn wide_cluster() {
    insta::assert_snapshot!(sized((120, 40), "").screen(), @r#"
     wardroom prod-eu [RW]  quorum 3/3  leader mgr-2 t41  1 rotating  via mgr-1                           #18842 12:04Z live
     cluster                                                               unix:///run/w.sock  <:>command </>filter <?>help
    +- Managers (raft) ----------------------------------------++- Health -------------------------------------------------+
    | NAME                  ROLE     REACH   TERM  LAG  APPLIED|| ok    quorum 3/3, tolerates 1 loss                       |
    | mgr-2                 LEADER   ok        41    0    18842|| WARN  13 of 14 files proved in memory                    |
    | mgr-1                 follower ok        41    0    18842|| WARN  2 secrets need attention                           |
    | mgr-3                 follower ok        41 214!    18628|| WARN  1 certificate near the end                         |
    +----------------------------------------------------------++----------------------------------------------------------+
    +- Workers ------------------------------------------------++- Last 30 min --------------------------------------------+
    | NAME                         STATE   TASKS HOLDS     CERT|| changes   ___________________________::#  4              |
    | wrk-1                        ready       2 5 / 5v     61d|| rotations _____________________________#  1              |
    | wrk-2                        ready       5 5 / 6v     61d|| elections _______________________#______  1              |
    |                                                          || denied    ___________________________#__  1 !            |
    +----------------------------------------------------------++----------------------------------------------------------+
    +- Needs attention (4) ------------------------------------------------------------------------------------------------+
    |  WHAT                                                                                                      ENTER     |
    |> ! mgr-3 is 214 entries behind                                                                             raft      |
    |  ! pay_webhook_sig v1 is 97d old, policy 90d, 2 services                                                   secret    |
    |  ! smtp_key v1 is used by no service                                                                       secret    |
    |  ! the certificate of mgr-3 expires in 2d                                                                  keys      |
    +----------------------------------------------------------------------------------------------------------------------+
    +- Services -----------------------------------------------++- Audit, latest first ------------------------------------+
    | SERVICE         KIND     TASKS    GRANTS STATE        AGE|| TIME        ACTOR     ACTION          OBJECT       RES   |
    | api             process  3/3           2 running       9d|| 12:04:07    work~rk-1 secret.deliver  db_pas~rd v4 ok    |
    | batch           process  1/1           1 running       9d|| 12:04:05    admin:jo  secret.rotate   db_password  ok    |
    | edge            process  2/2           3 running       9d|| 12:03:11    admin:jo  service.update  api          ok    |
    | worker          process  1/1           1 running       9d|| 12:02:11    unknown   access.refuse   ListSecrets  DENY !|
    |                                                          || 08-17 12:04 admin:jo  secret.create   pay_we~k_sig ok    |
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
     1 Cluster 2 Raft 3 Keys 4 Secrets 5 Services 6 Nodes 7 Audit 8 Tasks
    "#);
}

#[test]
fn one_pane_below_80x24() {
    insta::assert_snapshot!(sized((60, 14), "4<enter><tab>").screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 #18842 12:04Z live
     secrets > db_password         <:>command </>filter <?>help
    +- In memory right now: v3 1 node  v4 2 nodes -------------+
    |  NODE      VER  STATE        TASK      SINCE       PROOF |
    |> wrk-1     v4   in memory    api.2     12:04:05    proved|
    |  wrk-2     v4   in memory    api.1     12:04:05    proved|
    |  wrk-2     v4   in memory    api.3     12:04:05    proved|
    |  wrk-2     v3   in memory    batch.1   11-08 12:04 proved|
    |                                                          |
    |                                                          |
    |                                                          |
    +----------------------------------------------------------+
     <enter>actions <n>new <r>rotate <ctrl-d>revoke <a>access
    "#);
}

#[test]
fn a_line_below_40x10() {
    insta::assert_snapshot!(sized((39, 9), "4").screen().trim_end(), @"wardroom: 39x9, needs 40x10");
    insta::assert_snapshot!(sized((12, 1), "4").screen(), @"wardroom:");
}

#[test]
fn very_large_screens_use_their_room() {
    let mut play = sized((200, 60), "2");
    let screen = play.screen();
    for pane in ["Stores (encrypted at rest)", "Last entries", "MATCH", "18842 of 18842"] {
        assert!(screen.contains(pane), "{pane}");
    }
    assert!(
        screen.lines().any(|line| line.chars().count() > 190),
        "panes reach the right edge"
    );
}

#[test]
fn the_overview_fills_with_what_there_is_room_for() {
    let shown = |size, pane: &str| sized(size, "").screen().contains(pane);
    for (size, panes) in [((80, 24), 0), ((120, 40), 2), ((200, 60), 3)] {
        let names = ["Audit, latest first", "- Services -", "Secrets, latest change first"];
        assert_eq!(names.iter().filter(|pane| shown(size, pane)).count(), panes, "{size:?}");
    }
}

#[test]
fn every_resize_draws_the_screen_anew() {
    let mut play = sized((80, 24), "");
    play.send(Msg::Resize(80, 24));
    assert!(matches!(play.effects[..], [Effect::Redraw]));
}

#[test]
fn nothing_acts_where_nothing_can_be_seen() {
    let mut play = sized((39, 9), "4GDsmtp_key<enter>:q<enter>");
    play.paste("x");
    assert!(play.effects.is_empty() && play.model.wizard.is_none() && play.model.overlay.is_none());
    play.keys("<ctrl-c><ctrl-c>");
    assert!(matches!(play.effects[..], [Effect::Quit]));
}

#[test]
fn the_matrix_shows_more_columns_where_there_is_room() {
    let shown = |width| {
        sized((width, 30), "5m").screen().contains("session_s") || sized((width, 30), "5m").screen().contains("session")
    };
    assert!(shown(200));
}
