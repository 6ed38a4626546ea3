//! Which rows does a list have, in what order? Every list's entries from the view, then the user's filter and sort.

mod keys;
mod members;
mod work;

use std::borrow::Cow;

use super::Model;
use super::facts::{managers, secrets, words};
use super::filter::Fields;
use super::list::{List, ListId, SortBy};
use super::place::Place;
use members::{certificates, nodes, operators};
use work::{
    grants, holdings, log_lines, matrix_secrets, matrix_services, rotation_entries, rotation_services, rotation_tasks,
    spec_lines, tasks,
};

use wardroom_api::v1::Service;
pub use work::grant_of;

/// What order and filter need to know of one row.
#[derive(Debug, Default)]
pub struct Entry<'a> {
    pub key: Cow<'a, str>,
    pub name: Cow<'a, str>,
    /// When it came to be: later is younger.
    pub at_ms: i64,
    pub state: Cow<'a, str>,
    pub problem: bool,
    /// More fields for the filter, beside name and state.
    pub fields: Fields,
}

/// The keys that pass the list's filter, in its order; and how many there were before it.
pub fn keys(model: &Model, id: ListId, list: &List) -> (Vec<String>, usize) {
    let problems_only = model.shown.problems_only && has_problems(id);
    if matches!(id, ListId::Audit | ListId::Entries) && list.filter.is_empty() && list.sort.is_none() && !problems_only
    {
        // The longest list, and the one that grows with every change.
        let keys: Vec<String> = model.cluster.audit.keys().rev().map(u64::to_string).collect();
        let total = keys.len();
        return (keys, total);
    }
    let mut entries = entries(model, id, !list.filter.is_empty());
    let total = entries.len();
    if problems_only {
        entries.retain(|entry| entry.problem);
    }
    if !list.filter.is_empty() {
        entries.retain(|entry| list.filter.matches(&all_fields(entry)));
    }
    if let Some(sort) = list.sort {
        match sort.by {
            SortBy::Name => entries.sort_by_cached_key(|entry| entry.name.to_lowercase()),
            SortBy::Age => entries.sort_by_key(|entry| std::cmp::Reverse(entry.at_ms)),
            SortBy::State => entries.sort_by(|a, b| (!a.problem, &a.state).cmp(&(!b.problem, &b.state))),
        }
        if sort.descending {
            entries.reverse();
        }
    }
    (entries.into_iter().map(|entry| entry.key.into_owned()).collect(), total)
}

fn has_problems(id: ListId) -> bool {
    matches!(
        id,
        ListId::Secrets
            | ListId::Services
            | ListId::Nodes
            | ListId::Tasks
            | ListId::AllRotations
            | ListId::RotationTasks
            | ListId::Audit
            | ListId::Certificates
            | ListId::Keys
            | ListId::Moves
            | ListId::Operators
    )
}

fn all_fields(entry: &Entry<'_>) -> Fields {
    let mut fields = vec![
        ("name".to_owned(), entry.name.to_string()),
        ("state".to_owned(), entry.state.to_string()),
    ];
    fields.extend(entry.fields.iter().cloned());
    fields
}

fn field(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// `filtered`: the fields that only a filter reads are wanted, too.
fn entries(model: &Model, id: ListId, filtered: bool) -> Vec<Entry<'_>> {
    match id {
        ListId::Attention => attention_entries(model),
        ListId::Managers => manager_entries(model),
        ListId::Audit | ListId::Entries => audit(model, filtered),
        ListId::Certificates => certificates(model),
        ListId::Keys => keys::tree(model),
        ListId::Moves => keys::moves(model),
        ListId::Operators => operators(model),
        ListId::Secrets => secret_entries(model, filtered),
        ListId::Versions => versions(model),
        ListId::Holders | ListId::NodeHoldings => holdings(model),
        ListId::SecretGrants | ListId::ServiceGrants => grants(model),
        ListId::Services => services(model),
        ListId::Matrix => matrix_services(model, filtered),
        ListId::MatrixSecrets => matrix_secrets(model, filtered),
        ListId::Nodes => nodes(model, filtered),
        ListId::ServiceTasks | ListId::NodeTasks | ListId::Tasks => tasks(model),
        ListId::Rotations | ListId::AllRotations => rotation_entries(model),
        ListId::RotationServices => rotation_services(model),
        ListId::RotationTasks => rotation_tasks(model),
        ListId::Spec => spec_lines(model),
        ListId::Logs => log_lines(model, filtered),
    }
}

fn attention_entries(model: &Model) -> Vec<Entry<'_>> {
    model
        .noted
        .iter()
        .map(|item| Entry {
            key: (&item.key).into(),
            name: (&item.text).into(),
            problem: true,
            ..Entry::default()
        })
        .collect()
}

fn manager_entries<'a>(model: &'a Model) -> Vec<Entry<'a>> {
    let managers = managers::managers(&model.cluster);
    let entry = |manager: &managers::Manager<'a>| Entry {
        key: (&manager.node.id).into(),
        name: (&manager.node.hostname).into(),
        state: manager.reach().into(),
        ..Entry::default()
    };
    managers.iter().map(entry).collect()
}

/// Newest first.
fn audit<'a>(model: &'a Model, filtered: bool) -> Vec<Entry<'a>> {
    let records = model.cluster.audit.values().rev();
    let named = |text: &str| words::with_hostnames(&model.cluster, text);
    let fields = |record: &wardroom_api::v1::AuditRecord| {
        vec![
            field("object", &named(&record.object)),
            field("actor", &named(&record.actor)),
            field("from", &record.from),
            field("action", &record.action),
            field("outcome", &record.outcome),
            field("detail", &named(&record.detail)),
        ]
    };
    let entry = |record: &'a wardroom_api::v1::AuditRecord| Entry {
        key: record.sequence.to_string().into(),
        name: (&record.object).into(),
        at_ms: record.at_ms,
        state: (&record.outcome).into(),
        problem: record.outcome == "denied",
        fields: if filtered { fields(record) } else { Vec::new() },
    };
    records.map(entry).collect()
}

fn secret_entries<'a>(model: &'a Model, filtered: bool) -> Vec<Entry<'a>> {
    let view = &model.cluster;
    let states = secrets::States::of(view);
    let fields = |secret: &wardroom_api::v1::Secret| {
        let mut fields: Fields = secret
            .labels
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        fields.extend(secret.labels.keys().map(|key| field("label", key)));
        fields.extend(
            view.services_granted(&secret.id)
                .map(|service| field("service", words::service_name(service))),
        );
        fields
    };
    let entry = |secret: &'a wardroom_api::v1::Secret| {
        let state = states.state(secret, model.now_ms);
        Entry {
            key: (&secret.id).into(),
            name: (&secret.name).into(),
            at_ms: secrets::born(secret),
            state: state.word().into(),
            problem: state.is_problem() || state == secrets::SecretState::Paused,
            fields: if filtered { fields(secret) } else { Vec::new() },
        }
    };
    let mut found: Vec<_> = view.secrets.values().collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found.into_iter().map(entry).collect()
}

/// Newest first: what is current stands on top.
fn versions<'a>(model: &'a Model) -> Vec<Entry<'a>> {
    let Place::Secret(id) = model.place() else {
        return Vec::new();
    };
    let versions = model
        .cluster
        .secrets
        .get(id)
        .into_iter()
        .flat_map(|secret| secret.versions.iter().rev());
    let entry = |version: &'a wardroom_api::v1::Version| Entry {
        key: version.number.to_string().into(),
        name: (&version.name).into(),
        at_ms: version.created_at_ms,
        state: words::version_state(version.state()).into(),
        ..Entry::default()
    };
    versions.map(entry).collect()
}

fn services<'a>(model: &'a Model) -> Vec<Entry<'a>> {
    let view = &model.cluster;
    let entry = |service: &'a Service| {
        let grants = service.spec.iter().flat_map(|spec| &spec.grants);
        let active: Vec<_> = view
            .tasks_of_service(&service.id)
            .filter(|task| words::is_active(task))
            .collect();
        let problem = active.is_empty()
            || active
                .iter()
                .any(|task| task.state() != wardroom_api::v1::TaskState::Running);
        Entry {
            key: (&service.id).into(),
            name: words::service_name(service).into(),
            at_ms: service.created_at_ms,
            state: if problem { "partly".into() } else { "running".into() },
            problem,
            fields: grants.map(|grant| field("secret", &grant.secret_name)).collect(),
        }
    };
    let mut found: Vec<Entry<'_>> = view.services.values().map(entry).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}
