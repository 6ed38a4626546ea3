//! Changes of the managers' keys, by keys: the plan first, the name, then who is through; and never a key on the screen.

use wardroom_api::v1::{
    DekOrder, DekOrderDone, DekReason, LockFacts, PlanAction, RevokeSecretResponse, RotateDekResponse,
    RotateUnlockKeyResponse, UpdateClusterResponse,
};
use wardroom_api::{CallError, ClusterView};

use super::fixture::NOW;
use super::play::play;
use super::said::{change, plan};
use crate::tui::msg::{Answer, Call};

fn order(view: &mut ClusterView, reason: DekReason, done: &[&str], owing: &[&str]) {
    let keys = view.cluster.as_mut().unwrap().keys.as_mut().unwrap();
    keys.orders.retain(|order| order.number != 5);
    keys.orders.push(DekOrder {
        number: 5,
        reason: reason.into(),
        at_ms: NOW,
        index: 18_843,
        done: done
            .iter()
            .map(|id| DekOrderDone {
                node_id: (*id).into(),
                at_ms: NOW + 85,
            })
            .collect(),
        owing: owing.iter().map(|id| (*id).into()).collect(),
        ..DekOrder::default()
    });
}

const ALL: [&str; 3] = ["id-mgr-1", "id-mgr-2", "id-mgr-3"];

/// Unlock key 8, planned or made.
fn made(planned: bool) -> Answer {
    let words = "epoch 8; `wardroom swarm unlock-key` shows it";
    let plan = planned.then(|| plan(PlanAction::Create, "unlock key", words));
    let (epoch, index) = (8, 18_843);
    Answer::UnlockKeyRotated(RotateUnlockKeyResponse { plan, epoch, index })
}

#[test]
fn the_unlock_key_is_rotated_and_not_shown() {
    let mut play = play("3r");
    assert!(matches!(play.last_call().1, Call::RotateUnlockKey(request) if request.plan_only));
    play.answer(Ok(made(true)));
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     cluster > keys > prod-eu > rotate unlock key                   [1 plan]  2 run
    +- Plan, computed at #18842 (nothing has been changed yet) --------------------+
    | + create   unlock key epoch 8; `wardroom swarm unlock-key` shows it          |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
    +- Checks ---------------------------------------------------------------------+
    |                                                                              |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
     the key before then opens nothing but the disks of managers that are down
     same as  $ wardroom swarm unlock-key --rotate
     type the cluster's name to run:  [_______]



     <enter>run once the name matches <esc>cancel
    "#);
    play.keys("prod-eu<enter>");
    assert!(matches!(play.last_call().1, Call::RotateUnlockKey(request)
        if !request.plan_only && request.plan_basis == "b1"));
}

#[test]
fn a_new_unlock_key_is_kept_before_it_is_needed() {
    let mut play = play("3r");
    play.answer(Ok(made(true)))
        .keys("prod-eu<enter>")
        .answer(Ok(made(false)));
    change(&mut play, 18_843, |view| {
        let keys = view.cluster.as_mut().unwrap().keys.as_mut().unwrap();
        (keys.unlock_key_epoch, keys.unlock_key_kept_at_ms, keys.earlier_epochs) = (8, 0, vec![7]);
    });
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18843 12:04Z live
     cluster > keys > prod-eu > rotate unlock key                    1 plan [2 run]
    +- rotate unlock key  under way -----------------------------------------------+
    | unlock key 8 is made; no disk needs it before somebody has it                |
    |                                                                              |
    | now run `wardroom swarm unlock-key` on a manager and keep the key in a safe: |
    | it is never shown here, and without it no manager that restarts can be       |
    | opened                                                                       |
    |                                                                              |
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
    |                                                                              |
    +------------------------------------------------------------------------------+
     <enter>leave <esc>leave
     12:04:15 ok  rotate unlock key of prod-eu committed at #18843
    "#);
    play.model
        .cluster
        .lost_managers
        .insert("id-mgr-3".into(), "no answer".into());
    change(&mut play, 18_843, |view| {
        let keys = view.cluster.as_mut().unwrap().keys.as_mut().unwrap();
        keys.unlock_key_kept_at_ms = NOW;
        order(view, DekReason::UnlockKey, &["id-mgr-2"], &["id-mgr-1", "id-mgr-3"]);
    });
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 2/3 leader mgr-2 t41 1 rotating          #18843 12:04Z live
     cluster > keys > prod-eu > rotate unlock key                    1 plan [2 run]
    +- rotate unlock key  under way -----------------------------------------------+
    | 1 of 3 managers through; mgr-3 is down and owes it until it is back          |
    |                                                                              |
    | now run `wardroom swarm unlock-key` on a manager and keep the key in a safe: |
    | it is never shown here, and without it no manager that restarts can be       |
    | opened                                                                       |
    |                                                                              |
    | mgr-1              ....................  still opens with unlock key 7       |
    | mgr-3              ....................  DOWN ! owes it until it is back     |
    | mgr-2              ####################  done after 85ms                     |
    |                                                                              |
    | committed at #18843                                                          |
    | you may leave: it goes on by itself, and screen 3 shows it                   |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
     <enter>leave <esc>leave
     12:04:15 ok  rotate unlock key of prod-eu committed at #18843
    "#);
    change(&mut play, 18_844, |view| order(view, DekReason::UnlockKey, &ALL, &[]));
    play.shows("rotate unlock key  DONE");
    play.shows("every manager opens with unlock key 8; the DEKs before are gone");
}

#[test]
fn autolock_is_turned_on_and_off() {
    let mut play = play("3");
    change(&mut play, 18_842, |view| {
        view.cluster.as_mut().unwrap().autolock = false;
    });
    play.keys("a");
    assert!(matches!(play.last_call().1, Call::UpdateCluster(request)
        if request.plan_only && request.autolock == Some(true)));
    let answer = |plan| Ok(Answer::ClusterUpdated(UpdateClusterResponse { index: 18_843, plan }));
    play.answer(answer(Some(plan(PlanAction::Create, "unlock key", "epoch 8"))));
    play.shows("same as  $ wardroom swarm update --autolock=true");
    play.shows("a manager that restarts serves nothing until somebody unlocks it");
    play.keys("prod-eu<enter>");
    play.answer(answer(None));
    play.shows("now run `wardroom swarm unlock-key` on a manager and keep the key in a safe");
    change(&mut play, 18_843, |view| {
        let cluster = view.cluster.as_mut().unwrap();
        cluster.autolock = true;
        cluster.keys.as_mut().unwrap().unlock_key_kept_at_ms = 0;
    });
    play.shows("unlock key 7 is made; no disk needs it before somebody has it");
    change(&mut play, 18_844, |view| {
        let keys = view.cluster.as_mut().unwrap().keys.as_mut().unwrap();
        keys.unlock_key_kept_at_ms = NOW;
        order(view, DekReason::Autolock, &ALL, &[]);
    });
    play.shows("autolock on  DONE");
    play.shows("done after 85ms");
    play.keys("<enter>a");
    play.answer(answer(Some(plan(PlanAction::Keep, "unlock key", "epoch 8 stays"))));
    play.shows("same as  $ wardroom swarm update --autolock=false");
    play.keys("prod-eu<enter>");
    play.answer(answer(None));
    change(&mut play, 18_845, |view| {
        view.cluster.as_mut().unwrap().autolock = false;
        let unlocked = view.managers.values_mut().filter(|status| status.node_id != "id-mgr-3");
        unlocked.for_each(|status| status.keys.as_mut().unwrap().autolock = false);
    });
    for id in ["id-mgr-1", "id-mgr-2"] {
        let mut status = play.model.cluster.managers[id].clone();
        status.keys.as_mut().unwrap().autolock = false;
        play.feed(wardroom_api::v1::watch_message::Body::Manager(status), 18_844);
    }
    play.shows("1 of 3 managers still need their key");
    play.shows("still needs its key");
}

#[test]
fn fresh_deks_are_ordered() {
    let mut play = play("3jr");
    assert!(matches!(play.last_call().1, Call::RotateDek(request) if request.plan_only));
    let answer = |plan, order| {
        Ok(Answer::DekRotated(RotateDekResponse {
            plan,
            order,
            index: 18_843,
        }))
    };
    play.answer(answer(
        Some(plan(PlanAction::Swap, "3 managers", "go on under a fresh DEK each")),
        0,
    ));
    play.shows("same as  $ wardroom swarm dek --rotate");
    play.keys("prod-eu<enter>");
    play.answer(answer(None, 5));
    play.shows("committed at #18843, waiting for the view");
    change(&mut play, 18_843, |view| order(view, DekReason::Demand, &[], &ALL));
    let mut status = play.model.cluster.managers["id-mgr-1"].clone();
    let keys = status.keys.as_mut().unwrap();
    (keys.pending_dek_epoch, keys.pending_dek_order, keys.step) = (13, 5, "purge".into());
    play.feed(wardroom_api::v1::watch_message::Body::Manager(status), 18_843);
    play.shows("DEK 13, step 4 of 6: purge");
    play.shows("mgr-2              ....................  has not begun");
    change(&mut play, 18_844, |view| order(view, DekReason::Demand, &ALL, &[]));
    play.shows("every manager writes under a fresh DEK; the ones before are gone");
}

#[test]
fn a_shred_ends_with_the_last_disk_and_the_last_worker() {
    for begin in ["4X", ":shred db_password<enter>", "4<enter>jX"] {
        let play = play(begin);
        assert!(matches!(play.last_call().1, Call::RevokeSecret(request) if request.plan_only && request.shred));
    }
    let mut play = play("3X");
    play.shows(":shred");
    play.keys("smtp<enter><enter>");
    let answer = |plan, order| {
        Ok(Answer::SecretRevoked(RevokeSecretResponse {
            plan,
            index: 18_843,
            order,
        }))
    };
    play.answer(answer(
        Some(plan(PlanAction::Destroy, "old records", "cannot be read any more")),
        0,
    ));
    play.shows("same as  $ wardroom secret revoke --shred smtp_key");
    play.keys("smtp_key<enter>");
    assert!(matches!(play.last_call().1, Call::RevokeSecret(request) if !request.plan_only && request.shred));
    play.answer(answer(None, 5));
    change(&mut play, 18_843, |view| {
        order(view, DekReason::Shred, &["id-mgr-1", "id-mgr-2"], &["id-mgr-3"]);
    });
    play.shows("shred  under way");
    play.shows("2 of 3 managers through");
    change(&mut play, 18_844, |view| order(view, DekReason::Shred, &ALL, &[]));
    play.shows("smtp_key cannot be read from any manager's disk any more");
}

#[test]
fn a_plan_with_many_steps_shows_them_before_the_radius() {
    let mut play = play(":shred db_password<enter>");
    let mut long = plan(PlanAction::Cut, "service mail", "the grant goes");
    long.steps = vec![long.steps[0].clone(); 6];
    long.checks = (0..4)
        .map(|number| wardroom_api::v1::PlanCheck {
            level: 2,
            text: format!("check {number} with so many words that half of the screen is not enough"),
        })
        .collect();
    play.answer(Ok(Answer::SecretRevoked(RevokeSecretResponse {
        plan: Some(long),
        ..RevokeSecretResponse::default()
    })));
    let screen = play.screen();
    assert_eq!(screen.matches("service mail").count(), 6, "{screen}");
    assert!(!screen.contains("Blast radius"), "{screen}");
    play.send(crate::tui::msg::Msg::Resize(120, 40));
    play.shows("Blast radius");
}

#[test]
fn this_manager_is_locked_by_its_name() {
    let mut play = play("3L");
    assert_eq!(play.calls(), 0, "the plan is made here");
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     cluster > keys > mgr-1 > lock             unix:///run/w.sock   [1 plan]  2 run
    +- Plan, computed at #18842 (nothing has been changed yet) --------------------+
    | - cut      keys of mgr-1 wiped from its memory at once                       |
    | - cut      its service   only its lock state and unlocking are left, for     |
    |                          consoles and workers too                            |
    | = keep     its disk      as it is; unlock key 7 opens it                     |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
    +- Checks ---------------------------------------------------------------------+
    | ok    2 of 3 managers go on                                                  |
    | WARN  managers of the same process, as in a demo, are locked with it         |
    |                                                                              |
    +------------------------------------------------------------------------------+
     have the unlock key at hand: without it this manager stays locked
     same as  $ wardroom swarm lock
     type the manager's name to run:  [_____]



     <enter>run once the name matches <esc>cancel
    "#);
    play.keys("mgr-1<enter>");
    assert_eq!(play.last_call().1, &Call::CloseLock);
    play.answer(Ok(Answer::Lock(LockFacts {
        locked: true,
        ..LockFacts::default()
    })));
    play.shows("LOCKED !");
    assert!(play.model.wizard.is_none());
}

#[test]
fn without_autolock_nothing_is_locked() {
    let mut play = play("3");
    change(&mut play, 18_842, |view| {
        view.cluster.as_mut().unwrap().autolock = false;
    });
    play.keys("Lmgr-1<enter>");
    play.shows("autolock is off");
    play.shows("the plan is blocked: see the checks");
    assert_eq!(play.calls(), 0);
}

#[test]
fn what_is_not_rotated_says_why() {
    let mut play = play("3jjjjr");
    play.shows("the sealing root stays");
    play.keys("jr");
    play.shows("a data key goes with its version");
    play.keys("jr");
    assert!(matches!(play.last_call().1, Call::RotateRoot(_)));
    play.keys("<esc>Gr");
    play.shows("rotate token");
}

#[test]
fn a_refusal_is_told_in_the_clusters_words() {
    let mut play = play("3r");
    play.answer(Err(CallError::Precondition(
        "cannot rotate because autolock is not turned on".into(),
    )));
    play.shows("ERROR: cannot rotate because autolock is not turned on");
}

fn sources(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
}

/// No key byte comes to the console, because it never asks for one.
#[test]
fn the_console_never_asks_for_the_unlock_key() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tui");
    let mut found = Vec::new();
    sources(&folder, &mut found);
    assert!(found.len() > 100);
    // Spelled so that this file does not find itself.
    let forbidden = [["get_unlock", "_key"].concat(), ["GetUnlock", "Key"].concat()];
    for path in found {
        let text = std::fs::read_to_string(&path).unwrap();
        let asks = forbidden.iter().any(|word| text.contains(word));
        assert!(!asks, "{} asks for the unlock key", path.display());
    }
}
