//! The rows of lists about who has what and what runs: holdings, grants, tasks, rotations.

use wardroom_api::v1::{Grant, HoldingState, Secret, Service};

use super::{Entry, field};
use crate::tui::model::Model;
use crate::tui::model::facts::{rotations, secrets, spec, words};
use crate::tui::model::filter::Fields;
use crate::tui::model::logs::Line;
use crate::tui::model::place::Place;

/// What is in memory or owed comes first, what is erased last.
pub fn holdings<'a>(model: &'a Model) -> Vec<Entry<'a>> {
    let view = &model.cluster;
    let wanted = |holding: &&wardroom_api::v1::Holding| match model.place() {
        Place::Secret(id) => holding.secret_id == *id,
        Place::Node(id) => holding.node_id == *id,
        _ => false,
    };
    let mut found: Vec<_> = view.holdings.iter().filter(|(_, holding)| wanted(holding)).collect();
    found.sort_by_cached_key(|(_, holding)| {
        let gone = holding.state() == HoldingState::Erased;
        (
            gone,
            !holding.owed,
            std::cmp::Reverse(holding.version),
            view.hostname(&holding.node_id).to_owned(),
            holding.task_name.clone(),
        )
    });
    let entry = |(id, holding): (&'a String, &'a wardroom_api::v1::Holding)| Entry {
        key: id.into(),
        name: format!("{} {}", view.hostname(&holding.node_id), holding.secret_name).into(),
        at_ms: holding.since_ms,
        state: words::holding_state(holding.state(), holding.owed).into(),
        problem: holding.owed || holding.state() == HoldingState::Failed,
        fields: vec![
            field("node", view.hostname(&holding.node_id)),
            field("task", &holding.task_name),
            field("secret", &holding.secret_name),
            field("version", &format!("v{}", holding.version)),
        ],
    };
    found.into_iter().map(entry).collect()
}

/// `service id/target`: a service may have a secret under two targets.
pub fn grant_key(service: &Service, grant: &Grant) -> String {
    format!("{}/{}", service.id, grant.target)
}

/// The service and grant that a key names.
pub fn grant_of<'a>(model: &'a Model, key: &str) -> Option<(&'a Service, &'a Grant)> {
    let (service, target) = key.split_once('/')?;
    let service = model.cluster.services.get(service)?;
    let grant = service
        .spec
        .as_ref()?
        .grants
        .iter()
        .find(|grant| grant.target == target)?;
    Some((service, grant))
}

/// By name. Many services times many tasks: what they do is asked for the rows in view alone.
pub fn matrix_services(model: &Model, filtered: bool) -> Vec<Entry<'_>> {
    let secrets = |service: &Service| {
        let grants = service.spec.iter().flat_map(|spec| &spec.grants);
        grants.map(|grant| field("secret", &grant.secret_name)).collect()
    };
    let services = model.cluster.services.values();
    let mut found: Vec<Entry<'_>> = services
        .map(|service| Entry {
            key: (&service.id).into(),
            name: words::service_name(service).into(),
            at_ms: service.created_at_ms,
            fields: if filtered { secrets(service) } else { Vec::new() },
            ..Entry::default()
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// By name.
pub fn matrix_secrets(model: &Model, filtered: bool) -> Vec<Entry<'_>> {
    let view = &model.cluster;
    let fields = |secret: &Secret| {
        let services = view.services_granted(&secret.id);
        let mut fields: Fields = secret.labels.clone().into_iter().collect();
        fields.extend(services.map(|service| field("service", words::service_name(service))));
        fields
    };
    let mut found: Vec<Entry<'_>> = view
        .secrets
        .values()
        .map(|secret| Entry {
            key: (&secret.id).into(),
            name: (&secret.name).into(),
            at_ms: secret.created_at_ms,
            fields: if filtered { fields(secret) } else { Vec::new() },
            ..Entry::default()
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

pub fn grants(model: &Model) -> Vec<Entry<'_>> {
    let view = &model.cluster;
    let found: Vec<(&Service, &Grant)> = match model.place() {
        Place::Secret(id) => secrets::grants(view, id).collect(),
        Place::Service(id) => {
            let service = view.services.get(id);
            let grants = service
                .iter()
                .flat_map(|service| service.spec.iter().flat_map(|spec| &spec.grants));
            service
                .into_iter()
                .flat_map(|service| grants.clone().map(move |grant| (service, grant)))
                .collect()
        }
        _ => Vec::new(),
    };
    let entry = |(service, grant): (&Service, &Grant)| Entry {
        key: grant_key(service, grant).into(),
        name: format!("{} {}", words::service_name(service), grant.secret_name).into(),
        fields: vec![field("target", &grant.target)],
        ..Entry::default()
    };
    found.into_iter().map(entry).collect()
}

/// Active ones first, by service and slot; then what has ended, newest first.
pub fn tasks<'a>(model: &'a Model) -> Vec<Entry<'a>> {
    let view = &model.cluster;
    let wanted = |task: &&wardroom_api::v1::Task| match model.place() {
        Place::Service(id) => task.service_id == *id,
        Place::Node(id) => task.node_id == *id,
        _ => true,
    };
    let mut tasks: Vec<_> = view.tasks.values().filter(wanted).collect();
    tasks.sort_by(|a, b| {
        let order = |task: &wardroom_api::v1::Task| {
            let active = words::is_active(task);
            (!active, std::cmp::Reverse(if active { 0 } else { task.state_since_ms }))
        };
        order(a)
            .cmp(&order(b))
            .then_with(|| (&a.name, a.slot).cmp(&(&b.name, b.slot)))
    });
    let entry = |task: &'a wardroom_api::v1::Task| {
        let state = words::task_state(task.state());
        Entry {
            key: (&task.id).into(),
            name: (&task.name).into(),
            at_ms: task.state_since_ms,
            state: state.into(),
            problem: state.ends_with('!'),
            fields: vec![field("node", view.hostname(&task.node_id)), field("error", &task.error)],
        }
    };
    tasks.into_iter().map(entry).collect()
}

/// Running ones first, then the newest.
pub fn rotation_entries<'a>(model: &'a Model) -> Vec<Entry<'a>> {
    let mut found: Vec<_> = model.cluster.rotations.values().collect();
    found.sort_by_key(|rotation| {
        (
            !words::is_running(rotation.phase()),
            std::cmp::Reverse(rotation.started_at_ms),
            rotation.id.clone(),
        )
    });
    let entry = |rotation: &'a wardroom_api::v1::Rotation| Entry {
        key: (&rotation.id).into(),
        name: (&rotation.secret_name).into(),
        at_ms: rotation.started_at_ms,
        state: rotations::state(rotation).into(),
        problem: rotations::state(rotation).ends_with('!'),
        fields: vec![field("actor", &rotation.actor)],
    };
    found.into_iter().map(entry).collect()
}

/// The services that the rotation touches, in its order.
pub fn rotation_services(model: &Model) -> Vec<Entry<'_>> {
    let Place::Rotation(id) = model.place() else {
        return Vec::new();
    };
    let rotation = model.cluster.rotations.get(id);
    let services = rotation.into_iter().flat_map(|rotation| &rotation.services);
    services
        .map(|service| Entry {
            key: (&service.service_id).into(),
            name: (&service.service_name).into(),
            ..Entry::default()
        })
        .collect()
}

/// The tasks that it touches, service by service.
pub fn rotation_tasks(model: &Model) -> Vec<Entry<'_>> {
    let Place::Rotation(id) = model.place() else {
        return Vec::new();
    };
    let Some(rotation) = model.cluster.rotations.get(id) else {
        return Vec::new();
    };
    let entry = |line: rotations::TaskLine<'_>| {
        let proof = line.proof(rotation);
        Entry {
            key: line.task.id.clone().into(),
            name: line.task.name.clone().into(),
            at_ms: line.receipt.map_or(0, |receipt| receipt.since_ms),
            state: proof.word().into(),
            problem: proof != rotations::Proof::There,
            fields: vec![field("node", model.cluster.hostname(&line.task.node_id))],
        }
    };
    let lines = rotations::tasks(&model.cluster, rotation);
    lines.into_iter().map(entry).collect()
}

/// One row for each setting.
pub fn spec_lines(model: &Model) -> Vec<Entry<'_>> {
    let Place::Spec(id) = model.place() else {
        return Vec::new();
    };
    let settings = model.cluster.services.get(id).map(spec::settings).unwrap_or_default();
    let entry = |(at, setting): (usize, spec::Setting)| Entry {
        key: at.to_string().into(),
        name: setting.text.into(),
        ..Entry::default()
    };
    settings.into_iter().enumerate().map(entry).collect()
}

/// Oldest first; what only a filter reads is made when there is one.
pub fn log_lines(model: &Model, filtered: bool) -> Vec<Entry<'_>> {
    let Some(logs) = &model.logs else {
        return Vec::new();
    };
    let entry = |number: u64| {
        let line = logs.get(number).filter(|_| filtered);
        let fields = |line: &Line| {
            vec![
                field("text", &line.text),
                field("task", &words::with_hostnames(&model.cluster, &line.task)),
                field("node", model.cluster.hostname(&line.node_id)),
                field("stream", if line.error { "err" } else { "out" }),
            ]
        };
        Entry {
            key: number.to_string().into(),
            fields: line.map(fields).unwrap_or_default(),
            ..Entry::default()
        }
    };
    logs.numbers().map(entry).collect()
}
