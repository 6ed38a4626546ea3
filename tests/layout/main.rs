//! Does the tree still say what the design says? Arrows, fences and habits of the repository, as tests.
#![allow(clippy::unwrap_used)] // a broken repository should stop these tests loudly

mod arrows;
mod habits;
