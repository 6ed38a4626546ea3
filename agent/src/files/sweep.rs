//! What have workers that were killed left in memory? Nobody comes back to it: a demonstration has other node ids every time.
//!
//! Whose lock is held lives and is left alone; so is what cannot be wiped, for its own next start.

use std::fs::{DirEntry, read_dir};
use std::path::Path;

use super::erase;
use super::root::{Root, is_mount_point};
use super::tmpfs::{SECRETS, SET};

/// Wipes what workers, those of `node` included, have left beside and at `path`, one of the places of `node`.
pub(super) fn place(path: &Path, node: &str) {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return;
    };
    // `/dev/shm` is everybody's: there, what is ours begins like our own name.
    let prefix = name.strip_suffix(node).unwrap_or(name);
    for entry in entries(parent).filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix)) {
        wipe(&entry.path());
    }
}

/// Wipes what other nodes' workers have left in a directory that was named for it. It may well serve for other things, and
/// the names in it say nothing: what looks like a worker's root in every detail is taken for one.
pub(super) fn named(directory: &Path, node: &str) {
    for entry in entries(directory).filter(|entry| entry.file_name() != node && is_root(entry)) {
        wipe(&entry.path());
    }
}

/// Whether a worker that is gone has left its files here.
pub(crate) fn is_abandoned(root: &Path) -> bool {
    // An empty one may belong to a worker that is about to lock it.
    entries(root).next().is_some() && Root::take(root, false, false).is_ok()
}

fn wipe(path: &Path) {
    // An empty one may belong to a worker that is about to lock it, and has nothing to wipe.
    if entries(path).next().is_none() {
        return;
    }
    if let Ok(root) = Root::take(path, is_mount_point(path), false) {
        let wiped = erase::contents(root.handle()).and_then(|()| root.give_back());
        tracing::info!(path = %path.display(), ok = wiped.is_ok(), "wiped what a worker that was killed has left");
    }
}

/// Tasks, each with its secrets, and in those the sets and the links to them: nothing else is in a worker's root, and without
/// a set there are no bytes.
fn is_root(entry: &DirEntry) -> bool {
    let is_ours = |in_secrets: DirEntry| is_link(&in_secrets) || is_set(&in_secrets);
    let is_secrets = |in_task: DirEntry| {
        in_task.file_name() == SECRETS && is_directory(&in_task) && entries(&in_task.path()).all(is_ours)
    };
    let is_task = |in_root: DirEntry| is_directory(&in_root) && entries(&in_root.path()).all(is_secrets);
    let has_set = |in_root: DirEntry| entries(&in_root.path().join(SECRETS)).any(|in_secrets| is_set(&in_secrets));
    is_directory(entry) && entries(&entry.path()).all(is_task) && entries(&entry.path()).any(has_set)
}

fn is_set(entry: &DirEntry) -> bool {
    is_directory(entry) && entry.file_name().to_string_lossy().starts_with(SET)
}

fn is_directory(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_dir())
}

fn is_link(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_symlink())
}

/// What cannot be listed is somebody else's.
fn entries(directory: &Path) -> impl Iterator<Item = DirEntry> {
    read_dir(directory).into_iter().flatten().flatten()
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)] // a test may stop at the first surprise

    use super::super::choose;
    use super::*;

    /// What a worker that was killed leaves: a task's set, whole.
    pub(in super::super) fn leave_behind(root: &Path) {
        let secrets = root.join("task1/secrets");
        std::fs::create_dir_all(secrets.join("..set-7")).unwrap();
        std::fs::write(secrets.join("..set-7/db"), "c4n4ry").unwrap();
        std::os::unix::fs::symlink("..set-7", secrets.join("..data")).unwrap();
        std::os::unix::fs::symlink("..data/db", secrets.join("db")).unwrap();
    }

    #[test]
    fn a_named_root_is_swept_of_workers_and_of_nothing_else() {
        let home = tempfile::tempdir_in("/dev/shm").unwrap();
        let at = |name: &str| home.path().join(name);
        for name in ["dead", "living", "changed"] {
            leave_behind(&at(name));
        }
        std::fs::write(at("changed").join("task1/secrets/notes"), "keep me").unwrap();
        std::fs::create_dir_all(at("photos/2024")).unwrap();
        std::fs::write(at("photos/2024/sea"), "keep me").unwrap();
        std::fs::write(at("letter"), "keep me").unwrap();
        std::fs::create_dir_all(at("albums/2025")).unwrap();
        let living = Root::take(&at("living"), false, false).unwrap();
        choose(Some(home.path()), "me").unwrap();
        assert!(!at("dead").exists());
        assert!(at("living/task1/secrets/db").exists());
        assert!(at("changed/task1/secrets/db").exists(), "not as a worker leaves it");
        assert!(at("photos/2024/sea").exists() && at("letter").exists());
        assert!(at("albums/2025").exists(), "empty directories are no worker's");
        drop(living);
    }

    #[test]
    fn what_killed_workers_left_is_wiped_and_the_living_are_left_alone() {
        let home = tempfile::tempdir_in("/dev/shm").unwrap();
        let shared = |node: &str| home.path().join(format!("wardroom-0-{node}"));
        for node in ["dead", "living", "empty"] {
            std::fs::create_dir(shared(node)).unwrap();
        }
        std::fs::create_dir(home.path().join("somebody-elses")).unwrap();
        for directory in [shared("dead"), shared("living"), home.path().join("somebody-elses")] {
            std::fs::write(directory.join("file"), "c4n4ry").unwrap();
        }
        let living = Root::take(&shared("living"), false, false).unwrap();
        place(&shared("new"), "new");
        assert!(!shared("dead").exists());
        assert!(shared("empty").exists());
        assert!(shared("living").join("file").exists());
        assert!(home.path().join("somebody-elses/file").exists());
        drop(living);
        place(&shared("new"), "new");
        assert!(!shared("living").exists());
    }
}
