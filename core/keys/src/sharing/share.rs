//! What does a share look like on paper? `SWMSHARE-1-` and 50 bytes in unpadded base64: 78 characters, a line of a letter.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::cipher::{mac, same};
use crate::key::Key;
use crate::secret_bytes::SecretBytes;

const PREFIX: &str = "SWMSHARE-1-";
/// `set 4 | KEK epoch u32 | check(KEK) 4 | threshold u8 | number u8 | value 32`, then the checksum.
const BODY_LEN: usize = 46;
const SHARE_LEN: usize = BODY_LEN + 4;
const DIGITS: usize = 67;

/// One share of an unlock key. Secret like the key: enough of them are the key.
pub struct Share {
    pub(super) set: [u8; 4],
    pub(super) epoch: u32,
    pub(super) check: [u8; 4],
    pub(super) threshold: u8,
    pub(super) number: u8,
    pub(super) value: Key,
}

/// Why a share is of no use. Never repeats the share itself; the texts say what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ShareError {
    #[error("this is no share of an unlock key: a share is 78 characters and begins with SWMSHARE-1-")]
    NotAShare,
    #[error("the share has a typing error: its checksum does not fit; compare it with what was written down")]
    Mistyped,
    #[error(
        "the share is of unlock key epoch {given}, those before it are of epoch {held}; \
         collect shares of one key, or begin again with this one"
    )]
    OtherEpoch { held: u32, given: u32 },
    #[error(
        "the share is of set {}, those before it are of set {}: the key was split more than once, and only shares of one \
         set fit together",
        set_text(*.given), set_text(*.held)
    )]
    OtherSet { held: [u8; 4], given: [u8; 4] },
    #[error(
        "share {number} does not agree with those before it about the key or the number of shares; \
         one of them is forged: compare them with what was written down"
    )]
    Disagrees { number: u8 },
    #[error(
        "share {number} was given before with another content; one of the two is forged: \
         compare them with what was written down"
    )]
    GivenOtherwise { number: u8 },
}

/// A set as people read it aloud.
fn set_text(set: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(set))
}

impl Share {
    /// Reads the text form; blanks and line ends around it are allowed, for it is typed and pasted.
    pub fn parse(text: &str) -> Result<Self, ShareError> {
        let digits = text.trim().strip_prefix(PREFIX).ok_or(ShareError::NotAShare)?;
        if digits.len() != DIGITS {
            return Err(ShareError::NotAShare);
        }
        let mut bytes = Zeroizing::new([0; SHARE_LEN]);
        // Characters that no base64 has are typing errors like any other.
        match STANDARD_NO_PAD.decode_slice(digits, bytes.as_mut()) {
            Ok(SHARE_LEN) => {}
            _ => return Err(ShareError::Mistyped),
        }
        let (body, sum) = bytes.split_at(BODY_LEN);
        if !same(&checksum(body), sum) {
            return Err(ShareError::Mistyped);
        }
        let field = |at: usize| [body[at], body[at + 1], body[at + 2], body[at + 3]];
        let (threshold, number) = (body[12], body[13]);
        if threshold < 2 || number == 0 {
            return Err(ShareError::NotAShare); // whole, but not from `split`
        }
        Ok(Self {
            set: field(0),
            epoch: u32::from_le_bytes(field(4)),
            check: field(8),
            threshold,
            number,
            value: Key::filled(|value| value.copy_from_slice(&body[14..])),
        })
    }

    /// The text form, UTF-8. Show it to the one person who will hold it and let go of it.
    pub fn text(&self) -> SecretBytes {
        let mut bytes = Zeroizing::new([0; SHARE_LEN]);
        bytes[..4].copy_from_slice(&self.set);
        bytes[4..8].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.check);
        bytes[12] = self.threshold;
        bytes[13] = self.number;
        bytes[14..BODY_LEN].copy_from_slice(self.value.bytes());
        let sum = checksum(&bytes[..BODY_LEN]);
        bytes[BODY_LEN..].copy_from_slice(&sum);
        let mut text = vec![0; PREFIX.len() + DIGITS]; // one allocation, so that no partial copy is left behind
        text[..PREFIX.len()].copy_from_slice(PREFIX.as_bytes());
        STANDARD_NO_PAD
            .encode_slice(bytes.as_ref(), &mut text[PREFIX.len()..])
            .expect("50 bytes are 67 characters of base64");
        SecretBytes::new(text)
    }

    /// Random for each time that a key is split: only shares of one set fit together.
    pub fn set(&self) -> [u8; 4] {
        self.set
    }

    /// The epoch of the unlock key.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Names the unlock key; see [`crate::UnlockKey::check`].
    pub fn check(&self) -> [u8; 4] {
        self.check
    }

    /// How many shares of the set give the key.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// Which share of the set it is, from 1.
    pub fn number(&self) -> u8 {
        self.number
    }
}

/// Against typing errors, not against forgery: whoever can forge a share can also compute this.
fn checksum(body: &[u8]) -> [u8; 4] {
    let tag = Zeroizing::new(mac(b"wardroom/share/v1", &[body]));
    [tag[0], tag[1], tag[2], tag[3]]
}
