//! What is a key here? 32 bytes in key memory, wiped on drop, with a check value that may be shown.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::chance::Chance;
use crate::cipher::{bind, derive, mac};
use crate::memory::KeyMemory;
use crate::page::KeySlot;

/// A long-lived 256-bit key. The public newtypes (`Dek`, `SealingRoot`, `UnlockKey`) say which one.
pub(crate) struct Key(KeySlot);

impl Key {
    /// A key that `fill` writes where it will stay, so that there is no other copy of it.
    pub(crate) fn filled(fill: impl FnOnce(&mut [u8; 32])) -> Self {
        let mut slot = KeySlot::new();
        fill(slot.bytes_mut());
        Self(slot)
    }

    pub(crate) fn generate(chance: &dyn Chance) -> Self {
        Self::filled(|key| chance.fill(key))
    }

    pub(crate) fn copy_from(bytes: &[u8; 32]) -> Self {
        Self::filled(|key| key.copy_from_slice(bytes))
    }

    /// HKDF-SHA256 of `ikm`: `info` is the domain and the parts, bound with their lengths.
    pub(crate) fn derived(ikm: &[u8; 32], salt: &[u8], domain: &str, parts: &[&[u8]]) -> Self {
        Self::filled(|key| derive(ikm, salt, &bind(domain, parts), key))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        self.0.bytes()
    }

    /// Four bytes that name the key without telling anything about it: safe to store, send and show.
    pub(crate) fn check(&self) -> [u8; 4] {
        check_of(self.bytes())
    }

    pub(crate) fn equals(&self, other: &Self) -> bool {
        self.bytes().ct_eq(other.bytes()).into()
    }

    pub(crate) fn memory(&self) -> KeyMemory {
        self.0.memory()
    }
}

/// The check value of any 32-byte key.
pub(crate) fn check_of(key: &[u8; 32]) -> [u8; 4] {
    let tag = Zeroizing::new(mac(key, &[b"wardroom/check/v1"]));
    [tag[0], tag[1], tag[2], tag[3]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::SeededChance;

    #[test]
    fn check_values_tell_keys_apart() {
        let chance = SeededChance::new(1);
        let (a, b) = (Key::generate(&chance), Key::generate(&chance));
        assert_ne!(a.check(), b.check());
        assert!(!a.equals(&b));
        assert!(a.equals(&Key::copy_from(a.bytes())));
        assert_eq!(a.check(), check_of(a.bytes()));
    }
}
