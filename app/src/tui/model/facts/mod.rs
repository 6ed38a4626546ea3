//! What does the cluster's view mean? Plain questions to a `ClusterView`, answered without time of its own and without
//! drawing: states, counts, what needs attention.

pub mod activity;
pub mod attention;
pub mod grants;
mod key_notes;
pub mod keys;
pub mod managers;
pub mod members;
pub mod moves;
pub mod rotations;
pub mod secrets;
pub mod spec;
pub mod time;
pub mod trust;
pub mod words;
