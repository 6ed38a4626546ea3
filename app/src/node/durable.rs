//! How does a file change so that a crash leaves the old one or the new one, and how does one go for good?

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Bytes that are overwritten at a time.
const PAGE: usize = 64 * 1024;

/// Replaces a file, for its owner's eyes only; durable on return.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let aside = aside(path);
    let replaced = write(&aside, bytes).and_then(|()| fs::rename(&aside, path));
    if replaced.is_err() {
        // Half a file serves nobody; why it is half is the error to tell.
        let _ = remove(&aside);
    }
    replaced?;
    sync_folder(path)
}

/// A new file, whole on the disk.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // What an earlier try left may have other permissions: it is never written into.
    remove(path)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?; // whatever the umask says
    file.write_all(bytes)?;
    file.sync_all()
}

/// Removes a file if it is there; durable on return.
pub fn forget(path: &Path) -> io::Result<()> {
    remove(path)?;
    sync_folder(path)
}

/// Removes a folder and all that is in it; each file is overwritten first. Durable on return, and nothing to do if it is
/// not there.
///
/// Overwriting is worth what the disk makes of it: one that moves its blocks about may keep the old ones. What must not
/// be read afterwards is encrypted under keys that go first.
pub fn shred(folder: &Path) -> io::Result<()> {
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.is_dir() => {
            overwrite(folder)?;
            return forget(folder);
        }
        Ok(_) => {}
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            shred(&path)?;
        } else {
            overwrite(&path)?;
            remove(&path)?;
        }
    }
    File::open(folder)?.sync_all()?;
    fs::remove_dir(folder)?;
    sync_folder(folder)
}

/// Zeros where the bytes were, on the disk before this returns. A link or a special file is not followed.
fn overwrite(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(());
    }
    let mut file = OpenOptions::new().write(true).open(path)?;
    let mut left = file.metadata()?.len();
    file.rewind()?;
    let zeros = vec![0; PAGE];
    while left > 0 {
        let now = zeros.len().min(usize::try_from(left).unwrap_or(PAGE));
        file.write_all(&zeros[..now])?;
        left -= now as u64;
    }
    file.sync_all()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Where a file is written before it takes the place of `path`.
pub fn aside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

/// The entry of `path` in its folder is on the disk.
fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keyring");
        fs::write(dir.path().join("keyring.new"), "half").unwrap();
        for text in ["one", "two"] {
            replace(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        forget(&path).unwrap();
        forget(&path).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn what_cannot_be_replaced_leaves_nothing_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keyring");
        fs::create_dir(&path).unwrap();
        assert!(replace(&path, b"keys").is_err(), "a file does not replace a folder");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_goes_with_everything_in_it_and_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, outside) = (dir.path().join("raft"), dir.path().join("outside"));
        fs::create_dir_all(folder.join("deep")).unwrap();
        fs::write(folder.join("deep/segment"), vec![7; PAGE + 1]).unwrap();
        fs::write(&outside, "stays").unwrap();
        std::os::unix::fs::symlink(&outside, folder.join("link")).unwrap();
        shred(&folder).unwrap();
        shred(&folder).unwrap();
        assert!(!folder.exists());
        assert_eq!(fs::read_to_string(&outside).unwrap(), "stays");
    }

    #[test]
    fn what_is_shredded_is_overwritten_before_it_is_unlinked() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other_name) = (dir.path().join("key"), dir.path().join("other"));
        fs::write(&path, "secret").unwrap();
        // A second name keeps the bytes in sight.
        fs::hard_link(&path, &other_name).unwrap();
        shred(&path).unwrap();
        assert_eq!(fs::read(&other_name).unwrap(), [0; 6]);
    }
}
