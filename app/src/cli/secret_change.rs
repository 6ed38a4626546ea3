//! `wardroom secret rotate` and `revoke`: plan, confirm, run, and wait for the proof. A change counts as done when
//! every worker concerned has answered; who has not is named.

use serde_json::{Value, json};
use wardroom_api::ClusterView;
use wardroom_api::v1::{self, HoldingState, Kind, RotationPhase, VersionState};

use crate::cli::arguments::{SecretRevoke, SecretRotate};
use crate::cli::session::Session;
use crate::cli::{holders, plan, proof, secret, value, wait, words};
use crate::report::{Exit, Report};

const WATCHED: &[Kind] = &[Kind::Secret, Kind::Rotation, Kind::Holding, Kind::Node];

pub async fn rotate(arguments: &SecretRotate, session: &mut Session) -> Result<(), Report> {
    let change = &arguments.change;
    if change.plan {
        let plan = plan_rotation(&arguments.name, session).await?;
        return plan::show(&plan, session);
    }
    plan::check_confirmable(change)?;
    let value = value::read(&arguments.source)?;
    let mut basis = String::new();
    if !change.yes {
        let plan = plan_rotation(&arguments.name, session).await?;
        basis = plan::ask(&plan, &arguments.name, "rotate", session)?;
    }
    let message = v1::RotateSecretRequest {
        reference: arguments.name.clone(),
        value: Some(value),
        plan_only: false,
        plan_basis: basis,
    };
    let answer = session
        .call(message, |mut control, request| async move {
            control.rotate_secret(request).await
        })
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Err(session.explain(error, Kind::Secret, &arguments.name).await),
    };
    if change.detach {
        return tell(
            session,
            &answer.version_name,
            &json!({
                "version": answer.version,
                "version_name": answer.version_name,
                "rotation_id": answer.rotation_id,
                "index": answer.index,
            }),
        );
    }
    await_rotation(&arguments.name, &answer, session).await
}

async fn plan_rotation(name: &str, session: &Session) -> Result<v1::Plan, Report> {
    let message = v1::RotateSecretRequest {
        reference: name.to_owned(),
        plan_only: true,
        ..Default::default()
    };
    match session
        .call(message, |mut control, request| async move {
            control.rotate_secret(request).await
        })
        .await
    {
        Ok(answer) => Ok(answer.plan.unwrap_or_default()),
        Err(error) => Err(session.explain(error, Kind::Secret, name).await),
    }
}

async fn await_rotation(name: &str, made: &v1::RotateSecretResponse, session: &mut Session) -> Result<(), Report> {
    let finished = wait::until(&session.client, WATCHED, made.index, |view| {
        let rotation = view.rotations.get(&made.rotation_id)?;
        let ended = matches!(
            rotation.phase(),
            RotationPhase::Done | RotationPhase::RolledBack | RotationPhase::Failed
        );
        ended.then(|| {
            (
                rotation.clone(),
                proof::of_version(view, &rotation.secret_id, made.version),
            )
        })
    })
    .await;
    match finished {
        Ok((rotation, proof)) if rotation.phase() == RotationPhase::Done => {
            let text = format!(
                "{name}: version {} is current ({}), {}",
                made.version,
                made.version_name,
                proof.proven_text()
            );
            tell(session, &text, &rotation_json(made, &rotation, &proof))
        }
        Ok((rotation, proof)) => {
            if session.output.is_json() {
                session.output.json(&rotation_json(made, &rotation, &proof))?;
            }
            let phase = words::rotation_phase(rotation.phase);
            let message = format!(
                "the rotation of {name} to version {} ended {phase}: {}",
                made.version, rotation.message
            );
            Err(Report::failure(message).hint(format!(
                "see what failed with `wardroom secret holders {name}`, then rotate again"
            )))
        }
        Err(view) => Err(late_rotation(name, made, &view)),
    }
}

fn late_rotation(name: &str, made: &v1::RotateSecretResponse, view: &ClusterView) -> Report {
    let secret_id = view
        .rotations
        .get(&made.rotation_id)
        .map_or("", |rotation| &rotation.secret_id);
    let waiting = proof::of_version(view, secret_id, made.version).waiting_text();
    Report::new(
        Exit::Timeout,
        format!(
            "version {} of {name} is made, but not proven everywhere yet: {waiting}",
            made.version
        ),
    )
    .hint(format!(
        "the rotation goes on by itself; follow it with `wardroom secret holders {name}`"
    ))
}

fn rotation_json(made: &v1::RotateSecretResponse, rotation: &v1::Rotation, proof: &proof::Proof) -> Value {
    json!({
        "secret": rotation.secret_name,
        "from": rotation.from,
        "version": made.version,
        "version_name": made.version_name,
        "rotation_id": made.rotation_id,
        "phase": words::rotation_phase(rotation.phase),
        "message": rotation.message,
        "index": made.index,
        "proven": proof.proven,
        "waiting": proof.waiting,
    })
}

pub async fn revoke(arguments: &SecretRevoke, session: &mut Session) -> Result<(), Report> {
    let (name, version) = split_version(&arguments.name)?;
    let change = &arguments.change;
    if change.plan {
        let plan = plan_revocation(name, version, session).await?;
        return plan::show(&plan, session);
    }
    plan::check_confirmable(change)?;
    let secret = if version == 0 {
        secret::whole_secret(name, session).await?
    } else {
        session.secret(name).await?
    };
    let mut basis = String::new();
    if !change.yes {
        let plan = plan_revocation(name, version, session).await?;
        basis = plan::ask(&plan, &arguments.name, "revoke", session)?;
    }
    let message = v1::RevokeSecretRequest {
        reference: secret.id.clone(),
        version,
        plan_only: false,
        plan_basis: basis,
        shred: false,
    };
    let answer = session
        .call(message, |mut control, request| async move {
            control.revoke_secret(request).await
        })
        .await?;
    if change.detach {
        return tell(
            session,
            &arguments.name,
            &json!({ "secret": secret.name, "version": version, "index": answer.index }),
        );
    }
    await_erasure(&arguments.name, &secret, version, answer.index, session).await
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

async fn plan_revocation(name: &str, version: u32, session: &Session) -> Result<v1::Plan, Report> {
    let message = v1::RevokeSecretRequest {
        reference: name.to_owned(),
        version,
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

async fn await_erasure(
    typed: &str,
    secret: &v1::Secret,
    version: u32,
    index: u64,
    session: &mut Session,
) -> Result<(), Report> {
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
    let (view, complete) = match answered {
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
        "complete": complete,
        "receipts": holders::json(secret, &rows, &hosts),
        "owing": owing,
    });
    let receipts = words::count(erased, "erasure receipt");
    if complete {
        return tell(
            session,
            &format!("{typed}: revoked and destroyed, {receipts}, nobody holds it"),
            &document,
        );
    }
    if session.output.is_json() {
        session.output.json(&document)?;
    }
    Err(Report::new(
        Exit::Timeout,
        format!(
            "{typed} is revoked ({receipts}), but has not answered yet: {}",
            owing.join(", ")
        ),
    )
    .hint(format!(
        "the erasure goes on by itself; follow it with `wardroom secret holders {}`",
        secret.name
    )))
}

fn tell(session: &mut Session, text: &str, document: &Value) -> Result<(), Report> {
    if session.output.is_json() {
        session.output.json(document)
    } else {
        session.output.line(text)
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
}
