//! How is a key given into several hands? Once, into a set of shares that only fit each other.

use thiserror::Error;

use super::polynomial::Polynomials;
use super::share::Share;
use crate::chance::Chance;
use crate::key::Key;
use crate::unlock_key::UnlockKey;

/// The numbers asked for make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a key cannot be split into {shares} shares of which {threshold} open it; \
     ask for up to 255 shares, of which at least 2 and at most all are needed"
)]
pub struct SplitError {
    pub shares: u8,
    pub threshold: u8,
}

/// Splits the unlock key of `epoch` into a new set of `shares`, of which any `threshold` give it back.
pub fn split(
    chance: &dyn Chance,
    key: &UnlockKey,
    epoch: u32,
    shares: u8,
    threshold: u8,
) -> Result<Vec<Share>, SplitError> {
    if threshold < 2 || threshold > shares {
        return Err(SplitError { shares, threshold });
    }
    let mut set = [0; 4];
    chance.fill(&mut set);
    let polynomials = Polynomials::random(chance, threshold);
    let share = |number| Share {
        set,
        epoch,
        check: key.check(),
        threshold,
        number,
        value: Key::filled(|value| polynomials.evaluate(key.bytes(), number, value)),
    };
    Ok((1..=shares).map(share).collect())
}
