//! `wardroom swarm unlock-key`: the key that managers need after a restart, whole or in shares, and a new one. What is
//! printed is the key itself: it goes to standard output and nowhere else.

use std::fmt::Write as _;
use std::str;

use serde_json::{Value, json};
use wardroom_api::{CallError, v1};
use zeroize::{Zeroize, Zeroizing};

use crate::cli::arguments::SwarmUnlockKey;
use crate::cli::following::{self, Aim, Parts};
use crate::cli::plan;
use crate::cli::session::Session;
use crate::report::{Exit, Report};
use crate::text::clean;

/// What a program is told that asked for something else than the key.
pub const SHOWN_BY: &str = "note: managers need the unlock key after a restart; `wardroom swarm unlock-key` shows it";

pub async fn run(arguments: &SwarmUnlockKey, session: &mut Session) -> Result<(), Report> {
    check(arguments)?;
    if arguments.rotate {
        return rotate(arguments, session).await;
    }
    let answer = read(arguments, session).await?;
    let shown = Shown::of(&answer, arguments)?;
    if arguments.quiet {
        return session.output.text(&shown.bare());
    }
    if session.output.is_json() {
        return print_json(&mut document(&answer, &shown), session);
    }
    session.output.text(&shown.page())?;
    shown.warn(session);
    still_hanging(&answer, session).await;
    Ok(())
}

fn check(arguments: &SwarmUnlockKey) -> Result<(), Report> {
    if arguments.asking.plan && !arguments.rotate {
        return Err(Report::usage("`--plan` flag requires the `--rotate` flag")
            .hint("without --rotate the key is only shown, and nothing changes"));
    }
    match (arguments.shares, arguments.threshold) {
        (Some(shares), Some(threshold)) if threshold > shares => Err(Report::usage(format!(
            "{threshold} of {shares} shares cannot be what unlocks"
        ))
        .hint("give a --threshold of at most as many as there are --shares")),
        _ => Ok(()),
    }
}

async fn read(arguments: &SwarmUnlockKey, session: &Session) -> Result<v1::GetUnlockKeyResponse, CallError> {
    let message = v1::GetUnlockKeyRequest {
        epoch: arguments.epoch.unwrap_or_default(),
        shares: arguments.shares.unwrap_or_default(),
        threshold: arguments.threshold.unwrap_or_default(),
    };
    session
        .call(message, |mut control, request| async move {
            control.get_unlock_key(request).await
        })
        .await
}

async fn rotate(arguments: &SwarmUnlockKey, session: &mut Session) -> Result<(), Report> {
    if arguments.asking.plan {
        let plan = order(true, String::new(), session).await?.plan.unwrap_or_default();
        return plan::show(&plan, session);
    }
    let mut basis = String::new();
    if plan::may_ask(arguments.asking.yes) {
        let plan = order(true, String::new(), session).await?.plan.unwrap_or_default();
        let name = session.cluster().await?.name;
        basis = plan::ask(&plan, &name, "rotate the unlock key of", session)?;
    }
    let made = order(false, basis, session).await?;
    let answer = read(arguments, session).await.map_err(|error| unread(error.into()))?;
    let shown = Shown::of(&answer, arguments).map_err(unread)?;
    let as_json = session.output.is_json() && !arguments.quiet;
    // Before anything is waited for: who stops waiting has the key all the same.
    if arguments.quiet {
        session.output.text(&shown.bare())?;
    } else if !as_json {
        session.output.text(&shown.rotated())?;
        shown.warn(session);
    }
    let aim = Aim {
        index: made.index,
        order: made.order,
        unlock_key_epoch: made.epoch,
        locks: Some(true),
    };
    let parts = if arguments.detach {
        None
    } else {
        Some(follow(aim, arguments.quiet, session).await)
    };
    if as_json {
        let mut document = document(&answer, &shown);
        document["order"] = made.order.into();
        document["managers"] = parts.as_ref().map_or(Value::Null, Parts::json);
        print_json(&mut document, session)?;
    }
    match parts {
        None => Ok(()),
        Some(parts) => following::check("the unlock key is rotated", &parts, session),
    }
}

async fn follow(aim: Aim, quiet: bool, session: &mut Session) -> Parts {
    if !quiet {
        session
            .output
            .note("note: the managers follow by themselves; control-C ends only this command");
    }
    following::follow(aim, quiet, session).await
}

async fn order(
    plan_only: bool,
    plan_basis: String,
    session: &Session,
) -> Result<v1::RotateUnlockKeyResponse, CallError> {
    let message = v1::RotateUnlockKeyRequest { plan_only, plan_basis };
    session
        .call(message, |mut control, request| async move {
            control.rotate_unlock_key(request).await
        })
        .await
}

/// The worst moment not to see it.
fn unread(mut report: Report) -> Report {
    report.message = format!("the unlock key is rotated, but could not be read: {}", report.message);
    report.hint("run `wardroom swarm unlock-key` before any manager is started again")
}

/// Prints the unlock text of a cluster whose autolock was turned on just now.
pub async fn show_new(session: &mut Session) -> Result<(), Report> {
    let message = v1::GetUnlockKeyRequest::default();
    let read = session.call(message, |mut control, request| async move {
        control.get_unlock_key(request).await
    });
    let shown = match read.await {
        Ok(answer) => text_of(answer.key.as_ref()).map(|key| key.map(unlock_text)),
        Err(error) => Err(error.into()),
    };
    let shown = shown.and_then(|text| text.ok_or_else(none_is_set));
    let text = shown.map_err(|mut report| {
        report.message = format!(
            "autolock is on, but the unlock key could not be read: {}",
            report.message
        );
        report.hint("run `wardroom swarm unlock-key` before any manager is started again")
    })?;
    session.output.text(&text)
}

/// Docker's words.
fn none_is_set() -> Report {
    Report::new(Exit::Conflict, "no unlock key is set").hint("`wardroom swarm update --autolock=true` sets one")
}

/// A key as text; it is ASCII in every form that there is.
pub fn text_of(key: Option<&v1::Confidential>) -> Result<Option<&str>, Report> {
    let text = key.map(|key| str::from_utf8(&key.bytes)).transpose();
    text.map_err(|_| {
        Report::failure("the manager answered with a key that is no text")
            .hint("are wardroom and the manager of one version?")
    })
}

/// Docker's words: what stands below `swarm init --autolock`, and below every new key.
pub fn unlock_text(key: &str) -> Zeroizing<String> {
    text_with(
        key,
        "To unlock a swarm manager after it restarts, run the `wardroom swarm unlock`\n",
    )
}

fn text_with(key: &str, head: &str) -> Zeroizing<String> {
    const TAIL: &str = "\nRemember to store this key in a password manager, since without it you\n\
                        will not be able to restart the manager.\n";
    // Room for all of it, so that the text never moves and leaves a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(head.len() + key.len() * 3 + TAIL.len() + 64));
    text.push_str(head);
    text.push_str("command and provide the following key:\n\n    ");
    line(&mut text, key);
    text.push_str(TAIL);
    text
}

/// What an answer shows.
enum Shown<'a> {
    Key { key: &'a str, earlier: Option<u32> },
    Shares { shares: Vec<&'a str>, threshold: u32 },
}

impl<'a> Shown<'a> {
    fn of(answer: &'a v1::GetUnlockKeyResponse, arguments: &SwarmUnlockKey) -> Result<Self, Report> {
        if !answer.shares.is_empty() {
            let shares = answer.shares.iter().map(|share| text_of(Some(share)));
            let shares: Result<Vec<Option<&str>>, Report> = shares.collect();
            return Ok(Self::Shares {
                shares: shares?.into_iter().flatten().collect(),
                threshold: arguments.threshold.unwrap_or_default(),
            });
        }
        match text_of(answer.key.as_ref())? {
            Some(key) if !key.is_empty() => Ok(Self::Key {
                key,
                earlier: arguments.epoch,
            }),
            _ => Err(none_is_set()),
        }
    }

    /// For a program that keeps it.
    fn bare(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(self.bytes_max()));
        match self {
            Self::Key { key, .. } => line(&mut text, key),
            Self::Shares { shares, .. } => shares.iter().for_each(|share| line(&mut text, share)),
        }
        text
    }

    fn page(&self) -> Zeroizing<String> {
        match self {
            Self::Key { key, earlier: None } => unlock_text(key),
            Self::Key {
                key,
                earlier: Some(epoch),
            } => {
                let head = format!(
                    "To unlock a swarm manager that hangs on the unlock key of epoch {epoch}, run the `wardroom swarm unlock`\n"
                );
                text_with(key, &head)
            }
            Self::Shares { shares, threshold } => {
                let mut text = Zeroizing::new(String::with_capacity(self.bytes_max()));
                // Writing to a string cannot fail.
                let _ = write!(
                    *text,
                    "To unlock a swarm manager after it restarts, any {threshold} of {} people run the `wardroom swarm unlock`\n\
                     command, one after another, and provide their share:\n\n",
                    shares.len()
                );
                for (number, share) in shares.iter().enumerate() {
                    let _ = write!(*text, "{:>5}  ", number + 1);
                    line(&mut text, share);
                }
                let _ = write!(*text, "\nThe shares of another call do not go together with these.\n");
                text
            }
        }
    }

    /// Docker's words above the key.
    fn rotated(&self) -> Zeroizing<String> {
        let page = self.page();
        let mut text = Zeroizing::new(String::with_capacity(page.len() + 64));
        text.push_str("Successfully rotated manager unlock key.\n\n");
        text.push_str(&page);
        text
    }

    /// Room for all of it, as above; what is replaced in a text is at most three bytes.
    fn bytes_max(&self) -> usize {
        match self {
            Self::Key { key, .. } => key.len() * 3 + 64,
            Self::Shares { shares, .. } => shares.iter().map(|share| share.len() * 3 + 64).sum::<usize>() + 512,
        }
    }

    fn warn(&self, session: &mut Session) {
        if let Self::Shares { threshold, .. } = self {
            session.output.note(&format!(
                "WARNING: give each share to another person: whoever has {threshold} of them has the key"
            ));
        }
    }
}

fn line(text: &mut Zeroizing<String>, key: &str) {
    text.push_str(&clean(key));
    text.push('\n');
}

/// Says who needs another key than the one that was shown just now.
async fn still_hanging(shown: &v1::GetUnlockKeyResponse, session: &mut Session) {
    // A remark that cannot be made does not fail the command.
    let (Ok(cluster), Ok(hostnames)) = (session.cluster().await, session.hostnames().await) else {
        return;
    };
    let keys = cluster.keys.unwrap_or_default();
    for manager in &keys.managers {
        if let Some(remark) = other_key(manager, shown.epoch) {
            let hostname = hostnames.get(&manager.node_id).unwrap_or(&manager.node_id);
            session.output.note(&format!("note: {hostname} {remark}"));
        }
    }
}

fn other_key(manager: &v1::ManagerKeys, shown: u32) -> Option<String> {
    if !manager.locks {
        return Some("opens without a key so far".to_owned());
    }
    (manager.unlock_key_epoch != shown).then(|| {
        let epoch = manager.unlock_key_epoch;
        format!("hangs on the unlock key of epoch {epoch}; `wardroom swarm unlock-key --epoch {epoch}` shows that one")
    })
}

/// The one document of the command line with a key in it: to have it is what the command is for.
fn document(answer: &v1::GetUnlockKeyResponse, shown: &Shown<'_>) -> Value {
    let mut document = json!({ "epoch": answer.epoch, "index": answer.index });
    match shown {
        Shown::Key { key, .. } => document["unlock_key"] = (*key).into(),
        Shown::Shares { shares, threshold } => {
            document["shares"] = json!(shares);
            document["threshold"] = (*threshold).into();
        }
    }
    document
}

fn print_json(document: &mut Value, session: &mut Session) -> Result<(), Report> {
    let printed = session.output.json(document);
    wipe(document);
    printed
}

/// What serde keeps of a key.
fn wipe(document: &mut Value) {
    match document {
        Value::String(text) => text.zeroize(),
        Value::Array(elements) => elements.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        _ => {}
    }
}

#[cfg(test)]
#[path = "unlock_key_tests.rs"]
mod tests;
