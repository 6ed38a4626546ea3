//! How is a refusal worded where it takes more than its fields?

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is wrong with a target path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetProblem {
    /// Anywhere but below the secrets directory, and not in a container.
    Absolute,
    /// A component begins with `..`: it would leave the directory or meet the agent's own links.
    Dots,
    Control,
    TooLong,
}

impl fmt::Display for TargetProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absolute => "is an absolute path, which only a container can have",
            Self::Dots => "has a part that begins with '..'",
            Self::Control => "has a control character",
            Self::TooLong => "is too long",
        })
    }
}

pub(super) fn in_use(secret: &str, services: &[String], only_previous: bool) -> String {
    let noun = if services.len() == 1 { "service" } else { "services" };
    let names = services.join(", ");
    let mut text = format!("secret '{secret}' is in use by the following {noun}: {names}");
    if only_previous {
        text.push_str(" (its update is not over, and may go back to it; wait for that, or revoke the secret)");
    }
    text
}

pub(super) fn secrets_not_found(names: &[String]) -> String {
    let noun = if names.len() == 1 { "secret" } else { "secrets" };
    format!("{noun} not found: {}", names.join(", "))
}

/// `1 certificate is`, `3 certificates are`.
pub(super) fn are(names: &[String]) -> String {
    match names.len() {
        1 => "1 certificate is".to_owned(),
        several => format!("{several} certificates are"),
    }
}

/// The first few.
pub(super) fn shortened(names: &[String]) -> String {
    let (shown, rest) = names.split_at(names.len().min(5));
    let more = if rest.is_empty() {
        String::new()
    } else {
        format!(" and {} more", rest.len())
    };
    shown.join(", ") + &more
}

pub(super) fn shown_or(name: &str, otherwise: &str) -> String {
    if name.is_empty() {
        otherwise.to_owned()
    } else {
        format!("node {name}")
    }
}

/// `1 join`, `3 joins`.
pub(super) fn joins(count: u32) -> String {
    if count == 1 {
        "1 join".to_owned()
    } else {
        format!("{count} joins")
    }
}
