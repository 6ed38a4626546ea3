//! What does only root meet? A file system of its own: its options, its limits, and giving it back.
#![allow(clippy::unwrap_used)] // a test may stop at the first surprise

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::geteuid;
use wardroom_keys::SecretBytes;

use super::*;

fn task() -> TaskId {
    TaskId::new("task1")
}

#[test]
fn a_full_file_system_is_told_in_plain_words() {
    if !root_or_skip("a_full_file_system_is_told_in_plain_words") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    rustix::mount::mount(
        "small",
        home.path(),
        "tmpfs",
        rustix::mount::MountFlags::NOSUID,
        c"size=64k,nr_inodes=32",
    )
    .unwrap();
    let files = TmpfsFiles::new(choose(Some(home.path()), "node1").unwrap());
    let target = Target::parse("a").unwrap();
    let publish = |bytes: usize| {
        let value = SecretBytes::new(vec![7; bytes]);
        let file = NewFile {
            target: &target,
            uid: 0,
            gid: 0,
            mode: 0o400,
            value: &value,
        };
        files.publish(&task(), Reach::Task, &[file])
    };
    publish(16 * 1024).unwrap();
    let full = publish(100 * 1024);
    assert!(
        matches!(full, Err(FilesError::Full)),
        "{:?}",
        full.err().map(|error| error.line())
    );
    assert_eq!(
        files.read(&task(), &target).unwrap().len(),
        16 * 1024,
        "the set before is untouched"
    );
    let set = publish(16 * 1024).unwrap();
    let filler = fs::write(home.path().join("filler"), vec![7; 100 * 1024]);
    assert!(filler.is_err(), "not a byte is free");
    files.erase_files(&task(), &set, &[target]).unwrap();
    assert!(!files.directory(&task()).join("a").exists(), "an erasure needs no room");
    files.leave().unwrap();
    drop(files);
    rustix::mount::unmount(home.path(), rustix::mount::UnmountFlags::DETACH).unwrap();
}

#[test]
fn root_gets_a_mount_of_its_own_and_gives_it_back() {
    if !root_or_skip("root_gets_a_mount_of_its_own_and_gives_it_back") {
        return;
    }
    let node = format!("test{}", std::process::id());
    let root = choose(None, &node).unwrap();
    let path = root.path().to_owned();
    let files = TmpfsFiles::new(root);
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let line = mounts
        .lines()
        .find(|line| line.split(' ').nth(1) == path.to_str())
        .expect("mounted here");
    for option in ["nosuid", "nodev", "noexec", "size=65536k", "nr_inodes="] {
        assert!(line.contains(option), "{line}");
    }
    assert_eq!(line.contains("noswap"), files.root().is_swap_free(), "{line}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o711);
    // A life that was killed leaves its mount; the next one takes it over.
    drop(files);
    let files = TmpfsFiles::new(choose(None, &node).unwrap());
    files.leave().unwrap();
    assert!(!path.exists());
}

/// Says loudly when a test that needs root is skipped; where root is mandatory it fails instead.
fn root_or_skip(test: &str) -> bool {
    let root = geteuid().is_root();
    assert!(
        root || !std::env::var("WARDROOM_TEST_REQUIRE").is_ok_and(|required| required.contains("root")),
        "{test} needs root"
    );
    if !root {
        use std::io::Write;
        writeln!(std::io::stderr(), "SKIPPED {test}: it needs root").unwrap();
    }
    root
}
