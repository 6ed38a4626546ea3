//! How does a person or a program get its own way in? With a client certificate for a key that it made itself, and a role.

use std::time::Duration;

use wardroom_api::v1;
use wardroom_ca::Role;
use wardroom_state::command::Command;
use wardroom_state::ids::OperatorId;
use wardroom_state::operator::{Operator, OperatorRole};
use wardroom_state::refusal::{Noun, Refusal};
use wardroom_state::validate;

use crate::context::Context;
use crate::control::caller::Caller;
use crate::control::error::Failure;
use crate::control::issuing::{Issuer, managers};
use crate::control::{chance, convert};

pub(super) async fn add(
    context: Context,
    caller: Caller,
    request: v1::AddOperatorRequest,
) -> Result<v1::AddOperatorResponse, Failure> {
    validate::operator_name(&request.name)?;
    let role = convert::requested_operator_role(request.role)?;
    // The name alone: an id or the beginning of one is no obstacle.
    let taken = context.replica.read(|state| {
        let mut operators = state.operators().values();
        operators.any(|operator| operator.name.eq_ignore_ascii_case(&request.name))
    });
    if taken {
        let (noun, name) = (Noun::Operator, request.name);
        return Err(Refusal::NameTaken { noun, name }.into());
    }
    let life = match request.life_ms {
        0 => None,
        life_ms => {
            validate::certificate_life(life_ms)?;
            Some(Duration::from_millis(life_ms))
        }
    };
    let id = chance::id(&*context.chance);
    let issuer = Issuer::of(&context)?;
    let (certificate_pem, certificate) = issuer.issue(&request.csr_pem, &id, on_paper(role), life)?;
    let operator = Operator {
        id: OperatorId::new(id.clone()),
        name: request.name,
        role,
        certificate,
        created_at_ms: 0,
        created_by: String::new(),
        version_index: 0,
    };
    let committed = context
        .proposer
        .propose(caller.actor(), Command::AddOperator { operator })
        .await?;
    Ok(v1::AddOperatorResponse {
        managers: managers(&context, &id),
        id,
        certificate_pem,
        roots_pem: issuer.roots_pem(),
        index: committed.index,
    })
}

fn on_paper(role: OperatorRole) -> Role {
    match role {
        OperatorRole::Viewer => Role::Viewer,
        OperatorRole::Operator => Role::Operator,
        OperatorRole::Admin => Role::Admin,
    }
}

pub(super) async fn remove(
    context: Context,
    caller: Caller,
    request: v1::RemoveOperatorRequest,
) -> Result<v1::RemoveOperatorResponse, Failure> {
    let id = context.replica.read(|state| {
        state
            .find_operator(&request.reference)
            .map(|operator| operator.id.clone())
    })?;
    let committed = context
        .proposer
        .propose(caller.actor(), Command::RemoveOperator { id: id.clone() })
        .await?;
    Ok(v1::RemoveOperatorResponse {
        id: id.to_string(),
        index: committed.index,
    })
}
