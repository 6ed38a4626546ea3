//! How does a backup leave the cluster? As a stream of one age file, encrypted here, from a state that a quorum confirms.

use std::io::{self, Write};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::runtime::Handle;
use tokio::sync::oneshot::error::RecvError;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status};
use wardroom_api::channel::{self, CALL_DEADLINE};
use wardroom_api::v1;
use wardroom_keys::SecretBytes;
use wardroom_state::State;
use wardroom_state::command::Command;

use crate::backup::{self, BackupError, Content, Lock};
use crate::context::Context;
use crate::control::caller::Caller;
use crate::control::error::Failure;
use crate::control::forward::{self, in_the_name_of};
use crate::control::issuing::cluster;
use crate::control::veil;
use crate::links::Lane;

type Chunks = BoxStream<'static, Result<v1::BackupChunk, Status>>;

/// Bytes of a chunk.
const CHUNK: usize = 64 * 1024;
/// Chunks that wait for a slow reader.
const WAITING: usize = 4;
/// How long a reader may leave them waiting.
const READER_PATIENCE: Duration = Duration::from_secs(60);

/// Made by the leader, whose word is the newest, and not before the audit chain says who has it. While nobody leads it is
/// made from what this manager has, at the index that each chunk tells: then of all times a backup must be possible, and
/// only this manager's log can say who took it.
pub(super) async fn backup(context: &Context, request: Request<v1::BackupRequest>) -> Result<Chunks, Status> {
    let caller = forward::caller(&request);
    match forward::leader(context, &caller).await {
        Ok(Some(leader)) => {
            let (line, attempt) = context.links.attempt(&leader, Lane::Bulk);
            let mut leader = channel::control(line);
            // The deadline bounds the opening; in the metadata it would end the stream.
            let mut request = in_the_name_of(&caller, Request::new(request.into_inner()));
            veil::veil(context, request.get_mut());
            let opening = tokio::time::timeout(CALL_DEADLINE, leader.backup(request)).await;
            let late = || Failure::Unavailable("the leader did not begin the backup in time; repeat it".into());
            let opened = opening.map_err(|_elapsed| late())?;
            attempt.answered();
            Ok(opened?.into_inner().boxed())
        }
        Ok(None) => {
            let mut request = request.into_inner();
            if caller.forwarded {
                veil::unveil(context, &mut request)?;
            }
            made_here(context, &caller, request, true).await
        }
        Err(Failure::NoLeader) => made_here(context, &caller, request.into_inner(), false).await,
        Err(failure) => Err(failure.into()),
    }
}

async fn made_here(
    context: &Context,
    caller: &Caller,
    request: v1::BackupRequest,
    led: bool,
) -> Result<Chunks, Status> {
    let busy = || Failure::Unavailable("a backup is being made already; wait for it, then repeat".into());
    let turn = context
        .offices
        .backing_up
        .clone()
        .try_acquire_owned()
        .map_err(|_| busy())?;
    let opens = opens(&request);
    let lock = blocking(move || lock(request)).await?;
    let lock = lock.map_err(|error| Failure::invalid(error.to_string()))?;
    note(context, caller, opens, led).await?;
    let state = context.replica.read(State::clone);
    let index = state.index();
    let (cluster_id, created_at_ms) = (context.config.cluster_id.clone(), context.clock.now_ms());
    let sealing_root = context.keyring.sealing_root().danger_expose();
    let (sender, chunks) = mpsc::channel(WAITING);
    let runtime = Handle::current();
    let (told, is_whole) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let whole = Content {
            cluster_id: &cluster_id,
            created_at_ms,
            state: &state,
            sealing_root: &sealing_root,
        };
        let out = Sending {
            index,
            runtime,
            sender,
            waiting: Vec::with_capacity(CHUNK),
        };
        // Nobody may be there to be told.
        let _ = told.send(backup::write(&whole, lock, out).is_ok());
    });
    let file = ReceiverStream::new(chunks).take_until(context.stop.clone().cancelled_owned());
    Ok(file.map(Ok).chain(stream::once(is_whole).filter_map(last_word)).boxed())
}

/// Who may open it, for the audit chain.
fn opens(request: &v1::BackupRequest) -> String {
    match request.recipients.len() {
        0 => "for a passphrase".to_owned(),
        1 => "for 1 recipient".to_owned(),
        several => format!("for {several} recipients"),
    }
}

/// With a leader the record is in the chain, and in the backup, before its first byte leaves.
async fn note(context: &Context, caller: &Caller, opens: String, led: bool) -> Result<(), Failure> {
    let actor = caller.actor();
    if !led {
        tracing::warn!(
            actor = actor.name,
            from = actor.from,
            opens,
            "a backup is taken while nobody leads: the audit chain does not know of it"
        );
        return Ok(());
    }
    let command = Command::NoteAccess {
        action: "backup.read".to_owned(),
        object: cluster(context)?.name,
        detail: opens,
    };
    context.proposer.propose(actor, command).await?;
    Ok(())
}

/// A file that ends early must not look whole.
async fn last_word(is_whole: Result<bool, RecvError>) -> Option<Result<v1::BackupChunk, Status>> {
    let short = "the backup was cut off: its reader was too slow, or this manager is stopping; take it again";
    (is_whole != Ok(true)).then(|| Err(Status::unavailable(short)))
}

fn lock(mut request: v1::BackupRequest) -> Result<Lock, BackupError> {
    let passphrase = request
        .passphrase
        .take()
        .map(|mut passphrase| SecretBytes::new(passphrase.take()));
    match passphrase.filter(|passphrase| !passphrase.is_empty()) {
        Some(_) if !request.recipients.is_empty() => Err(BackupError::NoKey),
        Some(passphrase) => Lock::to_passphrase(&passphrase),
        None => Lock::to_recipients(&request.recipients),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Failure::Unavailable("the backup was given up: this manager is stopping".into()))
}

/// Collects what is written into chunks.
struct Sending {
    index: u64,
    runtime: Handle,
    sender: mpsc::Sender<v1::BackupChunk>,
    waiting: Vec<u8>,
}

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK - self.waiting.len());
        self.waiting.extend_from_slice(&bytes[..taken]);
        if self.waiting.len() == CHUNK {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let chunk = v1::BackupChunk {
            index: self.index,
            data: std::mem::take(&mut self.waiting),
        };
        // A reader that stalls must not keep the state, the sealing root and everybody else's turn.
        let sent = self.runtime.block_on(self.sender.send_timeout(chunk, READER_PATIENCE));
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}
