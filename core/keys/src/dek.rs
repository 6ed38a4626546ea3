//! What protects one manager's log and snapshots? Its data-encryption key (DEK), never used directly: every segment and
//! every snapshot has keys of its own, derived with a random salt, so a disk restored from an image repeats no nonce.

use crate::chance::Chance;
use crate::cipher::{Nonce, OpenError, mac, open, same, seal};
use crate::key::Key;
use crate::memory::KeyMemory;

/// A manager's data-encryption key of one epoch.
pub struct Dek {
    key: Key,
    epoch: u32,
    order: u64,
    created_at_ms: i64,
}

impl Dek {
    pub fn generate(chance: &dyn Chance, epoch: u32, order: u64, now_ms: i64) -> Self {
        Self::from_key(Key::generate(chance), epoch, order, now_ms)
    }

    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The number of the cluster's order that this key was made to fulfil; 0 for none.
    pub fn order(&self) -> u64 {
        self.order
    }

    pub fn created_at_ms(&self) -> i64 {
        self.created_at_ms
    }

    /// Names the key without telling anything about it.
    pub fn check(&self) -> [u8; 4] {
        self.key.check()
    }

    /// The keys of one log segment. `segment_id` is random and stands in the segment's header.
    pub fn segment_cipher(&self, cluster: &str, node: &str, segment_no: u64, segment_id: [u8; 16]) -> SegmentCipher {
        let (epoch, number) = (self.epoch.to_le_bytes(), segment_no.to_le_bytes());
        let parts: [&[u8]; 4] = [cluster.as_bytes(), node.as_bytes(), &epoch, &number];
        SegmentCipher {
            record: Key::derived(self.key.bytes(), &segment_id, "wardroom/wal-record/v1", &parts),
            chain: Key::derived(self.key.bytes(), &segment_id, "wardroom/wal-chain/v1", &parts),
        }
    }

    /// The key of one snapshot file. `snapshot_id` is random and stands in the file's header.
    pub fn snapshot_cipher(&self, cluster: &str, node: &str, snapshot_id: [u8; 16]) -> SnapshotCipher {
        let epoch = self.epoch.to_le_bytes();
        let parts: [&[u8]; 3] = [cluster.as_bytes(), node.as_bytes(), &epoch];
        let key = Key::derived(self.key.bytes(), &snapshot_id, "wardroom/snapshot/v1", &parts);
        SnapshotCipher { key, snapshot_id }
    }

    pub(crate) fn from_key(key: Key, epoch: u32, order: u64, created_at_ms: i64) -> Self {
        Self {
            key,
            epoch,
            order,
            created_at_ms,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        self.key.bytes()
    }

    pub(crate) fn memory(&self) -> KeyMemory {
        self.key.memory()
    }
}

/// Seals the records of one log segment and chains them.
pub struct SegmentCipher {
    record: Key,
    chain: Key,
}

impl SegmentCipher {
    /// Ciphertext followed by the 16-byte tag.
    pub fn seal(&self, nonce: &Nonce, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        seal(self.record.bytes(), nonce, aad, plaintext)
    }

    pub fn open(&self, nonce: &Nonce, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        open(self.record.bytes(), nonce, aad, sealed)
    }

    /// The chain value after a record: binds its header and tag to everything before it.
    pub fn chain(&self, previous: &[u8; 32], header: &[u8], tag: &[u8]) -> [u8; 32] {
        mac(self.chain.bytes(), &[b"record", previous, header, tag])
    }

    /// Authenticates the segment's own header; also the first link of its chain.
    pub fn header_mac(&self, header: &[u8]) -> [u8; 32] {
        mac(self.chain.bytes(), &[b"header", header])
    }

    #[cfg(test)]
    pub(crate) fn keys(&self) -> [&[u8; 32]; 2] {
        [self.record.bytes(), self.chain.bytes()]
    }

    /// Checks [`Self::header_mac`] in constant time.
    pub fn header_is_authentic(&self, header: &[u8], tag: &[u8]) -> bool {
        same(&self.header_mac(header), tag)
    }
}

/// Seals a snapshot chunk by chunk (the STREAM construction): chunks cannot be reordered, dropped, or cut off.
pub struct SnapshotCipher {
    key: Key,
    snapshot_id: [u8; 16],
}

impl SnapshotCipher {
    /// `counter` counts from 0; `last` marks the final chunk. Never seal one counter twice under one snapshot id.
    pub fn seal_chunk(&self, counter: u32, last: bool, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        seal(self.key.bytes(), &self.nonce(counter, last), aad, plaintext)
    }

    pub fn open_chunk(&self, counter: u32, last: bool, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        open(self.key.bytes(), &self.nonce(counter, last), aad, sealed)
    }

    #[cfg(test)]
    pub(crate) fn key(&self) -> &[u8; 32] {
        self.key.bytes()
    }

    /// `id 16 | zero 3 | counter u32 BE | last 1`, as STREAM-BE32 lays it out.
    fn nonce(&self, counter: u32, last: bool) -> Nonce {
        let mut nonce = [0; 24];
        nonce[..16].copy_from_slice(&self.snapshot_id);
        nonce[19..23].copy_from_slice(&counter.to_be_bytes());
        nonce[23] = u8::from(last);
        nonce
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::SeededChance;

    fn dek(epoch: u32) -> Dek {
        Dek::generate(&SeededChance::new(1), epoch, 0, 0)
    }

    #[test]
    fn every_part_of_a_segments_identity_changes_its_keys() {
        let sealed = dek(1)
            .segment_cipher("c", "n", 1, [1; 16])
            .seal(&[0; 24], b"aad", b"text");
        let open = |cipher: SegmentCipher| cipher.open(&[0; 24], b"aad", &sealed);
        assert_eq!(
            open(dek(1).segment_cipher("c", "n", 1, [1; 16])).as_deref(),
            Ok(b"text".as_slice())
        );
        for other in [
            dek(2).segment_cipher("c", "n", 1, [1; 16]),
            dek(1).segment_cipher("d", "n", 1, [1; 16]),
            dek(1).segment_cipher("c", "o", 1, [1; 16]),
            dek(1).segment_cipher("cn", "", 1, [1; 16]),
            dek(1).segment_cipher("c", "n", 2, [1; 16]),
            dek(1).segment_cipher("c", "n", 1, [2; 16]),
        ] {
            assert_eq!(open(other), Err(OpenError));
        }
    }

    #[test]
    fn a_chain_value_depends_on_all_before_it() {
        let cipher = dek(1).segment_cipher("c", "n", 1, [1; 16]);
        let base = cipher.chain(&[0; 32], b"h", b"t");
        assert_ne!(base, cipher.chain(&[1; 32], b"h", b"t"));
        assert_ne!(base, cipher.chain(&[0; 32], b"i", b"t"));
        assert_ne!(base, cipher.chain(&[0; 32], b"h", b"u"));
        assert!(cipher.header_is_authentic(b"head", &cipher.header_mac(b"head")));
        assert!(!cipher.header_is_authentic(b"heap", &cipher.header_mac(b"head")));
    }

    #[test]
    fn a_chunk_opens_in_its_place_only() {
        let cipher = dek(1).snapshot_cipher("c", "n", [1; 16]);
        let chunk = cipher.seal_chunk(3, false, b"head", b"text");
        assert_eq!(
            cipher.open_chunk(3, false, b"head", &chunk).as_deref(),
            Ok(b"text".as_slice())
        );
        assert_eq!(cipher.open_chunk(4, false, b"head", &chunk), Err(OpenError));
        assert_eq!(cipher.open_chunk(3, true, b"head", &chunk), Err(OpenError));
        assert_eq!(cipher.open_chunk(3, false, b"heap", &chunk), Err(OpenError));
        let other = dek(1).snapshot_cipher("c", "n", [2; 16]);
        assert_eq!(other.open_chunk(3, false, b"head", &chunk), Err(OpenError));
    }
}
