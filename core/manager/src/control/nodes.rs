//! How does a machine change its place in the cluster, and how is it taken out?

use std::collections::BTreeMap;

use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::command::Command;
use wardroom_state::ids::NodeId;
use wardroom_state::node::{Availability, Node, Role};
use wardroom_state::refusal::{Noun, Refusal};

use crate::context::Context;
use crate::control::caller::Caller;
use crate::control::error::Failure;
use crate::control::join::raft_id;
use crate::control::secrets::planned;
use crate::control::{convert, plan};
use crate::membership::{self, StepDownError};

/// What is asked for, with what stays as it is left out.
#[derive(Debug)]
pub(crate) struct NodeChange {
    pub(crate) availability: Option<Availability>,
    pub(crate) role: Option<Role>,
    /// All labels as they are to be.
    pub(crate) labels: Option<BTreeMap<String, String>>,
}

impl NodeChange {
    fn of(node: &Node, request: &v1::UpdateNodeRequest) -> Result<Self, Failure> {
        let labels = labels("node", &node.labels, &request.label_add, &request.label_rm)?;
        let availability = convert::requested_availability(request.availability)?;
        let role = convert::requested_role_if_any(request.role)?;
        Ok(Self {
            availability: availability.filter(|wanted| *wanted != node.availability),
            role: role.filter(|wanted| *wanted != node.desired_role),
            labels: (labels != node.labels).then_some(labels),
        })
    }

    /// The mildest first: what fails later has then done least.
    fn commands(self, context: &Context, node: &NodeId) -> Vec<Command> {
        let labels = self.labels.map(|labels| Command::SetLabels {
            node: node.clone(),
            labels,
        });
        let availability = self.availability.map(|availability| Command::SetAvailability {
            node: node.clone(),
            availability,
        });
        let role = self.role.map(|role| Command::SetDesiredRole {
            node: node.clone(),
            role,
            raft_id: raft_id(context, role),
        });
        [labels, availability, role].into_iter().flatten().collect()
    }
}

/// The labels after a change; removing one that is not there is an error, as in Docker.
pub(super) fn labels(
    owner: &str,
    before: &BTreeMap<String, String>,
    add: &BTreeMap<String, String>,
    remove: &[String],
) -> Result<BTreeMap<String, String>, Failure> {
    let mut labels = before.clone();
    for key in remove {
        if labels.remove(key).is_none() {
            return Err(Failure::invalid(format!("key {key} doesn't exist in {owner}'s labels")));
        }
    }
    labels.extend(add.iter().map(|(key, value)| (key.clone(), value.clone())));
    convert::limits::labels(&labels)?;
    Ok(labels)
}

pub(super) async fn update(
    context: Context,
    caller: Caller,
    request: v1::UpdateNodeRequest,
) -> Result<v1::UpdateNodeResponse, Failure> {
    let (id, hostname, change) = context.replica.read(|state| {
        let node = state.find_node(&request.reference)?;
        Ok::<_, Failure>((node.id.clone(), node.hostname.clone(), NodeChange::of(node, &request)?))
    })?;
    let risk = membership::quorum_without(&context, &id).err();
    let plan = planned(&context, &request.plan_basis, |state, health| {
        Ok(plan::node_update(
            state,
            known(state, &id)?,
            &change,
            risk.as_ref(),
            health,
        ))
    })?;
    let mut index = plan.0.index;
    if !request.plan_only {
        plan.check_runnable()?;
        for command in change.commands(&context, &id) {
            index = context.proposer.propose(caller.actor(), command).await?.index;
        }
    }
    Ok(v1::UpdateNodeResponse {
        id: id.to_string(),
        hostname,
        index,
        plan: Some(plan.0),
    })
}

pub(super) async fn remove(
    context: Context,
    caller: Caller,
    request: v1::RemoveNodeRequest,
) -> Result<v1::RemoveNodeResponse, Failure> {
    let id = context
        .replica
        .read(|state| state.find_node(&request.reference).map(|node| node.id.clone()))?;
    let plan = planned(&context, &request.plan_basis, |state, health| {
        Ok(plan::node_removal(state, known(state, &id)?, request.force, health))
    })?;
    let mut index = plan.0.index;
    if !request.plan_only {
        plan.check_runnable()?;
        let command = Command::RemoveNode {
            node: id.clone(),
            force: request.force,
        };
        index = context.proposer.propose(caller.actor(), command).await?.index;
    }
    Ok(v1::RemoveNodeResponse {
        id: id.to_string(),
        index,
        plan: Some(plan.0),
    })
}

pub(super) async fn step_down(
    context: Context,
    _: Caller,
    request: v1::StepDownRequest,
) -> Result<v1::StepDownResponse, Failure> {
    let to = match request.to.as_str() {
        "" => None,
        to => Some(
            context
                .replica
                .read(|state| state.find_node(to).map(|node| node.id.clone()))?,
        ),
    };
    let handover = membership::step_down(&context, to).await.map_err(|error| match error {
        StepDownError::NotLeader { leader } => Failure::NotLeader {
            leader: leader.map(|peer| peer.address),
        },
        StepDownError::NotInTime { .. } => Failure::Unavailable(error.to_string()),
        _ => Failure::precondition(error.to_string()),
    })?;
    Ok(v1::StepDownResponse {
        leader: handover.leader.node_id,
        gap_ms: u64::try_from(handover.gap.as_millis()).unwrap_or(u64::MAX),
        index: context.replica.index(),
    })
}

fn known<'a>(state: &'a State, id: &NodeId) -> Result<&'a Node, Failure> {
    let missing = || Refusal::NotFound {
        noun: Noun::Node,
        reference: id.to_string(),
    };
    Ok(state.nodes().get(id).ok_or_else(missing)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use super::*;

    fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = entries
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        owned.collect()
    }

    #[test]
    fn labels_come_and_go() {
        let before = map(&[("zone", "eu"), ("disk", "ssd")]);
        let after = labels(
            "node",
            &before,
            &map(&[("zone", "us"), ("rack", "7")]),
            &["disk".into()],
        )
        .unwrap();
        assert_eq!(after, map(&[("zone", "us"), ("rack", "7")]));
        let text = labels("node", &before, &map(&[]), &["tier".into()])
            .unwrap_err()
            .to_string();
        assert_eq!(text, "key tier doesn't exist in node's labels");
        assert!(labels("node", &before, &map(&[("a", &"x".repeat(70_000))]), &[]).is_err());
    }
}
