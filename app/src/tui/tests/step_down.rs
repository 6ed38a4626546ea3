//! A leader that hands over because it was asked to.

use wardroom_api::v1::{ManagerLost, StepDownResponse, watch_message};

use super::play::{Play, play};
use crate::tui::msg::{Answer, Call};

#[test]
fn a_leader_hands_over_to_the_selected_manager() {
    let mut play = play("2js");
    play.keys("<enter>");
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     cluster > raft > mgr-2 > step down               1 next leader [2 plan]  3 run
    +- Plan, computed at #18842 (nothing has been changed yet) --------------------+
    | ~ move     leadership from mgr-2 to mgr-1                                    |
    | = keep     workers    their sessions find the next leader by themselves      |
    | = keep     mgr-2      stays a manager                                        |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
    +- Checks ---------------------------------------------------------------------+
    | ok    2 other managers could lead                                            |
    | ok    the last change took 1.2s                                              |
    | ok    quorum 3/3                                                             |
    +------------------------------------------------------------------------------+
     writes wait until the next leader has taken over
     same as  $ wardroom swarm step-down mgr-1
     type the leader's name to run:  [_____]



     <enter>run once the name matches <esc>back
    "#);
    play.keys("mgr-2<enter>");
    assert!(matches!(play.last_call().1, Call::StepDown(request) if request.to == "id-mgr-1"));
    play.answer(Ok(Answer::SteppedDown(StepDownResponse {
        leader: "id-mgr-1".into(),
        gap_ms: 85,
        index: 18_843,
    })));
    play.shows("mgr-1 leads instead of mgr-2; writes had to wait 85ms");
    play.shows("step down  DONE");
}

#[test]
fn a_step_down_is_blocked_where_nobody_could_follow() {
    let lose = |play: &mut Play, node_id: &str| {
        let lost = ManagerLost {
            node_id: node_id.into(),
            reason: "no answer".into(),
        };
        play.feed(watch_message::Body::ManagerLost(lost), 18_842);
    };
    let mut play = play("2js");
    lose(&mut play, "id-mgr-1");
    play.keys("<enter>");
    play.shows("STOP  mgr-1 does not answer: choose another");
    play.keys("mgr-2<enter>");
    play.shows("the plan is blocked");
    assert_eq!(play.calls(), 0);
    play.keys("<esc><esc>");
    // The one that is behind is told so.
    play.keys("GGjjs<enter>");
    play.shows("WARN  mgr-3 is 214 entries behind");
    play.keys("<esc><esc>");
    lose(&mut play, "id-mgr-2");
    play.keys("s");
    assert!(play.model.wizard.is_none());
    assert_eq!(
        play.model.messages.back().unwrap().text,
        "there is no leader that could step down"
    );
}
