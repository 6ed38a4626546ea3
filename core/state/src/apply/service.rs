//! How does a service come, change and go?

use super::audited::counted;
use super::holding;
use super::rotate::check_token;
use super::step::Step;
use crate::ids::{SecretId, ServiceId, TaskId};
use crate::refusal::{Noun, Refusal};
use crate::service::{Grant, Mode, OnChange, Service, ServiceSpec};
use crate::state::State;
use crate::task::TaskState;
use crate::validate;

pub(super) fn create(step: &mut Step<'_>, id: &ServiceId, spec: &ServiceSpec) -> Result<(), Refusal> {
    let spec = canonical(step.state, spec, &[])?;
    if step.state.services().contains_key(id) {
        return Err(Refusal::IdTaken {
            noun: Noun::Service,
            id: id.to_string(),
        });
    }
    if step.state.derived.service_names.contains_key(&spec.name.to_lowercase()) {
        return Err(Refusal::NameTaken {
            noun: Noun::Service,
            name: spec.name,
        });
    }
    let name = spec.name.clone();
    let mut detail = vec![mode_words(spec.mode)];
    detail.extend(spec.grants.iter().map(|grant| format!("+{}", grant_words(step, grant))));
    step.insert_service(Service {
        id: id.clone(),
        spec,
        previous: None,
        created_at_ms: step.now_ms,
        updated_at_ms: step.now_ms,
        version_index: step.index,
    });
    step.audit("service.create", name, detail.join(", "));
    Ok(())
}

pub(super) fn update(
    step: &mut Step<'_>,
    id: &ServiceId,
    spec: &ServiceSpec,
    expected: Option<u64>,
) -> Result<(), Refusal> {
    let service = known(step.state, id)?;
    check_token(service.version_index, expected)?;
    if service.spec.name != spec.name {
        return Err(Refusal::RenameUnsupported);
    }
    if std::mem::discriminant(&service.spec.mode) != std::mem::discriminant(&spec.mode) {
        return Err(Refusal::ModeChangeUnsupported);
    }
    let spec = canonical(step.state, spec, &service.spec.grants)?;
    if service.spec == spec {
        return Ok(());
    }
    let (name, detail) = (spec.name.clone(), difference(step, &service.spec, &spec));
    step.edit_service(id, |service| {
        service.previous = Some(std::mem::replace(&mut service.spec, spec));
    });
    step.audit("service.update", name, detail);
    Ok(())
}

/// Its placed tasks stay until their workers have let go of them; nobody has to wait for the others.
pub(super) fn remove(step: &mut Step<'_>, id: &ServiceId) -> Result<(), Refusal> {
    let name = known(step.state, id)?.spec.name.clone();
    let tasks: Vec<(TaskId, bool)> = step
        .state
        .tasks_of(id)
        .map(|task| (task.id.clone(), task.node.is_some()))
        .collect();
    for (task, placed) in &tasks {
        if *placed {
            step.edit_task(task, |task| task.desired = TaskState::Remove);
            holding::cut_task(step, task);
        } else {
            step.remove_task(task);
        }
    }
    step.remove_service(id);
    step.audit("service.remove", name, counted(tasks.len(), "task"));
    Ok(())
}

pub(super) fn known<'a>(state: &'a State, id: &ServiceId) -> Result<&'a Service, Refusal> {
    state.services().get(id).ok_or_else(|| Refusal::NotFound {
        noun: Noun::Service,
        reference: id.to_string(),
    })
}

/// The spec with its grants in canonical form. Grants that were there before may point at a revoked secret: scaling a
/// service must stay possible after a revoke.
fn canonical(state: &State, spec: &ServiceSpec, before: &[Grant]) -> Result<ServiceSpec, Refusal> {
    validate::service_spec(spec)?;
    let unknown = spec
        .grants
        .iter()
        .map(|grant| &grant.secret)
        .filter(|id| !state.secrets().contains_key(*id));
    let mut unknown: Vec<String> = unknown.map(SecretId::to_string).collect();
    unknown.sort();
    unknown.dedup();
    if !unknown.is_empty() {
        return Err(Refusal::SecretsNotFound(unknown));
    }
    let name_of = |grant: &Grant| {
        state
            .secrets()
            .get(&grant.secret)
            .map_or_else(String::new, |s| s.name.clone())
    };
    let grants = validate::grants(&spec.grants, name_of)?;
    for grant in &grants {
        let was_there = before
            .iter()
            .any(|old| old.secret == grant.secret && old.pinned == grant.pinned);
        if !was_there {
            check_live(state, grant)?;
        }
    }
    Ok(ServiceSpec { grants, ..spec.clone() })
}

fn check_live(state: &State, grant: &Grant) -> Result<(), Refusal> {
    if state.version_wanted(grant).is_some() {
        return Ok(());
    }
    let secret = super::secret::known(state, &grant.secret)?;
    let name = secret.name.clone();
    Err(match grant.pinned {
        None => Refusal::NoCurrentVersion { secret: name },
        Some(version) if secret.versions.contains_key(&version) => Refusal::VersionGone { secret: name, version },
        Some(version) => Refusal::VersionNotFound { secret: name, version },
    })
}

/// `+api_key as key.txt (swap), -db_password, 1 replica -> 3 replicas`.
fn difference(step: &Step<'_>, old: &ServiceSpec, new: &ServiceSpec) -> String {
    let added = new.grants.iter().filter(|grant| !old.grants.contains(grant));
    let removed = old.grants.iter().filter(|grant| !new.grants.contains(grant));
    let mut words: Vec<String> = removed.map(|grant| format!("-{}", grant_words(step, grant))).collect();
    words.extend(added.map(|grant| format!("+{}", grant_words(step, grant))));
    if old.mode != new.mode {
        words.push(format!("{} -> {}", mode_words(old.mode), mode_words(new.mode)));
    }
    if old.command != new.command || old.executor != new.executor {
        words.push("new command".to_owned());
    }
    if old.labels != new.labels {
        words.push("new labels".to_owned());
    }
    if old.update_parallelism != new.update_parallelism || old.update_monitor_ms != new.update_monitor_ms {
        words.push("new update settings".to_owned());
    }
    words.join(", ")
}

fn grant_words(step: &Step<'_>, grant: &Grant) -> String {
    let secret = step.secret_name(&grant.secret);
    let pinned = grant.pinned.map_or_else(String::new, |version| format!(" v{version}"));
    let target = if grant.target == secret {
        String::new()
    } else {
        format!(" as {}", grant.target)
    };
    let on_change = match &grant.on_change {
        OnChange::Swap => "swap",
        OnChange::Restart => "restart",
        OnChange::Signal(signal) => signal,
    };
    format!("{secret}{pinned}{target} ({on_change})")
}

fn mode_words(mode: Mode) -> String {
    match mode {
        Mode::Replicated(replicas) => counted(usize::try_from(replicas).unwrap_or(usize::MAX), "replica"),
        Mode::Global => "global".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::command::Command;
    use crate::ids::SecretId;
    use crate::script::{Script, create, expect, grant, revoke, service, service_id, spec, update};
    use crate::service::{Executor, Grant, Mode, OnChange, ServiceSpec};

    fn with_grants(grants: Vec<Grant>) -> ServiceSpec {
        ServiceSpec {
            grants,
            ..spec("web", &[])
        }
    }

    #[test]
    fn grants_are_kept_in_canonical_form() {
        let mut script = Script::new();
        script.play(create("api"));
        script.play(create("db"));
        let grants = vec![
            Grant {
                target: "./z//db".into(),
                ..grant("db")
            },
            grant("api"),
        ];
        expect(
            &script.play(Command::CreateService {
                id: service_id("web"),
                spec: with_grants(grants),
            }),
            "service svc-web\nservice.create web [ok] 1 replica, +api (swap), +db as z/db (swap)",
        );
        let service = script.state.find_service("web").unwrap();
        let targets: Vec<&str> = service.spec.grants.iter().map(|grant| grant.target.as_str()).collect();
        assert_eq!(targets, ["api", "z/db"]);
        assert_eq!(script.state.files_wanted(service).len(), 2);
    }

    #[test]
    fn refusals() {
        let mut script = Script::new();
        script.play(create("api"));
        script.play(create("db"));
        let mut check = |spec: ServiceSpec, refusal: &str| {
            expect(
                &script.play(Command::CreateService {
                    id: service_id("web"),
                    spec,
                }),
                refusal,
            );
        };
        let at = |name: &str, target: &str| Grant {
            target: target.into(),
            ..grant(name)
        };
        let conflict = "Invalid: secret references 'api' and 'db' have a conflicting target: 'a/b'";
        check(with_grants(vec![at("api", "a/b"), at("db", "a//b")]), conflict);
        check(spec("web", &["nope"]), "Invalid: secret not found: s-nope");
        check(
            spec("web", &["nope", "db", "missing"]),
            "Invalid: secrets not found: s-missing, s-nope",
        );
        check(spec("", &[]), "Invalid: meta: name must be provided");
        check(
            with_grants(vec![at("db", "/etc/db")]),
            "Invalid: secret target '/etc/db' is an absolute path; give a path below the secrets directory, like db_password",
        );
        let mode = Grant {
            mode: 0o4755,
            ..grant("db")
        };
        check(
            with_grants(vec![mode]),
            "Invalid: invalid mode specified: 4755 has more than permission bits; use 0000 to 0777, like 0444",
        );
        let signal = Grant {
            on_change: OnChange::Signal("SIGKILL".into()),
            ..grant("db")
        };
        check(
            with_grants(vec![signal]),
            "Invalid: signal 'SIGKILL' is not known; use one of SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, SIGCONT, SIGWINCH, SIGALRM",
        );
        let pinned = Grant {
            pinned: Some(7),
            ..grant("db")
        };
        check(
            with_grants(vec![pinned]),
            "NotFound: secret db has no version 7; see its versions and name one of them",
        );
        let process = ServiceSpec {
            executor: Executor::Process,
            ..spec("web", &[])
        };
        check(process, "Invalid: a service that runs a process needs a command");
        let many = ServiceSpec {
            mode: Mode::Replicated(5_000),
            ..spec("web", &[])
        };
        check(many, "Invalid: 5000 replicas are too many; a service has at most 1000");
    }

    #[test]
    fn an_update_keeps_what_a_roll_back_needs_and_names_the_difference() {
        let mut script = Script::with_web(&["db"]);
        script.play(create("api"));
        let mut next = spec("web", &["api"]);
        next.mode = Mode::Replicated(3);
        expect(
            &script.play(update("web", next.clone())),
            "service svc-web\nservice.update web [ok] -db (swap), +api (swap), 1 replica -> 3 replicas",
        );
        let service = script.state.find_service("web").unwrap();
        assert_eq!(service.previous.as_ref(), Some(&spec("web", &["db"])));
        expect(&script.play(update("web", next.clone())), "");
        let stale = Command::UpdateService {
            id: service_id("web"),
            spec: next.clone(),
            expected: Some(1),
        };
        expect(&script.play(stale), "Conflict: update out of sequence");
        let renamed = ServiceSpec {
            name: "www".into(),
            ..next.clone()
        };
        expect(
            &script.play(update("web", renamed)),
            "Invalid: renaming services is not supported; create a new service and remove this one",
        );
        let global = ServiceSpec {
            mode: Mode::Global,
            ..next
        };
        expect(
            &script.play(update("web", global)),
            "Invalid: service mode change is not allowed; create a new service and remove this one",
        );
    }

    #[test]
    fn scaling_stays_possible_after_a_revoke() {
        let mut script = Script::with_web(&["db"]);
        script.play(revoke("db", Some(1)));
        let scaled = ServiceSpec {
            mode: Mode::Replicated(2),
            ..spec("web", &["db"])
        };
        expect(
            &script.play(update("web", scaled)),
            "service svc-web\nservice.update web [ok] 1 replica -> 2 replicas",
        );
        expect(
            &script.play(service("api", &["db"])),
            "Precondition: secret 'db' has no current version; rotate it first",
        );
        let gone = ServiceSpec {
            grants: vec![Grant {
                pinned: Some(1),
                secret: SecretId::new("s-db"),
                ..grant("db")
            }],
            ..spec("api", &[])
        };
        expect(
            &script.play(Command::CreateService {
                id: service_id("api"),
                spec: gone,
            }),
            "Precondition: version 1 of secret 'db' has no value any more; name another version or follow the current one",
        );
    }

    #[test]
    fn removing_leaves_placed_tasks_to_their_workers() {
        let mut script = Script::with_web(&["db"]);
        expect(
            &script.play(service("WEB", &[])),
            "AlreadyExists: service WEB already exists",
        );
        expect(
            &script.play(Command::RemoveService { id: service_id("web") }),
            "-service svc-web
             task t1
             holding s-db v1 t1: Pending, owed
             service.remove web [ok] 1 task",
        );
        expect(
            &script.play(Command::RemoveService { id: service_id("web") }),
            "NotFound: service svc-web not found",
        );
    }
}
