//! Who may administer from afar? People and programs with a client certificate of their own.

use serde::{Deserialize, Serialize};

use crate::ids::OperatorId;
use crate::node::Certificate;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    pub id: OperatorId,
    /// Unique in any case.
    pub name: String,
    pub role: OperatorRole,
    pub certificate: Certificate,
    pub created_at_ms: i64,
    pub created_by: String,
    pub version_index: u64,
}

/// What an operator may do; each includes the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OperatorRole {
    Viewer,
    Operator,
    Admin,
}

impl OperatorRole {
    /// `viewer`, `operator` or `admin`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}
