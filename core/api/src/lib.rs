//! What is said on the wire? The protos' generated code, and what both ends need to speak it: channels over any
//! stream, the client, the watch feed, and the view of a cluster that a feed builds up.
//!
//! This crate knows no domain type, no key, no file and no TLS; it is all that a thin operator's console links.

mod call_error;
pub mod channel;
mod client;
mod host;
mod key;
mod log_feed;
pub mod net;
mod redact;
mod view;
pub mod watch;

#[path = "generated/wardroom.v1.rs"]
#[rustfmt::skip]
pub mod v1;

#[path = "generated/methods.rs"]
#[rustfmt::skip]
mod methods;

pub use call_error::{CallError, CallKind, LOCKED, NO_LEADER, UNKNOWN_CALL};
pub use client::Client;
pub use host::{Host, HostError, PORT, manager_address};
pub use log_feed::LogFeed;
pub use methods::METHODS;
pub use net::{BoxStream, Duplex, Listener, Net, TcpNet};
pub use view::ClusterView;
pub use watch::{FeedEvent, WatchFeed};
