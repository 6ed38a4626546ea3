//! How does a node keep its identity, and how does it go? It asks for a new certificate in time, with the role that the
//! cluster wants it to have; and says when it leaves.

use tonic::{Request, Response, Status};
use wardroom_api::v1::ca_server::Ca;
use wardroom_api::{channel, v1};
use wardroom_state::command::Command;
use wardroom_state::ids::NodeId;
use wardroom_state::node::{Node, NodeState};

use crate::context::Context;
use crate::control::caller::Caller;
use crate::control::error::Failure;
use crate::control::issuing::{Issuer, address, certified_role, managers, on_paper};
use crate::control::{convert, forward};

/// What `node ls` says of a node that has gone by itself.
const LEFT: &str = "left the swarm";

pub(super) struct Service {
    context: Context,
}

impl Service {
    pub(super) fn new(context: &Context) -> Self {
        Self {
            context: context.clone(),
        }
    }
}

#[tonic::async_trait]
impl Ca for Service {
    async fn renew(&self, request: Request<v1::RenewRequest>) -> Result<Response<v1::RenewResponse>, Status> {
        forward::write(&self.context, request, renew, |leader, request| async move {
            channel::ca(leader).renew(request).await
        })
        .await
    }

    async fn depart(&self, request: Request<v1::DepartRequest>) -> Result<Response<v1::DepartResponse>, Status> {
        forward::write(&self.context, request, depart, |leader, request| async move {
            channel::ca(leader).depart(request).await
        })
        .await
    }
}

async fn renew(context: Context, caller: Caller, request: v1::RenewRequest) -> Result<v1::RenewResponse, Failure> {
    let node = asking(&context, &caller)?;
    let role = certified_role(&node);
    let issuer = Issuer::of(&context)?;
    let (certificate_pem, certificate) = issuer.issue(&request.csr_pem, node.id.as_str(), on_paper(role), None)?;
    let address = match request.address.as_str() {
        "" => node.address.clone(),
        given => address(given, caller.host())?,
    };
    if address != node.address {
        let command = Command::SetNodeAddress {
            node: node.id.clone(),
            address: address.clone(),
        };
        context.proposer.propose(caller.actor(), command).await?;
    }
    let command = Command::SetCertificate {
        node: node.id.clone(),
        certificate,
    };
    let committed = context.proposer.propose(caller.actor(), command).await?;
    Ok(v1::RenewResponse {
        role: convert::role(role).into(),
        raft_id: node.raft_id,
        certificate_pem,
        roots_pem: issuer.roots_pem(),
        managers: managers(&context, node.id.as_str()),
        address,
        index: committed.index,
    })
}

async fn depart(context: Context, caller: Caller, _: v1::DepartRequest) -> Result<v1::DepartResponse, Failure> {
    let node = asking(&context, &caller)?.id;
    // It was heard a moment ago; that must not bring it back.
    context.offices.sessions.drop_node(&node);
    let command = Command::SetNodeState {
        node,
        state: NodeState::Down,
        message: LEFT.into(),
    };
    let committed = context.proposer.propose(caller.actor(), command).await?;
    Ok(v1::DepartResponse { index: committed.index })
}

/// The node that calls, by its certificate.
fn asking(context: &Context, caller: &Caller) -> Result<Node, Failure> {
    let found = caller.identity.node_id().and_then(|id| {
        let id = NodeId::new(id);
        context.replica.read(|state| state.nodes().get(&id).cloned())
    });
    found.ok_or_else(|| {
        let name = caller.identity.actor_name();
        Failure::precondition(format!("{name} is not a node of this cluster; join it again"))
    })
}
