//! What does this node show of itself? Its own certificate and key, which can be exchanged while connections stay open:
//! a new one is shown from the next handshake on.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs::sign::any_eddsa_type;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use wardroom_keys::SecretBytes;

use crate::certificate::{CertificateFacts, certificates_in, facts, fingerprint, parse};
use crate::handshake::PeerRefusal;
use crate::identity::{Identity, IdentityError};
use crate::trust::{Roots, Trust};

/// Why a certificate and a key cannot be this node's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    #[error("the roots cannot be used: {0}")]
    Root(#[source] IdentityError),
    #[error("this node's certificate cannot be used: {0}")]
    Certificate(#[source] IdentityError),
    #[error(
        "this node's certificate was not issued by this cluster's root: put back the files of this cluster, or join \
         again with a new token"
    )]
    OtherRoot,
    #[error("the new roots are for cluster {found} and not {expected}: the old ones stay in use")]
    RootsOfOther { expected: String, found: String },
    #[error("this node's certificate is for cluster {found} and not {expected}: put back the files of this cluster")]
    OtherCluster { expected: String, found: String },
    #[error("the new certificate is for node {found} and not {expected}: a node keeps its id, ask for one of its own")]
    OtherNode { expected: String, found: String },
    #[error("this node's key cannot be read: put back the key that was saved with the certificate")]
    Key,
    #[error("this node's key does not belong to its certificate: put back both as they were saved")]
    KeyMismatch,
}

/// A certificate with its key and the intermediates it came with, checked against the roots.
pub(crate) struct Credentials {
    pub(crate) identity: Identity,
    pub(crate) facts: CertificateFacts,
    /// SHA-256 of the key's `SubjectPublicKeyInfo`, hex.
    pub(crate) key_fingerprint: String,
    certified: Arc<CertifiedKey>,
}

impl Credentials {
    /// An expired certificate is still this node's own: it may have to be shown when it asks for a new one.
    pub(crate) fn new(trust: &Trust, certificate_pem: &str, key: &SecretBytes) -> Result<Self, CredentialError> {
        let chain = certificates_in(certificate_pem).map_err(CredentialError::Certificate)?;
        let (certificate, intermediates) = chain.split_first().expect("a text has one certificate at least");
        let (_, facts) = Identity::from_der(certificate).map_err(CredentialError::Certificate)?;
        let identity = trust.member(certificate).map_err(|refusal| match refusal {
            PeerRefusal::OtherCluster { expected, found } => CredentialError::OtherCluster { expected, found },
            _ => CredentialError::Certificate(IdentityError::Malformed),
        })?;
        trust
            .check_client(certificate, intermediates, unix_time(begins_ms(&chain)?))
            .map_err(|_| CredentialError::OtherRoot)?;
        let read = parse(certificate).map_err(CredentialError::Certificate)?;
        let key_fingerprint = fingerprint(read.public_key().raw);
        Ok(Self {
            identity,
            facts,
            key_fingerprint,
            certified: certify(chain, key)?,
        })
    }

    /// For a server to show: the roots too, newest last, so that a machine that joins finds the one its token names.
    fn with_roots(&self, roots: &Roots) -> Arc<CertifiedKey> {
        let roots = roots.certificates.iter().rev().cloned();
        let chain = self.certified.cert.iter().cloned().chain(roots).collect();
        Arc::new(CertifiedKey::new(chain, Arc::clone(&self.certified.key)))
    }
}

/// The first moment at which all of a chain is valid.
fn begins_ms(chain: &[CertificateDer<'_>]) -> Result<i64, CredentialError> {
    let mut begins_ms = i64::MIN;
    for certificate in chain {
        let read = parse(certificate).map_err(CredentialError::Certificate)?;
        begins_ms = begins_ms.max(facts(&read, certificate).not_before_ms);
    }
    Ok(begins_ms)
}

fn certify(chain: Vec<CertificateDer<'static>>, key: &SecretBytes) -> Result<Arc<CertifiedKey>, CredentialError> {
    let key = any_eddsa_type(&PrivatePkcs8KeyDer::from(key.expose())).map_err(|_| CredentialError::Key)?;
    let certified = CertifiedKey::new(chain, key);
    certified.keys_match().map_err(|_| CredentialError::KeyMismatch)?;
    Ok(Arc::new(certified))
}

/// Whether certificate and key belong together, whoever issued them.
pub(crate) fn belong_together(certificate_pem: &str, key: &SecretBytes) -> bool {
    certificates_in(certificate_pem).is_ok_and(|chain| certify(chain, key).is_ok())
}

/// The fingerprint of the public key that a certificate is for; `None` of what is none.
pub(crate) fn key_fingerprint(certificate_pem: &str) -> Option<String> {
    let chain = certificates_in(certificate_pem).ok()?;
    let read = parse(chain.first()?).ok()?;
    Some(fingerprint(read.public_key().raw))
}

/// Milliseconds before 1970 become 1970, when no certificate is valid.
pub(crate) fn unix_time(at_ms: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_millis(u64::try_from(at_ms).unwrap_or(0)))
}

/// The credentials in use, behind the resolvers that TLS asks at each handshake.
pub(crate) struct Own {
    trust: Arc<Trust>,
    current: RwLock<Arc<Credentials>>,
}

impl Own {
    pub(crate) fn new(trust: Arc<Trust>, credentials: Credentials) -> Self {
        Self {
            trust,
            current: RwLock::new(Arc::new(credentials)),
        }
    }

    pub(crate) fn current(&self) -> Arc<Credentials> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over new credentials of the same node; its role may have changed.
    pub(crate) fn replace(&self, new: Credentials) -> Result<(), CredentialError> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
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
    /// Shows any certificate with any key, unchecked: what an attacker's node would do.
    pub(crate) fn danger_show(&self, certificate_pem: &str, key: &SecretBytes) {
        let chain = certificates_in(certificate_pem).expect("tests make certificates");
        let (identity, facts) = Identity::from_der(&chain[0]).expect("tests make certificates");
        let key = any_eddsa_type(&PrivatePkcs8KeyDer::from(key.expose())).expect("tests make keys");
        let certified = Arc::new(CertifiedKey::new(chain, key));
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Credentials {
            identity,
            facts,
            key_fingerprint: String::new(),
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
        Some(self.current().with_roots(&self.trust.roots()))
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
