//! How is a spec changed that others may change too? Read, change, write on condition that nobody was quicker. Who was
//! slower makes the change again on what is there now, unless both touched the same part.

use wardroom_api::CallKind;
use wardroom_api::v1::{self, Kind};

use super::touched;
use crate::cli::session::Session;
use crate::report::{Exit, Report};

/// Somebody is always quicker: not a race any more, but two programs that undo each other.
const ATTEMPTS: usize = 10;

/// A change that was made, or planned.
pub struct Amended {
    /// The service as it was right before.
    pub before: v1::Service,
    pub answer: v1::UpdateServiceResponse,
}

/// Changes the service's spec by `change`; with `plan_only` nothing is changed.
pub async fn amend(
    session: &Session,
    reference: &str,
    plan_only: bool,
    change: impl Fn(&v1::ServiceSpec) -> Result<v1::ServiceSpec, Report>,
) -> Result<Amended, Report> {
    let mut service = session.service(reference).await?;
    for _ in 0..ATTEMPTS {
        let spec = change(service.spec.as_ref().unwrap_or(&v1::ServiceSpec::default()))?;
        let message = v1::UpdateServiceRequest {
            reference: service.id.clone(),
            plan_only,
            spec: Some(spec.clone()),
            expected: Some(service.version_index),
            ..Default::default()
        };
        let answer = session
            .call(message, |mut control, request| async move {
                control.update_service(request).await
            })
            .await;
        match answer {
            Ok(answer) => {
                return Ok(Amended {
                    before: service,
                    answer,
                });
            }
            Err(error) if error.kind() == CallKind::Conflict => {
                let now = session.service(&service.id).await?;
                check_meeting(&service, &spec, &now)?;
                service = now;
            }
            Err(error) if error.kind() == CallKind::NotFound && error.to_string().starts_with("service") => {
                return Err(session.explain(error, Kind::Service, reference).await);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Report::new(
        Exit::Conflict,
        "update out of sequence: something else changes this service all the time",
    )
    .hint("look who does with `wardroom audit ls`, then run the command again"))
}

/// What was to be changed must not have been changed by somebody else meanwhile.
fn check_meeting(before: &v1::Service, wanted: &v1::ServiceSpec, now: &v1::Service) -> Result<(), Report> {
    let nothing = v1::ServiceSpec::default();
    let spec = |service: &'_ v1::Service| service.spec.clone().unwrap_or_default();
    let mine = touched::between(before.spec.as_ref().unwrap_or(&nothing), wanted);
    let theirs = touched::between(&spec(before), &spec(now));
    let both: Vec<&str> = mine.intersection(&theirs).map(String::as_str).collect();
    if both.is_empty() {
        return Ok(());
    }
    Err(Report::new(
        Exit::Conflict,
        format!(
            "update out of sequence: somebody else has just changed {}",
            both.join(", ")
        ),
    )
    .hint("look at it with `wardroom service inspect --pretty`, then run the command again if it is still wanted"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    fn service(replicas: u32, constraint: &str) -> v1::Service {
        v1::Service {
            spec: Some(v1::ServiceSpec {
                replicas,
                constraints: vec![constraint.into()],
                ..v1::ServiceSpec::default()
            }),
            ..v1::Service::default()
        }
    }

    #[test]
    fn only_changes_of_one_part_meet() {
        let wanted = service(5, "node.id==a").spec.unwrap();
        let before = service(2, "node.id==a");
        assert!(check_meeting(&before, &wanted, &service(2, "node.id==b")).is_ok());
        let report = check_meeting(&before, &wanted, &service(3, "node.id==a")).unwrap_err();
        assert_eq!(
            report.message,
            "update out of sequence: somebody else has just changed Mode.Replicated.Replicas"
        );
        assert_eq!(report.exit, Exit::Conflict);
    }
}
