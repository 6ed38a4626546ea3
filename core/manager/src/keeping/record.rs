//! How far has each manager come? The leader compares what the managers say of their keys with what the state knows, and
//! records what is new: so that one that is down is known to owe, and by which key it opens.

use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::watch;
use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::command::{Actor, Command};
use wardroom_state::ids::NodeId;
use wardroom_state::keys::ManagerKeys;

use super::about_keys;
use crate::Table;
use crate::context::Context;
use crate::peer::Word;
use crate::replica::Applied;
use crate::watch::skip;

/// Pause after a record that was not taken: what it rests on is about to change.
const PAUSE: Duration = Duration::from_millis(500);

/// Records whenever this manager leads, until it stops.
pub(crate) async fn run(context: Context) {
    let mut leadership = context.leadership.clone();
    loop {
        tokio::select! {
            biased;
            () = context.stop.cancelled() => return,
            leads = leadership.wait_for(|known| known.mine) => if leads.is_err() { return },
        }
        tokio::select! {
            biased;
            () = context.stop.cancelled() => return,
            _ = leadership.wait_for(|known| !known.mine) => {}
            () = lead(&context) => {}
        }
    }
}

/// One term. Ends only when it is dropped, or with the table.
async fn lead(context: &Context) {
    let mut table = context.managers.subscribe();
    let mut applied = context.replica.subscribe();
    loop {
        skip(&mut applied);
        let words = table.borrow_and_update().clone();
        let news = context.replica.read(|state| unrecorded(state, &words));
        let mut is_done = true;
        for (node, keys) in news {
            let command = Command::RecordKeys { node, keys };
            if let Err(reason) = context.proposer.propose(system(), command).await {
                tracing::debug!(%reason, "what a manager says of its keys is not recorded yet");
                is_done = false;
            }
        }
        if !wait(&mut table, &mut applied, is_done).await {
            return;
        }
    }
}

/// `false` when the manager ends.
async fn wait(
    table: &mut watch::Receiver<Table>,
    applied: &mut Receiver<std::sync::Arc<Applied>>,
    is_done: bool,
) -> bool {
    tokio::select! {
        biased;
        told = table.changed() => told.is_ok(),
        () = about_keys(applied) => true,
        () = tokio::time::sleep(PAUSE), if !is_done => true,
    }
}

fn system() -> Actor {
    Actor {
        name: "system".to_owned(),
        from: "local".to_owned(),
    }
}

/// What managers say that the state does not know. A node that is no manager there is none here.
fn unrecorded(state: &State, table: &Table) -> Vec<(NodeId, ManagerKeys)> {
    let said = table.since(0).filter_map(|(node, word)| match word {
        Word::Status(status) => Some((NodeId::new(node), keys_of(status.keys.as_ref()?)?)),
        Word::Lost(_) => None,
    });
    said.filter(|(node, keys)| {
        let is_manager = state.managers().any(|manager| manager.id == *node);
        let known = state.keys().managers.get(node);
        is_manager && known.is_none_or(|known| !says_the_same(known, keys))
    })
    .collect()
}

fn says_the_same(known: &ManagerKeys, said: &ManagerKeys) -> bool {
    let timeless = |keys: &ManagerKeys| ManagerKeys {
        at_ms: 0,
        ..keys.clone()
    };
    timeless(known) == timeless(said)
}

/// `None`: the manager speaks another version.
fn keys_of(status: &v1::KeyStatus) -> Option<ManagerKeys> {
    let dek_check = u32::from_str_radix(&status.dek_check, 16).ok()?.to_be_bytes();
    Some(ManagerKeys {
        kek_epoch: status.kek_epoch,
        locks: status.autolock,
        dek_epoch: status.dek_epoch,
        dek_check,
        dek_created_at_ms: status.dek_created_at_ms,
        order: status.dek_order,
        at_ms: 0,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::reconcile::scene::Scene;

    fn says(node: &str, kek_epoch: u32) -> Table {
        let keys = v1::KeyStatus {
            kek_epoch,
            dek_epoch: 1,
            dek_check: "01020304".to_owned(),
            ..v1::KeyStatus::default()
        };
        let status = v1::ManagerStatus {
            keys: Some(keys),
            ..v1::ManagerStatus::default()
        };
        let mut table = Table::default();
        table.words.insert(node.to_owned(), (1, Word::Status(Arc::new(status))));
        table
    }

    #[test]
    fn what_is_known_is_not_recorded_again() {
        let mut scene = Scene::with_managers(2);
        let news = unrecorded(&scene.state, &says("m2", 1));
        assert_eq!(news.len(), 1);
        assert_eq!((news[0].1.kek_epoch, news[0].1.dek_check), (1, [1, 2, 3, 4]));
        let (node, keys) = news[0].clone();
        scene.apply(Command::RecordKeys { node, keys });
        assert_eq!(unrecorded(&scene.state, &says("m2", 1)), []);
        assert_eq!(unrecorded(&scene.state, &says("m2", 2)).len(), 1);
    }

    #[test]
    fn a_worker_a_stranger_and_a_silent_manager_have_no_keys() {
        let scene = Scene::with_managers(2);
        for node in ["w1", "nobody"] {
            assert_eq!(unrecorded(&scene.state, &says(node, 1)), [], "{node}");
        }
        let mut table = says("m2", 1);
        table.words.insert("m2".to_owned(), (2, Word::Lost("gone".to_owned())));
        assert_eq!(unrecorded(&scene.state, &table), []);
    }
}
