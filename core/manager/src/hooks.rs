//! Who makes a value when it is due? A program of the managers' machines, behind a seam: the manager names it, and what
//! runs it stands outside.

use futures_util::future::{BoxFuture, FutureExt, ready};
use wardroom_keys::SecretBytes;

/// The programs of this manager's machine that make values.
pub trait Hooks: Send + Sync {
    /// What the hook of that name writes for that secret. Dropped before it is done, the hook is ended.
    fn run<'a>(&'a self, hook: &'a str, secret: &'a str) -> BoxFuture<'a, Result<SecretBytes, HookError>>;
}

/// Why a hook made nothing. Never holds anything that it wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HookError(pub String);

/// A manager without hooks, as in a simulation.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHooks;

impl Hooks for NoHooks {
    fn run<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<SecretBytes, HookError>> {
        ready(Err(HookError("this manager has no hooks folder".to_owned()))).boxed()
    }
}
