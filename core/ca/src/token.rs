//! What does a machine need to know to join? A join token: which root to trust, and a secret that lets it in. As Docker
//! writes it: `SWMTKN-1-`, the root's SHA-256 in 50 digits of base 36, `-`, and 16 random bytes in 25 such digits.

use std::fmt;

use sha2::{Digest, Sha256};
use wardroom_keys::{Chance, SecretBytes};
use zeroize::Zeroizing;

use crate::certificate::hex;

const PREFIX: &[u8] = b"SWMTKN-1-";
const PIN_BYTES: usize = 32;
/// 36^50 is the first power above 2^256.
const PIN_DIGITS: usize = 50;
const SECRET_BYTES: usize = 16;
/// 36^25 is the first power above 2^128.
const SECRET_DIGITS: usize = 25;
const TEXT_BYTES: usize = PREFIX.len() + PIN_DIGITS + 1 + SECRET_DIGITS;
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// Keeps the digest of a token's secret apart from every other digest.
const DIGEST_DOMAIN: &[u8] = b"wardroom/join-token/v1";

/// Which root is the right one: the SHA-256 of its DER. It is public; whoever knows it cannot be shown another root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RootPin([u8; PIN_BYTES]);

impl RootPin {
    pub fn of(root_der: &[u8]) -> Self {
        Self(Sha256::digest(root_der).into())
    }

    pub fn is_of(&self, root_der: &[u8]) -> bool {
        *self == Self::of(root_der)
    }
}

/// Hex, as [`crate::Root::fingerprint`].
impl fmt::Display for RootPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// The text is no join token, or a secret has not its length. The text itself is never repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid join token: copy all of the line that `wardroom swarm join-token` shows, from `SWMTKN-1-` on")]
pub struct TokenError;

/// Lets one machine in. Whoever reads it can join, so it is a secret: no `Debug`, no `Clone`, wiped on drop.
pub struct JoinToken {
    pin: RootPin,
    secret: SecretBytes,
}

impl JoinToken {
    /// A new token for a cluster with that root.
    pub fn create(root_der: &[u8], chance: &dyn Chance) -> Self {
        let mut secret = vec![0; SECRET_BYTES];
        chance.fill(&mut secret);
        Self {
            pin: RootPin::of(root_der),
            secret: SecretBytes::new(secret),
        }
    }

    /// The token with that secret, which has 16 bytes, for a cluster with that root.
    pub fn from_parts(root_der: &[u8], secret: SecretBytes) -> Result<Self, TokenError> {
        let pin = RootPin::of(root_der);
        (secret.len() == SECRET_BYTES)
            .then_some(Self { pin, secret })
            .ok_or(TokenError)
    }

    /// Reads the text form; blanks and line ends around it are allowed, for it is typed and pasted.
    pub fn parse(text: &[u8]) -> Result<Self, TokenError> {
        let rest = text.trim_ascii().strip_prefix(PREFIX).ok_or(TokenError)?;
        let (pin, rest) = rest.split_at_checked(PIN_DIGITS).ok_or(TokenError)?;
        let secret = rest.strip_prefix(b"-").ok_or(TokenError)?;
        if secret.len() != SECRET_DIGITS {
            return Err(TokenError);
        }
        let mut pin_bytes = [0; PIN_BYTES];
        from_base36(pin, &mut pin_bytes)?;
        let mut secret_bytes = Zeroizing::new(vec![0; SECRET_BYTES]);
        from_base36(secret, &mut secret_bytes)?;
        Ok(Self {
            pin: RootPin(pin_bytes),
            secret: SecretBytes::new(std::mem::take(&mut *secret_bytes)),
        })
    }

    /// The text form, ASCII. It is the token itself: show it to whoever may let machines in, and let go of it.
    pub fn text(&self) -> SecretBytes {
        let mut text = vec![0; TEXT_BYTES]; // one allocation, so that no partial copy is left behind
        let (prefix, rest) = text.split_at_mut(PREFIX.len());
        prefix.copy_from_slice(PREFIX);
        let (pin, rest) = rest.split_at_mut(PIN_DIGITS);
        to_base36(&self.pin.0, pin);
        rest[0] = b'-';
        to_base36(self.secret.expose(), &mut rest[1..]);
        SecretBytes::new(text)
    }

    /// The root that the cluster must prove before it is told the token.
    pub fn pin(&self) -> RootPin {
        self.pin
    }

    /// The 16 bytes that a cluster keeps sealed; with its root they make the token again.
    pub fn secret(&self) -> &SecretBytes {
        &self.secret
    }

    /// What a cluster compares: it stays the same for one secret whatever the root, and tells nothing about it.
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(DIGEST_DOMAIN);
        digest.update(self.secret.expose());
        digest.finalize().into()
    }
}

/// Writes `bytes`, a big-endian number, with leading zeros; it fits by the lengths above.
fn to_base36(bytes: &[u8], digits: &mut [u8]) {
    let mut number = Zeroizing::new(bytes.to_vec());
    for digit in digits.iter_mut().rev() {
        let mut rest = 0;
        for byte in number.iter_mut() {
            let value = rest << 8 | u16::from(*byte);
            *byte = u8::try_from(value / 36).expect("the rest is below 36, so this is below 256");
            rest = value % 36;
        }
        *digit = DIGITS[usize::from(rest)];
    }
}

/// Reads lower-case digits into `out`, a big-endian number. More than fits there is an error, as is any other character.
fn from_base36(digits: &[u8], out: &mut [u8]) -> Result<(), TokenError> {
    out.fill(0);
    for digit in digits {
        let mut carry = match digit {
            b'0'..=b'9' => u16::from(digit - b'0'),
            b'a'..=b'z' => u16::from(digit - b'a') + 10,
            _ => return Err(TokenError),
        };
        for byte in out.iter_mut().rev() {
            let value = u16::from(*byte) * 36 + carry;
            [_, *byte] = value.to_be_bytes();
            carry = value >> 8;
        }
        if carry != 0 {
            return Err(TokenError);
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
