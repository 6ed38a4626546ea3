//! How do many writers share one sync? Everything that waits goes to the disk together, then is answered in order.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::error::LogError;
use crate::log::Log;
use crate::reader::LogReader;
use crate::record::Record;
use crate::roll::Rolled;
use crate::view::View;

/// Called once the records are durable, or with the reason why they are not.
pub type Done = Box<dyn FnOnce(Result<(), LogError>) + Send>;

/// What runs the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spawn {
    /// A thread of its own, for a disk that makes one wait. Sync times are measured.
    Thread,
    /// A task on the current tokio runtime, for simulations: one thread, no real time.
    Task,
}

/// Bytes of payload after which a batch is written although more is waiting.
const BATCH_BYTES: usize = 8 << 20;
const BATCH_RECORDS: usize = 4096;

/// Group commit on one log. Clones feed the same queue; the log closes when the last one is dropped, or on
/// [`Writer::shutdown`].
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::UnboundedSender<Message>,
    view: Arc<View>,
}

enum Message {
    Write {
        records: Vec<(Record, u64)>,
        done: Done,
    },
    Look {
        looked: oneshot::Sender<()>,
    },
    Roll {
        rolled: oneshot::Sender<Result<Rolled, LogError>>,
    },
    Stop {
        stopped: oneshot::Sender<()>,
    },
}

impl Writer {
    /// Takes the log over. Whether the disk has room for another segment is known soon after, before the first write.
    pub fn spawn(mut log: Log, how: Spawn) -> Self {
        let (queue, mut messages) = mpsc::unbounded_channel();
        let view = Arc::clone(&log.view);
        match how {
            Spawn::Thread => {
                log.measure = true;
                std::thread::Builder::new()
                    .name("wardroom-log".to_owned())
                    .spawn(move || {
                        log.tidy();
                        while let Some(first) = messages.blocking_recv() {
                            if let Some(stopped) = run_once(&mut log, first, &mut messages) {
                                return stop(log, messages, stopped);
                            }
                        }
                    })
                    .expect("a process that cannot start one thread cannot run a manager");
            }
            Spawn::Task => {
                tokio::spawn(async move {
                    log.tidy();
                    while let Some(first) = messages.recv().await {
                        if let Some(stopped) = run_once(&mut log, first, &mut messages) {
                            return stop(log, messages, stopped);
                        }
                    }
                });
            }
        }
        Self { queue, view }
    }

    /// Makes the records readable at once and durable soon; then calls `done`, strictly in the order of submission.
    ///
    /// `done` runs on the writer and must not block. Once anything has failed, everything after it fails too.
    pub fn submit(&self, records: Vec<Record>, done: Done) {
        let mut content = self.view.lock();
        if let Err(error) = content.check(&records) {
            drop(content);
            return done(Err(error));
        }
        let staged = records.into_iter().map(|record| {
            let ticket = content.stage(&record);
            (record, ticket)
        });
        let message = Message::Write {
            records: staged.collect(),
            done,
        };
        // Sent under the lock: the queue has the order in which the records became visible.
        let sent = self.queue.send(message);
        drop(content);
        if let Err(mpsc::error::SendError(Message::Write { done, .. })) = sent {
            done(Err(LogError::Closed));
        }
    }

    /// Submits and waits until the records are durable.
    pub async fn write(&self, records: Vec<Record>) -> Result<(), LogError> {
        let (sender, receiver) = oneshot::channel();
        self.submit(records, Box::new(move |result| drop(sender.send(result))));
        receiver.await.unwrap_or(Err(LogError::Closed))
    }

    /// Reads what was submitted.
    pub fn reader(&self) -> LogReader {
        LogReader {
            view: Arc::clone(&self.view),
        }
    }

    /// Looks whether a disk that was full has room again, and returns when [`LogReader::room`] knows.
    pub async fn look_for_room(&self) {
        let (looked, receiver) = oneshot::channel();
        if self.queue.send(Message::Look { looked }).is_ok() {
            let _ = receiver.await; // an error means that the log is closed, and nothing fits
        }
    }

    /// Goes on under the keyring's DEK; see [`Log::roll`]. Everything submitted after this returned is sealed under it, and
    /// what was submitted before waits for two syncs at most.
    pub async fn roll(&self) -> Result<Rolled, LogError> {
        let (rolled, receiver) = oneshot::channel();
        if self.queue.send(Message::Roll { rolled }).is_err() {
            return Err(LogError::Closed);
        }
        receiver.await.unwrap_or(Err(LogError::Closed))
    }

    /// The oldest epoch that a segment on the disk is of, once everything submitted before is written and what it made
    /// needless is gone for good. From then on the log needs no DEK of an older epoch.
    pub async fn oldest_epoch(&self) -> u32 {
        self.look_for_room().await;
        self.reader().stats().oldest_epoch
    }

    /// Writes everything submitted before and closes the log's files. Afterwards the log may be opened anew.
    pub async fn shutdown(&self) {
        let (stopped, receiver) = oneshot::channel();
        if self.queue.send(Message::Stop { stopped }).is_ok() {
            let _ = receiver.await; // an error means that it had stopped already
        }
    }
}

/// Writes one batch: what waits now. Returns who asked for a stop, if anybody did.
fn run_once(
    log: &mut Log,
    first: Message,
    messages: &mut mpsc::UnboundedReceiver<Message>,
) -> Option<oneshot::Sender<()>> {
    let mut batch = Vec::new();
    let (mut callbacks, mut lookers) = (Vec::new(), Vec::new());
    let (mut stopped, mut roller) = (None, None);
    let mut bytes = 0;
    let mut next = Some(first);
    while let Some(message) = next {
        match message {
            Message::Write { records, done } => {
                bytes += records.iter().map(|(record, _)| record.plain_len()).sum::<usize>();
                batch.extend(records);
                callbacks.push(done);
            }
            Message::Look { looked } => lookers.push(looked),
            // What follows a roll is sealed under the new key, so the batch ends here.
            Message::Roll { rolled } => {
                roller = Some(rolled);
                break;
            }
            Message::Stop { stopped: sender } => {
                stopped = Some(sender);
                break;
            }
        }
        let full = bytes >= BATCH_BYTES || batch.len() >= BATCH_RECORDS;
        next = if full { None } else { messages.try_recv().ok() };
    }
    let result = commit(log, &batch);
    for done in callbacks {
        done(result.clone());
    }
    if let Some(rolled) = roller {
        let _ = rolled.send(log.roll()); // whoever asked may have stopped waiting
    }
    if lookers.is_empty() {
        log.tidy();
    } else {
        log.look_for_room();
    }
    for looked in lookers {
        let _ = looked.send(()); // whoever asked may have stopped waiting
    }
    stopped
}

fn commit(log: &mut Log, batch: &[(Record, u64)]) -> Result<(), LogError> {
    let records: Vec<&Record> = batch.iter().map(|(record, _)| record).collect();
    let written = log.write(&records);
    let mut content = log.view.lock();
    match written {
        Ok(places) => {
            for ((record, ticket), place) in batch.iter().zip(places) {
                if let Record::Entry { index, .. } = record {
                    content.settle(*index, *ticket, place);
                }
            }
            content.evict();
            Ok(())
        }
        Err(error) => {
            // Readers already see records that will never be durable, so nothing may follow them.
            let poison = error.poison();
            content.poisoned.get_or_insert(poison.clone());
            drop(content);
            log.poisoned.get_or_insert(poison);
            Err(error)
        }
    }
}

/// Closes the files before anybody hears of it, then answers what came too late.
fn stop(log: Log, mut messages: mpsc::UnboundedReceiver<Message>, stopped: oneshot::Sender<()>) {
    log.view.lock().poisoned.get_or_insert(LogError::Closed);
    drop(log);
    messages.close();
    while let Ok(message) = messages.try_recv() {
        if let Message::Write { done, .. } = message {
            done(Err(LogError::Closed));
        }
    }
    let _ = stopped.send(()); // whoever asked may have stopped waiting
}
