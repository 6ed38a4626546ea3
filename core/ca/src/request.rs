//! How does a node ask for a certificate? With a request (CSR, PKCS#10) that its own key signs: the key never leaves the
//! node. Of a request only the public key counts; who the node is and what it may be is decided by who answers.

use std::sync::LazyLock;

use rcgen::{CertificateParams, DistinguishedName, DnType};
use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateSigningRequestDer;
use rustls::pki_types::pem::PemObject;
use wardroom_keys::{Chance, SecretBytes};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::oid_registry::OID_SIG_ED25519;
use x509_parser::prelude::FromDer;

use crate::key::{PublicKey, key_fingerprint, key_pair, new_key};
use crate::own::CredentialError;

/// A request is some 300 characters long; more than this is not looked at.
const REQUEST_CHARACTERS_MAX: usize = 4096;
/// What stands in our own requests' subject. It means nothing to whoever signs.
const REQUEST_NAME: &str = "wardroom-request";

static ALGORITHMS: LazyLock<WebPkiSupportedAlgorithms> =
    LazyLock::new(|| aws_lc_rs::default_provider().signature_verification_algorithms);

/// A key, and the request for a certificate that it signed.
pub struct KeyRequest {
    /// PKCS#10 as PEM; may go to anybody.
    pub csr_pem: String,
    /// PKCS#8 DER, Ed25519; stays on this machine.
    pub key: SecretBytes,
    /// SHA-256 of the `SubjectPublicKeyInfo`'s DER, hex.
    pub key_fingerprint: String,
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error("it is longer than {REQUEST_CHARACTERS_MAX} characters")]
    TooLong,
    #[error("it is not one PKCS#10 request in PEM")]
    Malformed,
    #[error("its key is not Ed25519, the only kind that nodes have")]
    Algorithm,
    #[error("it is not signed by the key it is for")]
    Signature,
}

impl KeyRequest {
    /// A fresh key and its request.
    pub fn generate(chance: &dyn Chance) -> Self {
        Self::with_key(new_key(chance)).expect("a key that was just made can be read and signs")
    }

    /// A request for a key that exists: a node that asks again with the same key is the same node.
    pub fn with_key(key: SecretBytes) -> Result<Self, CredentialError> {
        let pair = key_pair(&key).map_err(|_| CredentialError::Key)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, REQUEST_NAME);
        let request = params.serialize_request(&*pair).map_err(|_| CredentialError::Key)?;
        let csr_pem = request.pem().map_err(|_| CredentialError::Key)?;
        let key_fingerprint = key_fingerprint(&*pair);
        drop(pair);
        Ok(Self {
            csr_pem,
            key,
            key_fingerprint,
        })
    }
}

/// The fingerprint of the key that a request is for, as in [`KeyRequest`]; checks the request's signature.
pub fn key_fingerprint_of(csr_pem: &str) -> Result<String, RequestError> {
    Ok(key_fingerprint(&requested_key(csr_pem)?))
}

/// The public key of a request whose sender has shown that it holds the private one.
pub(crate) fn requested_key(csr_pem: &str) -> Result<PublicKey, RequestError> {
    if csr_pem.len() > REQUEST_CHARACTERS_MAX {
        return Err(RequestError::TooLong);
    }
    let mut found = CertificateSigningRequestDer::pem_slice_iter(csr_pem.as_bytes());
    let (Some(Ok(der)), None) = (found.next(), found.next()) else {
        return Err(RequestError::Malformed);
    };
    let Ok(([], request)) = X509CertificationRequest::from_der(&der) else {
        return Err(RequestError::Malformed);
    };
    public_key(&request)
}

fn public_key(request: &X509CertificationRequest<'_>) -> Result<PublicKey, RequestError> {
    let info = &request.certification_request_info;
    let kinds = [&request.signature_algorithm, &info.subject_pki.algorithm];
    if kinds.iter().any(|kind| kind.algorithm != OID_SIG_ED25519) {
        return Err(RequestError::Algorithm);
    }
    let key: [u8; 32] = (&*info.subject_pki.subject_public_key.data)
        .try_into()
        .map_err(|_| RequestError::Malformed)?;
    let mut algorithms = ALGORITHMS.mapping.iter();
    let (_, ed25519) = algorithms
        .find(|(scheme, _)| *scheme == SignatureScheme::ED25519)
        .expect("the provider verifies Ed25519");
    let signature = &request.signature_value.data;
    if !ed25519
        .iter()
        .any(|algorithm| algorithm.verify_signature(&key, info.raw, signature).is_ok())
    {
        return Err(RequestError::Signature);
    }
    Ok(PublicKey(key))
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
