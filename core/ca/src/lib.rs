//! Who are you? The cluster's roots, the certificates they issue, what they say about a node or an operator, the TLS that
//! both ends of a connection must prove them over, and the clock by which they are judged.
//!
//! ```text
//! root (CN wardroom-ca-<key id>, O cluster id) ──issues──> holder (CN node or operator id, OU role, O cluster id)
//!    └─cross-signs──> the next root, so that whoever trusts only the old one follows
//! ```
//!
//! Invariants: TLS 1.3 with X25519MLKEM768 and nothing else; whoever answers has a certificate; a peer's identity comes
//! from its verified certificate and from nothing it says; a peer without one is nobody. Who may call what is decided
//! elsewhere.
//!
//! Left out: lists of revoked certificates (a removed id is refused by every manager instead).

mod bundle;
mod certificate;
mod clock;
mod files;
mod handshake;
mod identity;
mod issue;
mod join;
mod key;
mod node_key;
mod own;
mod place;
mod refused;
mod request;
mod root;
mod tls;
mod token;
mod trust;

pub use bundle::{Bundle, BundleError, BundleFault};
pub use certificate::{CertificateFacts, fingerprint, key_id_of};
pub use clock::{Clock, ManualClock, SystemClock};
pub use files::{FilesError, NodeFiles};
pub use handshake::{HandshakeError, PeerRefusal};
pub use identity::{Identity, IdentityError, Role};
pub use issue::{BACKDATE, IssueRequest, Issued, NODE_LIFETIME, Signed};
pub use join::JoinTls;
pub use node_key::{KeyRest, KeySeal, OpensNodeKey};
pub use own::CredentialError;
pub use refused::RefusedNodes;
pub use request::{KeyRequest, RequestError, key_fingerprint_of};
pub use root::{IssueError, Root};
pub use tls::{ExpectPeer, HANDSHAKE_DEADLINE, NodeTls, Peer};
pub use token::{JoinToken, RootPin, TokenError};
