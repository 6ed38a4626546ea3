//! A cluster in this process: where it lives, how it is founded, how it starts and stops. Only this folder knows managers
//! and agents; the console and the command line speak to them over the API as they would to a cluster far away.
//!
//! ```text
//! house (directory, lock, manifest) ─> founding (root, keys, identities) ─> cluster (managers, workers)
//! badge (who each node is) <─ renewal (as long as the cluster runs)
//! socket (other programs), door (this one) ─> router ─> the first manager that is well
//! ```

mod badge;
mod bootstrap;
mod cluster;
mod door;
mod establish;
mod founding;
mod house;
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

pub use run::{demo, own};

use crate::report::Report;

/// Their texts say what to do next; the causes are added.
fn explain(error: &dyn Error) -> Report {
    Report::failure(cluster::chain(error))
}

fn explain_with(what: &str, error: &dyn Error) -> Report {
    Report::failure(format!("{what}: {}", cluster::chain(error)))
}
