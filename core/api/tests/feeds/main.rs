//! Do feeds survive their connections, and lose and repeat nothing?
#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

mod logs;
mod script;
mod watch;
