//! Is a request answered for the key that signed it, and for nothing else that it says?

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

use proptest::prelude::*;
use rcgen::{Attribute, BasicConstraints, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256, SanType};
use wardroom_keys::{SeededChance, pem};

use super::*;
use crate::certificate::certificates_in;
use crate::identity::{Identity, Role};
use crate::issue::{IssueRequest, NODE_LIFETIME};
use crate::root::IssueError;
use crate::root::tests::{NOW_MS, root};

const LABEL: &str = "CERTIFICATE REQUEST";

fn request() -> KeyRequest {
    KeyRequest::generate(&SeededChance::new(5))
}

fn der(csr_pem: &str) -> Vec<u8> {
    pem::decode(LABEL, csr_pem.as_bytes()).unwrap().expose().to_vec()
}

fn text(der: &[u8]) -> String {
    String::from_utf8(pem::encode(LABEL, der).expose().to_vec()).unwrap()
}

fn node(role: Role) -> IssueRequest<'static> {
    IssueRequest {
        node_id: "n1",
        role,
        sans: &[],
        lifetime: NODE_LIFETIME,
        now_ms: NOW_MS,
    }
}

#[test]
fn a_signed_request_makes_a_certificate_for_its_key() {
    let (root, request) = (root("c1"), request());
    let signed = root.sign(&request.csr_pem, &node(Role::Worker), "").unwrap();
    let certificate = certificates_in(&signed.certificate_pem).unwrap().remove(0);
    let (identity, facts) = Identity::from_der(&certificate).unwrap();
    assert_eq!((identity.node_id.as_str(), identity.role), ("n1", Role::Worker));
    assert_eq!(identity.cluster_id, "c1");
    assert_eq!(facts, signed.facts);
    assert_eq!(facts.issuer, root.key_id());
    assert_eq!(signed.key_fingerprint, request.key_fingerprint);
    assert_eq!(key_fingerprint_of(&request.csr_pem).unwrap(), request.key_fingerprint);
    assert!(crate::own::belong_together(&signed.certificate_pem, &request.key));
}

#[test]
fn the_same_key_asks_again_as_the_same_node() {
    let first = request();
    let copy = SecretBytes::new(first.key.expose().to_vec());
    let again = KeyRequest::with_key(copy).unwrap();
    assert_eq!(
        (&again.csr_pem, &again.key_fingerprint),
        (&first.csr_pem, &first.key_fingerprint)
    );
    let other = KeyRequest::generate(&SeededChance::new(6));
    assert_ne!(other.key_fingerprint, first.key_fingerprint);
    for bad in [vec![], vec![0; 48], b"no key".to_vec()] {
        assert_eq!(
            KeyRequest::with_key(SecretBytes::new(bad)).err(),
            Some(CredentialError::Key)
        );
    }
}

#[test]
fn certificates_of_one_key_have_serials_of_their_own() {
    let (root, request) = (root("c1"), request());
    let serial = |wanted: &IssueRequest<'_>| {
        let signed = root.sign(&request.csr_pem, wanted, "").unwrap();
        let certificate = certificates_in(&signed.certificate_pem).unwrap().remove(0);
        crate::certificate::parse(&certificate)
            .unwrap()
            .tbs_certificate
            .raw_serial()
            .to_vec()
    };
    let worker = node(Role::Worker);
    let later = IssueRequest {
        now_ms: NOW_MS + 1,
        ..worker
    };
    assert_eq!(serial(&worker), serial(&worker));
    assert_ne!(serial(&worker), serial(&later));
    assert_ne!(serial(&worker), serial(&node(Role::Manager)));
}

#[test]
fn nothing_but_the_key_of_a_request_counts() {
    let key = request().key;
    let pair = key_pair(&key).unwrap();
    let mut greedy = CertificateParams::default();
    greedy.distinguished_name.push(DnType::CommonName, "m1");
    greedy
        .distinguished_name
        .push(DnType::OrganizationalUnitName, Role::Manager.unit());
    greedy.distinguished_name.push(DnType::OrganizationName, "c9");
    greedy.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    greedy.subject_alt_names = vec![SanType::DnsName("m1".try_into().unwrap())];
    let greedy = greedy.serialize_request(&*pair).unwrap().pem().unwrap();
    let (root, modest) = (root("c1"), request());
    assert_eq!(
        root.sign(&greedy, &node(Role::Worker), "").unwrap().certificate_pem,
        root.sign(&modest.csr_pem, &node(Role::Worker), "")
            .unwrap()
            .certificate_pem,
    );
}

#[test]
fn intermediates_follow_the_certificate() {
    let (old, new) = (root("c1"), crate::root::tests::next_root("c1", 1));
    let crossed = old.cross_sign(&new).unwrap();
    let signed = new.sign(&request().csr_pem, &node(Role::Worker), &crossed).unwrap();
    let chain = certificates_in(&signed.certificate_pem).unwrap();
    assert_eq!(chain.len(), 2);
    assert_eq!(chain[1..], certificates_in(&crossed).unwrap());
}

#[test]
fn a_request_that_its_key_did_not_sign_is_refused() {
    let good = der(&request().csr_pem);
    // The signature stands at the end, and what it covers at the beginning.
    for at in [good.len() - 1, good.len() - 40] {
        let mut bent = good.clone();
        bent[at] ^= 1;
        assert_eq!(
            requested_key(&text(&bent)).err(),
            Some(RequestError::Signature),
            "byte {at}"
        );
    }
    let name = good.windows(8).position(|window| window == b"wardroom").unwrap();
    let mut renamed = good.clone();
    renamed[name] = b'W';
    assert_eq!(requested_key(&text(&renamed)).err(), Some(RequestError::Signature));

    // Somebody else's key under one's own signature: the public keys are the only 32 bytes that differ before it.
    let other = der(&KeyRequest::generate(&SeededChance::new(6)).csr_pem);
    let signature_at = good.len() - 64;
    let stolen = [&good[..signature_at], &other[signature_at..]].concat();
    assert_eq!(requested_key(&text(&stolen)).err(), Some(RequestError::Signature));
    let error = root("c1").sign(&text(&stolen), &node(Role::Worker), "").unwrap_err();
    assert!(matches!(error, IssueError::Request(RequestError::Signature)));
    assert!(error.to_string().contains("not signed by the key it is for"), "{error}");
}

#[test]
fn a_key_of_another_kind_is_refused() {
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let request = CertificateParams::default().serialize_request(&pair).unwrap();
    let refused = requested_key(&request.pem().unwrap()).err();
    assert_eq!(refused, Some(RequestError::Algorithm));

    // X25519 (…110) has keys of the same length as Ed25519 (…112), which must not make them pass.
    let mut relabelled = der(&super::tests::request().csr_pem);
    let oids: Vec<_> = (0..relabelled.len() - 3)
        .filter(|&at| relabelled[at..].starts_with(&[0x2b, 0x65, 0x70]))
        .collect();
    assert_eq!(oids.len(), 2, "the key's and the signature's");
    for at in oids {
        relabelled[at + 2] = 0x6e;
        assert_eq!(requested_key(&text(&relabelled)).err(), Some(RequestError::Algorithm));
        relabelled[at + 2] = 0x70;
    }
    assert!(requested_key(&text(&relabelled)).is_ok());
}

#[test]
fn garbage_doubles_and_huge_requests_are_refused() {
    let good = request().csr_pem;
    let trailing = text(&[der(&good), vec![0]].concat());
    let certificate = root("c1").certificate_pem().to_owned();
    for bad in [
        "",
        "no request",
        &good[..good.len() / 2],
        &good.repeat(2),
        &trailing,
        &certificate,
    ] {
        assert_eq!(requested_key(bad).err(), Some(RequestError::Malformed), "{bad:?}");
    }
    let huge = format!("{good}{}", "\n".repeat(REQUEST_CHARACTERS_MAX));
    assert_eq!(requested_key(&huge).err(), Some(RequestError::TooLong));
    let megabytes = text(&vec![0x30; 4 << 20]);
    assert_eq!(requested_key(&megabytes).err(), Some(RequestError::TooLong));
}

#[test]
fn attributes_and_unknown_extensions_do_not_matter() {
    // challengePassword, which some tools add.
    let challenge = Attribute {
        oid: &[1, 2, 840, 113_549, 1, 9, 7],
        values: vec![0x31, 0x04, 0x13, 0x02, b'p', b'w'],
    };
    let key = request().key;
    let with_attribute = CertificateParams::default()
        .serialize_request_with_attributes(&*key_pair(&key).unwrap(), vec![challenge])
        .unwrap();
    let fingerprint = key_fingerprint_of(&with_attribute.pem().unwrap()).unwrap();
    assert_eq!(fingerprint, request().key_fingerprint);
}

proptest! {
    #[test]
    fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(requested_key(&text(&bytes)).is_err());
        prop_assert!(requested_key(&String::from_utf8_lossy(&bytes)).is_err());
    }

    #[test]
    fn damage_is_refused_or_changes_nothing(at in any::<prop::sample::Index>(), by in 1u8.., cut in any::<prop::sample::Index>()) {
        let mut bytes = der(&request().csr_pem);
        let position = at.index(bytes.len());
        bytes[position] ^= by;
        // Readers are lenient about some bits around what is signed; nothing else gets by.
        if let Ok(read) = key_fingerprint_of(&text(&bytes)) {
            prop_assert_eq!(read, request().key_fingerprint, "byte {}", position);
        }
        bytes[position] ^= by;
        bytes.truncate(cut.index(bytes.len()));
        prop_assert!(requested_key(&text(&bytes)).is_err());
    }
}
