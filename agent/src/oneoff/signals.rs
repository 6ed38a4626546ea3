//! Which signals does a container get that this process gets?

use std::task::Poll;

use futures_util::future::poll_fn;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What this process was told.
pub(super) enum Told {
    /// The terminal has another size.
    Resized,
    /// By this name the engine knows it.
    Signal(&'static str),
}

pub(super) struct Signals {
    resized: Signal,
    passed_on: Vec<(Signal, &'static str)>,
}

impl Signals {
    /// From now on they no longer do to this process what they usually do.
    pub(super) fn new() -> std::io::Result<Self> {
        let passed_on = [
            (SignalKind::interrupt(), "SIGINT"),
            (SignalKind::terminate(), "SIGTERM"),
            (SignalKind::hangup(), "SIGHUP"),
            (SignalKind::quit(), "SIGQUIT"),
            (SignalKind::user_defined1(), "SIGUSR1"),
            (SignalKind::user_defined2(), "SIGUSR2"),
        ];
        let listen = |(kind, name)| Ok((signal(kind)?, name));
        Ok(Self {
            resized: signal(SignalKind::window_change())?,
            passed_on: passed_on.into_iter().map(listen).collect::<std::io::Result<_>>()?,
        })
    }

    pub(super) async fn next(&mut self) -> Told {
        poll_fn(|context| {
            for (signal, name) in &mut self.passed_on {
                if let Poll::Ready(Some(())) = signal.poll_recv(context) {
                    return Poll::Ready(Told::Signal(name));
                }
            }
            self.resized.poll_recv(context).map(|_| Told::Resized)
        })
        .await
    }
}
