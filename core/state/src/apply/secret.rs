//! How does a secret come and go?

use std::collections::BTreeMap;

use super::audited::{counted, shorten};
use super::holding;
use super::retention::check_schedule;
use super::step::Step;
use crate::command::NewVersion;
use crate::ids::{SecretId, ServiceId, TaskId};
use crate::refusal::{Noun, Refusal};
use crate::secret::{Schedule, Secret, Template, Version, VersionState};
use crate::service::{Service, ServiceSpec, UpdateState, UpdateStatus};
use crate::state::State;
use crate::validate;

/// Superseded versions that a new secret keeps sealed for a roll-back.
const KEEP_VERSIONS: u32 = 5;

pub(super) struct Creation<'a> {
    pub(super) id: &'a SecretId,
    pub(super) name: &'a str,
    pub(super) labels: &'a BTreeMap<String, String>,
    pub(super) max_age_ms: u64,
    pub(super) template: Template,
    pub(super) schedule: Option<&'a Schedule>,
    pub(super) version: &'a NewVersion,
}

pub(super) fn create(step: &mut Step<'_>, new: &Creation<'_>) -> Result<(), Refusal> {
    validate::secret_name(new.name)?;
    check_size(new.version)?;
    if let Some(schedule) = new.schedule {
        check_schedule(schedule, new.max_age_ms)?;
    }
    if step.state.secrets().contains_key(new.id) {
        return Err(Refusal::IdTaken {
            noun: Noun::Secret,
            id: new.id.to_string(),
        });
    }
    if name_is_taken(step.state, new.name) {
        return Err(Refusal::NameTaken {
            noun: Noun::Secret,
            name: new.name.to_owned(),
        });
    }
    let first = version_of(step, new.version, 1, new.name.to_owned());
    step.insert_secret(Secret {
        id: new.id.clone(),
        name: new.name.to_owned(),
        labels: new.labels.clone(),
        current: Some(1),
        versions: BTreeMap::from([(1, first)]),
        max_age_ms: new.max_age_ms,
        keep_versions: KEEP_VERSIONS,
        lease_ms: 0,
        keep_ms: 0,
        template: new.template,
        schedule: new.schedule.cloned(),
        schedule_failure: None,
        created_at_ms: step.now_ms,
        updated_at_ms: step.now_ms,
        version_index: step.index,
    });
    step.audit("secret.create", new.name, format!("v1, {} bytes", new.version.size));
    Ok(())
}

/// Refused while a spec, or one that a roll-back under way could return to, or a task that still runs by an older one, has
/// it. A service whose update is over only loses its way back: a roll-back is refused then, and never half done.
pub(super) fn remove(step: &mut Step<'_>, id: &SecretId) -> Result<(), Refusal> {
    let secret = known(step.state, id)?;
    let (name, versions) = (secret.name.clone(), secret.versions.len());
    if let Some(refusal) = in_use(step.state, secret) {
        return Err(refusal);
    }
    let lost = give_up_ways_back(step, id);
    let tasks: Vec<TaskId> = step.state.tasks_with(id).map(|task| task.id.clone()).collect();
    for task in tasks {
        step.edit_task(&task, |task| task.files.retain(|file| file.secret != *id));
    }
    let rotations: Vec<_> = step
        .state
        .rotations_of(id)
        .map(|rotation| rotation.id.clone())
        .collect();
    for rotation in rotations {
        step.remove_rotation(&rotation);
    }
    let owing = leave_debts(step, id, &name);
    step.remove_secret(id);
    let debts = if owing == 0 {
        String::new()
    } else {
        format!(", {} owed", counted(owing, "erasure receipt"))
    };
    step.audit(
        "secret.remove",
        name,
        format!("{}{debts}{lost}", counted(versions, "version")),
    );
    Ok(())
}

/// `, no way back for web`: the services whose spec before had the secret have none any more.
fn give_up_ways_back(step: &mut Step<'_>, id: &SecretId) -> String {
    let services: Vec<(ServiceId, String)> = step
        .state
        .services_with(id)
        .map(|service| (service.id.clone(), service.spec.name.clone()))
        .collect();
    let mut names = Vec::with_capacity(services.len());
    for (service, name) in services {
        step.edit_service(&service, |service| service.previous = None);
        names.push(name);
    }
    if names.is_empty() {
        return String::new();
    }
    names.sort();
    format!(", no way back for {}", shorten(&names.join(", "), 300))
}

/// What workers still hold stays listed until they say that it is gone, also after the secret itself is.
fn leave_debts(step: &mut Step<'_>, id: &SecretId, name: &str) -> usize {
    let keys: Vec<_> = step.state.holdings_of_secret(id).map(|(key, _)| key.clone()).collect();
    let mut owing = 0;
    for key in keys {
        if holding::cut(step, &key) {
            owing += 1;
            step.edit_holding(&key, |holding| holding.message = format!("secret {name} was removed"));
        } else {
            step.remove_holding(&key);
        }
    }
    owing
}

fn in_use(state: &State, secret: &Secret) -> Option<Refusal> {
    let grants = |spec: &ServiceSpec| spec.grants.iter().any(|grant| grant.secret == secret.id);
    let mut now: Vec<&Service> = state
        .services_with(&secret.id)
        .filter(|service| grants(&service.spec))
        .collect();
    // While an update rolls, tasks of the spec before still read it.
    let live = state.tasks_with(&secret.id).filter(|task| task.is_live());
    now.extend(live.filter_map(|task| state.services().get(&task.service)));
    let only_previous = now.is_empty();
    if only_previous {
        now.extend(state.services_with(&secret.id).filter(|service| may_go_back(service)));
    }
    let mut services: Vec<String> = now.into_iter().map(|service| service.spec.name.clone()).collect();
    services.sort();
    services.dedup();
    (!services.is_empty()).then(|| Refusal::SecretInUse {
        secret: secret.name.clone(),
        services,
        only_previous,
    })
}

/// Whether its update is not over, and may need the spec before.
fn may_go_back(service: &Service) -> bool {
    let over = |status: &UpdateStatus| matches!(status.state, UpdateState::Completed | UpdateState::RollbackCompleted);
    service.update_status.as_ref().is_some_and(|status| !over(status))
}

pub(super) fn known<'a>(state: &'a State, id: &SecretId) -> Result<&'a Secret, Refusal> {
    state.secrets().get(id).ok_or_else(|| Refusal::NotFound {
        noun: Noun::Secret,
        reference: id.to_string(),
    })
}

/// Names are unique in any case, those of versions included.
pub(super) fn name_is_taken(state: &State, name: &str) -> bool {
    state.derived.secret_names.contains_key(&name.to_lowercase())
}

pub(super) fn check_size(version: &NewVersion) -> Result<(), Refusal> {
    validate::secret_size(usize::try_from(version.size).unwrap_or(usize::MAX))
}

pub(super) fn version_of(step: &Step<'_>, new: &NewVersion, number: u32, name: String) -> Version {
    Version {
        id: new.id.clone(),
        number,
        name,
        size: new.size,
        state: VersionState::Current,
        state_since_ms: step.now_ms,
        created_at_ms: step.now_ms,
        created_by: step.actor.name.clone(),
        sealed: Some(new.sealed.clone()),
        receipt_digest: new.receipt_digest,
        fingerprint: new.fingerprint,
    }
}

#[cfg(test)]
mod tests {
    use crate::command::{Command, NewVersion, TaskChange};
    use crate::holding::HoldingState;
    use crate::script::{
        self, Script, create, expect, new_version, receipt, receipts, rotate, service_id, spec, update,
    };
    use crate::task::TaskState;

    #[test]
    fn names_are_unique_in_any_case_and_among_versions() {
        let mut script = Script::new();
        expect(
            &script.play(create("db")),
            "secret s-db\nsecret.create db [ok] v1, 12 bytes",
        );
        let taken = |script: &mut Script, name: &str| {
            let Command::CreateSecret { version, .. } = create(name) else {
                unreachable!("a creation")
            };
            let id = script::secret("other");
            let (name, labels) = (name.to_owned(), std::collections::BTreeMap::new());
            script.play(Command::CreateSecret {
                id,
                name,
                labels,
                max_age_ms: 0,
                template: crate::secret::Template::None,
                schedule: None,
                version,
            })
        };
        expect(&taken(&mut script, "DB"), "AlreadyExists: secret DB already exists");
        script.play(rotate("db", 2));
        expect(
            &taken(&mut script, "db_V2"),
            "AlreadyExists: secret db_V2 already exists",
        );
        expect(
            &script.play(create("db")),
            "AlreadyExists: secret id s-db already exists; propose again with a new id",
        );
    }

    #[test]
    fn size_and_name_are_checked_inside_too() {
        let mut script = Script::new();
        let creation = |name: &str, size: u32| {
            let version = NewVersion {
                size,
                ..new_version(name, 1)
            };
            let (id, labels) = (script::secret("x"), std::collections::BTreeMap::new());
            Command::CreateSecret {
                id,
                name: name.to_owned(),
                labels,
                max_age_ms: 0,
                template: crate::secret::Template::None,
                schedule: None,
                version,
            }
        };
        let too_big = "Invalid: secret data must be larger than 0 and less than 512000 bytes";
        expect(&script.play(creation("x", 0)), too_big);
        expect(&script.play(creation("x", 512_000)), too_big);
        expect(&script.play(creation("", 1)), "Invalid: name must be provided");
    }

    #[test]
    fn a_used_secret_stays_until_no_update_can_return_to_it() {
        let mut script = Script::with_web(&["db"]);
        let remove = || Command::RemoveSecret {
            secret: script::secret("db"),
        };
        let in_use = "Precondition: secret 'db' is in use by the following service: web";
        expect(&script.play(remove()), in_use);
        script.play(update("web", spec("web", &[])));
        // The task still runs by the spec before.
        expect(&script.play(remove()), in_use);
        script.refresh("t1");
        let returns = "(its update is not over, and may go back to it; wait for that, or revoke the secret)";
        expect(&script.play(remove()), &format!("{in_use} {returns}"));
        script.play(Command::AdvanceUpdate {
            service: service_id("web"),
            state: crate::service::UpdateState::Completed,
            message: "update completed".into(),
        });
        expect(
            &script.play(remove()),
            "-secret s-db
             service svc-web
             holding s-db v1 t1: Pending, owed
             secret.remove db [ok] 1 version, 1 erasure receipt owed, no way back for web",
        );
        let back = Command::RollbackService {
            id: service_id("web"),
            expected: None,
        };
        expect(
            &script.play(back),
            "Precondition: service web does not have a previous spec",
        );
        expect(
            &script.play(receipts("n1", vec![receipt("t1", "db", 1, HoldingState::Erased)])),
            "-holding s-db v1 t1
             secret.erase s-db v1 -> ember web.1 [ok] target db",
        );
    }

    #[test]
    fn a_removed_service_no_longer_uses_it() {
        let mut script = Script::with_web(&["db"]);
        script.play(receipts("n1", vec![receipt("t1", "db", 1, HoldingState::Present)]));
        script.play(Command::RemoveService { id: service_id("web") });
        script.play(script::status("n1", "t1", TaskState::Shutdown));
        script.play(receipts("n1", vec![receipt("t1", "db", 1, HoldingState::Erased)]));
        expect(
            &script.play(Command::RemoveSecret {
                secret: script::secret("db"),
            }),
            "-secret s-db\ntask t1\n-holding s-db v1 t1\nsecret.remove db [ok] 1 version",
        );
        let reap = TaskChange::Reap {
            task: crate::ids::TaskId::new("t1"),
        };
        expect(&script.play(script::change(reap)), "-task t1");
        expect(
            &script.play(Command::RemoveSecret {
                secret: script::secret("db"),
            }),
            "NotFound: secret s-db not found",
        );
    }
}
