//! What is true? The pure state machine of a cluster: a command goes in, events or a refusal come out.
//!
//! Every manager applies the same log and must reach the same state. So nothing here looks at a clock, rolls dice or
//! touches a disk, and collections have one order.

mod apply;
pub mod audit;
mod bytes;
mod check;
pub mod cluster;
pub mod command;
pub mod constraint;
mod derived;
mod digest;
mod encoding;
pub mod event;
pub mod holding;
pub mod ids;
pub mod keys;
mod lookup;
mod members;
pub mod node;
pub mod operator;
pub mod refusal;
pub mod rotation;
#[cfg(test)]
mod script;
pub mod secret;
pub mod service;
mod state;
pub mod task;
pub mod validate;
mod wanted;

pub use audit::verify_chain;
pub use encoding::{DecodeError, PROPOSAL_FORMAT, STATE_FORMAT, decode_proposal, encode_proposal};
pub use refusal::{Noun, Refusal, RefusalKind, TargetProblem};
pub use state::State;
