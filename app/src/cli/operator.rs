//! `wardroom operator`: who may come from elsewhere. The key is made here and leaves this machine only in the bundle;
//! the cluster sees the request for a certificate and nothing else.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wardroom_api::Host;
use wardroom_api::v1::{self, Kind};
use wardroom_ca::{Bundle, BundleError, KeyRequest};
use wardroom_keys::OsChance;

use crate::cli::arguments::{Operator, OperatorAdd};
use crate::cli::output::{Table, natural_order};
use crate::cli::session::Session;
use crate::cli::{connect, contexts, duration, each, plan, when, words};
use crate::report::{Exit, Report};
use crate::text::clean;

pub async fn run(command: &Operator, session: &mut Session) -> Result<(), Report> {
    match command {
        Operator::Add(add) => self::add(add, session).await,
        Operator::Ls(list) => {
            session.stale = list.reading.stale;
            self::list(list.quiet, session).await
        }
        Operator::Rm(remove) => self::remove(&remove.of.references, remove.yes, session).await,
    }
}

async fn add(add: &OperatorAdd, session: &mut Session) -> Result<(), Report> {
    let out = free_file(add)?;
    let context = wanted_context(add)?;
    let request = KeyRequest::generate(&OsChance);
    let message = v1::AddOperatorRequest {
        name: add.name.clone(),
        role: v1::OperatorRole::from(add.role).into(),
        csr_pem: request.csr_pem.clone(),
        life_ms: add.expiry.map_or(0, duration::millis),
    };
    let answer = session
        .call(message, |mut control, request| async move {
            control.add_operator(request).await
        })
        .await?;
    let bundle = Bundle {
        name: add.name.clone(),
        roots_pem: answer.roots_pem.clone(),
        certificate_pem: answer.certificate_pem.clone(),
        key: request.key,
        managers: answer.managers.clone(),
    };
    let kept = bundle.write(&out, false).map_err(|error| not_kept(&error, &add.name));
    kept?;
    if let Some(name) = &context {
        make_context(name, &bundle)?;
    }
    tell(add, &answer, &out, context.as_deref(), session)
}

/// Before anything is made: there must be a place for it that is nobody else's.
fn free_file(add: &OperatorAdd) -> Result<PathBuf, Report> {
    let plain = |name: &str| !name.contains('/') && !name.starts_with('.') && !name.chars().any(char::is_control);
    let out = match &add.out {
        Some(out) => out.clone(),
        None if plain(&add.name) => PathBuf::from(format!("{}.bundle", add.name)),
        None => {
            return Err(Report::usage(format!("{} is no file name", clean(&add.name)))
                .hint("say where to write with --out FILE"));
        }
    };
    if out.exists() {
        return Err(Report::new(Exit::Conflict, format!("{} exists already", out.display()))
            .hint("a bundle is never written over another: name another file with --out FILE"));
    }
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return Err(Report::failure(format!(
            "{} cannot be written: its folder does not exist",
            out.display()
        ))
        .hint("make the folder, or name another file with --out FILE"));
    }
    Ok(out)
}

/// The name of the context to make, if one is wanted and can be made.
fn wanted_context(add: &OperatorAdd) -> Result<Option<String>, Report> {
    let Some(wanted) = &add.save_context else {
        return Ok(None);
    };
    let name = if wanted.is_empty() { &add.name } else { wanted };
    contexts::check_name(name)?;
    let folder = contexts::folder(&connect::environment).ok_or_else(connect::no_folder)?;
    if contexts::Contexts::load(&folder)?.names().contains(&name.as_str()) {
        return Err(
            Report::new(Exit::Conflict, format!("context \"{name}\" already exists"))
                .hint("choose another name: --save-context=NAME"),
        );
    }
    Ok(Some(name.clone()))
}

fn make_context(name: &str, bundle: &Bundle) -> Result<(), Report> {
    let folder = contexts::folder(&connect::environment).ok_or_else(connect::no_folder)?;
    contexts::change(&folder, |contexts| {
        contexts.add(name, &Host::Managers(bundle.managers.clone()), Some(bundle))
    })
}

/// The operator is in the cluster, and nobody has its key.
fn not_kept(error: &BundleError, name: &str) -> Report {
    Report::failure(error.to_string()).hint(format!(
        "nobody can come in as {name}: remove it with `wardroom operator rm {name}`, then add it again"
    ))
}

fn tell(
    add: &OperatorAdd,
    answer: &v1::AddOperatorResponse,
    out: &Path,
    context: Option<&str>,
    session: &mut Session,
) -> Result<(), Report> {
    let role = words::operator_role(v1::OperatorRole::from(add.role).into());
    if session.output.is_json() {
        return session.output.json(&json!({
            "id": answer.id,
            "name": add.name,
            "role": role,
            "bundle": out.display().to_string(),
            "managers": answer.managers,
            "context": context,
            "index": answer.index,
        }));
    }
    session.output.line(&answer.id)?;
    session.output.flush()?;
    let next = match context {
        Some(context) => format!("Use it with: wardroom --context {context} status"),
        None => format!(
            "Whoever holds it comes in as {}. Bring it there safely, delete it here, and make it a context there:\n\n    \
             wardroom context create NAME --bundle {}\n",
            clean(&add.name),
            clean(&out.display().to_string())
        ),
    };
    session.output.note(&format!(
        "{} ({role}) has its key and certificate in {}.",
        add.name,
        out.display()
    ));
    next.lines().for_each(|line| session.output.note(line));
    Ok(())
}

async fn list(quiet: bool, session: &mut Session) -> Result<(), Report> {
    let mut operators = session.operators().await?;
    operators.sort_by(|a, b| natural_order(&a.name, &b.name));
    if quiet {
        return operators
            .iter()
            .try_for_each(|operator| session.output.line(&operator.id));
    }
    if session.output.is_json() {
        return session.output.json(&operators.iter().map(document).collect());
    }
    session.output.table(&table(&operators, when::now_ms()))
}

fn table(operators: &[v1::Operator], now_ms: i64) -> Table {
    let mut table = Table::new(&["ID", "NAME", "ROLE", "CREATED", "BY", "CERTIFICATE"]);
    for operator in operators {
        table.row([
            operator.id.as_str(),
            &operator.name,
            words::operator_role(operator.role),
            &when::ago(operator.created_at_ms, now_ms),
            &operator.created_by,
            &when::validity(operator.certificate_not_after_ms, now_ms),
        ]);
    }
    table
}

fn document(operator: &v1::Operator) -> Value {
    json!({
        "id": operator.id,
        "name": operator.name,
        "role": words::operator_role(operator.role),
        "created": when::rfc3339(operator.created_at_ms),
        "created_by": operator.created_by,
        "certificate_fingerprint": operator.certificate_fingerprint,
        "certificate_issuer": operator.certificate_issuer,
        "certificate_not_before": when::rfc3339(operator.certificate_not_before_ms),
        "certificate_not_after": when::rfc3339(operator.certificate_not_after_ms),
    })
}

async fn remove(references: &[String], yes: bool, session: &mut Session) -> Result<(), Report> {
    each::change(references, session, async |session, reference| {
        if plan::may_ask(yes) {
            session.output.note(&format!("Cluster: {}", session.target));
            plan::confirm(reference, "remove")?;
        }
        let message = v1::RemoveOperatorRequest {
            reference: reference.to_owned(),
        };
        let answer = session
            .call(message, |mut control, request| async move {
                control.remove_operator(request).await
            })
            .await;
        match answer {
            Ok(_) => Ok(reference.to_owned()),
            Err(error) => Err(session.explain(error, Kind::Operator, reference).await),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;
    use crate::cli::arguments::OperatorRoleChoice;

    fn options(name: &str, out: Option<PathBuf>) -> OperatorAdd {
        OperatorAdd {
            name: name.into(),
            role: OperatorRoleChoice::Viewer,
            out,
            expiry: None,
            save_context: None,
        }
    }

    #[test]
    fn a_bundle_is_never_written_over_anything() {
        assert_eq!(free_file(&options("ada", None)).unwrap(), Path::new("ada.bundle"));
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("there");
        std::fs::write(&there, "").unwrap();
        assert_eq!(
            free_file(&options("ada", Some(there))).unwrap_err().exit,
            Exit::Conflict
        );
        let nowhere = folder.path().join("none/ada");
        assert!(free_file(&options("ada", Some(nowhere))).is_err());
        for name in ["../ada", ".ada", "a/b", "a\u{7}"] {
            assert!(
                free_file(&options(name, None))
                    .unwrap_err()
                    .hint
                    .unwrap()
                    .contains("--out"),
                "{name:?}"
            );
        }
    }

    #[test]
    fn a_list_shows_who_and_until_when() {
        let operator = v1::Operator {
            id: "n8kdc5".into(),
            name: "ada".into(),
            role: v1::OperatorRole::Viewer.into(),
            created_at_ms: 1_000,
            created_by: "admin:root".into(),
            certificate_not_after_ms: 1_000 + 90 * 24 * 3_600_000,
            ..v1::Operator::default()
        };
        assert_eq!(
            table(std::slice::from_ref(&operator), 361_000).render(),
            "ID       NAME   ROLE     CREATED         BY           CERTIFICATE\n\
             n8kdc5   ada    viewer   6 minutes ago   admin:root   valid for 3 months (1970-04-01T00:00:01Z)\n"
        );
        assert_eq!(document(&operator)["role"], "viewer");
    }
}
