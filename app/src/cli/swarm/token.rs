//! `wardroom swarm join-token`: the line by which another machine joins.

use std::str;

use serde_json::{Value, json};
use wardroom_api::v1;

use crate::cli::arguments::SwarmJoinToken;
use crate::cli::session::Session;
use crate::cli::{duration, when, words};
use crate::report::Report;
use crate::text::clean;

pub async fn run(arguments: &SwarmJoinToken, session: &mut Session) -> Result<(), Report> {
    let role = role(&arguments.role)?;
    let answer = if arguments.rotate {
        let message = v1::RotateJoinTokenRequest {
            role: role.into(),
            ttl_ms: arguments.ttl.map_or(0, duration::millis),
            max_uses: arguments.max_uses.unwrap_or_default(),
        };
        session
            .call(message, |mut control, request| async move {
                control.rotate_join_token(request).await
            })
            .await?
    } else {
        let message = v1::GetJoinTokenRequest { role: role.into() };
        session
            .call(message, |mut control, request| async move {
                control.get_join_token(request).await
            })
            .await?
    };
    let word = words::role(role.into());
    let token = answer.token.as_ref().map_or(Ok(""), shown)?;
    let facts = answer.facts.unwrap_or_default();
    if arguments.quiet {
        session.output.line(token)?;
    } else if session.output.is_json() {
        session.output.json(&document(word, token, &facts, &answer))?;
    } else {
        if arguments.rotate {
            let rotated = format!("Successfully rotated {word} join token.\n\n");
            session.output.text(&rotated)?;
        }
        session.output.text(&instruction(word, token, &answer.address))?;
    }
    match limits(&facts, when::now_ms()) {
        Some(limits) if !arguments.quiet && !session.output.is_json() => {
            session.output.note(&format!("note: this token {limits}"));
        }
        _ => {}
    }
    Ok(())
}

fn role(text: &str) -> Result<v1::Role, Report> {
    match text {
        "worker" => Ok(v1::Role::Worker),
        "manager" => Ok(v1::Role::Manager),
        other => Err(Report::usage(format!("unknown role {}", clean(other))).hint("write worker or manager")),
    }
}

/// A token as text; it is ASCII in every form that there is.
pub fn shown(token: &v1::Confidential) -> Result<&str, Report> {
    str::from_utf8(&token.bytes).map_err(|_| {
        Report::failure("the manager answered with a token that is no text")
            .hint("are wardroom and the manager of one version?")
    })
}

/// Docker's words.
pub fn instruction(role: &str, token: &str, address: &str) -> String {
    format!(
        "To add a {role} to this swarm, run the following command:\n\n    wardroom swarm join --token {} {}\n\n",
        clean(token),
        clean(address)
    )
}

fn document(role: &str, token: &str, facts: &v1::JoinTokenFacts, answer: &v1::JoinTokenResponse) -> Value {
    json!({
        "role": role,
        "token": token,
        "address": answer.address,
        "created": when::rfc3339(facts.created_at_ms),
        "expires": when::rfc3339(facts.expires_at_ms),
        "max_uses": facts.max_uses,
        "uses": facts.uses,
        "index": answer.index,
    })
}

/// What bounds a token; `None` for one that lets in any number of machines for ever, as Docker's do.
fn limits(facts: &v1::JoinTokenFacts, now_ms: i64) -> Option<String> {
    let until = (facts.expires_at_ms != 0).then(|| {
        if facts.expires_at_ms <= now_ms {
            "has expired".to_owned()
        } else {
            let left = when::duration(facts.expires_at_ms - now_ms).to_lowercase();
            format!("expires in {left}")
        }
    });
    let uses = (facts.max_uses != 0).then(|| {
        let left = facts.max_uses.saturating_sub(facts.uses);
        match left {
            0 => "is used up".to_owned(),
            left => format!("lets {} in", words::count(left as usize, "more node")),
        }
    });
    let limits: Vec<String> = until.into_iter().chain(uses).collect();
    (!limits.is_empty()).then(|| limits.join(" and "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    #[test]
    fn the_line_is_dockers() {
        assert_eq!(
            instruction("worker", "SWMTKN-1-a-b", "10.0.0.1:2377"),
            "To add a worker to this swarm, run the following command:\n\
             \n    wardroom swarm join --token SWMTKN-1-a-b 10.0.0.1:2377\n\n"
        );
        assert_eq!(role("boss").unwrap_err().message, "unknown role boss");
    }

    #[test]
    fn what_bounds_a_token_is_told() {
        let facts = |expires_at_ms, max_uses, uses| v1::JoinTokenFacts {
            expires_at_ms,
            max_uses,
            uses,
            ..v1::JoinTokenFacts::default()
        };
        assert_eq!(limits(&facts(0, 0, 9), 5), None);
        assert_eq!(limits(&facts(3_600_005, 0, 0), 5).unwrap(), "expires in about an hour");
        assert_eq!(limits(&facts(4, 1, 1), 5).unwrap(), "has expired and is used up");
        assert_eq!(limits(&facts(0, 3, 1), 5).unwrap(), "lets 2 more nodes in");
    }
}
