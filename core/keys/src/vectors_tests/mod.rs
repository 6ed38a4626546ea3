//! Do the bytes of every format still mean the same? Checked-in vectors in `tests/vectors`, which `tests/formats/keys.py`,
//! written from `FORMAT.md` alone, reads too.
//!
//! `cargo test -p wardroom-keys --lib -- --ignored write_the_vectors` makes those of the newest formats anew, for a change of
//! a format; older ones are never touched.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::keyring_file::{KEYRING_FORMAT, KeyringFile};
use crate::sealing::SealContext;
use crate::*;

mod tampering;
mod writing;

/// `name: value` lines; a block of them is a case.
type Case = Vec<(String, String)>;

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(file)
}

/// The cases of a file, in order. `#` begins a comment.
fn cases(file: &str) -> Vec<Case> {
    let text = std::fs::read_to_string(path(file)).expect("the vectors are checked in");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let blocks = lines.split(|line| line.is_empty()).filter(|block| !block.is_empty());
    let pair = |line: &str| {
        let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("{line}"));
        (name.to_owned(), value.trim().to_owned())
    };
    blocks.map(|block| block.iter().copied().map(pair).collect()).collect()
}

fn all<'a>(case: &'a Case, name: &str) -> Vec<&'a str> {
    case.iter()
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
        .collect()
}

fn field<'a>(case: &'a Case, name: &str) -> &'a str {
    all(case, name)
        .first()
        .unwrap_or_else(|| panic!("no {name} in {case:?}"))
}

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(case: &Case, name: &str) -> T {
    field(case, name).parse().expect("a number")
}

fn bytes(case: &Case, name: &str) -> Vec<u8> {
    unhex(field(case, name))
}

fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text}");
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("memory");
        text
    })
}

fn text(secret: &SecretBytes) -> &str {
    std::str::from_utf8(secret.expose()).expect("ascii")
}

fn root(case: &Case) -> SealingRoot {
    SealingRoot::from_bytes(&SecretBytes::new(bytes(case, "sealing-root"))).expect("32 bytes")
}

/// `epoch order created-at-ms key`
fn dek(text: &str) -> Dek {
    let [epoch, order, created, key] = text.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{text}");
    };
    let key: [u8; 32] = unhex(key).try_into().expect("32 bytes");
    let at = created.parse().expect("milliseconds");
    Dek::from_key(
        key::Key::copy_from(&key),
        epoch.parse().expect("an epoch"),
        order.parse().expect("an order"),
        at,
    )
}

fn dek_text(dek: &Dek) -> String {
    format!(
        "{} {} {} {}",
        dek.epoch(),
        dek.order(),
        dek.created_at_ms(),
        hex(dek.bytes())
    )
}

fn open_keyring(case: &Case) -> Result<Keyring, KeyringError> {
    let key = UnlockKey::parse(field(case, "unlock-key")).expect("an unlock key");
    let file = KeyringFile::decode(&bytes(case, "file"))?;
    let (cluster, node) = (field(case, "cluster"), field(case, "node"));
    if file.is_locked() {
        Keyring::unlock(file, &key, cluster, node)
    } else {
        Keyring::open(file, cluster, node)
    }
}

fn check_keyring(case: &Case) -> Keyring {
    let name = field(case, "case");
    let keyring = open_keyring(case).unwrap_or_else(|error| panic!("{name}: {error}"));
    let status = keyring.status();
    assert_eq!(status.autolock, field(case, "autolock") == "on", "{name}");
    assert_eq!(status.kek_epoch, number::<u32>(case, "kek-epoch"), "{name}");
    assert_eq!(keyring.created_at_ms(), number::<i64>(case, "created-at-ms"), "{name}");
    assert_eq!(keyring.unlock_key().bytes(), bytes(case, "kek").as_slice(), "{name}");
    assert_eq!(text(&keyring.unlock_key().text()), field(case, "unlock-key"), "{name}");
    assert_eq!(
        keyring.sealing_root().bytes(),
        bytes(case, "sealing-root").as_slice(),
        "{name}"
    );
    let held = [Some(status.dek_epoch), status.pending_dek_epoch];
    let held: Vec<String> = held
        .into_iter()
        .flatten()
        .map(|epoch| dek_text(&keyring.dek_of(epoch).expect("it is held")))
        .collect();
    assert_eq!(held, all(case, "dek"), "{name}");
    keyring
}

#[test]
fn keyrings_of_format_1_open_and_are_written_as_the_newest() {
    let cases = cases("keyring-1.txt");
    assert_eq!(cases.len(), 4);
    for case in cases {
        let keyring = check_keyring(&case);
        let written = keyring.encode();
        assert_eq!(written.expose()[8..10], KEYRING_FORMAT.to_le_bytes());
        let file = KeyringFile::decode(written.expose()).expect("of the newest format");
        let again = Keyring::unlock(
            file,
            &keyring.unlock_key(),
            field(&case, "cluster"),
            field(&case, "node"),
        );
        assert_eq!(again.map(|again| again.status()).ok(), Some(keyring.status()));
    }
}

#[test]
fn keyrings_open_and_are_written_to_the_same_bytes() {
    let cases = cases("keyring-2.txt");
    assert_eq!(cases.len(), 5);
    for case in cases {
        assert_eq!(check_keyring(&case).encode().expose(), bytes(&case, "file"));
    }
}

#[test]
fn malformed_files_fail_as_they_should() {
    for case in cases("malformed.txt") {
        let (name, expected) = (field(&case, "case"), field(&case, "expect"));
        let error = match field(&case, "kind") {
            "keyring" => open_keyring(&case).err().map(|error| format!("{error:?}")),
            "node-key" => {
                let opened = dek(field(&case, "dek")).open_node_key(
                    field(&case, "cluster"),
                    field(&case, "node"),
                    &bytes(&case, "file"),
                );
                opened.err().map(|error| format!("{error:?}"))
            }
            "share" => Share::parse(field(&case, "share"))
                .err()
                .map(|error| format!("{error:?}")),
            other => panic!("{other}"),
        };
        let error = error.unwrap_or_else(|| panic!("{name}: was accepted"));
        assert!(error.starts_with(expected), "{name}: {error}, not {expected}");
    }
}

#[test]
fn sealed_bytes_of_the_state_open() {
    for case in cases("sealed.txt") {
        let (root, cluster) = (root(&case), field(&case, "cluster"));
        let context = SealContext {
            cluster,
            secret: field(&case, "secret"),
            version: field(&case, "version"),
        };
        let value = SecretBytes::new(bytes(&case, "value"));
        let opened = root.open(&context, &bytes(&case, "wrapped-key"), &bytes(&case, "ciphertext"));
        let opened = opened.unwrap_or_else(|error| panic!("{error}"));
        assert!(opened.value.equals(value.expose()));
        let digest = receipt_digest(opened.digest_key.expose(), value.expose());
        assert_eq!(hex(&digest), field(&case, "receipt-digest"));
        let fingerprint = root.fingerprint(cluster, context.secret, &value);
        assert_eq!(hex(&fingerprint), field(&case, "fingerprint"));
        let root_key = root.open_root_key(cluster, &bytes(&case, "sealed-root-key"));
        assert!(root_key.is_ok_and(|key| key.equals(&bytes(&case, "root-key"))));
        let role = field(&case, "role");
        let join_secret = root.open_join_secret(cluster, role, &bytes(&case, "sealed-join-secret"));
        assert!(join_secret.is_ok_and(|secret| secret.equals(&bytes(&case, "join-secret"))));
        let epoch = number(&case, "kek-epoch");
        let key = root.open_unlock_key(cluster, epoch, &bytes(&case, "sealed-unlock-key"));
        assert!(key.is_ok_and(|key| text(&key.text()) == field(&case, "unlock-key")));
    }
}

#[test]
fn node_keys_open() {
    for case in cases("node-key.txt") {
        let (dek, file) = (dek(field(&case, "dek")), bytes(&case, "file"));
        assert_eq!(node_key_epoch(&file), Some(dek.epoch()));
        let opened = dek.open_node_key(field(&case, "cluster"), field(&case, "node"), &file);
        assert!(opened.is_ok_and(|der| der.equals(&bytes(&case, "der"))));
    }
}

#[test]
fn keys_of_segments_and_snapshots_are_derived_alike() {
    for case in cases("disk-keys.txt") {
        let (dek, cluster, node) = (dek(field(&case, "dek")), field(&case, "cluster"), field(&case, "node"));
        let id = |name| -> [u8; 16] { bytes(&case, name).try_into().expect("16 bytes") };
        let segment = dek.segment_cipher(cluster, node, number(&case, "segment-number"), id("segment-id"));
        let [record, chain] = segment.keys();
        assert_eq!(
            (hex(record).as_str(), hex(chain).as_str()),
            (field(&case, "record-key"), field(&case, "chain-key"))
        );
        let snapshot = dek.snapshot_cipher(cluster, node, id("snapshot-id"));
        assert_eq!(hex(snapshot.key()), field(&case, "snapshot-key"));
        for (name, counter, last) in [("first-chunk", 0, false), ("last-chunk", 258, true)] {
            let opened = snapshot.open_chunk(counter, last, b"head", &bytes(&case, name));
            assert_eq!(opened, Ok(bytes(&case, "chunk")));
        }
    }
}

#[test]
fn shares_combine() {
    for case in cases("shares.txt") {
        let mut collection = ShareCollection::default();
        for share in all(&case, "share") {
            let share = Share::parse(share).expect("a share");
            assert_eq!(text(&share.text()).len(), 78);
            assert_eq!(hex(&share.set()), field(&case, "set"));
            assert_eq!(share.epoch(), number::<u32>(&case, "kek-epoch"));
            assert_eq!(share.threshold(), number::<u8>(&case, "threshold"));
            collection.add(share).expect("of one set");
        }
        let key = collection.combine().expect("enough shares");
        assert_eq!(text(&key.text()), field(&case, "unlock-key"));
    }
}
