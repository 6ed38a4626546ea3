//! As whom does a process run? Names and numbers, looked up as this host knows its users and groups.

use std::ffi::OsString;

use rustix::process::geteuid;
use uzers::os::unix::UserExt;

/// A user of this host, and the groups it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct As {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Besides `gid`; no others.
    pub(super) groups: Vec<u32>,
    /// Of a user that the host knows.
    pub(super) name: Option<OsString>,
    pub(super) home: Option<OsString>,
}

/// `None`: as this worker. `user` is `user`, `uid`, `user:group` or `uid:gid`.
pub(super) fn find(user: &str, groups: &[String]) -> Result<Option<As>, String> {
    if user.is_empty() && groups.is_empty() {
        return Ok(None);
    }
    let (who, group) = match user.split_once(':') {
        Some((who, group)) => (who, Some(group)),
        None => (user, None),
    };
    let known = known(who)?;
    let gid = match (group, &known) {
        (Some(group), _) => group_id(group)?,
        (None, Some(known)) => known.primary_group_id(),
        (None, None) => {
            return Err(format!(
                "user {who} is not known on this node, and so is its group; give both, for example {who}:{who}"
            ));
        }
    };
    let found = As {
        uid: match &known {
            Some(known) => known.uid(),
            None => number(who).ok_or_else(|| unknown(who))?,
        },
        gid,
        groups: groups.iter().map(|group| group_id(group)).collect::<Result<_, _>>()?,
        name: known.as_ref().map(|known| known.name().to_owned()),
        home: known.as_ref().map(|known| known.home_dir().into()),
    };
    if !geteuid().is_root() && found.uid != geteuid().as_raw() {
        return Err(format!(
            "this worker does not run as root and cannot start a process as {}; start the worker as root, or leave the \
             user away",
            user.escape_default()
        ));
    }
    Ok(Some(found))
}

fn known(who: &str) -> Result<Option<uzers::User>, String> {
    if who.is_empty() {
        return Ok(uzers::get_user_by_uid(geteuid().as_raw()));
    }
    // A name of digits is a number to Docker, and to everybody who reads it.
    match number(who) {
        Some(uid) => Ok(uzers::get_user_by_uid(uid)),
        None => uzers::get_user_by_name(who).map(Some).ok_or_else(|| unknown(who)),
    }
}

fn group_id(group: &str) -> Result<u32, String> {
    number(group)
        .or_else(|| uzers::get_group_by_name(group).map(|known| known.gid()))
        .ok_or_else(|| {
            format!(
                "group '{}' is not known on this node; create it, or give its number",
                group.escape_default()
            )
        })
}

/// The all-ones id means "leave it as it is" to the kernel; nobody is called that.
fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|&id| id != u32::MAX)
}

fn unknown(who: &str) -> String {
    format!(
        "user '{}' is not known on this node; create it, or give numbers as uid:gid",
        who.escape_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(user: &str, groups: &[&str]) -> String {
        let groups: Vec<String> = groups.iter().map(|&group| group.to_owned()).collect();
        find(user, &groups).expect_err("it is refused")
    }

    #[test]
    fn nobody_in_particular_is_this_worker() {
        assert_eq!(find("", &[]), Ok(None));
    }

    #[test]
    fn who_is_not_known_is_named() {
        for user in ["no-such-user", "no-such-user:0", "4294967295:0", "-1:0", "12x"] {
            let words = refused(user, &[]);
            assert!(words.contains("is not known on this node"), "{words}");
        }
        assert!(refused("0:no-such-group", &[]).contains("group 'no-such-group'"));
        assert!(refused("", &["no-such-group"]).contains("group 'no-such-group'"));
        assert!(refused("3999999999", &[]).contains("3999999999:3999999999"));
    }

    #[test]
    fn names_and_numbers_are_found() {
        if !geteuid().is_root() {
            assert!(refused("0", &[]).contains("does not run as root"));
            return;
        }
        let root = find("root", &["7".to_owned()])
            .expect("root is known")
            .expect("it was asked for");
        assert_eq!((root.uid, root.gid, root.groups), (0, 0, vec![7]));
        assert_eq!(root.name, Some("root".into()));
        let numbers = find("3999999999:5", &[])
            .expect("numbers need not be known")
            .expect("asked for");
        assert_eq!((numbers.uid, numbers.gid, numbers.name), (3_999_999_999, 5, None));
    }
}
