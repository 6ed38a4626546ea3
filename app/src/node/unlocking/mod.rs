//! How does a locked manager of this process get its key back? Somebody gives it over the local socket, whole or in shares,
//! or systemd does at the start. One implementation for a daemon and for the managers of an embedded cluster.
//!
//! ```text
//! socket ─> service ─> order ─> attempt (malformed, wrong, too soon, share, key) ─> whoever owns the managers opens them
//!                                  ├─ pace (how long after a wrong key)
//!                                  └─ shares (what was given so far)
//! credential (systemd) ─────────> attempt
//! ```
//!
//! Everything but the service, the credential and the record is pure: time comes in as a number.

mod attempt;
mod credential;
mod pace;
pub mod record;
mod service;
mod shares;
mod shown;
pub mod words;

#[cfg(test)]
mod tests;

pub use attempt::{Door, Unlocking};
pub use credential::unlock_keys as credentials;
pub use service::{LockOrder, service};
pub use shown::Shown;
