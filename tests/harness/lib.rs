//! What do whole-system tests share? A demo process to talk to, daemons on hosts of their own, crowds of
//! workers, a terminal to look at, canaries to search for and the memory of processes to search in.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, clippy::must_use_candidate)] // a harness fails loudly

pub mod canary;
pub mod core_file;
pub mod crowd;
pub mod daemon;
pub mod engine;
pub mod holder;
pub mod keyring;
pub mod memory;
pub mod netns;
pub mod process;
pub mod skip;
pub mod terminal;
pub mod until;
