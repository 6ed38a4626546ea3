//! I5: do the receipts tell the truth? Once at rest, every file that is proven to be there is there with its value, and
//! a worker has no file beyond those.

use std::collections::BTreeSet;

use wardroom_agent::TaskId;
use wardroom_agent::files::{Files, Target};
use wardroom_state::State;
use wardroom_state::holding::{Holding, HoldingKey, HoldingState};

use super::Findings;
use super::values::open;
use crate::founding::WorkerSeat;
use crate::world::World;

pub(crate) fn check(who: &str, state: &State, world: &World) -> Findings {
    let mut findings = Findings::new();
    for seat in &world.cluster.workers {
        let here = state
            .holdings()
            .iter()
            .filter(|(key, _)| key.node.as_str() == seat.node_id);
        for (key, _) in here.filter(|(_, holding)| is_proven(holding)) {
            if let Some(why) = missing(state, world, seat, key) {
                findings.push(format!("I5 {who}: {why} though a receipt proves it: {key:?}"));
            }
        }
        findings.extend(
            beyond(state, seat)
                .into_iter()
                .map(|file| format!("I5 {who}: {} holds {file}", seat.name)),
        );
    }
    findings
}

fn is_proven(holding: &Holding) -> bool {
    holding.state == HoldingState::Present && holding.proven
}

fn missing(state: &State, world: &World, seat: &WorkerSeat, key: &HoldingKey) -> Option<String> {
    let target = Target::parse(&key.target).expect("the state takes no other targets");
    let read = match seat.files.read(&TaskId::new(key.task.as_str()), &target) {
        Ok(read) => read,
        Err(error) => return Some(format!("the file is not there ({error})")),
    };
    let secret = state.secrets().get(&key.secret)?;
    let value = open(world, secret, secret.versions.get(&key.version)?)?;
    (read.expose() != value).then(|| "the file has another value".to_owned())
}

/// Visible files of any task ever known on the worker that no holding accounts for.
fn beyond(state: &State, seat: &WorkerSeat) -> Vec<String> {
    let on_it = |key: &&HoldingKey| key.node.as_str() == seat.node_id;
    let live: BTreeSet<(&str, &str)> = state
        .holdings()
        .iter()
        .filter(|(_, holding)| holding.is_live())
        .map(|(key, _)| key)
        .filter(on_it)
        .map(|key| (key.task.as_str(), key.target.as_str()))
        .collect();
    let tasks: BTreeSet<&str> = state
        .holdings()
        .keys()
        .filter(on_it)
        .map(|key| key.task.as_str())
        .collect();
    let mut beyond = Vec::new();
    for task in tasks {
        let visible = seat.files.targets(&TaskId::new(task));
        let unknown = visible
            .into_iter()
            .filter(|target| !live.contains(&(task, target.as_str())));
        beyond.extend(unknown.map(|target| format!("{target} of task {task}")));
    }
    beyond
}
