//! How does a secret that is due get its next value? The leader makes it, or a hook of its machine does; then it is
//! sealed and proposed like an operator's.

use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::Instant;
use wardroom_keys::SecretBytes;
use wardroom_state::command::{Actor, Command};
use wardroom_state::ids::{RotationId, SecretId};
use wardroom_state::rotation::RotationCause;
use wardroom_state::secret::{Schedule, Secret};
use wardroom_state::validate;

use crate::context::Context;
use crate::control;
use crate::propose::ProposeError;
use crate::reconcile::now::Now;
use crate::reconcile::{PAUSE, schedule, woken};

/// Hooks that run at once: one that hangs does not hold up the others.
const AT_ONCE: usize = 4;

/// Makes values whenever this manager leads, until it stops. A hook that runs when it leads no more is ended.
pub(crate) async fn run(context: Context) {
    let mut leadership = context.leadership.clone();
    loop {
        tokio::select! {
            biased;
            () = context.stop.cancelled() => return,
            leads = leadership.wait_for(|known| known.mine) => if leads.is_err() { return },
        }
        tokio::select! {
            biased;
            () = context.stop.cancelled() => {}
            _ = leadership.wait_for(|known| !known.mine) => {}
            () = lead(&context) => {}
        }
    }
}

/// One term. Ends only when it is dropped, or with the replica.
async fn lead(context: &Context) {
    let mut applied = context.replica.subscribe();
    let mut time = Now::new(Instant::now());
    loop {
        let now = Instant::now();
        let clock_ms = context.clock.now_ms();
        let (due, now_ms) = context.replica.read(|state| {
            let now_ms = time.read(clock_ms, state.at_ms(), now);
            (schedule::decide(state, now_ms), now_ms)
        });
        let mut again = due.again_at_ms.map(|at_ms| {
            let wait_ms = u64::try_from(at_ms.saturating_sub(now_ms)).unwrap_or(0).max(1);
            now + std::time::Duration::from_millis(wait_ms)
        });
        if !due.now.is_empty() {
            let making = stream::iter(due.now).map(|secret| make(context, secret));
            let made: Vec<bool> = making.buffer_unordered(AT_ONCE).collect().await;
            if made.iter().all(|made| *made) {
                continue;
            }
            again = Some(Instant::now() + PAUSE);
        }
        tokio::select! {
            biased;
            open = woken(&mut applied) => if !open { return },
            () = tokio::time::sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => {}
        }
    }
}

/// Whether the secret has got a new value, or a note why not.
async fn make(context: &Context, id: SecretId) -> bool {
    let Some(secret) = context.replica.read(|state| state.secrets().get(&id).cloned()) else {
        return true;
    };
    let command = match value(context, &secret).await {
        Ok(value) => rotation(context, &secret, &value),
        Err(reason) => {
            tracing::warn!(secret = secret.name, reason, "a scheduled rotation did not begin");
            let secret = id;
            Command::NoteScheduleFailure { secret, reason }
        }
    };
    let actor = Actor {
        name: "system".to_owned(),
        from: "local".to_owned(),
    };
    match context.proposer.propose(actor.clone(), command).await {
        // Or somebody has changed the secret since: the next look sees what it is now.
        Ok(_) | Err(ProposeError::Refused(wardroom_state::refusal::Refusal::OutOfSequence)) => true,
        Err(ProposeError::Refused(refusal)) => {
            let note = Command::NoteScheduleFailure {
                secret: secret.id,
                reason: refusal.to_string(),
            };
            context.proposer.propose(actor, note).await.is_ok()
        }
        Err(error) => {
            tracing::warn!(secret = secret.name, %error, "a scheduled rotation was not confirmed");
            false
        }
    }
}

async fn value(context: &Context, secret: &Secret) -> Result<SecretBytes, String> {
    let value = match &secret.schedule {
        Some(Schedule::Generate(length)) => {
            control::password(&*context.chance, usize::try_from(*length).unwrap_or(usize::MAX))
        }
        Some(Schedule::Hook(name)) => {
            let made = context.hooks.run(name, &secret.name).await;
            made.map_err(|error| format!("hook {name}: {error}"))?
        }
        None => return Err("nobody makes its values any more".to_owned()),
    };
    validate::secret_size(value.len()).map_err(|refusal| refusal.to_string())?;
    control::secrets::check_template(secret.template, &value).map_err(|failure| failure.to_string())?;
    let root = context.keyring.sealing_root();
    let fingerprint = root.fingerprint(&context.config.cluster_id, secret.id.as_str(), &value);
    let current = secret.current.and_then(|number| secret.versions.get(&number));
    if current.is_some_and(|version| version.fingerprint == fingerprint) {
        return Err("the value it made is the one of the current version".to_owned());
    }
    Ok(value)
}

fn rotation(context: &Context, secret: &Secret, value: &SecretBytes) -> Command {
    Command::RotateSecret {
        secret: secret.id.clone(),
        version: control::secrets::seal(context, &secret.id, value),
        rotation: RotationId::new(control::id(&*context.chance)),
        cause: RotationCause::Age,
        // What an operator has done meanwhile comes first.
        expected: Some(secret.version_index),
    }
}
