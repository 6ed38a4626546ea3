//! How are the managers' keys changed? How each wizard begins, the calls that it makes, and the plan of the one change
//! that no leader plans: locking the manager that answers.

use wardroom_api::ClusterView;
use wardroom_api::v1::{self, CheckLevel, Plan, PlanAction};

use super::form::Form;
use super::plan::{check, step};
use super::{Task, Wizard};
use crate::tui::keymap::Action;
use crate::tui::model::facts::managers::Quorum;
use crate::tui::model::facts::{keys, members};
use crate::tui::msg::Call;

/// The wizard of an action on keys, `None` for the other actions. `attached`: the manager that answers.
pub fn open(view: &ClusterView, action: Action, attached: Option<&str>, now_ms: i64) -> Option<Result<Wizard, String>> {
    let cluster = members::cluster_name(view);
    let task = match action {
        Action::RotateUnlockKey => Task::RotateUnlockKey { cluster },
        Action::RotateDek => Task::RotateDek { cluster },
        Action::Autolock => Task::Autolock {
            cluster,
            on: !keys::autolock(view),
        },
        Action::LockNow => {
            let Some(node) = attached.and_then(|id| view.nodes.get(id)) else {
                return Some(Err(
                    "which manager answers here is not known yet: ctrl-r asks".to_owned()
                ));
            };
            Task::Lock {
                manager: node.hostname.clone(),
            }
        }
        _ => return None,
    };
    Some(Ok(Wizard::new(task, Form::default(), now_ms)))
}

/// Version 0 shreds the whole secret.
pub fn shred(view: &ClusterView, secret_id: &str, version: u32, now_ms: i64) -> Option<Wizard> {
    let secret = view.secrets.get(secret_id)?;
    let task = Task::Shred {
        secret_id: secret.id.clone(),
        name: secret.name.clone(),
        version,
    };
    Some(Wizard::new(task, Form::default(), now_ms))
}

/// The call that runs the plan with that basis; `None` for the other tasks.
pub fn call(task: &Task, plan_basis: String) -> Option<Call> {
    Some(match task {
        Task::RotateUnlockKey { .. } => Call::RotateUnlockKey(v1::RotateUnlockKeyRequest {
            plan_only: false,
            plan_basis,
        }),
        Task::RotateDek { .. } => Call::RotateDek(v1::RotateDekRequest {
            plan_only: false,
            plan_basis,
        }),
        Task::Autolock { on, .. } => Call::UpdateCluster(v1::UpdateClusterRequest {
            autolock: Some(*on),
            plan_basis,
            ..Default::default()
        }),
        Task::Shred { secret_id, version, .. } => Call::RevokeSecret(v1::RevokeSecretRequest {
            reference: secret_id.clone(),
            version: *version,
            plan_only: false,
            plan_basis,
            shred: true,
        }),
        Task::Lock { .. } => Call::CloseLock,
        _ => return None,
    })
}

/// The call that only plans it, for those that the leader plans.
pub fn plan_call(call: Call) -> Option<Call> {
    Some(match call {
        Call::RotateUnlockKey(request) => Call::RotateUnlockKey(v1::RotateUnlockKeyRequest {
            plan_only: true,
            ..request
        }),
        Call::RotateDek(request) => Call::RotateDek(v1::RotateDekRequest {
            plan_only: true,
            ..request
        }),
        Call::UpdateCluster(request) => Call::UpdateCluster(v1::UpdateClusterRequest {
            plan_only: true,
            ..request
        }),
        _ => return None,
    })
}

/// The command line that does the same; `None` for the other tasks.
pub fn same_as(task: &Task) -> Option<String> {
    Some(match task {
        Task::RotateUnlockKey { .. } => "wardroom swarm unlock-key --rotate".to_owned(),
        Task::RotateDek { .. } => "wardroom swarm dek --rotate".to_owned(),
        Task::Autolock { on, .. } => format!("wardroom swarm update --autolock={on}"),
        Task::Shred { name, version: 0, .. } => format!("wardroom secret revoke --shred {name}"),
        Task::Shred { name, version, .. } => format!("wardroom secret revoke --shred {name}@{version}"),
        Task::Lock { .. } => "wardroom swarm lock".to_owned(),
        _ => return None,
    })
}

/// What locking the manager that answers would do.
pub fn plan_lock(plan: &mut Plan, view: &ClusterView, manager: &str) {
    let held = keys::of_managers(view);
    let epoch = held
        .iter()
        .find(|it| it.node.hostname == manager)
        .map_or(0, keys::Keys::unlock_epoch);
    step(
        plan,
        PlanAction::Cut,
        format!("keys of {manager}"),
        "wiped from its memory at once",
    );
    step(
        plan,
        PlanAction::Cut,
        "its service",
        "only its lock state and unlocking are left, for consoles and workers too",
    );
    step(
        plan,
        PlanAction::Keep,
        "its disk",
        format!("as it is; unlock key {epoch} opens it"),
    );
    if !keys::autolock(view) {
        let text = "autolock is off: its keys lie on its disk in clear; turn it on first, by the key a";
        check(plan, CheckLevel::Blocked, text);
    }
    let quorum = Quorum::of(view);
    let left = quorum.answering.saturating_sub(1);
    if quorum.members <= 1 {
        check(
            plan,
            CheckLevel::Warn,
            "it is the only manager: the cluster stops until it is unlocked",
        );
    } else if left * 2 <= quorum.members {
        let text = format!(
            "{left} of {} managers are left: nothing can be changed without it",
            quorum.members
        );
        check(plan, CheckLevel::Warn, text);
    } else {
        check(
            plan,
            CheckLevel::Ok,
            format!("{left} of {} managers go on", quorum.members),
        );
    }
    if quorum.members > 1 {
        let text = "managers of the same process, as in a demo, are locked with it";
        check(plan, CheckLevel::Warn, text);
    }
}
