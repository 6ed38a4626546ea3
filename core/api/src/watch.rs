//! How does a screen, or a test, stay up to date? A feed that opens the watch stream, hands on what it says, and when
//! the stream breaks says so and opens it again where it left off. It never ends and never guesses.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Streaming};

use crate::call_error::CallError;
use crate::channel::{CALL_DEADLINE, within};
use crate::client::Client;
use crate::v1::{Kind, WatchMessage, WatchRequest, watch_message};

const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(3);

/// What a feed says.
#[derive(Clone, Debug, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "one exists at a time, and nearly all are messages"
)]
pub enum FeedEvent {
    /// The stream is open; messages follow. What was known before stays true up to its index.
    Connected,
    Message(WatchMessage),
    /// The stream broke or could not be opened. It is tried again by itself, after a growing pause.
    Lost(CallError),
}

/// A watch that survives its connections. A [`Stream`] of [`FeedEvent`]s without end; dropping it closes the watch.
pub struct WatchFeed {
    client: Client,
    kinds: Vec<i32>,
    managers: bool,
    resume_index: u64,
    backoff: Duration,
    stage: Stage,
}

type Opening = Pin<Box<dyn Future<Output = Result<Streaming<WatchMessage>, CallError>> + Send>>;

enum Stage {
    Idle,
    Opening(Opening),
    Open(Box<Streaming<WatchMessage>>),
    Waiting(Pin<Box<Sleep>>),
}

impl WatchFeed {
    /// Everything: all kinds and the managers' status, from a snapshot on.
    pub fn everything(client: Client) -> Self {
        Self::new(client, &[], true)
    }

    /// Objects of these kinds (none: all), and the managers' status if wanted, from a snapshot on.
    pub fn new(client: Client, kinds: &[Kind], managers: bool) -> Self {
        let kinds = kinds.iter().map(|&kind| kind.into()).collect();
        Self {
            client,
            kinds,
            managers,
            resume_index: 0,
            backoff: BACKOFF_MIN,
            stage: Stage::Idle,
        }
    }

    /// Continues after a view that was built earlier, instead of with a snapshot.
    #[must_use]
    pub fn resume_from(mut self, index: u64) -> Self {
        self.resume_index = index;
        self
    }

    /// The next event. Safe to drop and call again: nothing is lost.
    pub async fn event(&mut self) -> FeedEvent {
        self.next().await.expect("a feed's stream has no end")
    }

    /// Ends the pause before the next try: whoever calls knows that somebody answers again.
    pub fn hurry(&mut self) {
        self.backoff = BACKOFF_MIN;
        if let Stage::Waiting(_) = self.stage {
            self.stage = Stage::Idle;
        }
    }

    fn open(&self) -> Opening {
        let mut control = self.client.control();
        let request = WatchRequest {
            resume_index: self.resume_index,
            kinds: self.kinds.clone(),
            managers: self.managers,
        };
        // The deadline bounds the opening; in the metadata it would end the stream.
        Box::pin(async move { within(CALL_DEADLINE, control.watch(Request::new(request))).await })
    }

    fn lose(&mut self, reason: CallError) -> FeedEvent {
        self.stage = Stage::Waiting(Box::pin(tokio::time::sleep(self.backoff)));
        self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
        FeedEvent::Lost(reason)
    }

    /// Only objects move the index: a manager's status may run ahead of the changes still to come.
    fn note(&mut self, message: &WatchMessage) {
        self.backoff = BACKOFF_MIN;
        if let Some(watch_message::Body::Snapshot(_) | watch_message::Body::Changes(_)) = message.body {
            self.resume_index = message.index;
        }
    }
}

impl Stream for WatchFeed {
    type Item = FeedEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<FeedEvent>> {
        loop {
            match &mut self.stage {
                Stage::Idle => self.stage = Stage::Opening(self.open()),
                Stage::Opening(opening) => match std::task::ready!(opening.as_mut().poll(cx)) {
                    Ok(stream) => {
                        self.stage = Stage::Open(Box::new(stream));
                        return Poll::Ready(Some(FeedEvent::Connected));
                    }
                    Err(reason) => return Poll::Ready(Some(self.lose(reason))),
                },
                Stage::Open(stream) => match std::task::ready!(Pin::new(stream.as_mut()).poll_next(cx)) {
                    Some(Ok(message)) => {
                        self.note(&message);
                        return Poll::Ready(Some(FeedEvent::Message(message)));
                    }
                    Some(Err(status)) => return Poll::Ready(Some(self.lose(status.into()))),
                    None => {
                        let reason = CallError::Unavailable("the manager closed the watch".into());
                        return Poll::Ready(Some(self.lose(reason)));
                    }
                },
                Stage::Waiting(pause) => {
                    std::task::ready!(pause.as_mut().poll(cx));
                    self.stage = Stage::Idle;
                }
            }
        }
    }
}
