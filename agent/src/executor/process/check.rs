//! How is a process asked whether it is well? By a command on the same stage, as the same user, with an end in any case.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;
use wardroom_keys::SecretBytes;

use super::plan::Plan;
use super::start::Starter;
use crate::executor::health::{Asking, Checks, Outcome};
use crate::executor::{Exit, Job, Running};
use crate::output::Log;

/// The end of what a check says that is looked at.
const WORDS_BYTES: usize = 4096;

pub(super) fn checks(starter: &Arc<Starter>, plan: &Arc<Plan>, job: &Job) -> Option<Checks> {
    let health = job.run.health.as_ref()?;
    let command = health.test.command();
    if command.is_empty() {
        return None;
    }
    let (starter, plan, log) = (Arc::clone(starter), Arc::clone(plan), Arc::clone(&job.log));
    let patience = health.timeout;
    let ask = move || -> Asking {
        let (starter, plan, log) = (Arc::clone(&starter), Arc::clone(&plan), Arc::clone(&log));
        let command = command.clone();
        Box::pin(async move { ask(&starter, &plan, &command, patience, &log).await })
    };
    Some(Checks::new(health, Box::new(ask)))
}

async fn ask(starter: &Starter, plan: &Plan, command: &[String], patience: Duration, log: &Log) -> Outcome {
    let asking = async {
        let mut check = starter.start(plan, command).await?;
        let (output, error) = check.take_streams();
        // What is not read would hold the check up.
        let (exit, output, error) = tokio::join!(check.wait(), last(output), last(error));
        Ok::<(Exit, SecretBytes, SecretBytes), String>((exit, output, error))
    };
    // A check that hangs is killed, with its group, as its handle is dropped.
    match timeout(patience, asking).await {
        Err(_elapsed) => Err(format!("no answer within {}", words_of(patience))),
        Ok(Err(reason)) => Err(format!("cannot start the check: {reason}")),
        Ok(Ok((Exit { code: 0, .. }, ..))) => Ok(()),
        Ok(Ok((exit, output, error))) => {
            let words = [error, output].map(|said| log.last_words(said.expose()));
            let words = words.into_iter().find(|words| !words.is_empty());
            Err(words.map_or_else(|| exit.error.clone(), |words| format!("{} ({})", words, exit.error)))
        }
    }
}

pub(super) fn words_of(time: Duration) -> String {
    match time.as_millis() {
        ms if ms % 1000 == 0 => format!("{} s", ms / 1000),
        ms => format!("{ms} ms"),
    }
}

/// The end of what comes.
async fn last(from: Option<impl AsyncRead + Unpin>) -> SecretBytes {
    let Some(mut from) = from else {
        return SecretBytes::default();
    };
    let mut kept = SecretBytes::default();
    loop {
        let mut buffer = vec![0; WORDS_BYTES];
        let read = from.read(&mut buffer).await.unwrap_or(0);
        let buffer = SecretBytes::new(buffer);
        if read == 0 {
            return kept;
        }
        let new = &buffer.expose()[..read];
        let old = kept.expose();
        let stays = &old[old.len().saturating_sub(WORDS_BYTES - new.len())..];
        kept = SecretBytes::new([stays, new].concat());
    }
}
