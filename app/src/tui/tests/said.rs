//! What does the cluster say in these scripts? Plans and answers as a leader gives them, objects as they change.

use wardroom_api::ClusterView;
use wardroom_api::v1::{
    Change, Changes, Kind, Node, ObjectKey, Plan, PlanAction, PlanStep, UpdateNodeResponse, change, watch_message,
};

use super::play::Play;
use crate::tui::msg::Answer;

/// A plan as the leader makes it.
pub fn plan(action: PlanAction, subject: &str, detail: &str) -> Plan {
    Plan {
        index: 18_842,
        basis: "b1".into(),
        steps: vec![PlanStep {
            action: action.into(),
            subject: subject.into(),
            detail: detail.into(),
        }],
        runnable: true,
        ..Plan::default()
    }
}

pub fn planned(play: &mut Play, action: PlanAction, detail: &str) {
    play.answer(Ok(Answer::NodeUpdated(UpdateNodeResponse {
        plan: Some(plan(action, "node", detail)),
        ..Default::default()
    })));
}

pub fn accepted(play: &mut Play) {
    play.answer(Ok(Answer::NodeUpdated(UpdateNodeResponse {
        index: 18_843,
        ..Default::default()
    })));
}

pub fn node(play: &mut Play, id: &str, index: u64, change: impl Fn(&mut Node)) {
    let mut node = play.model.cluster.nodes[id].clone();
    change(&mut node);
    let put = Change {
        action: Some(change::Action::Put(node.into())),
    };
    play.feed(watch_message::Body::Changes(Changes { changes: vec![put] }), index);
}

pub fn manager(play: &mut Play, id: &str, role: &str) {
    let mut status = play.model.cluster.managers["id-mgr-1"].clone();
    status.node_id = id.into();
    status.hostname = "wrk-1".into();
    status.role = role.into();
    play.feed(watch_message::Body::Manager(status), 18_843);
}

pub fn remove(play: &mut Play, kind: Kind, id: &str, index: u64) {
    let key = ObjectKey {
        kind: kind.into(),
        id: id.into(),
    };
    let removed = Change {
        action: Some(change::Action::Removed(key)),
    };
    play.feed(watch_message::Body::Changes(Changes { changes: vec![removed] }), index);
}

/// Feeds the view as it is after the change.
pub fn change(play: &mut Play, index: u64, change: impl Fn(&mut ClusterView)) {
    let mut view = play.model.cluster.clone();
    change(&mut view);
    let put = |object: wardroom_api::v1::Object| Change {
        action: Some(change::Action::Put(object)),
    };
    let mut changes: Vec<Change> = view.cluster.into_iter().map(|it| put(it.into())).collect();
    changes.extend(view.nodes.into_values().map(|it| put(it.into())));
    changes.extend(view.operators.into_values().map(|it| put(it.into())));
    play.feed(watch_message::Body::Changes(Changes { changes }), index);
}
