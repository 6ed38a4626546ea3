//! Who takes what a process writes? A reader that never waits for anybody.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt};
use wardroom_keys::SecretBytes;

use super::{Lines, Log, Stream};

const READ_BYTES: usize = 8 * 1024;

/// Takes everything until the last writer is gone.
pub(crate) async fn drain(mut from: impl AsyncRead + Unpin, log: Arc<Log>, stream: Stream) {
    let mut lines = Lines::default();
    loop {
        // Fresh for each read and wiped after it: what a program prints may be what it must not.
        let mut buffer = vec![0; READ_BYTES];
        let read = from.read(&mut buffer).await;
        let buffer = SecretBytes::new(buffer);
        match read {
            Ok(0) | Err(_) => break,
            Ok(read) => lines.feed(&buffer.expose()[..read], |line| log.write(stream, line)),
        }
    }
    lines.end(|line| log.write(stream, line));
}
