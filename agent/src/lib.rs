//! A worker: what it is assigned, where it keeps plaintext, how it runs tasks, and how it proves both.
//!
//! ```text
//! session ──> wire ──> assignments (pure) ──> worker ──> task ──> files    (memory only)
//!  │ ^                                         ^ leases   │ └──> executor (process, container, files)
//!  │ └──────────── report (kept until acknowledged) <─────┘   │
//!  ├──────────── logs <── output (bounded, masked) <─────────┘
//!  └──> instructions, for whoever started it
//! ```
//!
//! Plaintext is in two places: `values`, while an assigned task lists it, and `files`, while the task lives; in neither
//! beyond its lease. A worker knows its own assignment and nothing of the cluster's state; it decides nothing. A manager
//! that runs tasks has an agent like any other node's.

mod agent;
mod assignments;
mod dial;
pub mod executor;
pub mod files;
mod ids;
mod instructions;
mod leases;
mod logs;
mod managers;
pub mod oneoff;
pub mod output;
mod removal;
mod report;
mod room;
pub mod run;
mod seams;
mod session;
mod task;
mod template;
mod values;
mod wire;
mod worker;

pub use agent::{Agent, AgentConfig, StartError};
pub use ids::TaskId;
pub use instructions::Instructions;
pub use seams::AgentSeams;
pub use task::Pace;
