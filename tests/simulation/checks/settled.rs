//! Has the cluster come to rest? Everybody is up and agrees, nothing is owed, nothing moves.

use wardroom_state::State;
use wardroom_state::holding::HoldingState;
use wardroom_state::node::NodeState;
use wardroom_state::rotation::Rotation;
use wardroom_state::service::Mode;
use wardroom_state::task::TaskState;

use crate::world::{Life, World};
use crate::{locksmith, roller, spare};

/// Why it has not; `None` when it has.
pub(crate) fn unsettled(world: &World) -> Option<String> {
    let lives = world.lives.borrow();
    if let Some(why) = spare::unsettled(world, &lives) {
        return Some(why);
    }
    if !world.begun.get() {
        return Some("the cluster has not begun".to_owned());
    }
    let mut indexes = lives.values().map(|life| life.manager.replica().index());
    let first = indexes.next().unwrap_or(0);
    if indexes.any(|index| index != first) {
        return Some(format!(
            "the managers are at different indexes: {}",
            lives.values().map(told).collect::<Vec<_>>().join("; ")
        ));
    }
    if !lives.values().any(|life| life.leadership().mine) {
        return Some(format!(
            "nobody leads: {}",
            lives.values().map(told).collect::<Vec<_>>().join("; ")
        ));
    }
    lives.values().find_map(|life| life.manager.replica().read(moving))
}

fn told(life: &Life) -> String {
    let status = life.status();
    let (who, role, term, last) = (status.hostname, status.role, status.term, status.last_index);
    let (first, snapshot) = (status.first_index, status.snapshot_index);
    format!(
        "{who} is {role} in term {term}, voted for {:?}, log {first} to {last}, snapshot {snapshot}, applied {}, \
         followers {:?}",
        status.voted_for, status.applied, status.followers
    )
}

fn moving(state: &State) -> Option<String> {
    let down = state
        .nodes()
        .values()
        .find(|node| node.runs_tasks && node.state != NodeState::Ready);
    if let Some(node) = down {
        return Some(format!(
            "worker {} is {:?}: {}",
            node.hostname, node.state, node.message
        ));
    }
    // What waits for a paused update waits for a person.
    let moves = |rotation: &&Rotation| !rotation.phase.is_final() && !rotation.message.ends_with("which is paused");
    if let Some(rotation) = state.rotations().values().find(moves) {
        return Some(format!("a rotation is {:?}: {}", rotation.phase, rotation.message));
    }
    if let Some((key, _)) = state.holdings().iter().find(|(_, holding)| holding.owed) {
        return Some(format!("a receipt is owed: {key:?}"));
    }
    let pending = state
        .holdings()
        .iter()
        .find(|(_, holding)| holding.is_live() && !is_proven(holding.state, holding.proven));
    if let Some((key, holding)) = pending {
        return Some(format!("a file is not proven: {key:?} {holding:?}"));
    }
    if let Some(why) = locksmith::unsettled(state).or_else(|| roller::unsettled(state)) {
        return Some(why);
    }
    state.services().values().find_map(|service| {
        let tasks = state.tasks_of(&service.id).filter(|task| task.is_live());
        let running = tasks.filter(|task| task.status.state == TaskState::Running).count();
        let wanted = match service.spec.mode {
            Mode::Replicated(replicas) => replicas as usize,
            Mode::Global => state.nodes().values().filter(|node| node.runs_tasks).count(),
        };
        (running != wanted).then(|| format!("service {} runs {running} of {wanted} tasks", service.spec.name))
    })
}

fn is_proven(state: HoldingState, proven: bool) -> bool {
    state == HoldingState::Present && proven
}
