//! Who may speak for this cluster? The root: its self-signed certificate and its key, and how it hands over to the next.

use std::time::Duration;

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use wardroom_keys::{Chance, SecretBytes};
use zeroize::Zeroizing;

use crate::certificate::{CertificateFacts, RootFacts, hex, parse};
use crate::clock::Clock;
use crate::identity::IdentityError;
use crate::issue::{date, params};
use crate::key::{key_pair, new_key};
use crate::request::RequestError;

/// 20 years.
pub(crate) const ROOT_LIFETIME: Duration = Duration::from_secs(630_720_000);
/// Begins the name of every root. The beginning of its key id follows, so that the way from a certificate to its root
/// is found by name, however many roots a cluster has had.
const ROOT_NAME: &str = "wardroom-ca";
const KEY_ID_DIGITS: usize = 16;

/// The cluster's root: certificate and key. Whoever holds it can be any node.
pub struct Root {
    cluster_id: String,
    common_name: String,
    key_id: String,
    certificate_pem: String,
    certificate_der: CertificateDer<'static>,
    facts: CertificateFacts,
    key: SecretBytes,
}

/// Why a certificate could not be made, or a root not be used.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    #[error("minimum certificate expiry time is: 1h0m0s")]
    TooShort,
    #[error("`{0}` cannot stand in a certificate: use letters, digits and `-`, at most 64")]
    Name(String),
    #[error("the date lies outside what a certificate can say: check the clock of this machine")]
    Date,
    #[error("the request for a certificate cannot be answered: {0}. Let the node make a new one")]
    Request(#[from] RequestError),
    #[error("the root certificate cannot be used: {0}")]
    Root(#[from] IdentityError),
    #[error("the root's key does not belong to its certificate: restore both from the same cluster")]
    RootKey,
    #[error("the next root is for cluster {found} and not {expected}: make one for this cluster")]
    OtherCluster { expected: String, found: String },
    #[error("the certificate could not be made: the root is damaged, restore it from another manager")]
    Sign(#[source] rcgen::Error),
}

impl Root {
    /// A new root for a new cluster, or the next one for a cluster that has one; valid for 20 years.
    pub fn create(cluster_id: &str, clock: &dyn Clock, chance: &dyn Chance) -> Result<Self, IssueError> {
        let key = new_key(chance);
        let pair = pair(&key)?;
        let key_id = hex(&CertificateParams::default().key_identifier(&*pair));
        let name = format!("{ROOT_NAME}-{}", &key_id[..KEY_ID_DIGITS]);
        let params = authority(params(cluster_id, &name, clock.now_ms(), ROOT_LIFETIME)?);
        let certificate = params.self_signed(&*pair).map_err(IssueError::Sign)?;
        Self::from_parts(&certificate.pem(), key)
    }

    /// The root whose certificate and key (PKCS#8 DER) were stored before.
    pub fn from_parts(certificate_pem: &str, key: SecretBytes) -> Result<Self, IssueError> {
        let certificate_der = CertificateDer::from_pem_slice(certificate_pem.as_bytes())
            .map_err(|_| IssueError::Root(IdentityError::Malformed))?;
        let read = RootFacts::from_der(&certificate_der)?;
        if parse(&certificate_der)?.public_key().raw != pair(&key)?.subject_public_key_info() {
            return Err(IssueError::RootKey);
        }
        Ok(Self {
            cluster_id: read.cluster_id,
            common_name: read.common_name,
            key_id: read.key_id,
            certificate_pem: certificate_pem.to_owned(),
            certificate_der,
            facts: read.facts,
            key,
        })
    }

    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate_der
    }

    /// SHA-256 of the certificate's DER, hex.
    pub fn fingerprint(&self) -> &str {
        &self.facts.fingerprint
    }

    /// Names the root's key, hex: every certificate it issues carries it as [`CertificateFacts::issuer`].
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    pub fn facts(&self) -> &CertificateFacts {
        &self.facts
    }

    /// PKCS#8 DER; to be sealed before it is stored.
    pub fn key_der(&self) -> &SecretBytes {
        &self.key
    }

    /// A certificate (PEM) with the name and key of `next`, signed by this root: whoever trusts only this root follows
    /// it to what `next` issues. Valid as long as `next`, but not beyond this root.
    pub fn cross_sign(&self, next: &Self) -> Result<String, IssueError> {
        if next.cluster_id != self.cluster_id {
            return Err(IssueError::OtherCluster {
                expected: self.cluster_id.clone(),
                found: next.cluster_id.clone(),
            });
        }
        let mut params = authority(params(&next.cluster_id, &next.common_name, 0, ROOT_LIFETIME)?);
        params.not_before = date(next.facts.not_before_ms.max(self.facts.not_before_ms))?;
        params.not_after = date(next.facts.not_after_ms.min(self.facts.not_after_ms))?;
        params.use_authority_key_identifier_extension = true;
        let crossed = self.certify(&params, &*pair(&next.key)?)?;
        // Whoever builds a path compares names byte by byte.
        if parse(crossed.der())?.subject().as_raw() != parse(&next.certificate_der)?.subject().as_raw() {
            return Err(IssueError::Root(IdentityError::Subject("common name")));
        }
        Ok(crossed.pem())
    }

    /// A certificate for that key, with this root as its issuer.
    pub(crate) fn certify(
        &self,
        params: &CertificateParams,
        key: &impl PublicKeyData,
    ) -> Result<Certificate, IssueError> {
        let own = pair(&self.key)?;
        let issuer = Issuer::from_ca_cert_der(&self.certificate_der, &*own).map_err(IssueError::Sign)?;
        params.signed_by(key, &issuer).map_err(IssueError::Sign)
    }
}

/// What a root may do. No limit on the length of the path below it: roots that follow each other make paths longer.
fn authority(mut params: CertificateParams) -> CertificateParams {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn pair(key: &SecretBytes) -> Result<Zeroizing<KeyPair>, IssueError> {
    key_pair(key).map_err(IssueError::Sign)
}

#[cfg(test)]
#[path = "root_tests.rs"]
pub(crate) mod tests;
