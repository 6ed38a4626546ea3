//! Does the root issue what it should and refuse the rest? Also the roots and nodes that this crate's other tests use.

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

use wardroom_keys::SeededChance;

use super::*;
use crate::certificate::{facts, fingerprint};
use crate::clock::ManualClock;
use crate::identity::{Identity, Role};
use crate::issue::{IssueRequest, Issued, NODE_LIFETIME};

/// An arbitrary day in 2026, in Unix milliseconds.
pub(crate) const NOW_MS: i64 = 1_790_000_000_000;

pub(crate) const DAY_MS: i64 = 24 * 3_600_000;

/// A root of that cluster; the same every time.
pub(crate) fn root(cluster_id: &str) -> Root {
    Root::create(
        cluster_id,
        &ManualClock::new(NOW_MS),
        &SeededChance::new(1).derive(cluster_id),
    )
    .unwrap()
}

/// The `number`th root after the first, made that many days later; the same every time.
pub(crate) fn next_root(cluster_id: &str, number: i64) -> Root {
    let chance = SeededChance::new(1).derive(&format!("{cluster_id} {number}"));
    Root::create(cluster_id, &ManualClock::new(NOW_MS + number * DAY_MS), &chance).unwrap()
}

/// A certificate issued `after_ms` after [`NOW_MS`] for the usual lifetime.
pub(crate) fn issue(root: &Root, node_id: &str, role: Role, after_ms: i64) -> Issued {
    let chance = SeededChance::new(2).derive(&format!("{node_id} {after_ms}"));
    root.issue(&request(node_id, role, NOW_MS + after_ms), &chance).unwrap()
}

fn request(node_id: &str, role: Role, now_ms: i64) -> IssueRequest<'_> {
    IssueRequest {
        node_id,
        role,
        sans: &[],
        lifetime: NODE_LIFETIME,
        now_ms,
    }
}

impl Root {
    /// The same key and name, speaking for another organisation: what only a stolen root key could do.
    pub(crate) fn forged_for(&self, cluster_id: &str) -> Self {
        Self {
            cluster_id: cluster_id.into(),
            common_name: self.common_name.clone(),
            key_id: self.key_id.clone(),
            certificate_pem: self.certificate_pem.clone(),
            certificate_der: self.certificate_der.clone(),
            facts: self.facts.clone(),
            key: SecretBytes::new(self.key.expose().to_vec()),
        }
    }
}

impl Root {
    /// A node that plays the root: its own certificate and key, under which it issues others.
    pub(crate) fn played_by(issued: &Issued, cluster_id: &str) -> Self {
        Self {
            cluster_id: cluster_id.into(),
            common_name: "n1".into(),
            key_id: String::new(),
            certificate_pem: issued.certificate_pem.clone(),
            certificate_der: CertificateDer::from(issued.certificate_der().to_vec()),
            facts: root(cluster_id).facts,
            key: SecretBytes::new(issued.key.expose().to_vec()),
        }
    }
}

#[test]
fn a_root_lasts_twenty_years_from_an_hour_ago() {
    let root = root("c1");
    let facts = root.facts();
    assert_eq!(facts.not_before_ms, NOW_MS - 3_600_000);
    assert_eq!(facts.not_after_ms, NOW_MS + 630_720_000_000);
    assert_eq!(
        (root.cluster_id(), root.fingerprint()),
        ("c1", fingerprint(root.certificate_der()).as_str())
    );
}

#[test]
fn a_node_certificate_lasts_as_asked_but_not_beyond_the_root() {
    let root = root("c1");
    let end = |request: &IssueRequest<'_>| {
        let issued = root.issue(request, &SeededChance::new(3)).unwrap();
        Identity::from_der(issued.certificate_der()).unwrap().1.not_after_ms
    };
    let mut asked = request("n1", Role::Worker, NOW_MS);
    assert_eq!(end(&asked), NOW_MS + 90 * 24 * 3_600_000);
    asked.lifetime = Duration::from_secs(3600);
    assert_eq!(end(&asked), NOW_MS + 3_600_000);
    asked.lifetime = ROOT_LIFETIME * 2;
    assert_eq!(end(&asked), root.facts().not_after_ms);
}

#[test]
fn less_than_an_hour_is_refused_in_dockers_words() {
    let short = IssueRequest {
        lifetime: Duration::from_secs(3599),
        ..request("n1", Role::Worker, NOW_MS)
    };
    let error = root("c1").issue(&short, &SeededChance::new(3)).err().unwrap();
    assert_eq!(error.to_string(), "minimum certificate expiry time is: 1h0m0s");
}

#[test]
fn names_and_dates_that_fit_no_certificate_are_refused() {
    let root = root("c1");
    let refused = |request: &IssueRequest<'_>| root.issue(request, &SeededChance::new(3)).err().unwrap();
    assert!(
        matches!(refused(&request("n\u{1b}1", Role::Worker, NOW_MS)), IssueError::Name(name) if name == "n\\u{1b}1")
    );
    let sans = ["schön".to_owned()];
    let named = IssueRequest {
        sans: &sans,
        ..request("n1", Role::Worker, NOW_MS)
    };
    assert!(matches!(refused(&named), IssueError::Name(_)));
    for now_ms in [i64::MIN, i64::MAX] {
        assert!(matches!(
            refused(&request("n1", Role::Worker, now_ms)),
            IssueError::Date
        ));
    }
    let forever = IssueRequest {
        lifetime: Duration::MAX,
        ..request("n1", Role::Worker, NOW_MS)
    };
    assert!(matches!(refused(&forever), IssueError::Date));
}

#[test]
fn subject_names_hold_the_node_its_role_and_what_was_asked() {
    let sans = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let asked = IssueRequest {
        sans: &sans,
        ..request("n1", Role::Manager, NOW_MS)
    };
    let issued = root("c1").issue(&asked, &SeededChance::new(3)).unwrap();
    let der = CertificateDer::from(issued.certificate_der());
    let parsed = rustls::server::ParsedCertificate::try_from(&der).unwrap();
    for name in ["n1", "wardroom-manager", "localhost", "127.0.0.1"] {
        let name = rustls::pki_types::ServerName::try_from(name).unwrap();
        assert!(rustls::client::verify_server_name(&parsed, &name).is_ok(), "{name:?}");
    }
}

#[test]
fn a_root_comes_back_from_its_parts_and_only_from_its_own() {
    let (ours, theirs) = (root("c1"), root("c2"));
    let copy = |key: &SecretBytes| SecretBytes::new(key.expose().to_vec());
    let back = Root::from_parts(ours.certificate_pem(), copy(ours.key_der())).unwrap();
    assert_eq!(back.fingerprint(), ours.fingerprint());
    let mixed = Root::from_parts(ours.certificate_pem(), copy(theirs.key_der()));
    assert!(matches!(mixed, Err(IssueError::RootKey)));
    assert!(Root::from_parts("-----BEGIN NOTHING", copy(ours.key_der())).is_err());
    assert!(Root::from_parts(ours.certificate_pem(), SecretBytes::new(b"no key".to_vec())).is_err());
}

#[test]
fn one_seed_makes_one_cluster() {
    assert_eq!(root("c1").certificate_pem(), root("c1").certificate_pem());
    assert_ne!(root("c1").certificate_pem(), root("c2").certificate_pem());
}

#[test]
fn the_next_root_has_a_name_and_a_key_of_its_own() {
    let (old, new) = (root("c1"), next_root("c1", 1));
    assert_ne!(old.key_id(), new.key_id());
    assert_ne!(old.common_name, new.common_name);
    assert_eq!(new.common_name, format!("wardroom-ca-{}", &new.key_id()[..16]));
    assert_eq!(new.cluster_id(), "c1");
}

#[test]
fn a_cross_signed_root_is_the_next_one_signed_by_the_old() {
    let (old, new) = (root("c1"), next_root("c1", 1));
    let crossed = old.cross_sign(&new).unwrap();
    let der = CertificateDer::from_pem_slice(crossed.as_bytes()).unwrap();
    let crossed = parse(&der).unwrap();
    assert_eq!(
        crossed.subject().as_raw(),
        parse(new.certificate_der()).unwrap().subject().as_raw()
    );
    assert_eq!(
        crossed.public_key().raw,
        parse(new.certificate_der()).unwrap().public_key().raw
    );
    assert_eq!(facts(&crossed, &der).issuer, old.key_id());
    let constraints = crossed.basic_constraints().unwrap().unwrap().value;
    assert!(constraints.ca && constraints.path_len_constraint.is_none());
}

#[test]
fn a_cross_signed_root_begins_with_the_younger_and_ends_with_the_older() {
    let (old, new) = (root("c1"), next_root("c1", 1));
    for crossed in [old.cross_sign(&new).unwrap(), new.cross_sign(&old).unwrap()] {
        let der = CertificateDer::from_pem_slice(crossed.as_bytes()).unwrap();
        let crossed = facts(&parse(&der).unwrap(), &der);
        assert_eq!(crossed.not_before_ms, new.facts().not_before_ms);
        assert_eq!(crossed.not_after_ms, old.facts().not_after_ms);
    }
}

#[test]
fn a_root_of_another_cluster_is_not_cross_signed() {
    let error = root("c1").cross_sign(&root("c2")).unwrap_err();
    assert!(matches!(error, IssueError::OtherCluster { expected, found } if (&*expected, &*found) == ("c1", "c2")));
}

#[test]
fn a_certificate_names_the_root_that_issued_it() {
    for root in [root("c1"), next_root("c1", 1)] {
        let issued = issue(&root, "n1", Role::Worker, 0);
        let (_, facts) = Identity::from_der(issued.certificate_der()).unwrap();
        assert_eq!(facts.issuer, root.key_id());
    }
}
