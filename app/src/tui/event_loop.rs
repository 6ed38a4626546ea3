//! When does anything happen? On events only: the loop waits, takes everything that is waiting, and draws once if
//! something has changed; at once after a key, a few times a second while the cluster moves. Idle costs nothing.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::Exit;
use super::effects::Runner;
use super::model::{Dirty, Model};
use super::msg::{Effect, Msg};
use super::signals::{Signal, Signals};
use super::terminal::Screen;
use super::update::update;

/// Between two frames that nobody's key asked for.
const BACKGROUND_PAUSE: Duration = Duration::from_millis(100);
/// Messages that are taken between two looks at whether a frame is due.
const AT_ONCE: usize = 512;
/// Of the time at most one part in so many goes into such frames, however large the cluster is.
const BACKGROUND_SHARE: u32 = 8;

/// Unix milliseconds by this machine's clock: for ages and guards, never for decisions of the cluster.
pub fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

pub struct EventLoop<'a, S> {
    pub screen: &'a mut S,
    pub model: Model,
    pub inbox: mpsc::Receiver<Msg>,
    pub runner: Runner,
    pub signals: Signals,
    pub drawn: Instant,
    /// What the last frame took.
    pub took: Duration,
}

impl<S: Screen> EventLoop<'_, S> {
    /// Runs until the user or a signal ends it, or the terminal is gone.
    pub async fn run(mut self, mut input: impl Stream<Item = Option<Msg>> + Unpin) -> io::Result<Exit> {
        loop {
            self.draw_if_due()?;
            let (tick, frame) = self.deadlines();
            let first = tokio::select! {
                biased;
                signal = self.signals.next() => match signal {
                    Signal::Continue => {
                        self.screen.resume()?;
                        Some(Msg::Resumed)
                    }
                    Signal::Resized => {
                        let (width, height) = self.screen.size();
                        Some(Msg::Resize(width, height))
                    }
                    Signal::End(number) => return Ok(Exit::Signal(number)),
                },
                event = input.next() => match event {
                    Some(msg) => msg,
                    // The terminal hung up.
                    None => return Ok(Exit::Signal(1)),
                },
                msg = self.inbox.recv() => msg,
                () = sleep_until(frame.unwrap_or_else(Instant::now)), if frame.is_some() => None,
                () = sleep_until(tick.unwrap_or_else(Instant::now)), if tick.is_some() => Some(Msg::Tick),
            };
            if let Some(exit) = first.map_or(Ok(None), |msg| self.take(msg))? {
                return Ok(exit);
            }
            // Everything that waits is taken before anything is drawn, keys first; but a task that floods its log must not
            // keep the screen from being drawn.
            for _ in 0..AT_ONCE {
                let Some(msg) = waiting(&mut input).await.or_else(|| self.inbox.try_recv().ok()) else {
                    break;
                };
                if let Some(exit) = self.take(msg)? {
                    return Ok(exit);
                }
            }
        }
    }

    fn draw_if_due(&mut self) -> io::Result<()> {
        let due = match self.model.dirty {
            Dirty::No => false,
            Dirty::Background => self.drawn.elapsed() >= self.pause(),
            Dirty::Now => true,
        };
        if due {
            let begun = Instant::now();
            self.model.settle();
            self.model.dirty = Dirty::No;
            self.screen.draw(&self.model)?;
            self.drawn = Instant::now();
            self.took = self.drawn - begun;
        }
        Ok(())
    }

    /// Before the next frame that nobody's key asks for.
    fn pause(&self) -> Duration {
        BACKGROUND_PAUSE.max(self.took * BACKGROUND_SHARE)
    }

    /// When an age or a countdown on the screen changes, and when a frame that waits may be drawn.
    fn deadlines(&self) -> (Option<Instant>, Option<Instant>) {
        let frame = (self.model.dirty == Dirty::Background).then(|| self.drawn + self.pause());
        let now = now_ms();
        let tick = self.model.next_change_ms(now).map(|at| {
            let until = u64::try_from(at.saturating_sub(now)).unwrap_or(0);
            Instant::now() + Duration::from_millis(until)
        });
        (tick, frame)
    }

    fn take(&mut self, msg: Msg) -> io::Result<Option<Exit>> {
        for effect in update(&mut self.model, now_ms(), msg) {
            match effect {
                Effect::Call(ticket, call) => self.runner.call(ticket, call),
                Effect::ReadFile(ticket, path) => self.runner.read_file(ticket, path),
                Effect::ReadLogs(ticket, request) => self.runner.read_logs(ticket, request),
                Effect::StopLogs => self.runner.stop_logs(),
                Effect::Copy(text) => self.screen.copy(&text)?,
                Effect::Reconnect => self.runner.reconnect(),
                Effect::Redraw => {
                    self.screen.forget()?;
                    self.model.wants_frame(Dirty::Now);
                }
                Effect::Suspend => {
                    self.screen.suspend()?;
                    self.model.wants_frame(Dirty::Now);
                }
                Effect::Quit => return Ok(Some(Exit::Quit)),
            }
        }
        Ok(None)
    }
}

/// An event that is there already. It is asked for in this task's own name: crossterm's stream remembers the first waker
/// it is polled with, and one that wakes nobody would leave every later key unheard.
async fn waiting(input: &mut (impl Stream<Item = Option<Msg>> + Unpin)) -> Option<Msg> {
    poll_fn(|context| match input.poll_next_unpin(context) {
        Poll::Ready(event) => Poll::Ready(event.flatten()),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
