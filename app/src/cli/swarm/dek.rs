//! `wardroom swarm dek`: under which keys does each manager write to its disk, what still lies there under older ones,
//! and an order to leave those behind.

use serde_json::json;
use wardroom_api::{CallError, v1};

use crate::cli::arguments::SwarmDek;
use crate::cli::following::{self, Aim};
use crate::cli::session::Session;
use crate::cli::swarm::dek_table::Deks;
use crate::cli::{plan, when, words};
use crate::report::Report;

pub async fn run(dek: &SwarmDek, session: &mut Session) -> Result<(), Report> {
    if dek.rotate {
        return rotate(dek, session).await;
    }
    if dek.asking.plan {
        return Err(Report::usage("`--plan` flag requires the `--rotate` flag")
            .hint("without --rotate the keys are only listed, and nothing changes"));
    }
    show(session).await
}

async fn show(session: &mut Session) -> Result<(), Report> {
    let status = session.status().await?;
    session.stale |= status.leader.is_empty();
    let deks = Deks {
        status: &status,
        cluster: &session.cluster().await?,
        nodes: &session.nodes().await?,
    };
    if session.output.is_json() {
        return session.output.json(&deks.json());
    }
    session.output.table(&deks.table(when::now_ms()))?;
    for owed in deks.owed() {
        session.output.note(&format!("note: {owed}"));
    }
    Ok(())
}

async fn rotate(dek: &SwarmDek, session: &mut Session) -> Result<(), Report> {
    if dek.asking.plan {
        let plan = order(true, String::new(), session).await?.plan.unwrap_or_default();
        return plan::show(&plan, session);
    }
    let mut basis = String::new();
    if plan::may_ask(dek.asking.yes) {
        let plan = order(true, String::new(), session).await?.plan.unwrap_or_default();
        let name = session.cluster().await?.name;
        basis = plan::ask(&plan, &name, "rotate the DEKs of", session)?;
    }
    let made = order(false, basis, session).await?;
    let mut document = json!({ "order": made.order, "index": made.index });
    if dek.detach {
        if session.output.is_json() {
            return session.output.json(&document);
        }
        let given = format!("Order {} is given; the managers follow by themselves.", made.order);
        return session.output.line(&given);
    }
    let aim = Aim {
        index: made.index,
        order: made.order,
        ..Aim::default()
    };
    let parts = following::follow(aim, false, session).await;
    if session.output.is_json() {
        document["complete"] = parts.is_complete().into();
        document["managers"] = parts.json();
        session.output.json(&document)?;
    } else if parts.is_complete() {
        let managers = words::count(parts.0.len(), "manager");
        session
            .output
            .line(&format!("Successfully rotated the DEK of {managers}."))?;
    }
    if parts.is_complete() {
        return Ok(());
    }
    Err(following::late(
        &format!("order {} is given, but still owed", made.order),
        &parts,
    ))
}

async fn order(plan_only: bool, plan_basis: String, session: &Session) -> Result<v1::RotateDekResponse, CallError> {
    let message = v1::RotateDekRequest { plan_only, plan_basis };
    session
        .call(message, |mut control, request| async move {
            control.rotate_dek(request).await
        })
        .await
}
