//! What did formats 1 and 2 have in common? They are from before tasks ran images, before updates and rotations had
//! settings of their own. Both are read through these shapes; what has changed between the two stands with each.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::command::{Command, NewTask, NewVersion, Receipt, TaskReport};
use crate::ids::{NodeId, RotationId, SecretId, ServiceId, TaskId};
use crate::rotation::{Rotation, RotationCause, RotationPhase, RotationProgress};
use crate::secret::Template;
use crate::service::{Executor, RollSettings, RunSpec, Service, ServiceSpec};
use crate::task::{SecretFile, Task, TaskState, TaskStatus};

pub(super) type Read<'a, T> = postcard::Result<(T, &'a [u8])>;

pub(super) fn take<T: DeserializeOwned>(bytes: &[u8]) -> Read<'_, T> {
    postcard::take_from_bytes(bytes)
}

pub(super) fn now<K: Ord, Then: Into<Now>, Now>(then: BTreeMap<K, Then>) -> BTreeMap<K, Now> {
    then.into_iter().map(|(key, value)| (key, value.into())).collect()
}

fn all<Then: Into<Now>, Now>(then: Vec<Then>) -> Vec<Now> {
    then.into_iter().map(Into::into).collect()
}

/// Places of commands that have changed since, the same in both formats.
mod place {
    pub(super) const CREATE_SECRET: u8 = 1;
    pub(super) const ROTATE_SECRET: u8 = 2;
    pub(super) const CREATE_SERVICE: u8 = 5;
    pub(super) const UPDATE_SERVICE: u8 = 6;
    pub(super) const CREATE_TASKS: u8 = 8;
    pub(super) const REPORT: u8 = 10;
    pub(super) const ADVANCE_ROTATION: u8 = 14;
}

/// A command up to place `newest`: what a format did not know cannot be in it.
pub(super) fn command<Spec: DeserializeOwned + Into<ServiceSpec>>(bytes: &[u8], newest: u8) -> Read<'_, Command> {
    let (&place, body) = bytes.split_first().ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
    match place {
        place::CREATE_SECRET => create_secret(body),
        place::ROTATE_SECRET => rotate_secret(body),
        place::CREATE_SERVICE => {
            let ((id, spec), rest) = take::<(ServiceId, Spec)>(body)?;
            let spec = spec.into();
            Ok((Command::CreateService { id, spec }, rest))
        }
        place::UPDATE_SERVICE => {
            let ((id, spec, expected), rest) = take::<(ServiceId, Spec, Option<u64>)>(body)?;
            let spec = spec.into();
            Ok((Command::UpdateService { id, spec, expected }, rest))
        }
        place::CREATE_TASKS => {
            let (tasks, rest) = take::<Vec<NewTaskThen>>(body)?;
            Ok((Command::CreateTasks { tasks: all(tasks) }, rest))
        }
        place::REPORT => report(body),
        place::ADVANCE_ROTATION => advance_rotation(body),
        known if known <= newest => take::<Command>(bytes),
        _ => Err(postcard::Error::DeserializeBadEnum),
    }
}

fn create_secret(body: &[u8]) -> Read<'_, Command> {
    type Fields = (SecretId, String, BTreeMap<String, String>, u64, NewVersion);
    let ((id, name, labels, max_age_ms, version), rest) = take::<Fields>(body)?;
    let command = Command::CreateSecret {
        id,
        name,
        labels,
        max_age_ms,
        template: Template::None,
        schedule: None,
        version,
    };
    Ok((command, rest))
}

fn rotate_secret(body: &[u8]) -> Read<'_, Command> {
    let ((secret, version, rotation, expected), rest) = take::<(SecretId, NewVersion, RotationId, Option<u64>)>(body)?;
    let command = Command::RotateSecret {
        secret,
        version,
        rotation,
        cause: RotationCause::Operator,
        expected,
    };
    Ok((command, rest))
}

fn report(body: &[u8]) -> Read<'_, Command> {
    type Fields = (NodeId, Vec<TaskReportThen>, Vec<Receipt>, bool);
    let ((node, tasks, receipts, inventory), rest) = take::<Fields>(body)?;
    let command = Command::Report {
        node,
        tasks: all(tasks),
        receipts,
        inventory,
    };
    Ok((command, rest))
}

fn advance_rotation(body: &[u8]) -> Read<'_, Command> {
    type Fields = (RotationId, RotationPhase, Vec<ProgressThen>, String);
    let ((rotation, phase, progress, message), rest) = take::<Fields>(body)?;
    let command = Command::AdvanceRotation {
        rotation,
        phase,
        progress: all(progress),
        message,
    };
    Ok((command, rest))
}

#[derive(Deserialize)]
struct NewTaskThen {
    id: TaskId,
    service: ServiceId,
    slot: u32,
    node: Option<NodeId>,
    files: Vec<SecretFile>,
}

impl From<NewTaskThen> for NewTask {
    fn from(then: NewTaskThen) -> Self {
        Self {
            id: then.id,
            service: then.service,
            slot: then.slot,
            generation: FIRST_GENERATION,
            node: then.node,
            files: then.files,
        }
    }
}

/// A change of the command moved no running task, so that every task counts as what its service is now.
const FIRST_GENERATION: u64 = 1;

#[derive(Deserialize)]
struct TaskReportThen {
    task: TaskId,
    state: TaskState,
    message: String,
    error: String,
    exit_code: i32,
    pid: u32,
    secrets_dir: String,
}

impl From<TaskReportThen> for TaskReport {
    fn from(then: TaskReportThen) -> Self {
        Self {
            task: then.task,
            state: then.state,
            message: then.message,
            error: then.error,
            exit_code: then.exit_code,
            pid: then.pid,
            secrets_dir: then.secrets_dir,
            health: String::new(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct TaskThen {
    id: TaskId,
    service: ServiceId,
    name: String,
    slot: u32,
    node: Option<NodeId>,
    desired: TaskState,
    status: StatusThen,
    files: Vec<SecretFile>,
    created_at_ms: i64,
    version_index: u64,
}

impl From<TaskThen> for Task {
    fn from(then: TaskThen) -> Self {
        Self {
            id: then.id,
            service: then.service,
            name: then.name,
            slot: then.slot,
            generation: FIRST_GENERATION,
            node: then.node,
            desired: then.desired,
            status: then.status.into(),
            files: then.files,
            created_at_ms: then.created_at_ms,
            version_index: then.version_index,
        }
    }
}

#[derive(Deserialize)]
struct StatusThen {
    state: TaskState,
    since_ms: i64,
    message: String,
    error: String,
    exit_code: i32,
    pid: u32,
    secrets_dir: String,
}

impl From<StatusThen> for TaskStatus {
    fn from(then: StatusThen) -> Self {
        Self {
            state: then.state,
            since_ms: then.since_ms,
            running_since_ms: 0,
            message: then.message,
            error: then.error,
            exit_code: then.exit_code,
            pid: then.pid,
            secrets_dir: then.secrets_dir,
            health: String::new(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct RotationThen {
    id: RotationId,
    secret: SecretId,
    from: Option<u32>,
    to: u32,
    phase: RotationPhase,
    progress: Vec<ProgressThen>,
    actor: String,
    message: String,
    started_at_ms: i64,
    finished_at_ms: i64,
    version_index: u64,
}

impl From<RotationThen> for Rotation {
    fn from(then: RotationThen) -> Self {
        Self {
            id: then.id,
            secret: then.secret,
            from: then.from,
            to: then.to,
            phase: then.phase,
            paused: false,
            cause: RotationCause::Operator,
            progress: all(then.progress),
            actor: then.actor,
            message: then.message,
            started_at_ms: then.started_at_ms,
            finished_at_ms: then.finished_at_ms,
            version_index: then.version_index,
        }
    }
}

#[derive(Deserialize)]
struct ProgressThen {
    service: ServiceId,
    tasks: u32,
    proven: u32,
}

impl From<ProgressThen> for RotationProgress {
    fn from(then: ProgressThen) -> Self {
        Self {
            service: then.service,
            tasks: then.tasks,
            proven: then.proven,
            settled: 0,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct ServiceThen<Spec> {
    id: ServiceId,
    spec: Spec,
    previous: Option<Spec>,
    created_at_ms: i64,
    updated_at_ms: i64,
    version_index: u64,
}

impl<Spec: Into<ServiceSpec>> From<ServiceThen<Spec>> for Service {
    fn from(then: ServiceThen<Spec>) -> Self {
        Self {
            id: then.id,
            spec: then.spec.into(),
            previous: then.previous.map(Into::into),
            generation: FIRST_GENERATION,
            earlier: BTreeMap::new(),
            update_status: None,
            created_at_ms: then.created_at_ms,
            updated_at_ms: then.updated_at_ms,
            version_index: then.version_index,
        }
    }
}

pub(super) fn run(executor: Executor, command: Vec<String>) -> RunSpec {
    RunSpec {
        executor,
        command,
        ..RunSpec::default()
    }
}

pub(super) fn roll(parallelism: u32, monitor_ms: u64) -> RollSettings {
    RollSettings {
        parallelism,
        monitor_ms,
        ..RollSettings::default()
    }
}
