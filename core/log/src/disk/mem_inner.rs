//! What does a simulated disk remember? Durable sectors, the cache above them, and names not yet made durable.

use std::collections::BTreeMap;
use std::io;

use wardroom_keys::SeededChance;

use super::mem::Fault;
use super::mem_inode::{Inode, draw};
use super::parent_of;

#[derive(Clone, Default)]
pub(super) struct Inner {
    inodes: BTreeMap<u64, Inode>,
    next_inode: u64,
    dirs: Vec<String>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    /// Name changes since the last sync of their directory, oldest first.
    unsynced_names: Vec<NameChange>,
    fault: Option<Fault>,
    powered_off: bool,
    pub(super) capacity: Option<u64>,
    /// What removed files held, if anybody wants to know.
    pub(super) freed: Option<Vec<Vec<u8>>>,
    pub(super) operations: u64,
    /// Counts crashes.
    pub(super) boot: u64,
}

#[derive(Clone)]
enum NameChange {
    Add { path: String, inode: u64 },
    Remove { path: String },
    Rename { from: String, to: String },
    Exchange { one: String, other: String },
}

impl NameChange {
    fn touches(&self, dir: &str) -> bool {
        match self {
            Self::Add { path, .. } | Self::Remove { path } => parent_of(path) == dir,
            Self::Rename { from: one, to: other } | Self::Exchange { one, other } => {
                parent_of(one) == dir || parent_of(other) == dir
            }
        }
    }

    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Add { path, inode } => {
                names.insert(path.clone(), *inode);
            }
            Self::Remove { path } => {
                names.remove(path);
            }
            Self::Rename { from, to } => {
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
            Self::Exchange { one, other } => {
                if let (Some(first), Some(second)) = (names.remove(one), names.remove(other)) {
                    names.insert(one.clone(), second);
                    names.insert(other.clone(), first);
                }
            }
        }
    }
}

/// What the armed fault does to the operation at hand.
enum Strike {
    None,
    Short(usize),
    /// The operation may have happened in part; nothing works afterwards.
    Off,
}

fn eio() -> io::Error {
    io::Error::from_raw_os_error(5)
}

fn enospc() -> io::Error {
    io::Error::from_raw_os_error(28)
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Inner {
    pub(super) fn arm(&mut self, fault: Fault) {
        let at = self.operations;
        self.fault = Some(match fault {
            Fault::Error { after } => Fault::Error { after: at + after },
            Fault::ShortWrite { after, written } => Fault::ShortWrite {
                after: at + after,
                written,
            },
            Fault::SyncFails { after } => Fault::SyncFails { after: at + after },
            Fault::PowerCut { after } => Fault::PowerCut { after: at + after },
        });
    }

    pub(super) fn disarm(&mut self) {
        self.fault = None;
    }

    /// Counts a write operation and lets the fault strike.
    fn operation(&mut self, is_sync: bool) -> io::Result<Strike> {
        if self.powered_off {
            return Err(eio());
        }
        let now = self.operations;
        self.operations += 1;
        match self.fault {
            Some(Fault::Error { after }) if after == now => {}
            Some(Fault::SyncFails { after }) if after <= now && is_sync => {}
            Some(Fault::ShortWrite { after, written }) if after == now => {
                self.fault = None;
                return Ok(Strike::Short(written));
            }
            Some(Fault::PowerCut { after }) if after <= now => {
                self.fault = None;
                self.powered_off = true;
                return Ok(Strike::Off);
            }
            _ => return Ok(Strike::None),
        }
        self.fault = None;
        Err(eio())
    }

    pub(super) fn create_dir(&mut self, dir: &str) -> io::Result<()> {
        if let Strike::None = self.operation(false)? {
            if !self.dirs.iter().any(|known| known == dir) {
                self.dirs.push(dir.to_owned());
            }
            return Ok(());
        }
        Err(eio())
    }

    pub(super) fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        if !dir.is_empty() && !self.dirs.iter().any(|known| known == dir) {
            return Err(not_found());
        }
        let inside = self.names.keys().filter(|path| parent_of(path) == dir);
        Ok(inside
            .map(|path| path.rsplit('/').next().unwrap_or(path).to_owned())
            .collect())
    }

    pub(super) fn find(&self, path: &str) -> io::Result<u64> {
        self.names.get(path).copied().ok_or_else(not_found)
    }

    /// A change of names; cut off by power it is pending or absent, which the crash decides.
    fn change(&mut self, change: NameChange) -> io::Result<()> {
        let strike = self.operation(false)?;
        change.apply(&mut self.names);
        self.unsynced_names.push(change);
        if let Strike::None = strike { Ok(()) } else { Err(eio()) }
    }

    pub(super) fn create(&mut self, path: &str) -> io::Result<u64> {
        if self.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let parent = parent_of(path);
        if !parent.is_empty() && !self.dirs.iter().any(|known| known == parent) {
            return Err(not_found());
        }
        let inode = self.next_inode;
        self.next_inode += 1;
        self.inodes.insert(inode, Inode::default());
        self.change(NameChange::Add {
            path: path.to_owned(),
            inode,
        })?;
        Ok(inode)
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.find(from)?;
        self.change(NameChange::Rename {
            from: from.to_owned(),
            to: to.to_owned(),
        })
    }

    pub(super) fn exchange(&mut self, one: &str, other: &str) -> io::Result<()> {
        self.find(one)?;
        self.find(other)?;
        self.change(NameChange::Exchange {
            one: one.to_owned(),
            other: other.to_owned(),
        })
    }

    pub(super) fn unlink(&mut self, path: &str) -> io::Result<()> {
        self.find(path)?;
        self.change(NameChange::Remove { path: path.to_owned() })
    }

    pub(super) fn sync_dir(&mut self, dir: &str) -> io::Result<()> {
        let Strike::None = self.operation(true)? else {
            return Err(eio());
        };
        let (synced, rest) = std::mem::take(&mut self.unsynced_names)
            .into_iter()
            .partition(|change: &NameChange| change.touches(dir));
        self.unsynced_names = rest;
        let synced: Vec<NameChange> = synced;
        for change in synced {
            change.apply(&mut self.durable_names);
        }
        self.forget_unnamed();
        Ok(())
    }

    pub(super) fn size(&self, inode: u64) -> io::Result<u64> {
        Ok(self.inodes.get(&inode).ok_or_else(not_found)?.content.len() as u64)
    }

    pub(super) fn read_at(&self, inode: u64, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let content = &self.inodes.get(&inode).ok_or_else(not_found)?.content;
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| content.get(offset..))
            .unwrap_or_default();
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    pub(super) fn write_at(&mut self, inode: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let strike = self.operation(false)?;
        let offset = usize::try_from(offset).map_err(|_| enospc())?;
        let used: u64 = self.inodes.values().map(|inode| inode.content.len() as u64).sum();
        let file = self.inodes.get_mut(&inode).ok_or_else(not_found)?;
        let growth = (offset + bytes.len()).saturating_sub(file.content.len()) as u64;
        if self.capacity.is_some_and(|capacity| used + growth > capacity) {
            return Err(enospc());
        }
        match strike {
            Strike::Short(written) => file.write(offset, &bytes[..written.min(bytes.len())]),
            Strike::None | Strike::Off => file.write(offset, bytes),
        }
        if let Strike::None = strike { Ok(()) } else { Err(eio()) }
    }

    pub(super) fn sync(&mut self, inode: u64) -> io::Result<()> {
        let Strike::None = self.operation(true)? else {
            return Err(eio());
        };
        let file = self.inodes.get_mut(&inode).ok_or_else(not_found)?;
        file.dirty.clear();
        file.durable_len = file.content.len();
        Ok(())
    }

    pub(super) fn crash(&mut self, seed: u64) {
        let chance = SeededChance::new(seed);
        let keep = draw(&chance, self.unsynced_names.len() + 1);
        for change in self.unsynced_names.drain(..).take(keep) {
            change.apply(&mut self.durable_names);
        }
        self.names = self.durable_names.clone();
        for file in self.inodes.values_mut() {
            file.crash(&chance);
        }
        self.forget_unnamed();
        self.fault = None;
        self.powered_off = false;
        self.boot += 1;
    }

    pub(super) fn dump(&self) -> Vec<(String, Vec<u8>)> {
        let content = |inode: &u64| {
            self.inodes
                .get(inode)
                .map(|file| file.content.clone())
                .unwrap_or_default()
        };
        self.names
            .iter()
            .map(|(path, inode)| (path.clone(), content(inode)))
            .collect()
    }

    pub(super) fn image(&self) -> Vec<Vec<u8>> {
        let files = self.inodes.values().map(Inode::durable);
        files.chain(self.freed.iter().flatten().cloned()).collect()
    }

    pub(super) fn tamper(&mut self, path: &str, bytes: Vec<u8>) {
        let inode = self.names.get(path).copied().unwrap_or_else(|| {
            self.next_inode += 1;
            self.next_inode - 1
        });
        let durable_len = bytes.len();
        self.inodes.insert(
            inode,
            Inode {
                content: bytes,
                durable_len,
                dirty: BTreeMap::new(),
            },
        );
        self.names.insert(path.to_owned(), inode);
        self.durable_names.insert(path.to_owned(), inode);
    }

    fn forget_unnamed(&mut self) {
        // Files still named in either view, or in a change to come, stay; an open descriptor of any other finds nothing,
        // which the log never asks for.
        let pending = self.unsynced_names.iter().filter_map(|change| match change {
            NameChange::Add { inode, .. } => Some(*inode),
            _ => None,
        });
        let named: Vec<u64> = self
            .names
            .values()
            .chain(self.durable_names.values())
            .copied()
            .chain(pending)
            .collect();
        let freed = &mut self.freed;
        self.inodes.retain(|inode, file| {
            let stays = named.contains(inode);
            if let (false, Some(freed)) = (stays, freed.as_mut()) {
                freed.push(file.durable());
            }
            stays
        });
    }
}
