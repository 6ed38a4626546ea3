//! `wardroom node update`, `promote`, `demote` and `rm`. What takes a manager away is asked about on a terminal, with
//! the plan in sight; scripts are not asked, as Docker's are not.

use serde_json::{Value, json};
use wardroom_api::v1::{self, Kind, Role};

use crate::cli::arguments::{Asking, NodeChange, NodeRm, NodeUpdate, RoleChoice};
use crate::cli::session::Session;
use crate::cli::{each, plan, secret};
use crate::report::Report;

/// What the options ask for; what is not given stays as it is.
fn update_request(update: &NodeUpdate) -> Result<v1::UpdateNodeRequest, Report> {
    let request = v1::UpdateNodeRequest {
        reference: update.reference.clone(),
        availability: update
            .availability
            .map_or(v1::Availability::Unspecified, Into::into)
            .into(),
        role: match update.role {
            None => Role::Unspecified.into(),
            Some(RoleChoice::Worker) => Role::Worker.into(),
            Some(RoleChoice::Manager) => Role::Manager.into(),
        },
        label_add: secret::parse_labels(&update.label_add)?,
        label_rm: update.label_rm.clone(),
        ..Default::default()
    };
    let unchanged = v1::UpdateNodeRequest {
        reference: update.reference.clone(),
        ..Default::default()
    };
    if request == unchanged {
        return Err(Report::usage("nothing to change").hint("give --availability, --label-add, --label-rm or --role"));
    }
    Ok(request)
}

pub async fn update(update: &NodeUpdate, session: &mut Session) -> Result<(), Report> {
    let request = update_request(update)?;
    if update.asking.plan {
        return show(&request, session).await;
    }
    let answer = change(request, update.asking, session).await?;
    if session.output.is_json() {
        let document = json!({ "id": answer.id, "hostname": answer.hostname, "index": answer.index });
        return session.output.json(&document);
    }
    session.output.line(&update.reference)
}

/// Promotes or demotes. Docker's words, also for a node that has the role already.
pub async fn set_role(nodes: &NodeChange, role: Role, session: &mut Session) -> Result<(), Report> {
    let mut changed = Vec::new();
    let mut refused = Vec::new();
    for reference in &nodes.references {
        if nodes.asking.plan {
            refused.extend(show(&role_request(reference, role), session).await.err());
            continue;
        }
        match set_one(reference, role, nodes.asking, session).await {
            Ok(document) if session.output.is_json() => changed.push(document),
            Ok(document) => {
                let is_new = document["changed"] == true;
                session.output.line(&said(reference, role, is_new))?;
            }
            Err(report) => refused.push(report),
        }
    }
    if session.output.is_json() && !nodes.asking.plan {
        session.output.json(&Value::Array(changed))?;
    }
    each::all_or(refused)
}

async fn set_one(reference: &str, role: Role, asking: Asking, session: &Session) -> Result<Value, Report> {
    let node = session.node(reference).await?;
    let is_new = wanted(&node) != role;
    if is_new {
        change(role_request(reference, role), asking, session).await?;
    }
    Ok(json!({ "reference": reference, "id": node.id, "changed": is_new }))
}

fn said(reference: &str, role: Role, changed: bool) -> String {
    match (role, changed) {
        (Role::Manager, true) => format!("Node {reference} promoted to a manager in the swarm."),
        (Role::Manager, false) => format!("Node {reference} is already a manager."),
        (_, true) => format!("Manager {reference} demoted in the swarm."),
        (_, false) => format!("Node {reference} is already a worker."),
    }
}

fn role_request(reference: &str, role: Role) -> v1::UpdateNodeRequest {
    v1::UpdateNodeRequest {
        reference: reference.to_owned(),
        role: role.into(),
        ..Default::default()
    }
}

/// The role a node is to have; an older manager says only the one it has.
fn wanted(node: &v1::Node) -> Role {
    match node.desired_role() {
        Role::Unspecified => node.role(),
        role => role,
    }
}

async fn show(request: &v1::UpdateNodeRequest, session: &mut Session) -> Result<(), Report> {
    let planned = v1::UpdateNodeRequest {
        plan_only: true,
        ..request.clone()
    };
    let plan = send(planned, session).await?.plan.unwrap_or_default();
    plan::show(&plan, session)
}

/// Makes the change; one that takes a manager away only after a person has seen the plan and agreed.
async fn change(
    mut request: v1::UpdateNodeRequest,
    asking: Asking,
    session: &Session,
) -> Result<v1::UpdateNodeResponse, Report> {
    if request.role() == Role::Worker && plan::may_ask(asking.yes) {
        let node = session.node(&request.reference).await?;
        if wanted(&node) == Role::Manager {
            let planned = v1::UpdateNodeRequest {
                plan_only: true,
                ..request.clone()
            };
            let plan = send(planned, session).await?.plan.unwrap_or_default();
            request.plan_basis = plan::ask(&plan, &request.reference, "demote", session)?;
        }
    }
    send(request, session).await
}

async fn send(request: v1::UpdateNodeRequest, session: &Session) -> Result<v1::UpdateNodeResponse, Report> {
    let reference = request.reference.clone();
    let answer = session
        .call(request, |mut control, request| async move {
            control.update_node(request).await
        })
        .await;
    match answer {
        Ok(answer) => Ok(answer),
        Err(error) => Err(session.explain(error, Kind::Node, &reference).await),
    }
}

pub async fn remove(remove: &NodeRm, session: &mut Session) -> Result<(), Report> {
    let asking = remove.change.asking;
    if asking.plan {
        let mut refused = Vec::new();
        for reference in &remove.change.references {
            let planned = remove_one(reference, remove.force, true, String::new(), session).await;
            refused.extend(
                planned
                    .and_then(|answer| plan::show(&answer.plan.unwrap_or_default(), session))
                    .err(),
            );
        }
        return each::all_or(refused);
    }
    each::change(&remove.change.references, session, async |session, reference| {
        let mut basis = String::new();
        if plan::may_ask(asking.yes) && wanted(&session.node(reference).await?) == Role::Manager {
            let planned = remove_one(reference, remove.force, true, String::new(), session).await?;
            basis = plan::ask(&planned.plan.unwrap_or_default(), reference, "remove", session)?;
        }
        Ok(remove_one(reference, remove.force, false, basis, session).await?.id)
    })
    .await
}

async fn remove_one(
    reference: &str,
    force: bool,
    plan_only: bool,
    plan_basis: String,
    session: &Session,
) -> Result<v1::RemoveNodeResponse, Report> {
    let message = v1::RemoveNodeRequest {
        reference: reference.to_owned(),
        force,
        plan_only,
        plan_basis,
    };
    let answer = session
        .call(message, |mut control, request| async move {
            control.remove_node(request).await
        })
        .await;
    match answer {
        Ok(answer) => Ok(answer),
        Err(error) => Err(session.explain(error, Kind::Node, reference).await),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;
    use crate::cli::arguments::AvailabilityChoice;
    use crate::report::Exit;

    fn options() -> NodeUpdate {
        NodeUpdate {
            availability: None,
            label_add: vec![],
            label_rm: vec![],
            role: None,
            asking: Asking {
                plan: false,
                yes: false,
            },
            reference: "w1".into(),
        }
    }

    #[test]
    fn only_what_is_given_changes() {
        assert_eq!(update_request(&options()).unwrap_err().exit, Exit::Usage);
        let request = update_request(&NodeUpdate {
            availability: Some(AvailabilityChoice::Drain),
            label_add: vec!["zone=eu".into()],
            ..options()
        })
        .unwrap();
        assert_eq!(request.availability(), v1::Availability::Drain);
        assert_eq!(request.role(), Role::Unspecified);
        assert_eq!(request.label_add["zone"], "eu");
        let role = update_request(&NodeUpdate {
            role: Some(RoleChoice::Worker),
            ..options()
        });
        assert_eq!(role.unwrap().role(), Role::Worker);
    }

    #[test]
    fn success_is_told_in_dockers_words() {
        assert_eq!(
            said("w1", Role::Manager, true),
            "Node w1 promoted to a manager in the swarm."
        );
        assert_eq!(said("w1", Role::Manager, false), "Node w1 is already a manager.");
        assert_eq!(said("m1", Role::Worker, true), "Manager m1 demoted in the swarm.");
        assert_eq!(said("m1", Role::Worker, false), "Node m1 is already a worker.");
    }

    #[test]
    fn a_change_of_role_under_way_counts() {
        let node = v1::Node {
            role: Role::Worker.into(),
            desired_role: Role::Manager.into(),
            ..v1::Node::default()
        };
        assert_eq!(wanted(&node), Role::Manager);
        let silent = v1::Node {
            role: Role::Worker.into(),
            ..v1::Node::default()
        };
        assert_eq!(wanted(&silent), Role::Worker);
    }
}
