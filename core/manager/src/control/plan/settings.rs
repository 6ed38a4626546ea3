//! What would new settings of the cluster do? Mostly they are numbers; autolock is about every manager's disk.

use wardroom_api::v1;
use wardroom_api::v1::{CheckLevel, PlanAction};
use wardroom_state::State;
use wardroom_state::cluster::Cluster;
use wardroom_state::refusal::Refusal;

use crate::control::error::Failure;
use crate::control::plan::health::Health;
use crate::control::plan::keys::Managers;
use crate::control::plan::{Plan, basis, check, is_runnable, step};

pub(crate) fn cluster_update(
    state: &State,
    request: &v1::UpdateClusterRequest,
    health: &Health,
) -> Result<Plan, Failure> {
    let cluster = state.cluster().ok_or(Refusal::NotBootstrapped)?;
    let mut steps = numbers(cluster, request);
    let mut checks = health.checks(state);
    if let Some(on) = request.autolock.filter(|on| *on != cluster.autolock) {
        let managers = Managers::of(state, health);
        let lock = if on {
            turned_on(&managers)
        } else {
            turned_off(state, &managers)
        };
        steps.extend(lock.0);
        checks.extend(lock.1);
    }
    if let Some(refuse) = request.refuse_env.filter(|refuse| *refuse != cluster.refuse_env) {
        let word = if refuse { "refused" } else { "allowed" };
        let detail = format!("{word} from now on; what runs with one keeps it");
        steps.push(step(PlanAction::Swap, "secrets in environments", detail));
    }
    if steps.is_empty() {
        steps.push(step(PlanAction::Keep, "the cluster", "nothing changes"));
    }
    // Each setting is a change of its own, and each has plans of its own.
    let subject = format!(
        "update {:?} {:?} {:?} {:?} {:?} {:?}",
        request.certificate_life_ms,
        request.heartbeat_ms,
        request.task_history,
        request.snapshot_every,
        request.autolock,
        request.refuse_env
    );
    Ok(Plan(v1::Plan {
        index: state.index(),
        basis: basis::of_keys(&subject, state),
        runnable: is_runnable(&checks),
        steps,
        checks,
        ..Default::default()
    }))
}

fn numbers(cluster: &Cluster, request: &v1::UpdateClusterRequest) -> Vec<v1::PlanStep> {
    let milliseconds = |given: Option<u64>, before: u64| given.map(|ms| (format!("{before} ms"), format!("{ms} ms")));
    let count = |given: Option<u64>, before: u64| given.map(|most| (before.to_string(), most.to_string()));
    let history = request.task_history.map(u64::from);
    let settings = [
        (
            "certificate life",
            milliseconds(request.certificate_life_ms, cluster.certificate_life_ms),
        ),
        ("heartbeat", milliseconds(request.heartbeat_ms, cluster.heartbeat_ms)),
        ("task history", count(history, u64::from(cluster.task_history))),
        ("snapshot every", count(request.snapshot_every, cluster.snapshot_every)),
    ];
    let changed = settings.into_iter().filter_map(|(name, words)| {
        let (before, after) = words.filter(|(before, after)| before != after)?;
        Some(step(PlanAction::Swap, name, format!("{before} -> {after}")))
    });
    changed.collect()
}

type Lock = (Vec<v1::PlanStep>, Vec<v1::PlanCheck>);

fn turned_on(managers: &Managers<'_>) -> Lock {
    let restart = "a manager that restarts stays locked until somebody unlocks it; keep the unlock key where the \
                   managers' disks are not";
    let checks = vec![managers.check(), check(CheckLevel::Warn, restart)];
    (managers.new_unlock_key(), checks)
}

fn turned_off(state: &State, managers: &Managers<'_>) -> Lock {
    let mut steps = vec![step(
        PlanAction::Keep,
        "unlock key",
        format!(
            "epoch {} stays, and every manager keeps it on its disk in clear",
            state.keys().kept_unlock_key().0
        ),
    )];
    steps.extend(managers.still_locked());
    let open = "whoever gets a manager's disk can read everything on it";
    (steps, vec![managers.check(), check(CheckLevel::Warn, open)])
}
