//! May this machine come in? Whoever shows a valid join token becomes a node, in the token's role; whoever comes back
//! with a key that is known is the node it was.

use std::collections::BTreeMap;

use tonic::{Request, Response, Status};
use wardroom_api::v1::join_server::Join;
use wardroom_api::{channel, v1};
use wardroom_ca::{JoinToken, key_fingerprint_of};
use wardroom_keys::SecretBytes;
use wardroom_state::State;
use wardroom_state::command::Command;
use wardroom_state::ids::NodeId;
use wardroom_state::node::{Availability, Node, NodeState, Role};
use wardroom_state::refusal::Refusal;
use wardroom_state::validate;

use crate::context::Context;
use crate::control::caller::Caller;
use crate::control::error::Failure;
use crate::control::issuing::{Issuer, address, certified_role, managers, on_paper};
use crate::control::{chance, convert, veil};
use crate::propose::ProposeError;

const PATH: &str = "/wardroom.v1.Join/Admit";
/// As DNS has it for one machine, dots between labels allowed.
const HOSTNAME_MAX: usize = 63;
const VERSION_MAX: usize = 64;

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
impl Join for Service {
    async fn admit(&self, request: Request<v1::AdmitRequest>) -> Result<Response<v1::AdmitResponse>, Status> {
        veil::write(&self.context, request, admit, |leader, request| async move {
            channel::join(leader).admit(request).await
        })
        .await
    }
}

async fn admit(context: Context, caller: Caller, mut request: v1::AdmitRequest) -> Result<v1::AdmitResponse, Failure> {
    if !context.offices.attempts.admits(caller.host()) {
        return Err(Failure::Unavailable(
            "too many wrong join tokens from this machine at once; wait a moment, then try again".into(),
        ));
    }
    let text = SecretBytes::new(request.token.take().map(|mut token| token.take()).unwrap_or_default());
    let key_fingerprint = key_fingerprint_of(&request.csr_pem)
        .map_err(|error| Failure::invalid(format!("the request for a certificate cannot be answered: {error}")))?;
    let now_ms = context.clock.now_ms();
    let judged = context
        .replica
        .read(|state| judge(state, &text, &key_fingerprint, now_ms));
    drop(text);
    let admission = match judged {
        Ok(admission) => admission,
        Err(failure) => return Err(turned_away(&context, &caller, failure).await),
    };
    let (node, certificate_pem, roots_pem) = prepare(&context, &caller, &request, &admission)?;
    let id = node.id.clone();
    let command = Command::AdmitNode {
        node,
        token_digest: admission.digest,
    };
    match context.proposer.propose(caller.actor(), command).await {
        Ok(committed) => admitted(&context, &id, certificate_pem, roots_pem, committed.index),
        // The token was good a moment ago, and is not any more.
        Err(ProposeError::Refused(refusal)) if is_about_the_token(&refusal) => {
            Err(turned_away(&context, &caller, refusal.into()).await)
        }
        Err(error) => Err(error.into()),
    }
}

/// A wrong token is an attempt to come in: it is noted, and costs its sender a moment.
async fn turned_away(context: &Context, caller: &Caller, failure: Failure) -> Failure {
    context.offices.refusals.note(caller, PATH, &failure.to_string(), 1);
    context.offices.attempts.failed(caller.host()).await;
    failure
}

fn is_about_the_token(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::TokenUnknown
            | Refusal::TokenExpired { .. }
            | Refusal::TokenUsedUp { .. }
            | Refusal::TokenOfOtherRole { .. }
    )
}

/// As whom somebody may come in.
struct Admission {
    digest: [u8; 32],
    /// The token's.
    role: Role,
    /// The node that has the key already.
    known: Option<Node>,
}

/// What the state will say to the token, so that a wrong one gets into no log.
fn judge(state: &State, text: &SecretBytes, key_fingerprint: &str, now_ms: i64) -> Result<Admission, Failure> {
    let token = JoinToken::parse(text.expose()).map_err(|error| Failure::invalid(error.to_string()))?;
    let digest = token.digest();
    let pin = token.pin().to_string();
    let is_of_this_root = state.cluster().is_some_and(|cluster| cluster.root_fingerprint == pin);
    let found = state.token_by_digest(&digest).filter(|_| is_of_this_root);
    let (role, kept) = found.ok_or(Refusal::TokenUnknown)?;
    let known = state.node_by_key(key_fingerprint).cloned();
    if kept.is_expired(now_ms) {
        return Err(Refusal::TokenExpired { role }.into());
    }
    match &known {
        None if kept.is_used_up() => {
            let max_uses = kept.max_uses;
            Err(Refusal::TokenUsedUp { role, max_uses }.into())
        }
        Some(node) if node.desired_role != role => Err(Refusal::TokenOfOtherRole {
            hostname: node.hostname.clone(),
            node: node.desired_role,
            token: role,
        }
        .into()),
        _ => Ok(Admission { digest, role, known }),
    }
}

/// The node as it is to be proposed, with its certificate and the roots to trust.
fn prepare(
    context: &Context,
    caller: &Caller,
    request: &v1::AdmitRequest,
    admission: &Admission,
) -> Result<(Node, String, String), Failure> {
    check_words(request)?;
    let address = match request.address.as_str() {
        "" => String::new(),
        given => address(given, caller.host())?,
    };
    let (id, raft_id) = match &admission.known {
        Some(known) => (known.id.clone(), known.raft_id),
        None => (
            NodeId::new(chance::id(&*context.chance)),
            raft_id(context, admission.role),
        ),
    };
    let role = admission.known.as_ref().map_or(admission.role, certified_role);
    let issuer = Issuer::of(context)?;
    let (certificate_pem, certificate) = issuer.issue(&request.csr_pem, id.as_str(), on_paper(role), None)?;
    let node = Node {
        id,
        hostname: request.hostname.clone(),
        role: admission.role,
        desired_role: admission.role,
        availability: convert::requested_availability(request.availability)?.unwrap_or(Availability::Active),
        state: NodeState::Unknown,
        message: String::new(),
        state_since_ms: 0,
        address,
        raft_id,
        runs_tasks: request.runs_tasks,
        version: request.version.clone(),
        labels: BTreeMap::new(),
        certificate,
        created_at_ms: 0,
        version_index: 0,
    };
    Ok((node, certificate_pem, issuer.roots_pem()))
}

/// Plain words: they end up on terminals and in the audit chain.
fn check_words(request: &v1::AdmitRequest) -> Result<(), Failure> {
    let plain = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte))
    };
    validate::hostname(&request.hostname)?;
    if request.hostname.len() > HOSTNAME_MAX || !plain(&request.hostname) {
        return Err(Failure::invalid(format!(
            "a node's hostname has at most {HOSTNAME_MAX} letters, digits, `-`, `_` and `.`; give this machine a plain one"
        )));
    }
    if request.version.len() > VERSION_MAX || !plain(&request.version) {
        return Err(Failure::invalid(
            "a node's version is not a plain word; use the wardroom of this cluster",
        ));
    }
    Ok(())
}

/// A number that no manager has or had; a worker has none.
pub(super) fn raft_id(context: &Context, role: Role) -> u64 {
    if role == Role::Worker {
        return 0;
    }
    loop {
        let drawn = context.chance.next_u64();
        if drawn != 0 && !context.replica.read(|state| state.raft_id_used(drawn)) {
            return drawn;
        }
    }
}

/// What it is by the state, which keeps more of a node that is known than it was asked to.
fn admitted(
    context: &Context,
    id: &NodeId,
    certificate_pem: String,
    roots_pem: String,
    index: u64,
) -> Result<v1::AdmitResponse, Failure> {
    let node = context.replica.read(|state| state.nodes().get(id).cloned());
    let node = node.ok_or_else(|| Failure::conflict("this node was removed while it joined; join again"))?;
    Ok(v1::AdmitResponse {
        node_id: id.to_string(),
        cluster_id: context.config.cluster_id.clone(),
        role: convert::role(certified_role(&node)).into(),
        raft_id: node.raft_id,
        certificate_pem,
        roots_pem,
        managers: managers(context, id.as_str()),
        address: node.address,
        index,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_s_words_are_plain() {
        let check = |hostname: &str, version: &str| {
            check_words(&v1::AdmitRequest {
                hostname: hostname.into(),
                version: version.into(),
                ..Default::default()
            })
        };
        assert!(check("ember-1.example", "0.3.0+abc").is_ok() && check("ember", "").is_ok());
        for bad in ["", "a b", "\u{1b}[2J", "é", &"x".repeat(64)] {
            assert!(check(bad, "").is_err(), "{bad:?}");
        }
        assert!(check("ember", "1.0\n").is_err() && check("ember", &"x".repeat(65)).is_err());
    }
}
