//! At which addresses is this node listened to, and reached? Docker's rules: an address or an interface, a port that
//! follows, and no guess where there is a choice.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use super::interfaces::Interface;

/// Docker's port of managers.
pub const PORT: u16 = 2377;
/// What is bound unless something else is asked for.
pub const LISTEN: &str = "0.0.0.0:2377";
/// What to do about every refusal to choose.
const SPECIFY: &str = "specify one with --advertise-addr";

/// Why an address cannot be used. The texts are Docker's where it has some.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("listen address must be an IP address or network interface (with port number), not `{0}`")]
    Listen(String),
    #[error(
        "advertise address must be a non-zero IP address or network interface (with optional port number), not `{0}`"
    )]
    Advertise(String),
    #[error("port {0} cannot be used: choose one from 1 to 65535")]
    Port(String),
    #[error(
        "interface {interface} has more than one {family} address ({first} and {second}): name the address instead"
    )]
    Several {
        interface: String,
        family: &'static str,
        first: IpAddr,
        second: IpAddr,
    },
    #[error("interface {0} has no usable IPv4 or IPv6 address: name an address instead")]
    None(String),
    #[error("could not choose an IP address to advertise since this system has multiple addresses on {0} - {SPECIFY}")]
    Choice(String),
    #[error("could not find the system's IP address - {SPECIFY}")]
    NoAddress,
}

/// The address to bind: `given` is an address or an interface with or without a port, or empty.
pub fn listen(given: &str, interfaces: &[Interface]) -> Result<SocketAddr, AddressError> {
    let given = if given.is_empty() { LISTEN } else { given };
    let (host, port) = split(given)?;
    let ip = resolve(host, interfaces, AddressError::Listen(given.to_owned()))?;
    Ok(SocketAddr::new(ip, port.unwrap_or(PORT)))
}

/// The address to be reached at, when somebody said which.
pub fn named(given: &str, listen: SocketAddr, interfaces: &[Interface]) -> Result<SocketAddr, AddressError> {
    let refused = || AddressError::Advertise(given.to_owned());
    let (host, port) = split(given)?;
    let ip = resolve(host, interfaces, refused())?;
    if ip.is_unspecified() || ip.is_multicast() {
        return Err(refused());
    }
    Ok(SocketAddr::new(ip, port.unwrap_or(listen.port())))
}

/// The address to be reached at, when nobody said which: the one that is listened at if it is one, else the only one of
/// this machine.
pub fn chosen(listen: SocketAddr, interfaces: &[Interface]) -> Result<SocketAddr, AddressError> {
    if !listen.ip().is_unspecified() {
        return Ok(listen);
    }
    let ip = only(interfaces)?;
    Ok(SocketAddr::new(ip, listen.port()))
}

/// `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address.
fn split(given: &str) -> Result<(&str, Option<u16>), AddressError> {
    if given.parse::<IpAddr>().is_ok() {
        return Ok((given, None));
    }
    let (host, port) = match given.rsplit_once(':') {
        Some((host, port)) if !given.ends_with(']') => (host, Some(port)),
        _ => (given, None),
    };
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let port = port.map(|text| match text.parse() {
        Ok(port @ 1..) => Ok(port),
        _ => Err(AddressError::Port(text.escape_default().to_string())),
    });
    Ok((host, port.transpose()?))
}

/// An interface's name comes before an address: that is how Docker reads it.
fn resolve(host: &str, interfaces: &[Interface], refused: AddressError) -> Result<IpAddr, AddressError> {
    match interfaces.iter().find(|interface| interface.name == host) {
        Some(interface) => preferred(interface)?.ok_or_else(|| AddressError::None(interface.name.clone())),
        None => host.parse().map_err(|_| refused),
    }
}

/// The one IPv4 address of an interface, else its one IPv6 address. Addresses that hold on one link only do not count.
fn preferred(interface: &Interface) -> Result<Option<IpAddr>, AddressError> {
    for family in ["IPv4", "IPv6"] {
        let mut usable = interface
            .addresses
            .iter()
            .filter(|ip| ip.is_ipv4() == (family == "IPv4") && is_usable(**ip));
        match (usable.next(), usable.next()) {
            (Some(first), Some(second)) => {
                return Err(AddressError::Several {
                    interface: interface.name.clone(),
                    family,
                    first: *first,
                    second: *second,
                });
            }
            (Some(only), None) => return Ok(Some(*only)),
            _ => {}
        }
    }
    Ok(None)
}

fn is_usable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_link_local() && !ip.is_unspecified() && !ip.is_multicast(),
        IpAddr::V6(ip) => !ip.is_unicast_link_local() && !ip.is_unspecified() && !ip.is_multicast(),
    }
}

/// The machine's one address: of its devices, else of its other interfaces (inside a namespace there is no device), else
/// the loopback's, where a cluster of one machine can live.
fn only(interfaces: &[Interface]) -> Result<IpAddr, AddressError> {
    let up = || interfaces.iter().filter(|interface| interface.is_up);
    let devices: Vec<_> = up().filter(|one| one.is_device && !one.is_loopback).collect();
    let others: Vec<_> = up().filter(|one| !one.is_device && !one.is_loopback).collect();
    let loopback: Vec<_> = up().filter(|one| one.is_loopback).collect();
    for group in [devices, others, loopback] {
        if let Some(ip) = only_of(&group)? {
            return Ok(ip);
        }
    }
    Err(AddressError::NoAddress)
}

fn only_of(group: &[&Interface]) -> Result<Option<IpAddr>, AddressError> {
    let mut found = Vec::new();
    for interface in group {
        match preferred(interface) {
            Ok(Some(ip)) => found.push((ip, interface.name.as_str())),
            Ok(None) => {}
            Err(AddressError::Several {
                interface,
                first,
                second,
                ..
            }) => {
                return Err(AddressError::Choice(format!(
                    "interface {interface} ({first} and {second})"
                )));
            }
            Err(other) => return Err(other),
        }
    }
    match found.as_slice() {
        [] => Ok(None),
        [(ip, _)] => Ok(Some(*ip)),
        several => Err(AddressError::Choice(format!(
            "different interfaces ({})",
            listed(several)
        ))),
    }
}

/// `192.0.2.1 on eth0 and 10.0.0.1 on eth1`.
fn listed(found: &[(IpAddr, &str)]) -> String {
    let mut text = String::new();
    for (number, (ip, interface)) in found.iter().enumerate() {
        let joint = if number == 0 { "" } else { " and " };
        write!(text, "{joint}{ip} on {interface}").expect("a string takes any text");
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    fn interface(name: &str, is_device: bool, addresses: &[&str]) -> Interface {
        Interface {
            name: name.into(),
            is_up: true,
            is_loopback: name == "lo",
            is_device,
            addresses: addresses.iter().map(|ip| ip.parse().unwrap()).collect(),
        }
    }

    fn machine() -> Vec<Interface> {
        vec![
            interface("lo", true, &["127.0.0.1", "::1"]),
            interface("eth0", true, &["192.0.2.2", "fd00::2", "fe80::1"]),
            interface("docker0", false, &["172.17.0.1"]),
        ]
    }

    fn any() -> SocketAddr {
        LISTEN.parse().unwrap()
    }

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_listened_at_has_dockers_defaults() {
        let listen = |given| listen(given, &machine());
        assert_eq!(listen(""), Ok(any()));
        assert_eq!(listen("0.0.0.0"), Ok(any()));
        assert_eq!(listen("127.0.0.1:4000"), Ok(at("127.0.0.1:4000")));
        assert_eq!(listen("eth0:4000"), Ok(at("192.0.2.2:4000")));
        assert_eq!(listen("[::]:4000"), Ok(at("[::]:4000")));
        assert_eq!(listen("::1"), Ok(at("[::1]:2377")));
        for wrong in ["example.org:1", "eth9", ":4000"] {
            assert_eq!(listen(wrong), Err(AddressError::Listen(wrong.into())), "{wrong}");
        }
        for wrong in ["0.0.0.0:0", "0.0.0.0:x", "0.0.0.0:", "0.0.0.0:65536"] {
            assert!(matches!(listen(wrong), Err(AddressError::Port(_))), "{wrong}");
        }
    }

    #[test]
    fn an_advertised_address_is_one_that_others_can_use() {
        let named = |given| named(given, at("0.0.0.0:4000"), &machine());
        assert_eq!(
            named("192.0.2.9"),
            Ok(at("192.0.2.9:4000")),
            "the port follows what is listened at"
        );
        assert_eq!(named("eth0:5000"), Ok(at("192.0.2.2:5000")));
        assert_eq!(named("fd00::2"), Ok(at("[fd00::2]:4000")));
        assert_eq!(named("[fd00::2]:1"), Ok(at("[fd00::2]:1")));
        for wrong in ["0.0.0.0", "[::]:1", "224.0.0.1", "example.org", ""] {
            assert_eq!(named(wrong), Err(AddressError::Advertise(wrong.into())), "{wrong}");
        }
    }

    #[test]
    fn the_one_address_is_chosen_and_a_choice_is_not_made() {
        assert_eq!(
            chosen(any(), &machine()),
            Ok(at("192.0.2.2:2377")),
            "a bridge is no choice"
        );
        assert_eq!(chosen(at("127.0.0.2:9"), &machine()), Ok(at("127.0.0.2:9")));
        let mut two = machine();
        two.push(interface("eth1", true, &["10.0.0.1"]));
        let text = chosen(any(), &two).unwrap_err().to_string();
        assert_eq!(
            text,
            "could not choose an IP address to advertise since this system has multiple addresses on different \
             interfaces (192.0.2.2 on eth0 and 10.0.0.1 on eth1) - specify one with --advertise-addr"
        );
        let several = [interface("eth0", true, &["10.0.0.1", "10.0.0.2"])];
        let text = chosen(any(), &several).unwrap_err().to_string();
        assert!(text.contains("on interface eth0 (10.0.0.1 and 10.0.0.2)"), "{text}");
    }

    #[test]
    fn without_a_device_the_next_best_is_taken() {
        let mut namespace = machine();
        namespace.remove(1);
        assert_eq!(chosen(any(), &namespace), Ok(at("172.17.0.1:2377")));
        namespace.pop();
        assert_eq!(chosen(any(), &namespace), Ok(at("127.0.0.1:2377")));
        namespace[0].is_up = false;
        assert_eq!(chosen(any(), &namespace), Err(AddressError::NoAddress));
    }

    #[test]
    fn an_interface_without_a_clear_address_is_named() {
        let several = [
            interface("eth0", true, &["10.0.0.1", "10.0.0.2"]),
            interface("eth1", true, &["fe80::1"]),
        ];
        assert!(matches!(
            named("eth0", any(), &several),
            Err(AddressError::Several { .. })
        ));
        assert_eq!(named("eth1", any(), &several), Err(AddressError::None("eth1".into())));
    }
}
