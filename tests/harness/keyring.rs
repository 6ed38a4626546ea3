//! Which keys does a manager work with? Read from its keyring file with nothing but the page that specifies it,
//! `core/keys/FORMAT.md`, so that a test can look for them where they must not be.

use std::path::Path;

use base64::Engine;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use hkdf::Hkdf;
use sha2::Sha256;

type Key = [u8; 32];

/// All that the file leads to.
pub struct Keys {
    pub unlock_key: Key,
    pub sealing_root: Key,
    /// The current one, and the one of a rotation under way.
    pub deks: Vec<Key>,
}

impl Keys {
    /// Of a keyring in format 2. A locked one needs the unlock key's text.
    pub fn read(file: &Path, unlock_key: Option<&str>) -> Self {
        let bytes = std::fs::read(file).unwrap();
        let mut rest = bytes.as_slice();
        assert_eq!(take(&mut rest, 10), b"WRDKEYRG\x02\x00");
        let [autolock, slots] = take(&mut rest, 2) else {
            unreachable!()
        };
        let kek_epoch = take(&mut rest, 4);
        take(&mut rest, 12);
        let [cluster, node] = [0, 1].map(|_| {
            let length = take(&mut rest, 1)[0];
            take(&mut rest, length.into())
        });
        let unlock_key: Key = match unlock_key {
            Some(text) => from_text(text),
            None if *autolock == 0 => *bytes.last_chunk().unwrap(),
            None => panic!("{} is locked", file.display()),
        };
        let wrap = hkdf(&unlock_key, &bind("wardroom/kek-wrap/v1", &[]));
        let open = |domain, epoch: &[u8], wrapped| unwrap(&wrap, &bind(domain, &[cluster, node, epoch]), wrapped);
        let sealing_root = open("wardroom/sealing-root/v1", kek_epoch, take(&mut rest, 72));
        let deks = (0..*slots).map(|_| {
            let slot = take(&mut rest, 96);
            open("wardroom/dek/v1", &slot[..4], &slot[24..])
        });
        Self {
            unlock_key,
            sealing_root,
            deks: deks.collect(),
        }
    }

    /// `SWMKEY-1-...`, as operators have it.
    pub fn unlock_key_text(&self) -> String {
        let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(self.unlock_key);
        format!("SWMKEY-1-{text}")
    }

    /// Each by its name.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &Key)> {
        let deks = self.deks.iter().map(|dek| ("DEK", dek));
        [("unlock key", &self.unlock_key), ("sealing root", &self.sealing_root)]
            .into_iter()
            .chain(deks)
    }
}

fn from_text(text: &str) -> Key {
    let text = text.trim().strip_prefix("SWMKEY-1-").unwrap();
    let bytes = base64::engine::general_purpose::STANDARD_NO_PAD.decode(text).unwrap();
    bytes.try_into().unwrap()
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, after) = rest.split_at(count);
    *rest = after;
    taken
}

fn bind(domain: &str, parts: &[&[u8]]) -> Vec<u8> {
    let all = std::iter::once(domain.as_bytes()).chain(parts.iter().copied());
    all.flat_map(|part| [&u32::try_from(part.len()).unwrap().to_le_bytes(), part].concat())
        .collect()
}

fn hkdf(key: &Key, info: &[u8]) -> Key {
    let mut out = [0; 32];
    Hkdf::<Sha256>::new(Some(b""), key).expand(info, &mut out).unwrap();
    out
}

fn unwrap(key: &Key, aad: &[u8], wrapped: &[u8]) -> Key {
    let (nonce, msg) = wrapped.split_first_chunk::<24>().unwrap();
    let opened = XChaCha20Poly1305::new(key.into()).decrypt(nonce.into(), Payload { msg, aad });
    opened.expect("the key opens it").try_into().unwrap()
}

#[cfg(test)]
mod tests {
    use wardroom_keys::{Keyring, SealingRoot, SeededChance};

    use super::*;

    #[test]
    fn the_keys_are_those_that_were_put_in() {
        let chance = SeededChance::new(1);
        let root = SealingRoot::generate(&chance);
        let mut keyring = Keyring::create(&chance, "c1", "n1", &root, 0);
        assert!(keyring.begin_dek_rotation(&chance, 1, 0));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), keyring.encode().expose()).unwrap();
        let keys = Keys::read(file.path(), None);
        assert!(root.danger_expose().equals(&keys.sealing_root));
        assert_eq!(keys.deks.len(), 2);
        let text = keys.unlock_key_text();
        assert!(keyring.unlock_key().text().equals(text.as_bytes()));
        keyring.set_autolock(true);
        std::fs::write(file.path(), keyring.encode().expose()).unwrap();
        assert_eq!(Keys::read(file.path(), Some(&text)).sealing_root, keys.sealing_root);
    }
}
