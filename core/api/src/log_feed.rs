//! How does a reader of logs go on when its stream breaks? It asks again, behind the newest line that it has had of each
//! task: a leader that steps down, or a worker that is away for a while, costs no line and shows none twice.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tonic::{Request, Streaming};

use crate::call_error::{CallError, CallKind};
use crate::channel::{CALL_DEADLINE, within};
use crate::client::Client;
use crate::v1::{LogLine, LogsRequest};

const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(3);
/// How long it is tried for before the reader is told.
const PATIENCE: Duration = Duration::from_secs(30);

/// The lines of a request, in the order in which they come. One that does not follow breaks with its stream.
pub struct LogFeed {
    client: Client,
    request: LogsRequest,
    lines: Streaming<LogLine>,
    /// The newest line of each task, by the task's id.
    had: BTreeMap<String, Had>,
    backoff: Duration,
}

struct Had {
    number: u64,
    at_ms: i64,
}

impl LogFeed {
    /// Begins to read. What keeps it from beginning is told at once.
    pub async fn open(client: Client, request: LogsRequest) -> Result<Self, CallError> {
        Ok(Self {
            lines: ask(&client, request.clone()).await?,
            client,
            request,
            had: BTreeMap::new(),
            backoff: BACKOFF_MIN,
        })
    }

    /// The next line; `None` when there will be no more. After an error there is none either.
    pub async fn line(&mut self) -> Option<Result<LogLine, CallError>> {
        loop {
            let error = match self.lines.message().await {
                Ok(Some(line)) if self.is_new(&line) => return Some(Ok(line)),
                Ok(Some(_)) => continue,
                Ok(None) => return None,
                Err(status) => CallError::from(status),
            };
            match self.again(error).await {
                Ok(()) => {}
                Err(error) if error.kind() == CallKind::NotFound && !self.had.is_empty() => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }

    fn is_new(&mut self, line: &LogLine) -> bool {
        if line.number == 0 {
            return true;
        }
        let newest = self.had.get(&line.task_id).map_or(0, |had| had.number);
        if line.number > newest {
            let (number, at_ms) = (line.number, line.at_ms);
            self.had.insert(line.task_id.clone(), Had { number, at_ms });
            self.backoff = BACKOFF_MIN;
        }
        line.number > newest
    }

    /// Opens the stream again, unless what broke it will not pass.
    async fn again(&mut self, mut error: CallError) -> Result<(), CallError> {
        let until = Instant::now() + PATIENCE;
        while self.request.follow && passes(&error) && Instant::now() < until {
            sleep(self.backoff).await;
            self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
            match ask(&self.client, self.rest()).await {
                Ok(lines) => {
                    self.lines = lines;
                    return Ok(());
                }
                Err(refused) => error = refused,
            }
        }
        Err(error)
    }

    /// What has not come yet, and a little of what has: only whole logs can be asked for from a moment on.
    fn rest(&self) -> LogsRequest {
        let mut request = self.request.clone();
        if let Some(oldest) = self.had.values().map(|had| had.at_ms).min() {
            request.since_ms = oldest;
            request.tail = None;
        }
        request
    }
}

async fn ask(client: &Client, request: LogsRequest) -> Result<Streaming<LogLine>, CallError> {
    let mut control = client.control();
    // The deadline bounds the opening; in the metadata it would end the stream.
    within(CALL_DEADLINE, control.logs(Request::new(request))).await
}

/// An election, a step-down, a manager or a worker that is away for a moment.
fn passes(error: &CallError) -> bool {
    matches!(
        error.kind(),
        CallKind::NoQuorum | CallKind::Unavailable | CallKind::Socket | CallKind::Timeout
    )
}
