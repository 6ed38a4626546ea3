//! How does a manager go on under a fresh DEK and let go of the one before? Everything that is written from now on uses the
//! new one; a snapshot makes what the old one sealed needless; once nothing on the disk names it, it is destroyed.
//!
//! What stands under the old key goes only when it is committed, so a manager without a quorum waits with both keys.

use std::time::Duration;

use tokio::sync::watch;
use wardroom_keys::failpoint::reach;

use super::{Progress, tell};
use crate::context::Context;

/// How long a snapshot, or a purge, may take before it is asked for again: a full disk drops what was asked.
const PATIENCE: Duration = Duration::from_secs(20);

/// The keyring has both keys from here on. Durable on return.
pub(super) fn begin(context: &Context, order: u64) -> Result<(), String> {
    let now_ms = context.clock.now_ms();
    let begun = context.consensus.aside(|| {
        let fresh = |keyring: &mut wardroom_keys::Keyring| keyring.begin_dek_rotation(&*context.chance, order, now_ms);
        context.keyring.change(fresh)
    });
    begun.map_err(|error| format!("the keyring cannot be written: {error}; make room on this manager's disk"))?;
    reach("dek.begun");
    tracing::info!(epoch = context.keyring.dek().epoch(), order, "a fresh DEK is in use");
    Ok(())
}

/// From wherever an earlier try, or an earlier life, left off, to the end.
pub(super) async fn go_on(context: &Context, progress: &watch::Sender<Progress>) -> Result<(), String> {
    let step = |name| tell(progress, |told| told.step = name);
    let (consensus, epoch) = (&context.consensus, context.keyring.dek().epoch());
    step("roll");
    loop {
        let old = consensus.roll().await?;
        reach("dek.rolled");
        if let Some(upto) = old {
            step("commit");
            context.replica.wait_index(upto).await;
        }
        if old.is_some() || !consensus.snapshot_is_under(epoch) {
            step("snapshot");
            in_time(
                consensus.snapshot_under(epoch, old.unwrap_or(0)),
                "a snapshot was not taken",
            )
            .await?;
            reach("dek.snapshot");
        }
        let Some(upto) = old else { break };
        step("purge");
        in_time(consensus.purge(upto), "the old log was not purged").await?;
        reach("dek.purged");
    }
    step("node key");
    rest_node_key(context)?;
    reach("dek.node-key");
    step("finish");
    finish(context, epoch)?;
    reach("dek.finished");
    Ok(())
}

/// Seals the node's TLS key under the DEK in force, or puts it back in clear while the cluster does not lock.
pub(super) fn rest_node_key(context: &Context) -> Result<(), String> {
    let rested = context.consensus.aside(|| context.keyring.rest_node_key());
    rested.map_err(|error| format!("the node's key cannot be written: {error}; make room on this manager's disk"))
}

fn finish(context: &Context, epoch: u32) -> Result<(), String> {
    let destroy = || {
        context
            .keyring
            .change(|keyring| keyring.finish_dek_rotation(&*context.chance))
    };
    match context.consensus.when_all_is_under(epoch, destroy) {
        None => Err("something was written under the old DEK meanwhile".to_owned()),
        Some(Err(error)) => Err(format!(
            "the keyring cannot be written: {error}; make room on this manager's disk"
        )),
        Some(Ok(_)) => {
            tracing::info!(epoch, "nothing needs the DEK before it any more; it is destroyed");
            Ok(())
        }
    }
}

async fn in_time(work: impl Future<Output = Result<(), String>>, what: &str) -> Result<(), String> {
    let done = tokio::time::timeout(PATIENCE, work).await;
    done.unwrap_or_else(|_elapsed| {
        Err(format!(
            "{what} within {} s; is there room on the disk?",
            PATIENCE.as_secs()
        ))
    })
}
