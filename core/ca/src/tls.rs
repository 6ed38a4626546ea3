//! How do two nodes prove who they are? TLS 1.3 with X25519MLKEM768, certificates of this cluster, no tickets and no early
//! data. Whoever answers has a certificate; whoever comes has one or is nobody. The provider is named here: no default of
//! the process can weaken it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ClientConfig, Resumption, WantsClientCert};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::server::{NoServerSessionStorage, ServerConfig};
use rustls::time_provider::TimeProvider;
use rustls::{CommonState, ConfigBuilder, version};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};
use wardroom_keys::SecretBytes;

use crate::certificate::CertificateFacts;
use crate::clock::Clock;
use crate::handshake::{HandshakeError, PeerRefusal};
use crate::identity::{Identity, Role};
use crate::own::{CredentialError, Credentials, Own, unix_time};
use crate::refused::RefusedNodes;
use crate::trust::{PeerVerifier, Trust};

/// How long either end waits for a handshake to finish.
pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);

/// gRPC asks for HTTP/2 by this name.
const ALPN: &[u8] = b"h2";

/// Who a peer proved to be.
pub type Peer = (Identity, CertificateFacts);

/// Who must answer when this node connects. Only managers listen, so both mean a manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectPeer {
    /// The node with this id.
    Node(String),
    AnyManager,
}

/// The TLS of a node or of an operator's client: its certificate, the roots it trusts, whom it refuses. Clones share all
/// of it.
#[derive(Clone)]
pub struct NodeTls(Arc<Inner>);

struct Inner {
    trust: Arc<Trust>,
    own: Arc<Own>,
    clock: Arc<dyn Clock>,
    provider: Arc<CryptoProvider>,
    refused: RefusedNodes,
    server: Arc<ServerConfig>,
}

impl NodeTls {
    /// `roots_pem`: the cluster's roots, newest first. `certificate_pem`: the certificate, then the intermediates that
    /// lead to older roots. `key` is PKCS#8 DER, as in [`crate::Issued`]. An expired certificate is taken, and renewed or
    /// refused later.
    pub fn new(
        roots_pem: &str,
        certificate_pem: &str,
        key: &SecretBytes,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CredentialError> {
        let provider = Arc::new(provider());
        let trust = Arc::new(Trust::new(roots_pem, Arc::clone(&provider)).map_err(CredentialError::Root)?);
        let credentials = Credentials::new(&trust, certificate_pem, key)?;
        let own = Arc::new(Own::new(Arc::clone(&trust), credentials));
        let refused = RefusedNodes::default();
        let anyone = PeerVerifier {
            trust: Arc::clone(&trust),
            // Who was removed comes in, to be told so in words on its first call.
            refused: RefusedNodes::default(),
            node_id: None,
            role: None,
        };
        let server = server_config(&provider, &clock, anyone, Arc::clone(&own));
        Ok(Self(Arc::new(Inner {
            trust,
            own,
            clock,
            provider,
            refused,
            server,
        })))
    }

    /// Who this node is.
    pub fn identity(&self) -> Identity {
        self.0.own.current().identity.clone()
    }

    /// This node's certificate.
    pub fn facts(&self) -> CertificateFacts {
        self.0.own.current().facts.clone()
    }

    /// SHA-256 of the `SubjectPublicKeyInfo` of this node's key, hex; as [`crate::KeyRequest`] says it.
    pub fn key_fingerprint(&self) -> String {
        self.0.own.current().key_fingerprint.clone()
    }

    /// The key id of the newest trusted root, hex; a certificate from another one wants to be renewed.
    pub fn root_key_id(&self) -> String {
        self.0.trust.roots().key_id.clone()
    }

    /// The trusted roots, newest first.
    pub fn roots_pem(&self) -> String {
        self.0.trust.roots().pem()
    }

    /// Trusts exactly these roots, newest first, from the next handshake on; open connections go on as they are. They
    /// must be this cluster's; otherwise nothing changes.
    pub fn trust(&self, roots_pem: &str) -> Result<(), CredentialError> {
        self.0.trust.replace(roots_pem)
    }

    /// The nodes that this end does not connect to; fill it from the replicated state. Whoever accepts looks here before
    /// it answers a call: the handshake lets them in, so that they can be told.
    pub fn refused(&self) -> &RefusedNodes {
        &self.0.refused
    }

    /// Shows this certificate, with the intermediates after it, from the next handshake on; open connections go on as
    /// they are. It must be of this node and this cluster; otherwise nothing changes.
    pub fn reload(&self, certificate_pem: &str, key: &SecretBytes) -> Result<(), CredentialError> {
        self.0
            .own
            .replace(Credentials::new(&self.0.trust, certificate_pem, key)?)
    }

    /// For accepting: whoever has a certificate of this cluster, and whoever has none.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.server)
    }

    /// For connecting to `expected`.
    pub fn client_config(&self, expected: ExpectPeer) -> Arc<ClientConfig> {
        let node_id = match expected {
            ExpectPeer::Node(id) => Some(id),
            ExpectPeer::AnyManager => None,
        };
        let verifier = PeerVerifier {
            trust: Arc::clone(&self.0.trust),
            refused: self.0.refused.clone(),
            node_id,
            role: Some(Role::Manager),
        };
        client_config(&self.0.provider, &self.0.clock, verifier, Arc::clone(&self.0.own))
    }

    /// Finishes the handshake of an accepted connection and says who came; `None`: somebody without a certificate, who
    /// may ask to join and nothing else.
    pub async fn accept<S>(&self, stream: S) -> Result<(server::TlsStream<S>, Option<Peer>), HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let accepting = TlsAcceptor::from(self.server_config()).accept(stream);
        let stream = in_time(accepting).await?;
        let peer = peer(stream.get_ref().1)?;
        Ok((stream, peer))
    }

    /// Connects over `stream` to whoever is expected there.
    ///
    /// In TLS 1.3 this end finishes first: a server that refuses this node's certificate says so on the first read,
    /// which then fails with an error that [`HandshakeError::from`] explains.
    pub async fn connect<S>(&self, stream: S, expected: ExpectPeer) -> Result<client::TlsStream<S>, HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if self.0.own.current().facts.not_after_ms < self.0.clock.now_ms() {
            return Err(HandshakeError::OwnExpired);
        }
        in_time(TlsConnector::from(self.client_config(expected)).connect(manager_name(), stream)).await
    }
}

#[cfg(test)]
impl NodeTls {
    /// Shows any certificate with any key, unchecked: what an attacker's node would do.
    pub(crate) fn danger_show(&self, certificate_pem: &str, key: &SecretBytes) {
        self.0.own.danger_show(certificate_pem, key);
    }
}

impl fmt::Debug for NodeTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeTls({})", self.identity())
    }
}

/// TLS wants a name to connect to; none is sent, and the certificate is not judged by it.
pub(crate) fn manager_name() -> ServerName<'static> {
    ServerName::try_from(Role::Manager.unit()).expect("the role's name is a DNS name")
}

/// Who is at the other end of a finished handshake.
fn peer(connection: &CommonState) -> Result<Option<Peer>, PeerRefusal> {
    let certificate = connection.peer_certificates().and_then(<[_]>::first);
    certificate
        .map(|certificate| Identity::from_der(certificate).map_err(PeerRefusal::Unusable))
        .transpose()
}

pub(crate) async fn in_time<T>(handshake: impl Future<Output = std::io::Result<T>>) -> Result<T, HandshakeError> {
    match tokio::time::timeout(HANDSHAKE_DEADLINE, handshake).await {
        Ok(finished) => Ok(finished?),
        Err(_elapsed) => Err(HandshakeError::Timeout),
    }
}

/// One key exchange: hybrid, so that traffic recorded today stays closed to a quantum computer.
pub(crate) fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: vec![aws_lc_rs::kx_group::X25519MLKEM768],
        ..aws_lc_rs::default_provider()
    }
}

fn server_config(
    provider: &Arc<CryptoProvider>,
    clock: &Arc<dyn Clock>,
    verifier: PeerVerifier,
    own: Arc<Own>,
) -> Arc<ServerConfig> {
    let time = Arc::new(ClockTime(Arc::clone(clock)));
    let mut config = ServerConfig::builder_with_details(Arc::clone(provider), time)
        .with_protocol_versions(&[&version::TLS13])
        .expect("the provider has TLS 1.3 suites and a key exchange")
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(own);
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Arc::new(config)
}

fn client_config(
    provider: &Arc<CryptoProvider>,
    clock: &Arc<dyn Clock>,
    verifier: PeerVerifier,
    own: Arc<Own>,
) -> Arc<ClientConfig> {
    client_config_with(provider, clock, Arc::new(verifier), |builder| {
        builder.with_client_cert_resolver(own)
    })
}

/// `present` says which certificate this end shows, if any.
pub(crate) fn client_config_with(
    provider: &Arc<CryptoProvider>,
    clock: &Arc<dyn Clock>,
    verifier: Arc<dyn ServerCertVerifier>,
    present: impl FnOnce(ConfigBuilder<ClientConfig, WantsClientCert>) -> ClientConfig,
) -> Arc<ClientConfig> {
    let time = Arc::new(ClockTime(Arc::clone(clock)));
    let builder = ClientConfig::builder_with_details(Arc::clone(provider), time)
        .with_protocol_versions(&[&version::TLS13])
        .expect("the provider has TLS 1.3 suites and a key exchange")
        .dangerous() // to rustls any own verifier is; ours is stricter: the root, then the exact node
        .with_custom_certificate_verifier(verifier);
    let mut config = present(builder);
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    config.enable_early_data = false;
    Arc::new(config)
}

/// The clock as TLS asks for it.
struct ClockTime(Arc<dyn Clock>);

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix_time(self.0.now_ms()))
    }
}

impl fmt::Debug for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClockTime")
    }
}

#[cfg(test)]
#[path = "rotation_tests.rs"]
mod rotation_tests;
#[cfg(test)]
#[path = "strangers_tests.rs"]
mod strangers_tests;
#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
