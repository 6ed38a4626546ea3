//! Does a cluster stay together while one root takes over from another? Every pair of nodes, at every point of the way.

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::tests::meet;
use super::*;
use crate::clock::ManualClock;
use crate::identity::IdentityError;
use crate::issue::Issued;
use crate::own::CredentialError;
use crate::root::Root;
use crate::root::tests::{DAY_MS, NOW_MS, issue, next_root, root};

/// Roots that followed each other, the oldest first, all made on one day.
fn roots(count: usize) -> Vec<Root> {
    let later = (1..count).map(|number| {
        let chance = wardroom_keys::SeededChance::new(1).derive(&format!("root {number}"));
        Root::create("c1", &ManualClock::new(NOW_MS), &chance).unwrap()
    });
    std::iter::once(root("c1")).chain(later).collect()
}

/// Newest first, as a bundle has them.
fn bundle(trusted: &[&Root]) -> String {
    trusted.iter().map(|root| root.certificate_pem()).collect()
}

/// What the last root issues, with the way back to the first, or as many steps of it as there shall be.
fn issued_by_last(roots: &[Root], id: &str, steps: usize) -> Issued {
    let mut issued = issue(roots.last().unwrap(), id, Role::Manager, 0);
    for pair in roots.windows(2).rev().take(steps) {
        issued.certificate_pem += &pair[0].cross_sign(&pair[1]).unwrap();
    }
    issued
}

fn node(trusted: &[&Root], issued: &Issued) -> Result<NodeTls, CredentialError> {
    let clock = Arc::new(ManualClock::new(NOW_MS));
    NodeTls::new(&bundle(trusted), &issued.certificate_pem, &issued.key, clock)
}

/// Whether the two come together; a handshake that fails does so at both ends and by the unknown root.
async fn met(near: &NodeTls, far: &NodeTls) -> bool {
    match meet(near, far, ExpectPeer::AnyManager).await {
        (Ok(_), Ok(_)) => true,
        (Err(HandshakeError::Refused(PeerRefusal::OtherRoot)), Err(_))
        | (Err(HandshakeError::ToldRefused), Err(HandshakeError::Refused(PeerRefusal::OtherRoot))) => false,
        (dialled, answered) => panic!("neither met nor refused: {:?} {:?}", dialled.err(), answered.err()),
    }
}

/// The roots a node trusts, and whether the new one issued its certificate.
type Point<'a> = (&'a [&'a Root], bool);

/// By what it trusts and by whose certificate it has: all that a node can be during a rotation. Only who has given up
/// the old root and who still lives by it do not meet.
#[tokio::test]
async fn every_pair_meets_but_for_the_one_that_gave_up_the_others_root() {
    let roots = roots(2);
    let (old, new) = (&roots[0], &roots[1]);
    let points: [Point<'_>; 5] = [
        (&[old], false),
        (&[old], true),
        (&[new, old], false),
        (&[new, old], true),
        (&[new], true),
    ];
    let at = |id: &str, (trusted, is_renewed): Point<'_>| {
        let issued = if is_renewed {
            issued_by_last(&roots, id, 1)
        } else {
            issue(old, id, Role::Manager, 0)
        };
        node(trusted, &issued).unwrap()
    };
    for near in points {
        for far in points {
            let gave_up = |(trusted, _): Point<'_>| trusted.iter().all(|root| root.key_id() != old.key_id());
            let apart = |one: Point<'_>, other: Point<'_>| gave_up(one) && !other.1;
            let expected = !apart(near, far) && !apart(far, near);
            let is_met = met(&at("m1", near), &at("m2", far)).await;
            let named = |(trusted, is_renewed): Point<'_>| (trusted.len(), gave_up((trusted, is_renewed)), is_renewed);
            assert_eq!(is_met, expected, "{:?} {:?}", named(near), named(far));
        }
    }
}

#[tokio::test]
async fn two_rotations_in_a_row_are_followed_from_any_root() {
    let roots = roots(3);
    let (r1, r2, r3) = (&roots[0], &roots[1], &roots[2]);
    let ahead = node(&[r3, r2, r1], &issued_by_last(&roots, "m1", 2)).unwrap();
    let sets: [&[&Root]; 6] = [&[r1], &[r2, r1], &[r2], &[r3, r2, r1], &[r3, r2], &[r3]];
    for trusted in sets {
        let other = node(trusted, &issued_by_last(&roots, "m2", 2)).unwrap();
        assert!(met(&ahead, &other).await && met(&other, &ahead).await);
    }
    // Who trusts only the first, and still lives by it.
    let behind = node(&[r1], &issue(r1, "m2", Role::Manager, 0)).unwrap();
    assert!(met(&behind, &ahead).await && met(&ahead, &behind).await);
    // In whatever order the intermediates are shown.
    let mut crossed = issue(r3, "m1", Role::Manager, 0);
    crossed.certificate_pem += &r1.cross_sign(r2).unwrap();
    crossed.certificate_pem += &r2.cross_sign(r3).unwrap();
    assert!(met(&behind, &node(&[r3, r1], &crossed).unwrap()).await);
}

#[tokio::test]
async fn a_missing_intermediate_breaks_the_way() {
    let roots = roots(3);
    let (r1, r3) = (&roots[0], &roots[2]);
    let behind = node(&[r1], &issue(r1, "m2", Role::Manager, 0)).unwrap();
    for steps in [0, 1] {
        let cut = node(&[r3, r1], &issued_by_last(&roots, "m1", steps)).unwrap();
        assert!(!met(&behind, &cut).await && !met(&cut, &behind).await, "{steps} steps");
    }
}

/// Six is what the library that builds paths allows. A root is retired before six others have followed it.
#[tokio::test]
async fn six_rotations_in_a_row_are_followed() {
    let roots = roots(7);
    let all: Vec<&Root> = roots.iter().rev().collect();
    let ahead = node(&all, &issued_by_last(&roots, "m1", 6)).unwrap();
    let behind = node(&[&roots[0]], &issue(&roots[0], "m2", Role::Manager, 0)).unwrap();
    assert!(met(&behind, &ahead).await && met(&ahead, &behind).await);
}

#[test]
fn a_certificate_of_a_root_that_is_not_trusted_is_not_taken() {
    let roots = roots(2);
    let (old, new) = (&roots[0], &roots[1]);
    let by_old = issue(old, "m1", Role::Manager, 0);
    assert_eq!(node(&[new], &by_old).err(), Some(CredentialError::OtherRoot));
    // Without the way back it is not known to who trusts the old root only.
    assert_eq!(
        node(&[old], &issued_by_last(&roots, "m1", 0)).err(),
        Some(CredentialError::OtherRoot)
    );
    let tls = node(&[old], &by_old).unwrap();
    let bare = issued_by_last(&roots, "m1", 0);
    assert_eq!(
        tls.reload(&bare.certificate_pem, &bare.key),
        Err(CredentialError::OtherRoot)
    );
    let whole = issued_by_last(&roots, "m1", 1);
    assert_eq!(tls.reload(&whole.certificate_pem, &whole.key), Ok(()));
    assert_eq!(tls.facts().issuer, new.key_id());
}

/// The clocks of two leaders differ by less than certificates are backdated, or by more: the new root may be younger
/// than what it issues.
#[test]
fn a_certificate_may_begin_before_its_root() {
    let (old, young) = (root("c1"), next_root("c1", 1));
    let mut issued = issue(&young, "m1", Role::Manager, 0);
    issued.certificate_pem += &old.cross_sign(&young).unwrap();
    assert!(node(&[&old], &issued).is_ok() && node(&[&young], &issued).is_ok());
}

#[tokio::test]
async fn exchanged_roots_count_from_the_next_handshake_on() {
    let roots = roots(2);
    let (old, new) = (&roots[0], &roots[1]);
    let by_old = |id: &str| issue(old, id, Role::Manager, 0);
    let by_new = issued_by_last(&roots, "m2", 0);
    let live = node(&[old], &by_old("m1")).unwrap();
    let clone = live.clone();
    let (early, late) = (
        node(&[old], &by_old("m2")).unwrap(),
        node(&[new, old], &by_new).unwrap(),
    );
    assert!(met(&live, &early).await && met(&early, &live).await);
    assert!(!met(&live, &late).await && !met(&late, &live).await);

    // Both directions stay open over the exchange that shuts the other end out.
    let (dialled, far) = meet(&live, &early, ExpectPeer::AnyManager).await;
    let (mut dialled, mut far) = (dialled.unwrap(), far.unwrap().0);
    let (near, served) = meet(&early, &live, ExpectPeer::AnyManager).await;
    let (mut near, mut served) = (near.unwrap(), served.unwrap().0);

    clone.trust(&bundle(&[new, old])).unwrap();
    assert!(met(&live, &early).await && met(&early, &live).await);
    assert!(met(&live, &late).await && met(&late, &live).await);
    live.trust(&bundle(&[new])).unwrap();
    assert!(!met(&live, &early).await && !met(&early, &live).await);
    assert_eq!(live.root_key_id(), new.key_id());

    still_open(&mut dialled, &mut far).await;
    still_open(&mut near, &mut served).await;
}

async fn still_open(one: &mut (impl AsyncWrite + Unpin), other: &mut (impl AsyncRead + Unpin)) {
    one.write_all(b"still").await.unwrap();
    one.flush().await.unwrap();
    let mut heard = [0; 5];
    other.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"still");
}

#[test]
fn roots_that_cannot_be_trusted_change_nothing() {
    let roots = roots(2);
    let (old, new) = (&roots[0], &roots[1]);
    let tls = node(&[new, old], &issued_by_last(&roots, "m1", 1)).unwrap();
    let before = (tls.roots_pem(), tls.root_key_id());
    assert_eq!(before, (bundle(&[new, old]), new.key_id().to_owned()));
    let of_other = CredentialError::RootsOfOther {
        expected: "c1".into(),
        found: "c2".into(),
    };
    assert_eq!(tls.trust(root("c2").certificate_pem()), Err(of_other));
    let root_error = |error| Err(CredentialError::Root(error));
    assert_eq!(
        tls.trust(&bundle(&[new, &root("c2")])),
        root_error(IdentityError::Mixed)
    );
    for bad in [
        "",
        "no roots",
        &issue(new, "m1", Role::Manager, 0).certificate_pem[..40],
    ] {
        assert_eq!(tls.trust(bad), root_error(IdentityError::Malformed));
    }
    // Neither a node nor the way to a root is a root.
    let leaf = issue(new, "m1", Role::Manager, 0).certificate_pem;
    for no_root in [leaf, old.cross_sign(new).unwrap()] {
        assert_eq!(tls.trust(&no_root), root_error(IdentityError::NoRoot));
        assert_eq!(
            tls.trust(&(bundle(&[new]) + &no_root)),
            root_error(IdentityError::NoRoot)
        );
    }
    assert_eq!((tls.roots_pem(), tls.root_key_id()), before);
}

#[tokio::test]
async fn a_server_shows_its_chain_and_then_its_roots_the_newest_last() {
    let roots = roots(2);
    let (old, new) = (&roots[0], &roots[1]);
    let server = node(&[new, old], &issued_by_last(&roots, "m1", 1)).unwrap();
    let client = node(&[old], &issued_by_last(&roots, "m2", 1)).unwrap();
    let shown = async || {
        let (dialled, answered) = meet(&client, &server, ExpectPeer::AnyManager).await;
        let (dialled, (accepted, _)) = (dialled.unwrap(), answered.unwrap());
        let by_server = dialled.get_ref().1.peer_certificates().unwrap().to_vec();
        let by_client = accepted.get_ref().1.peer_certificates().unwrap().len();
        (by_server, by_client)
    };
    let (by_server, by_client) = shown().await;
    assert_eq!((by_server.len(), by_client), (4, 2));
    assert_eq!(by_server[2].as_ref(), old.certificate_der());
    assert_eq!(by_server[3].as_ref(), new.certificate_der());
    // A renewed certificate brings its own chain; fewer roots are fewer to show.
    let renewed = issue(new, "m1", Role::Manager, DAY_MS / 48);
    server.trust(&bundle(&[new])).unwrap();
    client.trust(&bundle(&[new])).unwrap();
    server.reload(&renewed.certificate_pem, &renewed.key).unwrap();
    let (by_server, _) = shown().await;
    assert_eq!(by_server.len(), 2);
    assert_eq!(by_server[0].as_ref(), renewed.certificate_der());
}
