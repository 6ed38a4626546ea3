//! Who wants to see what a task has written? The leader says whose output somebody reads now, and for each such reader the
//! lines are sent until there are no more of them or nobody reads any more.
//!
//! Lines are taken from a task's log when the stream has room for them: a slow reader misses some and is told so, and no
//! task ever waits. Each reader's lines travel on a connection of their own, so that they hold up no heartbeat.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_all;
use futures_util::stream::{FuturesUnordered, unfold};
use futures_util::{Stream, StreamExt};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Code, Streaming};
use wardroom_api::channel::dispatcher;
use wardroom_api::v1::dispatcher_client::DispatcherClient;
use wardroom_api::v1::{LogBatch, LogLine, LogRequest, LogRequestsRequest};

use crate::ids::TaskId;
use crate::output::{Line, Log, Logs, Stream as Written, Written as Progress};

/// What goes into one batch, and of it from one task.
const BATCH_BYTES: usize = 256 * 1024;
const TASK_BYTES: usize = 64 * 1024;
/// Between two tries to hear of readers, while the session itself is well.
const AGAIN: Duration = Duration::from_secs(2);

/// Serves readers for as long as it is polled. `connect` makes a further connection to the same manager.
pub(crate) async fn serve<C, F>(
    client: DispatcherClient<Channel>,
    session_id: &str,
    logs: &Logs,
    connect: C,
) -> Infallible
where
    C: Fn() -> F,
    F: Future<Output = Result<Channel, String>>,
{
    loop {
        let request = LogRequestsRequest {
            session_id: session_id.to_owned(),
        };
        match client.clone().log_requests(request).await {
            Ok(requests) => answer(requests.into_inner(), session_id, logs, &connect).await,
            // An older manager: nobody reads through it.
            Err(status) if status.code() == Code::Unimplemented => return std::future::pending().await,
            Err(status) => tracing::debug!(%status, "no readers of logs are heard of"),
        }
        sleep(AGAIN).await;
    }
}

/// Until the manager ends the stream of requests.
async fn answer<C, F>(mut requests: Streaming<LogRequest>, session_id: &str, logs: &Logs, connect: &C)
where
    C: Fn() -> F,
    F: Future<Output = Result<Channel, String>>,
{
    let mut open: BTreeMap<String, CancellationToken> = BTreeMap::new();
    let mut sending = FuturesUnordered::new();
    loop {
        tokio::select! {
            request = requests.message() => match request {
                Ok(Some(request)) if request.over => {
                    if let Some(reader) = open.remove(&request.id) {
                        reader.cancel();
                    }
                }
                Ok(Some(request)) => {
                    let over = CancellationToken::new();
                    open.insert(request.id.clone(), over.clone());
                    let (id, reader) = (request.id.clone(), Reader::new(session_id, &request, logs));
                    sending.push(async move {
                        let _ = over.run_until_cancelled(send(connect, reader)).await;
                        id
                    });
                }
                Ok(None) | Err(_) => return,
            },
            Some(id) = sending.next(), if !sending.is_empty() => {
                open.remove(&id);
            }
        }
    }
}

async fn send<C, F>(connect: &C, reader: Reader)
where
    C: Fn() -> F,
    F: Future<Output = Result<Channel, String>>,
{
    match connect().await {
        Ok(channel) => {
            if let Err(status) = dispatcher(channel).publish_logs(reader.batches()).await {
                tracing::debug!(%status, "a reader of logs is gone");
            }
        }
        Err(words) => tracing::debug!(words, "no connection for a reader of logs"),
    }
}

/// One reader, and how far it has come in each log.
struct Reader {
    session_id: String,
    request_id: String,
    follow: bool,
    logs: Vec<Followed>,
    /// The names of session and request are said once.
    is_new: bool,
}

struct Followed {
    task: TaskId,
    log: Arc<Log>,
    next: u64,
    progress: watch::Receiver<Progress>,
}

impl Reader {
    /// Tasks that are not of this worker have nothing to say here.
    fn new(session_id: &str, request: &LogRequest, logs: &Logs) -> Self {
        let followed = request.task_ids.iter().filter_map(|id| {
            let task = TaskId::new(id.clone());
            let log = logs.find(&task)?;
            let progress = log.written();
            let next = log.begin(request.tail, request.since_ms);
            Some(Followed {
                task,
                log,
                next,
                progress,
            })
        });
        Self {
            session_id: session_id.to_owned(),
            request_id: request.id.clone(),
            follow: request.follow,
            logs: followed.collect(),
            is_new: true,
        }
    }

    fn batches(self) -> impl Stream<Item = LogBatch> + Send + 'static {
        unfold(self, |mut reader| async move {
            let batch = reader.batch().await?;
            Some((batch, reader))
        })
    }

    /// The next lines; `None` when there will be no more. Waits for them if that is what is wanted.
    async fn batch(&mut self) -> Option<LogBatch> {
        loop {
            let mut has_ended = true;
            for followed in &mut self.logs {
                // What is written after this look is seen by the next one.
                has_ended &= followed.progress.borrow_and_update().ended;
            }
            let lines = self.lines();
            if !lines.is_empty() || self.is_new {
                return Some(self.named(lines));
            }
            if has_ended || !self.follow {
                return None;
            }
            let waits = self
                .logs
                .iter_mut()
                .filter(|followed| !followed.progress.borrow().ended);
            let waits: Vec<_> = waits.map(|followed| Box::pin(followed.progress.changed())).collect();
            if waits.is_empty() {
                continue;
            }
            // A log that nobody holds any more has ended as well.
            let _ = select_all(waits).await;
        }
    }

    fn lines(&mut self) -> Vec<LogLine> {
        let (mut lines, mut bytes) = (Vec::new(), 0);
        for Followed { task, log, next, .. } in &mut self.logs {
            if bytes >= BATCH_BYTES {
                break;
            }
            let mut read = log.read(*next, TASK_BYTES);
            *next = read.next;
            let mut lost = std::mem::take(&mut read.lost);
            let first = read.next - read.lines.len() as u64;
            for (number, line) in (first + 1..).zip(read.lines) {
                bytes += line.text.len();
                let line = sent(task, &line, std::mem::take(&mut lost));
                lines.push(LogLine { number, ..line });
            }
        }
        lines
    }

    fn named(&mut self, lines: Vec<LogLine>) -> LogBatch {
        let name = |text: &String| if self.is_new { text.clone() } else { String::new() };
        let batch = LogBatch {
            session_id: name(&self.session_id),
            request_id: name(&self.request_id),
            lines,
        };
        self.is_new = false;
        batch
    }
}

fn sent(task: &TaskId, line: &Line, lost: bool) -> LogLine {
    LogLine {
        task_id: task.to_string(),
        at_ms: line.at_ms,
        error: line.stream == Written::Error,
        text: line.text.expose().to_vec(),
        lost,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may stop at the first surprise

    use super::*;

    fn request(follow: bool, tail: Option<u32>) -> LogRequest {
        LogRequest {
            id: "r1".into(),
            task_ids: vec!["t1".into(), "t2".into(), "of-another-worker".into()],
            follow,
            tail,
            ..Default::default()
        }
    }

    fn texts(batch: &LogBatch) -> Vec<String> {
        let text = |line: &LogLine| format!("{} {}", line.task_id, String::from_utf8_lossy(&line.text));
        batch.lines.iter().map(text).collect()
    }

    #[tokio::test]
    async fn what_is_kept_is_sent_and_that_is_all() {
        let logs = Logs::default();
        let (one, two) = (logs.open(&TaskId::new("t1")), logs.open(&TaskId::new("t2")));
        one.write(Written::Output, b"a");
        one.write(Written::Error, b"b");
        two.write(Written::Output, b"c");
        let mut reader = Reader::new("session", &request(false, Some(1)), &logs);
        let batch = reader.batch().await.unwrap();
        assert_eq!(
            (batch.session_id.as_str(), batch.request_id.as_str()),
            ("session", "r1")
        );
        assert_eq!(texts(&batch), ["t1 b", "t2 c"]);
        let numbers: Vec<u64> = batch.lines.iter().map(|line| line.number).collect();
        assert_eq!(numbers, [2, 1], "whoever asks again knows these");
        assert!(batch.lines[0].error && !batch.lines[1].error);
        assert!(reader.batch().await.is_none());
    }

    #[tokio::test]
    async fn a_follower_waits_until_the_task_is_over() {
        let logs = Logs::default();
        let (one, two) = (logs.open(&TaskId::new("t1")), logs.open(&TaskId::new("t2")));
        let mut reader = Reader::new("session", &request(true, None), &logs);
        assert!(
            reader.batch().await.unwrap().lines.is_empty(),
            "it says that it is there"
        );
        two.end();
        let writes = async {
            tokio::task::yield_now().await;
            one.write(Written::Output, b"late");
        };
        let (batch, ()) = tokio::join!(reader.batch(), writes);
        let batch = batch.unwrap();
        assert_eq!(texts(&batch), ["t1 late"]);
        assert_eq!(batch.session_id, "", "said once");
        let ends = async {
            tokio::task::yield_now().await;
            logs.close(&TaskId::new("t1"), &one);
        };
        let (batch, ()) = tokio::join!(reader.batch(), ends);
        assert!(batch.is_none());
    }

    #[tokio::test]
    async fn who_is_too_slow_is_told_what_it_misses() {
        let logs = Logs::default();
        let one = logs.open(&TaskId::new("t1"));
        one.write(Written::Output, b"first");
        let mut reader = Reader::new("session", &request(true, None), &logs);
        reader.batch().await.unwrap();
        for _ in 0..10_000 {
            one.write(Written::Output, b"many");
        }
        let batch = reader.batch().await.unwrap();
        assert!(batch.lines[0].lost);
        assert!(batch.lines[1..].iter().all(|line| !line.lost), "told once");
        assert!(batch.lines.len() > 1000);
        assert_eq!(batch.lines[0].number, 10_001 - 4096 + 1, "those that are gone count");
    }
}
