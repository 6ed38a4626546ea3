//! What goes out to the terminal? Every byte, counted: the console is used over slow lines, and a cluster's names must
//! not become sequences that a terminal obeys.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

use futures_util::stream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use wardroom_api::Client;

use super::play::{Play, play};
use crate::tui::effects::Runner;
use crate::tui::event_loop::{EventLoop, now_ms};
use crate::tui::model::{Dirty, Model};
use crate::tui::signals::Signals;
use crate::tui::terminal::{Screen, TerminalScreen};
use crate::tui::theme::Glyphs;

const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

#[derive(Clone, Default)]
struct Wire(Rc<RefCell<Vec<u8>>>);

impl Wire {
    fn take(&self) -> Vec<u8> {
        self.0.take()
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A screen over a wire, and the bytes of each frame that is drawn on it.
struct Line {
    wire: Wire,
    screen: TerminalScreen<Wire>,
}

impl Line {
    fn of(play: &Play, glyphs: Glyphs) -> Self {
        let wire = Wire::default();
        let screen = TerminalScreen::elsewhere(wire.clone(), play.model.size, glyphs).unwrap();
        Self { wire, screen }
    }

    fn frame(&mut self, play: &mut Play) -> Vec<u8> {
        play.model.settle();
        self.screen.draw(&play.model).unwrap();
        self.wire.take()
    }
}

#[test]
fn frames_stay_within_their_budgets() {
    for glyphs in [Glyphs::ASCII, Glyphs::chosen(false)] {
        let mut play = play("4");
        let mut line = Line::of(&play, glyphs);
        let full = line.frame(&mut play).len();
        let unchanged = line.frame(&mut play).len();
        play.keys("j");
        let step = line.frame(&mut play).len();
        play.keys("/p");
        let typed = line.frame(&mut play).len();
        assert!((1000..=4096).contains(&full), "a full paint has {full} bytes");
        assert!(unchanged <= 64, "an unchanged frame has {unchanged} bytes");
        assert!(step <= 400, "a step of the selection has {step} bytes");
        assert!(typed <= 1200, "a filter's first letter has {typed} bytes");
    }
}

#[test]
fn every_frame_is_one_synchronized_update() {
    let mut play = play("");
    let mut line = Line::of(&play, Glyphs::ASCII);
    for keys in ["1", "2", "4", "j", "<enter>", "7", ":", "rot", "<esc>", "?"] {
        play.keys(keys);
        let bytes = line.frame(&mut play);
        assert!(bytes.starts_with(BEGIN) && bytes.ends_with(END), "{keys}");
        assert_eq!(
            bytes.windows(BEGIN.len()).filter(|part| *part == BEGIN).count(),
            1,
            "{keys}"
        );
    }
}

/// The sequences in a frame are the library's: places, colours, the cursor, modes. Nothing else begins with ESC.
fn assert_only_drawing(bytes: &[u8], what: &str) {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let mut parts = text.split('\x1b');
    let unescaped = parts.next().unwrap_or_default();
    let mut shown = unescaped.to_owned();
    for part in parts {
        let rest = part.strip_prefix('[').unwrap_or_else(|| panic!("{what}: {part:?}"));
        let end = rest
            .find(|c: char| c.is_ascii_alphabetic())
            .unwrap_or_else(|| panic!("{what}: {part:?}"));
        assert!("Hmhl".contains(&rest[end..=end]), "{what}: {part:?}");
        shown.push_str(&rest[end + 1..]);
    }
    let acted_upon = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || c == '\u{200b}';
    assert!(!shown.contains(acted_upon), "{what}: {shown:?}");
}

#[test]
fn no_name_sends_a_sequence_of_its_own() {
    let hostile = "evil\x1b[2J\x1b]0;owned\x07\u{202e}txt\u{200b}\u{9b}31m\r\n";
    for keys in [
        "1",
        "2",
        "2s",
        "3",
        "3o",
        "4",
        "4<enter>",
        "4d",
        "5",
        "5m",
        "6",
        "6<enter>",
        "6t",
        "6D",
        "7",
        "7d",
        "8",
        "4r",
        ":rotate ",
        ":node rm ",
    ] {
        let mut play = play("");
        let view = &mut play.model.cluster;
        view.secrets
            .values_mut()
            .for_each(|secret| secret.name = hostile.into());
        view.nodes.values_mut().for_each(|node| node.hostname = hostile.into());
        view.holdings
            .values_mut()
            .for_each(|holding| holding.target = hostile.into());
        view.tasks.values_mut().for_each(|task| task.message = hostile.into());
        view.audit.values_mut().for_each(|record| record.actor = hostile.into());
        view.lost_managers.insert("id-mgr-3".into(), hostile.into());
        play.model.say(crate::tui::model::Level::Bad, hostile);
        play.model.rows_stale = true;
        play.keys(keys);
        let frame = Line::of(&play, Glyphs::chosen(false)).frame(&mut play);
        assert_only_drawing(&frame, keys);
    }
}

#[test]
fn a_hidden_token_is_overwritten_and_never_sent_again() {
    let mut play = play("6t<enter>y");
    let token = wardroom_api::v1::Confidential::new(b"SWMTKN-1-c4n4ry".to_vec());
    play.answer(Ok(crate::tui::msg::Answer::JoinToken(
        wardroom_api::v1::JoinTokenResponse {
            token: Some(token),
            ..Default::default()
        },
    )));
    let mut line = Line::of(&play, Glyphs::ASCII);
    let sent = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains("c4n4ry");
    assert!(sent(&line.frame(&mut play)));
    let counted = line.frame(&mut play);
    assert!(
        !sent(&counted) && counted.len() <= 64,
        "a second costs {} bytes",
        counted.len()
    );
    play.keys("<esc>");
    assert!(!sent(&line.frame(&mut play)));
    line.screen.forget().unwrap();
    assert!(!sent(&line.frame(&mut play)), "a full repaint does not know it either");
}

#[test]
fn a_model_that_rests_asks_for_no_frame() {
    let mut play = play("4j");
    let mut line = Line::of(&play, Glyphs::ASCII);
    line.frame(&mut play);
    play.model.dirty = Dirty::No;
    play.model.settle();
    line.screen.draw(&play.model).unwrap();
    assert_eq!(play.model.dirty, Dirty::No, "the loop draws only what is dirty");
}

#[tokio::test]
async fn an_idle_console_sends_nothing() {
    let wire = Wire::default();
    let mut screen = TerminalScreen::elsewhere(wire.clone(), (80, 24), Glyphs::ASCII).unwrap();
    let (client, _incoming) = Client::in_memory("embedded");
    let (out, inbox) = mpsc::channel(8);
    let event_loop = EventLoop {
        screen: &mut screen,
        model: Model::new("embedded", false, (80, 24), now_ms()),
        inbox,
        runner: Runner::new(client, out),
        signals: Signals::listen().unwrap(),
        drawn: Instant::now(),
        took: Duration::ZERO,
    };
    let mut idle = Box::pin(event_loop.run(stream::pending()));
    assert!(
        tokio::time::timeout(Duration::from_millis(50), &mut idle)
            .await
            .is_err()
    );
    assert!(wire.take().starts_with(BEGIN), "the first frame");
    assert!(
        tokio::time::timeout(Duration::from_millis(300), &mut idle)
            .await
            .is_err()
    );
    assert_eq!(wire.take().len(), 0);
}
