//! How are a secret's versions made and kept? Its schedule from options, and `secret prune`.

use serde_json::json;
use wardroom_api::v1::{self, Kind, schedule};

use crate::cli::arguments::{MakesNext, SecretPrune};
use crate::cli::duration::{self, millis};
use crate::cli::plan;
use crate::cli::session::Session;
use crate::report::Report;

/// What makes the next value; the clap tree lets one of them through at most.
pub fn schedule(made_by: &MakesNext) -> Option<v1::Schedule> {
    let generate = made_by.rotate_generate.map(schedule::Source::Generate);
    let hook = || made_by.rotate_hook.clone().map(schedule::Source::Hook);
    let source = generate.or_else(hook)?;
    Some(v1::Schedule { source: Some(source) })
}

/// `90d by hook vault`, `at most 90d`, or nothing.
pub fn rotates(secret: &v1::Secret) -> String {
    let age = days(secret.max_age_ms);
    let source = secret.schedule.as_ref().and_then(|schedule| schedule.source.as_ref());
    let failed = if secret.schedule_error.is_empty() {
        ""
    } else {
        ", failed"
    };
    match source {
        Some(schedule::Source::Generate(characters)) => format!("{age}, {characters} generated{failed}"),
        Some(schedule::Source::Hook(name)) => format!("{age}, hook {name}{failed}"),
        None if secret.max_age_ms == 0 => String::new(),
        None => format!("{age}, by hand"),
    }
}

/// `90d`, or as Docker prints spans where they are not whole days.
fn days(milliseconds: u64) -> String {
    const DAY_MS: u64 = 86_400_000;
    match (milliseconds / DAY_MS, milliseconds % DAY_MS) {
        (days, 0) if days > 0 => format!("{days}d"),
        _ => duration::text(milliseconds),
    }
}

pub async fn prune(prune: &SecretPrune, session: &mut Session) -> Result<(), Report> {
    let asking = prune.asking;
    if !asking.plan && !asking.yes && !plan::may_ask(asking.yes) {
        return Err(
            Report::usage("nobody can be asked to confirm: standard input is not a terminal")
                .hint("look with --plan, then run it with --yes"),
        );
    }
    let mut basis = String::new();
    if asking.plan || !asking.yes {
        let planned = ask(prune, true, String::new(), session).await?.plan.unwrap_or_default();
        if asking.plan {
            return plan::show(&planned, session);
        }
        let word = match prune.references.as_slice() {
            [one] => one,
            _ => "all",
        };
        basis = plan::ask(&planned, word, "prune", session)?;
    }
    let done = ask(prune, false, basis, session).await?;
    if session.output.is_json() {
        return session
            .output
            .json(&json!({ "destroyed": done.destroyed, "index": done.index }));
    }
    for version in &done.destroyed {
        session.output.line(version)?;
    }
    if done.destroyed.is_empty() {
        session
            .output
            .note("note: nothing to destroy: every version is current, kept, or needed by a service");
    }
    Ok(())
}

async fn ask(
    prune: &SecretPrune,
    plan_only: bool,
    plan_basis: String,
    session: &Session,
) -> Result<v1::PruneVersionsResponse, Report> {
    let message = v1::PruneVersionsRequest {
        references: prune.references.clone(),
        keep: prune.keep,
        older_than_ms: prune.older_than.map_or(0, millis),
        plan_only,
        plan_basis,
    };
    let answer = session
        .call(message, |mut control, request| async move {
            control.prune_versions(request).await
        })
        .await;
    match answer {
        Ok(answer) => Ok(answer),
        Err(error) => {
            let first = prune.references.first().map_or("", String::as_str);
            Err(session.explain(error, Kind::Secret, first).await)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_secret_is_rotated_is_told_in_short() {
        let mut secret = v1::Secret::default();
        assert_eq!(rotates(&secret), "");
        secret.max_age_ms = 90 * 86_400_000;
        assert_eq!(rotates(&secret), "90d, by hand");
        let made_by = MakesNext {
            rotate_generate: None,
            rotate_hook: Some("vault".to_owned()),
        };
        secret.schedule = schedule(&made_by);
        secret.schedule_error = "hook vault: exit 1".into();
        assert_eq!(rotates(&secret), "90d, hook vault, failed");
        secret.max_age_ms = 3_600_000;
        let made_by = MakesNext {
            rotate_generate: Some(32),
            rotate_hook: None,
        };
        secret.schedule = schedule(&made_by);
        secret.schedule_error.clear();
        assert_eq!(rotates(&secret), "1h0m0s, 32 generated");
        assert_eq!(schedule(&MakesNext::default()), None);
    }
}
