//! How do several people hold one unlock key, none of them alone? As Shamir shares: any `threshold` of them give the key,
//! fewer tell nothing about it.
//!
//! A share is a text that a person writes down: it names its set, the key it belongs to and how many it takes, and ends in
//! a checksum, so that a typing error is told before a day's meeting ends in "invalid key".

mod collection;
mod polynomial;
mod share;
mod split;

pub use collection::{Progress, ShareCollection};
pub use share::{Share, ShareError};
pub use split::{SplitError, split};

#[cfg(test)]
mod tests;
