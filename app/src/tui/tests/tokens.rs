//! Join tokens by keys: facts for everybody, the text only after a yes, for half a minute, and nowhere else.

use wardroom_api::CallError;
use wardroom_api::v1::{Confidential, JoinTokenResponse, Role};

use super::play::{Play, play, sized};
use crate::tui::model::overlay::Overlay;
use crate::tui::msg::{Answer, Call, Msg};

const TOKEN: &str = "SWMTKN-1-49nj1cmql0jkz5s954yi3oex3nedyz0fb0xx14ie39trti4wxv-8vxv8rssmk743ojnwacrr2e7c";
/// A part of it that nothing else contains.
const SECRET: &str = "8vxv8rssmk743ojnwacrr2e7c";

fn bring(play: &mut Play) {
    let token = Some(Confidential::new(TOKEN.as_bytes().to_vec()));
    play.answer(Ok(Answer::JoinToken(JoinTokenResponse {
        token,
        address: "10.0.0.2:2377".into(),
        ..Default::default()
    })));
}

fn assert_hidden(play: &mut Play) {
    let texts = [
        play.screen(),
        format!("{:?}", play.model),
        format!("{:?}", play.effects),
        format!("{:#?}", play.model).replace([' ', '\n'], ""),
    ];
    for text in &texts {
        assert!(!text.contains("8vxv8r") && !text.contains("56,118,120,118"), "{text}");
    }
}

#[test]
fn the_box_tells_facts_and_how_a_machine_joins() {
    let mut play = play("6t");
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     nodes(5)                      unix:///run/w.sock  <:>command </>filter <?>help
    +------------------------------------------------------------------------------+
    |  NODE       ROLE     STATE   AVAIL  MANAGER       TASKS   CERT HOLDS    SINCE|
    |> mgr-1      manager  ready   active Reachable         0    60d 0           3d|
    +- join tokens ----------------------------------------------------------------+
    | > worker   made 12d ago   never expires  3 joins                             |
    |   manager  made 30d ago   never expires  2 of 5 joins                        |
    |                                                                              |
    | enter shows the worker token for 30 s, r makes a new one                     |
    |                                                                              |
    | on the new machine, with the token in FILE:                                  |
    |   wardroom swarm join --token-file FILE 10.0.0.2:2377                        |
    | to bring it there without a screen:                                          |
    |   wardroom swarm join-token -q worker > FILE                                 |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
    |                                                                              |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
     <enter>show <r>rotate <j>the other <esc>close
    "#);
    assert_eq!(play.calls(), 0, "a token is not even asked for");
}

#[test]
fn a_token_is_shown_after_a_yes_and_for_half_a_minute() {
    let mut play = play("6tj<enter>");
    play.shows("whoever sees it can join as a manager: y shows it for 30 s, esc does not");
    play.keys("<enter>");
    assert_eq!(play.calls(), 0, "enter does not answer the question");
    play.keys("<enter>y");
    assert!(matches!(play.last_call().1, Call::GetJoinToken(request) if request.role() == Role::Manager));
    play.shows("asking for the manager token ...");
    bring(&mut play);
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     nodes(5)                      unix:///run/w.sock  <:>command </>filter <?>help
    +------------------------------------------------------------------------------+
    |  NODE       ROLE     STATE   AVAIL  MANAGER       TASKS   CERT HOLDS    SINCE|
    |> mgr-1      manager  ready   active Reachable         0    60d 0           3d|
    +- join tokens ----------------------------------------------------------------+
    |   worker   made 12d ago   never expires  3 joins                             |
    | > manager  made 30d ago   never expires  2 of 5 joins                        |
    |                                                                              |
    | hidden again in 30 s  esc hides it now                                       |
    |                                                                              |
    | SWMTKN-1-49nj1cmql0jkz5s954yi3oex3nedyz0fb0xx14ie39trti4wxv-                 |
    | 8vxv8rssmk743ojnwacrr2e7c                                                    |
    | one word: the line breaks are not part of it                                 |
    |                                                                              |
    | wardroom swarm join --token-file FILE 10.0.0.2:2377                          |
    |                                                                              |
    +------------------------------------------------------------------------------+
    |                                                                              |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
     <esc>hide it now
    "#);
    let debug = format!("{:?} {:?}", play.model, play.effects);
    assert!(!debug.contains(SECRET), "{debug}");
    for left in (1..30).rev() {
        let next = play.model.next_change_ms(play.now_ms).unwrap();
        assert_eq!(next - play.now_ms, 1000, "one frame a second, and only now");
        play.now_ms = next;
        play.send(Msg::Tick);
        play.shows(&format!("hidden again in {left} s"));
    }
    play.shows(SECRET);
    play.now_ms += 1000;
    play.send(Msg::Tick);
    play.shows("the token is hidden again");
    assert_hidden(&mut play);
    let next = play.model.next_change_ms(play.now_ms).unwrap();
    assert!(
        next - play.now_ms > 1000 || next % 60_000 == 0,
        "nothing counts any more"
    );
}

#[test]
fn whatever_one_does_hides_it_at_once() {
    for keys in ["<esc>", "<enter>", "q", "<ctrl-z>", "<ctrl-c>"] {
        let mut play = play("6t<enter>y");
        bring(&mut play);
        play.shows(SECRET);
        play.keys(keys);
        assert_hidden(&mut play);
    }
    let mut play = play("6t<enter>y");
    bring(&mut play);
    play.keys("<esc>");
    assert!(
        matches!(play.model.overlay, Some(Overlay::Tokens(_))),
        "the box is still there"
    );
    play.keys("<esc>");
    assert!(play.model.overlay.is_none());
}

#[test]
fn an_answer_that_nobody_waits_for_is_wiped_unseen() {
    let mut play = play("6t<enter>y<esc>");
    bring(&mut play);
    assert_hidden(&mut play);
    play.keys("<esc>");
    bring(&mut play);
    assert_hidden(&mut play);
    assert!(play.model.messages.is_empty(), "{:?}", play.model.messages);
}

#[test]
fn what_is_no_token_never_reaches_the_terminal() {
    let mut play = play("6t<enter>y");
    let token = Some(Confidential::new(b"SWMTKN\x1b[2J".to_vec()));
    play.answer(Ok(Answer::JoinToken(JoinTokenResponse {
        token,
        ..Default::default()
    })));
    play.shows("the manager sent something that is no join token");
    assert!(!play.screen().contains("[2J"));
}

#[test]
fn a_refusal_is_told_in_the_clusters_words() {
    let mut play = play("6t<enter>y");
    play.answer(Err(CallError::PermissionDenied(
        "Permission denied: GetJoinToken needs the role admin".into(),
    )));
    play.shows("Permission denied: GetJoinToken needs the role admin");
}

#[test]
fn the_token_is_in_one_piece_where_there_is_room_and_whole_or_not_at_all() {
    for (size, whole) in [((120, 30), true), ((80, 24), false), ((60, 16), false)] {
        let mut play = sized(size, "6t<enter>y");
        bring(&mut play);
        assert_eq!(play.screen().contains(TOKEN), whole, "{size:?}");
        play.shows(SECRET);
    }
    for size in [(42, 11), (41, 10), (10, 5)] {
        let mut play = sized((80, 24), "6t<enter>y");
        bring(&mut play);
        play.send(Msg::Resize(size.0, size.1));
        assert!(
            !play.screen().contains("49nj1"),
            "{size:?}: a part of a token is of no use"
        );
    }
}

#[test]
fn a_new_token_has_an_end_if_one_is_wanted() {
    let mut play = play("6tjr");
    play.keys("soon<enter>");
    play.keys("<enter>");
    play.shows("write a time such as 1h or 7d");
    play.keys("<up><ctrl-w>1h<tab>3<enter>");
    play.shows("+ create   manager token    expires in 1h, 3 joins");
    play.shows("same as  $ wardroom swarm join-token --rotate --ttl 1h --max-uses 3 manager");
    play.keys("manager<enter>");
    assert!(matches!(play.last_call().1, Call::RotateJoinToken(request)
        if request.role() == Role::Manager && request.ttl_ms == 3_600_000 && request.max_uses == 3));
    bring(&mut play);
    play.shows("rotate token  DONE");
    play.shows("the manager token is new; t on the nodes shows it, for half a minute");
    assert_hidden(&mut play);
}

#[test]
fn a_read_only_session_sees_facts_and_no_token() {
    let mut play = play(":ro<enter>6t");
    play.shows("never expires");
    play.shows("this session is read-only: tokens are not shown");
    for key in ["<enter>", "y", "r"] {
        play.keys(key);
        assert!(play.calls() == 0 && play.model.wizard.is_none(), "{key}");
    }
    play.shows("this session is read-only: tokens are neither shown nor made");
}
