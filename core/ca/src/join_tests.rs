//! Does a machine that joins talk to its cluster's managers and to nobody else?

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use wardroom_keys::SeededChance;

use super::*;
use crate::clock::ManualClock;
use crate::identity::IdentityError;
use crate::issue::Issued;
use crate::root::Root;
use crate::root::tests::{DAY_MS, NOW_MS, issue, next_root, root};
use crate::tls::{NodeTls, Peer};
use crate::token::JoinToken;

const HOUR_MS: i64 = 3_600_000;
const YEAR_MS: i64 = 365 * DAY_MS;

type Joined = Result<(client::TlsStream<DuplexStream>, String), HandshakeError>;

/// A manager that trusts `trusted`, newest first, and shows what it was issued.
fn manager(trusted: &[&Root], issued: &Issued) -> NodeTls {
    let roots: String = trusted.iter().map(|root| root.certificate_pem()).collect();
    let clock = Arc::new(ManualClock::new(NOW_MS));
    NodeTls::new(&roots, &issued.certificate_pem, &issued.key, clock).unwrap()
}

fn member(cluster: &str, role: Role) -> NodeTls {
    manager(&[&root(cluster)], &issue(&root(cluster), "m1", role, 0))
}

fn joiner(root: &Root, after_ms: i64) -> JoinTls {
    let token = JoinToken::create(root.certificate_der(), &SeededChance::new(9));
    JoinTls::new(token.pin(), Arc::new(ManualClock::new(NOW_MS + after_ms)))
}

/// Both ends of one handshake; the server sends a byte as soon as it is done, which the joiner reads.
async fn join(joiner: &JoinTls, server: &NodeTls) -> (Joined, Result<Option<Peer>, HandshakeError>) {
    let (a, b) = tokio::io::duplex(64 * 1024);
    let dial = async {
        let (mut stream, root_pem) = joiner.connect(a).await?;
        stream.read_u8().await?;
        Ok((stream, root_pem))
    };
    let answer = async {
        let (mut stream, peer) = server.accept(b).await?;
        stream.write_u8(1).await?;
        stream.flush().await?;
        Ok(peer)
    };
    tokio::join!(dial, answer)
}

/// What the joiner says against the server, which then heard nothing but an alert.
async fn refusal(joiner: &JoinTls, server: &NodeTls) -> PeerRefusal {
    match join(joiner, server).await {
        (Err(HandshakeError::Refused(refusal)), Err(_)) => refusal,
        (ours, theirs) => panic!("not refused: {:?} {theirs:?}", ours.err()),
    }
}

#[tokio::test]
async fn a_manager_proves_the_root_and_hears_nobody() {
    let root = root("c1");
    let (joined, answered) = join(&joiner(&root, 0), &member("c1", Role::Manager)).await;
    let (stream, root_pem) = joined.unwrap();
    assert_eq!(crate::key_id_of(&root_pem).unwrap(), root.key_id());
    let parsed = crate::certificate::certificates_in(&root_pem).unwrap();
    assert_eq!(parsed[0].as_ref(), root.certificate_der());
    let group = stream.get_ref().1.negotiated_key_exchange_group().unwrap();
    assert_eq!(group.name(), rustls::NamedGroup::X25519MLKEM768);
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    assert_eq!(answered.unwrap(), None);
}

#[tokio::test]
async fn another_cluster_is_refused_in_dockers_words() {
    let (ours, theirs) = (root("c1"), member("c2", Role::Manager));
    let refusal = refusal(&joiner(&ours, 0), &theirs).await;
    assert_eq!(refusal, PeerRefusal::OtherPin(RootPin::of(ours.certificate_der())));
    let text = refusal.to_string();
    let words = format!(
        "remote CA does not match fingerprint. Expected: {}. Nothing was sent.",
        ours.fingerprint()
    );
    assert!(text.starts_with(&words) && text.contains("join-token"), "{text}");
}

#[tokio::test]
async fn a_man_in_the_middle_who_shows_the_right_root_is_refused() {
    let ours = root("c1");
    let not_under = PeerRefusal::NotUnderPin(RootPin::of(ours.certificate_der()));
    // The root is no secret: anybody can add it to a chain of his own.
    let middle = member("c1", Role::Manager);
    for evil in [
        issue(&root("c2"), "m1", Role::Manager, 0),
        issue(&root("c2").forged_for("c1"), "m1", Role::Manager, 0),
        issue(&next_root("c1", 1), "m1", Role::Manager, 0),
    ] {
        middle.danger_show(&evil.certificate_pem, &evil.key);
        assert_eq!(refusal(&joiner(&ours, 0), &middle).await, not_under);
    }
}

#[tokio::test]
async fn a_worker_that_plays_the_root_is_refused() {
    let ours = root("c1");
    let worker = issue(&ours, "w1", Role::Worker, 0);
    let evil = issue(&Root::played_by(&worker, "c1"), "m1", Role::Manager, 0);
    let middle = member("c1", Role::Manager);
    middle.danger_show(&(evil.certificate_pem + &worker.certificate_pem), &evil.key);
    assert!(join(&joiner(&ours, 0), &middle).await.0.is_err());
}

#[tokio::test]
async fn a_stolen_certificate_without_its_key_is_refused() {
    let ours = root("c1");
    let middle = member("c1", Role::Manager);
    let key = issue(&ours, "m2", Role::Manager, 0).key;
    middle.danger_show(&issue(&ours, "m1", Role::Manager, 0).certificate_pem, &key);
    let (joined, answered) = join(&joiner(&ours, 0), &middle).await;
    assert!(joined.is_err() && answered.is_err());
}

#[tokio::test]
async fn only_a_manager_of_the_roots_cluster_is_believed() {
    let ours = root("c1");
    let refused = refusal(&joiner(&ours, 0), &member("c1", Role::Worker)).await;
    assert!(
        matches!(
            refused,
            PeerRefusal::OtherRole {
                expected: "wardroom-manager",
                ..
            }
        ),
        "{refused}"
    );
    for role in [Role::Viewer, Role::Operator, Role::Admin] {
        assert_eq!(
            refusal(&joiner(&ours, 0), &member("c1", role)).await,
            PeerRefusal::NoServer
        );
    }
    let forged = member("c1", Role::Manager);
    let issued = issue(&ours.forged_for("c2"), "m1", Role::Manager, 0);
    forged.danger_show(&issued.certificate_pem, &issued.key);
    let other = PeerRefusal::OtherCluster {
        expected: "c1".into(),
        found: "c2".into(),
    };
    assert_eq!(refusal(&joiner(&ours, 0), &forged).await, other);
}

#[tokio::test]
async fn a_clock_within_an_hour_will_do() {
    let server = member("c1", Role::Manager);
    for after_ms in [-HOUR_MS, HOUR_MS] {
        assert!(
            join(&joiner(&root("c1"), after_ms), &server).await.0.is_ok(),
            "{after_ms} ms"
        );
    }
}

#[tokio::test]
async fn a_clock_that_is_further_off_is_named() {
    let server = member("c1", Role::Manager);
    let refused = async |after_ms| refusal(&joiner(&root("c1"), after_ms), &server).await;
    for after_ms in [-HOUR_MS - 1000, -10 * YEAR_MS] {
        let early = refused(after_ms).await;
        assert!(matches!(early, PeerRefusal::NotYetValid { .. }), "{early}");
        assert!(early.to_string().contains("compare the clocks"), "{early}");
    }
    let late = refused(10 * YEAR_MS).await;
    assert!(matches!(late, PeerRefusal::Expired { .. }), "{late}");
    let text = late.to_string();
    let dates = "expired at 2026-12-20 14:13:20 UTC, and it is 2036-09-18 14:13:20 UTC here";
    assert!(
        text.contains(dates) && text.contains("set the clock of this machine"),
        "{text}"
    );
    // Before 1970 there is no certificate either.
    assert!(matches!(refused(-100 * YEAR_MS).await, PeerRefusal::NotYetValid { .. }));
}

#[tokio::test]
async fn a_manager_with_an_expired_certificate_is_refused() {
    let old = issue(&root("c1"), "m1", Role::Manager, -91 * DAY_MS);
    let refused = refusal(&joiner(&root("c1"), 0), &manager(&[&root("c1")], &old)).await;
    assert!(matches!(refused, PeerRefusal::Expired { .. }), "{refused}");
    assert!(
        refused.to_string().contains("otherwise renew that certificate"),
        "{refused}"
    );
}

/// While a root takes over, a token names the old one or the new one, and managers are at different points.
#[tokio::test]
async fn a_rotation_under_way_is_told_from_a_stranger() {
    let (old, new) = (root("c1"), next_root("c1", 0));
    let mut renewed = issue(&new, "m1", Role::Manager, 0);
    renewed.certificate_pem += &old.cross_sign(&new).unwrap();
    let waiting = issue(&old, "m1", Role::Manager, 0);
    let pin_of = |root: &Root| RootPin::of(root.certificate_der());
    let (by_old, by_new) = (joiner(&old, 0), joiner(&new, 0));

    for server in [manager(&[&new, &old], &renewed), manager(&[&new], &renewed)] {
        let (_, root_pem) = join(&by_new, &server).await.0.unwrap();
        assert_eq!(crate::key_id_of(&root_pem).unwrap(), new.key_id());
    }
    // The root is trusted still: the cluster itself says what it thinks of the old token.
    for server in [manager(&[&new, &old], &renewed), manager(&[&new, &old], &waiting)] {
        let (_, root_pem) = join(&by_old, &server).await.0.unwrap();
        assert_eq!(crate::key_id_of(&root_pem).unwrap(), old.key_id());
    }
    let not_yet = refusal(&by_new, &manager(&[&new, &old], &waiting)).await;
    assert_eq!(not_yet, PeerRefusal::NotUnderPin(pin_of(&new)));
    assert!(not_yet.to_string().contains("try again"), "{not_yet}");
    let too_old = refusal(&by_old, &manager(&[&new], &renewed)).await;
    assert_eq!(too_old, PeerRefusal::OtherPin(pin_of(&old)));
}

#[tokio::test]
async fn what_speaks_no_tls_is_refused() {
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    far.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    let error = joiner(&root("c1"), 0).connect(near).await.err().unwrap();
    assert!(matches!(error, HandshakeError::Protocol(_)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stays_silent_is_given_up() {
    let (near, _far) = tokio::io::duplex(64 * 1024);
    let error = joiner(&root("c1"), 0).connect(near).await.err().unwrap();
    assert!(matches!(error, HandshakeError::Timeout), "{error:?}");
}

#[test]
fn garbage_under_the_pin_is_refused_with_a_reason() {
    let garbage = CertificateDer::from(&b"no certificate"[..]);
    let verifier = PinVerifier {
        pin: RootPin::of(&garbage),
        provider: Arc::new(provider()),
    };
    let leaf = CertificateDer::from(issue(&root("c1"), "m1", Role::Manager, 0).certificate_der().to_vec());
    let judged = verifier.verify_server_cert(&leaf, &[garbage], &manager_name(), &[], crate::own::unix_time(NOW_MS));
    let error = HandshakeError::from(judged.unwrap_err());
    assert!(matches!(
        error,
        HandshakeError::Refused(PeerRefusal::Unusable(IdentityError::Malformed))
    ));
}
