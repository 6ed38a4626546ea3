//! How do logs get here? One stream, read for as long as somebody looks at it; whatever has come meanwhile is one message.

use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;
use wardroom_api::v1::{LogLine, LogsRequest};
use wardroom_api::{CallError, Client, LogFeed};

use crate::tui::msg::{Msg, Ticket};

/// Lines of one message at most.
const BATCH: usize = 256;

/// Hands lines on until there are no more.
pub async fn read(
    client: &Client,
    out: &mpsc::Sender<Msg>,
    ticket: Ticket,
    request: LogsRequest,
) -> Result<(), CallError> {
    let feed = LogFeed::open(client.clone(), request).await?;
    let lines = stream::unfold(feed, |mut feed| async move {
        let line = feed.line().await?;
        Some((line, feed))
    });
    hand_on(out, ticket, Box::pin(lines)).await
}

/// A console that is busy is waited for: nothing piles up on this side.
async fn hand_on(
    out: &mpsc::Sender<Msg>,
    ticket: Ticket,
    lines: impl futures_util::Stream<Item = Result<LogLine, CallError>> + Unpin,
) -> Result<(), CallError> {
    let mut batches = lines.ready_chunks(BATCH);
    while let Some(batch) = batches.next().await {
        let mut came = Vec::with_capacity(batch.len());
        let mut failure = None;
        for line in batch {
            match line {
                Ok(line) => came.push(line),
                Err(error) => failure = Some(error),
            }
        }
        if !came.is_empty() && out.send(Msg::Logged(ticket, came)).await.is_err() {
            return Ok(());
        }
        if let Some(error) = failure {
            return Err(error);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "it is what a stream gives")]
    fn line(text: &str) -> Result<LogLine, CallError> {
        Ok(LogLine {
            text: text.into(),
            ..LogLine::default()
        })
    }

    async fn read(lines: Vec<Result<LogLine, CallError>>) -> (Vec<usize>, Result<(), CallError>) {
        let (out, mut inbox) = mpsc::channel(8);
        let ended = hand_on(&out, 7, stream::iter(lines)).await;
        drop(out);
        let mut batches = Vec::new();
        while let Some(msg) = inbox.recv().await {
            let Msg::Logged(7, lines) = msg else { panic!("{msg:?}") };
            batches.push(lines.len());
        }
        (batches, ended)
    }

    #[tokio::test]
    async fn what_is_there_already_comes_as_one_message() {
        let (batches, ended) = read((0..300).map(|number| line(&number.to_string())).collect()).await;
        assert_eq!((batches, ended.is_ok()), (vec![256, 44], true));
    }

    #[tokio::test]
    async fn lines_before_a_failure_are_kept() {
        let (batches, ended) = read(vec![line("a"), line("b"), Err(CallError::Unavailable("gone".into()))]).await;
        assert_eq!(batches, [2]);
        assert!(matches!(ended, Err(CallError::Unavailable(_))), "{ended:?}");
    }
}
