//! Which links does one task have? Where it runs, what it was given, and what its worker has said about it.

use wardroom_api::ClusterView;
use wardroom_api::v1::{self, Executor, HoldingState, NodeState, TaskState};

use super::{Holds, Link, Step, TaskChain};

pub(super) fn chain(
    view: &ClusterView,
    spec: &v1::ServiceSpec,
    task: &v1::Task,
    grant: &v1::Grant,
    version: u32,
) -> TaskChain {
    let assignment = assignment(view, task, grant, version);
    let mut links = vec![assignment];
    if links.iter().all(|link| link.holds == Holds::Yes) {
        links.extend(held(view, spec, task, grant, version));
    }
    let node = if task.node_id.is_empty() {
        ""
    } else {
        view.hostname(&task.node_id)
    };
    TaskChain {
        task_id: task.id.clone(),
        task: task.name.clone(),
        node: node.to_owned(),
        target: grant.target.clone(),
        links,
    }
}

fn assignment(view: &ClusterView, task: &v1::Task, grant: &v1::Grant, version: u32) -> Link {
    let name = &task.name;
    let link = |holds, text: String| Link::new(Step::Assignment, holds, text).since(task.state_since_ms);
    if task.state() > TaskState::Running {
        return link(Holds::No, format!("{name} {}", ending(task))).next(format!("wardroom service logs {name}"));
    }
    if task.node_id.is_empty() {
        return link(Holds::NotYet, format!("{name} waits for a node{}", because(task)))
            .next("wardroom node ls: a node has to be ready and active, and to meet the service's constraints");
    }
    if let Some(trouble) = trouble_of_node(view, task) {
        return trouble;
    }
    let place = format!("{name} is {} on {}", state(task), view.hostname(&task.node_id));
    let given = task
        .files
        .iter()
        .find(|file| file.secret_id == grant.secret_id && file.target == grant.target);
    let Some(given) = given else {
        let text = format!("{place}, and was made before the grant: another task takes its place");
        return link(Holds::NotYet, text).next(format!("wardroom service ps {name}"));
    };
    if given.version != version {
        let text = format!("{place} with v{} in place of v{version}", given.version);
        return link(Holds::NotYet, text).next(format!("wardroom rotation ls {}", given.secret_name));
    }
    let before = last_failure(view, &task.service_id, Some(task));
    let after = match before.filter(|_| task.state() < TaskState::Running) {
        Some(before) => format!("; the one before it {}", ending(before)),
        None => String::new(),
    };
    link(Holds::Yes, format!("{place}, with v{version}{after}"))
}

/// A worker that does not answer may have the file or not.
fn trouble_of_node(view: &ClusterView, task: &v1::Task) -> Option<Link> {
    let host = view.hostname(&task.node_id);
    let link = |text: String| Link::new(Step::Assignment, Holds::No, text);
    let Some(node) = view.nodes.get(&task.node_id) else {
        return Some(
            link(format!("{} is on {host}, which is no node any more", task.name))
                .next("another task takes its place; wardroom node ls"),
        );
    };
    match node.state() {
        NodeState::Ready => None,
        NodeState::Down => Some(
            link(format!("{} is on {host}, which is down", task.name))
                .next(format!(
                    "start the daemon of {host}, or remove it: wardroom node rm {host}"
                ))
                .since(node.state_since_ms),
        ),
        _ => Some(
            Link::new(
                Step::Assignment,
                Holds::NotYet,
                format!("{} is on {host}, from which nothing is heard yet", task.name),
            )
            .next("wardroom node ls")
            .since(node.state_since_ms),
        ),
    }
}

/// What the worker has said: it has the version, the file stands, its bytes are the right ones.
fn held(view: &ClusterView, spec: &v1::ServiceSpec, task: &v1::Task, grant: &v1::Grant, version: u32) -> Vec<Link> {
    let host = view.hostname(&task.node_id);
    let holding = view.holdings_of_task(&task.id).find(|holding| {
        holding.secret_id == grant.secret_id && holding.version == version && holding.target == grant.target
    });
    let Some(holding) = holding else {
        return vec![
            Link::new(
                Step::Delivery,
                Holds::NotYet,
                format!("{host} was not told of v{version} yet"),
            )
            .next("the leader does it as soon as the worker listens: wardroom node ls"),
        ];
    };
    let since = holding.since_ms;
    let delivery = |holds, text: String| Link::new(Step::Delivery, holds, text).since(since);
    match holding.state() {
        HoldingState::Present => {
            let delivered = delivery(Holds::Yes, format!("{host} has v{version}"));
            vec![delivered, file(spec, task, grant).since(since), digest(holding, host)]
        }
        HoldingState::Failed => {
            let text = format!("{host} could not make the file: {}", holding.message);
            vec![delivery(Holds::No, text).next(format!(
                "see to it on {host}; the worker tries again with the next task"
            ))]
        }
        HoldingState::Erased => {
            let text = format!("{host} has erased v{version}{}", remark(holding));
            vec![delivery(Holds::No, text).next(
                "a lease that ran out, or the end of the task: it comes back with the next task on a worker that is \
                 connected",
            )]
        }
        HoldingState::Pending | HoldingState::Unspecified => vec![
            delivery(
                Holds::NotYet,
                format!("{host} was told of v{version} and has not answered yet"),
            )
            .next(format!("wardroom node inspect {host} --pretty")),
        ],
    }
}

fn file(spec: &v1::ServiceSpec, task: &v1::Task, grant: &v1::Grant) -> Link {
    let inside = if grant.target.starts_with('/') {
        grant.target.clone()
    } else {
        format!("/run/secrets/{}", grant.target)
    };
    let on_host = if task.secrets_dir.is_empty() {
        String::new()
    } else {
        format!("{}/{}", task.secrets_dir, grant.target.trim_start_matches('/'))
    };
    let place = match (spec.executor(), on_host.is_empty()) {
        (Executor::Container, _) => format!("{inside} in the container"),
        (_, true) => inside,
        (Executor::Files, false) => on_host,
        (_, false) => format!("{inside} of its process, {on_host} on the host"),
    };
    Link::yes(Step::File, place)
}

fn digest(holding: &v1::Holding, host: &str) -> Link {
    let since = holding.since_ms;
    if holding.proven {
        return Link::yes(Step::Digest, "what was read back is what was sealed").since(since);
    }
    let text = format!("what {host} read back is not what was sealed{}", remark(holding));
    Link::new(Step::Digest, Holds::No, text)
        .next(format!(
            "do not trust {host}: drain it (wardroom node update --availability drain {host}) and look into it"
        ))
        .since(since)
}

fn remark(holding: &v1::Holding) -> String {
    if holding.message.is_empty() {
        String::new()
    } else {
        format!(" ({})", holding.message)
    }
}

/// `running`
fn state(task: &v1::Task) -> String {
    let word = task
        .state()
        .as_str_name()
        .trim_start_matches("TASK_STATE_")
        .to_lowercase();
    match task.health.as_str() {
        "" => word,
        health => format!("{word} ({health})"),
    }
}

/// `: no suitable node`
fn because(task: &v1::Task) -> String {
    let said = if task.error.is_empty() {
        &task.message
    } else {
        &task.error
    };
    if said.is_empty() {
        String::new()
    } else {
        format!(": {said}")
    }
}

/// `failed: exit 1`
pub(super) fn ending(task: &v1::Task) -> String {
    let word = match task.state() {
        TaskState::Complete => "has ended",
        TaskState::Failed => "failed",
        TaskState::Rejected => "was rejected",
        TaskState::Orphaned => "was given up",
        _ => "was stopped",
    };
    format!("{word}{}", because(task))
}

/// The newest task of the service that gave up; of the same place, where one is given.
pub(super) fn last_failure<'a>(view: &'a ClusterView, service_id: &str, at: Option<&v1::Task>) -> Option<&'a v1::Task> {
    let same_place = |task: &&v1::Task| at.is_none_or(|at| task.id != at.id && task.name == at.name);
    view.tasks_of_service(service_id)
        .filter(|task| matches!(task.state(), TaskState::Failed | TaskState::Rejected))
        .filter(same_place)
        .max_by_key(|task| task.state_since_ms)
}
