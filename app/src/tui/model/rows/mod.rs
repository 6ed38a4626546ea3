//! Which rows does a list have, in what order? Every list's entries from the view, then the user's filter and sort.

mod work;

use super::Model;
use super::facts::{attention, managers, secrets, words};
use super::filter::Fields;
use super::list::{List, ListId, SortBy};
use super::place::Place;
use work::{grants, holdings, rotations, tasks};

use wardroom_api::v1::Service;
pub use work::grant_of;

/// What order and filter need to know of one row.
#[derive(Debug, Default)]
pub struct Entry {
    pub key: String,
    pub name: String,
    /// When it came to be: later is younger.
    pub at_ms: i64,
    pub state: String,
    pub problem: bool,
    /// More fields for the filter, beside name and state.
    pub fields: Fields,
}

/// The keys that pass the list's filter, in its order; and how many there were before it.
pub fn keys(model: &Model, id: ListId, list: &List) -> (Vec<String>, usize) {
    let mut entries = entries(model, id, !list.filter.is_empty());
    let total = entries.len();
    if model.shown.problems_only && has_problems(id) {
        entries.retain(|entry| entry.problem);
    }
    if !list.filter.is_empty() {
        entries.retain(|entry| list.filter.matches(&all_fields(entry)));
    }
    if let Some(sort) = list.sort {
        match sort.by {
            SortBy::Name => entries.sort_by_key(|entry| entry.name.to_lowercase()),
            SortBy::Age => entries.sort_by_key(|entry| std::cmp::Reverse(entry.at_ms)),
            SortBy::State => entries.sort_by(|a, b| (!a.problem, &a.state).cmp(&(!b.problem, &b.state))),
        }
        if sort.descending {
            entries.reverse();
        }
    }
    (entries.into_iter().map(|entry| entry.key).collect(), total)
}

fn has_problems(id: ListId) -> bool {
    matches!(
        id,
        ListId::Secrets | ListId::Services | ListId::Nodes | ListId::Tasks | ListId::Audit | ListId::Certificates
    )
}

fn all_fields(entry: &Entry) -> Fields {
    let mut fields = vec![
        ("name".to_owned(), entry.name.clone()),
        ("state".to_owned(), entry.state.clone()),
    ];
    fields.extend(entry.fields.iter().cloned());
    fields
}

fn field(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// `filtered`: the fields that only a filter reads are wanted, too.
fn entries(model: &Model, id: ListId, filtered: bool) -> Vec<Entry> {
    match id {
        ListId::Attention => attention_entries(model),
        ListId::Managers => manager_entries(model),
        ListId::Audit | ListId::Entries => audit(model, filtered),
        ListId::Certificates => certificates(model),
        ListId::Secrets => secret_entries(model),
        ListId::Versions => versions(model),
        ListId::Holders | ListId::NodeHoldings => holdings(model),
        ListId::SecretGrants | ListId::ServiceGrants => grants(model),
        ListId::Services | ListId::Matrix => services(model),
        ListId::Nodes => nodes(model),
        ListId::ServiceTasks | ListId::NodeTasks | ListId::Tasks => tasks(model),
        ListId::Rotations => rotations(model),
    }
}

fn attention_entries(model: &Model) -> Vec<Entry> {
    let found = attention::attention(&model.cluster, model.now_ms);
    found
        .into_iter()
        .map(|item| Entry {
            key: item.key,
            name: item.text,
            problem: true,
            ..Entry::default()
        })
        .collect()
}

fn manager_entries(model: &Model) -> Vec<Entry> {
    let managers = managers::managers(&model.cluster);
    let entry = |manager: &managers::Manager<'_>| Entry {
        key: manager.node.id.clone(),
        name: manager.node.hostname.clone(),
        state: manager.reach().to_owned(),
        ..Entry::default()
    };
    managers.iter().map(entry).collect()
}

/// Newest first.
fn audit(model: &Model, filtered: bool) -> Vec<Entry> {
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
    let entry = |record: &wardroom_api::v1::AuditRecord| Entry {
        key: record.sequence.to_string(),
        name: record.object.clone(),
        at_ms: record.at_ms,
        state: record.outcome.clone(),
        problem: record.outcome == "denied",
        fields: if filtered { fields(record) } else { Vec::new() },
    };
    records.map(entry).collect()
}

/// Soonest to expire first; the root comes last by its life.
fn certificates(model: &Model) -> Vec<Entry> {
    let mut found: Vec<Entry> = model
        .cluster
        .nodes
        .values()
        .map(|node| Entry {
            key: node.id.clone(),
            name: node.hostname.clone(),
            at_ms: node.certificate_not_after_ms,
            problem: attention::is_expiring(
                model.now_ms,
                node.certificate_not_before_ms,
                node.certificate_not_after_ms,
            ),
            ..Entry::default()
        })
        .collect();
    if let Some(cluster) = &model.cluster.cluster {
        let at_ms = cluster.root_not_after_ms;
        found.push(Entry {
            key: "root".into(),
            name: "root CA".into(),
            at_ms,
            ..Entry::default()
        });
    }
    found.sort_by(|a, b| (a.at_ms, &a.name).cmp(&(b.at_ms, &b.name)));
    found
}

fn secret_entries(model: &Model) -> Vec<Entry> {
    let view = &model.cluster;
    let entry = |secret: &wardroom_api::v1::Secret| {
        let state = secrets::state(view, secret, model.now_ms);
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
        Entry {
            key: secret.id.clone(),
            name: secret.name.clone(),
            at_ms: secrets::born(secret),
            state: state.word().to_owned(),
            problem: state.is_problem(),
            fields,
        }
    };
    let mut found: Vec<Entry> = view.secrets.values().map(entry).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Newest first: what is current stands on top.
fn versions(model: &Model) -> Vec<Entry> {
    let Place::Secret(id) = model.place() else {
        return Vec::new();
    };
    let versions = model
        .cluster
        .secrets
        .get(id)
        .into_iter()
        .flat_map(|secret| secret.versions.iter().rev());
    let entry = |version: &wardroom_api::v1::Version| Entry {
        key: version.number.to_string(),
        name: version.name.clone(),
        at_ms: version.created_at_ms,
        state: words::version_state(version.state()).to_owned(),
        ..Entry::default()
    };
    versions.map(entry).collect()
}

fn services(model: &Model) -> Vec<Entry> {
    let view = &model.cluster;
    let entry = |service: &Service| {
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
            key: service.id.clone(),
            name: words::service_name(service).to_owned(),
            at_ms: service.created_at_ms,
            state: if problem { "partly".into() } else { "running".into() },
            problem,
            fields: grants.map(|grant| field("secret", &grant.secret_name)).collect(),
        }
    };
    let mut found: Vec<Entry> = view.services.values().map(entry).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Managers first, each group by name.
fn nodes(model: &Model) -> Vec<Entry> {
    let mut nodes: Vec<_> = model.cluster.nodes.values().collect();
    nodes.sort_by(|a, b| (a.role, &a.hostname).cmp(&(b.role, &b.hostname)));
    let entry = |node: &wardroom_api::v1::Node| {
        let state = words::node_state(node);
        let mut fields: Fields = node
            .labels
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        fields.push(field("role", words::role(node.role())));
        Entry {
            key: node.id.clone(),
            name: node.hostname.clone(),
            at_ms: node.state_since_ms,
            state: state.to_owned(),
            problem: state.ends_with('!'),
            fields,
        }
    };
    nodes.into_iter().map(entry).collect()
}
