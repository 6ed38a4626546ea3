//! What are the cluster's settings, and which tokens let nodes in?

use super::audited::{counted, duration};
use super::step::Step;
use crate::cluster::{Cluster, JoinToken};
use crate::node::Role;
use crate::refusal::Refusal;
use crate::validate;

/// What is to change; `None` stays.
pub(super) struct Settings {
    pub(super) certificate_life_ms: Option<u64>,
    pub(super) heartbeat_ms: Option<u64>,
    pub(super) task_history: Option<u32>,
    pub(super) snapshot_every: Option<u64>,
}

pub(super) fn update(step: &mut Step<'_>, new: &Settings) -> Result<(), Refusal> {
    let cluster = step.state.cluster().ok_or(Refusal::NotBootstrapped)?;
    new.certificate_life_ms.map_or(Ok(()), validate::certificate_life)?;
    new.heartbeat_ms.map_or(Ok(()), validate::heartbeat)?;
    new.snapshot_every.map_or(Ok(()), validate::snapshot_every)?;
    let mut changed = cluster.clone();
    changed.certificate_life_ms = new.certificate_life_ms.unwrap_or(cluster.certificate_life_ms);
    changed.heartbeat_ms = new.heartbeat_ms.unwrap_or(cluster.heartbeat_ms);
    changed.task_history = new.task_history.unwrap_or(cluster.task_history);
    changed.snapshot_every = new.snapshot_every.unwrap_or(cluster.snapshot_every);
    let (name, detail) = (cluster.name.clone(), difference(cluster, &changed));
    if !detail.is_empty() {
        step.edit_cluster(|cluster| *cluster = changed);
        step.audit("cluster.update", name, detail);
    }
    Ok(())
}

fn difference(old: &Cluster, new: &Cluster) -> String {
    let life = |cluster: &Cluster| duration(cluster.certificate_life_ms);
    let heartbeat = |cluster: &Cluster| duration(cluster.heartbeat_ms);
    let settings = [
        ("certificate life", life(old), life(new)),
        ("heartbeat", heartbeat(old), heartbeat(new)),
        (
            "task history",
            old.task_history.to_string(),
            new.task_history.to_string(),
        ),
        (
            "snapshot every",
            old.snapshot_every.to_string(),
            new.snapshot_every.to_string(),
        ),
    ];
    let changed = settings.iter().filter(|(_, old, new)| old != new);
    let words: Vec<String> = changed
        .map(|(name, old, new)| format!("{name} {old} -> {new}"))
        .collect();
    words.join(", ")
}

/// The token before admits nobody from now on.
pub(super) fn rotate_token(step: &mut Step<'_>, role: Role, token: &JoinToken) -> Result<(), Refusal> {
    let cluster = step.state.cluster().ok_or(Refusal::NotBootstrapped)?;
    let other = match role {
        Role::Manager => cluster.token(Role::Worker),
        Role::Worker => cluster.token(Role::Manager),
    };
    check_join_tokens(token, other)?;
    if cluster.token(role).is(&token.digest) {
        return Err(Refusal::TokenInvalid);
    }
    step.edit_cluster(|cluster| *cluster.token_mut(role) = token.clone());
    step.audit(
        "token.rotate",
        role.as_str(),
        format!("{}, {}", life_words(token), uses_words(token.max_uses)),
    );
    Ok(())
}

/// A token says its role by its secret: one secret cannot be both.
pub(super) fn check_join_tokens(new: &JoinToken, other: &JoinToken) -> Result<(), Refusal> {
    let usable = |token: &JoinToken| token.digest != [0; 32] && !token.sealed_secret.is_empty();
    if usable(new) && new.digest != other.digest {
        Ok(())
    } else {
        Err(Refusal::TokenInvalid)
    }
}

fn life_words(token: &JoinToken) -> String {
    if token.expires_at_ms == 0 {
        return "does not expire".to_owned();
    }
    let life = token.expires_at_ms.saturating_sub(token.created_at_ms);
    format!("expires in {}", duration(u64::try_from(life).unwrap_or(0)))
}

fn uses_words(max_uses: u32) -> String {
    if max_uses == 0 {
        "for any number of nodes".to_owned()
    } else {
        format!(
            "for {}",
            counted(usize::try_from(max_uses).unwrap_or(usize::MAX), "node")
        )
    }
}
