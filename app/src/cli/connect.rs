//! Which cluster is meant? The first that is said: `--host`, `--context`, `WARDROOM_HOST`, `WARDROOM_CONTEXT`, the
//! context in use; then the daemon of this machine, if it runs and lets this user in; then the user's embedded cluster.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use wardroom_api::{Client, Host};
use wardroom_ca::Role;

use crate::cli::arguments::Selection;
use crate::cli::contexts::{self, Contexts};
use crate::cli::remote;
use crate::report::Report;

/// Name of the socket in a cluster's directory.
pub const SOCKET: &str = "wardroom.sock";
/// Where the daemon of this machine listens unless it is told otherwise.
pub const DAEMON_SOCKET: &str = "/run/wardroom/wardroom.sock";

const HOST: &str = "WARDROOM_HOST";
const CONTEXT: &str = "WARDROOM_CONTEXT";
const BUNDLE: &str = "WARDROOM_BUNDLE";

/// Reads an environment variable.
pub type Variable<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The process's own environment.
pub fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// A cluster that was found to be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub place: Place,
    /// Its name, when a context led here.
    pub context: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A socket of this machine.
    Socket(PathBuf),
    /// Managers elsewhere, and who to be there.
    Managers { addresses: Vec<String>, bundle: PathBuf },
    /// The embedded cluster of this user, in this directory; it may not run.
    Own(PathBuf),
}

/// `wardroom://a:2377 (context prod)`, or `unix:///run/wardroom/wardroom.sock`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Socket(path) => write!(f, "unix://{}", path.display())?,
            Place::Managers { addresses, .. } => write!(f, "wardroom://{}", addresses.join(","))?,
            Place::Own(folder) => write!(f, "unix://{}", folder.join(SOCKET).display())?,
        }
        match &self.context {
            Some(name) => write!(f, " (context {name})"),
            None => Ok(()),
        }
    }
}

impl Target {
    /// The cluster that options, environment and contexts mean.
    pub fn choose(selection: &Selection, variable: Variable<'_>) -> Result<Self, Report> {
        if let Some(target) = Self::said(selection, variable)? {
            return Ok(target);
        }
        let daemon = Path::new(DAEMON_SOCKET);
        if answers(daemon) {
            return Ok(Self::at(Place::Socket(daemon.to_owned())));
        }
        Ok(Self::at(Place::Own(home(variable)?)))
    }

    /// The daemon that is meant by a command that only the daemon of a machine can do.
    pub fn daemon(selection: &Selection, variable: Variable<'_>) -> Result<Self, Report> {
        let Some(target) = Self::said(selection, variable)? else {
            return Ok(Self::at(Place::Socket(PathBuf::from(DAEMON_SOCKET))));
        };
        match target.place {
            Place::Socket(_) => Ok(target),
            _ => Err(Report::usage(format!(
                "only the daemon of a machine can do this itself, and {target} is another one"
            ))
            .hint("run the command on that machine, or say that this one is meant with --context default")),
        }
    }

    /// The cluster whose managers of this machine are locked or unlocked: a key goes over their own socket only.
    pub fn here(selection: &Selection, variable: Variable<'_>) -> Result<Self, Report> {
        let target = Self::choose(selection, variable)?;
        match target.place {
            Place::Socket(_) | Place::Own(_) => Ok(target),
            Place::Managers { .. } => Err(Report::usage(format!(
                "a manager is locked and unlocked over the socket of its own machine, and {target} is reached over the \
                 network: no unlock key is sent there"
            ))
            .hint("run the command on that machine, or say that this one is meant with --context default")),
        }
    }

    /// A client of it. Connects on first use; must be called within a runtime.
    pub fn client(&self) -> Result<Client, Report> {
        match &self.place {
            Place::Socket(path) => Ok(Client::unix(path)),
            Place::Managers { addresses, bundle } => remote::client(addresses, bundle),
            Place::Own(folder) => {
                let socket = folder.join(SOCKET);
                if socket.exists() {
                    return Ok(Client::unix(socket));
                }
                Err(Report::failure("no cluster is running here").hint(
                    "start one with `wardroom` or `wardroom demo`, make this machine part of one with `wardroom daemon` \
                     and `wardroom swarm init`, or say which one is meant with --host unix://PATH, --context NAME or \
                     WARDROOM_HOST",
                ))
            }
        }
    }

    /// Who one is there, by the certificate: the operator's id and role. `None` on a socket, and where the bundle
    /// cannot be read, which [`Self::client`] says.
    pub fn operator(&self) -> Option<(String, Role)> {
        let Place::Managers { bundle, .. } = &self.place else {
            return None;
        };
        let identity = remote::identity(&remote::read(bundle).ok()?, bundle).ok()?.identity();
        Some((identity.node_id, identity.role))
    }

    fn at(place: Place) -> Self {
        Self { place, context: None }
    }

    /// What somebody said, in a word or in a context.
    fn said(selection: &Selection, variable: Variable<'_>) -> Result<Option<Self>, Report> {
        // An empty variable says nothing, as in Docker.
        let text = |name: &str| {
            variable(name)
                .filter(|text| !text.is_empty())
                .map(|text| text.to_string_lossy().into_owned())
        };
        let bundle = selection
            .bundle
            .clone()
            .or_else(|| variable(BUNDLE).filter(|path| !path.is_empty()).map(PathBuf::from));
        if let Some(host) = &selection.host {
            return named(host, bundle).map(Some);
        }
        let host = text(HOST);
        if selection.bundle.is_some() && host.is_none() {
            return Err(Report::usage("--bundle goes with a host").hint("say where: --host wardroom://HOST:PORT"));
        }
        if let Some(name) = &selection.context {
            return of_context(name, variable);
        }
        if let Some(host) = host {
            return named(&host, bundle).map(Some);
        }
        if let Some(name) = text(CONTEXT) {
            return of_context(&name, variable);
        }
        let Some(folder) = contexts::folder(variable) else {
            return Ok(None);
        };
        match Contexts::load(&folder)?.current() {
            Some(name) => of_context(name, variable),
            None => Ok(None),
        }
    }
}

/// A host that was written down must be right.
fn named(host: &str, bundle: Option<PathBuf>) -> Result<Target, Report> {
    let place = match Host::parse(host).map_err(|error| Report::usage(error.to_string()))? {
        Host::Socket(path) => Place::Socket(path),
        Host::Managers(addresses) => {
            let bundle = bundle.ok_or_else(|| {
                Report::usage(format!("{host} lets nobody in without a certificate")).hint(
                    "give --bundle FILE or WARDROOM_BUNDLE, or make a context of both with `wardroom context create`; an \
                     administrator makes the file with `wardroom operator add`",
                )
            })?;
            Place::Managers { addresses, bundle }
        }
    };
    Ok(Target::at(place))
}

/// `None` for the cluster of this machine.
fn of_context(name: &str, variable: Variable<'_>) -> Result<Option<Target>, Report> {
    if name == contexts::DEFAULT {
        return Ok(None);
    }
    let folder = contexts::folder(variable).ok_or_else(no_folder)?;
    let context = Contexts::load(&folder)?.get(name)?;
    let place = match (context.host, context.bundle) {
        (Host::Socket(path), _) => Place::Socket(path),
        (Host::Managers(addresses), bundle) => Place::Managers {
            addresses,
            // A context of managers without one was refused when it was read.
            bundle: bundle.unwrap_or_default(),
        },
    };
    Ok(Some(Target {
        place,
        context: Some(context.name),
    }))
}

/// Where contexts would be kept, if that were known.
pub fn no_folder() -> Report {
    Report::failure("neither XDG_CONFIG_HOME nor HOME names a directory to keep contexts in").hint("set one of them")
}

/// Whether somebody listens there and lets this user in: a socket that a crash left is none.
fn answers(socket: &Path) -> bool {
    UnixStream::connect(socket).is_ok()
}

/// Where the user's embedded cluster is kept: `$XDG_STATE_HOME/wardroom`, or `~/.local/state/wardroom`.
pub fn home(variable: Variable<'_>) -> Result<PathBuf, Report> {
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
#[path = "connect_tests.rs"]
mod tests;
