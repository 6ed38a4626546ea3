//! Are there enough shares yet? They come one by one, from several people, until they give the key.

use super::polynomial::interpolate;
use super::share::{Share, ShareError};
use crate::key::Key;
use crate::unlock_key::UnlockKey;

/// How far a collection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub have: u8,
    /// The threshold of the set; 0 before the first share says it.
    pub need: u8,
}

/// Shares of one set.
#[derive(Default)]
pub struct ShareCollection(Vec<Share>);

impl ShareCollection {
    /// Takes a share in if it fits those before it. The same share again changes nothing and is no error.
    pub fn add(&mut self, share: Share) -> Result<Progress, ShareError> {
        if let Some(first) = self.0.first() {
            fits(first, &share)?;
        }
        match self.0.iter().find(|held| held.number == share.number) {
            None => self.0.push(share),
            Some(held) if held.value.equals(&share.value) => {}
            Some(held) => return Err(ShareError::GivenOtherwise { number: held.number }),
        }
        Ok(self.progress())
    }

    pub fn progress(&self) -> Progress {
        Progress {
            have: u8::try_from(self.0.len()).expect("numbers differ, and there are 255 of them"),
            need: self.0.first().map_or(0, Share::threshold),
        }
    }

    /// The first share, which says what set and key this is about.
    pub fn first(&self) -> Option<&Share> {
        self.0.first()
    }

    /// The key, once there are enough shares; also `None` if they give another key than they name, which takes a forged
    /// share: then begin again.
    pub fn combine(&self) -> Option<UnlockKey> {
        let first = self.0.first()?;
        let needed = self.0.get(..usize::from(first.threshold))?;
        let points: Vec<(u8, &[u8; 32])> = needed.iter().map(|share| (share.number, share.value.bytes())).collect();
        let key = UnlockKey::from_key(Key::filled(|key| interpolate(&points, key)));
        (key.check() == first.check).then_some(key)
    }
}

fn fits(first: &Share, share: &Share) -> Result<(), ShareError> {
    if first.epoch != share.epoch {
        return Err(ShareError::OtherEpoch {
            held: first.epoch,
            given: share.epoch,
        });
    }
    if first.set != share.set {
        return Err(ShareError::OtherSet {
            held: first.set,
            given: share.set,
        });
    }
    if (first.check, first.threshold) != (share.check, share.threshold) {
        return Err(ShareError::Disagrees { number: share.number });
    }
    Ok(())
}
