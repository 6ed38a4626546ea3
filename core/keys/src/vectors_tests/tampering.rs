//! Can a file be changed and still be taken for whole? Exhaustively: every bit, every length, and parts moved between files.

use super::*;

/// Every copy of `good` with one bit flipped, with the byte that it is in.
fn each_bit(good: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> + '_ {
    (0..good.len() * 8).map(|bit| {
        let mut bent = good.to_vec();
        bent[bit / 8] ^= 1 << (bit % 8);
        (bit / 8, bent)
    })
}

fn keyrings() -> Vec<Case> {
    let mut all = cases("keyring-1.txt");
    all.extend(cases("keyring-2.txt"));
    all
}

/// Opens other bytes in place of a case's file.
fn open_instead(case: &Case, file: &[u8]) -> Result<Keyring, KeyringError> {
    let key = UnlockKey::parse(field(case, "unlock-key")).expect("an unlock key");
    let file = KeyringFile::decode(file)?;
    let (cluster, node) = (field(case, "cluster"), field(case, "node"));
    if file.is_locked() {
        Keyring::unlock(file, &key, cluster, node)
    } else {
        Keyring::open(file, cluster, node)
    }
}

fn refusal(case: &Case, file: &[u8], what: &str) -> KeyringError {
    let error = open_instead(case, file).err();
    error.unwrap_or_else(|| panic!("{}: {what} went unnoticed", field(case, "case")))
}

#[test]
fn every_bit_of_a_keyring_counts() {
    for case in keyrings() {
        let good = bytes(&case, "file");
        assert!(open_instead(&case, &good).is_ok(), "the control");
        let autolock = field(&case, "autolock") == "on";
        let ids = 28..28 + 2 + field(&case, "cluster").len() + field(&case, "node").len();
        for (at, bent) in each_bit(&good) {
            let error = refusal(&case, &bent, &format!("a bit of byte {at}"));
            let is_right = match at {
                0..8 => error == KeyringError::NotAKeyring,
                8..10 => matches!(error, KeyringError::Newer { .. } | KeyringError::Damaged),
                // With autolock on, an operator's key is held against the check value.
                16..20 if autolock => error == KeyringError::WrongKey,
                at if ids.contains(&at) => matches!(
                    error,
                    KeyringError::OtherCluster { .. } | KeyringError::OtherNode { .. } | KeyringError::Damaged
                ),
                // Also in the clear KEK: nobody gave a key that could be wrong.
                _ => error == KeyringError::Damaged,
            };
            assert!(is_right, "{}: byte {at}: {error:?}", field(&case, "case"));
        }
    }
}

#[test]
fn a_keyring_of_any_other_length_is_refused() {
    for case in keyrings() {
        let good = bytes(&case, "file");
        for len in 0..good.len() {
            assert_eq!(
                refusal(&case, &good[..len], "a cut"),
                KeyringError::Damaged,
                "{len} bytes"
            );
        }
        for more in 1..=256 {
            let longer = [good.as_slice(), &vec![0; more]].concat();
            assert_eq!(refusal(&case, &longer, "more bytes"), KeyringError::Damaged);
        }
    }
}

#[test]
fn parts_of_other_keyrings_do_not_fit() {
    let cases = cases("keyring-2.txt");
    // The same manager under the same unlock key before and while it rotates its DEK: whatever of the older file is put
    // into the newer one, also as a whole field, is noticed.
    let (old, new) = (&cases[1], &cases[2]);
    let (old_file, new_file) = (bytes(old, "file"), bytes(new, "file"));
    let (root, slot) = (28 + 9 + 6, 28 + 9 + 6 + 72);
    let (slot_len, mac_len) = (96, 32);
    let put = |range: std::ops::Range<usize>, part: &[u8]| {
        let mut mixed = new_file.clone();
        mixed[range].copy_from_slice(part);
        mixed
    };
    let last = new_file.len() - mac_len;
    let old_last = old_file.len() - mac_len;
    let mixtures = [
        ("root", put(root..slot, &old_file[root..slot])),
        (
            "first slot",
            put(slot..slot + slot_len, &old_file[slot..slot + slot_len]),
        ),
        (
            "an old slot as the new one",
            put(slot + slot_len..last, &old_file[slot..slot + slot_len]),
        ),
        ("commitment", put(last..new_file.len(), &old_file[old_last..])),
        ("header", put(0..28, &old_file[..28])),
    ];
    for (what, mixed) in mixtures {
        if mixed != new_file {
            assert_eq!(refusal(new, &mixed, what), KeyringError::Damaged, "{what}");
        }
    }
    let mut swapped = new_file.clone();
    let (first, second) = swapped[slot..last].split_at_mut(slot_len);
    first.swap_with_slice(second);
    assert_eq!(
        refusal(new, &swapped, "slots the other way round"),
        KeyringError::Damaged
    );
    let without = [&new_file[..11], &[1], &new_file[12..slot + slot_len], &new_file[last..]].concat();
    assert_eq!(
        refusal(new, &without, "the pending slot left out"),
        KeyringError::Damaged
    );
}

#[test]
fn every_bit_and_every_length_of_a_node_key_counts() {
    for case in cases("node-key.txt") {
        let (dek, good) = (dek(field(&case, "dek")), bytes(&case, "file"));
        let open = |file: &[u8]| dek.open_node_key(field(&case, "cluster"), field(&case, "node"), file);
        assert!(open(&good).is_ok(), "the control");
        for (at, bent) in each_bit(&good) {
            let error = open(&bent)
                .err()
                .unwrap_or_else(|| panic!("a bit of byte {at} went unnoticed"));
            let is_right = match at {
                0..8 => error == NodeKeyError::NotANodeKey,
                8..10 => matches!(error, NodeKeyError::Newer { .. } | NodeKeyError::Damaged),
                10..14 => matches!(error, NodeKeyError::OtherEpoch { .. }),
                _ => error == NodeKeyError::Damaged,
            };
            assert!(is_right, "byte {at}: {error:?}");
        }
        for len in 0..good.len() {
            assert!(open(&good[..len]).is_err(), "{len} bytes went through");
        }
        let longer = [good.as_slice(), &[0]].concat();
        assert_eq!(open(&longer).err(), Some(NodeKeyError::Damaged));
    }
}

#[test]
fn every_bit_of_a_sealed_unlock_key_counts() {
    for case in cases("sealed.txt") {
        let (root, cluster, epoch) = (root(&case), field(&case, "cluster"), number::<u32>(&case, "kek-epoch"));
        let good = bytes(&case, "sealed-unlock-key");
        assert!(root.open_unlock_key(cluster, epoch, &good).is_ok(), "the control");
        assert!(root.open_unlock_key(cluster, epoch + 1, &good).is_err());
        assert!(root.open_unlock_key("cluster2", epoch, &good).is_err());
        for (at, bent) in each_bit(&good) {
            assert!(root.open_unlock_key(cluster, epoch, &bent).is_err(), "byte {at}");
        }
        for len in 0..good.len() {
            assert!(
                root.open_unlock_key(cluster, epoch, &good[..len]).is_err(),
                "{len} bytes"
            );
        }
        // One kind of sealed bytes never passes for another.
        for other in ["wrapped-key", "sealed-root-key", "sealed-join-secret"] {
            assert!(
                root.open_unlock_key(cluster, epoch, &bytes(&case, other)).is_err(),
                "{other}"
            );
        }
        assert!(root.open_root_key(cluster, &good).is_err());
    }
}

#[test]
fn every_character_of_a_share_counts() {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let cases = cases("shares.txt");
    let good = field(&cases[0], "share");
    assert!(Share::parse(good).is_ok(), "the control");
    let refused = |bent: &[u8]| {
        let bent = std::str::from_utf8(bent).expect("ascii");
        Share::parse(bent)
            .err()
            .unwrap_or_else(|| panic!("{bent} was accepted"))
    };
    for at in 11..good.len() {
        for &digit in DIGITS {
            let mut bent = good.as_bytes().to_vec();
            bent[at] = digit;
            if bent != good.as_bytes() {
                assert_eq!(refused(&bent), ShareError::Mistyped, "character {at}");
            }
        }
        let mut swapped = good.as_bytes().to_vec();
        swapped.swap(at - 1, at);
        if swapped != good.as_bytes() {
            refused(&swapped);
        }
    }
    for len in 0..good.len() {
        assert_eq!(refused(&good.as_bytes()[..len]), ShareError::NotAShare);
    }
}
