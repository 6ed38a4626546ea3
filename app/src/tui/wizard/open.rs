//! How does each wizard begin? Its form, filled with what the place and the selection say already.

use wardroom_api::ClusterView;

use super::form::{Form, Id, Page, SOURCES, choice, line, secret, words};
use super::{Task, Wizard};
use crate::tui::model::facts::words::service_name;

/// Length of a generated value unless something else is asked for, in characters.
const GENERATED: &str = "32";

fn value_page(first: Option<super::form::Field>) -> Page {
    let mut fields: Vec<_> = first.into_iter().collect();
    fields.extend([
        words(
            Id::Source,
            "value from",
            &SOURCES,
            "left and right choose; generated: by the leader, unseen",
        ),
        secret(Id::Value, "value", "never shown; a paste keeps its line ends"),
        line(Id::Path, "file", "", "a path on this machine; any bytes, up to 511999"),
    ]);
    Page { title: "value", fields }
}

fn option_fields() -> Vec<super::form::Field> {
    vec![
        line(Id::Length, "length", GENERATED, "characters of A-Z a-z 0-9"),
        words(
            Id::Newline,
            "last line end",
            &["keep", "strip"],
            "the value ends with a line end; most passwords must not",
        ),
    ]
}

pub fn create_secret(now_ms: i64) -> Wizard {
    let mut options = option_fields();
    options.push(line(Id::Labels, "labels", "", "such as tier=1 app=shop"));
    options.push(words(
        Id::Template,
        "template",
        &["none", "golang"],
        "golang: each worker expands {{.Service.Name}} and the like for its task",
    ));
    options.push(line(Id::MaxAge, "rotate after", "", "such as 90d; empty: no policy"));
    options.push(words(
        Id::Next,
        "then by",
        &["you", "generate", "hook"],
        "you: it is pointed out; the others make the next value by themselves",
    ));
    options.push(line(
        Id::NextLength,
        "its length",
        GENERATED,
        "characters of A-Z a-z 0-9",
    ));
    options.push(line(Id::Hook, "hook", "", "a program in the managers' hooks folder"));
    let name = line(Id::Name, "name", "", "letters, digits, - _ . and at most 64 of them");
    let pages = vec![
        value_page(Some(name)),
        Page {
            title: "options",
            fields: options,
        },
    ];
    Wizard::new(Task::CreateSecret, Form { pages, focus: 0 }, now_ms)
}

pub fn rotate(view: &ClusterView, secret_id: &str, now_ms: i64) -> Option<Wizard> {
    let secret = view.secrets.get(secret_id)?;
    let pages = vec![
        value_page(None),
        Page {
            title: "options",
            fields: option_fields(),
        },
    ];
    let task = Task::Rotate {
        secret_id: secret.id.clone(),
        name: secret.name.clone(),
    };
    Some(Wizard::new(task, Form { pages, focus: 0 }, now_ms))
}

/// Version 0 revokes the whole secret.
pub fn revoke(view: &ClusterView, secret_id: &str, version: u32, now_ms: i64) -> Option<Wizard> {
    let secret = view.secrets.get(secret_id)?;
    let task = Task::Revoke {
        secret_id: secret.id.clone(),
        name: secret.name.clone(),
        version,
    };
    Some(Wizard::new(task, Form::default(), now_ms))
}

pub fn remove_secret(view: &ClusterView, secret_id: &str, now_ms: i64) -> Option<Wizard> {
    let secret = view.secrets.get(secret_id)?;
    let task = Task::RemoveSecret {
        secret_id: secret.id.clone(),
        name: secret.name.clone(),
    };
    Some(Wizard::new(task, Form::default(), now_ms))
}

pub fn remove_service(view: &ClusterView, service_id: &str, now_ms: i64) -> Option<Wizard> {
    let service = view.services.get(service_id)?;
    let task = Task::RemoveService {
        service_id: service.id.clone(),
        name: service_name(service).to_owned(),
    };
    Some(Wizard::new(task, Form::default(), now_ms))
}

pub fn withdraw(view: &ClusterView, service_id: &str, secret: &str, now_ms: i64) -> Option<Wizard> {
    let service = view.services.get(service_id)?;
    let name = service_name(service).to_owned();
    let task = Task::Withdraw {
        service_id: service.id.clone(),
        service: name,
        secret: secret.to_owned(),
    };
    Some(Wizard::new(task, Form::default(), now_ms))
}

fn secrets(view: &ClusterView) -> Vec<(String, String)> {
    let mut found: Vec<_> = view
        .secrets
        .values()
        .map(|secret| (secret.id.clone(), secret.name.clone()))
        .collect();
    found.sort_by(|a, b| a.1.cmp(&b.1));
    found
}

fn services(view: &ClusterView) -> Vec<(String, String)> {
    let mut found: Vec<_> = view
        .services
        .values()
        .map(|service| (service.id.clone(), service_name(service).to_owned()))
        .collect();
    found.sort_by(|a, b| a.1.cmp(&b.1));
    found
}

pub(super) fn grant_fields() -> Vec<super::form::Field> {
    vec![
        line(
            Id::Target,
            "target",
            "",
            "file name in the task; empty: the secret's name",
        ),
        line(Id::Mode, "mode", "0444", "permission bits, octal"),
        words(
            Id::OnChange,
            "on rotation",
            &["swap", "restart", "signal"],
            "swap the file in place, restart the task, or signal it",
        ),
        line(Id::Signal, "signal", "SIGHUP", "what the task is sent"),
        line(Id::Owner, "uid:gid", "0:0", "who owns the file"),
    ]
}

/// A grant to a service; whichever of the two is known already is chosen.
pub fn grant(view: &ClusterView, service_id: Option<&str>, secret_id: Option<&str>, now_ms: i64) -> Option<Wizard> {
    if view.services.is_empty() || view.secrets.is_empty() {
        return None;
    }
    let mut fields = vec![
        choice(Id::Service, "service", services(view), "left and right choose"),
        choice(Id::Secret, "secret", secrets(view), "left and right choose"),
    ];
    fields.extend(grant_fields());
    let mut form = Form {
        pages: vec![Page { title: "grant", fields }],
        focus: 0,
    };
    form.choose(Id::Service, service_id.unwrap_or_default());
    form.choose(Id::Secret, secret_id.unwrap_or_default());
    form.focus = usize::from(service_id.is_some());
    Some(Wizard::new(Task::Grant, form, now_ms))
}

/// Docker's defaults; the other settings are for the command line.
fn update_fields() -> Vec<super::form::Field> {
    vec![
        words(
            Id::Order,
            "order",
            &["stop-first", "start-first"],
            "whether a task stops before the one in its place has started",
        ),
        line(
            Id::Parallelism,
            "at once",
            "1",
            "tasks replaced at a time; 0: all of them",
        ),
        line(Id::Delay, "delay", "0s", "between one batch and the next"),
        words(
            Id::OnFailure,
            "on failure",
            &["pause", "continue", "rollback"],
            "what a failed update does; a failed rotation always goes back",
        ),
    ]
}

pub fn create_service(view: &ClusterView, now_ms: i64) -> Wizard {
    let service = vec![
        line(Id::Name, "name", "", "letters, digits and -"),
        words(
            Id::Runs,
            "runs",
            &["process", "container", "files"],
            "files: no program of ours, only the files on the host",
        ),
        line(
            Id::Image,
            "image",
            "",
            "such as redis:7; the engine of each worker has it or gets it",
        ),
        line(
            Id::Command,
            "command",
            "",
            "such as sleep 1000; of a container: its arguments, or nothing",
        ),
        line(
            Id::Replicas,
            "replicas",
            "1",
            "a number, or global: one task on every node",
        ),
    ];
    let mut options = vec![(String::new(), "none".to_owned())];
    options.extend(secrets(view));
    let mut grant = vec![choice(
        Id::Secret,
        "secret",
        options,
        "left and right choose; more can be granted later",
    )];
    grant.extend(grant_fields());
    let pages = vec![
        Page {
            title: "service",
            fields: service,
        },
        Page {
            title: "updates",
            fields: update_fields(),
        },
        Page {
            title: "secret",
            fields: grant,
        },
    ];
    Wizard::new(Task::CreateService, Form { pages, focus: 0 }, now_ms)
}
