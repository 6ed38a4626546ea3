//! The console: what is otherwise invisible, on a full screen.
//!
//! ```text
//! keys, paste, resize (input) --\                          /-> effects -> Control API --\
//! watch stream        (feed)  ---+-> Msg -> update -> Effect                             +-> Msg
//! signals                     --/             |            \-> files, clipboard ---------/
//!                                           Model -> view -> frame
//! ```
//!
//! `key`, `keymap`, `model`, `update`, `wizard`, `widgets` and `view` are pure: no clock, no task, no file. `feed`,
//! `effects`, `input`, `terminal`, `signals` and `event_loop` do what must be done.

mod effects;
mod event_loop;
mod feed;
mod input;
mod key;
mod keymap;
mod model;
mod msg;
mod secret_input;
mod signals;
mod terminal;
mod theme;
mod update;
mod view;
mod widgets;
mod wizard;

#[cfg(test)]
mod tests;

use std::io;
use std::time::Duration;

use crossterm::event::EventStream;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::time::Instant;
use wardroom_api::Client;

use effects::Runner;
use event_loop::{EventLoop, now_ms};
use model::Model;
use signals::Signals;
use terminal::{Screen, TerminalScreen};
use theme::{Glyphs, Theme};

/// Messages from feed and effects that may wait.
const INBOX: usize = 256;

/// How the console starts.
#[derive(Clone, Debug, Default)]
pub struct TuiOptions {
    /// Keys that change the cluster are off, and `:rw` is refused.
    pub read_only: bool,
    /// ASCII glyphs whatever the terminal says.
    pub ascii: bool,
    /// What the connection is called beside its address: the context.
    pub label: Option<String>,
    /// Who the session is there by its certificate; `None` on a socket.
    pub myself: Option<Myself>,
}

/// An operator's own certificate, as far as it matters here. A viewer's console is read-only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Myself {
    /// The operator's id; the name that goes with it is in the cluster.
    pub id: String,
    /// `viewer`, `operator` or `admin`.
    pub role: &'static str,
}

/// Why the console ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Quit,
    /// By a signal: the program exits with 128 and this number.
    Signal(i32),
}

#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    #[error("there is no terminal for the console; use the commands instead, `wardroom --help` lists them")]
    NoTerminal,
    #[error("the terminal failed; the cluster goes on, start the console again")]
    Terminal(#[source] io::Error),
}

/// Shows the console on the program's terminal until the user or a signal ends it. The terminal is as before when this
/// returns. Must be called within a tokio runtime.
pub async fn run(client: Client, options: TuiOptions) -> Result<Exit, TuiError> {
    if !terminal::is_usable() {
        return Err(TuiError::NoTerminal);
    }
    let theme = Theme {
        mono: std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
    };
    let glyphs = Glyphs::chosen(options.ascii || ascii_terminal());
    // Before the size is read: none that comes later is missed.
    let signals = Signals::listen().map_err(TuiError::Terminal)?;
    let mut screen = TerminalScreen::take(theme, glyphs).map_err(TuiError::Terminal)?;
    let address = reached(options.label.as_deref(), client.address());
    let model = Model::new(&address, options.read_only, screen.size(), now_ms()).known_as(options.myself);
    let (out, inbox) = mpsc::channel(INBOX);
    let runner = Runner::new(client.clone(), out.clone());
    let feed = feed::start(client, out, runner.hurry());
    // An error of one read is passed over; a terminal that is gone ends the stream.
    let input = EventStream::new().map(|event| event.ok().and_then(input::message));
    let event_loop = EventLoop {
        screen: &mut screen,
        model,
        inbox,
        runner,
        signals,
        drawn: Instant::now(),
        took: Duration::ZERO,
    };
    let ended = event_loop.run(input).await;
    feed.abort();
    drop(screen);
    ended.map_err(TuiError::Terminal)
}

/// `prod at wardroom://10.0.0.1:2377`, or the address alone.
fn reached(label: Option<&str>, address: &str) -> String {
    match label {
        Some(label) => format!("{label} at {address}"),
        None => address.to_owned(),
    }
}

fn ascii_terminal() -> bool {
    let term = std::env::var("TERM").ok();
    let locales = ["LC_ALL", "LC_CTYPE", "LANG"].map(|name| std::env::var(name).ok());
    theme::wants_ascii(
        term.as_deref(),
        [locales[0].as_deref(), locales[1].as_deref(), locales[2].as_deref()],
    )
}
