//! Which signals does a run pass on? All that can be caught and mean something to the program; what the kernel sends about
//! the run's own children or pipes does not.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::report::Report;

/// HUP, INT, QUIT, USR1, USR2, ALRM, TERM, CONT, WINCH.
const PASSED_ON: [i32; 9] = [1, 2, 3, 10, 12, 14, 15, 18, 28];
const CONT: i32 = 18;
const WINCH: i32 = 28;

/// Signals as they come, by number.
pub struct Signals {
    incoming: mpsc::UnboundedReceiver<i32>,
    _listeners: Vec<tokio::task::AbortHandle>,
}

impl Signals {
    /// From now on none of them ends this process.
    pub fn begin() -> Result<Self, Report> {
        let (sender, incoming) = mpsc::unbounded_channel();
        let mut listeners = Vec::new();
        for number in PASSED_ON {
            let listener = signal(SignalKind::from_raw(number))
                .map_err(|error| Report::failure(format!("cannot listen for signal {number}: {error}")))?;
            listeners.push(tokio::spawn(listen(listener, number, sender.clone())).abort_handle());
        }
        Ok(Self {
            incoming,
            _listeners: listeners,
        })
    }

    /// The next one that asks for an end, while there is no program to pass signals on to.
    pub async fn next(&mut self) -> i32 {
        loop {
            let number = self.any().await;
            if number != CONT && number != WINCH {
                return number;
            }
        }
    }

    /// The next one of any kind.
    pub async fn any(&mut self) -> i32 {
        match self.incoming.recv().await {
            Some(number) => number,
            None => std::future::pending().await,
        }
    }
}

async fn listen(mut signal: Signal, number: i32, sender: mpsc::UnboundedSender<i32>) {
    while signal.recv().await.is_some() && sender.send(number).is_ok() {}
}

/// As a shell tells it.
pub fn exit_code(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}
