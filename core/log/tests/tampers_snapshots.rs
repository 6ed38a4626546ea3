//! Is there any change to a snapshot that goes unnoticed? Every bit and every cut of a small one; chunks that change
//! places, and older copies, of a larger one.
#![allow(clippy::unwrap_used)] // a test that unwraps wrongly fails, which is its purpose

mod support;

use std::sync::Arc;

use support::reference::each;
use support::{Machine, machine};
use wardroom_log::{MemDisk, Snapshot, SnapshotError, Snapshots};

const CHUNK: usize = 64 << 10;
const SEALED: usize = CHUNK + 16;
const HEADER: usize = 38 + 9 + 6;

fn open(machine: &Machine, disk: &MemDisk) -> Snapshots {
    let (identity, keyring) = (machine.identity.clone(), Arc::clone(&machine.keyring));
    Snapshots::open(
        Arc::new(disk.clone()),
        identity,
        keyring,
        Arc::clone(&machine.chance) as _,
    )
    .unwrap()
}

fn path(number: u64) -> String {
    format!("snapshots/{number:020}.snap")
}

/// A machine and the bytes of its snapshots, saved one after the other.
fn saved<const N: usize>(lens: [usize; N]) -> (Machine, [Vec<u8>; N]) {
    let machine = machine();
    let snapshots = open(&machine, &machine.disk);
    let files = lens.map(|len| {
        snapshots.save(&[5; 20], &vec![6; len]).unwrap();
        machine.disk.dump().remove(0).1
    });
    (machine, files)
}

/// What is found where these files stand, by number.
fn found(machine: &Machine, files: &[(u64, Vec<u8>)]) -> Result<Option<Snapshot>, SnapshotError> {
    let disk = MemDisk::new();
    for (number, bytes) in files {
        disk.tamper(&path(*number), bytes.clone());
    }
    open(machine, &disk).newest()
}

/// The number and chunk of a refusal, in a text that says what to do.
fn refused(machine: &Machine, bytes: Vec<u8>, context: impl std::fmt::Debug) -> (u64, u32) {
    let Err(error) = found(machine, &[(1, bytes)]) else {
        panic!("{context:?} went unnoticed");
    };
    let text = error.to_string();
    assert!(text.starts_with("snapshot 1 "), "{text}");
    match error {
        SnapshotError::Damaged { number, chunk } => {
            assert!(text.contains(&format!("is damaged in chunk {chunk};")), "{text}");
            assert!(
                text.ends_with("stop it, remove its data directory, start it again"),
                "{text}"
            );
            (number, chunk)
        }
        SnapshotError::Newer { number, .. }
        | SnapshotError::Foreign { number, .. }
        | SnapshotError::KeyGone { number, .. } => (number, 0),
        other => panic!("{other} names no snapshot"),
    }
}

fn flipped(good: &[u8], bit: usize) -> Vec<u8> {
    let mut bent = good.to_vec();
    bent[bit / 8] ^= 1 << (bit % 8);
    bent
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    let (machine, [good]) = saved([300]);
    assert_eq!(good.len(), HEADER + 4 + 20 + 300 + 16);
    each(0..good.len() * 8, |bit| {
        assert_eq!(refused(&machine, flipped(&good, bit), bit), (1, 0));
    });
    for end in 0..good.len() {
        assert_eq!(refused(&machine, good[..end].to_vec(), end), (1, 0));
    }
    for more in [1, 16, 17, CHUNK, SEALED] {
        refused(&machine, [good.clone(), vec![0; more]].concat(), more);
    }
}

#[test]
fn a_flipped_bit_is_refused_in_its_chunk() {
    let (machine, [good]) = saved([2 * CHUNK + 9]);
    let chunk_of = |byte: usize| u32::try_from(byte.saturating_sub(HEADER) / SEALED).unwrap();
    let near_a_seam = |byte: usize| byte < HEADER + 40 || (byte - HEADER + 20) % SEALED < 40 || byte + 70 > good.len();
    let bits = (0..good.len() * 8).filter(|bit| near_a_seam(bit / 8) || bit % 4973 == 0);
    each(bits, |bit| {
        assert_eq!(refused(&machine, flipped(&good, bit), bit), (1, chunk_of(bit / 8)));
    });
    for end in (0..good.len()).filter(|end| near_a_seam(*end) || end % 997 == 0) {
        // A chunk is known to be the last one by its nonce, so one before it cannot pass for it.
        let chunk = chunk_of(end.max(1) - usize::from((end.max(HEADER) - HEADER).is_multiple_of(SEALED)));
        assert_eq!(refused(&machine, good[..end].to_vec(), end), (1, chunk));
    }
}

#[test]
fn no_chunk_can_stand_elsewhere_twice_or_be_left_out() {
    let (machine, [good]) = saved([4 * CHUNK - 24]); // four whole chunks, so that they fit in each other's place
    let (header, body) = good.split_at(HEADER);
    let chunks: Vec<&[u8]> = body.chunks(SEALED).collect();
    assert!(chunks.len() == 4 && chunks.iter().all(|chunk| chunk.len() == SEALED));
    let with = |order: &[usize]| {
        let body = order.iter().flat_map(|at| chunks[*at].iter().copied());
        header.iter().copied().chain(body).collect::<Vec<u8>>()
    };
    for order in [
        &[1, 0, 2, 3][..],
        &[2, 1, 0, 3],
        &[3, 1, 2, 0],
        &[0, 2, 1, 3],
        &[0, 3, 2, 1],
        &[0, 1, 3, 2],
        &[0, 0, 1, 2, 3],
        &[0, 1, 2, 3, 3],
        &[0, 1, 2],
        &[0, 1, 3],
        &[1, 2, 3],
        &[3],
        &[],
    ] {
        refused(&machine, with(order), order);
    }
    assert!(found(&machine, &[(1, with(&[0, 1, 2, 3]))]).is_ok());
}

#[test]
fn an_older_snapshot_cannot_pass_for_a_newer_one() {
    let (machine, [first, second]) = saved([300, 500]);
    let data = |files: &[(u64, Vec<u8>)]| found(&machine, files).map(|found| found.unwrap().data.len());
    assert!(matches!(
        data(&[(2, first.clone())]),
        Err(SnapshotError::Damaged { number: 2, chunk: 0 })
    ));
    assert!(matches!(
        data(&[(1, second.clone()), (2, first.clone())]),
        Err(SnapshotError::Damaged { number: 2, chunk: 0 })
    ));
    assert!(matches!(
        data(&[(2, second.clone()), (3, second.clone())]),
        Err(SnapshotError::Damaged { number: 3, chunk: 0 })
    ));
    // Its own chunks under the other's header, of the same key and the same length.
    let (machine, [one, other]) = saved([300, 300]);
    let spliced = [&one[..HEADER], &other[HEADER..]].concat();
    assert_eq!(refused(&machine, spliced, "spliced"), (1, 0));
    // Beside a newer one an older one is nothing; alone it is how the disk was before, which the log's marks tell.
    let (_, [first, second]) = saved([300, 500]);
    assert_eq!(data(&[(1, first), (2, second)]).unwrap(), 500);
}
