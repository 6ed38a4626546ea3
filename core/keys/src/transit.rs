//! How does a value pass through buffers that nobody wipes? Sealed once more between the leader and the worker's agent.
//!
//! TLS protects the wire, but TLS, HTTP/2 and gRPC keep what they decrypted in buffers that live as long as the connection,
//! and show it to whoever reads the memory of either process long after the value was destroyed. So both ends agree on a
//! key per stream (X25519, fresh on both sides, authenticated by the TLS around it), and every value has a key of its own
//! that both forget in the same step: what stays in a buffer cannot be opened by anybody any more.

use subtle::ConstantTimeEq;
use thiserror::Error;
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};
use zeroize::Zeroizing;

use crate::chance::Chance;
use crate::cipher::{NONCE_LEN, OpenError, bind, derive, open, seal};
use crate::sealing::Opened;
use crate::secret_bytes::SecretBytes;

/// Bytes of a receipt key, which travels before its value.
const RECEIPT_KEY_LEN: usize = 32;

/// On the heap, so that moving its owner leaves no copy behind.
#[derive(Default)]
struct HeldKey(Box<Zeroizing<[u8; 32]>>);

impl HeldKey {
    fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn bytes_mut(&mut self) -> &mut [u8; 32] {
        &mut self.0
    }
}

/// Why a stream cannot carry values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TransitError {
    #[error("the other end's key for values on their way is none; are both ends of the same version of wardroom?")]
    Key,
    #[error("a value was not sealed for this stream, or not at this place of it")]
    Value(#[source] OpenError),
}

/// One end's half of the agreement. It is used up by the other end's half.
pub struct TransitOffer {
    secret: HeldKey,
    public: [u8; 32],
}

impl TransitOffer {
    pub fn new(chance: &dyn Chance) -> Self {
        let mut secret = HeldKey::default();
        chance.fill(secret.bytes_mut());
        let public = x25519(*secret.bytes(), X25519_BASEPOINT_BYTES);
        Self { secret, public }
    }

    /// What the other end needs to know. No secret.
    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// For the end that sends values, with what the receiver has offered.
    pub fn sealer(self, receiver: &[u8]) -> Result<TransitSealer, TransitError> {
        let receiver = public(receiver)?;
        Ok(TransitSealer(Chain(self.agree(&receiver, &self.public, &receiver)?)))
    }

    /// For the end that receives values, with what the sender has offered.
    pub fn opener(self, sender: &[u8]) -> Result<TransitOpener, TransitError> {
        let sender = public(sender)?;
        Ok(TransitOpener(Chain(self.agree(&sender, &sender, &self.public)?)))
    }

    fn agree(&self, theirs: &[u8; 32], sender: &[u8; 32], receiver: &[u8; 32]) -> Result<HeldKey, TransitError> {
        let shared = Zeroizing::new(x25519(*self.secret.bytes(), *theirs));
        // A point of low order makes a key that everybody knows.
        if shared.ct_eq(&[0; 32]).into() {
            return Err(TransitError::Key);
        }
        let mut chain = HeldKey::default();
        derive(
            &shared,
            b"",
            &bind("wardroom/transit/v1", &[sender, receiver]),
            chain.bytes_mut(),
        );
        Ok(chain)
    }
}

fn public(bytes: &[u8]) -> Result<[u8; 32], TransitError> {
    bytes.try_into().map_err(|_| TransitError::Key)
}

/// The key that the next value's key is made of, and then the next one of these. There is no way back.
struct Chain(HeldKey);

impl Chain {
    fn next(&mut self) -> HeldKey {
        let (mut key, mut after) = (HeldKey::default(), HeldKey::default());
        derive(
            self.0.bytes(),
            b"",
            &bind("wardroom/transit-key/v1", &[]),
            key.bytes_mut(),
        );
        derive(
            self.0.bytes(),
            b"",
            &bind("wardroom/transit-chain/v1", &[]),
            after.bytes_mut(),
        );
        self.0 = after;
        key
    }
}

/// Seals values for one stream, in the order in which they are sent.
pub struct TransitSealer(Chain);

impl TransitSealer {
    /// `version` is the id under which it is delivered.
    pub fn seal(&mut self, version: &str, opened: &Opened) -> Vec<u8> {
        let mut plain = Zeroizing::new(Vec::with_capacity(RECEIPT_KEY_LEN + opened.value.len()));
        plain.extend_from_slice(opened.digest_key.expose());
        plain.extend_from_slice(opened.value.expose());
        // The key seals this and nothing else, so the nonce may be a constant.
        seal(self.0.next().bytes(), &[0; NONCE_LEN], &aad(version), &plain)
    }
}

/// Opens values of one stream, in the order in which they were sealed; every one must be opened.
pub struct TransitOpener(Chain);

impl TransitOpener {
    pub fn open(&mut self, version: &str, sealed: &[u8]) -> Result<Opened, TransitError> {
        let plain = open(self.0.next().bytes(), &[0; NONCE_LEN], &aad(version), sealed).map_err(TransitError::Value)?;
        let plain = Zeroizing::new(plain);
        let (digest_key, value) = plain
            .split_first_chunk::<RECEIPT_KEY_LEN>()
            .ok_or(TransitError::Value(OpenError))?;
        Ok(Opened {
            value: SecretBytes::new(value.to_vec()),
            digest_key: SecretBytes::new(digest_key.to_vec()),
        })
    }
}

fn aad(version: &str) -> Vec<u8> {
    bind("wardroom/transit-value/v1", &[version.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::SeededChance;

    fn ends() -> (TransitSealer, TransitOpener) {
        let worker = TransitOffer::new(&SeededChance::new(1));
        let leader = TransitOffer::new(&SeededChance::new(2));
        let (to_worker, to_leader) = (*leader.public(), *worker.public());
        let sealer = leader.sealer(&to_leader).expect("a fresh key");
        (sealer, worker.opener(&to_worker).expect("a fresh key"))
    }

    fn opened(value: &[u8]) -> Opened {
        Opened {
            value: SecretBytes::new(value.to_vec()),
            digest_key: SecretBytes::new(vec![7; RECEIPT_KEY_LEN]),
        }
    }

    #[test]
    fn values_arrive_in_their_order() {
        let (mut to, mut from) = ends();
        for value in [b"one".as_slice(), b"", &vec![0xff; 512_000]] {
            let sealed = to.seal("v1", &opened(value));
            let back = from.open("v1", &sealed).expect("the next in order");
            assert!(back.value.equals(value) && back.digest_key.equals(&[7; RECEIPT_KEY_LEN]));
        }
    }

    #[test]
    fn equal_values_do_not_look_equal() {
        let (mut to, _) = ends();
        assert_ne!(to.seal("v1", &opened(b"x")), to.seal("v1", &opened(b"x")));
    }

    #[test]
    fn nothing_opens_twice_or_elsewhere() {
        let fails = |version: &str, change: &dyn Fn(&mut Vec<u8>)| {
            let (mut to, mut from) = ends();
            let mut sealed = to.seal("v1", &opened(b"hunter2"));
            change(&mut sealed);
            from.open(version, &sealed).is_err()
        };
        assert!(!fails("v1", &|_| {}));
        assert!(fails("v2", &|_| {}));
        assert!(fails("v1", &|sealed| sealed[0] ^= 1));
        assert!(fails("v1", &|sealed| sealed.truncate(20)));
        let (mut to, mut from) = ends();
        let first = to.seal("v1", &opened(b"hunter2"));
        from.open("v1", &first).expect("in order");
        assert!(from.open("v1", &first).is_err(), "its key is forgotten");
        let (mut other, _) = ends();
        let another = TransitOffer::new(&SeededChance::new(3));
        let stranger = another.opener(&[9; 32]);
        assert!(stranger.is_ok_and(|mut stranger| stranger.open("v1", &other.seal("v1", &opened(b"x"))).is_err()));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for none in [&[][..], &[1; 31], &[1; 33], &[0; 32]] {
            let offer = TransitOffer::new(&SeededChance::new(1));
            assert_eq!(offer.opener(none).err(), Some(TransitError::Key));
        }
    }

    /// RFC 7748, section 6.1: the agreement is X25519 and nothing else.
    #[test]
    fn the_agreement_is_that_of_the_rfc() {
        struct Fixed([u8; 32]);
        impl Chance for Fixed {
            fn fill(&self, out: &mut [u8]) {
                out.copy_from_slice(&self.0);
            }
        }
        let alice: [u8; 32] = [
            0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c,
            0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a,
        ];
        let public: [u8; 32] = [
            0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d, 0xdc, 0xb4, 0x3e, 0xf7, 0x5a, 0x0d, 0xbf,
            0x3a, 0x0d, 0x26, 0x38, 0x1a, 0xf4, 0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a,
        ];
        assert_eq!(TransitOffer::new(&Fixed(alice)).public(), &public);
    }
}
