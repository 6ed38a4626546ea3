//! One service: tasks with health, spec, what they write, and the plans that change it.

use wardroom_api::CallError;
use wardroom_api::v1::{
    Change, Changes, LogLine, PlanAction, RollbackServiceResponse, RunSpec, Service, ServiceSpec, Task,
    UpdateServiceResponse, UpdateState, UpdateStatus, change, watch_message,
};

use super::fixture::NOW;
use super::play::{Play, play, sized};
use super::said::plan;
use crate::tui::model::place::Place;
use crate::tui::msg::{Answer, Call, Effect, Msg, Ticket};

fn put(play: &mut Play, index: u64, object: impl Into<wardroom_api::v1::Object>) {
    let put = Change {
        action: Some(change::Action::Put(object.into())),
    };
    play.feed(watch_message::Body::Changes(Changes { changes: vec![put] }), index);
}

fn service(play: &Play, change: impl Fn(&mut Service)) -> Service {
    let mut service = play.model.cluster.services["v-api"].clone();
    change(&mut service);
    service
}

fn task(play: &Play, change: impl Fn(&mut Task)) -> Task {
    let mut task = play.model.cluster.tasks["t-api.2"].clone();
    change(&mut task);
    task
}

#[test]
fn health_generation_and_the_update_are_on_the_screen() {
    let mut play = sized((120, 40), "5<enter>");
    let sick = task(&play, |task| {
        task.health = "unhealthy: exit 1".into();
        task.generation = 3;
    });
    let updated = service(&play, |service| {
        service.generation = 4;
        service.update_status = Some(UpdateStatus {
            state: UpdateState::Paused.into(),
            started_at_ms: NOW - 9000,
            message: "api.2 failed within its monitor".into(),
            ..UpdateStatus::default()
        });
    });
    put(&mut play, 18_843, sick);
    put(&mut play, 18_844, updated);
    play.shows("3 outdated !");
    play.shows("PAUSED !");
    insta::assert_snapshot!(play.screen(), @r#"
     wardroom prod-eu [RW]  quorum 3/3  leader mgr-2 t41  1 rotating  via mgr-1                           #18844 12:04Z live
     services > api                                                        unix:///run/w.sock  <:>command </>filter <?>help
    +- api ------------------------------------------------------------------++- Spec -------------------------------------+
    | runs     3 process: serve --api                                        || What runs                                  |
    | update   PAUSED ! 12:04:02: api.2 failed within its monitor            ||  executor    process                       |
    | rotation db_password v4: rolling, 3 of 3 proved, 3 settled             ||  command     serve --api                   |
    | changed  2026-11-21 12:04, generation 4, labels -                      ||  stop        SIGTERM, or the image's, 10.0~|
    +------------------------------------------------------------------------+|  health      the life of the process       |
    +- Tasks  3 outdated ! --------------------------------------------------+| Its surroundings                           |
    |  TASK       NODE     STATE      HEALTH    FILES EXIT SINCE MESSAGE     ||  env         -                             |
    |> api.1      wrk-2    running    -           2/2    -    9d outdated !  || Where and how many                         |
    |  api.2      wrk-1    running    unhe~ 1 !   2/2    -    9d outdated !  ||  tasks       3                             |
    |  api.3      wrk-2    running    -           2/2    -    9d outdated !  ||  constraints -                             |
    |                                                                        ||  labels      -                             |
    |                                                                        || When a task ends                           |
    |                                                                        ||  restart     always, after 5.0s, any numbe~|
    |                                                                        || How an update replaces tasks               |
    |                                                                        ||  pace        1 at a time, 0s between, stop~|
    |                                                                        ||  on failure  pause, watched for 5.0s       |
    |                                                                        || How a roll-back replaces tasks             |
    |                                                                        ||  pace        1 at a time, 0s between, stop~|
    |                                                                        ||  on failure  pause, watched for 5.0s       |
    |                                                                        ||                                            |
    |                                                                        ||                                            |
    |                                                                        ||                                            |
    |                                                                        ||                                            |
    |                                                                        ||                                            |
    |                                                                        ||                                            |
    |                                                                        ||                                            |
    |                                                                        ||                                            |
    |                                                                        ||                                            |
    |                                                                        ||                                            |
    +------------------------------------------------------------------------+|                                            |
    +- Grants ---------------------------------------------------------------+|                                            |
    |  SERVICE    SECRET       VER     TARGET       MODE  OWNER   ON CHANGE  ||                                            |
    |  api        db_password  current db_password  0400  0:0     swap       ||                                            |
    |  api        session_seed current session_seed 0400  0:0     swap       ||                                            |
    +------------------------------------------------------------------------++--------------------------------------------+
     <enter>actions <shift-l>logs <w>why <s>scale <i>spec <n>new <a>grant <ctrl-d>remove <m>matrix <esc>back <d>describe
    "#);
    play.keys("1");
    play.shows("! the update of api is paused: api.2 failed within its monitor");
    play.shows("! api.2 on wrk-1 is not healthy: unhealthy: exit 1");
}

#[test]
fn the_spec_is_shown_without_what_an_environment_holds() {
    let mut play = play("5<enter>");
    let updated = service(&play, |service| {
        service.spec = Some(ServiceSpec {
            run: Some(RunSpec {
                image: "shop/api:7".into(),
                command: vec!["serve".into()],
                env: vec!["TOKEN=c4n4ry".into()],
                ..RunSpec::default()
            }),
            ..service.spec.clone().unwrap_or_default()
        });
    });
    put(&mut play, 18_843, updated);
    play.keys("i");
    play.shows("services > api > spec");
    play.shows("image       shop/api:7");
    play.shows("env         TOKEN");
    assert!(!play.screen().contains("c4n4ry"));
    play.keys("G");
    play.shows("How a roll-back replaces tasks");
    play.keys("<esc>");
    assert_eq!(play.model.place(), &Place::Service("v-api".into()));
}

fn stream(play: &Play) -> Option<Ticket> {
    play.effects.iter().rev().find_map(|effect| match effect {
        Effect::ReadLogs(ticket, _) => Some(*ticket),
        _ => None,
    })
}

fn write(play: &mut Play, texts: &[&str]) {
    let ticket = stream(play).unwrap();
    let line = |(at, text): (i64, &&str)| LogLine {
        task_id: "t-api.2".into(),
        task_name: "api.2".into(),
        node_id: "id-wrk-1".into(),
        at_ms: NOW + at,
        error: text.starts_with("err"),
        text: text.as_bytes().to_vec(),
        ..LogLine::default()
    };
    let lines = (0..).zip(texts).map(line).collect();
    play.send(Msg::Logged(ticket, lines));
}

#[test]
fn logs_are_followed_held_and_filtered() {
    let mut play = play("5L");
    assert_eq!(
        play.model.place(),
        &Place::Logs {
            service: "v-api".into(),
            task: None
        }
    );
    play.shows("nothing was written yet");
    write(
        &mut play,
        &[
            "listening on \x1b[32m8080\x1b[0m",
            "password is ••••",
            "error: refused",
            "evil \x1b[2J\u{202e}",
        ],
    );
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     services > api > logs         unix:///run/w.sock  <:>command </>filter <?>help
    +- Output  following  4 lines -------------------------------------------------+
    | 12:04:11 api.2   listening on 8080                                           |
    | 12:04:11 api.2   password is ••••                                            |
    | 12:04:11 api.2 ! error: refused                                              |
    | 12:04:11 api.2   evil \u{1b}[2J\u{202e}                                      |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
     <f>hold/follow <enter>whole line <esc>back <d>describe <l>audit
    "#);
    let many: Vec<String> = (0..50).map(|number| format!("line {number}")).collect();
    write(&mut play, &many.iter().map(String::as_str).collect::<Vec<_>>());
    play.shows("line 49");
    play.keys("f");
    write(&mut play, &["news"]);
    play.shows("held, 1 new line since");
    assert!(!play.screen().contains("news"), "the view stands still");
    play.keys("G");
    play.shows("news");
    play.shows("following");
    play.keys("k");
    write(&mut play, &["more news"]);
    assert!(
        !play.screen().contains("more news"),
        "who reads older lines is left alone"
    );
    play.keys("/refused<enter>");
    play.shows("1 of 56");
    play.shows("error: refused");
    play.keys("<enter>");
    play.shows("stream: standard error");
}

#[test]
fn the_stream_ends_however_its_screen_is_left() {
    for leave in ["<esc>", "1", "[", ":secrets<enter>", "-"] {
        let mut play = play("5L");
        assert!(stream(&play).is_some());
        play.keys(leave);
        assert!(
            matches!(play.effects.last(), Some(Effect::StopLogs)),
            "{leave}: {:?}",
            play.effects
        );
        assert!(play.model.logs.is_none(), "{leave}");
        let ticket = stream(&play).unwrap();
        play.send(Msg::Logged(ticket, vec![LogLine::default()]));
        assert!(play.model.logs.is_none(), "what comes late is dropped");
    }
    let mut play = play("5L?<esc>/x<esc>dj");
    assert_eq!(play.effects.len(), 1, "what lies over it is no other screen");
    play.send(Msg::Resize(120, 40));
    assert!(play.effects.iter().all(|effect| !matches!(effect, Effect::StopLogs)));
}

#[test]
fn a_task_has_logs_of_its_own() {
    let mut play = play("8<tab>jL");
    let Some(Effect::ReadLogs(_, request)) = play.effects.last() else {
        panic!("{:?}", play.effects)
    };
    assert_eq!(
        (request.references.as_slice(), request.follow),
        (["t-api.2".to_owned()].as_slice(), true)
    );
    play.shows("services > api.2 > logs");
}

#[test]
fn a_stream_that_breaks_says_so_and_goes_on_behind_its_last_line() {
    let mut play = play("5L");
    write(&mut play, &["first"]);
    let ticket = stream(&play).unwrap();
    play.send(Msg::LogsEnded(
        ticket,
        Err(CallError::Unavailable("the manager is gone".into())),
    ));
    play.shows("BROKEN OFF !");
    play.send(Msg::Feed(Box::new(wardroom_api::FeedEvent::Connected)));
    let Some(Effect::ReadLogs(_, request)) = play.effects.last() else {
        panic!("{:?}", play.effects)
    };
    assert_eq!((request.since_ms, request.tail), (NOW + 1, None));
    play.shows("following");
    play.shows("first");
    let ticket = stream(&play).unwrap();
    play.send(Msg::LogsEnded(ticket, Ok(())));
    play.shows("ended: no more lines will come");
}

#[expect(clippy::unnecessary_wraps, reason = "it is what an answer is")]
fn planned() -> Result<Answer, CallError> {
    Ok(Answer::ServiceUpdated(UpdateServiceResponse {
        plan: Some(plan(PlanAction::Create, "tasks", "2 more")),
        ..Default::default()
    }))
}

#[test]
fn a_service_is_scaled_by_a_plan() {
    let mut play = play("5s<enter>");
    play.shows("api has that size already");
    play.keys("<ctrl-w>5<enter>");
    assert!(
        matches!(play.last_call().1, Call::UpdateService(request) if request.plan_only && request.replicas == Some(5))
    );
    play.answer(planned()).keys("api<enter>");
    assert!(
        matches!(play.last_call().1, Call::UpdateService(request) if !request.plan_only && request.plan_basis == "b1")
    );
}

#[test]
fn a_roll_back_needs_something_to_go_back_to() {
    let mut play = play("5<enter>b");
    play.shows("api was not updated yet: there is nothing to go back to");
    let updated = service(&play, |service| service.previous_spec = service.spec.clone());
    put(&mut play, 18_843, updated);
    play.keys("b");
    assert!(matches!(play.last_call().1, Call::RollbackService(request) if request.plan_only));
    play.answer(Ok(Answer::ServiceRolledBack(RollbackServiceResponse {
        plan: Some(plan(PlanAction::Restart, "api", "3 tasks")),
        ..Default::default()
    })));
    play.keys("api<enter>");
    assert!(matches!(play.last_call().1, Call::RollbackService(request) if request.plan_basis == "b1"));
}

#[test]
fn a_forced_update_is_made_anew_from_the_spec_as_it_is_by_now() {
    let mut play = play("5<enter>U");
    let sent = |play: &Play| match play.last_call().1 {
        Call::UpdateService(request) => (
            request.plan_only,
            request.spec.as_ref().unwrap().run.as_ref().unwrap().force,
            request.expected,
        ),
        call => panic!("{call:?}"),
    };
    assert_eq!(sent(&play), (true, 1, Some(0)));
    play.answer(planned()).keys("api<enter>");
    let updated = service(&play, |service| {
        service.version_index = 18_843;
        service.spec.as_mut().unwrap().run.as_mut().unwrap().force = 7;
    });
    put(&mut play, 18_843, updated);
    play.answer(Err(CallError::Conflict("the objects moved on".into())));
    assert_eq!(sent(&play), (true, 8, Some(18_843)));
}

#[test]
fn old_versions_are_pruned_by_a_plan() {
    let mut play = play("4P<ctrl-w>x<enter>");
    play.keys("<enter>");
    play.shows("write how many versions stay");
    play.keys("<up><ctrl-w>2<enter>30d<enter>");
    let Call::PruneVersions(request) = play.last_call().1 else {
        panic!("{:?}", play.last_call())
    };
    assert_eq!(
        (
            request.plan_only,
            request.keep,
            request.older_than_ms,
            request.references.as_slice()
        ),
        (true, Some(2), 30 * 86_400_000, ["s-db_password".to_owned()].as_slice())
    );
}
