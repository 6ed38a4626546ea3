//! `wardroom secret`: create, ls, inspect, update, rm, versions, holders. Changes that need a plan are in
//! `secret_rotate`, `secret_revoke` and `secret_policy`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wardroom_api::v1::{self, Kind, object};

use crate::cli::arguments::{Secret, SecretCreate, SecretUpdate};
use crate::cli::output::{Table, natural_order};
use crate::cli::session::Session;
use crate::cli::{duration, each, holders, inspect, secret_policy, secret_revoke, secret_rotate, value, when, words};
use crate::report::Report;

pub async fn run(command: &Secret, session: &mut Session) -> Result<(), Report> {
    match command {
        Secret::Create(create) => self::create(create, session).await,
        Secret::Ls(list) => {
            session.stale = list.reading.stale;
            self::list(list.quiet, session).await
        }
        Secret::Inspect(inspect) => {
            session.stale = inspect.reading.stale;
            each::inspect(&inspect.of.references, session, async |session, reference| {
                Ok(inspect::secret(&session.secret(reference).await?))
            })
            .await
        }
        Secret::Update(update) => self::update(update, session).await,
        Secret::Rm(remove) => self::remove(&remove.references, session).await,
        Secret::Rotate(rotate) => secret_rotate::rotate(rotate, session).await,
        Secret::Revoke(revoke) => secret_revoke::revoke(revoke, session).await,
        Secret::Prune(prune) => secret_policy::prune(prune, session).await,
        Secret::Versions(versions) => {
            session.stale = versions.reading.stale;
            self::versions(&versions.name, session).await
        }
        Secret::Holders(holders) => {
            session.stale = holders.reading.stale;
            self::holders(&holders.name, session).await
        }
    }
}

async fn create(create: &SecretCreate, session: &mut Session) -> Result<(), Report> {
    let labels = parse_labels(&create.labels)?;
    let schedule = secret_policy::schedule(&create.next);
    if schedule.is_some() && create.max_age.is_none() {
        return Err(
            Report::usage("a secret without a maximum age is never due for its next value")
                .hint("say how old a value may become: --max-age 90d"),
        );
    }
    let value = value::read(&create.source)?;
    let message = v1::CreateSecretRequest {
        name: create.name.clone(),
        value: Some(value),
        labels,
        max_age_ms: create.max_age.map_or(0, duration::millis),
        template_driver: create.template_driver.clone().unwrap_or_default(),
        schedule,
    };
    let made = session
        .call(message, |mut control, request| async move {
            control.create_secret(request).await
        })
        .await?;
    if session.output.is_json() {
        let document = json!({ "id": made.id, "name": create.name, "version": 1, "version_id": made.version_id, "index": made.index });
        return session.output.json(&document);
    }
    session.output.line(&made.id)
}

/// `k=v`, or `k` alone for an empty value, as Docker takes them.
pub fn parse_labels(texts: &[String]) -> Result<BTreeMap<String, String>, Report> {
    let mut labels = BTreeMap::new();
    for text in texts {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        if key.trim().is_empty() {
            return Err(
                Report::usage(format!("invalid label '{text}': a key is expected before =")).hint("write -l key=value"),
            );
        }
        labels.insert(key.to_owned(), value.to_owned());
    }
    Ok(labels)
}

async fn list(quiet: bool, session: &mut Session) -> Result<(), Report> {
    let mut secrets = session.secrets().await?;
    secrets.sort_by(|a, b| natural_order(&a.name, &b.name));
    if quiet {
        return secrets.iter().try_for_each(|secret| session.output.line(&secret.id));
    }
    if session.output.is_json() {
        return session.output.json(&secrets.iter().map(list_json).collect());
    }
    session.output.table(&list_table(&secrets, when::now_ms()))
}

fn list_json(secret: &v1::Secret) -> Value {
    json!({
        "id": secret.id,
        "name": secret.name,
        "version": secret.current,
        "versions": secret.versions.len(),
        "state": state(secret),
        "labels": secret.labels,
        "max_age_ms": secret.max_age_ms,
        "template_driver": secret.template_driver,
        "rotates": secret_policy::rotates(secret),
        "schedule_error": secret.schedule_error,
        "created": when::rfc3339(secret.created_at_ms),
        "updated": when::rfc3339(secret.updated_at_ms),
    })
}

fn list_table(secrets: &[v1::Secret], now_ms: i64) -> Table {
    let mut table = Table::new(&[
        "ID", "NAME", "VERSION", "STATE", "DRIVER", "CREATED", "UPDATED", "ROTATES",
    ]);
    for secret in secrets {
        let version = if secret.current == 0 {
            "-".to_owned()
        } else {
            format!("v{}", secret.current)
        };
        table.row([
            secret.id.as_str(),
            &secret.name,
            &version,
            state(secret),
            &secret.template_driver,
            &when::ago(secret.created_at_ms, now_ms),
            &when::ago(secret.updated_at_ms, now_ms),
            &secret_policy::rotates(secret),
        ]);
    }
    table
}

/// Of the current version; without one, of the newest.
fn state(secret: &v1::Secret) -> &'static str {
    let version = secret.current_version().or(secret.versions.last());
    version.map_or("empty", |version| words::version_state(version.state))
}

async fn remove(references: &[String], session: &mut Session) -> Result<(), Report> {
    each::change(references, session, async |session, reference| {
        let secret = whole_secret(reference, session).await?;
        let before = without_way_back(&session.services().await?, &secret.id);
        let message = v1::RemoveSecretRequest {
            reference: reference.to_owned(),
        };
        let answer = session
            .call(message, |mut control, request| async move {
                control.remove_secret(request).await
            })
            .await;
        match answer {
            Ok(answer) => {
                if !before.is_empty() {
                    session.output.note(&format!(
                        "note: no way back any more, for the spec before had {reference}: {before}"
                    ));
                }
                Ok(answer.id)
            }
            Err(error) => Err(session.explain(error, Kind::Secret, reference).await),
        }
    })
    .await
}

/// The services that could be rolled back to a spec with the secret, and cannot once it is gone.
fn without_way_back(services: &[v1::Service], secret_id: &str) -> String {
    let names = services.iter().filter_map(|service| {
        let before = service.previous_spec.as_ref()?;
        before.grants_secret(secret_id).then_some(before.name.as_str())
    });
    names.collect::<Vec<_>>().join(", ")
}

/// What the options ask for; what is not given stays as it is.
fn update_request(update: &SecretUpdate) -> Result<v1::UpdateSecretRequest, Report> {
    let request = v1::UpdateSecretRequest {
        reference: update.reference.clone(),
        label_add: parse_labels(&update.label_add)?,
        label_rm: update.label_rm.clone(),
        max_age_ms: update.max_age.map(duration::millis),
        keep_versions: update.keep,
        lease_ms: update.lease.map(duration::millis),
        keep_ms: update.keep_for.map(duration::millis),
        schedule: secret_policy::schedule(&update.next),
        schedule_off: update.rotate_off,
    };
    let unchanged = v1::UpdateSecretRequest {
        reference: update.reference.clone(),
        ..Default::default()
    };
    if request == unchanged {
        return Err(Report::usage("nothing to change").hint(
            "give --label-add, --label-rm, --max-age, --keep, --keep-for, --rotate-generate, --rotate-hook, --rotate-off or \
             --lease; a new value comes with `secret rotate`",
        ));
    }
    Ok(request)
}

async fn update(update: &SecretUpdate, session: &mut Session) -> Result<(), Report> {
    let message = update_request(update)?;
    whole_secret(&update.reference, session).await?;
    let answer = session
        .call(message, |mut control, request| async move {
            control.update_secret(request).await
        })
        .await;
    match answer {
        Ok(answer) if session.output.is_json() => {
            session.output.json(&json!({ "id": answer.id, "index": answer.index }))
        }
        Ok(_) => session.output.line(&update.reference),
        Err(error) => Err(session.explain(error, Kind::Secret, &update.reference).await),
    }
}

/// A version's name leads to its secret too; what cuts off all versions must not be reached that way by a slip.
pub async fn whole_secret(reference: &str, session: &Session) -> Result<v1::Secret, Report> {
    let secret = session.secret(reference).await?;
    check_whole(reference, &secret)?;
    Ok(secret)
}

fn check_whole(reference: &str, secret: &v1::Secret) -> Result<(), Report> {
    let is_secret = secret.name.eq_ignore_ascii_case(reference) || secret.id.starts_with(reference);
    let version = secret
        .versions
        .iter()
        .find(|version| version.name.eq_ignore_ascii_case(reference));
    match version {
        Some(version) if !is_secret => {
            let (name, number) = (&secret.name, version.number);
            Err(Report::failure(format!(
                "{reference} is version {number} of secret {name}, not a secret of its own"
            ))
            .hint(format!(
                "name the secret ({name}) for all versions, or `wardroom secret revoke {name}@{number}` for this one"
            )))
        }
        _ => Ok(()),
    }
}

async fn versions(reference: &str, session: &mut Session) -> Result<(), Report> {
    let secret = session.secret(reference).await?;
    if session.output.is_json() {
        return session.output.json(&secret.versions.iter().map(version_json).collect());
    }
    let now = when::now_ms();
    let mut table = Table::new(&["VERSION", "NAME", "STATE", "SINCE", "SIZE", "CREATED", "BY", "ID"]);
    for version in &secret.versions {
        table.row([
            &format!("v{}", version.number),
            &version.name,
            words::version_state(version.state),
            &when::ago(version.state_since_ms, now),
            &format!("{}B", version.size),
            &when::ago(version.created_at_ms, now),
            &version.created_by,
            &version.id,
        ]);
    }
    session.output.table(&table)?;
    if secret.keep_ms > 0 {
        let keep = duration::text(secret.keep_ms);
        session.output.note(&format!(
            "kept for: a version that was replaced is destroyed after {keep}"
        ));
    }
    if !secret.schedule_error.is_empty() {
        let ago = when::ago(secret.schedule_error_at_ms, now).to_lowercase();
        session.output.note(&format!(
            "the scheduled rotation did not begin ({ago}): {}",
            secret.schedule_error
        ));
    }
    if secret.lease_ms > 0 {
        let lease = duration::text(secret.lease_ms);
        session
            .output
            .note(&format!("lease: a worker that is cut off erases it after {lease}"));
    }
    Ok(())
}

fn version_json(version: &v1::Version) -> Value {
    json!({
        "version": version.number,
        "name": version.name,
        "id": version.id,
        "state": words::version_state(version.state),
        "since": when::rfc3339(version.state_since_ms),
        "size": version.size,
        "created": when::rfc3339(version.created_at_ms),
        "created_by": version.created_by,
        "key_check": version.key_check,
    })
}

async fn holders(reference: &str, session: &mut Session) -> Result<(), Report> {
    let secret = session.secret(reference).await?;
    let hostnames = session.hostnames().await?;
    let ask = v1::ListRequest {
        kind: Kind::Holding.into(),
        secret: secret.id.clone(),
        ..Default::default()
    };
    let (_, objects) = session.list(ask).await?;
    let holdings = objects.into_iter().filter_map(|object| match object {
        object::Kind::Holding(holding) => Some(holding),
        _ => None,
    });
    let rows = holders::sorted(holdings.collect(), &hostnames);
    if session.output.is_json() {
        return session.output.json(&holders::json(&secret, &rows, &hostnames));
    }
    session.output.table(&holders::table(&rows, &hostnames, when::now_ms()))
}

#[cfg(test)]
#[path = "secret_tests.rs"]
mod tests;
