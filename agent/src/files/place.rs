//! Where on this host is memory to be had for secrets? A file system of our own for root, else a proven directory.
//!
//! A place that is named must do or the agent refuses; otherwise the best that the kernel grants is taken, never a disk.

use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::{Mode, mkdir};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use rustix::process::geteuid;

use super::root::{Root, RootError, is_mount_point};
use super::{erase, sweep};

/// Room for two sets of files per task: a value is below 500 KiB.
const OPTIONS: &CStr = c"size=64m,nr_inodes=16k,mode=0711";
/// Linux 6.4 and later keep such pages out of swap; older ones refuse the option.
const OPTIONS_WITHOUT_SWAP: &CStr = c"noswap,size=64m,nr_inodes=16k,mode=0711";

static CHOOSING: Mutex<()> = Mutex::new(());

/// One place to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A tmpfs mounted here for this worker.
    Mount(PathBuf),
    /// A directory below one that is already in memory.
    Directory(PathBuf),
}

/// Takes the secrets root of `node`: below `named` when given, otherwise the best place there is.
pub fn choose(named: Option<&Path>, node: &str) -> Result<Root, RootError> {
    check(node)?;
    // Workers of one process begin one after the other: a sweep must not meet a neighbour that is just taking its place.
    let _one_at_a_time = CHOOSING.lock();
    if let Some(named) = named {
        make(named)?;
        Root::prove(named)?;
        sweep::named(named, node);
        return directory(&named.join(node));
    }
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    first_of(&places(geteuid().as_raw(), runtime.as_deref(), node), node)
}

/// Erases what an agent of `node` has left, wherever it may have found a place for itself, and gives the places back: for
/// a node that is not to start again. Nothing to do where it never was. Fails while an agent of the node lives.
pub fn forget(node: &str) -> Result<(), RootError> {
    check(node)?;
    let _one_at_a_time = CHOOSING.lock();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    // One that cannot be erased keeps none of the others.
    places(geteuid().as_raw(), runtime.as_deref(), node)
        .iter()
        .map(|(Place::Mount(path) | Place::Directory(path))| vacate(path))
        .fold(Ok(()), Result::and)
}

/// Whether an agent of `node` lives and keeps its files where [`choose`] would.
pub fn is_in_use(named: Option<&Path>, node: &str) -> bool {
    let _one_at_a_time = CHOOSING.lock();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let places = match named {
        Some(named) => vec![Place::Directory(named.join(node))],
        None => places(geteuid().as_raw(), runtime.as_deref(), node),
    };
    let is_busy = |place: &Place| {
        let (Place::Mount(path) | Place::Directory(path)) = place;
        matches!(Root::take(path, false, false), Err(RootError::Busy { .. }))
    };
    check(node).is_ok() && places.iter().any(is_busy)
}

fn vacate(path: &Path) -> Result<(), RootError> {
    let root = match Root::take(path, is_mount_point(path), false) {
        Ok(root) => root,
        // Where this user's agent could not have been, nothing of it is left.
        Err(
            RootError::NotMemory { .. }
            | RootError::Foreign { .. }
            | RootError::Io {
                source: Errno::NOENT | Errno::NOTDIR | Errno::ACCESS,
                ..
            },
        ) => return Ok(()),
        Err(error) => return Err(error),
    };
    erase::contents(root.handle())
        .and_then(|()| root.give_back())
        .map_err(RootError::io("erase", path))
}

/// The best of `places` that will do. All are swept: a dead worker may have had to make do with another than this one.
fn first_of(places: &[Place], node: &str) -> Result<Root, RootError> {
    for Place::Mount(path) | Place::Directory(path) in places {
        sweep::place(path, node);
    }
    let mut tried = Vec::new();
    for place in places {
        let (path, taken) = match place {
            Place::Mount(path) => (path, mounted(path)),
            Place::Directory(path) => (path, directory(path)),
        };
        match taken {
            // A second agent of the node would not become right by keeping its files elsewhere.
            Err(RootError::Busy { path }) => return Err(RootError::Busy { path }),
            Err(error) => tried.push(format!("{}: {}", path.display(), reason(&error))),
            Ok(root) => return Ok(root),
        }
    }
    Err(RootError::Nothing {
        tried: tried.join("; "),
    })
}

/// The places for `node` in order of preference.
fn places(user: u32, runtime: Option<&Path>, node: &str) -> Vec<Place> {
    let mut places = Vec::new();
    if user == 0 {
        places.push(Place::Mount(Path::new("/run/wardroom/secrets").join(node)));
    }
    if let Some(runtime) = runtime.filter(|runtime| runtime.is_absolute()) {
        places.push(Place::Directory(runtime.join("wardroom").join(node)));
    }
    places.push(Place::Directory(PathBuf::from(format!(
        "/dev/shm/wardroom-{user}-{node}"
    ))));
    places
}

/// It becomes a name in a directory.
fn check(node: &str) -> Result<(), RootError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if node.is_empty() || !node.bytes().all(plain) {
        return Err(RootError::NodeName(node.escape_default().to_string()));
    }
    Ok(())
}

fn directory(path: &Path) -> Result<Root, RootError> {
    if let Some(parent) = path.parent() {
        make(parent)?;
        Root::prove(parent)?;
    }
    make(path)?;
    let root = Root::take(path, false, false)?;
    if !root.is_removed() {
        return Ok(root);
    }
    // The sweep of a neighbour that starts too took it for a dead worker's, just before it was locked here.
    make(path)?;
    Root::take(path, false, false)
}

fn mounted(path: &Path) -> Result<Root, RootError> {
    for directory in path.ancestors().collect::<Vec<_>>().into_iter().rev() {
        make(directory)?;
    }
    // The mount of an earlier life that was killed is taken over; its files are wiped before anything else happens.
    if is_mount_point(path) {
        return Root::take(path, true, false);
    }
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let try_with = |options| mount("wardroom", path, "tmpfs", flags, options);
    let swap_free = match try_with(OPTIONS_WITHOUT_SWAP) {
        Ok(()) => true,
        Err(Errno::INVAL | Errno::PERM) => {
            try_with(OPTIONS).map_err(RootError::io("mount a tmpfs at", path))?;
            false
        }
        Err(error) => return Err(RootError::io("mount a tmpfs at", path)(error)),
    };
    // Private: the mount does not spread into other name spaces of this host.
    let taken = mount_change(path, MountPropagationFlags::PRIVATE)
        .map_err(RootError::io("make private", path))
        .and_then(|()| Root::take(path, true, swap_free));
    if taken.is_err() {
        // The reason is already at hand; a mount that stays is taken over by the next start.
        let _ = unmount(path, UnmountFlags::DETACH);
    }
    taken
}

fn make(path: &Path) -> Result<(), RootError> {
    let mode = if geteuid().is_root() { 0o711 } else { 0o700 };
    match mkdir(path, Mode::from_raw_mode(mode)) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(_) if path.is_dir() => Ok(()),
        Err(error) => Err(RootError::io("create", path)(error)),
    }
}

fn reason(error: &RootError) -> String {
    match error {
        RootError::Io { doing, source, .. } => format!("cannot {doing} it: {source}"),
        RootError::NotMemory { .. } => "not in memory".to_owned(),
        RootError::Foreign { .. } => "belongs to somebody else".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may stop at the first surprise

    use super::*;

    #[test]
    fn root_prefers_its_own_mount_and_others_their_runtime_directory() {
        assert_eq!(
            places(0, None, "n1"),
            [
                Place::Mount("/run/wardroom/secrets/n1".into()),
                Place::Directory("/dev/shm/wardroom-0-n1".into())
            ]
        );
        assert_eq!(
            places(1000, Some(Path::new("/run/user/1000")), "n1"),
            [
                Place::Directory("/run/user/1000/wardroom/n1".into()),
                Place::Directory("/dev/shm/wardroom-1000-n1".into())
            ]
        );
        assert_eq!(places(1000, Some(Path::new("relative")), "n1").len(), 1);
    }

    #[test]
    fn a_disk_is_refused_in_clear_words() {
        // /proc is no disk either, but surely neither tmpfs nor ramfs on any machine.
        let Err(error) = choose(Some(Path::new("/proc")), "n1") else {
            panic!("/proc was taken for memory")
        };
        assert!(matches!(error, RootError::NotMemory { .. }), "{error}");
        assert!(error.to_string().contains("/dev/shm"), "{error}");
    }

    #[test]
    fn a_node_id_cannot_be_a_path() {
        for node in ["", "..", "a/b", "../x"] {
            assert!(matches!(choose(None, node), Err(RootError::NodeName(_))), "{node:?}");
        }
    }

    #[test]
    fn two_agents_of_one_node_are_one_too_many() {
        let home = tempfile::tempdir_in("/dev/shm").unwrap();
        let first = choose(Some(home.path()), "n1").unwrap();
        assert!(matches!(choose(Some(home.path()), "n1"), Err(RootError::Busy { .. })));
        choose(Some(home.path()), "n2").unwrap();
        drop(first);
        choose(Some(home.path()), "n1").unwrap();
    }

    #[test]
    fn a_link_in_the_place_is_not_followed() {
        let home = tempfile::tempdir_in("/dev/shm").unwrap();
        std::fs::create_dir(home.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink("elsewhere", home.path().join("n1")).unwrap();
        assert!(matches!(
            choose(Some(home.path()), "n1"),
            Err(RootError::Foreign { .. })
        ));
    }

    #[test]
    fn what_is_forgotten_is_erased_unless_it_lives() {
        let home = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = home.path().join("n1");
        vacate(&path).unwrap();
        sweep::tests::leave_behind(&path);
        let kept = std::fs::File::open(path.join("task1/secrets/db")).unwrap();
        let living = Root::take(&path, false, false).unwrap();
        assert!(matches!(vacate(&path), Err(RootError::Busy { .. })));
        drop(living);
        vacate(&path).unwrap();
        assert!(!path.exists());
        assert_eq!(kept.metadata().unwrap().len(), 0, "who holds it open has nothing");
        assert!(matches!(forget("../x"), Err(RootError::NodeName(_))));
    }

    #[test]
    fn every_place_is_swept_though_the_first_will_do() {
        let home = tempfile::tempdir_in("/dev/shm").unwrap();
        let at = |place: &str, node: &str| home.path().join(place).join(format!("wardroom-0-{node}"));
        for (place, node) in [("first", "dead"), ("second", "dead"), ("second", "me")] {
            sweep::tests::leave_behind(&at(place, node));
        }
        let places = ["first", "second"].map(|place| Place::Directory(at(place, "me")));
        let root = first_of(&places, "me").unwrap();
        assert_eq!(root.path(), at("first", "me"));
        assert!(!at("first", "dead").exists());
        assert!(!at("second", "dead").exists());
        assert!(
            !at("second", "me").exists(),
            "nor where an earlier life of this node was"
        );
    }
}
