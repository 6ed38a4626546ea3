//! Whole screens and whole wizards by keystroke scripts, on a cluster built by hand.
#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

mod attention;
mod backup;
mod bytes;
mod change;
mod details;
mod fixture;
mod fixture_work;
mod grants;
mod idle;
mod key_changes;
mod keys;
mod leader;
mod lines;
mod lock;
mod navigate;
mod nodes;
mod overview;
mod play;
mod promote;
mod random;
mod read_only;
mod revoke;
mod rotate;
mod rotations;
mod safety;
mod said;
mod scale;
mod sizes;
mod staged;
mod step_down;
mod tables;
mod tokens;
mod trust;
mod why;
mod workload;
