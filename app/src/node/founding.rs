//! How does a cluster begin? Its root, its keys and every node's identity are made at once and written below one
//! directory; the manifest comes last. Until it is there nothing has happened: a start that was cut short is swept away
//! by the next one.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use wardroom_ca::{Clock, FilesError, IssueError, KeyRest, Role, Root, SystemClock};
use wardroom_keys::{Chance, Keyring, SealingRoot};

use super::badge;
use super::beginning::{Founding, id};
use super::issuer::Issuer;
use super::manifest::{ManagerEntry, Manifest, WorkerEntry};
use crate::report::Report;

/// A manager's keyring, below its folder.
pub const KEYRING: &str = "keyring";
/// There while a cluster is being made: whoever finds it without a manifest may sweep.
const UNDER_WAY: &str = "founding";
/// Below the range from which the kernel gives ports to outgoing connections, so that they are still free later.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
const LOOPBACK: &str = "127.0.0.1";

/// What to found.
pub struct Wanted {
    pub name: String,
    pub managers: u8,
    pub workers: u8,
}

/// Makes a cluster in an empty directory. On failure the directory is as empty as before.
pub fn found(dir: &Path, wanted: &Wanted, chance: &dyn Chance) -> Result<Manifest, Report> {
    sweep(dir).map_err(|error| cannot_write(dir, &error))?;
    let made = make(dir, wanted, chance);
    if made.is_err() {
        // What cannot be removed now is removed by the next start.
        let _ = sweep(dir);
    }
    made
}

fn make(dir: &Path, wanted: &Wanted, chance: &dyn Chance) -> Result<Manifest, Report> {
    let io = |error: io::Error| cannot_write(dir, &error);
    begin(dir).map_err(io)?;
    let mut manifest = Manifest::new(id(chance), wanted.name.clone());
    let root = Root::create(&manifest.cluster_id, &SystemClock, chance).map_err(|error| refused(&error))?;
    let sealing_root = SealingRoot::generate(chance);
    let now_ms = SystemClock.now_ms();
    let (founding, _token) = Founding::of(&root, &sealing_root, now_ms, chance);
    let issuer = Issuer::new(root, &founding.cluster(&manifest.cluster_id, &manifest.name));
    for number in 1..=wanted.managers {
        let hostname = format!("manager-{number}");
        let node_id = id(chance);
        let node = dir.join(&hostname);
        identity(&node, &issuer, &node_id, Role::Manager, chance)?;
        let keyring = Keyring::create(chance, &manifest.cluster_id, &node_id, &sealing_root, now_ms);
        write(&node.join(KEYRING), keyring.encode().expose()).map_err(io)?;
        let taken: Vec<&str> = manifest.managers.iter().map(|entry| entry.address.as_str()).collect();
        let address = free_address(chance, &taken)?;
        manifest.managers.push(ManagerEntry {
            node_id,
            hostname,
            raft_id: number.into(),
            address,
        });
    }
    for number in 1..=wanted.workers {
        let hostname = format!("worker-{number}");
        let node_id = id(chance);
        identity(&dir.join(&hostname), &issuer, &node_id, Role::Worker, chance)?;
        manifest.workers.push(WorkerEntry { node_id, hostname });
    }
    manifest.founding = Some(founding);
    manifest.write(dir).map_err(io)?;
    finished(dir).map_err(io)?;
    Ok(manifest)
}

/// A node's folder with its certificate and key.
fn identity(node: &Path, issuer: &Issuer, node_id: &str, role: Role, chance: &dyn Chance) -> Result<(), Report> {
    folder(node).map_err(|error| cannot_write(node, &error))?;
    let made = badge::issue(issuer, node_id, role, SystemClock.now_ms(), chance);
    let files = made.map_err(|error| refused(&error))?;
    files.save(node, &KeyRest::Clear).map_err(|error| match error {
        FilesError::Write { source, .. } => cannot_write(node, &source),
        other => super::explain(&other),
    })
}

/// An address on loopback that nobody listens at now.
pub fn free_address(chance: &dyn Chance, taken: &[&str]) -> Result<String, Report> {
    const TRIES: usize = 200;
    for _ in 0..TRIES {
        let span = u64::from(PORTS.end - PORTS.start);
        let offset = u16::try_from(chance.next_u64() % span).expect("the span of the ports fits");
        let address = format!("{LOOPBACK}:{}", PORTS.start + offset);
        if !taken.contains(&address.as_str()) && TcpListener::bind(&address).is_ok() {
            return Ok(address);
        }
    }
    Err(Report::failure(format!(
        "no free port on {LOOPBACK} between {} and {}",
        PORTS.start, PORTS.end
    ))
    .hint("see what listens there with `ss -ltn`"))
}

/// Removes what a founding that was cut short has left. A directory without its mark is not touched.
fn sweep(dir: &Path) -> io::Result<()> {
    let mark = dir.join(UNDER_WAY);
    if !mark.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_folder = entry.file_type()?.is_dir();
        if is_folder && (name.starts_with("manager-") || name.starts_with("worker-")) {
            fs::remove_dir_all(entry.path())?;
        } else if name.starts_with(super::manifest::MANIFEST) {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir(mark)
}

/// Sets the mark, durably: whatever is made after it can be swept if it must.
fn begin(dir: &Path) -> io::Result<()> {
    folder(&dir.join(UNDER_WAY))?;
    File::open(dir)?.sync_all()
}

/// Takes the mark away, once the manifest is there: nothing may be swept from then on.
pub fn finished(dir: &Path) -> io::Result<()> {
    match fs::remove_dir(dir.join(UNDER_WAY)) {
        Ok(()) => File::open(dir)?.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether a founding was cut short here, and may be begun anew.
pub fn is_under_way(dir: &Path) -> bool {
    dir.join(UNDER_WAY).exists()
}

/// A folder for its owner only; one that exists must not be anybody else's.
fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

fn refused(error: &IssueError) -> Report {
    Report::failure(format!("the cluster's certificates cannot be made: {error}"))
}

/// Full, read-only, somebody else's: what the system says, and where to go instead.
pub fn cannot_write(dir: &Path, error: &io::Error) -> Report {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room there, or choose another directory with --dir"
        }
        io::ErrorKind::ReadOnlyFilesystem => "mount it writable, or choose another directory with --dir",
        io::ErrorKind::PermissionDenied => "run this as the directory's owner, or choose another one with --dir",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => "choose another directory with --dir",
        _ => "check the path and the disk, or choose another directory with --dir",
    };
    Report::failure(format!("cannot use {} for a cluster: {error}", dir.display())).hint(hint)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use wardroom_ca::NodeFiles;
    use wardroom_keys::{KeyringFile, SeededChance};

    use super::*;

    fn wanted() -> Wanted {
        Wanted {
            name: "test".into(),
            managers: 3,
            workers: 2,
        }
    }

    #[test]
    fn a_founded_cluster_has_every_nodes_files() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = found(dir.path(), &wanted(), &SeededChance::new(1)).unwrap();
        assert_eq!(Manifest::read(dir.path()).unwrap(), Some(manifest.clone()));
        for manager in &manifest.managers {
            let node = dir.path().join(&manager.hostname);
            let file = KeyringFile::decode(&fs::read(node.join(KEYRING)).unwrap()).unwrap();
            assert!(Keyring::open(file, &manifest.cluster_id, &manager.node_id).is_ok());
            assert!(NodeFiles::load(&node, None).is_ok());
        }
        assert!(NodeFiles::load(&dir.path().join("worker-2"), None).is_ok());
        assert!(!is_under_way(dir.path()));
    }

    #[test]
    fn one_seed_gives_the_same_ids() {
        let ids = |seed| {
            let dir = tempfile::tempdir().unwrap();
            let manifest = found(dir.path(), &wanted(), &SeededChance::new(seed)).unwrap();
            (manifest.cluster_id, manifest.managers[0].node_id.clone())
        };
        assert_eq!(ids(7), ids(7));
        assert_ne!(ids(7), ids(8));
    }

    #[test]
    fn a_founding_that_was_cut_short_is_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(UNDER_WAY)).unwrap();
        fs::create_dir(dir.path().join("manager-1")).unwrap();
        fs::write(dir.path().join("manager-1").join(KEYRING), "half").unwrap();
        assert!(is_under_way(dir.path()));
        assert!(found(dir.path(), &wanted(), &SeededChance::new(1)).is_ok());
    }

    #[test]
    fn a_failed_founding_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        // Somebody's file where a worker's folder should be made.
        fs::write(dir.path().join("worker-2"), "mine").unwrap();
        assert!(found(dir.path(), &wanted(), &SeededChance::new(1)).is_err());
        let left: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert!(!left.contains(&"manager-1".into()), "{left:?}");
        assert_eq!(Manifest::read(dir.path()).unwrap(), None);
    }
}
