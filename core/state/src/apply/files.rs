//! May this task have these files? A worker gets only versions that its task has a claim to and whose value exists.

use std::collections::BTreeSet;

use crate::refusal::Refusal;
use crate::service::Service;
use crate::state::State;
use crate::task::SecretFile;
use crate::validate;

/// The files sorted by target. `held` is what the task was given before.
pub(super) fn checked(
    state: &State,
    owner: &Service,
    held: &[SecretFile],
    files: &[SecretFile],
) -> Result<Vec<SecretFile>, Refusal> {
    let mut files = files.to_vec();
    files.sort_by(|a, b| a.target.cmp(&b.target));
    let mut targets = BTreeSet::new();
    for file in &files {
        let refusal = || Refusal::NotGranted {
            service: owner.spec.name.clone(),
            target: file.target.clone(),
        };
        if validate::target(&file.target)? != file.target || !targets.insert(&file.target) {
            return Err(refusal());
        }
        let granted = owner.spec.grants.iter().any(|grant| {
            grant.target == file.target
                && grant.secret == file.secret
                && grant.pinned.is_none_or(|version| version == file.version)
        });
        // While an update rolls, a task of the spec before still follows what it was given.
        let kept = || {
            held.iter()
                .any(|old| old.target == file.target && old.secret == file.secret)
        };
        if !granted && !kept() {
            return Err(refusal());
        }
        let secret = state.secrets().get(&file.secret).ok_or_else(refusal)?;
        let version = secret
            .versions
            .get(&file.version)
            .filter(|version| version.id == file.version_id);
        if version.ok_or_else(refusal)?.sealed.is_none() {
            return Err(Refusal::VersionGone {
                secret: secret.name.clone(),
                version: file.version,
            });
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use crate::command::TaskChange;
    use crate::ids::{TaskId, VersionId};
    use crate::script::{Script, change, create, expect, revoke, rotate, secret};
    use crate::task::SecretFile;

    #[test]
    fn nobody_gets_a_file_without_a_grant_or_a_value() {
        let mut script = Script::with_web(&["db"]);
        script.play(create("api"));
        script.play(rotate("db", 2));
        let wanted = script.state.files_wanted(script.state.find_service("web").unwrap());
        let give = |file: SecretFile| {
            change(TaskChange::Files {
                task: TaskId::new("t1"),
                files: vec![file],
            })
        };
        let stale = "Conflict: service web has no grant for 'db' with that version; plan again";
        let (secret, version_id) = (secret("api"), VersionId::new("v-api-1"));
        expect(
            &script.play(give(SecretFile {
                secret,
                version_id,
                version: 1,
                ..wanted[0].clone()
            })),
            stale,
        );
        expect(
            &script.play(give(SecretFile {
                version: 1,
                ..wanted[0].clone()
            })),
            stale,
        );
        script.play(revoke("db", Some(2)));
        expect(
            &script.play(give(wanted[0].clone())),
            "Precondition: version 2 of secret 'db' has no value any more; name another version or follow the current one",
        );
    }
}
