//! What does this node show of itself? Its own certificate and key, which can be exchanged while connections stay open:
//! a new one is shown from the next handshake on.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs::sign::any_eddsa_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use wardroom_keys::SecretBytes;

use crate::handshake::PeerRefusal;
use crate::identity::{CertificateFacts, Identity, IdentityError};
use crate::trust::Trust;

/// Why a certificate and a key cannot be this node's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    #[error("the root certificate cannot be used: {0}")]
    Root(#[source] IdentityError),
    #[error("this node's certificate cannot be used: {0}")]
    Certificate(#[source] IdentityError),
    #[error("this node's certificate was not issued by this cluster's root: put back the files of this cluster")]
    OtherRoot,
    #[error("this node's certificate is for cluster {found} and not {expected}: put back the files of this cluster")]
    OtherCluster { expected: String, found: String },
    #[error("the new certificate is for node {found} and not {expected}: a node keeps its id, ask for one of its own")]
    OtherNode { expected: String, found: String },
    #[error("this node's key cannot be read: put back the key that was saved with the certificate")]
    Key,
    #[error("this node's key does not belong to its certificate: put back both as they were saved")]
    KeyMismatch,
}

/// A certificate with its key, checked against the root.
pub(crate) struct Credentials {
    pub(crate) identity: Identity,
    pub(crate) facts: CertificateFacts,
    certified: Arc<CertifiedKey>,
}

impl Credentials {
    /// An expired certificate is still this node's own: it may have to be shown when it asks for a new one.
    pub(crate) fn new(trust: &Trust, certificate_pem: &str, key: &SecretBytes) -> Result<Self, CredentialError> {
        let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes())
            .map_err(|_| CredentialError::Certificate(IdentityError::Malformed))?;
        let (_, facts) = Identity::from_der(&certificate).map_err(CredentialError::Certificate)?;
        let identity = trust.member(&certificate).map_err(|refusal| match refusal {
            PeerRefusal::OtherCluster { expected, found } => CredentialError::OtherCluster { expected, found },
            _ => CredentialError::Certificate(IdentityError::Malformed),
        })?;
        trust
            .check_issued(&certificate, &[], unix_time(facts.not_before_ms))
            .map_err(|_| CredentialError::OtherRoot)?;
        Ok(Self {
            identity,
            facts,
            certified: certify(certificate, key)?,
        })
    }
}

fn certify(certificate: CertificateDer<'static>, key: &SecretBytes) -> Result<Arc<CertifiedKey>, CredentialError> {
    let key = any_eddsa_type(&PrivatePkcs8KeyDer::from(key.expose())).map_err(|_| CredentialError::Key)?;
    let certified = CertifiedKey::new(vec![certificate], key);
    certified.keys_match().map_err(|_| CredentialError::KeyMismatch)?;
    Ok(Arc::new(certified))
}

/// Whether certificate and key belong together, whoever issued them.
pub(crate) fn belong_together(certificate_pem: &str, key: &SecretBytes) -> bool {
    CertificateDer::from_pem_slice(certificate_pem.as_bytes()).is_ok_and(|der| certify(der, key).is_ok())
}

/// Milliseconds before 1970 become 1970, when no certificate is valid.
pub(crate) fn unix_time(at_ms: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_millis(u64::try_from(at_ms).unwrap_or(0)))
}

/// The credentials in use, behind the resolvers that TLS asks at each handshake.
pub(crate) struct Own(RwLock<Arc<Credentials>>);

impl Own {
    pub(crate) fn new(credentials: Credentials) -> Self {
        Self(RwLock::new(Arc::new(credentials)))
    }

    pub(crate) fn current(&self) -> Arc<Credentials> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over new credentials of the same node; its role may have changed.
    pub(crate) fn replace(&self, new: Credentials) -> Result<(), CredentialError> {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if new.identity.node_id != current.identity.node_id {
            let expected = current.identity.node_id.clone();
            return Err(CredentialError::OtherNode {
                expected,
                found: new.identity.node_id,
            });
        }
        *current = Arc::new(new);
        Ok(())
    }
}

#[cfg(test)]
impl Own {
    /// Shows any certificate, unchecked: what an attacker's node would do.
    pub(crate) fn danger_show(&self, certificate_pem: &str, key: &SecretBytes) {
        let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes()).expect("tests make certificates");
        let (identity, facts) = Identity::from_der(&certificate).expect("tests make certificates");
        let certified = certify(certificate, key).expect("tests keep pairs together");
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Credentials {
            identity,
            facts,
            certified,
        });
    }
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Own({})", self.current().identity)
    }
}

impl ResolvesServerCert for Own {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current().certified))
    }
}

impl ResolvesClientCert for Own {
    fn resolve(&self, _root_hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current().certified))
    }

    fn has_certs(&self) -> bool {
        true
    }
}
