//! What may be written as a host? A socket of this machine, or managers by their addresses.

use std::fmt;
use std::path::PathBuf;

/// Where managers listen unless something else is said.
pub const PORT: u16 = 2377;

/// Managers that one host may name; more is a mistake.
const MANAGERS_MAX: usize = 16;

/// Whom to ask. `Display` writes what [`Host::parse`] reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// `unix:///path/to/wardroom.sock`: absolute.
    Socket(PathBuf),
    /// `wardroom://HOST[:PORT][,HOST[:PORT]...]`: each `host:port`, at least one. All are of one cluster.
    Managers(Vec<String>),
}

/// A host that cannot be understood. The text says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    #[error("the host is empty: write unix:///path/to/wardroom.sock or wardroom://HOST:PORT")]
    Empty,
    #[error("host `{0}` is a path: write unix://{0}")]
    BarePath(String),
    #[error("host `{0}` does not name an absolute path: write unix:///path/to/wardroom.sock, with three slashes")]
    NotAbsolute(String),
    #[error("host `{0}` is of no kind that is known: write unix:///path/to/wardroom.sock or wardroom://HOST:PORT")]
    Scheme(String),
    #[error("`{0}` is no address of a manager: write wardroom://HOST:PORT, or wardroom://HOST:PORT,HOST:PORT")]
    Address(String),
    #[error("host `{0}` names more than {MANAGERS_MAX} managers: some of them are enough")]
    TooMany(String),
    #[error(
        "host `{0}` is on another machine, and this program speaks to sockets only: write unix:///path/to/wardroom.sock"
    )]
    NotHere(String),
}

impl Host {
    /// Reads a host, or says what to write.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if text.is_empty() {
            return Err(HostError::Empty);
        }
        if text.starts_with('/') {
            return Err(HostError::BarePath(text.to_owned()));
        }
        if let Some(path) = text.strip_prefix("unix://") {
            if !path.starts_with('/') || path.ends_with('/') {
                return Err(HostError::NotAbsolute(text.to_owned()));
            }
            return Ok(Self::Socket(PathBuf::from(path)));
        }
        let Some(managers) = text.strip_prefix("wardroom://") else {
            return Err(HostError::Scheme(text.to_owned()));
        };
        let managers: Vec<String> = managers
            .trim_end_matches('/')
            .split(',')
            .map(|address| manager_address(address).ok_or_else(|| HostError::Address(address.to_owned())))
            .collect::<Result<_, _>>()?;
        if managers.len() > MANAGERS_MAX {
            return Err(HostError::TooMany(text.to_owned()));
        }
        Ok(Self::Managers(managers))
    }
}

/// `host:port` of what a person wrote: the port may be left out, an IPv6 address stands in brackets.
pub fn manager_address(text: &str) -> Option<String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            let port = match after {
                "" => None,
                after => Some(after.strip_prefix(':')?),
            };
            (format!("[{address}]"), port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host.to_owned(), Some(port)),
            None => (text.to_owned(), None),
        },
    };
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    if !host.starts_with('[') && !is_name(&host) {
        return None;
    }
    let port: u16 = match port {
        None => PORT,
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok()?,
        Some(_) => return None,
    };
    (port != 0).then(|| format!("{host}:{port}"))
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "unix://{}", path.display()),
            Self::Managers(managers) => write!(f, "wardroom://{}", managers.join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_read_or_refused_with_what_to_write() {
        assert_eq!(
            Host::parse("unix:///run/w.sock"),
            Ok(Host::Socket(PathBuf::from("/run/w.sock")))
        );
        assert_eq!(Host::parse(""), Err(HostError::Empty));
        for wrong in [
            "/run/w.sock",
            "unix://w.sock",
            "unix://",
            "unix:///",
            "tcp://a:1",
            "unix:/run/w.sock",
            "w",
        ] {
            let text = Host::parse(wrong).map_err(|error| error.to_string());
            assert!(
                text.as_ref().is_err_and(|text| text.contains("write unix:///")),
                "{wrong}: {text:?}"
            );
        }
    }

    #[test]
    fn managers_are_addresses_with_a_port() {
        let host = Host::parse("wardroom://a.example,10.0.0.1:9,[::1],[fe80::1]:77/");
        let expected = ["a.example:2377", "10.0.0.1:9", "[::1]:2377", "[fe80::1]:77"];
        assert_eq!(host, Ok(Host::Managers(expected.map(str::to_owned).to_vec())));
        let text = host.map(|host| host.to_string()).unwrap_or_default();
        assert_eq!(text, "wardroom://a.example:2377,10.0.0.1:9,[::1]:2377,[fe80::1]:77");
        for wrong in [
            "wardroom://",
            "wardroom://a,",
            "wardroom://a:",
            "wardroom://a:0",
            "wardroom://a:65536",
            "wardroom://a:+1",
            "wardroom://::1",
            "wardroom://[::1",
            "wardroom://[x]:1",
            "wardroom://[::1]1",
            "wardroom://a b",
            "wardroom://a/b",
            "wardroom://user@a",
        ] {
            assert!(
                matches!(Host::parse(wrong), Err(HostError::Address(_))),
                "{wrong}: {:?}",
                Host::parse(wrong)
            );
        }
        let many = format!("wardroom://{}", ["a"; 17].join(","));
        assert!(matches!(Host::parse(&many), Err(HostError::TooMany(_))));
    }
}
