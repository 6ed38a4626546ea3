//! How is a leaked value stopped? Grants and files are cut and the sealed value is dropped at once; the version is
//! destroyed when the last worker has said that it erased it.

use super::audited::counted;
use super::rotate::check_token;
use super::rotation::end;
use super::secret::known;
use super::step::Step;
use super::{holding, version};
use crate::holding::HoldingKey;
use crate::ids::{SecretId, ServiceId, TaskId};
use crate::refusal::Refusal;
use crate::rotation::RotationPhase;
use crate::secret::{Secret, VersionState};
use crate::task::SecretFile;

/// Every version, and the grants too.
pub(super) fn whole(step: &mut Step<'_>, id: &SecretId, expected: Option<u64>) -> Result<(), Refusal> {
    let secret = known(step.state, id)?;
    check_token(secret.version_index, expected)?;
    let name = secret.name.clone();
    let live = live_versions(secret);
    let services: Vec<ServiceId> = step.state.services_with(id).map(|service| service.id.clone()).collect();
    if live.is_empty() && services.is_empty() {
        return Err(Refusal::AlreadyRevoked { secret: name });
    }

    end(step, id, RotationPhase::Failed, "the secret was revoked");
    for service in &services {
        step.edit_service(service, |service| {
            service.spec.grants.retain(|grant| grant.secret != *id);
            if let Some(previous) = &mut service.previous {
                previous.grants.retain(|grant| grant.secret != *id);
            }
        });
    }
    cut_files(step, id, |file| file.secret == *id);
    let owing = cut_holdings(step, holding_keys(step, id, None));
    drop_values(step, id, &live);
    let cut = counted(services.len(), "service");
    step.audit(
        "secret.revoke",
        name,
        format!("every version, cut from {cut}, {}", owed(owing)),
    );
    finish(step, id, &live);
    Ok(())
}

/// One version; grants stay. Without its current version the secret has none until the next rotate.
pub(super) fn version(step: &mut Step<'_>, id: &SecretId, number: u32, expected: Option<u64>) -> Result<(), Refusal> {
    let secret = known(step.state, id)?;
    check_token(secret.version_index, expected)?;
    let name = secret.name.clone();
    if !secret.versions.contains_key(&number) {
        return Err(Refusal::VersionNotFound {
            secret: name,
            version: number,
        });
    }
    if !live_versions(secret).contains(&number) {
        return Err(Refusal::VersionAlreadyRevoked {
            secret: name,
            version: number,
        });
    }

    if step
        .state
        .running_rotation(id)
        .is_some_and(|rotation| rotation.to == number)
    {
        end(step, id, RotationPhase::Failed, &format!("v{number} was revoked"));
    }
    cut_files(step, id, |file| file.secret == *id && file.version == number);
    let owing = cut_holdings(step, holding_keys(step, id, Some(number)));
    drop_values(step, id, &[number]);
    step.audit("secret.revoke", format!("{name} v{number}"), owed(owing));
    finish(step, id, &[number]);
    Ok(())
}

fn live_versions(secret: &Secret) -> Vec<u32> {
    let gone = |state| matches!(state, VersionState::Revoked | VersionState::Destroyed);
    secret
        .versions
        .values()
        .filter(|version| !gone(version.state))
        .map(|version| version.number)
        .collect()
}

fn holding_keys(step: &Step<'_>, id: &SecretId, number: Option<u32>) -> Vec<HoldingKey> {
    let wanted = |key: &HoldingKey| number.is_none_or(|number| key.version == number);
    step.state
        .holdings_of_secret(id)
        .map(|(key, _)| key.clone())
        .filter(wanted)
        .collect()
}

fn cut_files(step: &mut Step<'_>, id: &SecretId, goes: impl Fn(&SecretFile) -> bool) {
    let affected = step.state.tasks_with(id).filter(|task| task.files.iter().any(&goes));
    let tasks: Vec<TaskId> = affected.map(|task| task.id.clone()).collect();
    for task in tasks {
        step.edit_task(&task, |task| task.files.retain(|file| !goes(file)));
    }
}

/// How many of them are owed now.
fn cut_holdings(step: &mut Step<'_>, keys: Vec<HoldingKey>) -> usize {
    let mut owing = 0;
    for key in keys {
        owing += usize::from(holding::cut(step, &key));
    }
    owing
}

fn drop_values(step: &mut Step<'_>, id: &SecretId, numbers: &[u32]) {
    let now_ms = step.now_ms;
    step.edit_secret(id, |secret| {
        for number in numbers {
            if let Some(version) = secret.versions.get_mut(number) {
                version.turn(VersionState::Revoked, now_ms);
            }
        }
        if secret.current.is_some_and(|current| numbers.contains(&current)) {
            secret.current = None;
        }
    });
}

fn finish(step: &mut Step<'_>, id: &SecretId, numbers: &[u32]) {
    for number in numbers {
        version::finish_revoked(step, id, *number);
    }
}

fn owed(owing: usize) -> String {
    if owing == 0 {
        "no worker holds it".to_owned()
    } else {
        format!("{} owed", counted(owing, "erasure receipt"))
    }
}

#[cfg(test)]
mod tests {
    use crate::command::{Command, TaskChange};
    use crate::holding::HoldingState::{Erased, Present};
    use crate::ids::TaskId;
    use crate::script::{self, Script, change, expect, inventory, receipt, receipts, revoke, rotate, spec, update};
    use crate::secret::VersionState;

    #[test]
    fn a_revoke_cuts_everything_and_ends_with_the_last_receipt() {
        let mut script = Script::with_web(&["api", "db"]);
        script.start("t2", "web", "n2");
        for (node, task) in [("n1", "t1"), ("n2", "t2")] {
            script.play(receipts(
                node,
                vec![receipt(task, "db", 1, Present), receipt(task, "api", 1, Present)],
            ));
        }
        expect(
            &script.play(revoke("db", None)),
            "secret s-db
             service svc-web
             task t1
             task t2
             holding s-db v1 t1: Present, proven, owed
             holding s-db v1 t2: Present, proven, owed
             secret.revoke db [ok] every version, cut from 1 service, 2 erasure receipts owed",
        );
        let revoked = script.state.find_secret("db").unwrap();
        assert_eq!((revoked.current, revoked.versions[&1].sealed.is_none()), (None, true));
        script.play(receipts("n1", vec![receipt("t1", "db", 1, Erased)]));
        assert_eq!(script.version("db", 1), VersionState::Revoked);
        expect(
            &script.play(receipts("n2", vec![receipt("t2", "db", 1, Erased)])),
            "secret s-db
             holding s-db v1 t2: Erased
             secret.erase db v1 -> flint web.1 [ok] target db
             secret.destroy db v1 [ok] revoked, and no worker holds it",
        );
        expect(
            &script.play(revoke("db", None)),
            "Precondition: secret 'db' is revoked already; rotate it to give it a new value, or remove it",
        );
        expect(
            &script.play(update("web", spec("web", &["api", "db"]))),
            "Precondition: secret 'db' has no current version; rotate it first",
        );
    }

    #[test]
    fn nobody_holds_it_so_it_is_destroyed_at_once() {
        let mut script = Script::new();
        script.play(script::create("db"));
        script.play(rotate("db", 2));
        expect(
            &script.play(revoke("db", None)),
            "secret s-db
             rotation r-db-2
             rotation.failed db [failed] v1 -> v2: the secret was revoked
             secret.revoke db [ok] every version, cut from 0 services, no worker holds it
             secret.destroy db v1 [ok] revoked, and no worker holds it
             secret.destroy db v2 [ok] revoked, and no worker holds it",
        );
        expect(
            &script.play(rotate("db", 3)),
            "secret s-db\nrotation r-db-3\nsecret.rotate db [ok] none -> v3 (db_v3), 12 bytes",
        );
    }

    #[test]
    fn one_version_goes_and_the_grants_stay() {
        let mut script = Script::with_web(&["db"]);
        script.play(receipts("n1", vec![receipt("t1", "db", 1, Present)]));
        script.play(rotate("db", 2));
        expect(
            &script.play(revoke("db", Some(2))),
            "secret s-db
             rotation r-db-2
             rotation.failed db [failed] v1 -> v2: v2 was revoked
             secret.revoke db v2 [ok] no worker holds it
             secret.destroy db v2 [ok] revoked, and no worker holds it",
        );
        assert_eq!(script.state.find_secret("db").unwrap().current, None);
        assert!(
            script
                .state
                .files_wanted(script.state.find_service("web").unwrap())
                .is_empty()
        );
        expect(
            &script.play(revoke("db", Some(2))),
            "Precondition: version 2 of secret 'db' is revoked already",
        );
        expect(
            &script.play(revoke("db", Some(9))),
            "NotFound: secret db has no version 9; see its versions and name one of them",
        );
        // The task kept the first version until now.
        expect(
            &script.play(revoke("db", Some(1))),
            "secret s-db
             task t1
             holding s-db v1 t1: Present, proven, owed
             secret.revoke db v1 [ok] 1 erasure receipt owed",
        );
        script.play(rotate("db", 3));
        expect(&script.refresh("t1"), "task t1\nholding s-db v3 t1: Pending");
    }

    #[test]
    fn a_silent_node_is_named_until_it_comes_back_empty() {
        let mut script = Script::with_web(&["db"]);
        script.play(receipts("n1", vec![receipt("t1", "db", 1, Present)]));
        let orphan = TaskChange::Orphan {
            task: TaskId::new("t1"),
            message: "ember is down".into(),
        };
        expect(
            &script.play(change(orphan)),
            "task t1\nholding s-db v1 t1: Present, proven, owed",
        );
        script.play(revoke("db", None));
        let reap = || {
            change(TaskChange::Reap {
                task: TaskId::new("t1"),
            })
        };
        expect(
            &script.play(reap()),
            "Precondition: task web.1 still owes an erasure receipt; wait for its node to answer",
        );
        expect(
            &script.play(inventory("n1", Vec::new())),
            "secret s-db
             holding s-db v1 t1: Erased
             secret.erase db v1 -> ember web.1 [ok] target db, not in the worker's inventory
             secret.destroy db v1 [ok] revoked, and no worker holds it",
        );
        expect(&script.play(reap()), "-task t1\n-holding s-db v1 t1");
    }

    #[test]
    fn a_worker_that_has_it_again_owes_again() {
        let mut script = Script::with_web(&["db"]);
        let say = |state| receipts("n1", vec![receipt("t1", "db", 1, state)]);
        script.play(say(Present));
        script.play(revoke("db", None));
        script.play(say(Erased));
        assert_eq!(script.version("db", 1), VersionState::Destroyed);
        script.play(say(Present));
        assert_eq!(script.version("db", 1), VersionState::Revoked);
        script.play(say(Erased));
        assert_eq!(script.version("db", 1), VersionState::Destroyed);
        expect(
            &script.play(Command::RemoveSecret {
                secret: script::secret("db"),
            }),
            "-secret s-db\n-holding s-db v1 t1\nsecret.remove db [ok] 1 version",
        );
    }
}
