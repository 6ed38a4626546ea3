//! Which commands could come? Operations with small numbers that are turned into commands by looking at the state, so
//! that most of them make sense and some do not.

mod keys;
mod members;
mod reports;
mod world;

use std::collections::BTreeMap;

use proptest::prelude::*;
use wardroom_state::State;
use wardroom_state::command::{Command, NewTask, ServiceUpdate, TaskChange};
use wardroom_state::ids::{NodeId, RotationId, SecretId, ServiceId, TaskId};
use wardroom_state::node::{Availability, NodeState};
use wardroom_state::rotation::{RotationCause, RotationPhase};
use wardroom_state::secret::Template;
use wardroom_state::service::{Executor, Grant, Mode, OnChange, RollSettings, RunSpec, ServiceSpec, UpdateState};
use wardroom_state::task::TaskState;

use world::version;
pub(crate) use world::{actor, bootstrap};

/// What to do, and numbers that pick to what.
#[derive(Clone, Debug)]
pub(crate) struct Op {
    deed: Deed,
    pick: usize,
    other: usize,
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    CreateSecret,
    Rotate,
    Revoke,
    RevokeVersion,
    RemoveSecret,
    CreateService,
    UpdateService,
    UpdateServices,
    RollBack,
    AdvanceUpdate,
    RemoveService,
    CreateTask,
    CreateUnplaced,
    Place,
    Desire,
    Refresh,
    OldFiles,
    Orphan,
    Reap,
    Receipt,
    GoodReceipts,
    Inventory,
    Status,
    Advance,
    Node,
    Member(members::Deed),
    Key(keys::Deed),
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    use Deed::*;
    let deed = prop_oneof![
        3 => prop_oneof![Just(CreateSecret), Just(CreateService), Just(UpdateService)],
        2 => prop_oneof![Just(UpdateServices), Just(RollBack), Just(AdvanceUpdate)],
        3 => prop_oneof![Just(CreateTask), Just(CreateUnplaced), Just(Place), Just(Desire), Just(Orphan), Just(Reap)],
        3 => prop_oneof![Just(Rotate), Just(Advance)],
        1 => prop_oneof![Just(Revoke), Just(RevokeVersion), Just(RemoveSecret), Just(RemoveService), Just(Node)],
        2 => members::deed().prop_map(Member),
        1 => keys::deed().prop_map(Key),
        4 => prop_oneof![Just(Refresh), Just(GoodReceipts), Just(Receipt), Just(OldFiles), Just(Inventory), Just(Status)],
    ];
    (deed, 0..64usize, 0..64usize).prop_map(|(deed, pick, other)| Op { deed, pick, other })
}

impl Op {
    /// Sometimes earlier than before: the state must not go back.
    pub(crate) fn at_ms(&self, index: u64) -> i64 {
        1_000 + i64::try_from(index).unwrap() - i64::try_from(self.other).unwrap()
    }

    pub(crate) fn command(&self, state: &State, index: u64) -> Command {
        match self.deed {
            Deed::CreateSecret | Deed::Rotate | Deed::Revoke | Deed::RevokeVersion | Deed::RemoveSecret => {
                self.on_secret(state, index)
            }
            Deed::CreateService | Deed::UpdateService | Deed::RemoveService => self.on_service(state, index),
            Deed::UpdateServices | Deed::RollBack | Deed::AdvanceUpdate => self.on_update(state),
            Deed::CreateTask | Deed::CreateUnplaced => self.new_task(state, index),
            Deed::Place | Deed::Desire | Deed::Refresh | Deed::OldFiles | Deed::Orphan | Deed::Reap => {
                Command::ChangeTasks {
                    changes: vec![self.on_task(state)],
                }
            }
            Deed::Receipt | Deed::GoodReceipts | Deed::Inventory | Deed::Status => self.report(state),
            Deed::Advance => self.on_rotation(state),
            Deed::Node => self.on_node(state),
            Deed::Member(deed) => self.picks(state, index).command(deed),
            Deed::Key(deed) => keys::command(self.picks(state, index), deed),
        }
    }

    fn picks<'a>(&self, state: &'a State, index: u64) -> members::Picks<'a> {
        let (pick, other) = (self.pick, self.other);
        members::Picks {
            state,
            index,
            pick,
            other,
        }
    }

    fn on_secret(&self, state: &State, index: u64) -> Command {
        let secret = nth(state.secrets().keys(), self.pick).unwrap_or_else(|| SecretId::new("none"));
        match self.deed {
            Deed::CreateSecret => Command::CreateSecret {
                id: SecretId::new(format!("s{index}")),
                name: ["db", "api", "DB", "tls.key", "db_v2", "_wrong"][self.pick % 6].to_owned(),
                labels: BTreeMap::new(),
                max_age_ms: 0,
                template: Template::None,
                schedule: None,
                version: version(index),
            },
            Deed::Rotate => Command::RotateSecret {
                expected: (self.other == 0).then_some(0),
                secret,
                version: version(index),
                rotation: RotationId::new(format!("r{index}")),
                cause: RotationCause::Operator,
            },
            Deed::RevokeVersion => {
                let version = state
                    .secrets()
                    .get(&secret)
                    .and_then(|secret| nth(secret.versions.keys(), self.other));
                Command::RevokeSecret {
                    secret,
                    version: version.or(Some(99)),
                    expected: None,
                }
            }
            Deed::Revoke => Command::RevokeSecret {
                secret,
                version: None,
                expected: None,
            },
            _ => Command::RemoveSecret { secret },
        }
    }

    fn on_service(&self, state: &State, index: u64) -> Command {
        let id = nth(state.services().keys(), self.pick).unwrap_or_else(|| ServiceId::new("none"));
        match self.deed {
            Deed::CreateService => {
                let name = ["web", "api", "WEB"][self.pick % 3];
                let mode = if self.pick.is_multiple_of(4) {
                    Mode::Global
                } else {
                    Mode::Replicated(2)
                };
                Command::CreateService {
                    id: ServiceId::new(format!("svc{index}")),
                    spec: self.spec(state, name, mode),
                }
            }
            Deed::UpdateService => {
                let ServiceUpdate { id, spec, expected } = self.update(state, id);
                Command::UpdateService { id, spec, expected }
            }
            _ => Command::RemoveService { id },
        }
    }

    fn update(&self, state: &State, id: ServiceId) -> ServiceUpdate {
        let spec = state.services().get(&id).map(|service| &service.spec);
        let name = spec.map_or("none", |spec| spec.name.as_str());
        let mode = spec.map_or(Mode::Global, |spec| spec.mode);
        ServiceUpdate {
            spec: self.spec(state, name, mode),
            id,
            expected: None,
        }
    }

    fn on_update(&self, state: &State) -> Command {
        use UpdateState::{Completed, Paused, RollbackCompleted, RollbackPaused, RollbackStarted, Updating};
        let id = nth(state.services().keys(), self.pick).unwrap_or_else(|| ServiceId::new("none"));
        match self.deed {
            Deed::UpdateServices => {
                let ids = state.services().keys().cloned();
                Command::UpdateServices {
                    updates: ids
                        .chain((self.other == 0).then_some(id))
                        .map(|id| self.update(state, id))
                        .collect(),
                }
            }
            Deed::RollBack => Command::RollbackService { id, expected: None },
            _ => {
                let status = state
                    .services()
                    .get(&id)
                    .and_then(|service| service.update_status.as_ref());
                let next: &[UpdateState] = match status.map(|status| status.state) {
                    // Two steps lead out of it.
                    Some(RollbackStarted) => &[RollbackCompleted, RollbackPaused, Completed],
                    _ => &[
                        Completed,
                        Paused,
                        RollbackStarted,
                        RollbackStarted,
                        RollbackCompleted,
                        Updating,
                    ],
                };
                Command::AdvanceUpdate {
                    service: id,
                    state: next[self.other % next.len()],
                    message: String::new(),
                }
            }
        }
    }

    /// Each bit of `other` grants one of the first secrets; sometimes pinned, sometimes two to one target.
    fn spec(&self, state: &State, name: &str, mode: Mode) -> ServiceSpec {
        let granted = state
            .secrets()
            .values()
            .enumerate()
            .filter(|(place, _)| self.other >> place & 1 == 1);
        let grant = |(place, secret): (usize, &wardroom_state::secret::Secret)| Grant {
            target: if self.pick == 5 {
                "same".to_owned()
            } else {
                format!(".//{}", secret.name)
            },
            secret: secret.id.clone(),
            pinned: (place == 1 && self.pick.is_multiple_of(2)).then_some(1),
            uid: 0,
            gid: 0,
            mode: 0o444,
            on_change: OnChange::Swap,
        };
        ServiceSpec {
            name: name.to_owned(),
            run: RunSpec {
                executor: Executor::Files,
                force: u64::try_from(self.pick % 3).unwrap(),
                ..RunSpec::default()
            },
            mode,
            grants: granted.map(grant).collect(),
            update: RollSettings {
                parallelism: u32::try_from(self.pick).unwrap(),
                monitor_ms: 0,
                ..RollSettings::default()
            },
            ..ServiceSpec::default()
        }
    }

    fn new_task(&self, state: &State, index: u64) -> Command {
        let Some(service) = nth(state.services().values(), self.pick) else {
            return note();
        };
        let global = service.spec.mode == Mode::Global;
        let node = (global || matches!(self.deed, Deed::CreateTask)).then(|| self.node(state));
        let new = NewTask {
            id: TaskId::new(format!("t{index}")),
            slot: u32::from(!global),
            generation: service.generation,
            node,
            files: state.files_wanted(&service),
            service: service.id,
        };
        Command::CreateTasks { tasks: vec![new] }
    }

    fn on_task(&self, state: &State) -> TaskChange {
        let Some(task) = nth(state.tasks().values(), self.pick) else {
            return TaskChange::Reap {
                task: TaskId::new("none"),
            };
        };
        let id = task.id.clone();
        match self.deed {
            Deed::Place => TaskChange::Place {
                task: id,
                node: self.node(state),
            },
            Deed::Desire => {
                let desired = [TaskState::Running, TaskState::Shutdown, TaskState::Remove][self.other % 3];
                TaskChange::Desire { task: id, desired }
            }
            Deed::Orphan => TaskChange::Orphan {
                task: id,
                message: "its node is gone".into(),
            },
            Deed::Reap => TaskChange::Reap { task: id },
            Deed::OldFiles => {
                // The newest files, some of them moved to another version of the secret.
                let mut files = task.files;
                for file in &mut files {
                    let secret = &state.secrets()[&file.secret];
                    if let Some(version) = nth(secret.versions.values(), self.other) {
                        (file.version, file.version_id) = (version.number, version.id);
                    }
                }
                TaskChange::Files { task: id, files }
            }
            _ => {
                let owner = state.services().get(&task.service);
                TaskChange::Files {
                    task: id,
                    files: owner.map_or_else(Vec::new, |owner| state.files_wanted(owner)),
                }
            }
        }
    }

    fn on_rotation(&self, state: &State) -> Command {
        use RotationPhase::{Done, Failed, RolledBack, Rolling, RollingBack, Verifying};
        let running = state.rotations().values().filter(|rotation| !rotation.phase.is_final());
        let Some(rotation) = nth(running, self.pick) else {
            return note();
        };
        let phase = match rotation.phase {
            // Only one step leads out of it.
            RollingBack if self.pick.is_multiple_of(2) => RolledBack,
            _ => [Done, RollingBack, Done, Verifying, RolledBack, Rolling, Done, Failed][self.other % 8],
        };
        let progress = state.rotation_progress(&rotation);
        Command::AdvanceRotation {
            rotation: rotation.id,
            phase,
            progress,
            message: String::new(),
        }
    }

    fn on_node(&self, state: &State) -> Command {
        match self.other % 2 {
            0 => Command::SetAvailability {
                node: self.node(state),
                availability: Availability::Drain,
            },
            _ => Command::SetNodeState {
                node: self.node(state),
                state: [NodeState::Ready, NodeState::Down][self.pick % 2],
                message: String::new(),
            },
        }
    }

    fn node(&self, state: &State) -> NodeId {
        members::any_node(state, self.pick)
    }
}

/// Wraps around; `None` of nothing.
fn nth<'a, T: Clone + 'a>(mut all: impl Iterator<Item = &'a T>, pick: usize) -> Option<T> {
    let all: Vec<&T> = all.by_ref().collect();
    all.get(pick.checked_rem(all.len())?).map(|found| (*found).clone())
}

fn note() -> Command {
    Command::NoteRefusal {
        method: "List".into(),
        reason: "nothing to pick from".into(),
    }
}
