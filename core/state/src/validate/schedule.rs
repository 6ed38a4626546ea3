//! Can somebody make the next value? A length to generate, or the name of a hook.

use super::{invalid, quoted, secret_size};
use crate::refusal::Refusal;
use crate::secret::Schedule;

pub const HOOK_NAME_MAX: usize = 64;

pub fn schedule(schedule: &Schedule) -> Result<(), Refusal> {
    match schedule {
        Schedule::Generate(length) => secret_size(usize::try_from(*length).unwrap_or(usize::MAX)),
        Schedule::Hook(name) => hook(name),
    }
}

/// A file of the hooks folder: nothing that could lead out of it, and nothing hidden.
fn hook(name: &str) -> Result<(), Refusal> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let begins_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if begins_well && name.len() <= HOOK_NAME_MAX && name.bytes().all(fits) {
        return Ok(());
    }
    let problem = format!(
        "'{}' is no name of one; use up to {HOOK_NAME_MAX} of [a-zA-Z0-9-_.], with a letter or digit first",
        quoted(name)
    );
    Err(invalid("hook", problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_a_file_of_its_folder() {
        for name in ["rotate-db", "a", "db.sh", "0_x"] {
            assert_eq!(schedule(&Schedule::Hook(name.into())), Ok(()), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            ".hidden",
            "a/b",
            "/a",
            "a b",
            "-x",
            "a\0",
            &"x".repeat(65),
        ] {
            assert!(schedule(&Schedule::Hook(name.into())).is_err(), "{name:?}");
        }
        assert_eq!(schedule(&Schedule::Generate(32)), Ok(()));
        assert_eq!(schedule(&Schedule::Generate(0)), Err(Refusal::SizeInvalid));
        assert_eq!(schedule(&Schedule::Generate(512_000)), Err(Refusal::SizeInvalid));
    }
}
