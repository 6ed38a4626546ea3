//! How does each change of nodes, operators and the cluster itself begin? Its form, filled with what is so now.

use wardroom_api::ClusterView;
use wardroom_api::v1::{Availability, Role};

use super::form::{Field, Form, Id, Page, choice, line, secret, words};
use super::{NodeChange, Task, Wizard};
use crate::tui::keymap::Action;
use crate::tui::model::facts::managers::managers;
use crate::tui::model::facts::members;

const AVAILABILITIES: [(Availability, &str); 3] = [
    (Availability::Active, "active"),
    (Availability::Pause, "pause"),
    (Availability::Drain, "drain"),
];

/// The word by which a form names an availability, read back.
pub fn availability_of(word: &str) -> Availability {
    let found = AVAILABILITIES.iter().find(|(_, known)| *known == word);
    found.map_or(Availability::Unspecified, |(availability, _)| *availability)
}

fn one_page(title: &'static str, fields: Vec<Field>) -> Form {
    Form {
        pages: vec![Page { title, fields }],
        focus: 0,
    }
}

/// The wizard of an action on that node, or why there is nothing to do.
pub fn node(view: &ClusterView, action: Action, node_id: &str, now_ms: i64) -> Result<Wizard, String> {
    let node = view.nodes.get(node_id).ok_or("select a node first")?;
    let name = &node.hostname;
    let (change, form) = match action {
        Action::Promote if members::desired_role(node) == Role::Manager => {
            return Err(format!("{name} is a manager already, or on its way"));
        }
        Action::Demote if members::desired_role(node) == Role::Worker => {
            return Err(format!("{name} is a worker already, or on its way"));
        }
        Action::Promote => (NodeChange::Promote, Form::default()),
        Action::Demote => (NodeChange::Demote, Form::default()),
        Action::Availability => {
            let hint = "pause: no new tasks; drain: its tasks move to other nodes";
            let words = words(
                Id::Availability,
                "availability",
                &AVAILABILITIES.map(|(_, word)| word),
                hint,
            );
            let mut form = one_page("availability", vec![words]);
            let now = AVAILABILITIES.iter().find(|(known, _)| *known == node.availability());
            form.choose(Id::Availability, now.map_or("active", |(_, word)| word));
            (NodeChange::Availability(node.availability()), form)
        }
        Action::Labels => {
            let text: Vec<String> = node
                .labels
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            let hint = "all of them, such as zone=eu disk=ssd; what is left out goes";
            let field = line(Id::NodeLabels, "labels", &text.join(" "), hint);
            (NodeChange::Labels(node.labels.clone()), one_page("labels", vec![field]))
        }
        _ => {
            let hint = "force: also while it is up; a manager is demoted first";
            let field = words(Id::Force, "if it is up", &["refuse", "force"], hint);
            (NodeChange::Remove, one_page("remove", vec![field]))
        }
    };
    let task = Task::Node {
        node_id: node.id.clone(),
        hostname: name.clone(),
        change,
    };
    Ok(Wizard::new(task, form, now_ms))
}

/// The leader hands over; to the manager with that node id, if it is another one.
pub fn step_down(view: &ClusterView, to: Option<&str>, now_ms: i64) -> Result<Wizard, String> {
    let leader = view.leader().ok_or("there is no leader that could step down")?;
    let mut options = vec![(String::new(), "the one that has most".to_owned())];
    let others = managers(view)
        .into_iter()
        .filter(|manager| !manager.leads() && !manager.learns);
    options.extend(others.map(|manager| (manager.node.id.clone(), manager.node.hostname.clone())));
    let mut form = one_page(
        "next leader",
        vec![choice(Id::To, "next leader", options, "left and right choose")],
    );
    form.choose(Id::To, to.unwrap_or_default());
    let task = Task::StepDown {
        leader: view.hostname(&leader.node_id).to_owned(),
    };
    Ok(Wizard::new(task, form, now_ms))
}

pub fn rotate_root(view: &ClusterView, now_ms: i64) -> Wizard {
    let cluster = members::cluster_name(view);
    Wizard::new(Task::RotateRoot { cluster }, Form::default(), now_ms)
}

pub fn rotate_token(role: Role, now_ms: i64) -> Wizard {
    let fields = vec![
        line(Id::Ttl, "expires after", "", "such as 1h or 7d; empty: never"),
        line(
            Id::MaxUses,
            "joins",
            "",
            "how many machines may join by it; empty: any number",
        ),
    ];
    Wizard::new(Task::RotateToken { role }, one_page("limits", fields), now_ms)
}

pub fn remove_operator(view: &ClusterView, operator_id: &str, now_ms: i64) -> Option<Wizard> {
    let operator = view.operators.get(operator_id)?;
    let task = Task::RemoveOperator {
        operator_id: operator.id.clone(),
        name: operator.name.clone(),
    };
    Some(Wizard::new(task, Form::default(), now_ms))
}

pub fn backup(view: &ClusterView, now_ms: i64) -> Wizard {
    let fields = vec![
        line(
            Id::File,
            "file",
            "",
            "a path on this machine; nothing is ever overwritten",
        ),
        words(
            Id::SealedBy,
            "opened by",
            &["recipients", "passphrase"],
            "left and right choose",
        ),
        line(
            Id::Recipients,
            "recipients",
            "",
            "age1..., several with spaces between them",
        ),
        secret(Id::Passphrase, "passphrase", "never shown"),
        secret(
            Id::Again,
            "once more",
            "the same again: a mistake would lock it for ever",
        ),
    ];
    let task = Task::Backup {
        cluster: members::cluster_name(view),
    };
    Wizard::new(task, one_page("file", fields), now_ms)
}
