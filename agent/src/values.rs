//! Which plaintext does this worker hold in its own memory? One value per version, wiped when no assigned task lists it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use wardroom_keys::SecretBytes;

use crate::ids::VersionId;

/// A value and the key of its receipts.
pub(crate) struct Value {
    pub(crate) bytes: SecretBytes,
    pub(crate) digest_key: SecretBytes,
    pub(crate) driver: Driver,
}

/// What makes a file of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Driver {
    /// Nothing: the file is the value.
    Plain,
    /// The value is a template in Go's language.
    Golang,
    /// A newer manager's word for something this worker does not know.
    Unknown(String),
}

impl Driver {
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "" => Self::Plain,
            "golang" => Self::Golang,
            other => Self::Unknown(other.escape_default().to_string()),
        }
    }
}

/// Shared by the tasks of one worker. A task borrows a value for as long as it writes, and no longer.
#[derive(Default)]
pub(crate) struct Values(Mutex<BTreeMap<VersionId, Arc<Value>>>);

impl Values {
    pub(crate) fn keep(&self, version: VersionId, value: Value) {
        self.held().insert(version, Arc::new(value));
    }

    /// The bytes are wiped here, or when the task that is writing them at this moment is done.
    pub(crate) fn drop_value(&self, version: &VersionId) {
        self.held().remove(version);
    }

    pub(crate) fn clear(&self) {
        self.held().clear();
    }

    pub(crate) fn find(&self, version: &VersionId) -> Option<Arc<Value>> {
        self.held().get(version).cloned()
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<VersionId, Arc<Value>>> {
        self.0.lock().expect("no code panics while it holds this lock")
    }
}
