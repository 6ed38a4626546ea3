//! How far is a change of a node, of the root, of leadership? A promotion ends when the node has a vote and speaks for
//! itself; a drain when nothing runs there; a new root when no certificate hangs on an older one.

use wardroom_api::ClusterView;
use wardroom_api::v1::{Availability, Node, Role};

use super::progress::{Line, Progress, Verdict, done, waiting};
use super::{Accepted, NodeChange, Task, progress_keys, role_word};
use crate::tui::model::facts::managers::managers;
use crate::tui::model::facts::{members, moves, secrets, time, words};

/// The progress of those tasks; `None` for the others.
pub fn progress(task: &Task, accepted: &Accepted, view: &ClusterView) -> Option<Progress> {
    Some(match task {
        Task::Node {
            node_id,
            hostname,
            change,
        } => node(view, accepted, (node_id, hostname), change),
        Task::StepDown { leader } => step_down(view, accepted, leader),
        Task::RotateRoot { .. } => root(view, accepted),
        Task::RotateToken { role } => done(format!(
            "the {} token is new; t on the nodes shows it, for half a minute",
            role_word(*role)
        )),
        Task::RemoveOperator { operator_id, name } => gone(
            view,
            accepted,
            view.operators.contains_key(operator_id),
            format!("{name} is removed, its certificate is refused"),
        ),
        Task::Backup { .. } => done(format!(
            "{} written, the state in it is at #{}; prove it with `wardroom backup verify`",
            words::size(accepted.bytes),
            accepted.index
        )),
        _ => return None,
    })
}

fn running(headline: String, lines: Vec<Line>) -> Progress {
    Progress {
        verdict: Verdict::Running,
        headline,
        lines,
        audit: None,
    }
}

fn failed(headline: String) -> Progress {
    Progress {
        verdict: Verdict::Failed,
        ..running(headline, Vec::new())
    }
}

fn line(name: &str, is_done: bool, words: impl Into<String>) -> Line {
    Line {
        name: name.to_owned(),
        done: u64::from(is_done),
        total: 1,
        words: words.into(),
    }
}

/// Done once the view has reached the change and the object is not in it any more.
fn gone(view: &ClusterView, accepted: &Accepted, is_there: bool, headline: String) -> Progress {
    if view.index < accepted.index || is_there {
        return waiting(accepted.index);
    }
    done(headline)
}

fn node(view: &ClusterView, accepted: &Accepted, (id, name): (&str, &str), change: &NodeChange) -> Progress {
    if *change == NodeChange::Remove {
        let headline = format!("{name} is removed; it is refused from now on");
        return gone(view, accepted, view.nodes.contains_key(id), headline);
    }
    let Some(node) = view.nodes.get(id) else {
        return failed(format!("{name} was removed meanwhile"));
    };
    if view.index < accepted.index {
        return waiting(accepted.index);
    }
    match change {
        NodeChange::Promote => promotion(view, node),
        NodeChange::Demote => demotion(node),
        NodeChange::Availability(_) => availability(view, accepted, node),
        NodeChange::Labels(_) | NodeChange::Remove => {
            done(format!("{name} has the labels {}", words::labels(&node.labels)))
        }
    }
}

fn promotion(view: &ClusterView, node: &Node) -> Progress {
    let name = &node.hostname;
    if members::desired_role(node) != Role::Manager {
        return failed(format!("{name} was made a worker again meanwhile"));
    }
    let standing = members::standing(view, node);
    let has_certificate = node.role() == Role::Manager;
    let votes = has_certificate && matches!(standing, "Leader" | "Reachable");
    let learns = standing == "learner" || votes;
    let lag = managers(view)
        .iter()
        .find(|manager| manager.node.id == node.id)
        .map_or(0, |manager| manager.lag);
    let copied = match (learns, lag) {
        (false, _) => "not begun".to_owned(),
        (true, 0) => "it has all of it".to_owned(),
        (true, lag) => format!("{lag} entries to go"),
    };
    let lines = vec![
        line(
            "certificate",
            has_certificate,
            if has_certificate {
                "a manager's"
            } else {
                "still a worker's"
            },
        ),
        line("copies the log", votes || (learns && lag == 0), copied),
        line("vote", votes, if votes { "it counts" } else { "not yet" }),
    ];
    if votes {
        return Progress {
            lines,
            ..done(format!("{name} is a manager and votes"))
        };
    }
    let headline = if members::is_down(node) {
        format!("{name} is down: it becomes a manager once it is back")
    } else {
        format!("{name} is becoming a manager")
    };
    running(headline, lines)
}

fn demotion(node: &Node) -> Progress {
    let name = &node.hostname;
    if members::desired_role(node) != Role::Worker {
        return failed(format!("{name} was made a manager again meanwhile"));
    }
    let left = node.raft_id == 0 || node.role() == Role::Worker;
    let worker = node.role() == Role::Worker;
    let lines = vec![
        line("vote", left, if left { "it has none" } else { "still counts" }),
        line(
            "certificate",
            worker,
            if worker { "a worker's" } else { "still a manager's" },
        ),
    ];
    if worker {
        return Progress {
            lines,
            ..done(format!("{name} is a worker; its copy of the state is wiped"))
        };
    }
    running(format!("{name} is becoming a worker"), lines)
}

fn availability(view: &ClusterView, accepted: &Accepted, node: &Node) -> Progress {
    let name = &node.hostname;
    if node.availability() != Availability::Drain {
        return done(format!("{name} is {}", words::availability(node.availability())));
    }
    let left = view
        .tasks_on_node(&node.id)
        .filter(|task| words::is_active(task))
        .count();
    let held = secrets::holdings_on(view, &node.id)
        .filter(|holding| secrets::is_in_memory(holding))
        .count();
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let whole = accepted.tasks.max(left);
    let lines = vec![
        Line {
            name: "tasks".into(),
            done: number(whole - left),
            total: number(whole),
            words: format!("{} left", words::count(left, "task")),
        },
        line(
            "secrets",
            held == 0,
            format!("{} still in memory", words::count(held, "file")),
        ),
    ];
    if left == 0 && held == 0 {
        return Progress {
            lines,
            ..done(format!(
                "{name} is drained: nothing runs there, no secret is in its memory"
            ))
        };
    }
    let headline = if members::is_down(node) {
        format!("{name} is down: what it holds cannot be proven erased")
    } else {
        format!("{name} is draining, its tasks move to other nodes")
    };
    running(headline, lines)
}

fn step_down(view: &ClusterView, accepted: &Accepted, before: &str) -> Progress {
    let headline = format!(
        "{} leads instead of {before}; writes had to wait {}",
        view.hostname(&accepted.leader),
        time::precise(accepted.gap_ms)
    );
    done(headline)
}

fn root(view: &ClusterView, accepted: &Accepted) -> Progress {
    let Some(cluster) = view.cluster.as_ref().filter(|_| view.index >= accepted.index) else {
        return waiting(accepted.index);
    };
    if cluster.root_fingerprint != accepted.fingerprint {
        return failed("another root has taken its place meanwhile".to_owned());
    }
    let lines: Vec<Line> = moves::root(view).parts.iter().map(progress_keys::line).collect();
    let nodes_left = lines.iter().filter(|line| line.done < line.total).count();
    let operators = view.operators.values();
    let operators = operators
        .filter(|it| members::hangs_on_older_root(view, &it.certificate_issuer))
        .count();
    // Operators have no agent that renews for them: they do not hold it up.
    let rest = match operators {
        0 => String::new(),
        count => format!("; {} to be added anew", words::count(count, "operator")),
    };
    if nodes_left == 0 || cluster.retiring.is_empty() {
        return Progress {
            lines,
            ..done(format!("every node has a certificate of the new root{rest}"))
        };
    }
    running(
        format!("{} still on the older root{rest}", words::count(nodes_left, "node")),
        lines,
    )
}
