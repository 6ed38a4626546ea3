//! How is a snapshot read back? Chunk by chunk, each opened as it comes; `FORMAT.md` says what they look like.

use std::io;

use wardroom_keys::{SnapshotCipher, TAG_LEN};

use crate::disk::{DiskFile, read_exact_at};
use crate::snapshot::Snapshot;

/// Plaintext bytes of a chunk; the last one may be shorter.
pub(crate) const CHUNK: usize = 64 << 10;

/// The chunks of a snapshot's file. They are read one at a time: a file may be large, and nothing needs all of it at once
/// but what is in it.
pub(crate) struct Sealed<'a> {
    pub(crate) file: &'a dyn DiskFile,
    /// Where the next chunk begins.
    pub(crate) at: u64,
    pub(crate) end: u64,
}

pub(crate) enum Failure {
    /// This chunk is not what was written.
    Damaged(u32),
    Disk(io::Error),
}

impl Sealed<'_> {
    pub(crate) fn open(mut self, cipher: &SnapshotCipher, header: &[u8]) -> Result<Snapshot, Failure> {
        let mut data = Vec::with_capacity(usize::try_from(self.end - self.at).unwrap_or(0));
        let (mut meta, mut buffer, mut chunk_no) = (None, vec![0; CHUNK + TAG_LEN], 0);
        loop {
            let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
            let chunk = &mut buffer[..left.min(CHUNK + TAG_LEN)];
            read_exact_at(self.file, self.at, chunk).map_err(Failure::Disk)?;
            self.at += chunk.len() as u64;
            let is_last = self.at == self.end;
            let opened = cipher.open_chunk(chunk_no, is_last, header, chunk);
            data.extend_from_slice(&opened.map_err(|_| Failure::Damaged(chunk_no))?);
            if meta.is_none() {
                meta = split_meta(&mut data);
            }
            if is_last {
                let meta = meta.ok_or(Failure::Damaged(0))?;
                return Ok(Snapshot { meta, data });
            }
            chunk_no = chunk_no.checked_add(1).ok_or(Failure::Damaged(u32::MAX))?;
        }
    }
}

/// Takes the meta off the front, once it is there as a whole.
fn split_meta(plain: &mut Vec<u8>) -> Option<Vec<u8>> {
    let len = u32::from_le_bytes(*plain.first_chunk()?);
    let end = usize::try_from(len).ok()?.checked_add(4)?;
    let meta = plain.get(4..end)?.to_vec();
    plain.drain(..end);
    Some(meta)
}
