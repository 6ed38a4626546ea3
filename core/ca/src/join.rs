//! How does a machine without a certificate know that it talks to its cluster? From the root's digest in its join token:
//! in the handshake a manager shows its chain down to the root, and nothing is sent before the root is found in it.

use std::fmt;
use std::sync::Arc;

use rustls::CertificateError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, client};

use crate::certificate::certificate_pem;
use crate::clock::Clock;
use crate::handshake::{HandshakeError, PeerRefusal};
use crate::identity::Role;
use crate::refused::RefusedNodes;
use crate::tls::{client_config_with, in_time, manager_name, provider};
use crate::token::RootPin;
use crate::trust::{PeerVerifier, Trust, for_tls};

/// The TLS of a machine that is about to join: it trusts the one root that its token names, and has no certificate.
#[derive(Clone)]
pub struct JoinTls {
    pin: RootPin,
    clock: Arc<dyn Clock>,
    provider: Arc<CryptoProvider>,
}

impl JoinTls {
    pub fn new(pin: RootPin, clock: Arc<dyn Clock>) -> Self {
        Self {
            pin,
            clock,
            provider: Arc::new(provider()),
        }
    }

    /// Connects over `stream` to a manager of the cluster, whichever it is; also gives the root it proved, as PEM.
    pub async fn connect<S>(&self, stream: S) -> Result<(client::TlsStream<S>, String), HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let verifier = Arc::new(PinVerifier {
            pin: self.pin,
            provider: Arc::clone(&self.provider),
        });
        let config = client_config_with(&self.provider, &self.clock, verifier, |builder| {
            builder.with_no_client_auth()
        });
        let stream = in_time(TlsConnector::from(config).connect(manager_name(), stream)).await?;
        let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let root = self.pin.find(shown).ok_or(PeerRefusal::OtherPin(self.pin))?;
        let root_pem = certificate_pem(root);
        Ok((stream, root_pem))
    }
}

impl RootPin {
    fn find<'a, 'b>(self, shown: &'a [CertificateDer<'b>]) -> Option<&'a CertificateDer<'b>> {
        shown.iter().find(|certificate| self.is_of(certificate))
    }
}

/// Judges the manager of one connection by the pinned root and nothing else.
struct PinVerifier {
    pin: RootPin,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let pinned = self.pin.find(intermediates);
        let pinned = pinned.ok_or_else(|| for_tls(PeerRefusal::OtherPin(self.pin)))?;
        let trust = Trust::in_roots(vec![pinned.clone().into_owned()], Arc::clone(&self.provider))
            .map_err(|error| for_tls(PeerRefusal::Unusable(error)))?;
        let by_root = PeerVerifier {
            trust: Arc::new(trust),
            refused: RefusedNodes::default(),
            node_id: None,
            role: Some(Role::Manager),
        };
        let verified = by_root.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verified.map_err(|error| match error {
            rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
                for_tls(PeerRefusal::NotUnderPin(self.pin))
            }
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl fmt::Debug for PinVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PinVerifier({})", self.pin)
    }
}

#[cfg(test)]
#[path = "join_tests.rs"]
mod tests;
