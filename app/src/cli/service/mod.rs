//! `wardroom service`: create, inspect and rm here; what else there is has a file of its own.

mod amend;
mod changes;
pub mod list;
mod lists;
mod logs;
pub mod name;
mod pretty;
mod shape;
mod spec;
mod touched;
mod update;

use serde_json::json;
use wardroom_api::v1::{self, Kind};

use crate::cli::arguments::{Service, ServiceCreate, ServiceInspect};
use crate::cli::converge::{self, Aim, Awaited};
use crate::cli::session::Session;
use crate::cli::{each, inspect_service};
use crate::report::Report;

pub async fn run(command: &Service, session: &mut Session) -> Result<(), Report> {
    match command {
        Service::Create(create) => self::create(create, session).await,
        Service::Ls(list) => list::list(list, session).await,
        Service::Ps(ps) => list::tasks(ps, session).await,
        Service::Inspect(inspect) => self::inspect(inspect, session).await,
        Service::Update(update) => Box::pin(update::update(update, session)).await,
        Service::Rollback(rollback) => update::roll_back(rollback, session).await,
        Service::Scale(scale) => Box::pin(update::scale(scale, session)).await,
        Service::Logs(logs) => logs::logs(logs, session).await,
        Service::Rm(remove) => self::remove(&remove.references, session).await,
    }
}

async fn create(create: &ServiceCreate, session: &mut Session) -> Result<(), Report> {
    let spec = spec::spec(create)?;
    let name = spec.name.clone();
    let message = v1::CreateServiceRequest {
        spec: Some(spec),
        exposes_env: false,
    };
    let made = session
        .call(message, |mut control, request| async move {
            control.create_service(request).await
        })
        .await?;
    session.output.tell_early(&made.id)?;
    let converged = if create.waiting.detach {
        None
    } else {
        let awaited = Awaited {
            service_id: made.id.clone(),
            index: made.index,
            before: None,
            aim: Aim::Create,
        };
        Some(converge::wait(session, &awaited, create.waiting.quiet).await?)
    };
    if session.output.is_json() {
        let document = json!({ "id": made.id, "name": name, "index": made.index, "converged": converged });
        return session.output.json(&document);
    }
    Ok(())
}

async fn inspect(inspect: &ServiceInspect, session: &mut Session) -> Result<(), Report> {
    session.stale = inspect.reading.stale;
    if inspect.pretty && !session.output.is_json() {
        return pretty::services(&inspect.of.references, session).await;
    }
    each::inspect(&inspect.of.references, session, async |session, reference| {
        Ok(inspect_service::service(&session.service(reference).await?))
    })
    .await
}

async fn remove(references: &[String], session: &mut Session) -> Result<(), Report> {
    each::change(references, session, async |session, reference| {
        let message = v1::RemoveServiceRequest {
            reference: reference.to_owned(),
        };
        let answer = session
            .call(message, |mut control, request| async move {
                control.remove_service(request).await
            })
            .await;
        match answer {
            Ok(answer) => Ok(answer.id),
            Err(error) => Err(session.explain(error, Kind::Service, reference).await),
        }
    })
    .await
}

#[cfg(test)]
mod tests;
