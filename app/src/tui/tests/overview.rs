//! The screens about the cluster itself, at 80x24.

use wardroom_api::v1::{ManagerLost, watch_message};
use wardroom_api::{CallError, FeedEvent};

use super::play::{empty, play};
use crate::tui::msg::Msg;

#[test]
fn cluster() {
    insta::assert_snapshot!(play("").screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     cluster                       unix:///run/w.sock  <:>command </>filter <?>help
    +- Managers (raft) --------------------++- Health -----------------------------+
    | NAME       ROLE     REACH   TERM  LAG|| ok    quorum 3/3, tolerates 1 loss   |
    | mgr-2      LEADER   ok        41    0|| WARN  13 of 14 files proved in memory|
    | mgr-1      follower ok        41    0|| WARN  2 secrets need attention       |
    | mgr-3      follower ok        41 214!|| WARN  1 certificate near the end     |
    +--------------------------------------++--------------------------------------+
    +- Workers ----------------------------++- Last 15 min ------------------------+
    | NAME     STATE   TASKS HOLDS     CERT|| changes   ____________::#  4         |
    | wrk-1    ready       2 5 / 5v     61d|| rotations ______________#  1         |
    | wrk-2    ready       5 5 / 6v     61d|| elections ________#______  1         |
    |                                      || denied    ____________#__  1 !       |
    +--------------------------------------++--------------------------------------+
    +- Needs attention (4) --------------------------------------------------------+
    |  WHAT                                                              ENTER     |
    |> ! mgr-3 is 214 entries behind                                     raft      |
    |  ! pay_webhook_sig v1 is 97d old, policy 90d, 2 services           secret    |
    |  ! smtp_key v1 is used by no service                               secret    |
    |  ! the certificate of mgr-3 expires in 2d                          keys      |
    |                                                                              |
    +------------------------------------------------------------------------------+
     1 Cluster 2 Raft 3 Keys 4 Secrets 5 Services 6 Nodes 7 Audit 8 Tasks
    "#);
}

#[test]
fn raft() {
    insta::assert_snapshot!(play("2").screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     cluster > raft                unix:///run/w.sock  <:>command </>filter <?>help
    +- Members --------------------------------------------------------------------+
    |  NODE      ROLE      REACH   TERM VOTED     FIRST..LAST  COMMIT APPLIED   LAG|
    |> mgr-2     LEADER    ok        41 mgr-2     8101..18842   18842   18842     0|
    |  mgr-1     follower  ok        41 mgr-2     8101..18842   18842   18842     0|
    |  mgr-3     follower  ok        41 -         8101..18628   18628   18628  214!|
    +------------------------------------------------------------------------------+
    +- Log, index -> (commit 18842) -----------------------------------------------+
    | mgr-2    snap 8100    #################################### 18842 of 18842    |
    | mgr-1    snap 8100    #################################### 18842 of 18842    |
    | mgr-3    snap 8100    ###################################. -214              |
    +------------------------------------------------------------------------------+
    +- Terms ----------------------------------------------------------------------+
    | t41   mgr-2    #.........................   6m now  1.2s without a leader    |
    | t40   mgr-1    #.........................   3h      2.1s without a leader    |
    +------------------------------------------------------------------------------+
    +- Last entries (kind only, never bytes of a value) ---------------------------+
    |    INDEX TIME        ACTION           OBJECT               ACTOR             |
    |    18842 12:04:07    secret.deliver   db_password v4       worker:wrk-1      |
    |    18841 12:04:05    secret.rotate    db_password          admin:jo          |
    +------------------------------------------------------------------------------+
     <s>step down <esc>back <d>describe <l>audit
    "#);
}

#[test]
fn keys() {
    insta::assert_snapshot!(play("3").screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     cluster > keys                unix:///run/w.sock  <:>command </>filter <?>help
    +- Keys -----------------------------------++- unlock key ---------------------+
    |  KEY               EPOCH  AGE STATE      || autolock ON: needed at each start|
    |> unlock key        7      21d autolock ON|| key      epoch 7, check 9f2c11aa |
    |  |- DEK mgr-2      12      3d ok         || made     21d ago by admin:jo     |
    |  |- DEK mgr-1      12      3d ok         || opens    3 of 3 managers         |
    |  `- DEK mgr-3      12      3d ok         || protects DEK and sealing root on |
    |  sealing root                 secret mem ||          each manager's disk     |
    |  `- data keys x9              sealed     || stored   in your safe; sealed in |
    |  root CA                 200d ends 7282d ||          the state               |
    |  |- certs x7                  first 47h !|| due      when somebody who knew  |
    |  |- worker token          12d no end     ||          it leaves               |
    |  `- manager token         30d no end     || may      r rotate  a autolock off|
    +------------------------------------------++----------------------------------+
    +- Certificates, soonest first ------------------------------------------------+
    |  NAME          KIND     NOT AFTER             LEFT LIFE LEFT          ROOT   |
    |  mgr-3         manager  2026-11-24 12:04     47h ! [#...............] current|
    |  jo            admin    2027-01-11 12:04       49d [########........] current|
    |  kim           viewer   2027-01-11 12:04       49d [########........] current|
    |  mgr-1         manager  2027-01-22 12:04       60d [##########......] current|
    +------------------------------------------------------------------------------+
     <r>rotate <a>autolock <shift-x>shred <shift-l>lock <shift-r>root CA <t>tokens
    "#);
}

#[test]
fn before_the_first_word() {
    let mut play = empty((80, 24));
    play.send(Msg::Feed(Box::new(FeedEvent::Lost(CallError::Unavailable(
        "the manager is not there".into(),
    )))));
    insta::assert_snapshot!(play.screen(), @r#"
    wardroom [RW]                                                   connecting ...
    cluster                                           <:>command </>filter <?>help

     connecting to unix:///run/w.sock ...

     the manager is not there; check that the manager is running, then repeat the
     command

     it is tried again by itself; :q quits













    1 Cluster 2 Raft 3 Keys 4 Secrets 5 Services 6 Nodes 7 Audit 8 Tasks
    "#);
}

#[test]
fn a_stale_view_says_since_when_and_why() {
    let mut play = play("");
    play.send(Msg::Feed(Box::new(FeedEvent::Lost(CallError::Unavailable(
        "connection reset".into(),
    )))));
    play.shows("#18842 STALE since 12:04:11");
    play.shows("stale, reconnecting: connection reset");
    let view = super::fixture::cluster();
    let nodes = view.nodes.into_values().map(Into::into).collect();
    play.feed(
        watch_message::Body::Snapshot(wardroom_api::v1::Snapshot { objects: nodes }),
        18_850,
    );
    play.shows("live");
    play.shows("live again");
}

#[test]
fn lost_managers_cost_the_quorum() {
    let mut play = play("");
    for node_id in ["id-mgr-1", "id-mgr-2"] {
        let lost = ManagerLost {
            node_id: node_id.into(),
            reason: "no heartbeat".into(),
        };
        play.feed(watch_message::Body::ManagerLost(lost), 18_842);
    }
    play.shows("quorum 1/3 ! no leader !");
    play.shows("! no quorum: 1 of 3 managers answer, nothing can be changed");
    play.shows("! mgr-1 does not answer, or is locked: no heartbeat");
}
