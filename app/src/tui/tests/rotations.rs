//! Rotations: the list of all, one with services and receipts, paused, resumed, called off, and where they are noted.

use wardroom_api::v1::{
    Change, Changes, Rotation, RotationAction, RotationCause, RotationPhase, SteerRotationResponse, change,
    watch_message,
};

use super::play::{Play, play, sized};
use crate::tui::model::place::Place;
use crate::tui::msg::{Answer, Call};

fn put(play: &mut Play, index: u64, change: impl Fn(&mut Rotation)) {
    let mut rotation = play.model.cluster.rotations["r-1"].clone();
    change(&mut rotation);
    let put = Change {
        action: Some(change::Action::Put(rotation.into())),
    };
    play.feed(watch_message::Body::Changes(Changes { changes: vec![put] }), index);
}

fn steered(play: &Play) -> Option<(RotationAction, &str)> {
    match play.last_call().1 {
        Call::SteerRotation(request) => Some((request.action(), &request.reference)),
        _ => None,
    }
}

fn accept(play: &mut Play, index: u64) {
    play.answer(Ok(Answer::RotationSteered(SteerRotationResponse {
        rotation_id: "r-1".into(),
        index,
    })));
}

#[test]
fn one_rotation_shows_services_and_receipts() {
    insta::assert_snapshot!(play("8<enter>").screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     rotations > db_password v4    unix:///run/w.sock  <:>command </>filter <?>help
    +- db_password  v3 -> v4  rolling ---------------------------------------------+
    | began    12:04:05, by admin:jo                                               |
    | message  -                                                                   |
    | tasks    3 of 4 tasks proved, 3 settled                                      |
    +------------------------------------------------------------------------------+
    +- Services -------------------------------------------------------------------+
    |  SERVICE                    ON CHANGE TASKS PROVED           SETTLED         |
    |> api                        swap          3 ######## 3/3     ######## 3/3    |
    |  batch                      restart       1 ........ 0/1     ........ 0/1    |
    +------------------------------------------------------------------------------+
    +- Tasks and their receipts ---------------------------------------------------+
    |  TASK          NODE       HOLDS PROOF      SINCE       STATE      HEALTH     |
    |  api.1         wrk-2      v4    proved     12:04:05    running    -          |
    |  api.2         wrk-1      v4    proved     12:04:05    running    -          |
    |  api.3         wrk-2      v4    proved     12:04:05    running    -          |
    |  batch.1       wrk-2      v3    not yet    11-08 12:04 running    -          |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
     <p>pause <ctrl-d>cancel <w>why <shift-l>logs <esc>back <d>describe <l>audit
    "#);
    insta::assert_snapshot!(sized((120, 40), "8<enter>").screen(), @r#"
     wardroom prod-eu [RW]  quorum 3/3  leader mgr-2 t41  1 rotating  via mgr-1                           #18842 12:04Z live
     rotations > db_password v4                                            unix:///run/w.sock  <:>command </>filter <?>help
    +- db_password  v3 -> v4  rolling -------------------------------------------------------------------------------------+
    | began    12:04:05, by admin:jo                                                                                       |
    | message  -                                                                                                           |
    | tasks    3 of 4 tasks proved, 3 settled                                                                              |
    +----------------------------------------------------------------------------------------------------------------------+
    +- Services -----------------------------------------------------------------------------------------------------------+
    |  SERVICE                                    ON CHANGE TASKS PROVED                       SETTLED                     |
    |> api                                        swap          3 #################### 3/3     #################### 3/3    |
    |  batch                                      restart       1 .................... 0/1     .................... 0/1    |
    +----------------------------------------------------------------------------------------------------------------------+
    +- Tasks and their receipts -------------------------------------------------------------------------------------------+
    |  TASK                       NODE                    HOLDS PROOF      SINCE       STATE      HEALTH                   |
    |  api.1                      wrk-2                   v4    proved     12:04:05    running    -                        |
    |  api.2                      wrk-1                   v4    proved     12:04:05    running    -                        |
    |  api.3                      wrk-2                   v4    proved     12:04:05    running    -                        |
    |  batch.1                    wrk-2                   v3    not yet    11-08 12:04 running    -                        |
    |                                                                                                                      |
    |                                                                                                                      |
    |                                                                                                                      |
    |                                                                                                                      |
    |                                                                                                                      |
    |                                                                                                                      |
    |                                                                                                                      |
    |                                                                                                                      |
    |                                                                                                                      |
    |                                                                                                                      |
    |                                                                                                                      |
    |                                                                                                                      |
    |                                                                                                                      |
    |                                                                                                                      |
    |                                                                                                                      |
    |                                                                                                                      |
    |                                                                                                                      |
    |                                                                                                                      |
    |                                                                                                                      |
    +----------------------------------------------------------------------------------------------------------------------+
     <p>pause <ctrl-d>cancel <w>why <shift-l>logs <esc>back <d>describe <l>audit
    "#);
}

#[test]
fn all_of_them_are_a_list_of_their_own() {
    let mut play = play(":rotations<enter>");
    play.shows("tasks > rotations(2)");
    insta::assert_snapshot!(sized((120, 24), "4R").screen(), @r#"
     wardroom prod-eu [RW]  quorum 3/3  leader mgr-2 t41  1 rotating  via mgr-1                           #18842 12:04Z live
     tasks > rotations(2)                                                  unix:///run/w.sock  <:>command </>filter <?>help
    +- Rotations  1 under way ---------------------------------------++- db_password  v3 -> v4  rolling -------------------+
    |  SECRET              VERSIONS   PHASE          PROVED          || began    12:04:05, by admin:jo                     |
    |> db_password         v3 -> v4   rolling        ######.. 3/4    || message  -                                         |
    |  pay_tls_key         v1 -> v2   done           ######## 2/2    || tasks    3 of 4 tasks proved, 3 settled            |
    |                                                                |+----------------------------------------------------+
    |                                                                |+- Services -----------------------------------------+
    |                                                                || SERVICE         ON CHANGE PROVED       SETTLED     |
    |                                                                || api             swap      #### 3/3     #### 3/3    |
    |                                                                || batch           restart   .... 0/1     .... 0/1    |
    |                                                                |+----------------------------------------------------+
    |                                                                |+- Tasks and their receipts -------------------------+
    |                                                                || TASK         NODE      HOLDS PROOF      STATE      |
    |                                                                || api.1        wrk-2     v4    proved     running    |
    |                                                                || api.2        wrk-1     v4    proved     running    |
    |                                                                || api.3        wrk-2     v4    proved     running    |
    |                                                                || batch.1      wrk-2     v3    not yet    running    |
    |                                                                ||                                                    |
    |                                                                ||                                                    |
    |                                                                ||                                                    |
    +----------------------------------------------------------------++----------------------------------------------------+
     <p>pause <ctrl-d>cancel <enter>detail <esc>back <d>describe <l>audit
    "#);
    insta::assert_snapshot!(sized((200, 60), "4R").screen(), @r#"
     wardroom prod-eu [RW]  quorum 3/3  leader mgr-2 t41  1 rotating  via mgr-1                                                                                                           #18842 12:04Z live
     tasks > rotations(2)                                                                                                                                  unix:///run/w.sock  <:>command </>filter <?>help
    +- Rotations  1 under way -----------------------------------------------------------------------------------++- db_password  v3 -> v4  rolling -------------------------------------------------------+
    |  SECRET            VERSIONS   PHASE          PROVED           STARTED     ACTOR         MESSAGE            || began    12:04:05, by admin:jo                                                         |
    |> db_password       v3 -> v4   rolling        ######.. 3/4     12:04:05    admin:jo                         || message  -                                                                             |
    |  pay_tls_key       v1 -> v2   done           ######## 2/2     11-17 12:04 admin:jo                         || tasks    3 of 4 tasks proved, 3 settled                                                |
    |                                                                                                            |+----------------------------------------------------------------------------------------+
    |                                                                                                            |+- Services -----------------------------------------------------------------------------+
    |                                                                                                            || SERVICE                               ON CHANGE TASKS PROVED           SETTLED         |
    |                                                                                                            || api                                   swap          3 ######## 3/3     ######## 3/3    |
    |                                                                                                            || batch                                 restart       1 ........ 0/1     ........ 0/1    |
    |                                                                                                            |+----------------------------------------------------------------------------------------+
    |                                                                                                            |+- Tasks and their receipts -------------------------------------------------------------+
    |                                                                                                            || TASK              NODE           HOLDS PROOF      SINCE       STATE      HEALTH        |
    |                                                                                                            || api.1             wrk-2          v4    proved     12:04:05    running    -             |
    |                                                                                                            || api.2             wrk-1          v4    proved     12:04:05    running    -             |
    |                                                                                                            || api.3             wrk-2          v4    proved     12:04:05    running    -             |
    |                                                                                                            || batch.1           wrk-2          v3    not yet    11-08 12:04 running    -             |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    |                                                                                                            ||                                                                                        |
    +------------------------------------------------------------------------------------------------------------++----------------------------------------------------------------------------------------+
     <p>pause <ctrl-d>cancel <enter>detail <esc>back <d>describe <l>audit
    "#);
    play.keys("/state=rolling<enter>");
    play.shows("1 of 2");
    play.keys("<enter>");
    assert_eq!(play.model.place(), &Place::Rotation("r-1".into()));
    play.keys("<esc>");
    assert_eq!(play.model.place(), &Place::Rotations);
}

#[test]
fn the_secret_leads_to_its_rotation() {
    let mut play = play("4p");
    assert_eq!(play.model.place(), &Place::Rotation("r-1".into()));
    play.keys("4Gp");
    play.shows("it was not rotated yet");
}

#[test]
fn it_is_paused_by_a_word_and_resumed() {
    let mut play = play("8p");
    play.shows("type y to run:  [_]");
    play.shows("service batch");
    play.keys("<enter>");
    assert_eq!(play.calls(), 0, "enter alone is not yes");
    play.shows("type y to run the plan");
    play.keys("y<enter>");
    assert_eq!(steered(&play), Some((RotationAction::Pause, "r-1")));
    accept(&mut play, 18_843);
    put(&mut play, 18_843, |rotation| rotation.paused = true);
    play.shows("the rotation of db_password is held");
    play.keys("<enter>");
    play.shows("1 paused !");
    play.keys("1");
    play.shows("! the rotation of db_password is paused: 3 of 4 tasks have v4");
    play.keys("8p");
    play.shows("resume");
    play.keys("y<enter>");
    assert_eq!(steered(&play), Some((RotationAction::Resume, "r-1")));
}

#[test]
fn a_pause_that_came_too_late_says_how_it_ended() {
    let mut play = play("8py<enter>");
    accept(&mut play, 18_843);
    put(&mut play, 18_843, |rotation| {
        rotation.phase = RotationPhase::Done.into();
        rotation.paused = true;
    });
    play.shows("db_password v4 is current, every task has proved it");
    assert!(!play.screen().contains("is held"));
}

#[test]
fn to_call_it_off_takes_the_whole_name() {
    let mut play = play("8<enter>D");
    play.shows("type the secret's name to run:  [___________]");
    play.shows("3 of 3 tasks go back to v3");
    play.keys("y<enter>");
    assert_eq!(play.calls(), 0);
    play.keys("<bksp>db_password<enter>");
    assert_eq!(steered(&play), Some((RotationAction::Cancel, "r-1")));
    accept(&mut play, 18_843);
    put(&mut play, 18_843, |rotation| {
        rotation.phase = RotationPhase::RollingBack.into();
        rotation.message = "cancelled by admin:jo".into();
    });
    play.shows("rolling back to v3: cancelled by admin:jo");
    put(&mut play, 18_844, |rotation| {
        rotation.phase = RotationPhase::RolledBack.into();
    });
    play.shows("DONE");
    play.shows("every task of db_password is back on v3");
}

#[test]
fn one_that_is_over_cannot_be_steered() {
    let mut play = play("8jp");
    play.shows("the rotation of pay_tls_key is over: done");
    assert!(play.model.wizard.is_none());
    play.keys("k").keys("p");
    put(&mut play, 18_843, |rotation| {
        rotation.phase = RotationPhase::Done.into();
    });
    play.keys("y<enter>");
    assert_eq!(play.calls(), 1, "the manager says so, the plan was from before");
}

#[test]
fn a_reason_and_a_cause_are_told() {
    let mut play = play("8<enter>");
    put(&mut play, 18_843, |rotation| {
        rotation.phase = RotationPhase::RolledBack.into();
        rotation.cause = RotationCause::Age.into();
        rotation.message = "batch.1 exited with 1 on v4".into();
    });
    play.shows("ROLLED BACK !");
    play.shows("reason   batch.1 exited with 1 on v4");
    play.shows("by age: the version before was due");
}

#[test]
fn a_command_steers_the_newest_rotation_of_a_secret() {
    let mut play = play(":pause db_password<enter>");
    play.shows("db_password > pause");
    play.keys("<esc>:resume db_password<enter>");
    play.shows("STOP  it is running already");
    play.keys("<esc>:cancel db_password<enter>");
    play.shows("type the secret's name to run:");
    play.keys("<esc>:cancel smtp_key<enter>");
    play.shows("it was not rotated yet");
}
