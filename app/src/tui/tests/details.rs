//! The details of one object at 80x24, and popups over them.

use super::play::play;

#[test]
fn secret() {
    insta::assert_snapshot!(play("4<enter>").screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     secrets > db_password         unix:///run/w.sock  <:>command </>filter <?>help
     -> db_password  rolling  current v4  32 B  policy 90d  by admin:jo  data key a~
    +- Versions May 16 -> Nov 22 --------------------------------------------------+
    |  VER  STATE      LIFE                              SIZE NOTE                 |
    |> v4   CURRENT                                  #>   32B <1m, admin:jo        |
    |  v3   superseded                         ######x    32B superseded Nov 22    |
    |  v2   superseded          ###############x          32B superseded Oct 13    |
    +------------------------------------------------------------------------------+
    +- In memory right now: v3 1 node  v4 2 nodes ---------------------------------+
    |  NODE        VER  STATE        TASK         TARGET       SINCE       PROOF   |
    |  wrk-1       v4   in memory    api.2        db_password  12:04:05    proved  |
    |  wrk-2       v4   in memory    api.1        db_password  12:04:05    proved  |
    |  wrk-2       v4   in memory    api.3        db_password  12:04:05    proved  |
    |  wrk-2       v3   in memory    batch.1      db_password  11-08 12:04 proved  |
    |                                                                              |
    +------------------------------------------------------------------------------+
    +- Grants ---------------------------------------------------------------------+
    |  SERVICE      SECRET         VER     TARGET         MODE  OWNER   ON CHANGE  |
    |  api          db_password    current db_password    0400  0:0     swap       |
    |  batch        db_password    current db_password    0440  0:0     restart !  |
    +------------------------------------------------------------------------------+
     <enter>actions <n>new <r>rotate <ctrl-d>revoke <a>access <p>progress <w>why
    "#);
}

#[test]
fn secret_in_unicode() {
    let mut play = play("4<enter>");
    play.ascii = false;
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     secrets > db_password         unix:///run/w.sock  <:>command </>filter <?>help
     → db_password  rolling  current v4  32 B  policy 90d  by admin:jo  data key aa…
    ┌─ Versions May 16 → Nov 22 ───────────────────────────────────────────────────┐
    │  VER  STATE      LIFE                              SIZE NOTE                 │
    │› v4   CURRENT                                  ━▶   32B <1m, admin:jo        │
    │  v3   superseded                         ━━━━━━╸    32B superseded Nov 22    │
    │  v2   superseded          ━━━━━━━━━━━━━━━╸          32B superseded Oct 13    │
    └──────────────────────────────────────────────────────────────────────────────┘
    ┌─ In memory right now: v3 1 node  v4 2 nodes ─────────────────────────────────┐
    │  NODE        VER  STATE        TASK         TARGET       SINCE       PROOF   │
    │  wrk-1       v4   in memory    api.2        db_password  12:04:05    proved  │
    │  wrk-2       v4   in memory    api.1        db_password  12:04:05    proved  │
    │  wrk-2       v4   in memory    api.3        db_password  12:04:05    proved  │
    │  wrk-2       v3   in memory    batch.1      db_password  11-08 12:04 proved  │
    │                                                                              │
    └──────────────────────────────────────────────────────────────────────────────┘
    ┌─ Grants ─────────────────────────────────────────────────────────────────────┐
    │  SERVICE      SECRET         VER     TARGET         MODE  OWNER   ON CHANGE  │
    │  api          db_password    current db_password    0400  0:0     swap       │
    │  batch        db_password    current db_password    0440  0:0     restart !  │
    └──────────────────────────────────────────────────────────────────────────────┘
     <enter>actions <n>new <r>rotate <ctrl-d>revoke <a>access <p>progress <w>why
    "#);
}

#[test]
fn service() {
    insta::assert_snapshot!(play("5<enter>").screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     services > api                unix:///run/w.sock  <:>command </>filter <?>help
    +- api ------------------------------------------------------------------------+
    | runs     3 process: serve --api                                              |
    | update   none yet                                                            |
    | rotation db_password v4: rolling, 3 of 3 proved, 3 settled                   |
    | changed  2026-11-21 12:04, generation 0, labels -                            |
    +------------------------------------------------------------------------------+
    +- Tasks ----------------------------------------------------------------------+
    |  TASK        NODE      STATE      HEALTH     FILES EXIT SINCE MESSAGE        |
    |> api.1       wrk-2     running    -            2/2    -    9d started        |
    |  api.2       wrk-1     running    -            2/2    -    9d started        |
    |  api.3       wrk-2     running    -            2/2    -    9d started        |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
    +- Grants ---------------------------------------------------------------------+
    |  SERVICE      SECRET         VER     TARGET         MODE  OWNER   ON CHANGE  |
    |  api          db_password    current db_password    0400  0:0     swap       |
    |  api          session_seed   current session_seed   0400  0:0     swap       |
    +------------------------------------------------------------------------------+
     <enter>actions <shift-l>logs <w>why <s>scale <i>spec <n>new <a>grant <m>matrix
    "#);
}

#[test]
fn node() {
    insta::assert_snapshot!(play("6jjj<enter>").screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     nodes > wrk-1                 unix:///run/w.sock  <:>command </>filter <?>help
    +- wrk-1 ----------------------------------------------------------------------+
    | role     worker                                                              |
    | state    ready, active, since 2026-11-19 12:04                               |
    | address  -, version 0.3.0                                                    |
    | cert     60d left, until 2027-01-22 12:04  3f09ab, of the current root       |
    | labels   -                                                                   |
    +------------------------------------------------------------------------------+
    +- Secrets: in memory, and erased with proof ----------------------------------+
    |  SECRET                VER  STATE      TASK               SINCE       PROOF  |
    |> db_password           v4   in memory  api.2              12:04:05    proved |
    |  pay_tls_key           v2   in memory  edge.2             11-08 12:04 proved |
    |  session_seed          v1   in memory  api.2              11-08 12:04 proved |
    +------------------------------------------------------------------------------+
    +- Tasks ----------------------------------------------------------------------+
    |  TASK           NODE        STATE       FILES SINCE     PID MESSAGE          |
    |  api.2          wrk-1       running       2/2    9d    4202 started          |
    |  edge.2         wrk-1       running       3/3    9d    4202 started          |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
     <enter>actions <p>promote <d>demote <a>availability <ctrl-d>remove <t>tokens
    "#);
}

#[test]
fn action_menu() {
    insta::assert_snapshot!(play("4<enter><enter>").screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     secrets > db_password         unix:///run/w.sock  <:>command </>filter <?>help
     -> db_password  rolling  current v4  32 B  policy 90d  by admin:jo  data key a~
    +- Versions May 16 -> Nov 22 --------------------------------------------------+
    |  VER  STATE      LIFE                              SIZE NOTE                 |
    +- db_password ----------------------------------------------------------------+
    | <r>        give the secret a new version under the same target               |
    | <ctrl-d>   cut the secret (or the selected version) off everywhere, with pro~|
    | <shift-x>  revoke it, and rotate every manager's DEK: no old log or snapshot~|
    | <a>        grant the secret to a service                                     |
    | <shift-d>  remove a secret that no service uses                              |
    | <p>        the newest rotation of the secret, task by task                   |
    | <shift-r>  all rotations, those that run first                               |
    | <w>        why a service can read it, or why not: the chain from the grant t~|
    | <shift-p>  destroy old versions that nobody needs                            |
    | <u>        services that were granted the secret                             |
    | <x>        why no value can be read back, and what to do instead             |
    +------------------------------------------------------------------------------+
    |  SERVICE      SECRET         VER     TARGET         MODE  OWNER   ON CHANGE  |
    |  api          db_password    current db_password    0400  0:0     swap       |
    |  batch        db_password    current db_password    0440  0:0     restart !  |
    +------------------------------------------------------------------------------+
     <esc>close <enter>choose <j>down <k>up
    "#);
}

#[test]
fn palette() {
    insta::assert_snapshot!(play("4:rot pay").screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     secrets(6)                    unix:///run/w.sock  <:>command </>filter <?>help
    +- command --------------------------------------------------------------------+
    | :rot pay                                                                     |
    +------------------------------------------------------------------------------+
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
     <enter>run <esc>cancel <tab>complete
    "#);
}
