//! Which bytes are a backup, once decrypted? The table in `mod.rs`, written and read.

use wardroom_keys::SecretBytes;
use wardroom_state::State;

use super::{BackupError, Content, Opened};

const MAGIC: &[u8; 8] = b"WARDBKUP";
const FORMAT: u8 = 1;
pub(super) const SEALING_ROOT_BYTES: usize = 32;

pub(super) fn encode(content: &Content<'_>) -> SecretBytes {
    let state = content.state.encode();
    // One allocation of the right size, so that no partial copy of the key is left behind.
    let frame = MAGIC.len() + 1 + SEALING_ROOT_BYTES + 8 + 8 + 2 + content.cluster_id.len() + 8 + 32;
    let mut bytes = Vec::with_capacity(frame + state.len());
    bytes.extend_from_slice(MAGIC);
    bytes.push(FORMAT);
    bytes.extend_from_slice(content.sealing_root.expose());
    bytes.extend_from_slice(&content.state.index().to_le_bytes());
    bytes.extend_from_slice(&content.created_at_ms.to_le_bytes());
    let length = u16::try_from(content.cluster_id.len()).expect("ids have 25 characters");
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(content.cluster_id.as_bytes());
    bytes.extend_from_slice(&(state.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&state);
    bytes.extend_from_slice(&content.state.digest());
    SecretBytes::new(bytes)
}

pub(super) fn decode(bytes: &[u8]) -> Result<Opened, BackupError> {
    let mut rest = Reader(bytes);
    if rest.array::<8>()? != *MAGIC {
        return Err(BackupError::Format(0));
    }
    let [format] = rest.array()?;
    if format != FORMAT {
        return Err(BackupError::Format(format));
    }
    let sealing_root = SecretBytes::new(rest.take(SEALING_ROOT_BYTES)?.to_vec());
    let index = u64::from_le_bytes(rest.array()?);
    let created_at_ms = i64::from_le_bytes(rest.array()?);
    let length = u16::from_le_bytes(rest.array()?);
    let cluster_id = rest.take(length.into())?;
    let cluster_id = std::str::from_utf8(cluster_id)
        .map_err(|_| BackupError::Damaged)?
        .to_owned();
    let length = u64::from_le_bytes(rest.array()?);
    let state = State::decode(rest.take(usize::try_from(length).map_err(|_| BackupError::Damaged)?)?)?;
    if rest.array::<32>()? != state.digest() || !rest.0.is_empty() || state.index() != index {
        return Err(BackupError::Damaged);
    }
    Ok(Opened {
        cluster_id,
        index,
        created_at_ms,
        state,
        sealing_root,
    })
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], BackupError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(BackupError::Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BackupError> {
        Ok(self.take(N)?.try_into().expect("as many were taken"))
    }
}
