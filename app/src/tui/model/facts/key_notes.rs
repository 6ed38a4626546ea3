//! What about the managers' keys needs attention? Managers that hang on an earlier unlock
//! key, DEKs that are too old, erasures that somebody owes.

use wardroom_api::ClusterView;

use super::attention::Note;
use super::keys::{self, Keys};
use super::{moves, time};
use crate::tui::model::place::Place;

/// Notes what is so.
pub fn note(view: &ClusterView, now_ms: i64, note: &mut Note<'_>) {
    for manager in keys::of_managers(view) {
        if let Some((matter, text)) = about(view, now_ms, &manager) {
            note(format!("{matter}/{}", manager.node.id), text, "keys", Place::Keys);
        }
    }
    for order in moves::moves(view).iter().filter(|it| it.key != "root") {
        let (_, away) = order.owing();
        if !away.is_empty() {
            let text = format!("{} is still owed by {}, which is down", order.what, away.join(", "));
            note(order.key.clone(), text, "keys", Place::Keys);
        }
    }
    if keys::autolock(view) && !keys::is_kept(view) {
        let epoch = keys::unlock_epoch(view);
        let text = format!("nobody has unlock key {epoch} yet: `wardroom swarm unlock-key` shows it");
        note("unlock-key".into(), text, "keys", Place::Keys);
    }
}

/// The worst about one manager's keys.
fn about(view: &ClusterView, now_ms: i64, manager: &Keys<'_>) -> Option<(&'static str, String)> {
    let name = &manager.node.hostname;
    if let Some(trouble) = manager.trouble() {
        return Some(("trouble", format!("the keys of {name}: {trouble}")));
    }
    if let Some(epoch) = manager.hangs_on(view) {
        let down = if manager.silent { ", and is down" } else { "" };
        return Some((
            "unlock-key",
            format!("{name} still opens with unlock key {epoch}{down}"),
        ));
    }
    if manager.locks() && !keys::autolock(view) && manager.silent {
        let epoch = manager.unlock_epoch();
        return Some((
            "unlock-key",
            format!("{name} is down and stays locked: it opens with unlock key {epoch}"),
        ));
    }
    let due_ms = manager.dek_due_ms();
    if due_ms > 0 && due_ms <= now_ms && manager.pending().is_none() {
        let age = time::age(now_ms, manager.dek_since_ms());
        return Some(("dek", format!("the DEK of {name} is {age} old: rotate it")));
    }
    let plain = manager.live().is_some_and(|live| keys::memory_of(live) == "plain");
    plain.then(|| {
        (
            "memory",
            format!("the keys of {name} lie in memory that may reach swap"),
        )
    })
}
