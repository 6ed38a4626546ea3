//! Does a large cluster stay quick? What is off the screen is not built, and a message costs what it changed. Times are
//! compared within one run, with room for a busy machine: what is guarded against is a hundredfold.

use std::time::{Duration, Instant};

use wardroom_api::ClusterView;
use wardroom_api::v1::{AuditRecord, Change, Changes, Holding, Secret, change, watch_message};

use super::fixture::{NOW, cluster};
use super::play::{Play, play};
use crate::tui::model::list::ListId;

/// Tries of which the quickest counts, and as many as it may take on a machine that is busy.
const TRIES: usize = 7;
const TRIES_MAX: usize = 100;

fn record(sequence: u64) -> AuditRecord {
    AuditRecord {
        sequence,
        index: sequence,
        at_ms: NOW - 200 * 86_400_000,
        actor: "admin:jo".into(),
        action: "secret.deliver".into(),
        object: format!("secret_{sequence}"),
        outcome: "ok".into(),
        ..AuditRecord::default()
    }
}

/// The hand-made cluster with that many more secrets, each held once, and audit records.
fn large(secrets: usize, records: u64) -> ClusterView {
    let mut view = cluster();
    let template = view.secrets["s-session_seed"].clone();
    for number in 0..secrets {
        // Ids in another order than names, as random ids are.
        let secret = Secret {
            id: format!("s{:05}", number * 7919 % 100_003),
            name: format!("secret_{number:05}"),
            ..template.clone()
        };
        let holding = Holding {
            node_id: format!("id-wrk-{}", 1 + number % 2),
            task_id: "t-api.1".into(),
            secret_id: secret.id.clone(),
            version: 1,
            target: secret.name.clone(),
            ..Holding::default()
        };
        view.holdings.insert(holding.id(), holding);
        view.secrets.insert(secret.id.clone(), secret);
    }
    for sequence in 0..records {
        view.audit.insert(sequence, record(sequence));
    }
    view
}

fn shown(view: ClusterView, keys: &str) -> Play {
    let mut play = play("");
    play.show(view);
    play.keys(keys);
    play
}

fn change(play: &mut Play, put: impl Into<wardroom_api::v1::Object>) {
    let index = play.model.cluster.index + 1;
    let put = Change {
        action: Some(change::Action::Put(put.into())),
    };
    play.feed(watch_message::Body::Changes(Changes { changes: vec![put] }), index);
}

/// The one takes less than that many times as long as the other. Both in turn, each by its quickest try, so that what else
/// runs on the machine counts for neither; and where it does, they go on until both have had a moment to themselves.
fn assert_within(factor: u32, mut large: impl FnMut(), mut small: impl FnMut(), what: &str) {
    let (mut slow, mut quick) = (Duration::MAX, Duration::MAX);
    for round in 1..=TRIES_MAX {
        quick = quick.min(time(&mut small));
        slow = slow.min(time(&mut large));
        if round >= TRIES && slow < quick * factor {
            return;
        }
    }
    panic!("{what}: {slow:?} against {quick:?}");
}

fn time(act: &mut impl FnMut()) -> Duration {
    let begin = Instant::now();
    act();
    begin.elapsed()
}

#[test]
fn a_key_costs_the_same_in_a_list_of_any_length() {
    for (keys, what) in [("4", "10 000 secrets"), ("7", "100 000 records")] {
        let walk = |secrets, records| {
            let mut play = shown(large(secrets, records), keys);
            move || {
                play.keys("jk<pgdn>j");
                play.buffer();
            }
        };
        assert_within(6, walk(10_000, 100_000), walk(100, 100), what);
    }
}

#[test]
fn a_message_about_something_else_makes_no_rows() {
    let mut play = shown(large(10_000, 0), "4");
    change(&mut play, record(7));
    assert!(!play.model.rows_stale);
    let hear = |secrets| {
        let mut play = shown(large(secrets, 0), "4");
        move || {
            change(&mut play, record(8));
            play.buffer();
        }
    };
    assert_within(6, hear(10_000), hear(100), "a record while 10 000 secrets are shown");
}

#[test]
fn many_messages_make_the_rows_once() {
    let renamed = |number: usize| Secret {
        id: "s-smtp_key".into(),
        name: format!("renamed_{number}"),
        ..Secret::default()
    };
    let hear = |messages: usize| {
        let mut play = shown(large(10_000, 0), "4");
        move || {
            (0..messages).for_each(|number| change(&mut play, renamed(number)));
            play.buffer();
        }
    };
    assert_within(10, hear(200), hear(1), "200 messages before a frame");
    let mut play = shown(large(10_000, 0), "4");
    (0..200).for_each(|number| change(&mut play, renamed(number)));
    play.buffer();
    let list = play.model.list(ListId::Secrets).unwrap();
    assert_eq!((list.keys.len(), play.screen().contains("renamed_199")), (10_006, true));
}

#[test]
fn rows_are_made_in_time_that_grows_with_their_number() {
    for keys in ["1", "4", "7", "4/secret_0", "4A", "6"] {
        let make = |rows: u16| {
            let mut play = shown(large(usize::from(rows), u64::from(rows)), keys);
            move || {
                play.model.rows_stale = true;
                play.buffer();
            }
        };
        // Twenty times the rows: a walk through everything for every row would take four hundred times as long.
        assert_within(150, make(2000), make(100), keys);
    }
}

#[test]
fn audit_records_are_bounded_on_this_side() {
    let mut play = shown(large(0, 100_000), "7");
    change(&mut play, record(100_000));
    assert_eq!(play.model.cluster.audit.len(), 10_000);
    play.model.settle();
    assert_eq!(play.model.list(ListId::Audit).unwrap().keys[0], "100000");
}
