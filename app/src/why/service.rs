//! Which links does a service have as a whole? Its grants, the versions they mean, and whether there is any task.

use wardroom_api::ClusterView;
use wardroom_api::v1::{self, RotationPhase, TaskState, VersionState};

use super::{Holds, Link, Step, Why, task};

pub(super) fn chain(view: &ClusterView, service_id: &str, secret_id: &str, task_id: Option<&str>) -> Why {
    let service = view.services.get(service_id);
    let secret = view.secrets.get(secret_id);
    let mut why = Why {
        index: view.index,
        service: service
            .and_then(|service| service.spec.as_ref())
            .map_or_else(|| service_id.to_owned(), |spec| spec.name.clone()),
        secret: secret.map_or_else(|| secret_id.to_owned(), |secret| secret.name.clone()),
        links: Vec::new(),
        tasks: Vec::new(),
    };
    let (Some(spec), Some(secret)) = (service.and_then(|service| service.spec.as_ref()), secret) else {
        why.links.push(gone(service.is_none(), &why));
        return why;
    };
    let grants: Vec<&v1::Grant> = spec
        .grants
        .iter()
        .filter(|grant| grant.secret_id == secret.id)
        .collect();
    if grants.is_empty() {
        why.links.push(not_granted(&why));
        return why;
    }
    let wanted: Vec<&v1::Task> = wanted(view, service_id, task_id);
    for grant in &grants {
        why.links.push(granted(grant, &why));
        let version = version(view, secret, grant);
        let means = (version.holds != Holds::No).then(|| number(secret, grant));
        why.links.push(version);
        let Some(version) = means else { continue };
        let chains = wanted
            .iter()
            .map(|found| task::chain(view, spec, found, grant, version));
        why.tasks.extend(chains);
    }
    if wanted.is_empty() {
        why.links.push(no_task(view, spec, service_id, task_id));
    }
    why
}

fn gone(service: bool, why: &Why) -> Link {
    let (noun, name) = if service {
        ("service", &why.service)
    } else {
        ("secret", &why.secret)
    };
    Link::new(Step::Grant, Holds::No, format!("there is no {noun} {name} any more"))
        .next(format!("`wardroom {noun} ls` lists what there is"))
}

fn not_granted(why: &Why) -> Link {
    let (service, secret) = (&why.service, &why.secret);
    Link::new(Step::Grant, Holds::No, format!("{service} was not granted {secret}"))
        .next(format!("wardroom service update --secret-add {secret} {service}"))
}

fn granted(grant: &v1::Grant, why: &Why) -> Link {
    let (uid, gid, mode) = (grant.uid, grant.gid, grant.mode);
    let text = format!(
        "{} may read {} as {}, owner {uid}:{gid}, mode {mode:04o}",
        why.service, why.secret, grant.target
    );
    Link::yes(Step::Grant, text)
}

/// The version that a grant means.
fn number(secret: &v1::Secret, grant: &v1::Grant) -> u32 {
    if grant.pinned == 0 {
        secret.current
    } else {
        grant.pinned
    }
}

fn version(view: &ClusterView, secret: &v1::Secret, grant: &v1::Grant) -> Link {
    let name = &secret.name;
    let number = number(secret, grant);
    let how = if grant.pinned == 0 {
        "follows the current version"
    } else {
        "is pinned"
    };
    let Some(version) = secret.version(number) else {
        let (text, next) = if grant.pinned == 0 {
            (
                format!("{name} has no current version"),
                format!("give it one: wardroom secret rotate {name} FILE"),
            )
        } else {
            (
                format!("{name} has no version {number}, to which the grant is pinned"),
                repin(name, grant),
            )
        };
        return Link::new(Step::Version, Holds::No, text).next(next);
    };
    let since = version.state_since_ms;
    match version.state() {
        VersionState::Revoked | VersionState::Destroyed => {
            let word = if version.state() == VersionState::Revoked {
                "revoked"
            } else {
                "destroyed"
            };
            let next = if grant.pinned == 0 {
                format!("give it a new value: wardroom secret rotate {name} FILE")
            } else {
                repin(name, grant)
            };
            Link::new(
                Step::Version,
                Holds::No,
                format!("the grant {how}, and v{number} is {word}"),
            )
            .next(next)
            .since(since)
        }
        _ => Link::yes(
            Step::Version,
            format!("the grant {how}: v{number}{}", moving(view, secret)),
        )
        .since(since),
    }
}

fn repin(name: &str, grant: &v1::Grant) -> String {
    format!(
        "wardroom service update --secret-rm {name} --secret-add source={name},target={} SERVICE",
        grant.target
    )
}

/// `, a rotation to v3 is rolling`.
fn moving(view: &ClusterView, secret: &v1::Secret) -> String {
    let Some(rotation) = view.rotation_of_secret(&secret.id) else {
        return String::new();
    };
    let word = match rotation.phase() {
        RotationPhase::Rolling | RotationPhase::Verifying if rotation.paused => "is paused",
        RotationPhase::Rolling => "is rolling",
        RotationPhase::Verifying => "is being verified",
        RotationPhase::RollingBack => "is being rolled back",
        _ => return String::new(),
    };
    format!(", and a rotation to v{} {word}", rotation.to)
}

/// The tasks that should run, by name; or the one that is asked about, whatever becomes of it.
fn wanted<'a>(view: &'a ClusterView, service_id: &str, task_id: Option<&str>) -> Vec<&'a v1::Task> {
    let mut wanted: Vec<&v1::Task> = match task_id {
        Some(id) => view.tasks.get(id).into_iter().collect(),
        None => view
            .tasks_of_service(service_id)
            .filter(|task| task.desired() == TaskState::Running)
            .collect(),
    };
    wanted.sort_by(|a, b| (a.slot, &a.name, &a.id).cmp(&(b.slot, &b.name, &b.id)));
    wanted
}

fn no_task(view: &ClusterView, spec: &v1::ServiceSpec, service_id: &str, task_id: Option<&str>) -> Link {
    let name = &spec.name;
    if let Some(id) = task_id {
        return Link::new(Step::Assignment, Holds::No, format!("there is no task {id} any more"))
            .next(format!("wardroom service ps {name}"));
    }
    if !spec.global && spec.replicas == 0 {
        return Link::new(Step::Assignment, Holds::No, format!("{name} is to have no task"))
            .next(format!("wardroom service scale {name}=1"));
    }
    if let Some(last) = task::last_failure(view, service_id, None) {
        let text = format!(
            "{name} has no task that should run; the last one, {}, {}",
            last.name,
            task::ending(last)
        );
        return Link::new(Step::Assignment, Holds::No, text)
            .next(format!("wardroom service logs {name}"))
            .since(last.state_since_ms);
    }
    Link::new(Step::Assignment, Holds::NotYet, format!("{name} has no task yet")).next(format!(
        "wardroom service ps {name}; is any node ready that its constraints allow?"
    ))
}
