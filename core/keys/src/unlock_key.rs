//! How does an operator write an unlock key down? As Docker does: `SWMKEY-1-` and 32 bytes in unpadded base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::chance::Chance;
use crate::key::Key;
use crate::memory::KeyMemory;
use crate::secret_bytes::SecretBytes;

const PREFIX: &str = "SWMKEY-1-";

/// The key-encryption key (KEK): unlocks a manager's keyring.
pub struct UnlockKey(Key);

/// The text is no unlock key. Docker's words; the text itself is never repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("invalid key string")]
pub struct UnlockKeyError;

impl UnlockKey {
    pub fn generate(chance: &dyn Chance) -> Self {
        Self(Key::generate(chance))
    }

    /// Reads the text form; blanks and line ends around it are allowed, for it is typed and pasted.
    pub fn parse(text: &str) -> Result<Self, UnlockKeyError> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(UnlockKeyError)?;
        let bytes = Zeroizing::new(STANDARD_NO_PAD.decode(encoded).map_err(|_| UnlockKeyError)?);
        let key: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| UnlockKeyError)?;
        Ok(Self(Key::copy_from(key)))
    }

    /// The text form, UTF-8. It is the key itself: show it to its owner and let go of it.
    pub fn text(&self) -> SecretBytes {
        let mut text = vec![0; PREFIX.len() + 43]; // one allocation, so that no partial copy is left behind
        text[..PREFIX.len()].copy_from_slice(PREFIX.as_bytes());
        STANDARD_NO_PAD
            .encode_slice(self.0.bytes(), &mut text[PREFIX.len()..])
            .expect("32 bytes are 43 characters of base64");
        SecretBytes::new(text)
    }

    /// Names the key without telling anything about it.
    pub fn check(&self) -> [u8; 4] {
        self.0.check()
    }

    pub fn equals(&self, other: &Self) -> bool {
        self.0.equals(&other.0)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        self.0.bytes()
    }

    pub(crate) fn memory(&self) -> KeyMemory {
        self.0.memory()
    }

    pub(crate) fn from_key(key: Key) -> Self {
        Self(key)
    }

    pub(crate) fn copy_from(bytes: &[u8; 32]) -> Self {
        Self(Key::copy_from(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::SeededChance;

    #[test]
    fn the_text_form_is_dockers() {
        let key = UnlockKey::copy_from(&[0; 32]);
        assert!(
            key.text()
                .equals(b"SWMKEY-1-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
        );
    }

    #[test]
    fn round_trips() {
        let key = UnlockKey::generate(&SeededChance::new(3));
        let text = key.text();
        let text = std::str::from_utf8(text.expose()).expect("ascii");
        assert!(UnlockKey::parse(text).is_ok_and(|read| read.equals(&key)));
        assert!(UnlockKey::parse(&format!(" {text}\n")).is_ok_and(|read| read.equals(&key)));
    }

    #[test]
    fn anything_else_is_an_invalid_key_string() {
        let good = "SWMKEY-1-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let bad = [
            "",
            "SWMKEY-1-",
            "SWMKEY-2-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "swmkey-1-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            &good[..good.len() - 1],
            &format!("{good}="),
            &format!("{good}A"),
            &good.replace("AAA", "A!A"),
        ];
        for text in bad {
            let error = UnlockKey::parse(text).err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), Some("invalid key string"), "{text:?}");
        }
    }
}
