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
    check_token(token)?;
    if cluster.token(role).is(&token.digest) || other.is(&token.digest) {
        return Err(Refusal::TokenInvalid);
    }
    let token = JoinToken {
        uses: 0,
        ..token.clone()
    };
    let words = format!("{}, {}", life_words(&token), uses_words(token.max_uses));
    step.edit_cluster(|cluster| *cluster.token_mut(role) = token);
    step.audit("token.rotate", role.as_str(), words);
    Ok(())
}

/// A token can admit somebody, and can be shown again.
pub(super) fn check_token(token: &JoinToken) -> Result<(), Refusal> {
    if token.digest == [0; 32] || token.sealed_secret.is_empty() {
        Err(Refusal::TokenInvalid)
    } else {
        Ok(())
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

/// Whether secrets in environments are refused.
pub(super) fn set_refuse_env(step: &mut Step<'_>, refuse_env: bool) -> Result<(), Refusal> {
    let cluster = step.state.cluster().ok_or(Refusal::NotBootstrapped)?;
    if cluster.refuse_env != refuse_env {
        let name = cluster.name.clone();
        let word = if refuse_env { "refused" } else { "allowed" };
        step.edit_cluster(|cluster| cluster.refuse_env = refuse_env);
        step.audit("cluster.update", name, format!("secrets in environments {word}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::cluster::JoinToken;
    use crate::command::Command;
    use crate::node::Role;
    use crate::script::{Script, expect, token};

    fn update(certificate_life_ms: Option<u64>, heartbeat_ms: Option<u64>, snapshot_every: Option<u64>) -> Command {
        Command::UpdateCluster {
            certificate_life_ms,
            heartbeat_ms,
            task_history: None,
            snapshot_every,
        }
    }

    #[test]
    fn settings_change_one_by_one() {
        let mut script = Script::new();
        expect(
            &script.play(update(Some(3_600_000), None, None)),
            "cluster\ncluster.update demo [ok] certificate life 90d -> 1h",
        );
        expect(&script.play(update(Some(3_600_000), Some(5_000), None)), "");
        let all = Command::UpdateCluster {
            certificate_life_ms: None,
            heartbeat_ms: Some(1_500),
            task_history: Some(2),
            snapshot_every: Some(100),
        };
        expect(
            &script.play(all),
            "cluster
             cluster.update demo [ok] heartbeat 5s -> 1500ms, task history 5 -> 2, snapshot every 10000 -> 100",
        );
        let cluster = script.state.cluster().unwrap();
        assert_eq!((cluster.certificate_life_ms, cluster.task_history), (3_600_000, 2));
        assert_eq!(cluster.version_index, script.state.index());
    }

    #[test]
    fn secrets_in_environments_are_refused_once_told() {
        let mut script = Script::new();
        let set = |refuse_env| Command::SetPolicy { refuse_env };
        expect(&script.play(set(false)), "");
        expect(
            &script.play(set(true)),
            "cluster\ncluster.update demo [ok] secrets in environments refused",
        );
        assert!(script.state.cluster().unwrap().refuse_env);
        expect(
            &script.play(set(false)),
            "cluster\ncluster.update demo [ok] secrets in environments allowed",
        );
    }

    #[test]
    fn settings_have_limits() {
        let mut script = Script::new();
        expect(
            &script.play(update(Some(3_599_999), None, None)),
            "Invalid: minimum certificate expiry time is: 1h0m0s",
        );
        expect(
            &script.play(update(Some(u64::MAX), None, None)),
            "Invalid: certificate life must be at most 10 years",
        );
        for heartbeat in [0, 999, 60_001] {
            expect(
                &script.play(update(None, Some(heartbeat), None)),
                "Invalid: heartbeat period must be between 1 second and 1 minute",
            );
        }
        expect(
            &script.play(update(None, None, Some(99))),
            "Invalid: snapshot interval must be at least 100 entries",
        );
    }

    #[test]
    fn a_new_token_is_new_and_unused() {
        let mut script = Script::new();
        let rotate = |role, token| Command::RotateToken { role, token };
        let used = JoinToken {
            created_at_ms: 1_000,
            expires_at_ms: 3_601_000,
            max_uses: 3,
            uses: 9,
            ..token(3)
        };
        expect(
            &script.play(rotate(Role::Worker, used)),
            "cluster\ntoken.rotate worker [ok] expires in 1h, for 3 nodes",
        );
        assert_eq!(script.state.cluster().unwrap().worker_token.uses, 0);
        expect(
            &script.play(rotate(Role::Manager, token(4))),
            "cluster\ntoken.rotate manager [ok] does not expire, for any number of nodes",
        );
        let (role, found) = script.state.token_by_digest(&[3; 32]).unwrap();
        assert_eq!((role, found.max_uses), (Role::Worker, 3));
        assert_eq!(script.state.token_by_digest(&[1; 32]), None);
        let invalid = "Invalid: a join token needs a secret of its own; propose again with a new one";
        // The one that is there, the other role's, and one that admits nobody.
        for token in [token(3), token(4), JoinToken::default()] {
            expect(&script.play(rotate(Role::Worker, token)), invalid);
        }
    }

    #[test]
    fn a_token_is_not_for_a_log_line() {
        let text = format!("{:?}", token(7));
        assert!(text.contains("max_uses") && !text.contains("7, 7"), "{text}");
    }
}
