//! A backup by keys: where to, for whom, the bytes as they come, the file at last; the passphrase nowhere.

use wardroom_api::CallError;

use super::play::{Play, play};
use crate::tui::msg::{Answer, BackedUp, Call, Msg};

const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

fn assert_hidden(play: &mut Play) {
    let texts = [
        play.screen(),
        format!("{:?}", play.model),
        format!("{:?}", play.effects),
    ];
    for text in &texts {
        assert!(!text.contains("c4n4ry"), "{text}");
    }
}

#[test]
fn a_backup_for_a_recipient_from_form_to_result() {
    let mut play = play("1b/srv/cluster.age<tab><tab>");
    play.keys(RECIPIENT).keys("<enter>");
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     cluster > prod-eu > backup        unix:///run/w.sock    1 file [2 plan]  3 run
    +- Plan, computed at #18842 (nothing has been changed yet) --------------------+
    | + create   /srv/cluster.age on this machine, readable by you alone           |
    | + create   seal             age, for 1 recipient                             |
    | = keep     the cluster      goes on meanwhile, nothing stops                 |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
    +- Checks ---------------------------------------------------------------------+
    | ok    quorum 3/3                                                             |
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
     whoever opens the file has every secret: keep it and its key apart
     same as  $ wardroom backup create --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqg~
     type the cluster's name to run:  [_______]



     <enter>run once the name matches <esc>back
    "#);
    play.keys("prod-eu<enter>");
    let (ticket, call) = play.last_call();
    let Call::Backup(order) = call else { panic!("{call:?}") };
    assert_eq!(
        (order.path.as_str(), order.request.recipients.len()),
        ("/srv/cluster.age", 1)
    );
    assert!(order.request.passphrase.is_none());
    play.send(Msg::Written(ticket, 1_258_291));
    play.shows("writing the file: 1.1M so far ...");
    play.send(Msg::Written(ticket + 1, 9_999_999));
    play.shows("1.1M so far");
    play.answer(Ok(Answer::BackedUp(BackedUp {
        index: 18_842,
        bytes: 4_194_304,
    })));
    insta::assert_snapshot!(play.screen(), @r#"
     prod-eu [RW] quorum 3/3 leader mgr-2 t41 1 rotating          #18842 12:04Z live
     cluster > prod-eu > backup        unix:///run/w.sock    1 file  2 plan [3 run]
    +- backup  DONE ---------------------------------------------------------------+
    | 4.0M written, the state in it is at #18842; prove it with `wardroom backup   |
    | verify`                                                                      |
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
    |                                                                              |
    |                                                                              |
    +------------------------------------------------------------------------------+
     <enter>leave <esc>leave
     12:04:47 ok  backup of prod-eu written, its state is at #18842
    "#);
}

#[test]
fn a_passphrase_is_typed_twice_and_shown_nowhere() {
    let mut play = play(":backup<enter>/srv/cluster.age<tab><right><tab>");
    play.keys("c4n4ry in a coal mine<tab>c4n4ry");
    play.shows("(21 bytes, hidden)");
    assert_hidden(&mut play);
    play.keys("<enter>");
    play.shows("the passphrases differ: type both again");
    play.keys(" in a coal mine<enter>");
    play.shows("age, opened by the passphrase");
    play.shows("same as  $ wardroom backup create /srv/cluster.age");
    play.keys("prod-eu<enter>");
    let (_, call) = play.last_call();
    let Call::Backup(order) = call else { panic!("{call:?}") };
    let passphrase = order.request.passphrase.clone().map(|mut it| it.take());
    assert_eq!(passphrase.as_deref(), Some(&b"c4n4ry in a coal mine"[..]));
    assert_hidden(&mut play);
    play.answer(Ok(Answer::BackedUp(BackedUp { index: 1, bytes: 1 })));
    assert_hidden(&mut play);
    let form = &play.model.wizard.as_ref().unwrap().form;
    for id in [
        crate::tui::wizard::form::Id::Passphrase,
        crate::tui::wizard::form::Id::Again,
    ] {
        assert!(form.secret(id).unwrap().is_empty(), "{id:?}");
    }
}

#[test]
fn another_way_to_open_it_wipes_the_passphrase() {
    let mut play = play("1b/x<tab><right><tab>c4n4ry<up><left>");
    let form = &play.model.wizard.as_ref().unwrap().form;
    assert!(
        form.secret(crate::tui::wizard::form::Id::Passphrase)
            .unwrap()
            .is_empty()
    );
    play.shows("recipients");
}

#[test]
fn what_cannot_be_is_refused_before_the_plan() {
    let mut play = play("1b<enter><enter><enter>");
    play.shows("type the path of the file to write");
    play.keys("<up><up>~/x<enter><enter><enter>");
    play.shows("write the path in full: ~ means nothing here");
    play.keys("<up><up><ctrl-w>/x<enter><enter>ssh-ed25519<enter>");
    play.shows("'ssh-ed25519' is no age recipient");
    assert_eq!(play.calls(), 0);
}

#[test]
fn a_file_that_is_there_keeps_the_plan_and_says_so() {
    let mut play = play("1b/srv/cluster.age<tab><tab>");
    play.keys(RECIPIENT).keys("<enter>prod-eu<enter>");
    play.answer(Err(CallError::Precondition(
        "/srv/cluster.age is there already: name another file".into(),
    )));
    play.shows("ERROR: /srv/cluster.age is there already: name another file");
    play.keys("<esc><ctrl-w>/srv/other.age<enter><enter><enter>");
    play.shows("+ create   /srv/other.age");
}

#[test]
fn a_wizard_that_is_left_hears_of_the_backup_later() {
    let mut play = play("1b/srv/cluster.age<tab><tab>");
    play.keys(RECIPIENT).keys("<enter>prod-eu<enter><esc>");
    assert!(play.model.wizard.is_none());
    play.shows("the change was sent already; its result comes as a message");
    play.answer(Ok(Answer::BackedUp(BackedUp {
        index: 18_842,
        bytes: 100,
    })));
    play.shows("the backup is written, its state is at #18842");
}
