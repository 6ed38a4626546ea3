//! Which cluster is meant? What `--host` or `WARDROOM_HOST` names, otherwise the embedded cluster that runs for this
//! user.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use wardroom_api::Client;

use crate::report::Report;

/// Name of the socket in a cluster's directory.
pub const SOCKET: &str = "wardroom.sock";

/// The named host, or the user's own cluster. Connects on first use; must be called within a runtime.
pub fn client(host: Option<&str>) -> Result<Client, Report> {
    if let Some(host) = host {
        return named(host);
    }
    let socket = home(&|name| std::env::var_os(name))?.join(SOCKET);
    if socket.exists() {
        return Ok(Client::unix(socket));
    }
    Err(Report::failure("no cluster is running here").hint(
        "start one with `wardroom` or `wardroom demo`, or say which one is meant with --host unix://PATH or WARDROOM_HOST",
    ))
}

/// A host that was written down must be right.
pub fn named(host: &str) -> Result<Client, Report> {
    Client::host(host).map_err(|error| Report::usage(error.to_string()))
}

/// Where the user's embedded cluster is kept: `$XDG_STATE_HOME/wardroom`, or `~/.local/state/wardroom`.
pub fn home(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<PathBuf, Report> {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(state) = absolute("XDG_STATE_HOME") {
        return Ok(state.join("wardroom"));
    }
    if let Some(home) = absolute("HOME") {
        return Ok(home.join(Path::new(".local/state/wardroom")));
    }
    Err(
        Report::failure("neither XDG_STATE_HOME nor HOME names a directory to keep the cluster in")
            .hint("set one of them, or name a directory with `wardroom demo --dir DIR`"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;
    use crate::report::Exit;

    #[test]
    fn the_state_directory_follows_xdg() {
        let with = |pairs: &'static [(&str, &str)]| {
            home(&move |name| {
                pairs
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| OsString::from(value))
            })
        };
        assert_eq!(
            with(&[("XDG_STATE_HOME", "/s"), ("HOME", "/h")]).unwrap(),
            Path::new("/s/wardroom")
        );
        assert_eq!(
            with(&[("XDG_STATE_HOME", "relative"), ("HOME", "/h")]).unwrap(),
            Path::new("/h/.local/state/wardroom")
        );
        assert!(with(&[]).is_err());
    }

    #[test]
    fn a_wrong_host_is_a_usage_error_with_what_to_write() {
        let report = named("/run/wardroom.sock").unwrap_err();
        assert_eq!(report.exit, Exit::Usage);
        assert!(report.message.contains("unix:///run/wardroom.sock"));
    }
}
