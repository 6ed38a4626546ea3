//! How does a rotation end? Followed until it is over or paused, or until nothing moves any more; it goes on by itself
//! either way.

use std::time::Duration;

use serde_json::{Value, json};
use wardroom_api::ClusterView;
use wardroom_api::v1::{self, Kind, RotationPhase};

use crate::cli::output::Output;
use crate::cli::proof::{self, Proof};
use crate::cli::session::Session;
use crate::cli::wait::{self, Seen};
use crate::cli::{converge, when, words};
use crate::report::{Exit, Report};

const WATCHED: &[Kind] = &[Kind::Secret, Kind::Service, Kind::Rotation, Kind::Holding, Kind::Node];

/// A rotation as it was seen last, and who has proved its version.
pub struct Followed {
    pub rotation: v1::Rotation,
    pub proof: Proof,
}

/// What was meant to come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    Forward,
    /// Everything back at the version before.
    Back,
}

/// Follows it; the error says why it did not end as it was meant to, and what to do. `None` comes with an error before
/// anything was seen of it.
pub async fn follow(
    rotation_id: &str,
    index: u64,
    aim: Aim,
    session: &mut Session,
) -> (Option<Followed>, Result<(), Report>) {
    let client = session.client.clone();
    let output = &mut session.output;
    let mut seen = None;
    let ended = wait::while_moving(
        &client,
        WATCHED,
        index,
        |view| look(view, rotation_id),
        |word| {
            if Output::is_live() {
                output.progress(word);
            }
        },
    )
    .await;
    session.output.end_progress();
    let outcome = match ended {
        Ok(followed) => {
            let outcome = check(&followed.rotation, aim);
            seen = Some(followed);
            outcome
        }
        Err(view) => {
            if let Some(rotation) = view.rotations.get(rotation_id) {
                seen = Some(followed(&view, rotation));
            }
            Err(late(seen.as_ref()))
        }
    };
    (seen, outcome)
}

fn followed(view: &ClusterView, rotation: &v1::Rotation) -> Followed {
    Followed {
        rotation: rotation.clone(),
        proof: proof::of_version(view, &rotation.secret_id, rotation.to),
    }
}

fn look(view: &ClusterView, rotation_id: &str) -> Seen<Followed> {
    let Some(rotation) = view.rotations.get(rotation_id) else {
        return Seen::Moving {
            word: "the rotation begins".to_owned(),
            patience: wait::DEADLINE,
        };
    };
    if is_over(rotation) || rotation.paused {
        return Seen::Over(followed(view, rotation));
    }
    Seen::Moving {
        word: progress(rotation),
        patience: patience(view, rotation),
    }
}

pub fn is_over(rotation: &v1::Rotation) -> bool {
    matches!(
        rotation.phase(),
        RotationPhase::Done | RotationPhase::RolledBack | RotationPhase::Failed
    )
}

/// The slowest service it touches decides.
fn patience(view: &ClusterView, rotation: &v1::Rotation) -> Duration {
    let specs = rotation.services.iter().filter_map(|progress| {
        let service = view.services.get(&progress.service_id)?;
        service.spec.as_ref()
    });
    specs.map(converge::slack).max().unwrap_or(wait::DEADLINE)
}

/// `rolling: web 1 of 4 proven, 0 settled`.
pub fn progress(rotation: &v1::Rotation) -> String {
    let services: Vec<String> = rotation.services.iter().map(of_service).collect();
    let phase = phase(rotation);
    if services.is_empty() {
        phase
    } else {
        format!("{phase}: {}", services.join("; "))
    }
}

pub fn of_service(progress: &v1::RotationProgress) -> String {
    format!(
        "{} {} of {} proven, {} settled",
        progress.service_name,
        progress.proven,
        words::count(progress.tasks as usize, "task"),
        progress.settled
    )
}

pub fn phase(rotation: &v1::Rotation) -> String {
    let phase = words::rotation_phase(rotation.phase);
    if rotation.paused && !is_over(rotation) {
        format!("{phase}, paused")
    } else {
        phase.to_owned()
    }
}

/// Whether it ended as it was meant to.
fn check(rotation: &v1::Rotation, aim: Aim) -> Result<(), Report> {
    let (name, to) = (&rotation.secret_name, rotation.to);
    match (rotation.phase(), aim) {
        (RotationPhase::Done, Aim::Forward) | (RotationPhase::RolledBack, Aim::Back) => Ok(()),
        (RotationPhase::Done, Aim::Back) => Err(Report::new(
            Exit::Conflict,
            format!("the rotation of {name} to version {to} was done before it could be called off"),
        )
        .hint(format!("rotate it to the old value again, or revoke the new one: wardroom secret revoke {name}@{to}"))),
        _ if !is_over(rotation) => Err(Report::failure(format!(
            "the rotation of {name} to version {to} is paused{}: {}",
            because(rotation),
            progress(rotation)
        ))
        .hint(format!(
            "`wardroom rotation resume {name}` goes on, `wardroom rotation cancel {name}` goes back to version {}",
            rotation.from
        ))),
        _ => Err(Report::failure(format!(
            "the rotation of {name} to version {to} ended {}: {}",
            words::rotation_phase(rotation.phase),
            rotation.message
        ))
        .hint(format!(
            "see what failed with `wardroom rotation inspect {}` and `wardroom secret holders {name}`, then rotate again",
            rotation.id
        ))),
    }
}

fn because(rotation: &v1::Rotation) -> String {
    if rotation.message.is_empty() {
        String::new()
    } else {
        format!(" ({})", rotation.message)
    }
}

fn late(seen: Option<&Followed>) -> Report {
    let Some(Followed { rotation, proof }) = seen else {
        return Report::new(Exit::Timeout, "nothing is heard of the rotation yet")
            .hint("it goes on by itself; `wardroom rotation ls` shows how far it is");
    };
    Report::new(
        Exit::Timeout,
        format!(
            "version {} of {} is made, but not proven everywhere yet: {}, {}",
            rotation.to,
            rotation.secret_name,
            progress(rotation),
            proof.waiting_text()
        ),
    )
    .hint(format!(
        "the rotation goes on by itself; follow it with `wardroom rotation inspect {}`",
        rotation.id
    ))
}

/// A rotation in full.
pub fn document(rotation: &v1::Rotation) -> Value {
    let service = |progress: &v1::RotationProgress| {
        json!({
            "service": progress.service_name,
            "service_id": progress.service_id,
            "tasks": progress.tasks,
            "proven": progress.proven,
            "settled": progress.settled,
        })
    };
    json!({
        "id": rotation.id,
        "secret": rotation.secret_name,
        "secret_id": rotation.secret_id,
        "from": rotation.from,
        "to": rotation.to,
        "phase": words::rotation_phase(rotation.phase),
        "paused": rotation.paused && !is_over(rotation),
        "cause": words::rotation_cause(rotation.cause),
        "by": rotation.actor,
        "message": rotation.message,
        "started": when::rfc3339(rotation.started_at_ms),
        "finished": when::rfc3339(rotation.finished_at_ms),
        "services": rotation.services.iter().map(service).collect::<Value>(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    fn rotation(phase: RotationPhase) -> v1::Rotation {
        v1::Rotation {
            id: "r".into(),
            secret_name: "db".into(),
            from: 1,
            to: 2,
            phase: phase.into(),
            message: "web.1 exited with 1".into(),
            services: vec![v1::RotationProgress {
                service_name: "web".into(),
                tasks: 4,
                proven: 1,
                ..v1::RotationProgress::default()
            }],
            ..v1::Rotation::default()
        }
    }

    #[test]
    fn progress_is_told_by_service() {
        assert_eq!(
            progress(&rotation(RotationPhase::Rolling)),
            "rolling: web 1 of 4 tasks proven, 0 settled"
        );
    }

    #[test]
    fn only_what_was_meant_is_success() {
        assert!(check(&rotation(RotationPhase::Done), Aim::Forward).is_ok());
        assert!(check(&rotation(RotationPhase::RolledBack), Aim::Back).is_ok());
        let back = check(&rotation(RotationPhase::RolledBack), Aim::Forward).unwrap_err();
        assert_eq!(
            back.message,
            "the rotation of db to version 2 ended rolled back: web.1 exited with 1"
        );
        assert_eq!(
            check(&rotation(RotationPhase::Done), Aim::Back).unwrap_err().exit,
            Exit::Conflict
        );
        assert!(check(&rotation(RotationPhase::Failed), Aim::Back).is_err());
    }

    #[test]
    fn a_paused_one_says_how_to_go_on() {
        let paused = v1::Rotation {
            paused: true,
            ..rotation(RotationPhase::Rolling)
        };
        let report = check(&paused, Aim::Forward).unwrap_err();
        assert_eq!(
            report.message,
            "the rotation of db to version 2 is paused (web.1 exited with 1): rolling, paused: web 1 of 4 tasks proven, \
             0 settled"
        );
        let hint = report.hint.unwrap();
        assert!(
            hint.contains("rotation resume db") && hint.contains("rotation cancel db"),
            "{hint}"
        );
    }
}
