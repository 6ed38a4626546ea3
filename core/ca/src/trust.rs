//! Is a certificate to be believed? The cluster's roots as the only anchors, the identity that is expected, and the set of
//! refused nodes; both verifiers that TLS asks. Host names play no part: a node is its certificate, wherever it runs.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, RootCertStore, SignatureScheme};

use crate::certificate::{RootFacts, certificate_pem, certificates_in};
use crate::handshake::PeerRefusal;
use crate::identity::{Identity, IdentityError, Role};
use crate::own::CredentialError;
use crate::refused::RefusedNodes;

/// The cluster's roots: one, or several while one takes over from another. They can be exchanged between handshakes.
pub(crate) struct Trust {
    pub(crate) cluster_id: String,
    pub(crate) provider: Arc<CryptoProvider>,
    roots: RwLock<Arc<Roots>>,
}

/// The roots of one moment, newest first.
pub(crate) struct Roots {
    pub(crate) certificates: Vec<CertificateDer<'static>>,
    /// Of the newest.
    pub(crate) key_id: String,
    cluster_id: String,
    anchors: Arc<RootCertStore>,
    clients: Arc<dyn ClientCertVerifier>,
}

impl Roots {
    fn new(certificates: Vec<CertificateDer<'static>>, provider: &Arc<CryptoProvider>) -> Result<Self, IdentityError> {
        let read: Result<Vec<_>, _> = certificates.iter().map(|root| RootFacts::from_der(root)).collect();
        let mut read = read?.into_iter();
        let newest = read.next().ok_or(IdentityError::Malformed)?;
        if read.any(|older| older.cluster_id != newest.cluster_id) {
            return Err(IdentityError::Mixed);
        }
        let mut anchors = RootCertStore::empty();
        for root in &certificates {
            anchors.add(root.clone()).map_err(|_| IdentityError::Malformed)?;
        }
        let anchors = Arc::new(anchors);
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::clone(&anchors), Arc::clone(provider))
            .build()
            .map_err(|_| IdentityError::Malformed)?;
        Ok(Self {
            certificates,
            key_id: newest.key_id,
            cluster_id: newest.cluster_id,
            anchors,
            clients,
        })
    }

    /// As text, in the same order.
    pub(crate) fn pem(&self) -> String {
        self.certificates.iter().map(|root| certificate_pem(root)).collect()
    }
}

impl Trust {
    pub(crate) fn new(roots_pem: &str, provider: Arc<CryptoProvider>) -> Result<Self, IdentityError> {
        Self::in_roots(certificates_in(roots_pem)?, provider)
    }

    /// Newest first.
    pub(crate) fn in_roots(
        roots: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, IdentityError> {
        let roots = Roots::new(roots, &provider)?;
        Ok(Self {
            cluster_id: roots.cluster_id.clone(),
            provider,
            roots: RwLock::new(Arc::new(roots)),
        })
    }

    /// The roots of this moment.
    pub(crate) fn roots(&self) -> Arc<Roots> {
        Arc::clone(&self.roots.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Trusts these roots of the same cluster, and no others, from now on.
    pub(crate) fn replace(&self, roots_pem: &str) -> Result<(), CredentialError> {
        let certificates = certificates_in(roots_pem).map_err(CredentialError::Root)?;
        let roots = Roots::new(certificates, &self.provider).map_err(CredentialError::Root)?;
        if roots.cluster_id != self.cluster_id {
            return Err(CredentialError::RootsOfOther {
                expected: self.cluster_id.clone(),
                found: roots.cluster_id,
            });
        }
        *self.roots.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(roots);
        Ok(())
    }

    /// Whether a certificate that may answer connections leads to a root and is valid at `at`.
    fn check_server(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        at: UnixTime,
    ) -> Result<(), rustls::Error> {
        let parsed = ParsedCertificate::try_from(certificate)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots().anchors, intermediates, at, algorithms)
    }

    /// Whether a certificate that may open connections, as all may, leads to a root and is valid at `at`.
    pub(crate) fn check_client(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        at: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let roots = self.roots();
        roots.clients.verify_client_cert(certificate, intermediates, at)
    }

    /// Who the certificate names, if that is somebody of this cluster.
    pub(crate) fn member(&self, certificate: &[u8]) -> Result<Identity, PeerRefusal> {
        let (identity, _) = Identity::from_der(certificate).map_err(PeerRefusal::Unusable)?;
        if identity.cluster_id != self.cluster_id {
            let expected = self.cluster_id.clone();
            return Err(PeerRefusal::OtherCluster {
                expected,
                found: identity.cluster_id,
            });
        }
        Ok(identity)
    }
}

/// Judges the peer of one connection, or of every connection that is accepted.
pub(crate) struct PeerVerifier {
    pub(crate) trust: Arc<Trust>,
    pub(crate) refused: RefusedNodes,
    /// The node that must answer; `None`: any.
    pub(crate) node_id: Option<String>,
    /// The role it must have; `None`: any.
    pub(crate) role: Option<Role>,
}

impl PeerVerifier {
    /// The chain is verified by then; now the name counts.
    fn judge(&self, certificate: &[u8]) -> Result<(), PeerRefusal> {
        let identity = self.trust.member(certificate)?;
        if self.refused.contains(&identity.node_id) {
            return Err(PeerRefusal::Removed(identity.node_id));
        }
        if let Some(role) = self.role.filter(|&role| role != identity.role) {
            return Err(PeerRefusal::OtherRole {
                expected: role.unit(),
                node_id: identity.node_id,
            });
        }
        match &self.node_id {
            Some(expected) if *expected != identity.node_id => Err(PeerRefusal::OtherNode {
                expected: expected.clone(),
                found: identity.node_id,
            }),
            _ => Ok(()),
        }
    }

    fn judge_for_tls(&self, certificate: &[u8]) -> Result<(), rustls::Error> {
        self.judge(certificate).map_err(for_tls)
    }
}

/// A refusal as TLS passes it on, for `handshake.rs` to find again.
pub(crate) fn for_tls(refusal: PeerRefusal) -> rustls::Error {
    CertificateError::Other(OtherError(Arc::new(refusal))).into()
}

impl fmt::Debug for PeerVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node_id, role, .. } = self;
        f.debug_struct("PeerVerifier")
            .field("node_id", node_id)
            .field("role", role)
            .finish_non_exhaustive()
    }
}

impl ServerCertVerifier for PeerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.trust.check_server(end_entity, intermediates, now)?;
        self.judge_for_tls(end_entity)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.trust.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.trust.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust
            .provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

impl ClientCertVerifier for PeerVerifier {
    /// A machine that is about to join has no certificate yet; what it may do is decided elsewhere.
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// None: the name of the root tells a stranger which cluster this is, and a node has one certificate anyway.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.trust.check_client(end_entity, intermediates, now)?;
        self.judge_for_tls(end_entity)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        ServerCertVerifier::verify_tls12_signature(self, message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        ServerCertVerifier::verify_tls13_signature(self, message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ServerCertVerifier::supported_verify_schemes(self)
    }
}
