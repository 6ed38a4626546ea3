//! What does a compose file ask the cluster for? Bytes become a tree, variables their values, several files one, and the
//! whole a list of services and secrets. Pure: files, environment and cluster are the command line's.
//!
//! ```text
//! read -> interpolate -> merge -> shape -> convert
//! ```
//!
//! Nothing is passed over: whatever a file says is done, or refused with its place and all other refusals at once.

mod build;
mod convert;
mod emit;
mod env_file;
mod fields;
mod interpolate;
mod merge;
mod problem;
mod read;
mod resolve;
mod shape;
mod tree;

pub use convert::{Stack, Surroundings, Wanted, convert, is_name};
pub use emit::emit;
pub use fields::At;
pub use interpolate::{escape, interpolate};
pub use merge::merge;
pub use problem::Problems;
pub use read::read;
pub use shape::{Origin, shape};
pub use tree::Node;

/// The label by which a stack's services and secrets are found, Docker's.
pub const NAMESPACE: &str = "com.docker.stack.namespace";

#[cfg(test)]
#[path = "fuzz_tests.rs"]
mod fuzz_tests;
