//! Who can read it? The keys of a cluster, the values sealed under them, and the types that wipe themselves.
//!
//! ```text
//! unlock key (KEK) ──wraps──> DEK ──derives──> segment, snapshot and node keys   one manager's disk
//!                  └─wraps──> sealing root ──wraps──> data key ──seals──> value   the replicated state
//! ```
//!
//! The bytes of every format are in `FORMAT.md` beside this crate. No secret type has `Debug`, `Clone` or `Serialize`;
//! all are wiped on drop and compared in constant time.

mod chance;
mod cipher;
mod dek;
pub mod failpoint;
mod key;
mod keyring;
mod keyring_file;
pub mod memory;
mod node_key;
mod page;
pub mod pem;
mod sealing;
mod secret_bytes;
mod shared;
mod sharing;
mod store;
mod transit;
mod unlock_key;
#[cfg(test)]
mod vectors_tests;

pub use chance::{Chance, OsChance, SeededChance};
pub use cipher::{NONCE_LEN, Nonce, OpenError, TAG_LEN};
pub use dek::{Dek, SegmentCipher, SnapshotCipher};
pub use keyring::{KeyStatus, Keyring, KeyringError};
pub use keyring_file::{KEYRING_FORMAT, KeyringFile};
pub use memory::KeyMemory;
pub use node_key::{NodeKeyError, node_key_epoch};
pub use sealing::{Opened, SealContext, Sealed, SealingRoot, UnsealError, receipt_digest};
pub use secret_bytes::SecretBytes;
pub use shared::SharedKeyring;
pub use sharing::{Progress, Share, ShareCollection, ShareError, SplitError, split};
pub use store::{KeyStore, MemKeyStore};
pub use transit::{TransitError, TransitOffer, TransitOpener, TransitSealer};
pub use unlock_key::{UnlockKey, UnlockKeyError};
