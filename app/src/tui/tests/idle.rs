//! The loop itself: drawn once per batch, nothing while idle, ended by the stream's end, a key or a command.

use std::io;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::sync::mpsc;
use tokio::time::Instant;
use wardroom_api::Client;

use crate::tui::Exit;
use crate::tui::effects::Runner;
use crate::tui::event_loop::{EventLoop, now_ms};
use crate::tui::key::Key;
use crate::tui::model::Model;
use crate::tui::msg::Msg;
use crate::tui::signals::Signals;
use crate::tui::terminal::Screen;

#[derive(Default)]
struct Counted {
    draws: usize,
    forgotten: usize,
    copied: Vec<String>,
}

impl Screen for Counted {
    fn size(&self) -> (u16, u16) {
        (120, 40)
    }

    fn draw(&mut self, _model: &Model) -> io::Result<()> {
        self.draws += 1;
        Ok(())
    }

    fn forget(&mut self) -> io::Result<()> {
        self.forgotten += 1;
        Ok(())
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        self.copied.push(text.to_owned());
        Ok(())
    }

    fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn resume(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn run(keys: &str) -> (Counted, Exit) {
    let mut screen = Counted::default();
    let (client, _incoming) = Client::in_memory("embedded");
    let (out, inbox) = mpsc::channel(8);
    let model = Model::new("embedded", false, (80, 24), now_ms());
    let signals = Signals::listen().unwrap();
    let event_loop = EventLoop {
        screen: &mut screen,
        model,
        inbox,
        runner: Runner::new(client, out),
        signals,
        drawn: Instant::now(),
        took: Duration::ZERO,
    };
    let input = stream::iter(Key::script(keys).into_iter().map(|key| Some(Msg::Key(key))));
    let exit = event_loop.run(input.boxed()).await.unwrap();
    (screen, exit)
}

#[tokio::test]
async fn waiting_keys_are_taken_before_one_frame_is_drawn() {
    let (screen, exit) = run("4567812345678j").await;
    // The first frame comes before anything is heard; all keys that wait then share the second.
    assert_eq!(
        (screen.draws, exit),
        (2, Exit::Signal(1)),
        "the stream's end is a hang-up"
    );
}

#[tokio::test]
async fn a_command_quits_and_a_redraw_forgets_the_screen() {
    let (screen, exit) = run("<ctrl-l>:q<enter>jjj").await;
    assert_eq!((screen.forgotten, exit), (1, Exit::Quit));
}

#[tokio::test]
async fn an_idle_console_draws_once() {
    let mut screen = Counted::default();
    let (client, _incoming) = Client::in_memory("embedded");
    let (out, inbox) = mpsc::channel(8);
    let model = Model::new("embedded", false, (80, 24), now_ms());
    let signals = Signals::listen().unwrap();
    let event_loop = EventLoop {
        screen: &mut screen,
        model,
        inbox,
        runner: Runner::new(client, out),
        signals,
        drawn: Instant::now(),
        took: Duration::ZERO,
    };
    let idle = event_loop.run(stream::pending());
    assert!(
        tokio::time::timeout(Duration::from_millis(300), idle).await.is_err(),
        "it waits"
    );
    assert_eq!(screen.draws, 1);
}
