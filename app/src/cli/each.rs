//! What if a command names several objects? Each is taken by itself: what can be done is done and printed, and all
//! refusals are told together at the end.

use serde_json::{Value, json};

use crate::cli::session::Session;
use crate::report::Report;

/// Shows objects in full, as a JSON array of those that were found.
pub async fn inspect(
    references: &[String],
    session: &mut Session,
    look: impl AsyncFn(&Session, &str) -> Result<Value, Report>,
) -> Result<(), Report> {
    let mut found = Vec::new();
    let mut missed = Vec::new();
    for reference in references {
        match look(session, reference).await {
            Ok(document) => found.push(document),
            Err(report) => missed.push(report),
        }
    }
    session.output.json(&Value::Array(found))?;
    all_or(missed)
}

/// Changes objects; prints each that was changed as it was typed, or as JSON with the id that `change` gives.
pub async fn change(
    references: &[String],
    session: &mut Session,
    change: impl AsyncFn(&mut Session, &str) -> Result<String, Report>,
) -> Result<(), Report> {
    let mut changed = Vec::new();
    let mut refused = Vec::new();
    for reference in references {
        match change(session, reference).await {
            Ok(id) if session.output.is_json() => changed.push(json!({ "reference": reference, "id": id })),
            Ok(_) => session.output.line(reference)?,
            Err(report) => refused.push(report),
        }
    }
    if session.output.is_json() {
        session.output.json(&Value::Array(changed))?;
    }
    all_or(refused)
}

/// Success, or all refusals in one.
pub fn all_or(refused: Vec<Report>) -> Result<(), Report> {
    if refused.is_empty() {
        Ok(())
    } else {
        Err(Report::joined(refused))
    }
}
