//! Does a service run as it was asked to? Its tasks run, and each has proved the files it was granted.

use wardroom_api::ClusterView;
use wardroom_api::v1::{self, HoldingState, Kind, TaskState};

use crate::cli::session::Session;
use crate::cli::{placement, wait};

const WATCHED: &[Kind] = &[Kind::Service, Kind::Task, Kind::Holding, Kind::Node];

/// What a view says about a service.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Converged,
    Gone,
    /// A task gave up; the service goes on trying by itself.
    Failing(String),
    NotYet(String),
}

/// Waits, and says on standard error how it ended. The service exists either way, so this never fails the command.
pub async fn wait(session: &mut Session, service_id: &str, index: u64) -> bool {
    let ended = wait::until(&session.client, WATCHED, index, |view| {
        match verdict(view, service_id, index) {
            Verdict::NotYet(_) => None,
            ended => Some(ended),
        }
    })
    .await;
    let ended = ended.unwrap_or_else(|view| verdict(&view, service_id, index));
    match &ended {
        Verdict::Converged => session.output.note("verify: Service converged"),
        Verdict::Gone => session.output.note("note: the service was removed meanwhile"),
        Verdict::Failing(why) => {
            session.output.note(&format!(
                "note: not converged: {why}; see `wardroom service ps {service_id}`"
            ));
        }
        Verdict::NotYet(why) => {
            session.output.note(&format!(
                "note: not converged yet: {why}; it goes on by itself, see `wardroom service ps {service_id}`"
            ));
        }
    }
    ended == Verdict::Converged
}

fn verdict(view: &ClusterView, service_id: &str, index: u64) -> Verdict {
    let Some(spec) = view.services.get(service_id).and_then(|service| service.spec.as_ref()) else {
        return Verdict::Gone;
    };
    let tasks: Vec<&v1::Task> = view.tasks_of_service(service_id).collect();
    let gave_up = |task: &&&v1::Task| {
        task.version_index > index
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
    let takers = placement::nodes(view, spec).count();
    let expected = if spec.global {
        takers
    } else {
        usize::try_from(spec.replicas).unwrap_or(usize::MAX)
    };
    let up = wanted
        .iter()
        .filter(|task| task.state() == TaskState::Running && proven(view, task))
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
    Verdict::NotYet(format!("{up} of {expected} tasks run with their secrets"))
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
mod tests {
    use super::*;

    fn view(states: &[(TaskState, bool)]) -> ClusterView {
        let mut view = ClusterView::default();
        let spec = v1::ServiceSpec {
            replicas: 2,
            ..v1::ServiceSpec::default()
        };
        view.services.insert(
            "s".into(),
            v1::Service {
                id: "s".into(),
                spec: Some(spec),
                ..v1::Service::default()
            },
        );
        let node = v1::Node {
            id: "n".into(),
            role: v1::Role::Worker.into(),
            state: v1::NodeState::Ready.into(),
            availability: v1::Availability::Active.into(),
            ..v1::Node::default()
        };
        view.nodes.insert("n".into(), node);
        for (number, (state, proven)) in states.iter().enumerate() {
            let id = number.to_string();
            let file = v1::SecretFile {
                secret_id: "x".into(),
                version: 1,
                target: "x".into(),
                ..v1::SecretFile::default()
            };
            let task = v1::Task {
                id: id.clone(),
                name: format!("web.{number}"),
                service_id: "s".into(),
                desired: TaskState::Running.into(),
                state: (*state).into(),
                files: vec![file],
                error: if *state == TaskState::Failed {
                    "exit 1".into()
                } else {
                    String::new()
                },
                version_index: 10,
                ..v1::Task::default()
            };
            view.tasks.insert(id.clone(), task);
            let holding = v1::Holding {
                task_id: id,
                secret_id: "x".into(),
                version: 1,
                target: "x".into(),
                state: HoldingState::Present.into(),
                proven: *proven,
                ..v1::Holding::default()
            };
            view.holdings.insert(holding.id(), holding);
        }
        view
    }

    #[test]
    fn running_is_not_enough_without_proof() {
        let running = (TaskState::Running, true);
        assert_eq!(verdict(&view(&[running, running]), "s", 5), Verdict::Converged);
        let unproven = verdict(&view(&[running, (TaskState::Running, false)]), "s", 5);
        assert_eq!(unproven, Verdict::NotYet("1 of 2 tasks run with their secrets".into()));
        assert_eq!(
            verdict(&view(&[]), "s", 5),
            Verdict::NotYet("0 of 2 tasks run with their secrets".into())
        );
        assert_eq!(verdict(&view(&[]), "other", 5), Verdict::Gone);
    }

    #[test]
    fn a_task_that_gave_up_after_the_change_is_named() {
        let failing = view(&[(TaskState::Failed, true), (TaskState::Running, true)]);
        assert_eq!(verdict(&failing, "s", 5), Verdict::Failing("web.0: exit 1".into()));
        assert_ne!(verdict(&failing, "s", 10), Verdict::Failing("web.0: exit 1".into()));
    }

    #[test]
    fn a_cluster_without_workers_says_so() {
        let mut view = view(&[]);
        view.nodes.clear();
        assert_eq!(verdict(&view, "s", 5), Verdict::NotYet("no worker is ready".into()));
    }
}
