//! As whom does a run start its program? The caller, or with root's rights any user of this machine.

use uzers::Group;

use crate::report::Report;

/// Who owns the files and runs the program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
    /// Who to become, with these groups besides; `None` to stay who one is.
    pub becomes: Option<Vec<u32>>,
}

/// `user`, `uid`, `user:group` or `uid:gid`.
pub fn find(text: Option<&str>) -> Result<User, Report> {
    let (uid, gid) = (uzers::get_effective_uid(), uzers::get_effective_gid());
    let Some(text) = text else {
        return Ok(User {
            uid,
            gid,
            becomes: None,
        });
    };
    let (who, group) = match text.split_once(':') {
        Some((who, group)) => (who, Some(group)),
        None => (text, None),
    };
    let known = match number(who) {
        Some(number) => uzers::get_user_by_uid(number),
        None => uzers::get_user_by_name(who),
    };
    let wanted = match (&known, number(who)) {
        (Some(known), _) => known.uid(),
        (None, Some(number)) => number,
        (None, None) => return Err(unknown("user", who)),
    };
    let primary = match (group, &known) {
        (Some(group), _) => group_id(group)?,
        (None, Some(known)) => known.primary_group_id(),
        (None, None) => {
            return Err(
                Report::usage(format!("user {who} is not known on this machine, and so is its group"))
                    .hint(format!("give both: --user {who}:{who}")),
            );
        }
    };
    if uid != 0 && (wanted, primary) != (uid, gid) {
        return Err(
            Report::usage(format!("only root can run a program as {text}")).hint("leave --user out, or use sudo")
        );
    }
    let groups = known
        .as_ref()
        .and_then(|known| uzers::get_user_groups(known.name(), primary));
    Ok(User {
        uid: wanted,
        gid: primary,
        becomes: (uid == 0).then(|| groups.unwrap_or_default().iter().map(Group::gid).collect()),
    })
}

/// Of an image: numbers say whose the files are, names are the image's own business.
pub fn of_image(text: Option<&str>) -> User {
    let numbers = text.and_then(|text| {
        let (who, group) = text.split_once(':').unwrap_or((text, text));
        Some((number(who)?, number(group)?))
    });
    let (uid, gid) = numbers.unwrap_or_else(|| (uzers::get_effective_uid(), uzers::get_effective_gid()));
    User {
        uid,
        gid,
        becomes: None,
    }
}

fn group_id(text: &str) -> Result<u32, Report> {
    number(text)
        .or_else(|| uzers::get_group_by_name(text).map(|group| group.gid()))
        .ok_or_else(|| unknown("group", text))
}

/// The all-ones id means "leave it as it is" to the kernel; nobody is called that.
fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|&id| id != u32::MAX)
}

fn unknown(noun: &str, text: &str) -> Report {
    Report::usage(format!(
        "{noun} '{}' is not known on this machine",
        text.escape_default()
    ))
    .hint("name one that it has, or give numbers as uid:gid")
}
