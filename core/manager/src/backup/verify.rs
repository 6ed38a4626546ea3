//! Would a cluster live on from this backup? Everything sealed in it opens with the key in it, and the state holds
//! together.

use wardroom_ca::{JoinToken, Root};
use wardroom_keys::{SealContext, SealingRoot, pem};
use wardroom_state::State;
use wardroom_state::cluster::Cluster;
use wardroom_state::node::Role;
use wardroom_state::secret::{Secret, Version};

use super::{BackupError, Opened};

/// Problems that are spelled out.
const NAMED: usize = 5;

pub(super) fn check(opened: &Opened) -> Result<(), BackupError> {
    let broken = |text: &str| BackupError::Broken(text.to_owned());
    let root = SealingRoot::from_bytes(&opened.sealing_root).ok_or(BackupError::Damaged)?;
    let cluster = opened.state.cluster().ok_or_else(|| broken("it holds no cluster"))?;
    if cluster.id.as_str() != opened.cluster_id {
        return Err(broken("its state is of another cluster"));
    }
    if root.check() != cluster.sealing_root_check {
        return Err(broken("its key is not the one of its state"));
    }
    let mut problems = opened.state.check();
    problems.extend(root_problem(&root, cluster));
    problems.extend(
        [Role::Manager, Role::Worker]
            .into_iter()
            .filter_map(|role| token_problem(&root, cluster, role)),
    );
    problems
        .extend(values(&opened.state).filter_map(|(secret, version)| value_problem(&root, cluster, secret, version)));
    if problems.is_empty() {
        return Ok(());
    }
    let more = problems.len().saturating_sub(NAMED);
    problems.truncate(NAMED);
    let rest = if more == 0 {
        String::new()
    } else {
        format!("; and {more} more")
    };
    Err(BackupError::Broken(problems.join("; ") + &rest))
}

fn root_problem(root: &SealingRoot, cluster: &Cluster) -> Option<String> {
    let key = match root.open_root_key(cluster.id.as_str(), &cluster.sealed_root_key) {
        Ok(key) => key,
        Err(error) => return Some(error.to_string()),
    };
    Root::from_parts(&cluster.root_certificate, key)
        .err()
        .map(|error| error.to_string())
}

/// A token that was never made admits nobody, and is no problem.
fn token_problem(root: &SealingRoot, cluster: &Cluster, role: Role) -> Option<String> {
    let kept = cluster.token(role);
    if kept.sealed_secret.is_empty() {
        return None;
    }
    let secret = match root.open_join_secret(cluster.id.as_str(), role.as_str(), &kept.sealed_secret) {
        Ok(secret) => secret,
        Err(error) => return Some(error.to_string()),
    };
    let der = pem::decode("CERTIFICATE", cluster.root_certificate.as_bytes());
    let token = der.and_then(|der| JoinToken::from_parts(der.expose(), secret).ok());
    let same = token.is_some_and(|token| token.digest() == kept.digest);
    (!same).then(|| format!("the join token for a {role} is not what it should be"))
}

fn values(state: &State) -> impl Iterator<Item = (&Secret, &Version)> {
    let secrets = state.secrets().values();
    secrets.flat_map(|secret| secret.versions.values().map(move |version| (secret, version)))
}

fn value_problem(root: &SealingRoot, cluster: &Cluster, secret: &Secret, version: &Version) -> Option<String> {
    let sealed = version.sealed.as_ref()?;
    let context = SealContext {
        cluster: cluster.id.as_str(),
        secret: secret.id.as_str(),
        version: version.id.as_str(),
    };
    // Opened and wiped at once.
    let opened = root.open(&context, &sealed.wrapped_key, &sealed.ciphertext);
    opened
        .is_err()
        .then(|| format!("the value of {} does not open", version.name))
}
