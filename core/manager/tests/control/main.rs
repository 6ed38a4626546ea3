//! Does the whole path work: operator, follower, leader, worker, receipt? Three managers and fake workers in one
//! process, with real Raft, real TLS on loopback and a disk in memory.

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

mod agent;
mod backup;
mod callers;
mod fleet;
mod join;
mod keys;
mod life;
mod logs;
mod matrix;
mod members;
mod refusal;
mod retention;
mod root;
mod schedule;
mod settings;
mod shares;
mod strangers;
mod watch;
mod work;
