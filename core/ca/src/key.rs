//! What are the keys of nodes and roots? Ed25519 in PKCS#8. Its signatures have one length, which keeps simulated traffic
//! the same from run to run.

use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData, SignatureAlgorithm};
use rustls::pki_types::PrivatePkcs8KeyDer;
use sha2::{Digest, Sha256};
use wardroom_keys::{Chance, SecretBytes};
use zeroize::Zeroizing;

use crate::certificate::hex;

/// PKCS#8 version 1 around a 32-byte Ed25519 seed (RFC 8410, section 7): the seed follows.
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
const SEED_BYTES: usize = 32;

/// A fresh private key, PKCS#8 DER.
pub(crate) fn new_key(chance: &dyn Chance) -> SecretBytes {
    let mut der = Vec::with_capacity(PKCS8.len() + SEED_BYTES);
    der.extend_from_slice(&PKCS8);
    der.resize(PKCS8.len() + SEED_BYTES, 0);
    chance.fill(&mut der[PKCS8.len()..]);
    SecretBytes::new(der)
}

/// The pair behind a private key in PKCS#8 DER.
pub(crate) fn key_pair(key: &SecretBytes) -> Result<Zeroizing<KeyPair>, rcgen::Error> {
    let der = PrivatePkcs8KeyDer::from(key.expose());
    Ok(Zeroizing::new(KeyPair::from_pkcs8_der_and_sign_algo(
        &der,
        &PKCS_ED25519,
    )?))
}

/// Somebody else's public key, Ed25519.
pub(crate) struct PublicKey(pub(crate) [u8; 32]);

impl PublicKeyData for PublicKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

/// SHA-256 of the `SubjectPublicKeyInfo`'s DER, hex: the same for every certificate of one key.
pub(crate) fn key_fingerprint(key: &impl PublicKeyData) -> String {
    hex(&Sha256::digest(key.subject_public_key_info()))
}
