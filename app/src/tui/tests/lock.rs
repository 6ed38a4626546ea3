//! The screen of a locked manager: it comes by itself, takes keys and shares, shows none of them, and goes by itself.

use wardroom_api::v1::{Confidential, LockFacts, LockedManager};
use wardroom_api::{CallError, FeedEvent};

use super::play::{Play, empty, play, sized};
use crate::tui::msg::{Answer, Call, Effect, Msg};

const KEY: &str = "SWMKEY-1-c4n4ryKEYc4n4ryKEYc4n4ryKEYc4n4ryKEYc4n4r";
const LOCKED: &str = "Swarm is encrypted and needs to be unlocked before it can be used.";

fn refused(play: &mut Play) {
    let lost = FeedEvent::Lost(CallError::Locked(LOCKED.into()));
    play.send(Msg::Feed(Box::new(lost)));
}

fn facts(names: &[&str]) -> LockFacts {
    let manager = |name: &&str| LockedManager {
        node_id: format!("id-{name}"),
        hostname: (*name).into(),
        unlock_key_epoch: 7,
        unlock_key_check: "9f2c11aa".into(),
    };
    LockFacts {
        locked: !names.is_empty(),
        cluster_id: "c0".into(),
        managers: names.iter().map(manager).collect(),
        ..LockFacts::default()
    }
}

fn told(play: &mut Play, facts: LockFacts) {
    play.answer(Ok(Answer::Lock(facts)));
}

/// A console whose manager came up locked.
fn locked(size: (u16, u16)) -> Play {
    let mut play = empty(size);
    refused(&mut play);
    assert_eq!(play.last_call().1, &Call::GetLock);
    told(&mut play, facts(&["mgr-1"]));
    play
}

fn assert_hidden(play: &mut Play) {
    let texts = [
        play.screen(),
        format!("{:?}", play.model),
        format!("{:?}", play.effects),
        format!("{:#?}", play.model).replace([' ', '\n'], ""),
    ];
    for text in &texts {
        assert!(!text.contains("c4n4ry") && !text.contains("99,52,110"), "{text}");
    }
}

#[test]
fn a_locked_manager_shows_what_it_waits_for() {
    let mut play = locked((80, 24));
    insta::assert_snapshot!(play.screen(), @r#"
     wardroom [RW]                                                         LOCKED !
     locked                                             unix:///run/w.sock  <?>help

    +- LOCKED ! -------------------------------------------------------------------+
    | This manager's keys are locked: it serves nothing until it is unlocked.      |
    |                                                                              |
    | mgr-1 waits for unlock key 7  check 9f2c11aa                                 |
    |                                                                              |
    | > key      [(empty)]                                                         |
    |            the whole key, SWMKEY-1-..., or one share of it, SWMSHARE-1-...   |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    | the same on this machine:  wardroom swarm unlock                             |
    +------------------------------------------------------------------------------+




     <enter>unlock <esc>empty the field <?>help <ctrl-c>quit, twice
     12:04:11 WARN  the manager that answers is locked
    "#);
    let mut play = locked((40, 10));
    insta::assert_snapshot!(play.screen(), @r#"
     wardroom [RW]                 LOCKED !
     locked     unix:///run/w.sock  <?>help
    +- LOCKED ! ---------------------------+
    | mgr-1 waits for unlock key 7  check~ |
    | > key      [(empty)]                 |
    |                                      |
    |                                      |
    +--------------------------------------+
     <enter>unlock <esc>empty the field
     12:04:11 WARN  the manager that answe~
    "#);
}

#[test]
fn large_screens_keep_it_together() {
    let mut play = empty((120, 40));
    refused(&mut play);
    play.shows("asking what it waits for ...");
    told(&mut play, facts(&["mgr-1", "mgr-2", "mgr-3"]));
    play.send(Msg::Resize(40, 10));
    play.shows("3 managers wait for unlock key 7");
    play.send(Msg::Resize(120, 40));
    insta::assert_snapshot!(play.screen(), @r#"
    wardroom [RW]                                                                                                 LOCKED !
    locked                                                                                     unix:///run/w.sock  <?>help






                 +- LOCKED ! -------------------------------------------------------------------------------+
                 | This manager's keys are locked: it serves nothing until it is unlocked.                  |
                 |                                                                                          |
                 | mgr-1 waits for unlock key 7  check 9f2c11aa                                             |
                 | mgr-2 waits for unlock key 7  check 9f2c11aa                                             |
                 | mgr-3 waits for unlock key 7  check 9f2c11aa                                             |
                 |                                                                                          |
                 | > key      [(empty)]                                                                     |
                 |            the whole key, SWMKEY-1-..., or one share of it, SWMSHARE-1-...               |
                 |                                                                                          |
                 |                                                                                          |
                 |                                                                                          |
                 |                                                                                          |
                 |                                                                                          |
                 |                                                                                          |
                 | the same on this machine:  wardroom swarm unlock                                         |
                 +------------------------------------------------------------------------------------------+













    <enter>unlock <esc>empty the field <?>help <ctrl-c>quit, twice
    12:04:11 WARN  the manager that answers is locked
    "#);
}

#[test]
fn the_whole_key_opens_it_and_the_console_goes_on_where_it_was() {
    let mut play = play("4j");
    refused(&mut play);
    told(&mut play, facts(&["mgr-1"]));
    play.shows("LOCKED !");
    for character in KEY.chars() {
        play.keys(&character.to_string());
        assert_hidden(&mut play);
    }
    play.shows("(50 bytes, hidden)");
    play.keys("<enter>");
    let Call::Unlock(request) = play.last_call().1 else {
        panic!("{:?}", play.effects)
    };
    assert_eq!(request.key, Some(Confidential::new(KEY.as_bytes().to_vec())));
    assert!(
        play.model.lock.as_ref().unwrap().input.is_empty(),
        "it is wiped at once"
    );
    assert_hidden(&mut play);
    play.shows("(sent, waiting for the answer)");
    told(&mut play, facts(&[]));
    play.shows("ok: opened: the log is being read");
    assert!(matches!(play.effects.last(), Some(Effect::Reconnect)));
    play.send(Msg::Feed(Box::new(FeedEvent::Connected)));
    assert!(play.model.lock.is_none());
    play.shows("secrets(6)");
    play.shows("it is unlocked, and tells what is new");
    assert_hidden(&mut play);
}

#[test]
fn shares_are_collected_one_by_one() {
    let mut play = locked((80, 24));
    for have in 1..=2 {
        play.paste(&format!(" SWMSHARE-1-c4n4ry{have}\r\n"));
        assert_hidden(&mut play);
        play.now_ms += 1000;
        play.keys("<enter>");
        assert!(matches!(play.last_call().1, Call::Unlock(_)));
        let mut progress = facts(&["mgr-1"]);
        (progress.shares_have, progress.shares_need) = (have, 3);
        told(&mut play, progress);
        play.shows(&format!("{have} of 3 shares, {} to go", 3 - have));
    }
    insta::assert_snapshot!(play.screen(), @r#"
     wardroom [RW]                                                         LOCKED !
     locked                                             unix:///run/w.sock  <?>help

    +- LOCKED ! -------------------------------------------------------------------+
    | This manager's keys are locked: it serves nothing until it is unlocked.      |
    |                                                                              |
    | mgr-1 waits for unlock key 7  check 9f2c11aa                                 |
    |                                                                              |
    | shares     ########....  2 of 3 shares, 1 to go                              |
    |                                                                              |
    | > key      [(empty)]                                                         |
    |            the whole key, SWMKEY-1-..., or one share of it, SWMSHARE-1-...   |
    |                                                                              |
    | ok: the share is taken: 2 of 3                                               |
    |                                                                              |
    |                                                                              |
    | the same on this machine:  wardroom swarm unlock                             |
    +------------------------------------------------------------------------------+




     <enter>unlock <esc>empty the field <?>help <ctrl-c>quit, twice
     12:04:11 WARN  the manager that answers is locked
    "#);
    play.send(Msg::Resize(40, 10));
    insta::assert_snapshot!(play.screen(), @r#"
     wardroom [RW]                 LOCKED !
     locked     unix:///run/w.sock  <?>help
    +- LOCKED ! ---------------------------+
    | mgr-1 waits for unlock key 7  check~ |
    | shares     ###..  2 of 3 shares      |
    | > key      [(empty)]                 |
    | ok: the share is taken: 2 of 3       |
    +--------------------------------------+
     <enter>unlock <esc>empty the field
     12:04:11 WARN  the manager that answe~
    "#);
    // Somebody else gives the third one.
    refused(&mut play);
    assert_eq!(play.last_call().1, &Call::GetLock);
    told(&mut play, facts(&[]));
    assert!(matches!(play.effects.last(), Some(Effect::Reconnect)));
}

#[test]
fn wrong_keys_are_told_apart_and_wait() {
    let mut play = locked((80, 24));
    play.paste(KEY);
    play.now_ms += 1000;
    play.keys("<enter>");
    play.answer(Err(CallError::PermissionDenied(
        "swarm could not be unlocked: invalid key provided".into(),
    )));
    play.shows("ERROR: swarm could not be unlocked: invalid key provided");
    assert!(!play.screen().contains("use an account"), "it is not about accounts");
    assert_eq!(play.last_call().1, &Call::GetLock, "how long is the wait?");
    let mut wrong = facts(&["mgr-1"]);
    (wrong.wrong, wrong.wait_ms) = (4, 8000);
    told(&mut play, wrong);
    insta::assert_snapshot!(play.screen(), @r#"
     wardroom [RW]                                                         LOCKED !
     locked                                             unix:///run/w.sock  <?>help

    +- LOCKED ! -------------------------------------------------------------------+
    | This manager's keys are locked: it serves nothing until it is unlocked.      |
    |                                                                              |
    | mgr-1 waits for unlock key 7  check 9f2c11aa                                 |
    |                                                                              |
    | tries      4 wrong keys so far; the next at 12:04:22 (8 s)                   |
    |                                                                              |
    | > key      [(empty)]                                                         |
    |            the whole key, SWMKEY-1-..., or one share of it, SWMSHARE-1-...   |
    |                                                                              |
    | ERROR: swarm could not be unlocked: invalid key provided                     |
    |                                                                              |
    |                                                                              |
    | the same on this machine:  wardroom swarm unlock                             |
    +------------------------------------------------------------------------------+




     <enter>unlock <esc>empty the field <?>help <ctrl-c>quit, twice
     12:04:11 WARN  the manager that answers is locked
    "#);
    play.paste(KEY);
    play.now_ms += 1000;
    let calls = play.calls();
    play.keys("<enter>");
    assert_eq!(play.calls(), calls, "it is not sent before its time");
    play.shows("the next try is not taken yet");
    assert!(!play.model.lock.as_ref().unwrap().input.is_empty(), "nor is it lost");
    let end = play.model.next_change_ms(play.now_ms).unwrap();
    assert!(end - play.now_ms > 1000, "one deadline at the end, and none before");
    play.now_ms = end;
    play.send(Msg::Tick);
    assert_eq!(play.model.next_change_ms(play.now_ms), None);
    play.shows("4 wrong keys so far");
    play.keys("<enter>");
    assert!(matches!(play.last_call().1, Call::Unlock(_)));
    play.answer(Err(CallError::Unavailable("too many wrong keys: wait 16 s".into())));
    play.shows("ERROR: too many wrong keys: wait 16 s");
    assert_hidden(&mut play);
}

#[test]
fn rubbish_is_neither_shown_nor_sent() {
    let mut play = locked((80, 24));
    let calls = play.calls();
    for (rubbish, words) in [
        ("c4n4ry", "one begins with SWMKEY-1-, a share with SWMSHARE-1-"),
        ("c4n4ry and more", "a single word"),
        ("c4n4ry\x1b[2J", "a single word"),
        ("  \r\n", "the paste was empty"),
        (&"c4n4ry".repeat(1000), "no unlock key is that long"),
    ] {
        play.paste(rubbish);
        play.now_ms += 1000;
        assert_hidden(&mut play);
        if play.model.lock.as_ref().unwrap().input.is_empty() {
            play.shows(words);
        }
        play.keys("<enter>");
        assert!(play.model.lock.as_ref().unwrap().input.is_empty());
        assert_eq!(play.calls(), calls, "{words}");
        if rubbish == "c4n4ry" {
            play.shows("that is no unlock key");
        }
    }
    play.keys("<enter>");
    play.shows("type or paste the unlock key, or one of its shares");
    play.keys("ab c<bksp><ctrl-w>");
    assert!(play.model.lock.as_ref().unwrap().input.is_empty());
}

#[test]
fn nothing_else_is_reached_while_it_is_locked() {
    let mut play = play("4r<right><enter>");
    play.keys("c4n4ry");
    refused(&mut play);
    told(&mut play, facts(&["mgr-1"]));
    assert_hidden(&mut play);
    assert!(play.model.wizard.as_ref().unwrap().form.value().unwrap().is_empty());
    play.keys(":q<enter>");
    assert!(play.model.overlay.is_none() && play.calls() == 1);
    play.keys("<ctrl-w>?");
    play.shows("While the manager is locked");
    play.keys("<esc>");
    play.paste(KEY);
    play.now_ms += 1000;
    play.keys("<ctrl-z>");
    assert!(play.model.lock.as_ref().unwrap().input.is_empty(), "suspended: wiped");
    play.keys("<ctrl-c>");
    play.shows("press ctrl-c again to quit");
    play.keys("<ctrl-c>");
    assert!(matches!(play.effects.last(), Some(Effect::Quit)));
}

#[test]
fn a_refusal_that_repeats_draws_nothing() {
    let mut play = locked((80, 24));
    play.model.dirty = crate::tui::model::Dirty::No;
    refused(&mut play);
    told(&mut play, facts(&["mgr-1"]));
    assert_eq!(play.model.dirty, crate::tui::model::Dirty::No);
}

#[test]
fn a_manager_that_is_gone_is_no_locked_one() {
    let mut play = locked((80, 24));
    let gone = FeedEvent::Lost(CallError::Unavailable("connection reset".into()));
    play.send(Msg::Feed(Box::new(gone)));
    assert!(play.model.lock.is_none());
    play.shows("connection reset");
    refused(&mut play);
    play.shows("LOCKED !");
}

#[test]
fn one_that_opens_may_be_gone_for_a_moment() {
    let mut play = locked((80, 24));
    play.paste(KEY);
    play.now_ms += 1000;
    play.keys("<enter>");
    told(&mut play, facts(&[]));
    let gone = FeedEvent::Lost(CallError::Unavailable("connection reset".into()));
    play.send(Msg::Feed(Box::new(gone)));
    play.shows("opened: the log is being read");
    play.send(Msg::Feed(Box::new(FeedEvent::Connected)));
    assert!(play.model.lock.is_none());
}

#[test]
fn a_call_that_meets_a_locked_manager_tells_too() {
    let mut play = play("3jr");
    play.answer(Err(CallError::Locked(LOCKED.into())));
    play.shows("LOCKED !");
}

#[test]
fn a_read_only_session_unlocks_nothing() {
    let mut play = play(":ro<enter>");
    refused(&mut play);
    told(&mut play, facts(&["mgr-1"]));
    let calls = play.calls();
    play.paste(KEY);
    play.now_ms += 1000;
    play.keys("<enter>");
    assert_eq!(play.calls(), calls);
    play.shows("this session is read-only: run `wardroom swarm unlock`");
    assert_hidden(&mut play);
}

#[test]
fn another_key_for_the_rest_is_asked_for() {
    let mut play = sized((80, 24), "");
    refused(&mut play);
    told(&mut play, facts(&["mgr-1", "mgr-2", "mgr-3"]));
    play.paste(KEY);
    play.now_ms += 1000;
    play.keys("<enter>");
    told(&mut play, facts(&["mgr-3"]));
    play.shows("2 managers opened; 1 more need another key");
}

#[test]
fn names_from_outside_are_cleaned() {
    let mut play = locked((80, 24));
    let mut hostile = facts(&["evil\x1b[2J\u{202e}"]);
    hostile.managers[0].unlock_key_check = "\x07".into();
    refused(&mut play);
    told(&mut play, hostile);
    let screen = play.screen();
    assert!(screen.contains("evil"), "{screen}");
    assert!(!screen.contains(['\x1b', '\x07', '\u{202e}']), "{screen}");
}

#[test]
fn every_size_is_drawn() {
    let mut play = locked((80, 24));
    let mut many = facts(&["a", "b", "c", "d", "e", "f", "g"]);
    (many.shares_have, many.shares_need, many.wrong, many.wait_ms) = (1, 3, 9, 60_000);
    refused(&mut play);
    told(&mut play, many);
    for width in (1..130).step_by(7) {
        for height in 1..45 {
            play.send(Msg::Resize(width, height));
            play.screen();
        }
    }
}
