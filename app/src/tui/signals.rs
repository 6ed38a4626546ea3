//! Which signals end, resume or resize the console? A dropped SSH session is a SIGHUP; by default all that end it would
//! leave the terminal in raw mode.

use std::io;

use tokio::signal::unix::{self, SignalKind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The process continues after it was stopped.
    Continue,
    /// The terminal may have another size.
    Resized,
    /// End, with this signal's number.
    End(i32),
}

pub struct Signals {
    terminate: unix::Signal,
    hangup: unix::Signal,
    interrupt: unix::Signal,
    quit: unix::Signal,
    resume: unix::Signal,
    resize: unix::Signal,
}

/// SIGCONT has no name in tokio.
const CONTINUE: i32 = rustix::process::Signal::CONT.as_raw();

impl Signals {
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: unix::signal(SignalKind::terminate())?,
            hangup: unix::signal(SignalKind::hangup())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            quit: unix::signal(SignalKind::quit())?,
            resume: unix::signal(SignalKind::from_raw(CONTINUE))?,
            resize: unix::signal(SignalKind::window_change())?,
        })
    }

    /// The next signal. Safe to drop and call again.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Signal::End(15),
            _ = self.hangup.recv() => Signal::End(1),
            _ = self.interrupt.recv() => Signal::End(2),
            _ = self.quit.recv() => Signal::End(3),
            _ = self.resume.recv() => Signal::Continue,
            _ = self.resize.recv() => Signal::Resized,
        }
    }
}
