//! `wardroom secret revoke`: plan, confirm, cut off, and wait for the proof. It counts as done when every worker that held
//! it has sent its receipt and, for a shred, every manager's old records are unreadable; who has not is named.

use serde_json::{Value, json};
use wardroom_api::v1::{self, HoldingState, Kind, VersionState};

use crate::cli::arguments::SecretRevoke;
use crate::cli::following::{self, Aim, Part, Parts, Stage};
use crate::cli::session::Session;
use crate::cli::{holders, plan, proof, secret, wait, when, words};
use crate::report::{Exit, Report};

const WATCHED: &[Kind] = &[Kind::Secret, Kind::Holding, Kind::Node];

pub async fn revoke(arguments: &SecretRevoke, session: &mut Session) -> Result<(), Report> {
    let (name, version) = split_version(&arguments.name)?;
    let change = &arguments.change;
    if change.plan {
        let plan = plan_revocation(name, version, arguments.shred, session).await?;
        return plan::show(&plan, session);
    }
    plan::check_confirmable(change)?;
    let secret = if version == 0 {
        secret::whole_secret(name, session).await?
    } else {
        session.secret(name).await?
    };
    let mut basis = String::new();
    let verb = if arguments.shred { "revoke and shred" } else { "revoke" };
    if !change.yes {
        let plan = plan_revocation(name, version, arguments.shred, session).await?;
        basis = plan::ask(&plan, &arguments.name, verb, session)?;
    }
    let message = v1::RevokeSecretRequest {
        reference: secret.id.clone(),
        version,
        plan_only: false,
        plan_basis: basis,
        shred: arguments.shred,
    };
    let answer = session
        .call(message, |mut control, request| async move {
            control.revoke_secret(request).await
        })
        .await?;
    if change.detach {
        let mut document = json!({ "secret": secret.name, "version": version, "index": answer.index });
        if arguments.shred {
            document["order"] = answer.order.into();
        }
        return session.output.tell(&arguments.name, &document);
    }
    let erasure = await_erasure(&secret, version, answer.index, session).await;
    if !arguments.shred {
        return erasure.end(&arguments.name, session);
    }
    let aim = Aim {
        index: answer.index,
        order: answer.order,
        ..Aim::default()
    };
    let parts = following::follow(aim, true, session).await;
    shredded(&arguments.name, erasure, answer.order, &parts, session)
}

/// `NAME@N`; no version means all of them.
fn split_version(reference: &str) -> Result<(&str, u32), Report> {
    let Some((name, number)) = reference.split_once('@') else {
        return Ok((reference, 0));
    };
    match number.parse() {
        Ok(number) if number > 0 && !name.is_empty() => Ok((name, number)),
        _ => Err(Report::usage(format!(
            "invalid version in '{reference}': a number from 1 is expected after @"
        ))
        .hint(format!("`wardroom secret versions {name}` lists them"))),
    }
}

async fn plan_revocation(name: &str, version: u32, shred: bool, session: &Session) -> Result<v1::Plan, Report> {
    let message = v1::RevokeSecretRequest {
        reference: name.to_owned(),
        version,
        shred,
        plan_only: true,
        ..Default::default()
    };
    match session
        .call(message, |mut control, request| async move {
            control.revoke_secret(request).await
        })
        .await
    {
        Ok(answer) => Ok(answer.plan.unwrap_or_default()),
        Err(error) => Err(session.explain(error, Kind::Secret, name).await),
    }
}

/// The workers' side of a revoke.
struct Erasure {
    secret: String,
    is_complete: bool,
    /// `2 erasure receipts`.
    receipts: String,
    /// Who has not answered, as `web.1 on worker-1`.
    owing: Vec<String>,
    document: Value,
}

async fn await_erasure(secret: &v1::Secret, version: u32, index: u64, session: &Session) -> Erasure {
    let concerns =
        |holding: &&v1::Holding| holding.secret_id == secret.id && (version == 0 || holding.version == version);
    let answered = wait::until(&session.client, WATCHED, index, |view| {
        let destroyed = view
            .secrets
            .get(&secret.id)?
            .versions
            .iter()
            .filter(|known| version == 0 || known.number == version)
            .all(|known| known.state == VersionState::Destroyed as i32);
        let owed = view.holdings.values().filter(concerns).any(|holding| holding.owed);
        (destroyed && !owed).then(|| view.clone())
    })
    .await;
    let (view, is_complete) = match answered {
        Ok(view) => (Box::new(view), true),
        Err(view) => (view, false),
    };
    let hosts = proof::hostnames(&view);
    let rows = view.holdings.values().filter(concerns).cloned().collect();
    let rows = holders::sorted(rows, &hosts);
    let erased = rows
        .iter()
        .filter(|row| row.state == HoldingState::Erased as i32 && !row.owed)
        .count();
    let owing = proof::places(rows.iter().filter(|row| row.owed), &hosts);
    let document = json!({
        "secret": secret.name,
        "version": if version == 0 { Value::Null } else { version.into() },
        "index": index,
        "complete": is_complete,
        "receipts": holders::json(secret, &rows, &hosts),
        "owing": owing,
    });
    Erasure {
        secret: secret.name.clone(),
        is_complete,
        receipts: words::count(erased, "erasure receipt"),
        owing,
        document,
    }
}

impl Erasure {
    fn text(&self, typed: &str) -> String {
        format!("{typed}: revoked and destroyed, {}, nobody holds it", self.receipts)
    }

    fn late(&self, typed: &str) -> Report {
        let owing = self.owing.join(", ");
        Report::new(
            Exit::Timeout,
            format!(
                "{typed} is revoked ({}), but has not answered yet: {owing}",
                self.receipts
            ),
        )
        .hint(format!(
            "the erasure goes on by itself; follow it with `wardroom secret holders {}`",
            self.secret
        ))
    }

    fn end(&self, typed: &str, session: &mut Session) -> Result<(), Report> {
        if self.is_complete {
            return session.output.tell(&self.text(typed), &self.document);
        }
        if session.output.is_json() {
            session.output.json(&self.document)?;
        }
        Err(self.late(typed))
    }
}

/// The managers' side comes on top: what was written before the revoke.
fn shredded(typed: &str, mut erasure: Erasure, order: u64, parts: &Parts, session: &mut Session) -> Result<(), Report> {
    if session.output.is_json() {
        erasure.document["shred"] =
            json!({ "order": order, "complete": parts.is_complete(), "managers": parts.json() });
        session.output.json(&erasure.document)?;
    } else {
        if erasure.is_complete {
            session.output.line(&erasure.text(typed))?;
        }
        for line in parts.done().filter_map(unreadable) {
            session.output.line(&line)?;
        }
    }
    let mut owed = Vec::new();
    if !parts.is_complete() {
        let text =
            format!("order {order} makes what the managers wrote of {typed} before unreadable, but is still owed");
        owed.push(following::late(&text, parts));
    }
    if !erasure.is_complete {
        owed.push(erasure.late(typed));
    }
    if owed.is_empty() {
        Ok(())
    } else {
        Err(Report::joined(owed))
    }
}

/// When the last record of a manager that could hold the value was gone.
fn unreadable(part: &Part) -> Option<String> {
    let hostname = &part.hostname;
    match part.stage {
        Stage::Done(0) => Some(format!("{hostname}: no record from before can be read")),
        Stage::Done(at_ms) => Some(format!(
            "{hostname}: no record from before can be read since {}",
            when::rfc3339(at_ms)
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    #[test]
    fn a_version_stands_after_the_at_sign() {
        assert_eq!(split_version("db").unwrap(), ("db", 0));
        assert_eq!(split_version("db@3").unwrap(), ("db", 3));
        for wrong in ["db@", "db@0", "db@x", "@3", "db@-1"] {
            assert_eq!(split_version(wrong).unwrap_err().exit, Exit::Usage, "{wrong}");
        }
    }

    fn part(hostname: &str, stage: Stage) -> Part {
        Part {
            node_id: hostname.into(),
            hostname: hostname.into(),
            stage,
            keys: None,
        }
    }

    #[test]
    fn each_manager_says_since_when_nothing_can_be_read() {
        assert_eq!(
            unreadable(&part("m1", Stage::Done(1_767_323_045_595))).unwrap(),
            "m1: no record from before can be read since 2026-01-02T03:04:05.595Z"
        );
        assert_eq!(
            unreadable(&part("m1", Stage::Done(0))).unwrap(),
            "m1: no record from before can be read"
        );
        assert_eq!(unreadable(&part("m1", Stage::Down)), None);
    }

    #[test]
    fn who_has_not_answered_is_named() {
        let erasure = Erasure {
            secret: "db".into(),
            is_complete: false,
            receipts: "1 erasure receipt".into(),
            owing: vec!["web.1 on w1".into()],
            document: Value::Null,
        };
        let report = erasure.late("db@2");
        assert_eq!(
            report.message,
            "db@2 is revoked (1 erasure receipt), but has not answered yet: web.1 on w1"
        );
        assert_eq!(report.exit, Exit::Timeout);
        assert_eq!(
            erasure.text("db"),
            "db: revoked and destroyed, 1 erasure receipt, nobody holds it"
        );
    }
}
