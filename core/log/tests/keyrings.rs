//! Does a keyring survive being replaced, and does the one before it not? Power cuts and failures at every operation, also of
//! the start that follows them.
#![allow(clippy::unwrap_used)] // a test that unwraps wrongly fails, which is its purpose

use std::sync::Arc;

use wardroom_keys::SecretBytes;
use wardroom_log::{DiskKeyring, Fault, MemDisk};

const OLD: &[u8] = b"the keyring before, which nobody may find any more";
const NEW: &[u8] = b"the keyring that replaces it, and is somewhat longer than that";
const NEXT: &[u8] = b"the one after";

fn keyring(disk: &MemDisk) -> DiskKeyring {
    DiskKeyring::new(Arc::new(disk.clone()), "keyring")
}

fn saved() -> MemDisk {
    let disk = MemDisk::new();
    disk.keep_freed();
    assert!(keyring(&disk).load().unwrap().is_none());
    save(&disk, OLD).unwrap();
    disk
}

fn save(disk: &MemDisk, bytes: &[u8]) -> std::io::Result<()> {
    keyring(disk).save(&SecretBytes::new(bytes.to_vec()))
}

fn load(disk: &MemDisk) -> Vec<u8> {
    keyring(disk).load().unwrap().unwrap().expose().to_vec()
}

fn is_anywhere(disk: &MemDisk, bytes: &[u8]) -> bool {
    disk.image()
        .iter()
        .any(|file| file.windows(bytes.len()).any(|at| at == bytes))
}

fn operations() -> u64 {
    let disk = saved();
    let before = disk.operations();
    save(&disk, NEW).unwrap();
    assert!(load(&disk) == NEW && is_anywhere(&disk, NEW));
    assert!(!is_anywhere(&disk, OLD), "it is overwritten where it lay");
    assert_eq!(disk.dump().len(), 1);
    disk.operations() - before
}

#[test]
fn a_power_cut_leaves_the_one_before_or_the_new_one_and_a_start_wipes_the_other() {
    for after in 0..operations() {
        for seed in 0..24 {
            let context = format!("cut at {after}, seed {seed}");
            let disk = saved();
            assert!(is_anywhere(&disk, OLD), "the scan finds what is there");
            disk.inject(Fault::PowerCut { after });
            let done = save(&disk, NEW).is_ok();
            disk.crash(seed);
            let found = load(&disk);
            assert!(found == NEW || (found == OLD && !done), "{context}");
            let gone = if found == NEW { OLD } else { NEW };
            assert!(!is_anywhere(&disk, gone), "{context}");
            save(&disk, NEXT).unwrap();
            assert!(!is_anywhere(&disk, OLD) && !is_anywhere(&disk, NEW), "{context}");
        }
    }
}

#[test]
fn a_failure_and_then_a_power_cut_during_the_next_start_lose_nothing_either() {
    for failure in 0..operations() {
        for after in 0..6 {
            for seed in 0..24 {
                let context = format!("failure at {failure}, cut at {after}, seed {seed}");
                let disk = saved();
                disk.inject(Fault::Error { after: failure });
                assert!(save(&disk, NEW).is_err(), "{context}");
                disk.inject(Fault::PowerCut { after });
                let _ = keyring(&disk).load(); // the start that is cut off
                disk.crash(seed);
                let found = load(&disk);
                assert!(found == OLD || found == NEW, "{context}: {found:?}");
                save(&disk, NEXT).unwrap();
                assert!(!is_anywhere(&disk, OLD) && !is_anywhere(&disk, NEW), "{context}");
            }
        }
    }
}
