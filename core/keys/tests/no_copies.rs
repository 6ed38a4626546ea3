//! Does a key stand anywhere but in key memory? The whole process is searched after the keys were used in every way. Alone
//! in its binary, so that no other test's keys are found.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // a failed unwrap is a failed test; a skip must be seen

use std::fs::File;
use std::os::unix::fs::FileExt;

use wardroom_keys::{
    KeyMemory, Keyring, KeyringFile, OsChance, SealContext, SecretBytes, ShareCollection, UnlockKey, split,
};

/// Keys are only ever compared under this mask, so that the search does not find itself.
const MASK: u8 = 0xA5;
const CHUNK: usize = 1 << 16;
/// Half a key is too much already.
const HALF: usize = 16;

const CLUSTER: &str = "cluster1";
const NODE: &str = "node1";
/// The second case of the vectors: autolock on.
const CASE: usize = 1;

struct Needle {
    name: String,
    masked: [u8; HALF],
}

/// Both halves of a key that is given in hex.
fn needles(name: &str, hex: &str) -> [Needle; 2] {
    [0, HALF].map(|from| Needle {
        name: format!("{name} from byte {from}"),
        masked: std::array::from_fn(|at| unhex_byte(hex, from + at) ^ MASK),
    })
}

fn unhex_byte(text: &str, at: usize) -> u8 {
    u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()
}

/// The values of a name in the case that this test is about.
fn vector(name: &str) -> Vec<String> {
    vector_in("keyring-2.txt", CASE, name)
}

fn vector_in(file: &str, case: usize, name: &str) -> Vec<String> {
    let path = format!("{}/tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let case = text.split("\n\n").nth(case + 1).unwrap();
    let prefix = format!("{name}: ");
    let values = case.lines().filter_map(|line| line.strip_prefix(prefix.as_str()));
    values.map(str::to_owned).collect()
}

/// Where each needle stands in this process, as far as the kernel lets one look.
fn search(needles: &[Needle]) -> Vec<String> {
    let memory = File::open("/proc/self/mem").unwrap();
    let mut buffer = vec![0_u8; CHUNK + 2 * HALF];
    let own = buffer.as_ptr().addr() as u64..(buffer.as_ptr().addr() + buffer.len()) as u64;
    let mut found = Vec::new();
    for line in std::fs::read_to_string("/proc/self/maps").unwrap().lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let (from, to) = (
            u64::from_str_radix(from, 16).unwrap(),
            u64::from_str_radix(to, 16).unwrap(),
        );
        if !rest.starts_with('r') {
            continue;
        }
        for at in (from..to).step_by(CHUNK) {
            let len = usize::try_from((to - at).min(buffer.len() as u64)).unwrap();
            if memory.read_exact_at(&mut buffer[..len], at).is_err() {
                continue; // the kernel refuses: that is where keys belong
            }
            for needle in needles {
                let matches = |window: &[u8]| {
                    window
                        .iter()
                        .zip(&needle.masked)
                        .all(|(byte, masked)| byte ^ MASK == *masked)
                };
                let places = buffer[..len]
                    .windows(HALF)
                    .enumerate()
                    .filter(|(_, window)| matches(window));
                let places = places.map(|(offset, _)| at + offset as u64);
                // What the buffer read a moment ago is no further copy.
                found.extend(
                    places
                        .filter(|place| !own.contains(place))
                        .map(|place| format!("{} at {place:x} in {line}", needle.name)),
                );
            }
        }
    }
    buffer.fill(0);
    std::hint::black_box(&buffer);
    found
}

/// Everything that is done with keys in a manager's life, and all of it let go of except the keyring.
#[inline(never)]
fn live() -> Keyring {
    let chance = OsChance;
    let file = vector("file").remove(0);
    let file: Vec<u8> = (0..file.len() / 2).map(|at| unhex_byte(&file, at)).collect();
    let key = UnlockKey::parse(&vector("unlock-key")[0]).unwrap();
    let file = || KeyringFile::decode(&file).unwrap();
    assert!(Keyring::unlock(file(), &UnlockKey::generate(&chance), CLUSTER, NODE).is_err());
    let mut keyring = Keyring::unlock(file(), &key, CLUSTER, NODE).unwrap();
    let (dek, root) = (keyring.dek(), keyring.sealing_root());

    let segment = dek.segment_cipher(CLUSTER, NODE, 1, [1; 16]);
    let sealed = segment.seal(&[0; 24], b"aad", b"record");
    assert!(segment.open(&[0; 24], b"aad", &sealed).is_ok());
    let chunk = dek
        .snapshot_cipher(CLUSTER, NODE, [2; 16])
        .seal_chunk(0, true, b"", b"chunk");
    assert_eq!(chunk.len(), 5 + 16);
    let node_key = dek.seal_node_key(&chance, CLUSTER, NODE, &SecretBytes::new(vec![0x30; 138]));
    assert!(dek.open_node_key(CLUSTER, NODE, &node_key).is_ok());

    let context = SealContext {
        cluster: CLUSTER,
        secret: "s",
        version: "v",
    };
    let value = root.seal(&chance, &context, &SecretBytes::new(b"value".to_vec()));
    assert!(root.open(&context, &value.wrapped_key, &value.ciphertext).is_ok());
    let unlock_key = root.seal_unlock_key(&chance, CLUSTER, 2, &key);
    assert!(root.open_unlock_key(CLUSTER, 2, &unlock_key).is_ok());
    drop(root.danger_expose());

    let mut shares = ShareCollection::default();
    for share in split(&chance, &key, 2, 3, 2).unwrap() {
        let text = share.text();
        let text = std::str::from_utf8(text.expose()).unwrap();
        shares.add(wardroom_keys::Share::parse(text).unwrap()).unwrap();
    }
    assert!(shares.combine().unwrap().equals(&key));

    drop(key.text());
    keyring.begin_dek_rotation(&chance, 1, 0);
    keyring.set_autolock(false);
    drop(keyring.encode());
    keyring.rewrap(&chance, &key, 2, true);
    drop(keyring.encode());
    keyring
}

#[test]
fn keys_stand_in_key_memory_only() {
    let kek = needles("the KEK", &vector("kek")[0]);
    let root = needles("the sealing root", &vector("sealing-root")[0]);
    let dek = needles("the DEK", vector("dek")[0].rsplit(' ').next().unwrap());
    let derived = ["record-key", "chain-key", "snapshot-key"];
    let derived = derived.map(|name| needles(name, &vector_in("disk-keys.txt", 0, name)[0]));
    let all: Vec<Needle> = [kek, root, dek].into_iter().chain(derived).flatten().collect();

    let keyring = live();
    if keyring.status().memory != KeyMemory::Secret {
        eprintln!("\n*** SKIPPED: without memfd_secret the search would find the keys where they belong ***\n");
        return;
    }
    let found = search(&all);
    assert!(found.is_empty(), "{found:#?}");

    // The controls: copies that are left behind are found, on the heap as on a stack.
    let copy = keyring.sealing_root().danger_expose();
    let hex = &vector("kek")[0];
    let mut on_stack: [u8; 32] = std::array::from_fn(|at| unhex_byte(hex, at));
    std::hint::black_box(&on_stack);
    let found = search(&all);
    for name in ["the sealing root from byte 0", "the KEK from byte 16"] {
        assert!(found.iter().any(|place| place.starts_with(name)), "{name}: {found:?}");
    }
    drop(copy);
    on_stack.fill(0);
    std::hint::black_box(&on_stack);
    assert!(search(&all).is_empty(), "a dropped copy is wiped");
    drop(keyring);
}
