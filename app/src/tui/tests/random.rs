//! Random keys, pastes and sizes: nothing panics, nothing is drawn outside, and a model that is left alone stays as it is.

use proptest::prelude::*;
use wardroom_api::{CallError, FeedEvent};

use super::play::{Play, empty, sized};
use crate::tui::key::{Code, Key, char_key, ctrl, key};
use crate::tui::model::Dirty;
use crate::tui::msg::Msg;

fn any_key() -> impl Strategy<Value = Key> {
    let named = [
        Code::Enter,
        Code::Enter,
        Code::Esc,
        Code::Tab,
        Code::BackTab,
        Code::Backspace,
        Code::Up,
        Code::Down,
        Code::Left,
        Code::Right,
        Code::Home,
        Code::End,
        Code::PageUp,
        Code::PageDown,
        Code::Delete,
    ];
    prop_oneof![
        4 => (0x20..0x7f_u8).prop_map(|byte| char_key(char::from(byte))),
        2 => prop::sample::select(vec!['1', '2', '3', '4', '5', '6', '7', '8', 'r', 'n', 'a', 'p', 's', 't', 'y', 'R', 'D', 'b', ':', '/', '?', 'j', 'd', 'm', 'w', 'L', 'i', 'e', ' ', '$', 'f', 'P', 'U']).prop_map(char_key),
        1 => prop::sample::select(vec!['d', 'l', 'r', 'f', 'u', 'w', 'z']).prop_map(ctrl),
        4 => prop::sample::select(named.to_vec()).prop_map(key),
        1 => any::<char>().prop_map(char_key),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Key(Key),
    Paste(String),
    Size(u16, u16),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => any_key().prop_map(Step::Key),
        1 => ".{0,12}".prop_map(Step::Paste),
        1 => (1..210_u16, 1..70_u16).prop_map(|(width, height)| Step::Size(width, height)),
    ]
}

/// Draws twice and idles: the same screen, and nothing that asks for a frame.
fn assert_settled(play: &mut Play) {
    let first = play.buffer();
    play.model.dirty = Dirty::No;
    let second = play.buffer();
    assert_eq!(first, second, "a second frame of the same model differs");
    assert_eq!(play.model.dirty, Dirty::No, "drawing asks for another frame");
}

fn run(mut play: Play, steps: Vec<Step>) {
    for step in steps {
        match step {
            Step::Key(key) => {
                play.now_ms += 350;
                play.send(Msg::Key(key));
            }
            Step::Paste(text) => drop(play.paste(&text)),
            Step::Size(width, height) => drop(play.send(Msg::Resize(width, height))),
        }
        assert_settled(&mut play);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_keys_and_sizes_never_panic_and_settle(
        steps in prop::collection::vec(any_step(), 1..40),
        size in (1..200_u16, 1..60_u16),
    ) {
        run(sized(size, ""), steps);
    }

    #[test]
    fn the_keys_screen_takes_any_keys(
        steps in prop::collection::vec(any_step(), 1..20),
        size in (1..200_u16, 1..60_u16),
    ) {
        run(sized(size, "3"), steps);
    }

    #[test]
    fn a_locked_manager_takes_any_keys(
        steps in prop::collection::vec(any_step(), 1..20),
        size in (1..200_u16, 1..60_u16),
    ) {
        let mut play = empty(size);
        let lost = FeedEvent::Lost(CallError::Locked("locked".into()));
        play.send(Msg::Feed(Box::new(lost)));
        run(play, steps);
    }

    #[test]
    fn an_empty_console_takes_any_keys(steps in prop::collection::vec(any_step(), 1..20)) {
        run(empty((80, 24)), steps);
    }
}

#[test]
fn every_screen_at_every_small_size() {
    for keys in [
        "1",
        "2",
        "3",
        "3o",
        "6t",
        "6t<enter>",
        "6a",
        "6e",
        "6D",
        "6D<enter>",
        "2s",
        "2s<enter>",
        "1b",
        "4",
        "4<enter>",
        "5",
        "5<enter>",
        "5m",
        "5m<space>",
        "5m<space><esc>",
        "5me",
        "5mw",
        "5i",
        "5L",
        "5s",
        "8<enter>",
        "8R",
        "8p",
        "6",
        "6<enter>",
        "7",
        "8",
        "4n",
        "4r",
        "4D",
        "?",
        ":",
        "4/x",
        "4<enter><enter>",
    ] {
        let mut play = sized((80, 24), keys);
        for width in (1..90).step_by(4) {
            for height in 1..30 {
                play.send(Msg::Resize(width, height));
                play.buffer();
            }
        }
    }
}
