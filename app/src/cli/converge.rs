//! Does a service run as it was asked to? Its update is through, its tasks run, and each has proved the files it was
//! granted.

use std::time::Duration;

use wardroom_api::ClusterView;
use wardroom_api::v1::{self, HoldingState, Kind, TaskState, UpdateState};

use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cli::wait::{self, Seen};
use crate::cli::{placement, words};
use crate::report::Report;

const WATCHED: &[Kind] = &[Kind::Service, Kind::Task, Kind::Holding, Kind::Node];
/// Docker's, where the service names none.
const GRACE_MS: u64 = 10_000;
const MONITOR_MS: u64 = 5_000;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    Create,
    Update,
    RollBack,
}

/// A change whose end is waited for.
#[derive(Clone, Debug)]
pub struct Awaited {
    pub service_id: String,
    /// Raft index of the change.
    pub index: u64,
    /// How far the update before it was: that one's end says nothing about this one.
    pub before: Option<v1::UpdateStatus>,
    pub aim: Aim,
}

/// What a view says about a service.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Converged,
    Gone,
    /// A task gave up; the service goes on trying by itself.
    Failing(String),
    /// The update was given up: it is paused, or the spec before is back.
    GivenUp(String),
    NotYet(String),
}

/// Waits for as long as something moves, and says on standard error how it ended. The service exists either way, so only
/// an update that was given up fails the command.
pub async fn wait(session: &mut Session, awaited: &Awaited, quiet: bool) -> Result<bool, Report> {
    let client = session.client.clone();
    let output = &mut session.output;
    let ended = wait::while_moving(
        &client,
        WATCHED,
        awaited.index,
        |view| match verdict(view, awaited) {
            Verdict::NotYet(word) => Seen::Moving {
                word,
                patience: patience(view, awaited),
            },
            ended => Seen::Over(ended),
        },
        |word| {
            if !quiet && Output::is_live() {
                output.progress(word);
            }
        },
    )
    .await;
    let ended = ended.unwrap_or_else(|view| verdict(&view, awaited));
    session.output.end_progress();
    let id = &awaited.service_id;
    let remark = match ended {
        Verdict::Converged => {
            if !quiet {
                session.output.note(&format!("verify: Service {id} converged"));
            }
            return Ok(true);
        }
        Verdict::GivenUp(why) => {
            return Err(Report::failure(why).hint(format!(
                "see what failed with `wardroom service ps {id}` and `wardroom service logs {id}`, then update it again"
            )));
        }
        Verdict::Gone => "note: the service was removed meanwhile".to_owned(),
        Verdict::Failing(why) => format!("note: not converged: {why}; see `wardroom service ps {id}`"),
        Verdict::NotYet(why) => {
            format!("note: not converged yet: {why}; it goes on by itself, see `wardroom service ps {id}`")
        }
    };
    session.output.note(&remark);
    Ok(false)
}

/// How long nothing new may be seen: a task that stops slowly, or one that is watched, is not stuck.
fn patience(view: &ClusterView, awaited: &Awaited) -> Duration {
    let Some(service) = view.services.get(&awaited.service_id) else {
        return wait::DEADLINE;
    };
    if new_status(service, awaited).is_none_or(|status| status.completed_at_ms != 0) {
        return wait::DEADLINE;
    }
    service.spec.as_ref().map_or(wait::DEADLINE, slack)
}

/// How long a task of the service may take that is replaced, and is watched afterwards.
pub fn slack(spec: &v1::ServiceSpec) -> Duration {
    let grace = spec.run.as_ref().and_then(|run| run.stop_grace_ms).unwrap_or(GRACE_MS);
    let monitor =
        |roll: Option<&v1::RollSettings>| roll.map_or(MONITOR_MS, |roll| roll.monitor_ms.saturating_add(roll.delay_ms));
    let watched = monitor(spec.update.as_ref()).max(monitor(spec.rollback.as_ref()));
    wait::DEADLINE + Duration::from_millis(grace.saturating_add(watched))
}

/// The status of this change, if it has one.
fn new_status<'a>(service: &'a v1::Service, awaited: &Awaited) -> Option<&'a v1::UpdateStatus> {
    service
        .update_status
        .as_ref()
        .filter(|status| awaited.before.as_ref() != Some(status))
}

fn verdict(view: &ClusterView, awaited: &Awaited) -> Verdict {
    let Some(service) = view.services.get(&awaited.service_id) else {
        return Verdict::Gone;
    };
    let up = tasks_up(view, service, awaited);
    let Some(status) = new_status(service, awaited) else {
        return up;
    };
    let message = &status.message;
    match status.state() {
        UpdateState::Paused => Verdict::GivenUp(format!("service update paused: {message}")),
        UpdateState::RollbackPaused => Verdict::GivenUp(format!("service rollback paused: {message}")),
        UpdateState::RollbackCompleted if awaited.aim != Aim::RollBack => match up {
            Verdict::NotYet(word) => Verdict::NotYet(format!("rolled back: {word}")),
            _ => Verdict::GivenUp(format!("service rolled back: {message}")),
        },
        UpdateState::Updating => Verdict::NotYet(moving("updating", message, up)),
        UpdateState::RollbackStarted => Verdict::NotYet(moving("rolling back", message, up)),
        _ => up,
    }
}

/// While an update runs, a task that gives up is its business.
fn moving(word: &str, message: &str, up: Verdict) -> String {
    match up {
        Verdict::NotYet(how) | Verdict::Failing(how) => format!("{word}: {how}"),
        _ if message.is_empty() => word.to_owned(),
        _ => format!("{word}: {message}"),
    }
}

fn tasks_up(view: &ClusterView, service: &v1::Service, awaited: &Awaited) -> Verdict {
    let spec = service.spec.clone().unwrap_or_default();
    let tasks: Vec<&v1::Task> = view.tasks_of_service(&service.id).collect();
    let gave_up = |task: &&&v1::Task| {
        task.version_index > awaited.index
            && matches!(task.state(), TaskState::Failed | TaskState::Rejected)
            && !task.error.is_empty()
    };
    if let Some(task) = tasks.iter().find(gave_up) {
        return Verdict::Failing(format!("{}: {}", task.name, task.error));
    }
    let wanted: Vec<&&v1::Task> = tasks
        .iter()
        .filter(|task| task.desired() == TaskState::Running)
        .collect();
    let takers = placement::nodes(view, &spec).count();
    let expected = if spec.global {
        takers
    } else {
        usize::try_from(spec.replicas).unwrap_or(usize::MAX)
    };
    let up = wanted
        .iter()
        .filter(|task| {
            task.state() == TaskState::Running && task.generation == service.generation && proven(view, task)
        })
        .count();
    if wanted.len() == expected && up == expected && leaving(view, &tasks) == 0 {
        return Verdict::Converged;
    }
    if expected > 0 && takers == 0 {
        return Verdict::NotYet(if spec.constraints.is_empty() {
            "no worker is ready".to_owned()
        } else {
            "no node that is ready meets its constraints".to_owned()
        });
    }
    Verdict::NotYet(format!(
        "{up} of {} run with their secrets",
        words::count(expected, "task")
    ))
}

/// Every file the task was given is there, by its own receipt.
fn proven(view: &ClusterView, task: &v1::Task) -> bool {
    task.files.iter().all(|file| {
        view.holdings_of_task(&task.id).any(|holding| {
            holding.secret_id == file.secret_id
                && holding.version == file.version
                && holding.target == file.target
                && holding.state() == HoldingState::Present
                && holding.proven
        })
    })
}

/// Files that these tasks still hold and no longer should.
fn leaving(view: &ClusterView, tasks: &[&v1::Task]) -> usize {
    tasks
        .iter()
        .flat_map(|task| view.holdings_of_task(&task.id))
        .filter(|holding| holding.owed)
        .count()
}

#[cfg(test)]
#[path = "converge_tests.rs"]
mod tests;
