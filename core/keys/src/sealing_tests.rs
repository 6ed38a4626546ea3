//! Does a sealed value open where it should and nowhere else? Every other context, key and bent byte is tried.

use super::*;
use crate::chance::SeededChance;

const CONTEXT: SealContext<'_> = SealContext {
    cluster: "c1",
    secret: "s1",
    version: "v1",
};

fn root() -> SealingRoot {
    SealingRoot::generate(&SeededChance::new(1))
}

fn value(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes().to_vec())
}

#[test]
fn opens_to_the_value_and_the_key_of_its_receipt() {
    let sealed = root().seal(&SeededChance::new(2), &CONTEXT, &value("hunter2"));
    assert_eq!((sealed.wrapped_key.len(), sealed.ciphertext.len()), (72, 24 + 7 + 16));
    let opened = root()
        .open(&CONTEXT, &sealed.wrapped_key, &sealed.ciphertext)
        .expect("opens");
    assert!(opened.value.equals(b"hunter2"));
    assert_eq!(
        receipt_digest(opened.digest_key.expose(), b"hunter2"),
        sealed.receipt_digest
    );
    assert_ne!(
        receipt_digest(opened.digest_key.expose(), b"hunter3"),
        sealed.receipt_digest
    );
}

#[test]
fn opens_under_no_other_context_root_or_bytes() {
    let sealed = root().seal(&SeededChance::new(2), &CONTEXT, &value("hunter2"));
    let fails =
        |root: &SealingRoot, context: &SealContext<'_>, key: &[u8], text: &[u8]| root.open(context, key, text).is_err();
    for context in [
        SealContext {
            cluster: "c2",
            ..CONTEXT
        },
        SealContext {
            secret: "s2",
            ..CONTEXT
        },
        SealContext {
            version: "v2",
            ..CONTEXT
        },
        SealContext {
            cluster: "c1s",
            secret: "1",
            ..CONTEXT
        },
    ] {
        assert!(fails(&root(), &context, &sealed.wrapped_key, &sealed.ciphertext));
    }
    let other = SealingRoot::generate(&SeededChance::new(9));
    assert!(fails(&other, &CONTEXT, &sealed.wrapped_key, &sealed.ciphertext));
    for at in 0..sealed.wrapped_key.len() {
        let mut bent = sealed.wrapped_key.clone();
        bent[at] ^= 1;
        assert!(fails(&root(), &CONTEXT, &bent, &sealed.ciphertext));
        assert!(fails(&root(), &CONTEXT, &sealed.wrapped_key[..at], &sealed.ciphertext));
    }
    for at in 0..sealed.ciphertext.len() {
        let mut bent = sealed.ciphertext.clone();
        bent[at] ^= 1;
        assert!(fails(&root(), &CONTEXT, &sealed.wrapped_key, &bent));
        assert!(fails(&root(), &CONTEXT, &sealed.wrapped_key, &sealed.ciphertext[..at]));
    }
}

#[test]
fn nothing_of_equal_values_is_equal_but_the_fingerprint() {
    let chance = SeededChance::new(2);
    let (a, b) = (
        root().seal(&chance, &CONTEXT, &value("x")),
        root().seal(&chance, &CONTEXT, &value("x")),
    );
    assert_eq!(a.fingerprint, b.fingerprint);
    assert_ne!(a.wrapped_key, b.wrapped_key);
    assert_ne!(a.ciphertext, b.ciphertext);
    assert_ne!(a.receipt_digest, b.receipt_digest);
    assert_ne!(a.key_check, b.key_check);
    assert_ne!(a.fingerprint, root().fingerprint("c1", "s2", &value("x")));
    assert_ne!(a.fingerprint, root().fingerprint("c1", "s1", &value("y")));
}

#[test]
fn the_root_ca_key_round_trips_within_its_cluster() {
    let sealed = root().seal_root_key(&SeededChance::new(2), "c1", &value("der"));
    assert!(root().open_root_key("c1", &sealed).is_ok_and(|key| key.equals(b"der")));
    assert!(matches!(
        root().open_root_key("c2", &sealed),
        Err(UnsealError::RootKey(_))
    ));
}

#[test]
fn what_is_forwarded_round_trips_within_its_cluster() {
    let sealed = root().seal_forwarded(&SeededChance::new(2), "c1", &value("hunter2"));
    let opened = root().open_forwarded("c1", &sealed);
    assert!(opened.is_ok_and(|opened| opened.equals(b"hunter2")));
    for (cluster, sealed) in [("c2", &sealed[..]), ("c1", &sealed[1..]), ("c1", b"")] {
        let opened = root().open_forwarded(cluster, sealed);
        assert!(matches!(opened, Err(UnsealError::Forwarded(_))));
    }
    assert!(
        root().open_root_key("c1", &sealed).is_err(),
        "it passes for nothing else"
    );
}

#[test]
fn a_join_secret_round_trips_within_its_cluster_and_role() {
    let sealed = root().seal_join_secret(&SeededChance::new(2), "c1", "worker", &value("0123456789abcdef"));
    assert_eq!(sealed.len(), 24 + 16 + 16);
    let opens = |root: &SealingRoot, cluster, role, sealed: &[u8]| {
        let opened = root.open_join_secret(cluster, role, sealed);
        opened.is_ok_and(|secret| secret.equals(b"0123456789abcdef"))
    };
    assert!(opens(&root(), "c1", "worker", &sealed));
    assert!(!opens(&root(), "c2", "worker", &sealed));
    assert!(!opens(&root(), "c1", "manager", &sealed));
    assert!(!opens(&root(), "c1w", "orker", &sealed));
    assert!(!opens(
        &SealingRoot::generate(&SeededChance::new(9)),
        "c1",
        "worker",
        &sealed
    ));
    for at in 0..sealed.len() {
        let mut bent = sealed.clone();
        bent[at] ^= 1;
        assert!(!opens(&root(), "c1", "worker", &bent));
        assert!(!opens(&root(), "c1", "worker", &sealed[..at]));
    }
    // One kind of sealed bytes never passes for another.
    assert!(root().open_root_key("c1", &sealed).is_err());
    let root_key = root().seal_root_key(&SeededChance::new(2), "c1", &value("der"));
    assert!(matches!(
        root().open_join_secret("c1", "worker", &root_key),
        Err(UnsealError::JoinSecret(_))
    ));
}

#[test]
fn the_root_travels_as_32_bytes() {
    let copy = SealingRoot::from_bytes(&root().danger_expose()).expect("32 bytes");
    assert_eq!(copy.check(), root().check());
    assert!(SealingRoot::from_bytes(&SecretBytes::new(vec![0; 31])).is_none());
}
