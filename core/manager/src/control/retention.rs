//! Which old versions may go now? What an operator prunes, with its plan.

use wardroom_api::v1;
use wardroom_state::command::Command;
use wardroom_state::ids::SecretId;

use crate::context::Context;
use crate::control::caller::Caller;
use crate::control::error::Failure;
use crate::control::plan::{self, Keeping};
use crate::control::secrets::{planned, whole_secret};
use crate::propose::ProposeError;

/// Each secret's versions go together. A secret that somebody took up again in the meantime keeps its versions, and they
/// are not among those that are told as destroyed.
pub(crate) async fn prune(
    context: Context,
    caller: Caller,
    request: v1::PruneVersionsRequest,
) -> Result<v1::PruneVersionsResponse, Failure> {
    let secrets: Vec<SecretId> = context.replica.read(|state| {
        if request.references.is_empty() {
            return Ok(state.secrets().keys().cloned().collect());
        }
        let named = request
            .references
            .iter()
            .map(|reference| whole_secret(state, reference));
        let mut ids = named
            .map(|secret| Ok(secret?.id.clone()))
            .collect::<Result<Vec<_>, Failure>>()?;
        ids.sort();
        ids.dedup();
        Ok::<_, Failure>(ids)
    })?;
    let age_ms = i64::try_from(request.older_than_ms).unwrap_or(i64::MAX);
    let keeping = Keeping {
        newest: request.keep.unwrap_or(0),
        since_ms: if age_ms == 0 {
            i64::MAX
        } else {
            context.clock.now_ms().saturating_sub(age_ms)
        },
    };
    let mut pruned = Vec::new();
    let plan = planned(&context, &request.plan_basis, |state, health| {
        let (plan, goes) = plan::pruning(state, &secrets, keeping, health)?;
        pruned = goes;
        Ok(plan)
    })?;
    let mut answer = v1::PruneVersionsResponse {
        index: plan.0.index,
        plan: Some(plan.0),
        destroyed: Vec::new(),
    };
    if request.plan_only {
        return Ok(answer);
    }
    for goes in pruned {
        let (versions, names): (Vec<u32>, Vec<String>) = goes.versions.into_iter().unzip();
        let command = Command::DestroyVersions {
            secret: goes.secret,
            versions,
            why: "pruned by an operator".to_owned(),
        };
        match context.proposer.propose(caller.actor(), command).await {
            Ok(committed) => {
                answer.index = committed.index;
                answer.destroyed.extend(names);
            }
            Err(ProposeError::Refused(refusal)) => tracing::info!(%refusal, "versions stay that were to be pruned"),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(answer)
}
