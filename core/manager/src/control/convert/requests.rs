//! What did the caller ask for? From the wire to the domain; what makes no sense is an error that says what would.

use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::command::{Receipt, TaskReport};
use wardroom_state::constraint::Constraint;
use wardroom_state::holding::HoldingState;
use wardroom_state::ids::{SecretId, TaskId};
use wardroom_state::refusal::Refusal;
use wardroom_state::secret::{Schedule, Secret, Template};
use wardroom_state::service::{Grant, Mode, OnChange, ServiceSpec};
use wardroom_state::task::TaskState;
use wardroom_state::validate;

use crate::control::convert::limits;
use crate::control::convert::run::{requested_restart, requested_roll, requested_run};
use crate::control::error::Failure;
use crate::control::secrets::version_named;

/// Permission bits of a grant that names none.
const DEFAULT_MODE: u32 = 0o444;

/// A whole spec, with its grants resolved against the state. Everything in it is checked before it is proposed:
/// what the state would refuse must not get into the log first.
pub(crate) fn service_spec(state: &State, spec: v1::ServiceSpec) -> Result<ServiceSpec, Failure> {
    limits::labels(&spec.labels)?;
    let run = requested_run(spec.run.unwrap_or_default())?;
    limits::run(&run)?;
    limits::grants(spec.grants.len())?;
    let grants = spec
        .grants
        .iter()
        .map(|found| grant(state, found))
        .collect::<Result<Vec<_>, _>>()?;
    limits::constraints(spec.constraints.len())?;
    let constraints = spec.constraints.iter().map(|text| Constraint::parse(text));
    let spec = ServiceSpec {
        constraints: constraints.collect::<Result<_, _>>()?,
        name: spec.name,
        labels: spec.labels,
        run,
        mode: if spec.global {
            Mode::Global
        } else {
            Mode::Replicated(spec.replicas)
        },
        grants,
        max_per_node: spec.max_per_node,
        restart: requested_restart(spec.restart),
        update: requested_roll(spec.update),
        rollback: requested_roll(spec.rollback),
        one_off: spec.one_off,
    };
    checked(state, spec)
}

/// A spec that the state takes, with its grants in canonical form.
pub(crate) fn checked(state: &State, spec: ServiceSpec) -> Result<ServiceSpec, Failure> {
    validate::service_spec(&spec)?;
    let grants = validate::grants(&spec.grants, |grant| {
        let secret = state.secrets().get(&grant.secret);
        secret.map_or_else(|| grant.secret.to_string(), |secret| secret.name.clone())
    })?;
    Ok(ServiceSpec { grants, ..spec })
}

/// What is to make the next value of a secret.
pub(crate) fn schedule(schedule: v1::Schedule) -> Result<Schedule, Failure> {
    let schedule = match schedule.source {
        Some(v1::schedule::Source::Generate(length)) => Schedule::Generate(length),
        Some(v1::schedule::Source::Hook(name)) => Schedule::Hook(name),
        None => {
            return Err(Failure::invalid(
                "the schedule says nothing; give a length to generate, or a hook",
            ));
        }
    };
    validate::schedule(&schedule)?;
    Ok(schedule)
}

/// By Docker's name, in Docker's words.
pub(crate) fn template(driver: &str) -> Result<Template, Failure> {
    match driver {
        "" => Ok(Template::None),
        "golang" => Ok(Template::Golang),
        other => Err(Failure::invalid(format!(
            "unrecognized template type: {}; the one there is is golang",
            other.escape_default().take(40).collect::<String>()
        ))),
    }
}

/// A grant by secret name or id. Defaults: target is the secret's name, mode 0444, swap.
pub(crate) fn grant(state: &State, grant: &v1::Grant) -> Result<Grant, Failure> {
    let reference = if grant.secret_id.is_empty() {
        &grant.secret_name
    } else {
        &grant.secret_id
    };
    limits::target(&grant.target)?;
    let secret = granted_secret(state, reference)?;
    // As in Docker, the name of a version is a name of its own: it stands for exactly that version.
    let named = version_named(secret, reference);
    let name = named
        .and_then(|number| secret.versions.get(&number))
        .map_or(&secret.name, |version| &version.name);
    let on_change = match grant.on_change() {
        v1::OnChange::Restart => OnChange::Restart,
        v1::OnChange::Signal if grant.signal.is_empty() => {
            return Err(Failure::invalid(
                "on_change signal needs the signal's name, for example SIGHUP",
            ));
        }
        v1::OnChange::Signal => {
            validate::signal(&grant.signal)?;
            OnChange::Signal(grant.signal.clone())
        }
        v1::OnChange::Swap | v1::OnChange::Unspecified => OnChange::Swap,
    };
    Ok(Grant {
        target: if grant.target.is_empty() {
            name.clone()
        } else {
            grant.target.clone()
        },
        secret: secret.id.clone(),
        pinned: (grant.pinned != 0).then_some(grant.pinned).or(named),
        uid: grant.uid,
        gid: grant.gid,
        mode: if grant.mode == 0 { DEFAULT_MODE } else { grant.mode },
        on_change,
    })
}

/// Docker's text for a reference to a secret that is not there.
fn granted_secret<'a>(state: &'a State, reference: &str) -> Result<&'a Secret, Failure> {
    if reference.is_empty() {
        return Err(Failure::invalid("malformed secret reference: name the secret to grant"));
    }
    state.find_secret(reference).map_err(|refusal| match refusal {
        Refusal::NotFound { reference, .. } => Refusal::SecretsNotFound(vec![reference]).into(),
        other => other.into(),
    })
}

/// A worker's words, within bounds: what is said there goes into the log.
pub(crate) fn report(report: v1::ReportRequest) -> Result<(Vec<TaskReport>, Vec<Receipt>), Failure> {
    limits::report(&report)?;
    let tasks: Result<_, _> = report.tasks.into_iter().map(task_report).collect();
    let receipts: Result<_, _> = report.receipts.into_iter().map(receipt).collect();
    Ok((tasks?, receipts?))
}

/// A worker's word about a task.
fn task_report(report: v1::TaskReport) -> Result<TaskReport, Failure> {
    limits::id("task", &report.task_id)?;
    let state = v1::TaskState::try_from(report.state)
        .map(task_state)
        .map_err(|_| Failure::invalid(format!("task state {} is not known here", report.state)))?;
    Ok(TaskReport {
        task: TaskId::new(report.task_id),
        state,
        message: bounded(report.message),
        error: bounded(report.error),
        exit_code: report.exit_code,
        pid: report.pid,
        secrets_dir: bounded(report.secrets_dir),
        health: bounded(report.health),
    })
}

/// A worker's word about a file.
fn receipt(receipt: v1::Receipt) -> Result<Receipt, Failure> {
    limits::id("task", &receipt.task_id)?;
    limits::id("secret", &receipt.secret_id)?;
    limits::target(&receipt.target)?;
    let state = match receipt.state() {
        v1::HoldingState::Present => HoldingState::Present,
        v1::HoldingState::Erased => HoldingState::Erased,
        v1::HoldingState::Failed => HoldingState::Failed,
        v1::HoldingState::Pending | v1::HoldingState::Unspecified => {
            return Err(Failure::invalid("a receipt says present, erased or failed"));
        }
    };
    let digest = match receipt.digest.len() {
        0 => None,
        _ => Some(
            receipt
                .digest
                .as_slice()
                .try_into()
                .map_err(|_| Failure::invalid("a receipt's digest has 32 bytes"))?,
        ),
    };
    Ok(Receipt {
        task: TaskId::new(receipt.task_id),
        secret: SecretId::new(receipt.secret_id),
        version: receipt.version,
        target: receipt.target,
        state,
        digest,
        message: bounded(receipt.message),
    })
}

/// Text from a worker goes into the replicated state: a few lines are enough.
fn bounded(text: String) -> String {
    const LONGEST: usize = 1024;
    if text.len() <= LONGEST {
        return text;
    }
    let cut = (0..=LONGEST).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text[..cut].to_owned()
}

fn task_state(state: v1::TaskState) -> TaskState {
    match state {
        v1::TaskState::New => TaskState::New,
        v1::TaskState::Pending => TaskState::Pending,
        v1::TaskState::Assigned => TaskState::Assigned,
        v1::TaskState::Accepted => TaskState::Accepted,
        v1::TaskState::Preparing => TaskState::Preparing,
        v1::TaskState::Ready => TaskState::Ready,
        v1::TaskState::Starting => TaskState::Starting,
        v1::TaskState::Running => TaskState::Running,
        v1::TaskState::Complete => TaskState::Complete,
        v1::TaskState::Shutdown => TaskState::Shutdown,
        v1::TaskState::Failed => TaskState::Failed,
        v1::TaskState::Rejected => TaskState::Rejected,
        v1::TaskState::Remove => TaskState::Remove,
        v1::TaskState::Orphaned => TaskState::Orphaned,
    }
}
