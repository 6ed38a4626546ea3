//! What if the manager that answers now is behind what is shown? Then the last facts stay, marked as such, until it has
//! caught up; a step back in time is shown only if it lasts, because then the cluster itself went back.

use wardroom_api::ClusterView;
use wardroom_api::v1::{WatchMessage, object, watch_message};

use crate::tui::model::{Behind, Level, Link, Model};

/// How long a manager may take to catch up. A restored cluster never does.
const PATIENCE_MS: i64 = 3000;
/// While there is no connection nobody's patience is spent.
const WAITING: i64 = i64::MAX;

/// Takes in a message; false when it left everything as it was.
pub fn take_in(model: &mut Model, message: &WatchMessage) -> bool {
    if model.behind.is_none() && begins_earlier(&model.cluster, message) {
        let view = ClusterView {
            managers: model.cluster.managers.clone(),
            lost_managers: model.cluster.lost_managers.clone(),
            ..ClusterView::default()
        };
        model.behind = Some(Box::new(Behind {
            view,
            until_ms: WAITING,
        }));
    }
    let Some(behind) = &mut model.behind else {
        return model.cluster.apply(message);
    };
    if behind.until_ms == WAITING {
        behind.until_ms = model.now_ms.saturating_add(PATIENCE_MS);
    }
    let moved = behind.view.apply(message);
    // Each manager's word about itself belongs to no index.
    if let Some(watch_message::Body::Manager(_) | watch_message::Body::ManagerLost(_)) = message.body {
        model.cluster.apply(message);
    }
    if behind.view.index >= model.cluster.index {
        show(model);
    } else {
        say_stale(model);
    }
    moved
}

/// A snapshot of this very cluster from before what is shown.
fn begins_earlier(shown: &ClusterView, message: &WatchMessage) -> bool {
    let Some(watch_message::Body::Snapshot(snapshot)) = &message.body else {
        return false;
    };
    let id = snapshot.objects.iter().find_map(|object| match &object.kind {
        Some(object::Kind::Cluster(cluster)) => Some(cluster.id.as_str()),
        _ => None,
    });
    let same = id == shown.cluster.as_ref().map(|cluster| cluster.id.as_str());
    same && message.index < shown.index
}

fn say_stale(model: &mut Model) {
    let Some(behind) = &model.behind else { return };
    let since_ms = match model.link {
        Link::Stale { since_ms, .. } => since_ms,
        Link::Live | Link::Connecting(_) => model.now_ms,
    };
    model.link = Link::Stale {
        since_ms,
        reason: format!("the manager that answers is at #{} and catches up", behind.view.index),
    };
}

fn show(model: &mut Model) {
    if let Some(behind) = model.behind.take() {
        model.cluster = behind.view;
        model.rows_stale = true;
    }
}

/// The connection is gone: the next one goes on where this one was.
pub fn lost(model: &mut Model) {
    if let Some(behind) = &mut model.behind {
        behind.until_ms = WAITING;
    }
}

/// Shows what the manager has, if it took too long.
pub fn give_up(model: &mut Model) {
    let late = |behind: &Behind| model.now_ms >= behind.until_ms;
    if !model.behind.as_deref().is_some_and(late) {
        return;
    }
    let shown = model.cluster.index;
    show(model);
    model.link = Link::Live;
    let text = format!(
        "this is #{}, before the #{shown} shown until now: the cluster was restored, or this manager is behind",
        model.cluster.index
    );
    model.say(Level::Warn, text);
}
