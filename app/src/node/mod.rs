//! A cluster in this process: where it lives, how it is founded, how it starts and stops. Only this folder knows managers
//! and agents; the console and the command line speak to them over the API as they would to a cluster far away.
//!
//! ```text
//! house (directory, lock, manifest) ─> founding (root, keys, identities) ─> cluster ─> owner (managers, workers)
//! keyring (on disk) ─> unlocking (while locked) ─> keys (of each manager) ─> badge (who each node is) <─ renewal
//! socket (other programs), door (this one) ─> switch ─> the first manager that is well, or why there is none
//! ```

mod backup;
mod badge;
mod beginning;
mod bootstrap;
mod cluster;
pub mod daemon;
mod door;
mod due;
mod durable;
mod establish;
mod founding;
mod front;
mod hooks;
mod house;
mod issuer;
mod keyring;
mod keys;
mod lock;
mod manifest;
mod nodes;
pub mod oneoff;
mod owner;
mod refusal;
mod renewal;
mod run;
mod samples;
mod scratch;
mod socket;
mod switch;
mod unlocking;

use std::error::Error;

pub use backup::look as look_into_backup;
pub use run::{demo, own};

use crate::report::Report;

/// Their texts say what to do next; the causes are added.
fn explain(error: &dyn Error) -> Report {
    Report::failure(cluster::chain(error))
}

fn explain_with(what: &str, error: &dyn Error) -> Report {
    Report::failure(format!("{what}: {}", cluster::chain(error)))
}
