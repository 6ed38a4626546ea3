//! Do the files of every format still open, byte for byte? Checked-in vectors, which `tests/formats/keys.py` reads too.
#![allow(clippy::unwrap_used)] // a test that unwraps wrongly fails, which is its purpose

use std::path::Path;

use wardroom_keys::{KEYRING_FORMAT, Keyring, KeyringFile, UnlockKey};

/// The cases of a file: blocks of `name: value` lines, in their order. `#` begins a comment.
fn cases(file: &str) -> Vec<Vec<(String, String)>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines
        .split(|line| line.is_empty())
        .filter(|block| !block.is_empty())
        .map(|block| {
            let pairs = block.iter().map(|line| line.split_once(": ").unwrap());
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        })
        .collect()
}

fn field<'a>(case: &'a [(String, String)], name: &str) -> &'a str {
    let found = case.iter().find(|(key, _)| key == name);
    &found.unwrap_or_else(|| panic!("no {name} in {case:?}")).1
}

fn hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text}");
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// Opens the keyring of a case and compares all that may be seen of it from outside.
fn check_keyring(case: &[(String, String)]) -> Keyring {
    let name = field(case, "case");
    let (cluster, node) = (field(case, "cluster"), field(case, "node"));
    let key = UnlockKey::parse(field(case, "unlock-key")).unwrap();
    let file = KeyringFile::decode(&hex(field(case, "file"))).unwrap();
    let keyring = if field(case, "autolock") == "on" {
        Keyring::unlock(file, &key, cluster, node)
    } else {
        Keyring::open(file, cluster, node)
    };
    let keyring = keyring.unwrap_or_else(|error| panic!("{name}: {error}"));
    let status = keyring.status();
    assert_eq!(status.autolock, field(case, "autolock") == "on", "{name}");
    assert_eq!(status.kek_epoch.to_string(), field(case, "kek-epoch"), "{name}");
    assert_eq!(
        keyring.created_at_ms().to_string(),
        field(case, "created-at-ms"),
        "{name}"
    );
    assert!(keyring.unlock_key().equals(&key), "{name}");
    let root = keyring.sealing_root().danger_expose();
    assert!(root.equals(&hex(field(case, "sealing-root"))), "{name}");
    let deks: Vec<&str> = case
        .iter()
        .filter(|(key, _)| key == "dek")
        .map(|(_, value)| value.as_str())
        .collect();
    let held = [Some(status.dek_epoch), status.pending_dek_epoch];
    assert_eq!(deks.len(), held.iter().flatten().count(), "{name}");
    for (epoch, text) in held.into_iter().flatten().zip(deks) {
        let dek = keyring.dek_of(epoch).unwrap();
        let [wanted_epoch, order, created, _key] = text.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{name}: {text}");
        };
        assert_eq!(epoch.to_string(), wanted_epoch, "{name}");
        assert_eq!(dek.order().to_string(), order, "{name}");
        assert_eq!(dek.created_at_ms().to_string(), created, "{name}");
    }
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
        let file = KeyringFile::decode(written.expose()).unwrap();
        let key = keyring.unlock_key();
        let again = Keyring::unlock(file, &key, field(&case, "cluster"), field(&case, "node")).unwrap();
        assert_eq!(again.status(), keyring.status());
    }
}
