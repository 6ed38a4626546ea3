//! What is a segment? A zero-filled file with an authenticated header that says whose it is and what came before.

use std::sync::Arc;

use wardroom_keys::{Dek, SegmentCipher};

use crate::disk::DiskFile;
use crate::error::RecoverError;
use crate::{Identity, frame};

/// The newest log format this build reads and the one it writes.
pub const LOG_FORMAT: u16 = 2;
pub(crate) const DIR: &str = "log";
const MAGIC: &[u8; 8] = b"WRDRMLOG";
/// One sector, so that a crash leaves a header whole or absent.
pub(crate) const HEADER_LEN: usize = 512;
const MAC_AT: usize = HEADER_LEN - 32;
/// Since format 2: format 1 left these bytes zero.
const SIZE_AT: usize = MAC_AT - 8;
const IDS_AT: usize = 80;
/// Longest id of a cluster or node that a header holds.
const ID_LEN_MAX: usize = 190;

/// An open segment: everything needed to seal and open its records.
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) epoch: u32,
    pub(crate) size: u64,
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) cipher: SegmentCipher,
    /// What the associated data of every record begins with.
    pub(crate) aad: Vec<u8>,
}

/// A header's fields besides the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) format: u16,
    pub(crate) epoch: u32,
    pub(crate) number: u64,
    pub(crate) first_seq: u64,
    pub(crate) id: [u8; 16],
    /// The chain value after the last record of the segment before; zeros in the first segment.
    pub(crate) chain_before: [u8; 32],
    /// Bytes of the whole file; unknown in format 1.
    pub(crate) size: Option<u64>,
}

/// Whether both ids fit the headers.
pub(crate) fn fits(identity: &Identity) -> bool {
    [&identity.cluster, &identity.node]
        .iter()
        .all(|id| (1..=ID_LEN_MAX).contains(&id.len()))
}

pub(crate) fn path_of(number: u64) -> String {
    format!("{DIR}/{}", name_of(number))
}

pub(crate) fn name_of(number: u64) -> String {
    format!("{number:020}.seg")
}

/// The number in a segment's name.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".seg")?.parse().ok()?;
    (name_of(number) == name && number > 0).then_some(number)
}

pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    // Compared block by block: at every start, megabytes of prepared zeros are read.
    const ZEROS: [u8; 4096] = [0; 4096];
    bytes.chunks(ZEROS.len()).all(|chunk| chunk == &ZEROS[..chunk.len()])
}

impl Segment {
    /// The segment's keys, from the DEK of its epoch, and its associated data.
    pub(crate) fn begin(identity: &Identity, dek: &Dek, header: &Header, file: Arc<dyn DiskFile>, size: u64) -> Self {
        let cipher = dek.segment_cipher(&identity.cluster, &identity.node, header.number, header.id);
        let aad = frame::aad_prefix(identity, header);
        Self {
            number: header.number,
            epoch: header.epoch,
            size,
            file,
            cipher,
            aad,
        }
    }
}

impl Header {
    /// The header's bytes and the first link of the segment's chain, which is the header's MAC.
    pub(crate) fn encode(&self, identity: &Identity, cipher: &SegmentCipher) -> ([u8; HEADER_LEN], [u8; 32]) {
        let mut out = [0; HEADER_LEN];
        out[..8].copy_from_slice(MAGIC);
        out[8..10].copy_from_slice(&self.format.to_le_bytes());
        out[12..16].copy_from_slice(&self.epoch.to_le_bytes());
        out[16..24].copy_from_slice(&self.number.to_le_bytes());
        out[24..32].copy_from_slice(&self.first_seq.to_le_bytes());
        out[32..48].copy_from_slice(&self.id);
        out[48..80].copy_from_slice(&self.chain_before);
        let mut at = IDS_AT;
        for id in [&identity.cluster, &identity.node] {
            out[at] = u8::try_from(id.len()).expect("ids are checked when the log is opened");
            out[at + 1..][..id.len()].copy_from_slice(id.as_bytes());
            at += 1 + id.len();
        }
        if let Some(size) = self.size {
            out[SIZE_AT..MAC_AT].copy_from_slice(&size.to_le_bytes());
        }
        let mac = cipher.header_mac(&out[..MAC_AT]);
        out[MAC_AT..].copy_from_slice(&mac);
        (out, mac)
    }

    /// Reads the clear fields and checks whose they are; [`Header::is_authentic`] comes next, once the key is at hand.
    pub(crate) fn decode(bytes: &[u8; HEADER_LEN], number: u64, identity: &Identity) -> Result<Self, RecoverError> {
        let damaged = |why| RecoverError::Damaged {
            segment: number,
            offset: 0,
            why,
        };
        if &bytes[..8] != MAGIC {
            return Err(damaged("this is not a log segment"));
        }
        let format = u16::from_le_bytes([bytes[8], bytes[9]]);
        if format > LOG_FORMAT {
            return Err(RecoverError::Newer {
                segment: number,
                format,
            });
        }
        let (cluster, rest) = read_id(&bytes[IDS_AT..SIZE_AT]).ok_or_else(|| damaged("its header has no identity"))?;
        let (node, _) = read_id(rest).ok_or_else(|| damaged("its header has no identity"))?;
        if cluster != identity.cluster {
            return Err(RecoverError::OtherCluster {
                segment: number,
                found: cluster,
                expected: identity.cluster.clone(),
            });
        }
        if node != identity.node {
            return Err(RecoverError::OtherNode {
                segment: number,
                found: node,
                expected: identity.node.clone(),
            });
        }
        let header = Self {
            format,
            epoch: u32::from_le_bytes(array(bytes, 12)),
            number: u64::from_le_bytes(array(bytes, 16)),
            first_seq: u64::from_le_bytes(array(bytes, 24)),
            id: array(bytes, 32),
            chain_before: array(bytes, 48),
            size: (format > 1).then(|| u64::from_le_bytes(array(bytes, SIZE_AT))),
        };
        if header.number != number {
            return Err(damaged("its header belongs to another segment"));
        }
        Ok(header)
    }

    /// The first link of the chain, if the header is what the manager wrote.
    pub(crate) fn is_authentic(bytes: &[u8; HEADER_LEN], cipher: &SegmentCipher) -> Option<[u8; 32]> {
        cipher
            .header_is_authentic(&bytes[..MAC_AT], &bytes[MAC_AT..])
            .then(|| array(bytes, MAC_AT))
    }
}

fn array<const N: usize>(bytes: &[u8; HEADER_LEN], at: usize) -> [u8; N] {
    *bytes[at..]
        .first_chunk()
        .expect("the offsets are constants within the header")
}

/// An id that could be shown: anything else is damage.
pub(crate) fn read_id(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (len, rest) = bytes.split_first()?;
    let (id, rest) = rest.split_at_checked(usize::from(*len))?;
    let id = std::str::from_utf8(id).ok()?;
    let printable = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic());
    printable.then(|| (id.to_owned(), rest))
}
