//! Is a shredded value revoked and its old records ordered away, also when it was revoked before?

use crate::command::Command;
use crate::holding::HoldingState::Present;
use crate::keys::OrderReason;
use crate::script::{Script, create, expect, receipt, receipts, record, revoke, rotate, secret, shred};

#[test]
fn a_shred_is_a_revoke_and_an_order() {
    let mut script = Script::with_web(&["db"]);
    script.play(receipts("n1", vec![receipt("t1", "db", 1, Present)]));
    script.play(rotate("db", 2));
    expect(
        &script.play(shred("db", None)),
        "cluster
         secret s-db
         service svc-web
         task t1
         rotation r-db-2
         holding s-db v1 t1: Present, proven, owed
         rotation.failed db [failed] v1 -> v2: the secret was revoked
         secret.revoke db [ok] every version, cut from 1 service, 1 erasure receipt owed
         secret.destroy db v2 [ok] revoked, and no worker holds it
         secret.shred db [ok] v1, v2: DEK order 1, 1 manager owes it",
    );
    let reason = OrderReason::Shred {
        secret: secret("db"),
        name: "db".into(),
        versions: vec![1, 2],
    };
    assert_eq!(script.state.keys().order(1).unwrap().reason, reason);
    expect(
        &script.play(record("m1", 1, 1)),
        "cluster\ndek.done order 1 [ok] db v1, v2 shredded: harbour",
    );
}

#[test]
fn what_is_revoked_already_is_only_ordered() {
    let mut script = Script::new();
    script.play(create("db"));
    script.play(rotate("db", 2));
    script.play(revoke("db", Some(1)));
    expect(
        &script.play(shred("db", Some(1))),
        "cluster\nsecret.shred db [ok] v1: DEK order 1, 1 manager owes it",
    );
    script.play(revoke("db", None));
    expect(
        &script.play(shred("db", None)),
        "cluster\nsecret.shred db [ok] v1, v2: DEK order 2, 1 manager owes it",
    );
}

#[test]
fn a_shred_is_refused_where_a_revoke_is() {
    let mut script = Script::new();
    script.play(create("db"));
    expect(
        &script.play(shred("db", Some(9))),
        "NotFound: secret db has no version 9; see its versions and name one of them",
    );
    expect(&script.play(shred("none", None)), "NotFound: secret s-none not found");
    let stale = Command::ShredSecret {
        secret: secret("db"),
        version: None,
        expected: Some(1),
    };
    expect(&script.play(stale), "Conflict: update out of sequence");
    assert_eq!(script.state.keys().last_order, 0);
}
