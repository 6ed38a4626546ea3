//! Does a keyring survive its file, and only its own? Round trips, damage, wrong owners, locking, DEK rotation.
#![allow(clippy::unwrap_used)] // a test that unwraps wrongly fails, which is its purpose

use wardroom_keys::{KEYRING_FORMAT, Keyring, KeyringError, KeyringFile, SealingRoot, SeededChance, UnlockKey};

fn keyring() -> Keyring {
    let chance = SeededChance::new(5);
    Keyring::create(
        &chance,
        "cluster1",
        "node1",
        &SealingRoot::generate(&chance),
        1_700_000_000_000,
    )
}

fn bytes_of(keyring: &Keyring) -> Vec<u8> {
    keyring.encode().expose().to_vec()
}

fn open(bytes: &[u8]) -> Result<Keyring, KeyringError> {
    Keyring::open(KeyringFile::decode(bytes)?, "cluster1", "node1")
}

fn error_of(result: Result<Keyring, KeyringError>) -> KeyringError {
    result.err().expect("must be refused")
}

#[test]
fn a_keyring_comes_back_with_the_same_keys() {
    let made = keyring();
    let read = open(&bytes_of(&made)).expect("opens");
    assert_eq!(read.status(), made.status());
    assert_eq!(read.dek().check(), made.dek().check());
    assert_eq!(read.sealing_root().check(), made.sealing_root().check());
    assert!(read.unlock_key().equals(&made.unlock_key()));
    assert_eq!(
        (read.cluster(), read.node(), read.created_at_ms()),
        ("cluster1", "node1", 1_700_000_000_000)
    );
    assert_eq!(bytes_of(&read), bytes_of(&made));
}

#[test]
fn a_manager_that_joins_has_the_clusters_keys_and_a_disk_key_of_its_own() {
    let first = keyring();
    let chance = SeededChance::new(6);
    let (root, kek) = (first.sealing_root(), first.unlock_key());
    let joined = Keyring::join(&chance, "cluster1", "node2", &root, &kek, 3, 9);
    assert_eq!(joined.sealing_root().check(), root.check());
    assert!(joined.unlock_key().equals(&kek));
    assert_eq!((joined.status().kek_epoch, joined.created_at_ms()), (3, 9));
    assert_ne!(joined.dek().check(), first.dek().check());
    let file = KeyringFile::decode(&bytes_of(&joined)).unwrap();
    assert!(Keyring::unlock(file, &kek, "cluster1", "node2").is_ok());
}

#[test]
fn refusals_say_whose_it_is_and_what_to_do() {
    let good = bytes_of(&keyring());
    let file = || KeyringFile::decode(&good).unwrap();
    let other = error_of(Keyring::open(file(), "cluster2", "node1")).to_string();
    assert!(
        other.contains("belongs to cluster cluster1, not to cluster2"),
        "{other}"
    );
    let other = error_of(Keyring::open(file(), "cluster1", "node2")).to_string();
    assert!(other.contains("belongs to node node1, not to node2"), "{other}");

    let mut newer = good.clone();
    newer[8..10].copy_from_slice(&(KEYRING_FORMAT + 1).to_le_bytes());
    assert_eq!(
        error_of(open(&newer)),
        KeyringError::Newer {
            format: KEYRING_FORMAT + 1
        }
    );
    assert_eq!(
        error_of(open(b"-----BEGIN EC PRIVATE KEY-----")),
        KeyringError::NotAKeyring
    );
}

#[test]
fn autolock_takes_the_key_out_of_the_file() {
    let mut keyring = keyring();
    let key = keyring.unlock_key().text();
    let key = UnlockKey::parse(std::str::from_utf8(key.expose()).unwrap()).unwrap();
    let clear = bytes_of(&keyring);
    let kek = &clear[clear.len() - 32..];
    keyring.set_autolock(true);
    let locked = bytes_of(&keyring);
    assert!(!locked.windows(32).any(|window| window == kek));
    assert_eq!(error_of(open(&locked)), KeyringError::Locked);

    let file = || KeyringFile::decode(&locked).unwrap();
    let read = Keyring::unlock(file(), &key, "cluster1", "node1").expect("the right key opens");
    assert!(read.status().autolock);
    assert_eq!(read.dek().check(), keyring.dek().check());
    let wrong = UnlockKey::generate(&SeededChance::new(99));
    let error = error_of(Keyring::unlock(file(), &wrong, "cluster1", "node1"));
    assert_eq!(error, KeyringError::WrongKey);

    keyring.set_autolock(false);
    assert!(open(&bytes_of(&keyring)).is_ok());
}

#[test]
fn a_new_unlock_key_opens_and_the_one_before_no_longer_does() {
    let chance = SeededChance::new(8);
    let mut keyring = keyring();
    keyring.begin_dek_rotation(&chance, 1, 5);
    let (old, new) = (keyring.unlock_key(), UnlockKey::generate(&chance));
    let (deks, root) = (
        [1, 2].map(|epoch| keyring.dek_of(epoch).unwrap().check()),
        keyring.sealing_root(),
    );
    keyring.rewrap(&chance, &new, 2, true);
    let locked = bytes_of(&keyring);
    let unlock = |key| Keyring::unlock(KeyringFile::decode(&locked).unwrap(), key, "cluster1", "node1");
    assert_eq!(error_of(unlock(&old)), KeyringError::WrongKey);
    let read = unlock(&new).expect("the new key opens");
    assert_eq!(read.status(), keyring.status());
    assert_eq!((read.status().kek_epoch, read.status().autolock), (2, true));
    assert_eq!([1, 2].map(|epoch| read.dek_of(epoch).unwrap().check()), deks);
    assert_eq!(read.sealing_root().check(), root.check());
    keyring.rewrap(&chance, &new, 2, false);
    assert!(open(&bytes_of(&keyring)).is_ok());
}

#[test]
fn a_dek_rotation_keeps_both_until_it_ends() {
    let chance = SeededChance::new(6);
    let mut keyring = keyring();
    let old = keyring.dek().check();
    assert!(keyring.begin_dek_rotation(&chance, 4, 5));
    assert!(!keyring.begin_dek_rotation(&chance, 5, 6));
    let keyring = open(&bytes_of(&keyring)).expect("two slots");
    assert_eq!(keyring.status().pending_dek_epoch, Some(2));
    assert_eq!(
        (keyring.status().dek_order, keyring.status().pending_dek_order),
        (0, Some(4))
    );
    assert_eq!(keyring.dek().epoch(), 2);
    assert_eq!(keyring.dek_of(1).unwrap().check(), old);

    let mut keyring = keyring;
    assert!(keyring.finish_dek_rotation(&chance));
    assert!(!keyring.finish_dek_rotation(&chance));
    let keyring = open(&bytes_of(&keyring)).expect("one slot");
    assert_eq!((keyring.status().dek_epoch, keyring.status().dek_created_at_ms), (2, 5));
    assert_eq!(
        (keyring.status().dek_order, keyring.status().pending_dek_order),
        (4, None)
    );
    assert!(keyring.dek_of(1).is_none());
}

#[test]
fn two_keyrings_of_one_cluster_share_the_root_only() {
    let chance = SeededChance::new(7);
    let root = SealingRoot::generate(&chance);
    let a = Keyring::create(&chance, "cluster1", "node1", &root, 0);
    let b = Keyring::create(&chance, "cluster1", "node2", &root, 0);
    assert_eq!(a.sealing_root().check(), b.sealing_root().check());
    assert_ne!(a.dek().check(), b.dek().check());
}
