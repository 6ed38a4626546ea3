//! Is a certificate to be believed? The cluster's root as the only anchor, the identity that is expected, and the set of
//! refused nodes; both verifiers that TLS asks. Host names play no part: a node is its certificate, wherever it runs.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, RootCertStore, SignatureScheme};

use crate::handshake::PeerRefusal;
use crate::identity::{Identity, IdentityError, Role, root_from_der};
use crate::refused::RefusedNodes;

/// The one root, and the cluster it stands for.
pub(crate) struct Trust {
    pub(crate) cluster_id: String,
    anchors: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
    clients: Arc<dyn ClientCertVerifier>,
}

impl Trust {
    pub(crate) fn new(root_pem: &str, provider: Arc<CryptoProvider>) -> Result<Self, IdentityError> {
        let root = CertificateDer::from_pem_slice(root_pem.as_bytes()).map_err(|_| IdentityError::Malformed)?;
        let (cluster_id, _) = root_from_der(&root)?;
        let mut anchors = RootCertStore::empty();
        anchors.add(root).map_err(|_| IdentityError::Malformed)?;
        let anchors = Arc::new(anchors);
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::clone(&anchors), Arc::clone(&provider))
            .build()
            .map_err(|_| IdentityError::Malformed)?;
        Ok(Self {
            cluster_id,
            anchors,
            provider,
            clients,
        })
    }

    /// Whether the root issued the certificate and it is valid at `at`.
    pub(crate) fn check_issued(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        at: UnixTime,
    ) -> Result<(), rustls::Error> {
        let parsed = ParsedCertificate::try_from(certificate)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.anchors, intermediates, at, algorithms)
    }

    /// Who the certificate names, if that is a node of this cluster.
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
        self.judge(certificate)
            .map_err(|refusal| CertificateError::Other(OtherError(Arc::new(refusal))).into())
    }
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
        self.trust.check_issued(end_entity, intermediates, now)?;
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
        let verified = self.trust.clients.verify_client_cert(end_entity, intermediates, now)?;
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
