//! What becomes of a simulated file when the power goes? Each sector not yet synced is kept or lost.

use std::collections::BTreeMap;

use wardroom_keys::{Chance, SeededChance};

const SECTOR: usize = 512;

#[derive(Clone, Default)]
pub(super) struct Inode {
    /// As a reader sees it.
    pub(super) content: Vec<u8>,
    pub(super) durable_len: usize,
    /// The durable bytes of every sector that the cache has changed since the last sync.
    pub(super) dirty: BTreeMap<usize, [u8; SECTOR]>,
}

impl Inode {
    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        for sector in offset / SECTOR..end.div_ceil(SECTOR) {
            let (content, durable_len) = (&self.content, self.durable_len);
            self.dirty
                .entry(sector)
                .or_insert_with(|| durable_sector(content, durable_len, sector));
        }
        if self.content.len() < end {
            self.content.resize(end, 0);
        }
        self.content[offset..end].copy_from_slice(bytes);
    }

    /// What is on the medium.
    pub(super) fn durable(&self) -> Vec<u8> {
        let mut out = self.content.clone();
        for (sector, durable) in &self.dirty {
            let from = sector * SECTOR;
            let to = (from + SECTOR).min(out.len());
            out[from..to].copy_from_slice(&durable[..to - from]);
        }
        out.truncate(self.durable_len);
        out
    }

    /// Each dirty sector is kept or lost: all, none, a prefix, or by the toss of a coin.
    pub(super) fn crash(&mut self, chance: &SeededChance) {
        let dirty = std::mem::take(&mut self.dirty);
        if dirty.is_empty() {
            return;
        }
        let mode = draw(chance, 4);
        let prefix = draw(chance, dirty.len() + 1);
        let mut len = self.durable_len;
        for (position, (sector, durable)) in dirty.into_iter().enumerate() {
            let kept = match mode {
                0 => false,
                1 => true,
                2 => position < prefix,
                _ => draw(chance, 2) == 1,
            };
            let from = sector * SECTOR;
            let to = (from + SECTOR).min(self.content.len());
            if kept {
                len = len.max(to);
            } else {
                self.content[from..to].copy_from_slice(&durable[..to - from]);
            }
        }
        self.content.truncate(len);
        self.durable_len = len;
    }
}

fn durable_sector(content: &[u8], durable_len: usize, sector: usize) -> [u8; SECTOR] {
    let mut out = [0; SECTOR];
    let from = (sector * SECTOR).min(durable_len);
    let to = (from + SECTOR).min(durable_len);
    out[..to - from].copy_from_slice(&content[from..to]);
    out
}

/// A number below `below`, which is small.
pub(super) fn draw(chance: &SeededChance, below: usize) -> usize {
    usize::try_from(chance.next_u64() % below as u64).expect("below a usize")
}
