//! Which addresses does this machine have? Asked of the kernel over its routing socket, which knows the network namespace
//! this process is in; what `/sys` shows may be another one's.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink::SocketAddrNetlink, recv, sendto, socket_with,
};

// From linux/netlink.h, linux/rtnetlink.h, linux/if_link.h and linux/if_addr.h.
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP: u16 = 0x300;
const IFF_UP: u32 = 1;
const IFF_LOOPBACK: u32 = 8;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINKINFO: u16 = 18;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

const HEADER: usize = 16;
const LINK: usize = 16;
const ADDRESS: usize = 8;
/// What the kernel puts into one answer at most.
const ANSWER_BYTES: usize = 32 * 1024;

/// A network interface with its addresses, in the kernel's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    pub name: String,
    pub is_up: bool,
    pub is_loopback: bool,
    /// Not made by software: no bridge, no tunnel, no end of a pair.
    pub is_device: bool,
    pub addresses: Vec<IpAddr>,
}

/// Every interface of this network namespace.
pub fn all() -> io::Result<Vec<Interface>> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    let mut found = BTreeMap::new();
    dump(&socket, RTM_GETLINK, |kind, body| link(kind, body, &mut found))?;
    dump(&socket, RTM_GETADDR, |kind, body| address(kind, body, &mut found))?;
    Ok(found.into_values().collect())
}

/// Asks for everything of one kind and hands each message's kind and body to `take`.
fn dump(socket: &OwnedFd, kind: u16, mut take: impl FnMut(u16, &[u8])) -> io::Result<()> {
    let kernel = SocketAddrNetlink::new(0, 0);
    sendto(socket, &question(kind), SendFlags::empty(), &kernel)?;
    let mut answer = vec![0; ANSWER_BYTES];
    loop {
        let (length, _) = recv(socket, &mut answer, RecvFlags::empty())?;
        if !messages(&answer[..length], &mut take)? {
            return Ok(());
        }
    }
}

/// A header and a link message that name nothing: everything is asked for.
fn question(kind: u16) -> [u8; HEADER + LINK] {
    let mut bytes = [0; HEADER + LINK];
    let length = u32::try_from(bytes.len()).expect("two small constants");
    bytes[0..4].copy_from_slice(&length.to_ne_bytes());
    bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
    bytes[6..8].copy_from_slice(&(NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    bytes
}

/// Walks the messages of one answer; `false` after the last one of a dump.
fn messages(mut bytes: &[u8], take: &mut impl FnMut(u16, &[u8])) -> io::Result<bool> {
    while bytes.len() >= HEADER {
        let length = u32_at(bytes, 0) as usize;
        let (kind, whole) = (u16_at(bytes, 4), bytes.get(..length));
        let Some(body) = whole.and_then(|whole| whole.get(HEADER..)) else {
            return Err(io::Error::other("the kernel's answer is cut short"));
        };
        match kind {
            NLMSG_DONE => return Ok(false),
            NLMSG_ERROR => return Err(refused(body)),
            kind => take(kind, body),
        }
        bytes = bytes.get(aligned(length)..).unwrap_or_default();
    }
    Ok(true)
}

fn refused(body: &[u8]) -> io::Error {
    match body.first_chunk::<4>() {
        Some(code) => io::Error::from_raw_os_error(i32::from_ne_bytes(*code).saturating_neg()),
        None => io::Error::other("the kernel refused without a reason"),
    }
}

fn link(kind: u16, body: &[u8], found: &mut BTreeMap<u32, Interface>) {
    if kind != RTM_NEWLINK || body.len() < LINK {
        return;
    }
    let (index, flags) = (u32_at(body, 4), u32_at(body, 8));
    let mut interface = Interface {
        name: String::new(),
        is_up: flags & IFF_UP != 0,
        is_loopback: flags & IFF_LOOPBACK != 0,
        is_device: true,
        addresses: Vec::new(),
    };
    for (attribute, value) in Attributes(&body[LINK..]) {
        match attribute {
            IFLA_IFNAME => {
                let name = String::from_utf8_lossy(value);
                name.trim_end_matches('\0').clone_into(&mut interface.name);
            }
            IFLA_LINKINFO => interface.is_device = false,
            _ => {}
        }
    }
    found.insert(index, interface);
}

fn address(kind: u16, body: &[u8], found: &mut BTreeMap<u32, Interface>) {
    if kind != RTM_NEWADDR || body.len() < ADDRESS {
        return;
    }
    let (family, index) = (body[0], u32_at(body, 4));
    let (mut local, mut address) = (None, None);
    for (attribute, value) in Attributes(&body[ADDRESS..]) {
        match attribute {
            // Of a point-to-point link, the address is the other end's and the local one is ours.
            IFA_LOCAL => local = ip(family, value),
            IFA_ADDRESS => address = ip(family, value),
            _ => {}
        }
    }
    if let (Some(interface), Some(ip)) = (found.get_mut(&index), local.or(address)) {
        interface.addresses.push(ip);
    }
}

fn ip(family: u8, value: &[u8]) -> Option<IpAddr> {
    match family {
        AF_INET => Some(Ipv4Addr::from(<[u8; 4]>::try_from(value).ok()?).into()),
        AF_INET6 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(value).ok()?).into()),
        _ => None,
    }
}

/// Kind and value of each attribute; ends at the first one that does not fit.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        const HEAD: usize = 4;
        if self.0.len() < HEAD {
            return None;
        }
        let (length, kind) = (usize::from(u16_at(self.0, 0)), u16_at(self.0, 2));
        let value = self.0.get(HEAD..length)?;
        self.0 = self.0.get(aligned(length)..).unwrap_or_default();
        // The two highest bits say how the value is written, not what it is.
        Some((kind & 0x3fff, value))
    }
}

fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

/// The caller has checked the length.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_loopback_is_found_on_every_machine() {
        let found = all().unwrap();
        let loopback = found.iter().find(|interface| interface.is_loopback).unwrap();
        assert_eq!((loopback.name.as_str(), loopback.is_device), ("lo", true));
        assert!(!loopback.is_up || loopback.addresses.contains(&Ipv4Addr::LOCALHOST.into()));
    }

    #[test]
    fn a_refusal_is_the_systems_own() {
        let mut bytes = question(NLMSG_ERROR).to_vec();
        bytes[HEADER..HEADER + 4].copy_from_slice(&(-13_i32).to_ne_bytes());
        let error = messages(&bytes, &mut |_, _| {}).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut found = BTreeMap::from([(1, Interface {
                name: "x".into(), is_up: true, is_loopback: false, is_device: true, addresses: Vec::new(),
            })]);
            let _ = messages(&bytes, &mut |_, _| {});
            link(RTM_NEWLINK, &bytes, &mut found);
            address(RTM_NEWADDR, &bytes, &mut found);
        }
    }
}
