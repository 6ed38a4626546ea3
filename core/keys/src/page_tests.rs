//! Is key memory guarded as it says? Asked of the kernel itself: `/proc/self/mem`, `/proc/self/smaps`, and a forked child.
#![allow(clippy::print_stderr)] // a skip must be seen

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::*;

/// 32 bytes that stand nowhere in a program by chance.
const MARK: [u8; 32] = *b"\x07wardroom page test mark \xf1\xe2\xd3\xc4\xb5\xa6\x97";

fn arena() -> Arena {
    Arena { free: Vec::new() }
}

/// A place of the wanted kind with the mark in it, or a loud skip where the kernel does not give that kind.
fn marked(kind: KeyMemory) -> Option<Place> {
    let mut place = arena().take(kind);
    if place.memory != kind {
        eprintln!(
            "\n*** SKIPPED: this kernel or its limits give {:?}, not {kind:?} ***\n",
            place.memory
        );
        return None;
    }
    // SAFETY: the place is mapped for ever and nobody else knows it.
    *unsafe { place.at.as_mut() } = MARK;
    Some(place)
}

fn address(place: Place) -> u64 {
    place.at.as_ptr().addr() as u64
}

/// What root, or a debugger, gets to see.
fn through_the_kernel(place: Place) -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    File::open("/proc/self/mem")?.read_exact_at(&mut bytes, address(place))?;
    Ok(bytes)
}

/// The kernel's flags of the mapping that a place is in.
fn flags(place: Place) -> Vec<String> {
    let maps = std::fs::read_to_string("/proc/self/smaps").expect("Linux has it");
    let mut is_ours = false;
    for line in maps.lines() {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        let ends = range.and_then(|(from, to)| Some((hex(from)?, hex(to)?)));
        if let Some((from, to)) = ends {
            is_ours = (from..to).contains(&address(place));
        } else if let Some(flags) = line.strip_prefix("VmFlags: ").filter(|_| is_ours) {
            return flags.split_whitespace().map(str::to_owned).collect();
        }
    }
    panic!("no mapping holds the place");
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

/// Whether a child that this process forks finds the place mapped.
fn is_mapped_in_a_child(place: Place) -> bool {
    let page = rustix::param::page_size();
    let start = place
        .at
        .as_ptr()
        .cast::<c_void>()
        .map_addr(|address| address & !(page - 1));
    // SAFETY: the child makes two system calls and is gone; it touches no lock and no memory of ours.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "fork: {}", io::Error::last_os_error());
    if child == 0 {
        let mut resident = 0_u8;
        // SAFETY: mincore answers ENOMEM for addresses that are not mapped.
        unsafe { libc::_exit(i32::from(libc::mincore(start, 1, &raw mut resident) == 0)) };
    }
    let mut status = 0;
    // SAFETY: waits for the child made above.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert!(
        waited == child && libc::WIFEXITED(status),
        "the child ended otherwise: {status:x}"
    );
    libc::WEXITSTATUS(status) == 1
}

#[test]
fn not_even_root_reads_secret_memory_through_the_kernel() {
    if let Some(place) = marked(KeyMemory::Secret) {
        let error = through_the_kernel(place).expect_err("the kernel must refuse");
        assert_eq!(error.raw_os_error(), Some(libc::EIO));
    }
    // The control: the same look finds the mark where memory is only locked, or not even that.
    for kind in [KeyMemory::Locked, KeyMemory::Plain] {
        if let Some(place) = marked(kind) {
            assert_eq!(through_the_kernel(place).expect("ordinary memory"), MARK);
        }
    }
}

#[test]
fn the_kernel_says_what_guards_a_place() {
    for kind in [KeyMemory::Secret, KeyMemory::Locked, KeyMemory::Plain] {
        let Some(place) = marked(kind) else { continue };
        let flags = flags(place);
        let has = |flag: &str| flags.iter().any(|set| set == flag);
        assert!(has("dd"), "{kind:?} would be in core files: {flags:?}");
        assert!(has("dc"), "{kind:?} would be in forked processes: {flags:?}");
        assert_eq!(has("lo"), kind != KeyMemory::Plain, "{kind:?}: {flags:?}");
    }
}

#[test]
fn a_forked_process_has_none_of_it() {
    for kind in [KeyMemory::Secret, KeyMemory::Locked, KeyMemory::Plain] {
        if let Some(place) = marked(kind) {
            assert!(!is_mapped_in_a_child(place), "{kind:?}");
        }
    }
    // The control: ordinary memory is there.
    let ordinary = Place {
        at: NonNull::from(Box::leak(Box::new(MARK))),
        memory: KeyMemory::Plain,
    };
    assert!(is_mapped_in_a_child(ordinary));
}

#[test]
fn the_pages_beside_cannot_be_read() {
    let mut arena = arena();
    let first = arena.take(KeyMemory::Secret);
    let last = arena.free[0];
    let beside = [address(first) - 32, address(last) + 32];
    assert_eq!(address(last) - address(first), LEN as u64 - 32);
    let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux has it");
    for address in beside {
        let line = maps.lines().find(|line| {
            let (from, to) = line
                .split(' ')
                .next()
                .and_then(|range| range.split_once('-'))
                .expect("a range");
            (hex(from)..hex(to)).contains(&Some(address))
        });
        assert!(line.is_some_and(|line| line.contains(" ---")), "{line:?}");
    }
}

#[test]
fn a_slot_is_zeroed_when_it_is_dropped_and_given_out_again() {
    // All keys of the process share one arena, and tests run at once: look until a slot comes back.
    for _ in 0..1000 {
        let mut slot = KeySlot::new();
        let place = slot.0;
        *slot.bytes_mut() = MARK;
        drop(slot);
        let again = KeySlot::new();
        if again.0.at == place.at {
            assert_eq!(again.bytes(), &[0; 32]);
            return;
        }
    }
    panic!("no slot came back");
}

#[test]
fn slots_do_not_overlap_and_the_arena_grows() {
    let mut slots: Vec<KeySlot> = (0..LEN / 32 + 10).map(|_| KeySlot::new()).collect();
    for (slot, number) in slots.iter_mut().zip(0_u64..) {
        assert_eq!(slot.bytes(), &[0; 32]);
        slot.bytes_mut()[..8].copy_from_slice(&number.to_le_bytes());
    }
    for (slot, number) in slots.iter().zip(0_u64..) {
        assert_eq!(slot.bytes()[..8], number.to_le_bytes());
    }
}
