//! How is a task asked whether it is well?

use wardroom_api::v1;

use crate::stack::fields::{Fields, number, span, switch, text, texts};
use crate::stack::problem::Problems;
use crate::stack::tree::{Node, Value};

/// The map under `healthcheck:` of a service.
pub fn read(node: &Node, service: &str, problems: &mut Problems) -> Option<v1::HealthCheck> {
    let what = format!("service {service}: healthcheck");
    let mut fields = Fields::of(node, what.clone(), problems);
    let asked = fields
        .take("test")
        .map(|node| test(node, &format!("{what}.test"), problems));
    let mut spanned = |key: &'static str, problems: &mut Problems| {
        let node = fields.take(key)?;
        span(node, &format!("{what}.{key}"), problems)
    };
    let mut health = v1::HealthCheck {
        test: asked.unwrap_or_default(),
        interval_ms: spanned("interval", problems).unwrap_or(0),
        timeout_ms: spanned("timeout", problems).unwrap_or(0),
        start_period_ms: spanned("start_period", problems).unwrap_or(0),
        retries: 0,
    };
    health.retries = fields
        .take("retries")
        .and_then(|node| number(node, &format!("{what}.retries"), problems))
        .unwrap_or(0);
    let disable = fields.take("disable");
    let disabled = disable.and_then(|node| switch(node, &format!("{what}.disable"), problems));
    fields.refuse_rest(&[("start_interval", "use interval and start_period")], problems);
    if disabled == Some(true) {
        if !health.test.is_empty() {
            let text = format!("{what}: test and disable: true exclude each other; keep one");
            problems.refuse(&node.place, text);
        }
        return Some(v1::HealthCheck {
            test: vec!["NONE".to_owned()],
            ..v1::HealthCheck::default()
        });
    }
    Some(health).filter(|health| *health != v1::HealthCheck::default())
}

/// A line for the shell, or a list that says first what it is.
fn test(node: &Node, what: &str, problems: &mut Problems) -> Vec<String> {
    if let Value::Scalar(_) = &node.value {
        return text(node, what, problems)
            .map(|line| vec!["CMD-SHELL".to_owned(), line])
            .unwrap_or_default();
    }
    let words: Vec<String> = texts(node, what, problems).into_iter().map(|word| word.value).collect();
    let fits = match words.first().map(String::as_str) {
        Some("NONE") => words.len() == 1,
        Some("CMD") => words.len() > 1,
        Some("CMD-SHELL") => words.len() == 2,
        _ => false,
    };
    if !fits {
        let text = format!("{what} has to be [CMD, program, ...], [CMD-SHELL, line], [NONE] or one line of text");
        problems.refuse(&node.place, text);
    }
    words
}
