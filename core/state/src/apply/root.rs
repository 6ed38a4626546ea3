//! Which roots are trusted? A new one takes over, and an older one goes once no certificate hangs on it.

use super::audited::shorten;
use super::policy;
use super::rotate::check_token;
use super::step::Step;
use crate::cluster::{Cluster, JoinToken, RetiringRoot};
use crate::refusal::Refusal;

/// Whoever trusts only the oldest root reaches the newest over one intermediate a rotation, and TLS follows six.
const RETIRING_MAX: usize = 6;

pub(super) struct NewRoot<'a> {
    pub(super) certificate: &'a str,
    pub(super) fingerprint: &'a str,
    pub(super) key_id: &'a str,
    pub(super) not_after_ms: i64,
    pub(super) sealed_key: &'a [u8],
    pub(super) cross_signed: &'a str,
    pub(super) worker_token: &'a JoinToken,
    pub(super) manager_token: &'a JoinToken,
    pub(super) expected: Option<u64>,
}

pub(super) fn rotate(step: &mut Step<'_>, new: &NewRoot<'_>) -> Result<(), Refusal> {
    let cluster = step.state.cluster().ok_or(Refusal::NotBootstrapped)?;
    check_token(cluster.version_index, new.expected)?;
    let known = |fingerprint: &str, key_id: &str| fingerprint == new.fingerprint || key_id == new.key_id;
    let retiring = &cluster.retiring;
    if known(&cluster.root_fingerprint, &cluster.root_key_id)
        || retiring.iter().any(|root| known(&root.fingerprint, &root.key_id))
    {
        return Err(Refusal::RootKeyReused);
    }
    if retiring.len() >= RETIRING_MAX {
        let retiring = retiring.len();
        return Err(Refusal::RootsTooMany { retiring });
    }
    check_tokens(cluster, new)?;
    let name = cluster.name.clone();
    let detail = format!("sha256 {} -> {}", cluster.root_fingerprint, new.fingerprint);
    let since_ms = step.now_ms;
    step.edit_cluster(|cluster| {
        cluster.retiring.push(RetiringRoot {
            certificate: std::mem::replace(&mut cluster.root_certificate, new.certificate.to_owned()),
            fingerprint: std::mem::replace(&mut cluster.root_fingerprint, new.fingerprint.to_owned()),
            key_id: std::mem::replace(&mut cluster.root_key_id, new.key_id.to_owned()),
            cross_signed: new.cross_signed.to_owned(),
            since_ms,
        });
        cluster.root_not_after_ms = new.not_after_ms;
        cluster.sealed_root_key = new.sealed_key.to_vec();
        cluster.worker_token = unused(new.worker_token);
        cluster.manager_token = unused(new.manager_token);
    });
    step.audit("root.rotate", name, detail);
    Ok(())
}

/// A token says its role by its secret, and its root by the rest: all are new.
fn check_tokens(cluster: &Cluster, new: &NewRoot<'_>) -> Result<(), Refusal> {
    policy::check_token(new.worker_token)?;
    policy::check_token(new.manager_token)?;
    let known = [&cluster.worker_token, &cluster.manager_token];
    let kept = known
        .iter()
        .any(|token| token.is(&new.worker_token.digest) || token.is(&new.manager_token.digest));
    if kept || new.worker_token.is(&new.manager_token.digest) {
        return Err(Refusal::TokenInvalid);
    }
    Ok(())
}

fn unused(token: &JoinToken) -> JoinToken {
    JoinToken {
        uses: 0,
        ..token.clone()
    }
}

pub(super) fn retire(step: &mut Step<'_>, fingerprint: &str) -> Result<(), Refusal> {
    let cluster = step.state.cluster().ok_or(Refusal::NotBootstrapped)?;
    let root = cluster.retiring.iter().find(|root| root.fingerprint == fingerprint);
    let Some(root) = root else {
        return Err(Refusal::RootNotRetiring {
            fingerprint: shorten(fingerprint, 64),
        });
    };
    let names = step.state.issuers(&root.key_id, step.now_ms);
    if !names.is_empty() {
        return Err(Refusal::RootInUse { names });
    }
    let name = cluster.name.clone();
    step.edit_cluster(|cluster| cluster.retiring.retain(|root| root.fingerprint != fingerprint));
    step.audit(
        "root.retire",
        name,
        format!("sha256 {fingerprint}, no certificate hangs on it"),
    );
    Ok(())
}

#[cfg(test)]
#[path = "root_tests.rs"]
mod tests;
