//! `wardroom rotation`: which are under way and how far, and the three things that can be done to one.

use serde_json::{Value, json};
use wardroom_api::v1::{self, Kind, RotationAction, object};

use crate::cli::arguments::{Rotation, RotationCancel, RotationLs};
use crate::cli::output::Table;
use crate::cli::rotation_follow::{self, Aim};
use crate::cli::session::Session;
use crate::cli::{each, when, words};
use crate::report::{Exit, Report};

pub async fn run(command: &Rotation, session: &mut Session) -> Result<(), Report> {
    match command {
        Rotation::Ls(list) => self::list(list, session).await,
        Rotation::Inspect(inspect) => {
            session.stale = inspect.reading.stale;
            each::inspect(&inspect.of.references, session, async |session, reference| {
                Ok(rotation_follow::document(&one(reference, session).await?))
            })
            .await
        }
        Rotation::Pause(steer) => self::steer(&steer.references, RotationAction::Pause, session).await,
        Rotation::Resume(steer) => self::steer(&steer.references, RotationAction::Resume, session).await,
        Rotation::Cancel(cancel) => self::cancel(cancel, session).await,
    }
}

/// All of them, or those of a secret; the newest first.
async fn rotations(secret: Option<&str>, session: &Session) -> Result<Vec<v1::Rotation>, Report> {
    let ask = v1::ListRequest {
        kind: Kind::Rotation.into(),
        secret: secret.unwrap_or_default().to_owned(),
        ..Default::default()
    };
    let objects = match session.list(ask).await {
        Ok((_, objects)) => objects,
        Err(error) => return Err(session.explain(error, Kind::Secret, secret.unwrap_or_default()).await),
    };
    let rotations = objects.into_iter().filter_map(|object| match object {
        object::Kind::Rotation(rotation) => Some(rotation),
        _ => None,
    });
    let mut rotations: Vec<v1::Rotation> = rotations.collect();
    rotations.sort_by(|a, b| b.started_at_ms.cmp(&a.started_at_ms).then_with(|| a.id.cmp(&b.id)));
    Ok(rotations)
}

/// By its id or the beginning of it, or the newest one of a secret.
async fn one(reference: &str, session: &Session) -> Result<v1::Rotation, Report> {
    let mut by_id = rotations(None, session).await?;
    by_id.retain(|rotation| rotation.id.starts_with(reference));
    match by_id.len() {
        0 => {}
        1 => return Ok(by_id.remove(0)),
        several => {
            return Err(
                Report::usage(format!("rotation {reference} is ambiguous ({several} matches found)"))
                    .hint("`wardroom rotation ls` shows their ids"),
            );
        }
    }
    let of_secret = rotations(Some(reference), session).await?;
    of_secret.into_iter().next().ok_or_else(|| {
        Report::new(Exit::NotFound, format!("secret {reference} was not rotated yet"))
            .hint("`wardroom rotation ls` shows what was")
    })
}

async fn list(list: &RotationLs, session: &mut Session) -> Result<(), Report> {
    session.stale = list.reading.stale;
    let mut rotations = rotations(list.secret.as_deref(), session).await?;
    rotations.retain(|rotation| !list.running || !rotation_follow::is_over(rotation));
    if list.quiet {
        return rotations
            .iter()
            .try_for_each(|rotation| session.output.line(&rotation.id));
    }
    if session.output.is_json() {
        return session
            .output
            .json(&rotations.iter().map(rotation_follow::document).collect());
    }
    session.output.table(&table(&rotations, when::now_ms()))
}

fn table(rotations: &[v1::Rotation], now_ms: i64) -> Table {
    let mut table = Table::new(&[
        "ID", "SECRET", "VERSIONS", "PHASE", "PROVEN", "STARTED", "CAUSE", "BY", "MESSAGE",
    ]);
    for rotation in rotations {
        let from = match rotation.from {
            0 => "-".to_owned(),
            from => format!("v{from}"),
        };
        let (tasks, proven) = rotation.services.iter().fold((0, 0), |(tasks, proven), service| {
            (tasks + service.tasks, proven + service.proven)
        });
        table.row([
            crate::cli::tasks::short(&rotation.id),
            &rotation.secret_name,
            &format!("{from} -> v{}", rotation.to),
            &rotation_follow::phase(rotation),
            &format!("{proven}/{tasks}"),
            &when::ago(rotation.started_at_ms, now_ms),
            words::rotation_cause(rotation.cause),
            &rotation.actor,
            &rotation.message,
        ]);
    }
    table
}

async fn steer(references: &[String], action: RotationAction, session: &mut Session) -> Result<(), Report> {
    each::change(references, session, async |session, reference| {
        Ok(order(reference, action, session).await?.rotation_id)
    })
    .await
}

async fn order(
    reference: &str,
    action: RotationAction,
    session: &Session,
) -> Result<v1::SteerRotationResponse, Report> {
    let message = v1::SteerRotationRequest {
        reference: reference.to_owned(),
        action: action.into(),
    };
    let answer = session
        .call(message, |mut control, request| async move {
            control.steer_rotation(request).await
        })
        .await;
    match answer {
        Ok(answer) => Ok(answer),
        Err(error) => Err(session.explain(error, Kind::Secret, reference).await),
    }
}

async fn cancel(cancel: &RotationCancel, session: &mut Session) -> Result<(), Report> {
    let ordered = order(&cancel.reference, RotationAction::Cancel, session).await?;
    if cancel.detach {
        return session.output.tell(
            &cancel.reference,
            &json!({ "rotation_id": ordered.rotation_id, "index": ordered.index }),
        );
    }
    let (followed, ended) = rotation_follow::follow(&ordered.rotation_id, ordered.index, Aim::Back, session).await;
    let document = followed.map_or(Value::Null, |followed| rotation_follow::document(&followed.rotation));
    if session.output.is_json() {
        session.output.json(&document)?;
    } else if ended.is_ok() {
        session.output.line(&cancel.reference)?;
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_how_far_it_is() {
        let rotation = v1::Rotation {
            id: "n8kdc5qz2w0x4v6".into(),
            secret_name: "db".into(),
            to: 3,
            phase: v1::RotationPhase::Rolling.into(),
            paused: true,
            cause: v1::RotationCause::Age.into(),
            actor: "leader".into(),
            started_at_ms: 1_000,
            services: vec![v1::RotationProgress {
                tasks: 4,
                proven: 1,
                ..v1::RotationProgress::default()
            }],
            ..v1::Rotation::default()
        };
        assert_eq!(
            table(&[rotation], 361_000).render(),
            "ID             SECRET   VERSIONS   PHASE             PROVEN   STARTED         CAUSE   BY       MESSAGE\n\
             n8kdc5qz2w0x   db       - -> v3    rolling, paused   1/4      6 minutes ago   age     leader\n"
        );
    }
}
