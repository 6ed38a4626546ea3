//! Is the state whole? Everything that must hold between two commands, in words for whoever reads a failing test.

mod keys;
mod members;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::audit::{AUDIT_KEPT, verify_chain};
use crate::derived::Derived;
use crate::holding::{Holding, HoldingKey, HoldingState};
use crate::secret::{Secret, VersionState};
use crate::service::{Service, ServiceSpec, UpdateState};
use crate::state::State;
use crate::task::{Task, TaskState};

impl State {
    /// Broken invariants; empty when all is well. Costs a pass over the state.
    pub fn check(&self) -> Vec<String> {
        let mut broken = Broken(Vec::new());
        members::check(self, &mut broken);
        keys::check(self, &mut broken);
        self.facts.secrets.iter().for_each(|(id, secret)| {
            broken.unless(*id == secret.id, || format!("secret {id} is filed under another id"));
            check_secret(secret, &mut broken);
            check_revoked(self, secret, &mut broken);
        });
        check_names(self, &mut broken);
        self.facts
            .services
            .values()
            .for_each(|service| check_service(self, service, &mut broken));
        self.facts
            .tasks
            .values()
            .for_each(|task| check_task(self, task, &mut broken));
        self.facts
            .holdings
            .iter()
            .for_each(|(key, holding)| check_holding(self, key, holding, &mut broken));
        check_rotations(self, &mut broken);
        check_audit(self, &mut broken);
        broken.unless(self.derived == Derived::of(&self.facts), || {
            "the indexes differ from the facts".into()
        });
        broken.0
    }
}

struct Broken(Vec<String>);

impl Broken {
    fn unless(&mut self, holds: bool, words: impl FnOnce() -> String) {
        if !holds {
            self.0.push(words());
        }
    }
}

fn check_secret(secret: &Secret, broken: &mut Broken) {
    let name = &secret.name;
    for (number, version) in &secret.versions {
        let current = version.state == VersionState::Current;
        broken.unless(*number == version.number, || {
            format!("{name} v{number} is filed under another number")
        });
        broken.unless(current == (secret.current == Some(*number)), || {
            format!(
                "{name} v{number} is {:?} and the current version is {:?}",
                version.state, secret.current
            )
        });
        let valueless = matches!(version.state, VersionState::Revoked | VersionState::Destroyed);
        broken.unless(valueless == version.sealed.is_none(), || {
            format!(
                "{name} v{number} is {:?} and its sealed value does not say so",
                version.state
            )
        });
    }
    let known = secret
        .current
        .is_none_or(|number| secret.versions.contains_key(&number));
    broken.unless(known, || {
        format!("{name} has no version {:?}, its current one", secret.current)
    });
    broken.unless(!secret.versions.is_empty(), || format!("{name} has no versions"));
}

/// A revoked version that nobody owes a receipt for would be called revoked for ever.
fn check_revoked(state: &State, secret: &Secret, broken: &mut Broken) {
    let revoked = secret
        .versions
        .values()
        .filter(|version| version.state == VersionState::Revoked);
    for number in revoked.map(|version| version.number) {
        let owed = state
            .holdings_of_version(&secret.id, number)
            .any(|(_, holding)| holding.owed);
        broken.unless(owed, || {
            format!("{} v{number} is revoked and waits for nothing", secret.name)
        });
    }
}

fn check_names(state: &State, broken: &mut Broken) {
    let mut secrets = BTreeSet::new();
    for secret in state.secrets().values() {
        let names: BTreeSet<String> = secret
            .versions
            .values()
            .map(|version| version.name.to_lowercase())
            .collect();
        broken.unless(names.len() == secret.versions.len(), || {
            format!("two versions of {} share a name", secret.name)
        });
        for name in names {
            broken.unless(secrets.insert(name.clone()), || {
                format!("two secrets are called {name}")
            });
        }
    }
    let mut services = BTreeSet::new();
    for service in state.services().values() {
        let name = service.spec.name.to_lowercase();
        broken.unless(services.insert(name), || {
            format!("two services are called {}", service.spec.name)
        });
    }
}

fn check_service(state: &State, service: &Service, broken: &mut Broken) {
    let name = &service.spec.name;
    let specs: Vec<&ServiceSpec> = std::iter::once(&service.spec).chain(&service.previous).collect();
    for spec in specs {
        for grant in &spec.grants {
            let known = state.secrets().contains_key(&grant.secret);
            broken.unless(known, || {
                format!("service {name} has a grant to a missing secret {}", grant.secret)
            });
        }
        let sorted = spec.grants.windows(2).all(|pair| pair[0].target < pair[1].target);
        broken.unless(sorted, || {
            format!("the grants of service {name} are not sorted by target")
        });
    }
    check_runs(state, service, broken);
}

/// A task without a run spec could not be assigned, and one that no task needs is kept for nothing.
fn check_runs(state: &State, service: &Service, broken: &mut Broken) {
    let name = &service.spec.name;
    let mut unused: BTreeSet<u64> = service.earlier.keys().copied().collect();
    for task in state.tasks_of(&service.id) {
        unused.remove(&task.generation);
        broken.unless(service.run_of(task.generation).is_some(), || {
            format!("task {} has no run spec of generation {}", task.name, task.generation)
        });
    }
    broken.unless(unused.is_empty(), || {
        format!("service {name} keeps run specs of generations without tasks: {unused:?}")
    });
    let earlier = service.earlier.keys().all(|earlier| *earlier < service.generation);
    broken.unless(earlier, || {
        format!("service {name} keeps a run spec of a later generation")
    });
    let status = service.update_status.as_ref();
    let over = |state| matches!(state, UpdateState::Completed | UpdateState::RollbackCompleted);
    let timed = status.is_none_or(|status| over(status.state) == (status.completed_at_ms != 0));
    broken.unless(timed, || {
        format!("the update of service {name} is over at the wrong time")
    });
}

fn check_task(state: &State, task: &Task, broken: &mut Broken) {
    let name = &task.name;
    let owned = state.services().contains_key(&task.service) || task.desired == TaskState::Remove;
    broken.unless(owned, || format!("task {name} has no service and is not to be removed"));
    let placed = task.node.as_ref().is_none_or(|node| {
        state.nodes().contains_key(node) || (!task.is_live() && state.subject_removed(node.as_str()))
    });
    broken.unless(placed, || format!("task {name} is on a missing node"));
    let sorted = task.files.windows(2).all(|pair| pair[0].target < pair[1].target);
    broken.unless(sorted, || format!("the files of task {name} are not sorted by target"));
    for file in &task.files {
        let secret = state.secrets().get(&file.secret);
        let version = secret.and_then(|secret| secret.versions.get(&file.version));
        let exact = version.is_some_and(|version| version.id == file.version_id);
        broken.unless(exact, || {
            format!(
                "task {name} has a file of a missing version {} v{}",
                file.secret, file.version
            )
        });
        if task.is_live() {
            let sealed = version.is_some_and(|version| version.sealed.is_some());
            broken.unless(sealed, || {
                format!("live task {name} should hold {} whose value is gone", file.target)
            });
            let tracked = task.node.is_none()
                || state.holdings_of_task(&task.id).any(|(key, holding)| {
                    key.secret == file.secret
                        && key.version == file.version
                        && key.target == file.target
                        && !holding.owed
                });
            broken.unless(tracked, || {
                format!("file {} of task {name} has no holding, or an owed one", file.target)
            });
        }
    }
}

fn check_holding(state: &State, key: &HoldingKey, holding: &Holding, broken: &mut Broken) {
    let place = || {
        format!(
            "holding of {} v{} at {} on task {}",
            key.secret, key.version, key.target, key.task
        )
    };
    let task = state.tasks().get(&key.task);
    broken.unless(task.is_some(), || format!("{}: the task is missing", place()));
    let same_node = task.is_none_or(|task| task.node.as_ref() == Some(&key.node));
    broken.unless(same_node, || format!("{}: the task is on another node", place()));
    let removed = !state.nodes().contains_key(&key.node);
    broken.unless(!removed || !holding.is_live(), || {
        format!("{}: the node is gone and cannot answer", place())
    });
    broken.unless(removed || holding.state != HoldingState::Unconfirmed, || {
        format!("{}: given up, and its node is there", place())
    });
    // A secret can be removed before its holders answered; their debts outlive it.
    let secret = state.secrets().get(&key.secret);
    broken.unless(secret.is_some() || holding.owed, || {
        format!("{}: the secret is missing", place())
    });
    let version = secret.is_none_or(|secret| secret.versions.contains_key(&key.version));
    broken.unless(version, || format!("{}: the version is missing", place()));
    broken.unless(!holding.owed || holding.is_live(), || {
        format!("{}: erased and owed", place())
    });
    broken.unless(!holding.proven || holding.state == HoldingState::Present, || {
        format!("{}: proven, not there", place())
    });
    let wanted = task.is_some_and(|task| {
        let same = task
            .files
            .iter()
            .any(|f| f.target == key.target && f.secret == key.secret && f.version == key.version);
        task.is_live() && same
    });
    broken.unless(wanted || holding.owed || !holding.is_live(), || {
        format!("{}: nobody wants it, not owed", place())
    });
    if let Some(version) = secret.and_then(|secret| secret.versions.get(&key.version)) {
        let quits = version.state != VersionState::Destroyed || !holding.is_live();
        broken.unless(quits, || format!("{}: destroyed and still held", place()));
    }
}

fn check_rotations(state: &State, broken: &mut Broken) {
    let mut running = BTreeSet::new();
    for rotation in state.rotations().values() {
        let id = &rotation.id;
        let secret = state.secrets().get(&rotation.secret);
        let known = secret.is_some_and(|secret| secret.versions.contains_key(&rotation.to));
        broken.unless(known, || format!("rotation {id} is to a missing version"));
        let over = rotation.phase.is_final();
        broken.unless(over == (rotation.finished_at_ms != 0), || {
            format!("rotation {id} is {:?} at the wrong time", rotation.phase)
        });
        broken.unless(over || running.insert(&rotation.secret), || {
            format!("two rotations of {} run", rotation.secret)
        });
    }
}

fn check_audit(state: &State, broken: &mut Broken) {
    if let Err(sequence) = verify_chain(state.audit()) {
        broken.0.push(format!("the audit chain is broken at record {sequence}"));
    }
    let newest = state.audit().next_back();
    let (length, head) = newest.map_or((0, [0; 32]), |record| (record.sequence, record.hash));
    broken.unless(length == state.audit_length(), || {
        "the audit's length is not its newest sequence".into()
    });
    broken.unless(head == state.audit_head(), || {
        "the audit's head is not its newest hash".into()
    });
    let full = u64::try_from(AUDIT_KEPT).unwrap_or(u64::MAX).min(state.audit_length());
    let kept = u64::try_from(state.audit().len()).unwrap_or(u64::MAX);
    broken.unless(kept == full, || {
        format!("{kept} audit records are kept instead of {full}")
    });
}
