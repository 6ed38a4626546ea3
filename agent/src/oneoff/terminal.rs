//! Is this process at a terminal, and how is it handed to a container? As it is, key by key; and given back in any case.

use std::io::Read;

use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::mpsc;

/// What is typed and not yet taken.
const PIECES: usize = 16;
const PIECE_BYTES: usize = 4096;

/// Whether input and output are a terminal.
pub(super) fn is_one() -> bool {
    isatty(stdin()) && isatty(stdout())
}

/// Its columns and lines.
pub(super) fn size() -> Option<(i32, i32)> {
    let size = tcgetwinsize(stdout()).ok()?;
    Some((i32::from(size.ws_col), i32::from(size.ws_row)))
}

/// A terminal that passes every key on. Gives it back as it was when it is dropped.
pub(super) struct RawTerminal(Termios);

impl RawTerminal {
    pub(super) fn take() -> Option<Self> {
        let before = tcgetattr(stdin()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Drain, &raw).ok()?;
        Some(Self(before))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Drain, &self.0);
    }
}

/// This process's input, until its end. A read of it cannot be called off: the thread ends with the process.
pub(super) fn typed() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(PIECES);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        loop {
            let mut piece = vec![0; PIECE_BYTES];
            match input.read(&mut piece) {
                Ok(0) | Err(_) => return,
                Ok(read) => piece.truncate(read),
            }
            if sender.blocking_send(piece).is_err() {
                return;
            }
        }
    });
    receiver
}
