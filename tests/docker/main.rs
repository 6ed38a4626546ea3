//! Does a task run in a real engine's container as its service asks, with its files and nobody else's, and is everything gone
//! at its end? On the Docker Engine of this host, with an image made from its own busybox; loudly skipped without either.
#![allow(clippy::unwrap_used)] // a test may stop at the first surprise

mod absence;
mod bench;
mod files;
mod life;
mod traces;
