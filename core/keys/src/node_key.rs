//! How does a node's TLS key rest on a locked manager's disk? Sealed under the manager's DEK, whose epoch the file names,
//! so that keyring and node key never have to change in one step: a rotation keeps two DEKs until both files are new.

use thiserror::Error;
use zeroize::Zeroizing;

use crate::chance::Chance;
use crate::cipher::{bind, derive, open_random, seal_random};
use crate::dek::Dek;
use crate::secret_bytes::SecretBytes;

const MAGIC: &[u8; 8] = b"WRDNODEK";
const FORMAT: u16 = 1;
/// `magic 8 | format u16 | epoch u32`
const HEADER_LEN: usize = 14;

/// Why a sealed node key did not open. The texts say what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NodeKeyError {
    #[error("this is not a sealed node key")]
    NotANodeKey,
    #[error("the node key has format {format}, this wardroom reads {FORMAT}; start it with the wardroom that wrote it")]
    Newer { format: u16 },
    #[error(
        "the node key is sealed under DEK epoch {sealed}, not {given}; the keyring and the node key do not belong \
         together: put back the files of one moment, or let the node join again"
    )]
    OtherEpoch { sealed: u32, given: u32 },
    #[error("the node key is damaged, or belongs to another node; put it back from a copy, or let the node join again")]
    Damaged,
}

/// The epoch of the DEK that opens a sealed node key; `None` if the bytes are no sealed node key of a format that this
/// wardroom reads. A key in clear (PKCS#8 DER) never looks like one.
pub fn node_key_epoch(bytes: &[u8]) -> Option<u32> {
    header(bytes).ok().map(|(epoch, _)| epoch)
}

impl Dek {
    /// The bytes of a node key file: `der`, a PKCS#8 private key, for this manager's eyes only.
    pub fn seal_node_key(&self, chance: &dyn Chance, cluster: &str, node: &str, der: &SecretBytes) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&FORMAT.to_le_bytes());
        out.extend_from_slice(&self.epoch().to_le_bytes());
        let (key, aad) = self.node_key_parts(cluster, node);
        out.extend_from_slice(&seal_random(&key, chance, &aad, der.expose()));
        out
    }

    /// Opens what [`Self::seal_node_key`] made under the same DEK for the same node.
    pub fn open_node_key(&self, cluster: &str, node: &str, bytes: &[u8]) -> Result<SecretBytes, NodeKeyError> {
        let (sealed, wrapped) = header(bytes)?;
        let given = self.epoch();
        if sealed != given {
            return Err(NodeKeyError::OtherEpoch { sealed, given });
        }
        let (key, aad) = self.node_key_parts(cluster, node);
        open_random(&key, &aad, wrapped)
            .map(SecretBytes::new)
            .map_err(|_| NodeKeyError::Damaged)
    }

    /// The wrapping key and the associated data, which is also what the key is derived with.
    fn node_key_parts(&self, cluster: &str, node: &str) -> (Zeroizing<[u8; 32]>, Vec<u8>) {
        let epoch = self.epoch().to_le_bytes();
        let bound = bind("wardroom/node-key/v1", &[cluster.as_bytes(), node.as_bytes(), &epoch]);
        let mut key = Zeroizing::new([0; 32]);
        derive(self.bytes(), b"", &bound, &mut key);
        (key, bound)
    }
}

/// The DEK's epoch and what follows the header.
fn header(bytes: &[u8]) -> Result<(u32, &[u8]), NodeKeyError> {
    if !bytes.starts_with(MAGIC) {
        return Err(NodeKeyError::NotANodeKey);
    }
    let (header, wrapped) = bytes.split_first_chunk::<HEADER_LEN>().ok_or(NodeKeyError::Damaged)?;
    let format = u16::from_le_bytes([header[8], header[9]]);
    if format > FORMAT {
        return Err(NodeKeyError::Newer { format });
    }
    if format < FORMAT {
        return Err(NodeKeyError::Damaged);
    }
    let epoch = u32::from_le_bytes([header[10], header[11], header[12], header[13]]);
    Ok((epoch, wrapped))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::SeededChance;

    fn dek(epoch: u32) -> Dek {
        Dek::generate(&SeededChance::new(1), epoch, 0, 0)
    }

    fn sealed() -> Vec<u8> {
        let der = SecretBytes::new(b"pkcs8".to_vec());
        dek(3).seal_node_key(&SeededChance::new(2), "c", "n", &der)
    }

    #[test]
    fn opens_under_its_own_dek_and_for_its_own_node_only() {
        let sealed = sealed();
        assert_eq!(node_key_epoch(&sealed), Some(3));
        let opened = dek(3).open_node_key("c", "n", &sealed);
        assert!(opened.is_ok_and(|der| der.equals(b"pkcs8")));
        let error = |dek: &Dek, cluster, node| dek.open_node_key(cluster, node, &sealed).err();
        assert_eq!(
            error(&dek(4), "c", "n"),
            Some(NodeKeyError::OtherEpoch { sealed: 3, given: 4 })
        );
        assert_eq!(error(&dek(3), "d", "n"), Some(NodeKeyError::Damaged));
        assert_eq!(error(&dek(3), "c", "m"), Some(NodeKeyError::Damaged));
        let other = Dek::generate(&SeededChance::new(9), 3, 0, 0);
        assert_eq!(error(&other, "c", "n"), Some(NodeKeyError::Damaged));
    }

    #[test]
    fn a_key_in_clear_is_no_sealed_key() {
        let der = [0x30, 0x81, 0x87, 0x02, 0x01, 0x00];
        assert_eq!(node_key_epoch(&der), None);
        let error = dek(3).open_node_key("c", "n", &der).err();
        assert_eq!(error, Some(NodeKeyError::NotANodeKey));
    }

    #[test]
    fn a_newer_format_is_named() {
        let mut newer = sealed();
        newer[8] = 2;
        let error = dek(3).open_node_key("c", "n", &newer).err();
        assert_eq!(error, Some(NodeKeyError::Newer { format: 2 }));
        assert_eq!(node_key_epoch(&newer), None);
    }
}
