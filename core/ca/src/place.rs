//! How does a file come to be, whole or not at all, and only for its owner? The steps that node files and bundles share.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Makes the file anew with exactly these permissions; its bytes are durable on return, its name is not yet.
pub(crate) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    // An earlier attempt's leftover may have other permissions: never write into it.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?; // whatever the umask says
    file.write_all(bytes)?;
    file.sync_all()
}

/// Zeros where a file's bytes are, on the disk before this returns.
///
/// Overwriting is worth what the disk makes of it: one that moves its blocks about may keep the old ones.
pub(crate) fn overwrite(mut file: &File) -> io::Result<()> {
    let zeros = vec![0; usize::try_from(file.metadata()?.len()).unwrap_or(0)]; // keys are short
    file.rewind()?;
    file.write_all(&zeros)?;
    file.sync_all()
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Whether nobody but the owner can read or write it.
pub(crate) fn is_private(metadata: &Metadata) -> bool {
    let others = metadata.permissions().mode() & 0o077;
    others == 0
}
