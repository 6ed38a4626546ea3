//! The lists at 80x24.

use super::play::play;

#[test]
fn secrets() {
    insta::assert_snapshot!(play("4").screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
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
    "#);
}

#[test]
fn services() {
    insta::assert_snapshot!(play("5").screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     services(4)                   unix:///run/w.sock  <:>command </>filter <?>help
    +------------------------------------------------------------------------------+
    |  SERVICE         KIND     TASKS    GRANTS STATE        AGE COMMAND           |
    |> api             process  3/3           2 running       9d serve --api       |
    |  batch           process  1/1           1 running       9d serve --batch     |
    |  edge            process  2/2           3 running       9d serve --edge      |
    |  worker          process  1/1           1 running       9d serve --worker    |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
    +- Grants of api --------------------------------------------------------------+
    | SERVICE       SECRET          VER     TARGET          MODE  OWNER   ON CHANGE|
    | api           db_password     current db_password     0400  0:0     swap     |
    | api           session_seed    current session_seed    0400  0:0     swap     |
    |                                                                              |
    +------------------------------------------------------------------------------+
     <enter>detail <shift-l>logs <s>scale <i>spec <n>new <a>grant <ctrl-d>remove
    "#);
}

#[test]
fn nodes() {
    insta::assert_snapshot!(play("6jjj").screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     nodes(5)                      unix:///run/w.sock  <:>command </>filter <?>help
    +------------------------------------------------------------------------------+
    |  NODE       ROLE     STATE   AVAIL  MANAGER       TASKS   CERT HOLDS    SINCE|
    |  mgr-1      manager  ready   active Reachable         0    60d 0           3d|
    |  mgr-2      manager  ready   active Leader            0    60d 0           3d|
    |  mgr-3      manager  ready   active Reachable         0  47h ! 0           3d|
    |> wrk-1      worker   ready   active -                 2    60d 5 / 5v      3d|
    |  wrk-2      worker   ready   active -                 5    60d 5 / 6v      3d|
    +------------------------------------------------------------------------------+
    +- In the memory of wrk-1 right now -------------------------------------------+
    | SECRET                 VER  STATE      TASK                SINCE       PROOF |
    | db_password            v4   in memory  api.2               12:04:05    proved|
    | session_seed           v1   in memory  api.2               11-08 12:04 proved|
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
}

#[test]
fn audit() {
    insta::assert_snapshot!(play("7j").screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     audit                         unix:///run/w.sock  <:>command </>filter <?>help
    +------------------------------------------------------------------------------+
    |     SEQ TIME        ACTOR     FROM      ACTION          OBJECT       RES     |
    |   90412 12:04:07    work~rk-1 10.0.0.7  secret.deliver  db_pas~rd v4 ok      |
    |>  90411 12:04:05    admin:jo  local     secret.rotate   db_password  ok      |
    |   90410 12:03:11    admin:jo  local     service.update  api          ok      |
    |   90409 12:02:11    unknown   10.0.7.33 access.refuse   ListSecrets  DENY !  |
    |   90408 08-17 12:04 admin:jo  local     secret.create   pay_we~k_sig ok      |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
    +- 90411 ----------------------------------------------------------------------+
    | what     secret.rotate db_password by admin:jo from local                    |
    | why      by grant                                                            |
    | raft     index 18841  2026-11-22 12:04                                       |
    | chain    prev 00000000000~  this 00000000000~  chained to the record before  |
    +------------------------------------------------------------------------------+
     <i>this actor <o>this object <n>next denied <v>verify <f>follow <esc>back
    "#);
}

#[test]
fn tasks() {
    insta::assert_snapshot!(play("8").screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     tasks                         unix:///run/w.sock  <:>command </>filter <?>help
    +- Rotations  1 under way -----------------------------------------------------+
    |  SECRET                VERSIONS   PHASE          PROVED           STARTED    |
    |> db_password           v3 -> v4   rolling        ######.. 3/4     12:04:05   |
    |  pay_tls_key           v1 -> v2   done           ######## 2/2     11-17 12:04|
    +------------------------------------------------------------------------------+
    +- Tasks ----------------------------------------------------------------------+
    |  TASK           NODE        STATE       FILES SINCE     PID MESSAGE          |
    |  api.1          wrk-2       running       2/2    9d    4201 started          |
    |  api.2          wrk-1       running       2/2    9d    4202 started          |
    |  api.3          wrk-2       running       2/2    9d    4203 started          |
    |  batch.1        wrk-2       running       0/1    9d    4201 started          |
    |  edge.1         wrk-2       running       3/3    9d    4201 started          |
    |  edge.2         wrk-1       running       3/3    9d    4202 started          |
    |  worker.1       wrk-2       running       1/1    9d    4201 started          |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
     <p>pause <ctrl-d>cancel <shift-r>rotations <w>why <shift-l>logs <esc>back
    "#);
}
