//! What has a task written? A bounded log in memory, never on a disk, with bullets in place of the values that its task
//! knows.
//!
//! ```text
//! stdout, stderr ──> drain ──> lines ──> mask ──> ring ──> readers (logs)
//! ```
//!
//! A task is never held up: what it writes is always taken, and what nobody has read in time makes room. Masking is a
//! courtesy to who shows logs around, and no boundary: a program that prints a value backwards prints it.

mod drain;
mod lines;
mod mask;
mod ring;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

pub(crate) use drain::drain;
pub(crate) use lines::Lines;
pub(crate) use ring::Read;
pub use ring::{Line, Stream};

use self::mask::Mask;
use self::ring::Ring;
use crate::ids::{TaskId, VersionId};
use crate::values::Value;

/// The output of one task.
pub struct Log {
    kept: Mutex<Kept>,
    /// How many lines there have been, or that there will be no more.
    written: watch::Sender<Written>,
}

struct Kept {
    ring: Ring,
    mask: Mask,
}

/// How far a log has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) lines: u64,
    pub(crate) ended: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            kept: Mutex::new(Kept {
                ring: Ring::default(),
                mask: Mask::default(),
            }),
            written: watch::Sender::default(),
        }
    }
}

impl Log {
    /// From now on these values are masked, and no others are held here.
    pub(crate) fn know(&self, values: BTreeMap<VersionId, Arc<Value>>) {
        self.kept().mask.know(values);
    }

    /// What is masked now.
    pub(crate) fn known(&self) -> BTreeMap<VersionId, Arc<Value>> {
        self.kept().mask.known().clone()
    }

    /// One line without its newline.
    pub fn write(&self, stream: Stream, text: &[u8]) {
        let at_ms = now_ms();
        let mut kept = self.kept();
        let text = kept.mask.hide(text);
        kept.ring.push(at_ms, stream, text);
        let lines = kept.ring.end();
        drop(kept);
        self.written.send_modify(|written| written.lines = lines);
    }

    /// The end of what a check or a hook has said, in one line, for the words of a report.
    pub(crate) fn last_words(&self, output: &[u8]) -> String {
        let hidden = self.kept().mask.hide(output);
        mask::one_line(hidden.expose())
    }

    /// The workload is over and everything it wrote is here.
    pub(crate) fn end(&self) {
        self.written.send_modify(|written| written.ended = true);
    }

    pub(crate) fn written(&self) -> watch::Receiver<Written> {
        self.written.subscribe()
    }

    /// Lines from number `from` on, as many as `bytes` have room for, at least one if there is one.
    pub(crate) fn read(&self, from: u64, bytes: usize) -> Read {
        self.kept().ring.read(from, bytes)
    }

    /// The number of the first line to show: the last `tail` ones, none of them older than `since_ms`.
    pub(crate) fn begin(&self, tail: Option<u32>, since_ms: i64) -> u64 {
        self.kept().ring.begin(tail, since_ms)
    }

    /// Everything that is kept.
    pub fn lines(&self) -> Vec<Line> {
        self.kept().ring.read(0, usize::MAX).lines
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("no code panics while it holds this lock")
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The logs of a worker's tasks, for as long as it answers for them.
#[derive(Default)]
pub(crate) struct Logs(Mutex<BTreeMap<TaskId, Arc<Log>>>);

impl Logs {
    pub(crate) fn open(&self, task: &TaskId) -> Arc<Log> {
        let log = Arc::new(Log::default());
        self.held().insert(task.clone(), Arc::clone(&log));
        log
    }

    /// Only if it is still this one: a later life of the task has its own.
    pub(crate) fn close(&self, task: &TaskId, log: &Arc<Log>) {
        log.end();
        let mut held = self.held();
        if held.get(task).is_some_and(|kept| Arc::ptr_eq(kept, log)) {
            held.remove(task);
        }
    }

    pub(crate) fn find(&self, task: &TaskId) -> Option<Arc<Log>> {
        self.held().get(task).cloned()
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<TaskId, Arc<Log>>> {
        self.0.lock().expect("no code panics while it holds this lock")
    }
}
