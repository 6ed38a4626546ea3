//! `wardroom swarm unlock`: a key, or shares one after another, until every manager behind the socket is open. What is
//! wrong is told apart: no key at all, a wrong one, too many of those, nothing to open.

use std::collections::BTreeMap;
use std::error::Error;

use serde_json::{Value, json};
use tonic::{Code, Status};
use wardroom_api::channel::request;
use wardroom_api::{CallError, CallKind, v1};
use wardroom_keys::SecretBytes;

use crate::cli::arguments::SwarmUnlock;
use crate::cli::output::natural_order;
use crate::cli::session::{LONG_DEADLINE, Session};
use crate::cli::swarm::key_source::KeySource;
use crate::cli::when;
use crate::report::{Exit, Report};
use crate::text::clean_lines;

/// Docker's words.
const NOT_LOCKED: &str = "swarm is not locked";
const NOT_PART: &str = "this node is not part of a swarm";
const MALFORMED: &str = "invalid key string";
const WRONG: &str = "swarm could not be unlocked: invalid key provided";

pub async fn run(unlock: &SwarmUnlock, session: &mut Session) -> Result<(), Report> {
    let mut source = KeySource::open(unlock)?;
    let mut facts = facts(session).await?;
    check_locked(&facts)?;
    if source.is_person() {
        session.output.note(&waits(&facts));
    }
    let mut is_begun = false;
    while facts.locked {
        let Some(key) = source.next(&prompt(&facts))? else {
            return Err(ended(&facts, is_begun, source.is_person()));
        };
        is_begun = true;
        match give(&key, session).await {
            Ok(next) => {
                // A person reads it in the next prompt.
                let is_prompted = source.is_person() && next.shares_have > facts.shares_have;
                if let Some(news) = news(&facts, &next).filter(|_| !is_prompted) {
                    session.output.note(&news);
                }
                facts = next;
            }
            // Among several people a slip of one does not send all of them home.
            Err(Refused::Malformed(text)) if source.is_person() && facts.shares_have > 0 => {
                session.output.note(&text);
            }
            Err(refused) => return Err(refused.report(&self::facts(session).await.unwrap_or(facts))),
        }
    }
    if session.output.is_json() {
        return session.output.json(&facts_json(&facts));
    }
    Ok(())
}

/// What waits behind the socket.
pub async fn facts(session: &Session) -> Result<v1::LockFacts, Report> {
    session
        .ask_lock(v1::GetLockRequest {}, |mut lock, request| async move {
            lock.get_lock(request).await
        })
        .await
}

fn check_locked(facts: &v1::LockFacts) -> Result<(), Report> {
    if facts.locked {
        return Ok(());
    }
    let (text, next) = if facts.cluster_id.is_empty() {
        (
            NOT_PART,
            "found a cluster with `wardroom swarm init`, or join one with `wardroom swarm join`",
        )
    } else {
        (
            NOT_LOCKED,
            "it needs no key now; `wardroom swarm info` shows what state it is in",
        )
    };
    Err(Report::new(Exit::Conflict, text).hint(next))
}

/// `manager-1, manager-2: unlock key of epoch 2 (check 0a1b2c3d)`, a part for each key.
pub fn waits(facts: &v1::LockFacts) -> String {
    let mut by_key: BTreeMap<(u32, &str), Vec<&str>> = BTreeMap::new();
    for manager in &facts.managers {
        let key = (manager.unlock_key_epoch, manager.unlock_key_check.as_str());
        let name = if manager.hostname.is_empty() {
            &manager.node_id
        } else {
            &manager.hostname
        };
        by_key.entry(key).or_default().push(name);
    }
    let part = |((epoch, check), mut names): ((u32, &str), Vec<&str>)| {
        names.sort_by(|a, b| natural_order(a, b));
        let verb = if names.len() == 1 { "waits" } else { "wait" };
        let check = if check.is_empty() {
            String::new()
        } else {
            format!(" (check {check})")
        };
        format!("{} {verb} for the unlock key of epoch {epoch}{check}", names.join(", "))
    };
    by_key.into_iter().map(part).collect::<Vec<_>>().join("; ")
}

fn prompt(facts: &v1::LockFacts) -> String {
    if facts.shares_have == 0 {
        return "Enter unlock key: ".to_owned();
    }
    format!("{}; Enter unlock key or share: ", accepted(facts))
}

fn accepted(facts: &v1::LockFacts) -> String {
    format!("share {} of {} accepted", facts.shares_have, facts.shares_need)
}

/// What a key or a share that was taken has changed.
fn news(before: &v1::LockFacts, now: &v1::LockFacts) -> Option<String> {
    if !now.locked {
        return None;
    }
    let is_open = |manager: &&v1::LockedManager| !now.managers.iter().any(|left| left.node_id == manager.node_id);
    let opened: Vec<&str> = before
        .managers
        .iter()
        .filter(is_open)
        .map(|manager| manager.hostname.as_str())
        .collect();
    if !opened.is_empty() {
        return Some(format!("open: {}; {}", opened.join(", "), waits(now)));
    }
    if now.shares_have > before.shares_have {
        return Some(accepted(now));
    }
    Some("that share was given before".to_owned())
}

/// There is no more, and not everything is open.
fn ended(facts: &v1::LockFacts, is_begun: bool, by_person: bool) -> Report {
    if !is_begun && by_person {
        return Report::new(Exit::Locked, "cancelled, the swarm is still locked").hint(waits(facts));
    }
    if !is_begun {
        return Report::usage("no unlock key was given")
            .hint("it is expected on a line of its own, as SWMKEY-1-... or a share as SWMSHARE-1-...");
    }
    if facts.shares_have > 0 {
        let text = format!(
            "the swarm is still locked: {} of {} shares were accepted",
            facts.shares_have, facts.shares_need
        );
        return Report::new(Exit::Locked, text).hint(
            "go on with `wardroom swarm unlock`: the shares given so far are kept for 15 minutes after the last one",
        );
    }
    Report::new(Exit::Locked, format!("the swarm is still locked: {}", waits(facts))).hint(earlier_key())
}

fn earlier_key() -> &'static str {
    "`wardroom swarm unlock-key --epoch N` shows the key of an earlier epoch, on a manager that is open"
}

/// Why a key was not taken.
enum Refused {
    Malformed(String),
    Wrong(String),
    TooMany,
    NotLocked,
    Other(CallError),
}

async fn give(key: &SecretBytes, session: &Session) -> Result<v1::LockFacts, Refused> {
    let message = v1::UnlockRequest {
        key: Some(v1::Confidential::new(key.expose().to_vec())),
    };
    let mut lock = session.client.lock();
    // The kinds of refusal are told apart by their codes, which a call's error does not keep.
    let asked = lock.unlock(request(message, LONG_DEADLINE));
    match tokio::time::timeout(LONG_DEADLINE, asked).await {
        Ok(Ok(answer)) => Ok(answer.into_inner()),
        Ok(Err(status)) => Err(Refused::from(status)),
        Err(_elapsed) => Err(Refused::Other(CallError::Timeout(
            "the manager does not answer".to_owned(),
        ))),
    }
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        let is_ours = status.source().is_some();
        let text = clean_lines(status.message());
        match status.code() {
            _ if is_ours => Self::Other(status.into()),
            Code::InvalidArgument if text.is_empty() => Self::Malformed(MALFORMED.to_owned()),
            Code::InvalidArgument => Self::Malformed(text),
            Code::Unauthenticated if text.starts_with(WRONG) => Self::Wrong(text),
            Code::Unauthenticated => Self::Wrong(WRONG.to_owned()),
            Code::ResourceExhausted => Self::TooMany,
            Code::FailedPrecondition => match CallError::from(status) {
                locked if locked.kind() == CallKind::Locked => Self::Other(locked),
                _ => Self::NotLocked,
            },
            _ => Self::Other(status.into()),
        }
    }
}

impl Refused {
    /// `facts` are those after the refusal.
    fn report(self, facts: &v1::LockFacts) -> Report {
        match self {
            Self::Malformed(text) => Report::usage(text).hint("a key begins with SWMKEY-1-, a share with SWMSHARE-1-"),
            Self::Wrong(text) if facts.managers.is_empty() => Report::new(Exit::Permission, text).hint(earlier_key()),
            Self::Wrong(text) => {
                Report::new(Exit::Permission, text).hint(format!("{}; {}", waits(facts), earlier_key()))
            }
            Self::TooMany => Report::new(Exit::Conflict, too_many(facts))
                .hint("wait, then give the right one: until then none is looked at"),
            Self::NotLocked => Report::new(Exit::Conflict, NOT_LOCKED).hint("somebody else has unlocked it meanwhile"),
            Self::Other(error) => error.into(),
        }
    }
}

fn too_many(facts: &v1::LockFacts) -> String {
    // Rounded up: who waits that long has waited long enough.
    let left_ms = facts.wait_ms.saturating_add(999);
    let left = when::duration(i64::try_from(left_ms).unwrap_or(i64::MAX)).to_lowercase();
    format!("swarm could not be unlocked: too many wrong keys; the next one is looked at in {left}")
}

pub fn facts_json(facts: &v1::LockFacts) -> Value {
    let manager = |manager: &v1::LockedManager| {
        json!({
            "node_id": manager.node_id,
            "hostname": manager.hostname,
            "unlock_key_epoch": manager.unlock_key_epoch,
            "unlock_key_check": manager.unlock_key_check,
        })
    };
    json!({
        "locked": facts.locked,
        "cluster_id": facts.cluster_id,
        "managers": facts.managers.iter().map(manager).collect::<Value>(),
        "shares_have": facts.shares_have,
        "shares_need": facts.shares_need,
        "wrong_keys": facts.wrong,
        "wait_ms": facts.wait_ms,
    })
}

#[cfg(test)]
#[path = "unlock_tests.rs"]
mod tests;
