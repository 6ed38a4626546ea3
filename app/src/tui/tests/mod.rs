//! Whole screens and whole wizards by keystroke scripts, on a cluster built by hand.
#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

mod bytes;
mod change;
mod details;
mod fixture;
mod fixture_work;
mod grants;
mod idle;
mod lines;
mod navigate;
mod overview;
mod play;
mod random;
mod revoke;
mod rotate;
mod safety;
mod scale;
mod sizes;
mod tables;
