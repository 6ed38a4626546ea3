//! Whom does a reference mean that may be a service or one of its tasks? The service first, as Docker looks.

use wardroom_api::CallKind;
use wardroom_api::v1::{self, Kind, object};

use crate::cli::session::Session;
use crate::report::{Exit, Report};

/// A service, or one task of it.
pub struct Subject {
    pub service_id: String,
    /// Empty for the whole service.
    pub task_id: Option<String>,
}

impl Subject {
    pub async fn of(reference: &str, session: &Session) -> Result<Self, Report> {
        let missing = match ask(Kind::Service, reference, session).await {
            Ok(found) => return found.ok_or_else(|| nothing(reference)),
            Err(error) if error.kind() == CallKind::NotFound => error,
            Err(error) => return Err(error.into()),
        };
        match ask(Kind::Task, reference, session).await {
            Ok(found) => found.ok_or_else(|| nothing(reference)),
            Err(error) if error.kind() == CallKind::NotFound => {
                Err(session.explain(missing, Kind::Service, reference).await)
            }
            Err(error) => Err(error.into()),
        }
    }
}

async fn ask(kind: Kind, reference: &str, session: &Session) -> Result<Option<Subject>, wardroom_api::CallError> {
    let ask = v1::ListRequest {
        kind: kind.into(),
        references: vec![reference.to_owned()],
        ..Default::default()
    };
    let (_, objects) = session.list(ask).await?;
    Ok(objects.into_iter().find_map(|object| match object {
        object::Kind::Service(service) => Some(Subject {
            service_id: service.id,
            task_id: None,
        }),
        object::Kind::Task(task) => Some(Subject {
            service_id: task.service_id,
            task_id: Some(task.id),
        }),
        _ => None,
    }))
}

fn nothing(reference: &str) -> Report {
    Report::new(Exit::NotFound, format!("no such service or task: {reference}"))
        .hint("`wardroom service ls` lists them")
}
