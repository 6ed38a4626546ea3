//! Does a new root take over, and does the old one go only when nobody needs it?

use crate::cluster::{JoinToken, RetiringRoot};
use crate::command::Command;
use crate::ids::NodeId;
use crate::node::Certificate;
use crate::script::{Script, admit, expect, joiner, token};

/// The root called `kN` with tokens of its own.
fn rotate(number: u8, expected: Option<u64>) -> Command {
    Command::RotateRoot {
        root_certificate: format!("PEM {number}"),
        root_fingerprint: format!("f{number}"),
        root_key_id: format!("k{number}"),
        root_not_after_ms: 99,
        sealed_root_key: vec![number],
        cross_signed: format!("cross {number}"),
        worker_token: token(number * 10 + 1),
        manager_token: token(number * 10 + 2),
        expected,
    }
}

fn retire(fingerprint: &str) -> Command {
    Command::RetireRoot {
        fingerprint: fingerprint.into(),
    }
}

fn renew(node: &str, issuer: &str, not_after_ms: i64) -> Command {
    let certificate = Certificate {
        key_fingerprint: format!("key-{node}"),
        issuer: issuer.into(),
        not_after_ms,
        ..Certificate::default()
    };
    Command::SetCertificate {
        node: NodeId::new(node),
        certificate,
    }
}

#[test]
fn a_root_retires_once_no_certificate_hangs_on_it() {
    let mut script = Script::new();
    script.play(admit(&joiner("n3", "opal", 0), 1));
    script.play(admit(&joiner("n4", "jade", 0), 1));
    expect(
        &script.play(rotate(1, None)),
        "cluster\nroot.rotate demo [ok] sha256 00 -> f1",
    );
    let cluster = script.state.cluster().unwrap();
    let retiring = RetiringRoot {
        certificate: "PEM".into(),
        fingerprint: "00".into(),
        key_id: "k0".into(),
        cross_signed: "cross 1".into(),
        since_ms: 1_004,
    };
    assert_eq!(cluster.retiring, [retiring]);
    assert_eq!(
        (cluster.root_certificate.as_str(), cluster.sealed_root_key.as_slice()),
        ("PEM 1", &[1][..])
    );
    // The tokens named the old root.
    expect(
        &script.play(admit(&joiner("n5", "ruby", 0), 1)),
        "Invalid: A valid join token is necessary to join this cluster",
    );
    assert_eq!(script.state.issuers("k0", 1_005), ["opal", "jade"]);
    expect(
        &script.play(retire("00")),
        "Precondition: 2 certificates are still on that root: opal, jade; wait for new certificates",
    );
    script.play(renew("n3", "k1", 1_000_000));
    expect(
        &script.play(retire("00")),
        "Precondition: 1 certificate is still on that root: jade; wait for new certificates",
    );
    // An expired certificate holds nobody up.
    script.play(renew("n4", "k0", 1_009));
    expect(
        &script.play(retire("00")),
        "cluster\nroot.retire demo [ok] sha256 00, no certificate hangs on it",
    );
    expect(
        &script.play(retire("00")),
        "NotFound: no older root has the fingerprint 00; look at the cluster again",
    );
}

#[test]
fn a_rotation_brings_something_new() {
    let mut script = Script::new();
    let index = script.state.cluster().unwrap().version_index;
    expect(
        &script.play(rotate(1, Some(index + 1))),
        "Conflict: update out of sequence",
    );
    script.play(rotate(1, Some(index)));
    let reused = "Invalid: Cannot update to a cert with an identical key";
    expect(&script.play(rotate(1, None)), reused);
    script.play(rotate(2, None));
    expect(&script.play(rotate(1, None)), reused);
    let mut with_old_token = rotate(3, None);
    if let Command::RotateRoot { worker_token, .. } = &mut with_old_token {
        *worker_token = token(22);
    }
    let invalid = "Invalid: a join token needs a secret of its own; propose again with a new one";
    expect(&script.play(with_old_token), invalid);
    let mut without_token = rotate(3, None);
    if let Command::RotateRoot { manager_token, .. } = &mut without_token {
        *manager_token = JoinToken::default();
    }
    expect(&script.play(without_token), invalid);
    for number in 3..=6 {
        script.play(rotate(number, None));
    }
    expect(
        &script.play(rotate(9, None)),
        "Precondition: 6 older roots are still in use; wait until they have retired, or remove the nodes that hold them up",
    );
}
