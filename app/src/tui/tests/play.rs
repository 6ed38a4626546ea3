//! How is a script of keys played? On a model with the hand-made cluster, with a clock that the script moves, and drawn
//! into a `TestBackend`.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use wardroom_api::v1::{WatchMessage, watch_message};
use wardroom_api::{CallError, ClusterView, FeedEvent};

use super::fixture::{NOW, cluster};
use crate::tui::key::Key;
use crate::tui::model::{Link, Model};
use crate::tui::msg::{Answer, Call, Effect, Msg, Pasted, Ticket};
use crate::tui::theme::{Glyphs, Theme};
use crate::tui::update::update;
use crate::tui::view;

/// Between two keys of a script: longer than the guard of a dialog.
const KEY_MS: i64 = 400;

pub struct Play {
    pub model: Model,
    /// Everything that was asked for, oldest first.
    pub effects: Vec<Effect>,
    pub now_ms: i64,
    pub ascii: bool,
}

/// A live console on the hand-made cluster, 80x24, ASCII, after these keys.
pub fn play(keys: &str) -> Play {
    sized((80, 24), keys)
}

pub fn sized(size: (u16, u16), keys: &str) -> Play {
    let mut play = empty(size);
    play.show(cluster());
    play.keys(keys);
    play
}

/// A console that has heard nothing yet.
pub fn empty(size: (u16, u16)) -> Play {
    Play {
        model: Model::new("unix:///run/w.sock", false, size, NOW),
        effects: Vec::new(),
        now_ms: NOW,
        ascii: true,
    }
}

impl Play {
    pub fn show(&mut self, view: ClusterView) {
        self.model.cluster = view;
        self.model.link = Link::Live;
        self.model.attached = Some("id-mgr-1".into());
        self.model.rows_stale = true;
        self.model.settle();
    }

    pub fn send(&mut self, msg: Msg) -> &mut Self {
        let effects = update(&mut self.model, self.now_ms, msg);
        self.effects.extend(effects);
        self
    }

    pub fn keys(&mut self, script: &str) -> &mut Self {
        for key in Key::script(script) {
            self.now_ms += KEY_MS;
            self.send(Msg::Key(key));
        }
        self
    }

    /// Keys without time between them.
    pub fn burst(&mut self, script: &str) -> &mut Self {
        for key in Key::script(script) {
            self.send(Msg::Key(key));
        }
        self
    }

    pub fn paste(&mut self, text: &str) -> &mut Self {
        self.now_ms += KEY_MS;
        self.send(Msg::Paste(Pasted::new(text.as_bytes().to_vec())))
    }

    pub fn feed(&mut self, body: watch_message::Body, index: u64) -> &mut Self {
        let message = WatchMessage {
            index,
            body: Some(body),
        };
        self.send(Msg::Feed(Box::new(FeedEvent::Message(message))))
    }

    /// Answers the call that was asked for last.
    pub fn answer(&mut self, answer: Result<Answer, CallError>) -> &mut Self {
        let ticket = self.last_call().0;
        self.now_ms += KEY_MS;
        self.send(Msg::Answered(ticket, answer))
    }

    pub fn last_call(&self) -> (Ticket, &Call) {
        let calls = self.effects.iter().rev().filter_map(|effect| match effect {
            Effect::Call(ticket, call) => Some((*ticket, call)),
            _ => None,
        });
        calls.into_iter().next().unwrap()
    }

    pub fn calls(&self) -> usize {
        self.effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Call(..)))
            .count()
    }

    pub fn buffer(&mut self) -> Buffer {
        self.model.settle();
        let (width, height) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let glyphs = Glyphs::chosen(self.ascii);
        terminal
            .draw(|frame| {
                if let Some(cursor) = view::draw(&self.model, frame.buffer_mut(), Theme::default(), glyphs) {
                    frame.set_cursor_position(cursor);
                }
            })
            .unwrap();
        terminal.backend().buffer().clone()
    }

    /// The screen as text, without trailing spaces.
    pub fn screen(&mut self) -> String {
        text(&self.buffer())
    }

    pub fn shows(&mut self, words: &str) {
        let screen = self.screen();
        assert!(screen.contains(words), "no '{words}' in\n{screen}");
    }
}

pub fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width).max(1);
    let line = |cells: &[ratatui::buffer::Cell]| {
        cells
            .iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect::<String>()
            .trim_end()
            .to_owned()
    };
    buffer.content().chunks(width).map(line).collect::<Vec<_>>().join("\n")
}
