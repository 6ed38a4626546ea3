//! `wardroom secret rotate`: plan, confirm, run, and wait for the proof. It counts as done when every worker concerned
//! has answered; who has not is named.

use serde_json::{Value, json};
use wardroom_api::v1::{self, Kind};

use crate::cli::arguments::SecretRotate;
use crate::cli::rotation_follow::{self, Aim, Followed};
use crate::cli::session::Session;
use crate::cli::{plan, proof, value};
use crate::report::Report;

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
    let (followed, ended) = rotation_follow::follow(&made.rotation_id, made.index, Aim::Forward, session).await;
    let Some(Followed { rotation, proof }) = followed else {
        return ended;
    };
    if session.output.is_json() {
        session.output.json(&document(made, &rotation, &proof))?;
    } else if ended.is_ok() {
        let text = format!(
            "{name}: version {} is current ({}), {}",
            made.version,
            made.version_name,
            proof.proven_text()
        );
        session.output.line(&text)?;
    }
    ended
}

fn document(made: &v1::RotateSecretResponse, rotation: &v1::Rotation, proof: &proof::Proof) -> Value {
    let mut document = rotation_follow::document(rotation);
    document["version"] = json!(made.version);
    document["version_name"] = json!(made.version_name);
    document["rotation_id"] = json!(made.rotation_id);
    document["index"] = json!(made.index);
    document["proven"] = json!(proof.proven);
    document["waiting"] = json!(proof.waiting);
    document
}
