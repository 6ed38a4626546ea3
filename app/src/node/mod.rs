//! A cluster in this process: where it lives, how it is founded, how it starts and stops. Only this folder knows managers
//! and agents; the console and the command line speak to them over the API as they would to a cluster far away.
//!
//! ```text
//! house (directory, lock, manifest) ─> founding (root, keys, identities) ─> cluster (managers, workers)
//! badge (who each node is) <─ renewal (as long as the cluster runs)
//! socket (other programs), door (this one) ─> router ─> the first manager that is well
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
mod house;
mod issuer;
mod keyring;
mod lock;
mod manifest;
mod nodes;
mod renewal;
mod router;
mod run;
mod samples;
mod scratch;
mod socket;

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
