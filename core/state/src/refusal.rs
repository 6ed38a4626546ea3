//! Why not? A refusal is a value: the same on every manager, it changes nothing and says what to do next.

use serde::{Deserialize, Serialize};

/// What kind of no it is; the edges map it to status codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusalKind {
    Invalid,
    NotFound,
    AlreadyExists,
    /// The state does not allow it now (in use, nothing to revoke).
    Precondition,
    /// The object moved on since the caller looked.
    Conflict,
}

/// Named for its reason; Display is Docker's text where Docker has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    #[error("name must be provided")]
    NameMissing,
}
