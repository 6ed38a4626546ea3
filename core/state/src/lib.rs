//! What is true? The pure state machine of a cluster.

pub mod audit;
pub mod cluster;
pub mod command;
pub mod event;
pub mod holding;
pub mod ids;
pub mod node;
pub mod refusal;
pub mod rotation;
pub mod secret;
pub mod service;
pub mod task;
