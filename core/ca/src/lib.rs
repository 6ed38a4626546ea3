//! Who are you? The cluster's root, the certificates it issues, what they say about a node, the TLS that both ends of a
//! connection must prove them over, and the clock by which they are judged.
//!
//! ```text
//! root (CN wardroom-ca, O cluster id) ──issues──> node (CN node id, OU role, O cluster id)
//! ```
//!
//! Invariants: TLS 1.3 with X25519MLKEM768 and nothing else; both ends present a certificate; a peer's identity comes
//! from its verified certificate and from nothing it says. Who may call what is decided elsewhere.
//!
//! Left out as yet: requests signed by a joining node (CSR), join tokens, a root that rotates, and node keys that are
//! encrypted at rest (the file is readable by its owner only).

mod clock;
mod files;
mod handshake;
mod identity;
mod own;
mod refused;
mod root;
mod tls;
mod trust;

pub use clock::{Clock, ManualClock, SystemClock};
pub use files::{FilesError, NodeFiles};
pub use handshake::{HandshakeError, PeerRefusal};
pub use identity::{CertificateFacts, Identity, IdentityError, Role, fingerprint};
pub use own::CredentialError;
pub use refused::RefusedNodes;
pub use root::{BACKDATE, IssueError, IssueRequest, Issued, NODE_LIFETIME, Root};
pub use tls::{ExpectPeer, HANDSHAKE_DEADLINE, NodeTls};
