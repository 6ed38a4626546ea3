//! How does a machine get the text that lets it in? From an administrator, who may read a join token and replace it.

use wardroom_api::v1;
use wardroom_ca::JoinToken;
use wardroom_keys::pem;
use wardroom_state::cluster::{Cluster, JoinToken as Kept};
use wardroom_state::command::Command;
use wardroom_state::node::Role;

use crate::context::Context;
use crate::control::caller::Caller;
use crate::control::convert;
use crate::control::error::Failure;
use crate::control::issuing::cluster;

/// Nobody sees a token before the audit chain says who does.
pub(super) async fn show(
    context: Context,
    caller: Caller,
    request: v1::GetJoinTokenRequest,
) -> Result<v1::JoinTokenResponse, Failure> {
    let role = convert::requested_role(request.role)?;
    let exists = |cluster: &Cluster| !cluster.token(role).sealed_secret.is_empty();
    if !exists(&cluster(&context)?) {
        return Err(Failure::precondition(format!(
            "there is no join token for a {role} yet; make one with `wardroom swarm join-token --rotate {role}`"
        )));
    }
    let note = Command::NoteAccess {
        action: "join-token.read".to_owned(),
        object: role.as_str().to_owned(),
        detail: String::new(),
    };
    let committed = context.proposer.propose(caller.actor(), note).await?;
    // Once there is one there always is one; it is the one of now that is shown.
    let cluster = cluster(&context)?;
    let kept = cluster.token(role);
    let sealing_root = context.keyring.sealing_root();
    let opened = sealing_root.open_join_secret(cluster.id.as_str(), role.as_str(), &kept.sealed_secret);
    let secret = opened.map_err(|error| Failure::precondition(error.to_string()))?;
    let root_der = root_der(&cluster)?;
    let token = JoinToken::from_parts(&root_der, secret).map_err(|error| Failure::precondition(error.to_string()))?;
    Ok(response(&context, role, &token, kept, committed.index))
}

pub(super) async fn rotate(
    context: Context,
    caller: Caller,
    request: v1::RotateJoinTokenRequest,
) -> Result<v1::JoinTokenResponse, Failure> {
    let (role, cluster) = (convert::requested_role(request.role)?, cluster(&context)?);
    let (token, mut kept) = make(&context, &cluster, &root_der(&cluster)?, role);
    kept.max_uses = request.max_uses;
    if request.ttl_ms != 0 {
        let ttl = i64::try_from(request.ttl_ms).unwrap_or(i64::MAX);
        kept.expires_at_ms = kept.created_at_ms.saturating_add(ttl);
    }
    let command = Command::RotateToken {
        role,
        token: kept.clone(),
    };
    let committed = context.proposer.propose(caller.actor(), command).await?;
    Ok(response(&context, role, &token, &kept, committed.index))
}

/// A new token, and what the state keeps of it: good for ever and for any number of nodes.
pub(super) fn make(context: &Context, cluster: &Cluster, root_der: &[u8], role: Role) -> (JoinToken, Kept) {
    let token = JoinToken::create(root_der, &*context.chance);
    let sealing_root = context.keyring.sealing_root();
    let (cluster_id, role) = (cluster.id.as_str(), role.as_str());
    let kept = Kept {
        sealed_secret: sealing_root.seal_join_secret(&*context.chance, cluster_id, role, token.secret()),
        digest: token.digest(),
        created_at_ms: context.clock.now_ms(),
        expires_at_ms: 0,
        max_uses: 0,
        uses: 0,
    };
    (token, kept)
}

fn root_der(cluster: &Cluster) -> Result<Vec<u8>, Failure> {
    let der = pem::decode("CERTIFICATE", cluster.root_certificate.as_bytes());
    let der = der.ok_or_else(|| Failure::precondition("the cluster's root certificate cannot be read"))?;
    Ok(der.expose().to_vec())
}

fn response(context: &Context, role: Role, token: &JoinToken, kept: &Kept, index: u64) -> v1::JoinTokenResponse {
    v1::JoinTokenResponse {
        token: Some(v1::Confidential::new(token.text().expose().to_vec())),
        facts: Some(convert::token_facts(role, kept)),
        address: context.config.advertise.clone(),
        index,
    }
}
