//! `wardroom secret rotate`: plan, confirm, run, and wait for the proof. It counts as done when every worker concerned
//! has answered; who has not is named.

use serde_json::{Value, json};
use wardroom_api::ClusterView;
use wardroom_api::v1::{self, Kind, RotationPhase};

use crate::cli::arguments::SecretRotate;
use crate::cli::session::Session;
use crate::cli::{plan, proof, value, wait, words};
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
        if_changed: false,
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
        return session.output.tell(
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
            session.output.tell(&text, &rotation_json(made, &rotation, &proof))
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
