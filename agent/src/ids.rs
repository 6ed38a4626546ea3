//! What is each object called here? Newtypes, so that a task's id never stands where a version's belongs.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta] $vis:vis $name:ident),+ $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        $vis struct $name(String);

        impl $name {
            /// Takes the manager's text as it is; whoever makes a path of it checks it first.
            $vis fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

id! {
    /// A task.
    pub TaskId,
    /// A secret, whatever its versions.
    pub(crate) SecretId,
    /// One immutable version of a secret.
    pub(crate) VersionId,
}

impl TaskId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
