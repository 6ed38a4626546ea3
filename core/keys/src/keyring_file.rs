//! What does a keyring look like on disk? The exact bytes, read without trusting them; `FORMAT.md` has the table.

use std::sync::Arc;

use crate::cipher::{NONCE_LEN, TAG_LEN, mac, same};
use crate::keyring::{KeyringError, commit_key};
use crate::secret_bytes::SecretBytes;
use crate::unlock_key::UnlockKey;

/// The newest keyring format this build reads and the one it writes. It still reads format 1, which knew no orders.
pub const KEYRING_FORMAT: u16 = 2;
const MAGIC: &[u8; 8] = b"WRDKEYRG";
pub(crate) const WRAPPED_LEN: usize = NONCE_LEN + 32 + TAG_LEN;
const COMMITMENT_LEN: usize = 32;
/// Far above any id; a length field can claim no more.
const ID_LEN_MAX: usize = 255;

/// A keyring as it stands on disk, its keys still wrapped.
pub struct KeyringFile {
    /// What the bytes are, or will be: a file that was read stays what it was, for its commitment covers that too.
    pub(crate) format: u16,
    pub(crate) cluster: String,
    pub(crate) node: String,
    pub(crate) kek_epoch: u32,
    pub(crate) kek_check: [u8; 4],
    pub(crate) created_at_ms: i64,
    pub(crate) wrapped_root: [u8; WRAPPED_LEN],
    /// Current first, then the pending one while a rotation runs.
    pub(crate) deks: Vec<DekSlot>,
    pub(crate) commitment: [u8; COMMITMENT_LEN],
    /// Stands in the file as it is while autolock is off.
    pub(crate) clear_kek: Option<Arc<UnlockKey>>,
}

/// One wrapped DEK.
#[derive(Clone)]
pub(crate) struct DekSlot {
    pub(crate) epoch: u32,
    /// The number of the replicated order that this DEK fulfils; 0 for none.
    pub(crate) order: u64,
    pub(crate) created_at_ms: i64,
    pub(crate) check: [u8; 4],
    pub(crate) wrapped: [u8; WRAPPED_LEN],
}

impl KeyringFile {
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    pub fn node(&self) -> &str {
        &self.node
    }

    /// The epoch of the unlock key that opens it, which a locked manager may say.
    pub fn kek_epoch(&self) -> u32 {
        self.kek_epoch
    }

    /// Names the unlock key that opens it; see [`UnlockKey::check`].
    pub fn kek_check(&self) -> [u8; 4] {
        self.kek_check
    }

    /// Whether an unlock key is needed to open it.
    pub fn is_locked(&self) -> bool {
        self.clear_kek.is_none()
    }

    /// Whether that key opens it; nothing is opened. The commitment decides: the cipher alone does not commit to its key.
    pub fn check_key(&self, key: &UnlockKey) -> Result<(), KeyringError> {
        if key.check() != self.kek_check {
            return Err(KeyringError::WrongKey);
        }
        if self.is_committed_to(&commit_key(key)) {
            Ok(())
        } else {
            Err(KeyringError::Damaged)
        }
    }

    /// Reads the structure; nothing is decrypted yet.
    pub fn decode(bytes: &[u8]) -> Result<Self, KeyringError> {
        let mut rest = Reader(bytes);
        if rest.take::<8>()? != *MAGIC {
            return Err(KeyringError::NotAKeyring);
        }
        let format = u16::from_le_bytes(rest.take()?);
        if format > KEYRING_FORMAT {
            return Err(KeyringError::Newer { format });
        }
        let [autolock, slots] = rest.take()?;
        if format == 0 || autolock > 1 || !(1..=2).contains(&slots) {
            return Err(KeyringError::Damaged);
        }
        let mut file = Self {
            format,
            kek_epoch: u32::from_le_bytes(rest.take()?),
            kek_check: rest.take()?,
            created_at_ms: i64::from_le_bytes(rest.take()?),
            cluster: rest.id()?,
            node: rest.id()?,
            wrapped_root: rest.take()?,
            deks: Vec::with_capacity(2),
            commitment: [0; COMMITMENT_LEN],
            clear_kek: None,
        };
        for _ in 0..slots {
            file.deks.push(DekSlot {
                epoch: u32::from_le_bytes(rest.take()?),
                order: if format == 1 {
                    0
                } else {
                    u64::from_le_bytes(rest.take()?)
                },
                created_at_ms: i64::from_le_bytes(rest.take()?),
                check: rest.take()?,
                wrapped: rest.take()?,
            });
        }
        file.commitment = rest.take()?;
        if autolock == 0 {
            file.clear_kek = Some(Arc::new(UnlockKey::copy_from(rest.take_ref()?)));
        }
        if rest.0.is_empty() {
            Ok(file)
        } else {
            Err(KeyringError::Damaged)
        }
    }

    /// The whole file. With autolock off it holds the KEK in clear: write it with mode 0600.
    pub fn encode(&self) -> SecretBytes {
        let committed = self.committed_bytes();
        let mut out = Vec::with_capacity(committed.len() + COMMITMENT_LEN + 32);
        out.extend_from_slice(&committed);
        out.extend_from_slice(&self.commitment);
        if let Some(kek) = &self.clear_kek {
            out.extend_from_slice(kek.bytes());
        }
        SecretBytes::new(out)
    }

    /// Wrapped keys are no secret; a KEK in clear is shared, not copied.
    pub(crate) fn copy(&self) -> Self {
        Self {
            format: self.format,
            cluster: self.cluster.clone(),
            node: self.node.clone(),
            kek_epoch: self.kek_epoch,
            kek_check: self.kek_check,
            created_at_ms: self.created_at_ms,
            wrapped_root: self.wrapped_root,
            deks: self.deks.clone(),
            commitment: self.commitment,
            clear_kek: self.clear_kek.clone(),
        }
    }

    /// Everything but the commitment and the clear KEK.
    pub(crate) fn committed_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&self.format.to_le_bytes());
        out.push(u8::from(self.is_locked()));
        out.push(u8::try_from(self.deks.len()).expect("one or two slots"));
        out.extend_from_slice(&self.kek_epoch.to_le_bytes());
        out.extend_from_slice(&self.kek_check);
        out.extend_from_slice(&self.created_at_ms.to_le_bytes());
        for id in [&self.cluster, &self.node] {
            out.push(u8::try_from(id.len()).expect("ids are checked when a keyring is made"));
            out.extend_from_slice(id.as_bytes());
        }
        out.extend_from_slice(&self.wrapped_root);
        for slot in &self.deks {
            out.extend_from_slice(&slot.epoch.to_le_bytes());
            if self.format > 1 {
                out.extend_from_slice(&slot.order.to_le_bytes());
            }
            out.extend_from_slice(&slot.created_at_ms.to_le_bytes());
            out.extend_from_slice(&slot.check);
            out.extend_from_slice(&slot.wrapped);
        }
        out
    }

    pub(crate) fn commit(&mut self, commit_key: &[u8; 32]) {
        self.commitment = mac(commit_key, &[b"kc", &self.committed_bytes()]);
    }

    fn is_committed_to(&self, commit_key: &[u8; 32]) -> bool {
        same(&mac(commit_key, &[b"kc", &self.committed_bytes()]), &self.commitment)
    }
}

/// Whether an id fits the file's length byte.
pub(crate) fn id_fits(id: &str) -> bool {
    (1..=ID_LEN_MAX).contains(&id.len())
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take_ref<const N: usize>(&mut self) -> Result<&'a [u8; N], KeyringError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(KeyringError::Damaged)?;
        self.0 = rest;
        Ok(head)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], KeyringError> {
        self.take_ref().copied()
    }

    fn id(&mut self) -> Result<String, KeyringError> {
        let [len] = self.take()?;
        let (id, rest) = self.0.split_at_checked(usize::from(len)).ok_or(KeyringError::Damaged)?;
        self.0 = rest;
        let id = std::str::from_utf8(id).map_err(|_| KeyringError::Damaged)?;
        Ok(id.to_owned())
    }
}
