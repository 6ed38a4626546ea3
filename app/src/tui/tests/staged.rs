//! Staged edits of the matrix: by keys, over other screens, taken back, dropped only when asked, sent as one plan.

use wardroom_api::CallError;
use wardroom_api::v1::{Change, Changes, PlanAction, UpdateGrantsResponse, change, watch_message};

use super::fixture::cluster;
use super::play::{Play, empty, play, sized};
use super::said::plan;
use crate::tui::model::overlay::Overlay;
use crate::tui::model::place::Place;
use crate::tui::model::staged::Edit;
use crate::tui::msg::{Answer, Call, Effect};
use crate::tui::wizard::Step;

#[expect(clippy::unnecessary_wraps, reason = "it is what an answer is")]
fn planned() -> Result<Answer, CallError> {
    Ok(Answer::GrantsUpdated(UpdateGrantsResponse {
        plan: Some(plan(PlanAction::Create, "grant smtp_key", "to api")),
        index: 0,
    }))
}

fn request(play: &Play) -> &wardroom_api::v1::UpdateGrantsRequest {
    match play.last_call().1 {
        Call::UpdateGrants(request) => request,
        call => panic!("{call:?}"),
    }
}

#[test]
fn space_stages_and_takes_back() {
    let mut play = play("5m<space>");
    play.shows("1 staged");
    play.shows("-D remove");
    play.keys("<space>");
    assert!(play.model.staged.is_empty());
    play.keys("$<space>");
    play.shows("+A 444 swp");
    play.shows("staged   + grant: file smtp_key, 0:0 0444, on change swap");
    play.keys("u");
    assert!(play.model.staged.is_empty());
    play.keys("u");
    assert_eq!(
        play.model.staged.len(),
        1,
        "the step before: the withdrawal that was taken back"
    );
    assert_eq!(play.effects.len(), 0, "nothing is sent");
}

#[test]
fn a_staged_grant_is_edited_and_shows_how_it_would_be() {
    let mut play = play("5m$<space>e");
    play.shows("services > grants > api > edit");
    play.shows("[1 grant]");
    // target, then mode, then on change to signal, its name, the owner
    play.keys("<ctrl-w>mail/key<tab><ctrl-w>0400<tab><right><right><tab><ctrl-w>SIGUSR1<tab><ctrl-w>7:8<enter><enter>");
    assert!(play.model.wizard.is_none(), "{}", play.screen());
    play.shows("+A 400 sig");
    let (_, edit) = play.model.staged.iter().next().unwrap();
    let Edit::Add(grant) = edit else { panic!("{edit:?}") };
    assert_eq!(
        (
            grant.target.as_str(),
            grant.mode,
            grant.uid,
            grant.gid,
            grant.signal.as_str()
        ),
        ("mail/key", 0o400, 7, 8, "SIGUSR1")
    );
    assert_eq!(play.effects.len(), 0, "nothing is sent");
}

#[test]
fn what_is_granted_already_is_edited_in_its_place() {
    let mut play = play("5me<tab><ctrl-w>0440<enter><enter><enter><enter>");
    play.shows("~C 440 swp");
    play.keys("e<tab><ctrl-w>0400<enter><enter><enter><enter>");
    assert!(play.model.staged.is_empty(), "it is as it was");
    for (keys, words) in [
        ("<ctrl-w>rw<enter>", "octal"),
        ("<tab><tab><ctrl-w>x<enter>", "uid:gid"),
    ] {
        play.keys("e<tab>").keys(keys).keys("<enter><enter><enter><enter>");
        play.shows(words);
        play.keys("<esc>");
        assert!(play.model.wizard.is_none() && play.model.staged.is_empty());
    }
}

#[test]
fn all_of_it_is_one_plan_and_the_name_of_the_cluster_runs_it() {
    let mut play = play("5m$<space>j<space>0<space>p");
    assert!(request(&play).plan_only);
    let changes = request(&play).changes.clone();
    assert_eq!(changes.len(), 2);
    assert_eq!((changes[0].service.as_str(), changes[0].add.len()), ("v-api", 1));
    assert_eq!(changes[1].remove, ["s-db_password"]);
    play.answer(planned());
    play.shows("type the cluster's name to run:  [_______]");
    play.keys("prod-eu<enter>");
    assert!(!request(&play).plan_only && request(&play).plan_basis == "b1");
    assert_eq!(request(&play).changes, changes);
    play.answer(Ok(Answer::GrantsUpdated(UpdateGrantsResponse {
        plan: None,
        index: 18_842,
    })));
    assert_eq!(play.model.wizard.as_ref().unwrap().step, Step::Run);
    assert!(play.model.staged.is_empty());
    play.shows("batch");
}

#[test]
fn one_service_is_confirmed_by_its_own_name() {
    let mut play = play("5m$<space>p");
    play.answer(planned());
    play.shows("type the service's name to run:  [___]");
    play.shows("wardroom service update --secret-add source=smtp_key,target=sm");
    play.keys("<esc>");
    assert_eq!(play.model.staged.len(), 1, "a plan that is left drops nothing");
}

#[test]
fn a_plan_that_went_stale_is_made_anew_from_what_is_left_to_do() {
    let mut play = play("5m$<space>j<space>p");
    play.answer(planned()).keys("prod-eu<enter>");
    let mut api = play.model.cluster.services["v-api"].clone();
    let spec = api.spec.as_mut().unwrap();
    spec.grants.push(wardroom_api::v1::Grant {
        secret_id: "s-smtp_key".into(),
        secret_name: "smtp_key".into(),
        ..Default::default()
    });
    let put = Change {
        action: Some(change::Action::Put(api.into())),
    };
    play.feed(watch_message::Body::Changes(Changes { changes: vec![put] }), 18_843);
    play.answer(Err(CallError::Conflict("the objects moved on".into())));
    assert!(request(&play).plan_only);
    assert_eq!(request(&play).changes.len(), 1, "api has it by now");
    play.answer(planned());
    play.shows("this is the plan made anew");
    play.shows("type the service's name to run:  [_____]");
}

#[test]
fn staged_edits_survive_other_screens_and_are_dropped_only_after_a_question() {
    let mut play = play("5m<space>4<enter>78:grants<enter>");
    assert_eq!((play.model.staged.len(), play.model.place()), (1, &Place::Grants));
    play.keys("<esc>");
    play.shows("1 staged edit is not sent");
    play.keys("<enter>n");
    assert_eq!(
        (play.model.staged.len(), play.model.place()),
        (1, &Place::Grants),
        "enter is no answer"
    );
    play.keys("<esc>y");
    assert_eq!((play.model.staged.len(), play.model.place()), (0, &Place::Services));
    play.shows("1 staged edit dropped, nothing was changed");
}

#[test]
fn quitting_asks_as_well() {
    let mut play = play("5m<space>:q<enter>");
    assert!(matches!(play.model.overlay, Some(Overlay::Ask(_))) && play.effects.is_empty());
    play.keys("<esc><ctrl-c>");
    play.shows("1 staged, not sent, would be lost");
    play.keys("j:q<enter>y");
    assert!(matches!(play.effects.last(), Some(Effect::Quit)));
}

#[test]
fn both_ways_are_filtered() {
    let mut play = play("5m/edge<enter><tab>/pay_tls<enter>");
    let screen = play.screen();
    assert!(screen.contains("</edge>"), "{screen}");
    assert!(screen.contains("1 service x 2 secrets"), "{screen}");
    play.keys("<esc><esc>");
    play.shows("4 services x 6 secrets");
    assert_eq!(play.model.place(), &Place::Grants);
}

#[test]
fn a_session_that_only_looks_stages_nothing() {
    let mut play = empty((80, 24));
    play.model = crate::tui::model::Model::new("unix:///run/w.sock", true, (80, 24), play.now_ms);
    play.show(cluster());
    for keys in ["5m<space>", "e", "p", "u"] {
        play.keys(keys);
        assert!(play.model.staged.is_empty() && play.model.wizard.is_none() && play.effects.is_empty());
        play.shows("this session was started with --read-only and stays so");
    }
    play.shows("*R v4 swp");
}

#[test]
fn a_thousand_services_and_secrets_scroll_both_ways() {
    let mut view = cluster();
    let (secret, service) = (view.secrets["s-smtp_key"].clone(), view.services["v-api"].clone());
    for number in 0..1000 {
        let mut secret = secret.clone();
        secret.id = format!("s{number:04}");
        secret.name = format!("secret_{number:04}");
        view.secrets.insert(secret.id.clone(), secret);
        let mut service = service.clone();
        service.id = format!("v{number:04}");
        if let Some(spec) = &mut service.spec {
            spec.name = format!("service_{number:04}");
        }
        view.services.insert(service.id.clone(), service);
    }
    let mut play = sized((200, 60), "");
    play.show(view);
    play.keys("5mG$");
    play.shows("1004 services x 1006 secrets");
    play.shows("worker");
    play.shows("smtp_key");
    assert!(!play.screen().contains("batch "), "the first rows are out of view");
    play.keys("g0<space>");
    play.shows("-D remove");
}

#[test]
#[expect(clippy::too_many_lines, reason = "whole screens")]
fn at_every_size() {
    insta::assert_snapshot!(sized((120, 40), "5m$<space>j<space>").screen(), @r#"
     wardroom prod-eu [RW]  2 staged  quorum 3/3  leader mgr-2 t41  1 rotating  via mgr-1                 #18842 12:04Z live
     services > grants                                                     unix:///run/w.sock  <:>command </>filter <?>help
    +- 4 services x 6 secrets  secrets 2-6 ------------------------------------++- batch -> smtp_key ----------------------+
    |                 pay_t~cert pay_t~_key pay_w~_sig sessi~seed smtp_key     || staged   + grant: file smtp_key, 0:0     |
    |  SERVICE        v1         v2         v1         v1         v1           ||          0444, on change swap            |
    |  api            .          .          .          *R v1 swp  +A 444 swp   || granted  no: space stages a grant        |
    |> batch          .          .          .          .          +A 444 swp   ||                                          |
    |  edge           *R v1 sig  *R v2 sig  *R v1 sig  .          .            ||                                          |
    |  worker         .          .          *R v1 swp  .          .            ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          |+------------------------------------------+
    |                                                                          |+- Staged  2 edits, not sent: <p> plans ---+
    |                                                                          || + grant    api -> smtp_key  file smtp_k~ |
    |                                                                          || + grant    batch -> smtp_key  file smtp~ |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    |                                                                          ||                                          |
    +--------------------------------------------------------------------------++------------------------------------------+
     *R every task proves it   ?r not yet   +A -D ~C staged   . none   =v3 pinned
     <w>why <space>toggle <e>edit <u>undo <p>plan <tab>rows/columns <esc>back <d>describe <l>audit
    "#);
    insta::assert_snapshot!(sized((200, 60), "5m$<space>0j").screen(), @r#"
     wardroom prod-eu [RW]  1 staged  quorum 3/3  leader mgr-2 t41  1 rotating  via mgr-1                                                                                                 #18842 12:04Z live
     services > grants                                                                                                                                     unix:///run/w.sock  <:>command </>filter <?>help
    +- 4 services x 6 secrets  secrets 1-6 ------------------------------------------------------------------------------------------------++- batch -> db_password ---------------------------------------+
    |                     db_password    pay_tls_cert   pay_tls_key    pay_web~ok_sig session_seed   smtp_key                              || granted  file db_password, 0:0 0440, on change restart       |
    |  SERVICE            v4             v1             v2             v1             v1             v1                                    || proven   v4 by 0 of 1 task, not by batch.1 on wrk-2 !        |
    |  api                *R v4 swap     .              .              .              *R v1 swap     +A 444 swap                           ||                                                              |
    |> batch              ?r v4 restart  .              .              .              .              .                                     ||                                                              |
    |  edge               .              *R v1 signal   *R v2 signal   *R v1 signal   .              .                                     ||                                                              |
    |  worker             .              .              .              *R v1 swap     .              .                                     || TASK                    NODE                  HOLDS PROOF    |
    |                                                                                                                                      || batch.1                 wrk-2                 v3    not yet !|
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      |+--------------------------------------------------------------+
    |                                                                                                                                      |+- Staged  1 edit, not sent: <p> plans ------------------------+
    |                                                                                                                                      || + grant    api -> smtp_key  file smtp_key, 0:0 0444, on cha~ |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    |                                                                                                                                      ||                                                              |
    +--------------------------------------------------------------------------------------------------------------------------------------++--------------------------------------------------------------+
     *R every task proves it   ?r not yet   +A -D ~C staged   . none   =v3 pinned
     <w>why <space>toggle <e>edit <u>undo <p>plan <tab>rows/columns <esc>back <d>describe <l>audit
    "#);
    insta::assert_snapshot!(sized((80, 24), "5m$<space>j<space>k").screen(), @r#"
     prod-eu [RW] 2 staged quorum 3/3 leader mgr-2 t41 1 rotating #18842 12:04Z live
     services > grants             unix:///run/w.sock  <:>command </>filter <?>help
    +- 4 services x 6 secrets  secrets 2-6 ----------------------------------------+
    |                 pay_t~cert pay_t~_key pay_w~_sig sessi~seed smtp_key         |
    |  SERVICE        v1         v2         v1         v1         v1               |
    |> api            .          .          .          *R v1 swp  +A 444 swp       |
    |  batch          .          .          .          .          +A 444 swp       |
    |  edge           *R v1 sig  *R v2 sig  *R v1 sig  .          .                |
    |  worker         .          .          *R v1 swp  .          .                |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
    +- api -> smtp_key ------------------------------------------------------------+
    | staged   + grant: file smtp_key, 0:0 0444, on change swap                    |
    | granted  no: space stages a grant                                            |
    |                                                                              |
    +------------------------------------------------------------------------------+
    +- Staged  2 edits, not sent: <p> plans ---------------------------------------+
    | + grant    api -> smtp_key  file smtp_key, 0:0 0444, on change swap          |
    | + grant    batch -> smtp_key  file smtp_key, 0:0 0444, on change swap        |
    +------------------------------------------------------------------------------+
     *R every task proves it   ?r not yet   +A -D ~C staged   . none   =v3 pinned
     <w>why <space>toggle <e>edit <u>undo <p>plan <tab>rows/columns <esc>back
    "#);
}
