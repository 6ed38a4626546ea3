//! Where do log lines go? To a file while the console has the terminal, otherwise to standard error. Other people's
//! crates speak only from `warn` up: their lower levels are for debugging protocols, and protocols carry values.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, registry};

/// `error`, `warn`, `info`, `debug` or `trace`, for what wardroom itself says.
const VARIABLE: &str = "WARDROOM_LOG";

/// Log lines to a file that only its owner may read. A file that cannot be opened means no log, and no failure.
pub fn to_file(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let lines = fmt::layer().with_ansi(false).with_writer(Mutex::new(file));
    // A second call in one process changes nothing: the first destination stays.
    let _ = registry().with(lines).with(targets(Level::INFO)).try_init();
    Ok(())
}

/// Warnings and errors to standard error.
pub fn to_stderr() {
    let lines = fmt::layer().with_ansi(false).with_target(false).with_writer(io::stderr);
    let _ = registry().with(lines).with(targets(Level::WARN)).try_init();
}

/// What a daemon says, to standard error. The journal knows the time itself.
pub fn to_journal() {
    let lines = fmt::layer().with_ansi(false).with_target(false).with_writer(io::stderr);
    let registry = registry().with(targets(Level::INFO));
    let _ = if std::env::var_os("JOURNAL_STREAM").is_some() {
        registry.with(lines.without_time()).try_init()
    } else {
        registry.with(lines).try_init()
    };
}

fn targets(usual: Level) -> Targets {
    let level = std::env::var(VARIABLE)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual);
    Targets::new()
        .with_default(LevelFilter::WARN)
        // It complains of every late answer, which elections are full of; what matters a manager says itself.
        .with_target("openraft", LevelFilter::OFF)
        .with_target("wardroom", level)
}
