//! Who takes what a container prints? This worker, attached to it, so that it goes to no log driver of the engine.

use std::pin::Pin;
use std::sync::Arc;

use bollard::container::LogOutput;
use bollard::errors::Error;
use futures_util::{Stream as Sequence, StreamExt};

use crate::output::{Lines, Log, Stream};

pub(super) type Output = Pin<Box<dyn Sequence<Item = Result<LogOutput, Error>> + Send>>;

/// Takes everything until the container has ended or the engine is gone.
pub(super) async fn follow(mut output: Output, log: Arc<Log>) {
    let (mut out, mut err) = (Lines::default(), Lines::default());
    while let Some(Ok(chunk)) = output.next().await {
        let (lines, stream) = match &chunk {
            LogOutput::StdErr { .. } => (&mut err, Stream::Error),
            _ => (&mut out, Stream::Output),
        };
        lines.feed(chunk.as_ref(), |line| log.write(stream, line));
    }
    out.end(|line| log.write(Stream::Output, line));
    err.end(|line| log.write(Stream::Error, line));
}
