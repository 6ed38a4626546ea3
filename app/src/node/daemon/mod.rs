//! `wardroom daemon`: one node of a cluster of machines. A manager, a worker, or neither yet; what it is changes while it
//! runs, by orders over its socket and by the wishes of the managers.
//!
//! ```text
//! run ─> socket ─> switch ─> the manager's Control, or words about why there is none
//!            └───> service ─> orders ─┐
//! agent, manager, clock ───> news ────┴─> supervisor ─> begin, init, join, leave, restore, refound
//!                                              ├──────> locking (the key of a manager that waits for it)
//!                                              └──────> reconsider (step) ─> renew, keys, promotion, demotion, removal
//! home (directory, lock) · manifest (what is half done) · parts (what runs) · address · call (to managers) · notify
//! ```
//!
//! Every step that must not be left half done is written into the manifest before it begins, so that the next start
//! finishes it or takes it back.

mod address;
mod autolock;
mod begin;
mod call;
mod erase;
mod home;
mod init;
mod interfaces;
mod join;
mod leave;
mod local;
mod locking;
mod manifest;
mod member;
mod news;
mod notify;
mod order;
mod parts;
mod reconsider;
mod refound;
mod renew;
mod restore;
mod run;
mod service;
mod socket;
mod step;
mod supervisor;
mod trial;
mod words;

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a failed unwrap is a failed test
mod tests;

pub use run::{DaemonOptions, run};
