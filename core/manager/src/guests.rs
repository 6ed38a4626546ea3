//! Who else may administer this machine's manager? Beside root and the user it runs as, the members of one group: the
//! kernel names the user at the other end of a socket, and the system's accounts say who is in the group.

use std::io;

use tokio::net::UnixStream;
use tonic::Request;
use wardroom_state::command::Actor;

use crate::control::caller::Caller;
use crate::server::{Local, user_name};

/// A group of this machine whose members are let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guests {
    pub name: String,
    pub gid: u32,
}

impl Guests {
    /// The group of that name; `None` when this machine has none.
    pub fn of(name: &str) -> Option<Self> {
        let gid = gid_in(&accounts("/etc/group"), name)?;
        Some(Self {
            name: name.to_owned(),
            gid,
        })
    }

    /// By the group of the process, or by the accounts: as its user's own group, or as one of its members.
    fn admit(&self, uid: u32, gid: u32, users: &str, groups: &str) -> bool {
        let by_name = || {
            let user = users.lines().find_map(|line| user_in(line, uid));
            user.is_some_and(|(name, own)| own == self.gid || members_in(groups, self.gid).any(|member| member == name))
        };
        gid == self.gid || by_name()
    }
}

impl Local {
    /// As [`Self::unix`]; the guests are let in too.
    pub fn unix_with(stream: UnixStream, guests: Option<&Guests>) -> io::Result<Self> {
        let Some(guests) = guests else {
            return Self::unix(stream);
        };
        let peer = stream.peer_cred()?;
        let is_own = peer.uid() == 0 || peer.uid() == rustix::process::geteuid().as_raw();
        if is_own
            || guests.admit(
                peer.uid(),
                peer.gid(),
                &accounts("/etc/passwd"),
                &accounts("/etc/group"),
            )
        {
            return Ok(Self::trusted(Box::new(stream), user_name(peer.uid())));
        }
        let text = format!(
            "user {} may not administer this manager; use the account it runs under, root, or a member of group {}",
            peer.uid(),
            guests.name
        );
        Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
    }
}

/// In whose name a request comes, as the audit chain names them; `None` unless [`crate::serve_local`] has let it in.
pub fn actor_of<T>(request: &Request<T>) -> Option<Actor> {
    request.extensions().get::<Caller>().map(Caller::actor)
}

/// Read anew each time: who is taken out of the group stays out from then on.
fn accounts(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Name and own group of the user, if this line of `/etc/passwd` is theirs.
fn user_in(line: &str, uid: u32) -> Option<(&str, u32)> {
    let mut fields = line.split(':');
    let (name, _password, number, group) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    (number.parse() == Ok(uid)).then_some((name, group.parse().ok()?))
}

fn gid_in(groups: &str, wanted: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == wanted).then(|| fields.nth(1)?.parse().ok())?
    })
}

fn members_in(groups: &str, gid: u32) -> impl Iterator<Item = &str> {
    groups.lines().flat_map(move |line| {
        let mut fields = line.split(':').skip(2);
        let is_it = fields.next().is_some_and(|number| number.parse() == Ok(gid));
        let members = fields.next().filter(|_| is_it).unwrap_or_default();
        members.split(',').map(str::trim).filter(|member| !member.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\nbroken\nbo:x:1001:27::/:/bin/sh\n\
                         eve:x:1002:1002::/:/bin/sh\n";
    const GROUPS: &str = "root:x:0:\nwardroom:x:27:ada, kim\nbroken\nother:x:28:eve\n";

    fn guests() -> Guests {
        Guests {
            name: "wardroom".into(),
            gid: 27,
        }
    }

    #[test]
    fn a_group_is_found_by_its_name() {
        assert_eq!(gid_in(GROUPS, "wardroom"), Some(27));
        assert_eq!(gid_in(GROUPS, "ward"), None);
        assert_eq!(gid_in("wardroom:x:many:", "wardroom"), None);
    }

    #[test]
    fn members_come_in_however_they_are_members() {
        let admit = |uid, gid| guests().admit(uid, gid, USERS, GROUPS);
        assert!(admit(1000, 1000), "listed as a member");
        assert!(admit(1001, 1001), "it is the user's own group");
        assert!(admit(4711, 27), "the process runs in the group");
        assert!(!admit(1002, 1002), "a member of another group");
        assert!(!admit(4711, 4711), "a user without an account");
    }

    #[tokio::test]
    async fn the_own_user_needs_no_group() {
        for guests in [None, Some(guests())] {
            let (near, _far) = UnixStream::pair().expect("a pair of sockets");
            assert!(Local::unix_with(near, guests.as_ref()).is_ok());
        }
    }
}
