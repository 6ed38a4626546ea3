//! `wardroom context`: which clusters this user knows, and which one commands speak to. Docker's words; nothing here
//! connects to anybody.

use std::path::Path;

use serde_json::{Value, json};
use wardroom_api::Host;
use wardroom_ca::{Clock, Role, SystemClock};

use crate::cli::arguments::{Context, Selection};
use crate::cli::connect::{self, Variable};
use crate::cli::contexts::{self, Contexts, DEFAULT};
use crate::cli::output::{Output, Table};
use crate::cli::{each, remote, when};
use crate::report::{Exit, Report};

pub fn run(command: &Context, selection: &Selection, output: &mut Output) -> Result<(), Report> {
    let variable: Variable<'_> = &connect::environment;
    let folder = contexts::folder(variable).ok_or_else(connect::no_folder)?;
    match command {
        Context::Create(create) => self::create(&create.name, selection, &folder, output),
        Context::Use(select) => {
            contexts::change(&folder, |contexts| contexts.select(&select.name))?;
            output.line(&select.name)?;
            output.note(&format!("Current context is now \"{}\"", select.name));
            overridden(&select.name, variable, output);
            Ok(())
        }
        Context::Ls(list) => self::list(list.quiet, &folder, output),
        Context::Rm(remove) => self::remove(&remove.names, remove.force, &folder, output),
    }
}

fn create(name: &str, selection: &Selection, folder: &Path, output: &mut Output) -> Result<(), Report> {
    contexts::check_name(name)?;
    let host = selection.host.as_deref().map(Host::parse).transpose();
    let host = host.map_err(|error| Report::usage(error.to_string()))?;
    let bundle = selection.bundle.as_deref().map(remote::read).transpose()?;
    if let (Some(bundle), Some(path)) = (&bundle, &selection.bundle) {
        // What can be known without asking anybody: that it can be used at all.
        remote::identity(bundle, path)?;
    }
    let host = match (host, &bundle) {
        (Some(Host::Socket(path)), None) => Host::Socket(path),
        (Some(Host::Socket(_)), Some(_)) => {
            return Err(Report::usage("a socket of this machine asks for no bundle").hint("leave out --bundle"));
        }
        (Some(managers), Some(_)) => managers,
        (None, Some(bundle)) => Host::Managers(bundle.managers.clone()),
        (Some(_), None) => {
            return Err(Report::usage("managers let nobody in without a certificate")
                .hint("give --bundle FILE; an administrator makes it with `wardroom operator add`"));
        }
        (None, None) => {
            return Err(Report::usage("a context needs to know where its cluster is").hint(
                "give --host unix://PATH, or --bundle FILE (with --host wardroom://HOST:PORT for other addresses)",
            ));
        }
    };
    contexts::change(folder, |contexts| contexts.add(name, &host, bundle.as_ref()))?;
    output.line(name)?;
    output.note(&format!("Successfully created context \"{name}\""));
    Ok(())
}

/// As Docker warns: what stands nearer wins.
fn overridden(name: &str, variable: Variable<'_>, output: &mut Output) {
    for nearer in ["WARDROOM_HOST", "WARDROOM_CONTEXT"] {
        if variable(nearer).is_some_and(|text| !text.is_empty()) {
            output.note(&format!(
                "Warning: {nearer} environment variable overrides the active context. To use \"{name}\", either set the \
                 global --context flag, or unset {nearer} environment variable."
            ));
            return;
        }
    }
}

/// What is known about a context without asking its cluster.
struct Row {
    name: String,
    is_current: bool,
    host: String,
    role: String,
    not_after_ms: i64,
    error: String,
}

fn row(contexts: &Contexts, name: &str) -> Row {
    let mut row = Row {
        name: name.to_owned(),
        is_current: contexts.current() == Some(name),
        host: String::new(),
        role: String::new(),
        not_after_ms: 0,
        error: String::new(),
    };
    let read = contexts.get(name).and_then(|context| {
        row.host = context.host.to_string();
        let Some(path) = &context.bundle else {
            return Ok(());
        };
        let bundle = remote::read(path)?;
        let identity = remote::identity(&bundle, path)?;
        row.role = format!("{} ({})", bundle.name, role(identity.identity().role));
        row.not_after_ms = identity.facts().not_after_ms;
        Ok(())
    });
    if let Err(report) = read {
        row.error = report.message;
    }
    row
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Admin => "admin",
        Role::Manager => "manager",
        Role::Worker => "worker",
    }
}

fn list(quiet: bool, folder: &Path, output: &mut Output) -> Result<(), Report> {
    let contexts = Contexts::load(folder)?;
    let own = Row {
        name: DEFAULT.to_owned(),
        is_current: contexts.current().is_none(),
        host: "this machine".to_owned(),
        role: String::new(),
        not_after_ms: 0,
        error: String::new(),
    };
    let others = contexts.names().into_iter().map(|name| row(&contexts, name));
    let rows: Vec<Row> = std::iter::once(own).chain(others).collect();
    if quiet {
        return rows.iter().try_for_each(|row| output.line(&row.name));
    }
    if output.is_json() {
        return output.json(&rows.iter().map(document).collect());
    }
    output.table(&table(&rows, SystemClock.now_ms()))
}

fn document(row: &Row) -> Value {
    json!({
        "name": row.name,
        "current": row.is_current,
        "host": row.host,
        "operator": row.role,
        "certificate_not_after": when::rfc3339(row.not_after_ms),
        "error": row.error,
    })
}

fn table(rows: &[Row], now_ms: i64) -> Table {
    let mut table = Table::new(&["NAME", "HOST", "OPERATOR", "CERTIFICATE", "ERROR"]);
    for row in rows {
        let name = if row.is_current {
            format!("{} *", row.name)
        } else {
            row.name.clone()
        };
        let certificate = when::validity(row.not_after_ms, now_ms);
        table.row([&name, &row.host, &row.role, &certificate, &row.error]);
    }
    table
}

fn remove(names: &[String], force: bool, folder: &Path, output: &mut Output) -> Result<(), Report> {
    let mut refused = Vec::new();
    for name in names {
        let removed = contexts::change(folder, |contexts| {
            if name == DEFAULT {
                return Err(Report::usage("default: context \"default\" cannot be removed")
                    .hint("it is the cluster of this machine"));
            }
            if contexts.current() == Some(name) && !force {
                return Err(Report::new(
                    Exit::Conflict,
                    format!("context \"{name}\" is in use, set -f flag to force remove"),
                )
                .hint("or use another one first: `wardroom context use default`"));
            }
            contexts.remove(name)
        });
        match removed {
            Ok(()) => output.line(name)?,
            Err(report) => refused.push(report),
        }
    }
    each::all_or(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_marks_the_one_in_use() {
        let row = |name: &str, is_current, error: &str| Row {
            name: name.into(),
            is_current,
            host: "wardroom://a:2377".into(),
            role: "ada (viewer)".into(),
            not_after_ms: 0,
            error: error.into(),
        };
        let rows = [row("prod", true, ""), row("test", false, "no bundle")];
        assert_eq!(
            table(&rows, 0).render(),
            "NAME     HOST                OPERATOR       CERTIFICATE   ERROR\n\
             prod *   wardroom://a:2377   ada (viewer)\n\
             test     wardroom://a:2377   ada (viewer)                 no bundle\n"
        );
    }
}
