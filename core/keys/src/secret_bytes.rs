//! How does plaintext travel inside a process? In bytes that cannot be printed, copied by accident, or left behind.

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// Plaintext of any length. Wiped on drop; no `Debug`, `Clone` or `Serialize`.
#[derive(Default)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes over `bytes` without copying them: the same allocation, spare capacity included, is wiped on drop.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The plaintext. Named so that every place that looks is found by one search.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares in a time that depends on the lengths only.
    pub fn equals(&self, other: &[u8]) -> bool {
        self.0.ct_eq(other).into()
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_needs_the_same_bytes_and_length() {
        let value = SecretBytes::new(b"abc".to_vec());
        assert!(value.equals(b"abc"));
        assert!(!value.equals(b"abd"));
        assert!(!value.equals(b"abcd"));
        assert!(!value.equals(b""));
    }

    #[test]
    fn takes_the_allocation_over() {
        let bytes = Vec::from(*b"no copy is left behind");
        let address = bytes.as_ptr();
        assert_eq!(SecretBytes::new(bytes).expose().as_ptr(), address);
    }
}
