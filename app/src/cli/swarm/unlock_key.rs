//! `wardroom swarm unlock-key`: the key that managers need after a restart, whole or in shares, and a new one. What is
//! printed is the key itself: it goes to standard output and nowhere else.

use serde_json::{Value, json};
use wardroom_api::{CallError, v1};
use zeroize::Zeroize;

use crate::cli::arguments::SwarmUnlockKey;
use crate::cli::following::Aim;
use crate::cli::session::Session;
use crate::cli::swarm::keeping;
use crate::cli::swarm::key_text::{Shown, none_is_set, text_of, unlock_text};
use crate::cli::{lock_state, plan};
use crate::report::Report;

/// What a program is told that asked for something else than the key.
pub const SHOWN_BY: &str = "note: the managers lock once somebody has the unlock key: `wardroom swarm unlock-key` shows it, and puts it in force";

pub async fn run(arguments: &SwarmUnlockKey, session: &mut Session) -> Result<(), Report> {
    check(arguments)?;
    if arguments.rotate {
        return rotate(arguments, session).await;
    }
    let cluster = session.cluster().await?;
    let answer = read(arguments, session).await?;
    let shown = Shown::of(&answer, arguments)?;
    print(&answer, &shown, arguments, session)?;
    if let Some(epoch) = lock_state::unseen_key(&cluster).filter(|epoch| *epoch == answer.epoch) {
        return put_in_force(epoch, arguments, session).await;
    }
    if !arguments.quiet && !session.output.is_json() {
        still_hanging(&cluster, answer.epoch, session).await;
    }
    Ok(())
}

/// It was made by a command that was interrupted, or in the console, and is seen now.
async fn put_in_force(epoch: u32, arguments: &SwarmUnlockKey, session: &mut Session) -> Result<(), Report> {
    if session.read_only {
        session
            .output
            .note("note: no manager needs this key yet; the command puts it in force without --read-only");
        return Ok(());
    }
    if !arguments.quiet {
        session
            .output
            .note("note: this key is new; the managers need it from now on");
    }
    keeping::keep_and_follow(epoch, arguments.detach, arguments.quiet, session).await
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
    order(false, basis, session).await?;
    let answer = read(arguments, session).await;
    let answer = answer.map_err(|error| keeping::unseen(error.into()))?;
    let shown = Shown::of(&answer, arguments).map_err(keeping::unseen)?;
    print(&answer, &shown, arguments, session).map_err(keeping::unseen)?;
    keeping::keep_and_follow(answer.epoch, arguments.detach, arguments.quiet, session).await
}

/// Flushed when it returns, so that it is seen before anything follows from it.
fn print(
    answer: &v1::GetUnlockKeyResponse,
    shown: &Shown<'_>,
    arguments: &SwarmUnlockKey,
    session: &mut Session,
) -> Result<(), Report> {
    if arguments.quiet {
        return session.output.text(&shown.bare());
    }
    if session.output.is_json() {
        return print_json(&mut document(answer, shown), session);
    }
    let page = if arguments.rotate {
        shown.rotated()
    } else {
        shown.page()
    };
    session.output.text(&page)?;
    shown.warn(session);
    Ok(())
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

/// Prints the unlock text of a cluster that is to lock from now on; the key is in force then.
pub async fn show_new(session: &mut Session) -> Result<Aim, Report> {
    let message = v1::GetUnlockKeyRequest::default();
    let read = session.call(message, |mut control, request| async move {
        control.get_unlock_key(request).await
    });
    let answer = read.await.map_err(|error| keeping::unseen(error.into()))?;
    let key = text_of(answer.key.as_ref()).and_then(|key| key.ok_or_else(none_is_set));
    let printed = key.and_then(|key| session.output.text(&unlock_text(key)));
    printed.map_err(keeping::unseen)?;
    keeping::keep(answer.epoch, session).await
}

/// Says who needs another key than the one that was shown just now.
async fn still_hanging(cluster: &v1::Cluster, shown: u32, session: &mut Session) {
    // A remark that cannot be made does not fail the command.
    let (Some(keys), Ok(hostnames)) = (&cluster.keys, session.hostnames().await) else {
        return;
    };
    for manager in &keys.managers {
        if let Some(remark) = other_key(manager, shown) {
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
