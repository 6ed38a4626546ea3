//! Whom does a certificate name? Reads the subject and the dates of a certificate's DER. It verifies nothing: only a
//! certificate that `trust.rs` has traced to the root may be believed.

use std::fmt;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use x509_parser::prelude::{AttributeTypeAndValue, FromDer, X509Certificate};

/// Longest name in a subject (RFC 5280, ub-common-name).
const NAME_CHARACTERS_MAX: usize = 64;

/// What a node may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Manager,
    Worker,
}

impl Role {
    /// The organisational unit that says so.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Manager => "wardroom-manager",
            Self::Worker => "wardroom-worker",
        }
    }

    fn from_unit(unit: &str) -> Option<Self> {
        [Self::Manager, Self::Worker]
            .into_iter()
            .find(|role| role.unit() == unit)
    }
}

/// Who a certificate says its holder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub node_id: String,
    pub role: Role,
    pub cluster_id: String,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.role.unit(), self.node_id)
    }
}

/// What else is worth knowing about a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// SHA-256 of the DER, hex.
    pub fingerprint: String,
    pub not_before_ms: i64,
    pub not_after_ms: i64,
}

/// Why a certificate names no node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    #[error("it is not a certificate: use the file that this cluster issued")]
    Malformed,
    #[error("its subject has not exactly one usable {0}: use a certificate that this cluster issued")]
    Subject(&'static str),
    #[error("its organizational unit is no role of a wardroom node: use a certificate that this cluster issued")]
    Role,
}

impl Identity {
    /// Reads the certificate, which must be all of `der`. Any bytes are fine; most are an error.
    pub fn from_der(der: &[u8]) -> Result<(Self, CertificateFacts), IdentityError> {
        let certificate = parse(der)?;
        let subject = certificate.subject();
        let node_id = only("common name", subject.iter_common_name())?;
        let unit = only("organizational unit", subject.iter_organizational_unit())?;
        let cluster_id = only("organization", subject.iter_organization())?;
        let role = Role::from_unit(&unit).ok_or(IdentityError::Role)?;
        Ok((
            Self {
                node_id,
                role,
                cluster_id,
            },
            facts(&certificate, der),
        ))
    }
}

/// The organisation a root is for, and its facts.
pub(crate) fn root_from_der(der: &[u8]) -> Result<(String, CertificateFacts), IdentityError> {
    let certificate = parse(der)?;
    let cluster_id = only("organization", certificate.subject().iter_organization())?;
    Ok((cluster_id, facts(&certificate, der)))
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, IdentityError> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) | Err(_) => Err(IdentityError::Malformed),
    }
}

/// One attribute only: with two, readers could disagree on which one counts.
fn only<'a>(
    what: &'static str,
    mut values: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>,
) -> Result<String, IdentityError> {
    match (values.next().map(AttributeTypeAndValue::as_str), values.next()) {
        (Some(Ok(name)), None) if is_name(name) => Ok(name.to_owned()),
        _ => Err(IdentityError::Subject(what)),
    }
}

/// Names in subjects are plain: they end up on terminals, in file names and in audit records.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !name.is_empty() && name.len() <= NAME_CHARACTERS_MAX && name.bytes().all(plain)
}

fn facts(certificate: &X509Certificate<'_>, der: &[u8]) -> CertificateFacts {
    let validity = certificate.validity();
    CertificateFacts {
        fingerprint: fingerprint(der),
        not_before_ms: validity.not_before.timestamp().saturating_mul(1000),
        not_after_ms: validity.not_after.timestamp().saturating_mul(1000),
    }
}

/// SHA-256 of a certificate's DER, hex.
pub fn fingerprint(der: &[u8]) -> String {
    Sha256::digest(der)
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes any text");
            text
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use proptest::prelude::*;

    use super::*;
    use crate::root::tests::{issue, root};

    #[test]
    fn a_certificate_says_who_its_holder_is() {
        let issued = issue(&root("c1"), "n1", Role::Worker, 0);
        let (identity, facts) = Identity::from_der(issued.certificate_der()).unwrap();
        let expected = Identity {
            node_id: "n1".into(),
            role: Role::Worker,
            cluster_id: "c1".into(),
        };
        assert_eq!(identity, expected);
        assert_eq!(facts.fingerprint, fingerprint(issued.certificate_der()));
    }

    #[test]
    fn a_root_is_no_node() {
        let unit = IdentityError::Subject("organizational unit");
        assert_eq!(Identity::from_der(root("c1").certificate_der()).unwrap_err(), unit);
    }

    #[test]
    fn names_are_plain() {
        assert!(is_name("a1-B") && is_name(&"a".repeat(64)));
        for name in ["", "a b", "a/b", "é", "\u{1b}[2J", &"a".repeat(65)] {
            assert!(!is_name(name), "{name:?}");
        }
    }

    #[test]
    fn fingerprints_are_sha_256() {
        assert_eq!(
            fingerprint(b""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = Identity::from_der(&bytes);
        }

        #[test]
        fn a_damaged_certificate_is_read_or_refused(at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<prop::sample::Index>()) {
            let mut der = issue(&root("c1"), "n1", Role::Manager, 0).certificate_der().to_vec();
            let position = at.index(der.len());
            der[position] = to;
            let _ = Identity::from_der(&der);
            let _ = root_from_der(&der);
            der.truncate(cut.index(der.len()));
            prop_assert!(Identity::from_der(&der).is_err());
        }
    }
}
