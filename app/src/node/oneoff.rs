//! What does `wardroom run` need of a worker's own means? The second start of this program that becomes a task, and a
//! container that belongs to no service.

use std::path::PathBuf;

use wardroom_agent::executor::Engine;
pub use wardroom_agent::executor::shim::COMMAND as BECOMES_A_TASK;
use wardroom_agent::oneoff::{OneOff, run_attached};

/// A container that is run once, with a directory of files at `/run/secrets`.
pub struct Container {
    pub image: String,
    pub args: Vec<String>,
    pub secrets_dir: PathBuf,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// Empty: the image's own.
    pub user: String,
    /// Empty: the image's own.
    pub dir: String,
}

/// On the engine of this machine, to its end; what it ended with.
pub async fn container(container: Container) -> Result<i32, String> {
    let what = OneOff {
        image: container.image,
        args: container.args,
        binds: vec![(container.secrets_dir, "/run/secrets".to_owned())],
        env: container.env,
        user: container.user,
        dir: container.dir,
        ..OneOff::default()
    };
    run_attached(&Engine::from_environment(), &what).await
}
