//! Do two nodes come together exactly when they should? Handshakes over an in-memory stream.

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

use rustls::NamedGroup;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;
use crate::clock::ManualClock;
use crate::issue::Issued;
use crate::root::Root;
use crate::root::tests::{DAY_MS, NOW_MS, issue, root};

pub(super) type Accepted = Result<(server::TlsStream<DuplexStream>, Option<Peer>), HandshakeError>;
pub(super) type Connected = Result<client::TlsStream<DuplexStream>, HandshakeError>;

/// A node's TLS, trusting `trusted`, with a certificate from `signer`, at its own clock.
fn node_of(trusted: &Root, signer: &Root, id: &str, role: Role, clock: &Arc<ManualClock>) -> NodeTls {
    let issued = issue(signer, id, role, 0);
    let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    NodeTls::new(trusted.certificate_pem(), &issued.certificate_pem, &issued.key, clock).unwrap()
}

pub(super) fn clock(after_ms: i64) -> Arc<ManualClock> {
    Arc::new(ManualClock::new(NOW_MS + after_ms))
}

pub(super) fn node(cluster: &str, id: &str, role: Role) -> NodeTls {
    let root = root(cluster);
    node_of(&root, &root, id, role, &clock(0))
}

/// Both ends of one handshake; the client also reads once, to hear what the server thinks of its certificate.
pub(super) async fn meet(near: &NodeTls, far: &NodeTls, expected: ExpectPeer) -> (Connected, Accepted) {
    let (a, b) = tokio::io::duplex(64 * 1024);
    let dial = async {
        let mut stream = near.connect(a, expected).await?;
        stream.read_u8().await?;
        Ok(stream)
    };
    let answer = async {
        let (mut stream, peer) = far.accept(b).await?;
        stream.write_u8(1).await?;
        Ok((stream, peer))
    };
    tokio::join!(dial, answer)
}

async fn refused_by_client(near: &NodeTls, far: &NodeTls, expected: ExpectPeer) -> PeerRefusal {
    match meet(near, far, expected).await {
        (Err(HandshakeError::Refused(refusal)), Err(_)) => refusal,
        (dialled, _) => panic!("not refused by the client: {:?}", dialled.err()),
    }
}

async fn refused_by_server(near: &NodeTls, far: &NodeTls) -> PeerRefusal {
    match meet(near, far, ExpectPeer::AnyManager).await {
        (Err(HandshakeError::ToldRefused | HandshakeError::ToldExpired), Err(HandshakeError::Refused(refusal))) => {
            refusal
        }
        (dialled, answered) => panic!("not refused by the server: {:?} {:?}", dialled.err(), answered.err()),
    }
}

#[tokio::test]
async fn nodes_of_one_cluster_meet_over_the_hybrid_key_exchange() {
    let (worker, manager) = (node("c1", "w1", Role::Worker), node("c1", "m1", Role::Manager));
    let (dialled, answered) = meet(&worker, &manager, ExpectPeer::Node("m1".into())).await;
    let (stream, peer) = answered.unwrap();
    assert_eq!(peer, Some((worker.identity(), worker.facts())));
    let dialled = dialled.unwrap();
    for state in [&**stream.get_ref().1 as &CommonState, &**dialled.get_ref().1] {
        assert_eq!(
            state.negotiated_key_exchange_group().unwrap().name(),
            NamedGroup::X25519MLKEM768
        );
        assert_eq!(state.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
        assert_eq!(state.alpn_protocol(), Some(ALPN));
    }
    assert_eq!(dialled.get_ref().1.tls13_tickets_received(), 0);
}

#[tokio::test]
async fn a_manager_of_the_wrong_name_or_a_worker_is_refused() {
    let (near, manager) = (node("c1", "m2", Role::Manager), node("c1", "m1", Role::Manager));
    let refusal = refused_by_client(&near, &manager, ExpectPeer::Node("m3".into())).await;
    assert_eq!(
        refusal,
        PeerRefusal::OtherNode {
            expected: "m3".into(),
            found: "m1".into()
        }
    );

    let worker = node("c1", "w1", Role::Worker);
    for expected in [ExpectPeer::AnyManager, ExpectPeer::Node("w1".into())] {
        let refusal = refused_by_client(&near, &worker, expected).await;
        assert_eq!(
            refusal,
            PeerRefusal::OtherRole {
                expected: "wardroom-manager",
                node_id: "w1".into()
            }
        );
        assert!(
            refusal
                .to_string()
                .starts_with("Permission denied: remote certificate not part of OUs: [wardroom-manager]")
        );
    }
}

#[tokio::test]
async fn another_root_is_refused_on_both_sides() {
    let (ours, theirs) = (node("c1", "m1", Role::Manager), node("c2", "m1", Role::Manager));
    assert_eq!(
        refused_by_client(&ours, &theirs, ExpectPeer::AnyManager).await,
        PeerRefusal::OtherRoot
    );

    // A client that believes our root but has a certificate of its own making: the server has to notice.
    let liar = intruder("c1", &issue(&root("c2"), "m2", Role::Manager, 0));
    assert_eq!(refused_by_server(&liar, &ours).await, PeerRefusal::OtherRoot);
}

#[tokio::test]
async fn another_cluster_under_the_same_key_is_refused_on_both_sides() {
    let ours = node("c1", "m1", Role::Manager);
    let other = PeerRefusal::OtherCluster {
        expected: "c1".into(),
        found: "c2".into(),
    };
    let forged = intruder("c1", &issue(&root("c1").forged_for("c2"), "m2", Role::Manager, 0));
    assert_eq!(refused_by_client(&ours, &forged, ExpectPeer::AnyManager).await, other);
    assert_eq!(refused_by_server(&forged, &ours).await, other);
}

/// A node that shows a certificate which its own checks would refuse.
fn intruder(trusted: &str, shown: &Issued) -> NodeTls {
    let honest = node(trusted, "m2", Role::Manager);
    honest.danger_show(&shown.certificate_pem, &shown.key);
    honest
}

#[tokio::test]
async fn validity_is_judged_by_the_clock_of_each_end() {
    let root = root("c1");
    let at = |id, after_ms| node_of(&root, &root, id, Role::Manager, &clock(after_ms));
    let (today, later, earlier) = (at("m1", 0), at("m2", 91 * DAY_MS), at("m3", -DAY_MS));

    let now = u64::try_from((NOW_MS + 91 * DAY_MS) / 1000).unwrap();
    let not_after = now - 24 * 3600;
    assert_eq!(
        refused_by_server(&today, &later).await,
        PeerRefusal::Expired { not_after, now }
    );
    let now = u64::try_from((NOW_MS - DAY_MS) / 1000).unwrap();
    let not_before = now + 23 * 3600;
    let not_yet = PeerRefusal::NotYetValid { not_before, now };
    assert_eq!(refused_by_server(&today, &earlier).await, not_yet);
    assert_eq!(
        refused_by_client(&earlier, &today, ExpectPeer::AnyManager).await,
        not_yet
    );

    let error = meet(&later, &today, ExpectPeer::AnyManager).await.0.unwrap_err();
    assert!(matches!(error, HandshakeError::OwnExpired));
    let words = "Swarm certificates have expired. To replace them, leave the swarm and join again.";
    let text = error.to_string();
    assert!(
        text.starts_with(words) && text.contains("`wardroom swarm join`") && text.contains("keeps its id"),
        "{text}"
    );
}

#[tokio::test]
async fn the_clock_can_make_a_good_certificate_old_between_two_handshakes() {
    let root = root("c1");
    let time = clock(0);
    let (near, far) = (
        node("c1", "m1", Role::Manager),
        node_of(&root, &root, "m2", Role::Manager, &time),
    );
    assert!(meet(&near, &far, ExpectPeer::AnyManager).await.1.is_ok());
    time.advance(91 * DAY_MS);
    assert!(matches!(
        refused_by_server(&near, &far).await,
        PeerRefusal::Expired { .. }
    ));
}

#[tokio::test]
async fn whoever_comes_with_an_expired_certificate_hears_what_to_do() {
    let root = root("c1");
    // By its own clock, which is behind, the client's certificate is still good.
    let near = node_of(&root, &root, "w1", Role::Worker, &clock(50 * DAY_MS));
    let young = issue(&root, "m1", Role::Manager, 45 * DAY_MS);
    let far = NodeTls::new(
        root.certificate_pem(),
        &young.certificate_pem,
        &young.key,
        clock(91 * DAY_MS),
    )
    .unwrap();
    let (dialled, answered) = meet(&near, &far, ExpectPeer::AnyManager).await;
    let (told, seen) = (dialled.unwrap_err(), answered.unwrap_err());
    assert!(matches!(told, HandshakeError::ToldExpired), "{told:?}");
    assert!(
        told.to_string().contains("`wardroom swarm join` with a token"),
        "{told}"
    );
    assert!(
        matches!(seen, HandshakeError::Refused(PeerRefusal::Expired { .. })),
        "{seen:?}"
    );
    assert!(seen.to_string().contains("let that node join again"), "{seen}");
}

#[tokio::test]
async fn an_operators_client_comes_in_by_its_role_and_answers_nobody() {
    let manager = node("c1", "m1", Role::Manager);
    for role in [Role::Viewer, Role::Operator, Role::Admin] {
        let client = node("c1", "op1", role);
        let (_, peer) = meet(&client, &manager, ExpectPeer::AnyManager).await.1.unwrap();
        assert_eq!(peer, Some((client.identity(), client.facts())));
        assert_eq!(
            (client.identity().node_id.as_str(), client.identity().role),
            ("op1", role)
        );
        assert!(!role.is_node());
        assert_eq!(
            refused_by_client(&manager, &client, ExpectPeer::Node("op1".into())).await,
            PeerRefusal::NoServer
        );
    }
}

#[tokio::test]
async fn a_node_that_plays_the_root_is_refused_on_both_sides() {
    let ours = node("c1", "m1", Role::Manager);
    let thief = issue(&root("c1"), "w1", Role::Worker, 0);
    let mut evil = issue(&Root::played_by(&thief, "c1"), "m2", Role::Manager, 0);
    evil.certificate_pem += &thief.certificate_pem;
    let evil = intruder("c1", &evil);
    for (near, far) in [(&ours, &evil), (&evil, &ours)] {
        let (dialled, answered) = meet(near, far, ExpectPeer::AnyManager).await;
        assert!(dialled.is_err() && answered.is_err());
    }
}

#[tokio::test]
async fn nobody_connects_to_a_removed_node_and_it_comes_in_to_be_told() {
    let (near, far) = (node("c1", "m1", Role::Manager), node("c1", "m2", Role::Manager));
    far.refused().refuse("m1");
    let (_, answered) = meet(&near, &far, ExpectPeer::AnyManager).await;
    let (_, peer) = answered.unwrap();
    assert_eq!(
        peer.unwrap().0.node_id,
        "m1",
        "whoever answers its calls knows whom to refuse"
    );
    let refusal = refused_by_client(&far, &near, ExpectPeer::AnyManager).await;
    assert_eq!(refusal, PeerRefusal::Removed("m1".into()));
    assert!(
        refusal
            .to_string()
            .starts_with("Permission denied: node m1 was removed from swarm")
    );
}

#[tokio::test]
async fn a_new_certificate_is_shown_while_old_connections_go_on() {
    let (near, far) = (node("c1", "m1", Role::Manager), node("c1", "m2", Role::Manager));
    let (dialled, answered) = meet(&near, &far, ExpectPeer::AnyManager).await;
    let (mut dialled, (mut answered, old)) = (dialled.unwrap(), answered.unwrap());

    let renewed = issue(&root("c1"), "m1", Role::Worker, DAY_MS / 48);
    near.reload(&renewed.certificate_pem, &renewed.key).unwrap();
    dialled.write_all(b"still here").await.unwrap();
    dialled.flush().await.unwrap();
    let mut heard = [0; 10];
    answered.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"still here");

    let (_, new) = meet(&near, &far, ExpectPeer::AnyManager).await.1.unwrap();
    let ((identity, new), (_, old)) = (new.unwrap(), old.unwrap());
    assert_ne!(new.fingerprint, old.fingerprint);
    assert_eq!((identity.role, new), (Role::Worker, near.facts()));
}

#[test]
fn a_node_names_its_key_as_its_request_did() {
    let tls = node("c1", "m1", Role::Manager);
    let renewed = issue(&root("c1"), "m1", Role::Manager, 1000);
    tls.reload(&renewed.certificate_pem, &renewed.key).unwrap();
    let asked = crate::KeyRequest::with_key(renewed.key).unwrap();
    assert_eq!(tls.key_fingerprint(), asked.key_fingerprint);
}

#[test]
fn a_certificate_that_is_not_ours_is_not_taken() {
    let tls = node("c1", "m1", Role::Manager);
    let before = tls.facts();
    let reload = |issued: &Issued| tls.reload(&issued.certificate_pem, &issued.key).unwrap_err();
    let other = CredentialError::OtherNode {
        expected: "m1".into(),
        found: "m2".into(),
    };
    assert_eq!(reload(&issue(&root("c1"), "m2", Role::Manager, 0)), other);
    let cluster = CredentialError::OtherCluster {
        expected: "c1".into(),
        found: "c2".into(),
    };
    assert_eq!(reload(&issue(&root("c2"), "m1", Role::Manager, 0)), cluster);
    assert_eq!(
        reload(&issue(&root("c2").forged_for("c1"), "m1", Role::Manager, 0)),
        CredentialError::OtherRoot
    );
    let (one, two) = (
        issue(&root("c1"), "m1", Role::Manager, 0),
        issue(&root("c1"), "m1", Role::Manager, 1),
    );
    assert_eq!(
        tls.reload(&one.certificate_pem, &two.key),
        Err(CredentialError::KeyMismatch)
    );
    assert_eq!(
        tls.reload(&one.certificate_pem, &SecretBytes::new(vec![0; 48])),
        Err(CredentialError::Key)
    );
    assert_eq!(tls.facts(), before);
}
