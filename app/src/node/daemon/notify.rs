//! What does systemd need to know? That the daemon can be used, what it is, and that it ends. Without systemd nobody is
//! told, and nothing is missing.

use sd_notify::NotifyState;

/// The socket answers from now on.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// One line for `systemctl status`.
pub fn status(line: &str) {
    tell(&[NotifyState::Status(line)]);
}

pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(words: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(words) {
        tracing::debug!(%error, "systemd was not told");
    }
}
