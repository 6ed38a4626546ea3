//! How are bytes sealed? XChaCha20-Poly1305, HKDF-SHA256 and HMAC-SHA256, and one way to bind context to them.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::chance::Chance;

/// Bytes of a nonce.
pub const NONCE_LEN: usize = 24;
/// Bytes a ciphertext is longer than its plaintext.
pub const TAG_LEN: usize = 16;
pub type Nonce = [u8; NONCE_LEN];

/// The bytes were not made with this key and this context. Says no more by intent: it must not become an oracle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the bytes do not authenticate under this key and context")]
pub struct OpenError;

/// Ciphertext followed by the tag.
pub(crate) fn seal(key: &[u8; 32], nonce: &Nonce, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    XChaCha20Poly1305::new(key.into())
        .encrypt(nonce.into(), Payload { msg: plaintext, aad })
        .expect("plaintexts are far below the cipher's 256 GiB")
}

pub(crate) fn open(key: &[u8; 32], nonce: &Nonce, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    XChaCha20Poly1305::new(key.into())
        .decrypt(nonce.into(), Payload { msg: sealed, aad })
        .map_err(|_| OpenError)
}

/// `nonce | ciphertext | tag` under a fresh random nonce.
pub(crate) fn seal_random(key: &[u8; 32], chance: &dyn Chance, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut nonce = [0; NONCE_LEN];
    chance.fill(&mut nonce);
    let mut out = nonce.to_vec();
    out.extend_from_slice(&seal(key, &nonce, aad, plaintext));
    out
}

/// Opens what [`seal_random`] made.
pub(crate) fn open_random(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(OpenError)?;
    open(key, nonce, aad, rest)
}

/// HMAC-SHA256 over the parts, one after the other.
pub(crate) fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// HKDF-SHA256 into 32 bytes.
pub(crate) fn derive(ikm: &[u8; 32], salt: &[u8], info: &[u8], out: &mut [u8; 32]) {
    Hkdf::<Sha256>::new(Some(salt), ikm)
        .expand(info, out)
        .expect("32 bytes is one HKDF block");
}

/// A domain and its parts as one byte string that only they can make: each is preceded by its length (u32 LE).
pub(crate) fn bind(domain: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    for part in std::iter::once(domain.as_bytes()).chain(parts.iter().copied()) {
        out.extend_from_slice(
            &u32::try_from(part.len())
                .expect("context parts are short")
                .to_le_bytes(),
        );
        out.extend_from_slice(part);
    }
    out
}

/// Equality of tags in constant time.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ascii"), 16).expect("hex"))
            .collect()
    }

    /// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
    #[test]
    fn xchacha20_poly1305_matches_the_draft() {
        let key: [u8; 32] = std::array::from_fn(|i| 0x80 + u8::try_from(i).expect("small"));
        let nonce: Nonce = std::array::from_fn(|i| 0x40 + u8::try_from(i).expect("small"));
        let aad = hex("50515253 c0c1c2c3 c4c5c6c7");
        let plaintext: &[u8] = b"Ladies and Gentlemen of the class of '99: If I could offer you \
            only one tip for the future, sunscreen would be it.";
        let expected = hex(
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39
             ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9
             21f9664c97637da9768812f615c68b13b52e c0875924c1c7987947deafd8780acf49",
        );
        assert_eq!(seal(&key, &nonce, &aad, plaintext), expected);
        assert_eq!(open(&key, &nonce, &aad, &expected).as_deref(), Ok(plaintext));
        for bit in 0..expected.len() * 8 {
            let mut bent = expected.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&key, &nonce, &aad, &bent), Err(OpenError));
        }
    }

    /// RFC 4231, test case 2.
    #[test]
    fn hmac_matches_the_rfc() {
        let expected = hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert_eq!(mac(b"Jefe", &[b"what do ya want ", b"for nothing?"]).to_vec(), expected);
    }

    #[test]
    fn bound_parts_cannot_be_shifted_into_each_other() {
        assert_ne!(bind("d", &[b"ab", b"c"]), bind("d", &[b"a", b"bc"]));
        assert_ne!(bind("d", &[b"ab"]), bind("da", &[b"b"]));
        assert_ne!(bind("d", &[b""]), bind("d", &[]));
    }

    #[test]
    fn too_short_to_hold_a_nonce_is_an_error() {
        for len in 0..NONCE_LEN + TAG_LEN {
            assert_eq!(open_random(&[0; 32], b"", &vec![0; len]), Err(OpenError));
        }
    }
}
