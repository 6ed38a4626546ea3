//! Which command line does the same? With everything that was chosen, and never with a value in it.

use wardroom_api::v1::Grant;

use super::form::{Form, Id, Source};
use super::values::{backup_path, label_changes, recipients};
use super::{NodeChange, Task, Wizard, keys, role_word};
use crate::tui::model::facts::words;
use crate::tui::model::staged::{Cell, Edit};

/// The command line that does the same.
pub fn same_as(wizard: &Wizard) -> String {
    let form = &wizard.form;
    let source = match form.source() {
        Source::Generate => format!("--generate {}", form.line(Id::Length)),
        Source::File => form.line(Id::Path).to_owned(),
        Source::Type | Source::Paste => "-".to_owned(),
    };
    let access = || {
        let target = Some(form.line(Id::Target))
            .filter(|target| !target.is_empty())
            .unwrap_or(form.chosen_label(Id::Secret));
        let (uid, gid) = form.line(Id::Owner).split_once(':').unwrap_or(("0", "0"));
        let (secret, mode, change) = (
            form.chosen_label(Id::Secret),
            form.line(Id::Mode),
            form.chosen(Id::OnChange),
        );
        format!("source={secret},target={target},uid={uid},gid={gid},mode={mode},on-change={change}")
    };
    match &wizard.task {
        Task::CreateSecret => format!(
            "wardroom secret create {}{} {source}",
            form.line(Id::Name),
            policy(form)
        ),
        Task::Rotate { name, .. } => format!("wardroom secret rotate {name} {source}"),
        Task::Revoke { name, version: 0, .. } => format!("wardroom secret revoke {name}"),
        Task::Revoke { name, version, .. } => format!("wardroom secret revoke {name}@{version}"),
        Task::RemoveSecret { name, .. } => format!("wardroom secret rm {name}"),
        Task::Grants { edits, services, .. } => grants(edits, services),
        Task::StageGrant { .. } => String::new(),
        Task::Steer { name, steer, .. } => format!("wardroom rotation {} {name}", steer.verb()),
        Task::Prune { name, .. } => format!(
            "wardroom secret prune --keep {}{} {name}",
            form.line(Id::Keep),
            option("--older-than", form.line(Id::OlderThan))
        ),
        Task::Scale { name, .. } => format!("wardroom service scale {name}={}", form.line(Id::Replicas)),
        Task::RollbackService { name, .. } => format!("wardroom service rollback {name}"),
        Task::ForceUpdate { name, .. } => format!("wardroom service update --force {name}"),
        Task::RemoveService { name, .. } => format!("wardroom service rm {name}"),
        Task::Withdraw { service, secret, .. } => format!("wardroom service update --secret-rm {secret} {service}"),
        Task::Node { hostname, change, .. } => node(hostname, change, form),
        Task::StepDown { .. } => format!("wardroom swarm step-down{}", option("", form_name(form, Id::To))),
        Task::RotateRoot { .. } => "wardroom swarm ca --rotate".to_owned(),
        Task::RotateToken { role } => format!(
            "wardroom swarm join-token --rotate{}{} {}",
            option("--ttl", form.line(Id::Ttl)),
            option("--max-uses", form.line(Id::MaxUses)),
            role_word(*role)
        ),
        Task::RemoveOperator { name, .. } => format!("wardroom operator rm {name}"),
        Task::Backup { .. } => backup(form),
        Task::RotateUnlockKey { .. }
        | Task::RotateDek { .. }
        | Task::Autolock { .. }
        | Task::Shred { .. }
        | Task::Lock { .. } => keys::same_as(&wizard.task).unwrap_or_default(),
        Task::Grant => format!(
            "wardroom service update --secret-add {} {}",
            access(),
            form.chosen_label(Id::Service)
        ),
        Task::CreateService => {
            let size = match form.line(Id::Replicas) {
                "global" => "--mode global".to_owned(),
                replicas => format!("--replicas {replicas}"),
            };
            let secret = if form.chosen(Id::Secret).is_empty() {
                String::new()
            } else {
                format!(" --secret {}", access())
            };
            let what = match form.chosen(Id::Runs) {
                "files" => "--executor files".to_owned(),
                "container" => format!("{} {}", form.line(Id::Image), form.line(Id::Command)),
                _ => format!("-- {}", form.line(Id::Command)),
            };
            format!(
                "wardroom service create --name {} {size}{secret}{} {}",
                form.line(Id::Name),
                updates(form),
                what.trim()
            )
        }
    }
}

/// What was chosen of how an update replaces tasks, where it differs from the default.
fn updates(form: &Form) -> String {
    let unless = |name: &str, value: &str, usual: &str| {
        if value == usual {
            String::new()
        } else {
            option(name, value)
        }
    };
    [
        unless("--update-order", form.chosen(Id::Order), "stop-first"),
        unless("--update-parallelism", form.line(Id::Parallelism), "1"),
        unless("--update-delay", form.line(Id::Delay), "0s"),
        unless("--update-failure-action", form.chosen(Id::OnFailure), "pause"),
    ]
    .concat()
}

/// Labels, age, template and what makes the next value.
fn policy(form: &Form) -> String {
    let labels = form.line(Id::Labels).split_whitespace();
    let mut options: Vec<String> = labels.map(|label| option("-l", label)).collect();
    options.push(option("--max-age", form.line(Id::MaxAge)));
    if form.chosen(Id::Template) == "golang" {
        options.push(option("--template-driver", "golang"));
    }
    options.push(match form.chosen(Id::Next) {
        _ if form.line(Id::MaxAge).is_empty() => String::new(),
        "generate" => option("--rotate-generate", form.line(Id::NextLength)),
        "hook" => option("--rotate-hook", form.line(Id::Hook)),
        _ => String::new(),
    });
    options.concat()
}

/// A grant as `--secret-add` takes it.
pub fn grant_option(grant: &Grant) -> String {
    let pinned = match grant.pinned {
        0 => String::new(),
        number => format!("@{number}"),
    };
    let signal = match grant.signal.trim_start_matches("SIG") {
        "" => String::new(),
        name => format!(":{name}"),
    };
    format!(
        "source={}{pinned},target={},uid={},gid={},mode={},on-change={}{signal}",
        grant.secret_name,
        grant.target,
        grant.uid,
        grant.gid,
        words::mode(grant.mode),
        words::on_change(grant.on_change())
    )
}

/// The command takes one service at a time: the first of them, and how many follow.
fn grants(edits: &[(Cell, Edit)], services: &[String]) -> String {
    let (Some(((service, _), _)), Some(name)) = (edits.first(), services.first()) else {
        return String::new();
    };
    let of_first = edits.iter().filter(|((id, _), _)| id == service);
    let options: Vec<String> = of_first
        .map(|(_, edit)| match edit {
            Edit::Add(grant) => format!("--secret-add {} ", grant_option(grant)),
            Edit::Change(grant) => format!(
                "--secret-rm {0} --secret-add {1} ",
                grant.secret_name,
                grant_option(grant)
            ),
            Edit::Remove(secret) => format!("--secret-rm {secret} "),
        })
        .collect();
    let more = match services.len() {
        0 | 1 => String::new(),
        count => format!("   (and {} more)", count - 1),
    };
    format!("wardroom service update {}{name}{more}", options.concat())
}

/// ` --name value`, nothing for an empty value.
fn option(name: &str, value: &str) -> String {
    match (name, value) {
        (_, "") => String::new(),
        ("", value) => format!(" {value}"),
        (name, value) => format!(" {name} {value}"),
    }
}

/// The label of what was chosen, nothing for the choice that needs no name.
fn form_name(form: &Form, id: Id) -> &str {
    if form.chosen(id).is_empty() {
        ""
    } else {
        form.chosen_label(id)
    }
}

fn node(hostname: &str, change: &NodeChange, form: &Form) -> String {
    match change {
        NodeChange::Promote => format!("wardroom node promote {hostname}"),
        NodeChange::Demote => format!("wardroom node demote {hostname}"),
        NodeChange::Availability(_) => format!(
            "wardroom node update --availability {} {hostname}",
            form.chosen(Id::Availability)
        ),
        NodeChange::Labels(before) => {
            let (add, gone) = label_changes(before, form.line(Id::NodeLabels)).unwrap_or_default();
            let add = add.iter().map(|(key, value)| format!("--label-add {key}={value} "));
            let gone = gone.iter().map(|key| format!("--label-rm {key} "));
            let options: Vec<String> = add.chain(gone).collect();
            format!("wardroom node update {}{hostname}", options.concat())
        }
        NodeChange::Remove if form.chosen(Id::Force) == "force" => format!("wardroom node rm --force {hostname}"),
        NodeChange::Remove => format!("wardroom node rm {hostname}"),
    }
}

/// Without a recipient the command asks for the passphrase.
fn backup(form: &Form) -> String {
    let for_whom: Vec<String> = match form.chosen(Id::SealedBy) {
        "recipients" => recipients(form).unwrap_or_default(),
        _ => Vec::new(),
    };
    let options: Vec<String> = for_whom
        .iter()
        .map(|recipient| format!("--recipient {recipient} "))
        .collect();
    format!(
        "wardroom backup create {}{}",
        options.concat(),
        backup_path(form).unwrap_or_default()
    )
}
