//! Can a secret be printed, copied or compared carelessly? The compiler must say no: this file fails to build if it can.

/// Compiles only while `$type` implements none of the traits: an implementation makes the call below ambiguous.
macro_rules! implements_none_of {
    ($type:ty: $($trait:path),+) => {$(
        const _: fn() = || {
            trait Ambiguous<Witness> { fn pick() {} }
            impl<T: ?Sized> Ambiguous<()> for T {}
            struct Implemented;
            impl<T: ?Sized + $trait> Ambiguous<Implemented> for T {}
            let _ = <$type as Ambiguous<_>>::pick;
        };
    )+};
}

macro_rules! secret_types {
    ($($type:ty),+ $(,)?) => {$(
        implements_none_of!(
            $type: std::fmt::Debug, std::fmt::Display, Clone, PartialEq, AsRef<[u8]>, std::ops::Deref<Target = [u8]>
        );
    )+};
}

secret_types!(
    wardroom_keys::SecretBytes,
    wardroom_keys::SealingRoot,
    wardroom_keys::Opened,
    wardroom_keys::UnlockKey,
    wardroom_keys::Dek,
    wardroom_keys::SegmentCipher,
    wardroom_keys::SnapshotCipher,
    wardroom_keys::Keyring,
    wardroom_keys::KeyringFile,
    wardroom_keys::SharedKeyring,
    wardroom_keys::Share,
    wardroom_keys::ShareCollection,
);

#[test]
fn secret_types_wipe_themselves() {
    assert!(std::mem::needs_drop::<wardroom_keys::SecretBytes>());
    assert!(std::mem::needs_drop::<wardroom_keys::SealingRoot>());
    assert!(std::mem::needs_drop::<wardroom_keys::UnlockKey>());
    assert!(std::mem::needs_drop::<wardroom_keys::Dek>());
    assert!(std::mem::needs_drop::<wardroom_keys::Keyring>());
}
