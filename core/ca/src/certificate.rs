//! What does a certificate say of itself? Its digest, its dates, its own key and the key that signed it, and the texts
//! that certificates travel in. Reads and verifies nothing: whether to believe it is for `trust.rs`.

use std::fmt::Write as _;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{AttributeTypeAndValue, FromDer, X509Certificate, X509Extension};

use crate::identity::IdentityError;

/// Longest name in a subject (RFC 5280, ub-common-name).
const NAME_CHARACTERS_MAX: usize = 64;
/// More certificates than any chain or bundle of a cluster has; a longer text is not worth the work.
const CERTIFICATES_MAX: usize = 32;

/// What is worth knowing about a certificate beside whom it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// SHA-256 of the DER, hex.
    pub fingerprint: String,
    pub not_before_ms: i64,
    pub not_after_ms: i64,
    /// Which root issued it: the key id of the signing key, hex, as [`crate::Root::key_id`] says it. A root's own is its
    /// own. Empty if the certificate does not tell.
    pub issuer: String,
}

/// A root certificate, read.
pub(crate) struct RootFacts {
    pub(crate) cluster_id: String,
    pub(crate) common_name: String,
    pub(crate) key_id: String,
    pub(crate) facts: CertificateFacts,
}

impl RootFacts {
    /// The organisation a root is for, and what else it says. Any bytes are fine; most are an error. A certificate that
    /// may not issue others, or that names another issuer, is no root: trusting it would trust too much or mean nothing.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, IdentityError> {
        let certificate = parse(der)?;
        let subject = certificate.subject();
        if !certificate.is_ca() || !is_self_issued(&certificate) {
            return Err(IdentityError::NoRoot);
        }
        Ok(Self {
            cluster_id: only("organization", subject.iter_organization())?,
            common_name: only("common name", subject.iter_common_name())?,
            key_id: own_key_id(&certificate).ok_or(IdentityError::NoRoot)?,
            facts: facts(&certificate, der),
        })
    }
}

/// The key id of a root, hex: what the certificates it issued carry as [`CertificateFacts::issuer`]. Takes the first
/// certificate of the text.
pub fn key_id_of(root_pem: &str) -> Result<String, IdentityError> {
    let der = CertificateDer::from_pem_slice(root_pem.as_bytes()).map_err(|_| IdentityError::Malformed)?;
    Ok(RootFacts::from_der(&der)?.key_id)
}

/// SHA-256 of a certificate's DER, hex.
pub fn fingerprint(der: &[u8]) -> String {
    hex(&Sha256::digest(der))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes any text");
    }
    text
}

/// All certificates of a text, at least one, in its order. What stands between them does not count.
pub(crate) fn certificates_in(pem: &str) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .take(CERTIFICATES_MAX + 1)
        .collect();
    match found {
        Ok(found) if !found.is_empty() && found.len() <= CERTIFICATES_MAX => Ok(found),
        _ => Err(IdentityError::Malformed),
    }
}

/// A certificate as text.
pub(crate) fn certificate_pem(der: &[u8]) -> String {
    let text = wardroom_keys::pem::encode("CERTIFICATE", der);
    String::from_utf8_lossy(text.expose()).into_owned()
}

pub(crate) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, IdentityError> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) | Err(_) => Err(IdentityError::Malformed),
    }
}

/// One attribute only: with two, readers could disagree on which one counts.
pub(crate) fn only<'a>(
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

pub(crate) fn facts(certificate: &X509Certificate<'_>, der: &[u8]) -> CertificateFacts {
    let validity = certificate.validity();
    CertificateFacts {
        fingerprint: fingerprint(der),
        not_before_ms: validity.not_before.timestamp().saturating_mul(1000),
        not_after_ms: validity.not_after.timestamp().saturating_mul(1000),
        issuer: issuer_key_id(certificate).unwrap_or_default(),
    }
}

fn issuer_key_id(certificate: &X509Certificate<'_>) -> Option<String> {
    let named = extensions(certificate).find_map(|extension| match extension {
        ParsedExtension::AuthorityKeyIdentifier(found) => found.key_identifier.as_ref().map(|id| hex(id.0)),
        _ => None,
    });
    // A root signs itself and need not say so.
    named.or_else(|| is_self_issued(certificate).then(|| own_key_id(certificate)).flatten())
}

fn is_self_issued(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
}

fn own_key_id(certificate: &X509Certificate<'_>) -> Option<String> {
    extensions(certificate).find_map(|extension| match extension {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(hex(id.0)),
        _ => None,
    })
}

fn extensions<'a>(certificate: &'a X509Certificate<'a>) -> impl Iterator<Item = &'a ParsedExtension<'a>> {
    certificate.extensions().iter().map(X509Extension::parsed_extension)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use proptest::prelude::*;

    use super::*;
    use crate::identity::Role;
    use crate::root::tests::{issue, next_root, root};

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

    #[test]
    fn a_root_names_its_own_key() {
        let root = root("c1");
        assert_eq!(key_id_of(root.certificate_pem()).unwrap(), root.key_id());
        assert_eq!(root.facts().issuer, root.key_id());
        assert_eq!(root.key_id().len(), 40);
    }

    #[test]
    fn certificates_become_text_and_come_back() {
        let root = root("c1");
        let text = certificate_pem(root.certificate_der());
        assert_eq!(text.replace('\r', ""), root.certificate_pem().replace('\r', ""));
        let two = certificates_in(&format!("{text}# between\n{text}")).unwrap();
        assert!(two.len() == 2 && two.iter().all(|der| der.as_ref() == root.certificate_der()));
    }

    #[test]
    fn a_text_without_certificates_or_with_too_many_is_refused() {
        let text = root("c1").certificate_pem().to_owned();
        let broken = text.replacen("MII", "M*I", 1);
        assert_ne!(broken, text);
        for bad in [
            "",
            "no certificate",
            &broken,
            &format!("{text}{broken}"),
            &text.repeat(33),
        ] {
            assert_eq!(certificates_in(bad).err(), Some(IdentityError::Malformed));
        }
        assert_eq!(certificates_in(&text.repeat(32)).map(|found| found.len()), Ok(32));
    }

    #[test]
    fn only_a_root_is_read_as_one() {
        let leaf = issue(&root("c1"), "n1", Role::Manager, 0);
        let crossed = root("c1").cross_sign(&next_root("c1", 1)).unwrap();
        for no_root in [leaf.certificate_pem, crossed] {
            assert_eq!(key_id_of(&no_root), Err(IdentityError::NoRoot));
        }
        assert_eq!(key_id_of("no certificate"), Err(IdentityError::Malformed));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,200}") {
            let _ = certificates_in(&text);
            let _ = key_id_of(&text);
        }
    }
}
