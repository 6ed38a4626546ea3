//! How is the whole state kept? In one sealed file, replaced whole, that shows any damage when it is read.

use std::io;
use std::sync::Arc;

use wardroom_keys::{Chance, SharedKeyring};

use crate::Identity;
use crate::chunks::{CHUNK, Failure, Sealed};
use crate::disk::{Disk, DiskFile, read_exact_at};
use crate::error::{SnapshotError, is_no_space};
use crate::prepare::remove_if_there;
use crate::segment::{fits, read_id};

/// The newest snapshot format this build reads and the one it writes.
pub const SNAPSHOT_FORMAT: u16 = 1;
const DIR: &str = "snapshots";
const MAGIC: &[u8; 8] = b"WRDRSNAP";
const FILE_BYTES_MAX: u64 = 16 << 30;
/// Fixed fields and two ids of the longest kind.
const HEADER_BYTES_MAX: usize = 38 + 2 * (1 + 255);

/// A snapshot as it was saved. Both parts are opaque here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub meta: Vec<u8>,
    pub data: Vec<u8>,
}

/// A snapshot's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotUse {
    /// Of the DEK that seals it.
    pub epoch: u32,
    pub bytes: u64,
}

/// The snapshots of one manager, under `snapshots/` of its disk. There is one, except between two steps of a save.
pub struct Snapshots {
    disk: Arc<dyn Disk>,
    identity: Identity,
    keyring: Arc<SharedKeyring>,
    chance: Arc<dyn Chance>,
}

impl Snapshots {
    /// Opens the directory and removes what unfinished saves left behind: halves, and all but the newest.
    pub fn open(
        disk: Arc<dyn Disk>,
        identity: Identity,
        keyring: Arc<SharedKeyring>,
        chance: Arc<dyn Chance>,
    ) -> Result<Self, SnapshotError> {
        if !fits(&identity) {
            return Err(SnapshotError::BadIdentity);
        }
        let failed = io_error("opening", 0);
        disk.create_dir(DIR).map_err(&failed)?;
        let opened = Self {
            disk,
            identity,
            keyring,
            chance,
        };
        opened.tidy().map_err(&failed)?;
        Ok(opened)
    }

    /// Removes all but the newest snapshot, for good: none comes back after a crash.
    fn tidy(&self) -> io::Result<()> {
        let names = self.disk.list(DIR)?;
        let newest = names.iter().filter_map(|name| number_of(name)).max();
        let is_left = |name: &&String| newest.is_none() || number_of(name) != newest;
        if !names.iter().any(|name| is_left(&name)) {
            return Ok(());
        }
        self.disk.sync_dir(DIR)?; // the newest stays before any other goes
        for name in names.iter().filter(is_left) {
            remove_if_there(&*self.disk, &format!("{DIR}/{name}"))?;
        }
        self.disk.sync_dir(DIR)
    }

    /// Stores a snapshot. On return it is durable and the only one; on an error the one before is still there.
    pub fn save(&self, meta: &[u8], data: &[u8]) -> Result<(), SnapshotError> {
        let older = self.numbers()?;
        let number = older.last().map_or(1, |last| last + 1);
        let bytes = self.seal(number, meta, data)?;
        let (path, aside) = (path_of(number), format!("{DIR}/{number:020}.tmp"));
        let failed = io_error("storing", number);
        let stored = self
            .write_aside(&aside, &bytes)
            .and_then(|()| self.disk.rename(&aside, &path));
        if let Err(error) = stored {
            let _ = self.disk.unlink(&aside); // the first error is the one that tells
            return Err(failed(error));
        }
        self.disk.sync_dir(DIR).map_err(&failed)?;
        // An older snapshot that stays costs space, is removed by the next save, and is named by `uses` until then.
        let _ = self.tidy();
        Ok(())
    }

    /// The newest snapshot, if there is any.
    pub fn newest(&self) -> Result<Option<Snapshot>, SnapshotError> {
        let Some(number) = self.numbers()?.last().copied() else {
            return Ok(None);
        };
        let failed = io_error("reading", number);
        let file = self.disk.open(&path_of(number)).map_err(&failed)?;
        let size = file.size().map_err(&failed)?;
        if size > FILE_BYTES_MAX {
            return Err(failed(io::ErrorKind::FileTooLarge.into()));
        }
        self.unseal(number, &*file, size).map(Some)
    }

    /// Bytes on disk of the newest snapshot; 0 without one.
    pub fn size(&self) -> Result<u64, SnapshotError> {
        let Some(number) = self.numbers()?.last().copied() else {
            return Ok(0);
        };
        let size = self.disk.open(&path_of(number)).and_then(|file| file.size());
        size.map_err(io_error("reading", number))
    }

    /// What stands on the disk, also beside the newest: oldest first, by what the headers say.
    pub fn uses(&self) -> Result<Vec<SnapshotUse>, SnapshotError> {
        self.numbers()?.into_iter().map(|number| self.use_of(number)).collect()
    }

    fn use_of(&self, number: u64) -> Result<SnapshotUse, SnapshotError> {
        let failed = io_error("reading", number);
        let file = self.disk.open(&path_of(number)).map_err(&failed)?;
        let bytes = file.size().map_err(&failed)?;
        let (epoch, _) = self.read_header(number, &head_of(&*file, bytes).map_err(&failed)?)?;
        Ok(SnapshotUse { epoch, bytes })
    }

    fn numbers(&self) -> Result<Vec<u64>, SnapshotError> {
        let names = self.disk.list(DIR).map_err(io_error("listing", 0))?;
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| number_of(name)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn write_aside(&self, aside: &str, bytes: &[u8]) -> io::Result<()> {
        remove_if_there(&*self.disk, aside)?;
        let file = self.disk.create(aside)?;
        file.write_at(0, bytes)?;
        file.sync()
    }

    fn seal(&self, number: u64, meta: &[u8], data: &[u8]) -> Result<Vec<u8>, SnapshotError> {
        let too_large = || SnapshotError::TooLarge {
            bytes: meta.len().saturating_add(data.len()),
        };
        let meta_len = u32::try_from(meta.len()).map_err(|_| too_large())?;
        if (meta.len() + data.len()) as u64 >= FILE_BYTES_MAX / 2 {
            return Err(too_large());
        }
        let mut id = [0; 16];
        self.chance.fill(&mut id);
        let dek = self.keyring.dek();
        let header = self.header(number, dek.epoch(), id);
        let cipher = dek.snapshot_cipher(&self.identity.cluster, &self.identity.node, id);
        let plain = [&meta_len.to_le_bytes(), meta, data].concat();
        let mut out = header.clone();
        let chunks = plain.chunks(CHUNK);
        let last = chunks.len() - 1; // never empty: the length of meta is always there
        for (counter, chunk) in chunks.enumerate() {
            let chunk_no = u32::try_from(counter).map_err(|_| too_large())?;
            out.extend_from_slice(&cipher.seal_chunk(chunk_no, counter == last, &header, chunk));
        }
        Ok(out)
    }

    /// `magic 8 | format u16 | epoch u32 | number u64 | id 16 | cluster | node`, ids preceded by a length byte.
    fn header(&self, number: u64, epoch: u32, id: [u8; 16]) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&SNAPSHOT_FORMAT.to_le_bytes());
        out.extend_from_slice(&epoch.to_le_bytes());
        out.extend_from_slice(&number.to_le_bytes());
        out.extend_from_slice(&id);
        for id in [&self.identity.cluster, &self.identity.node] {
            out.push(u8::try_from(id.len()).expect("ids are checked on opening"));
            out.extend_from_slice(id.as_bytes());
        }
        out
    }

    fn unseal(&self, number: u64, file: &dyn DiskFile, size: u64) -> Result<Snapshot, SnapshotError> {
        let failed = io_error("reading", number);
        let head = head_of(file, size).map_err(&failed)?;
        let (epoch, id) = self.read_header(number, &head)?;
        let dek = self
            .keyring
            .dek_of(epoch)
            .ok_or(SnapshotError::KeyGone { number, epoch })?;
        let header = self.header(number, epoch, id);
        if !head.starts_with(&header) {
            return Err(SnapshotError::Damaged { number, chunk: 0 });
        }
        let cipher = dek.snapshot_cipher(&self.identity.cluster, &self.identity.node, id);
        let sealed = Sealed {
            file,
            at: header.len() as u64,
            end: size,
        };
        sealed.open(&cipher, &header).map_err(|failure| match failure {
            Failure::Damaged(chunk) => SnapshotError::Damaged { number, chunk },
            Failure::Disk(error) => failed(error),
        })
    }

    /// Epoch and id of a snapshot of this manager in a format this build reads.
    fn read_header(&self, number: u64, bytes: &[u8]) -> Result<(u32, [u8; 16]), SnapshotError> {
        let damaged = || SnapshotError::Damaged { number, chunk: 0 };
        let fixed: &[u8; 38] = bytes.first_chunk().ok_or_else(damaged)?;
        if &fixed[..8] != MAGIC {
            return Err(damaged());
        }
        let format = u16::from_le_bytes([fixed[8], fixed[9]]);
        if format > SNAPSHOT_FORMAT {
            return Err(SnapshotError::Newer { number, format });
        }
        let (cluster, rest) = read_id(&bytes[38..]).ok_or_else(damaged)?;
        let (node, _) = read_id(rest).ok_or_else(damaged)?;
        if cluster != self.identity.cluster || node != self.identity.node {
            return Err(SnapshotError::Foreign { number, cluster, node });
        }
        let epoch = fixed[10..]
            .first_chunk()
            .map(|epoch| u32::from_le_bytes(*epoch))
            .ok_or_else(damaged)?;
        let id = fixed[22..].first_chunk().copied().ok_or_else(damaged)?;
        Ok((epoch, id))
    }
}

/// What a header can be read from; it may be shorter than a header.
fn head_of(file: &dyn DiskFile, size: u64) -> io::Result<Vec<u8>> {
    let mut head = vec![0; usize::try_from(size).map_or(HEADER_BYTES_MAX, |size| size.min(HEADER_BYTES_MAX))];
    read_exact_at(file, 0, &mut head)?;
    Ok(head)
}

fn path_of(number: u64) -> String {
    format!("{DIR}/{number:020}.snap")
}

fn number_of(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".snap")?.parse().ok()?;
    (format!("{number:020}.snap") == name).then_some(number)
}

fn io_error(doing: &'static str, number: u64) -> impl Fn(io::Error) -> SnapshotError {
    move |source| {
        if is_no_space(&source) {
            SnapshotError::NoSpace
        } else {
            SnapshotError::Io { doing, number, source }
        }
    }
}
