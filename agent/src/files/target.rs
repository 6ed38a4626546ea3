//! Which file names may a grant ask for? Plain relative paths that stay below the task's directory.
//!
//! The rules are Kubernetes' for atomic sets: the names that begin with `..` belong to the set's own machinery.
//!
//! An absolute path is for containers, which have a root of their own. Its file lies in the same set, below a name of the
//! machinery's, so that it moves with all others; in the container a link leads there. What is below the container's
//! secrets directory anyway is a relative path written at length.

use std::collections::BTreeSet;
use std::fmt;

use thiserror::Error;

use super::Reach;

/// Linux's limits for one name and for a path.
const NAME_BYTES_MAX: usize = 255;
const PATH_BYTES_MAX: usize = 4096;
/// Where a set keeps the files of absolute targets.
pub(crate) const ABSOLUTE: &str = "..absolute";
/// Where a container finds its secrets directory.
pub(crate) const SEEN_AT: &str = "/run/secrets";

/// A checked path below the task's directory, such as `db_password` or `tls/pay.pem`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target(String);

#[derive(Debug, Error, PartialEq, Eq)]
pub enum TargetError {
    #[error("the target is empty; name the file, for example db_password")]
    Empty,
    #[error("target '{0}' is absolute; only a container has such: give a path relative to the secrets directory")]
    Absolute(String),
    #[error("target '{0}' has an empty, '.' or '..' element; give a plain relative path")]
    Element(String),
    #[error("target '{0}' has a name that begins with '..'; such names are reserved, choose another")]
    Reserved(String),
    #[error("target '{0}' has a control character; choose a printable name")]
    Control(String),
    #[error("the target is too long; a name has at most 255 bytes and a path 4096")]
    TooLong,
    #[error("targets '{0}' and '{1}' conflict: one is the directory of the other; rename one of them")]
    Conflict(String, String),
    #[error("target '{0}' is asked for twice; give each file its own target")]
    Twice(String),
}

impl Target {
    /// Accepts what can be created below a directory without ever leaving it.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let quoted = || text.escape_default().to_string();
        if text.is_empty() {
            return Err(TargetError::Empty);
        }
        if text.len() >= PATH_BYTES_MAX || text.split('/').any(|name| name.len() > NAME_BYTES_MAX) {
            return Err(TargetError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(TargetError::Control(quoted()));
        }
        let below = text.strip_prefix(SEEN_AT).and_then(|below| below.strip_prefix('/'));
        if text == SEEN_AT {
            return Err(TargetError::Element(quoted()));
        }
        let plain = below.unwrap_or(text);
        let names = plain.strip_prefix('/').unwrap_or(plain);
        for name in names.split('/') {
            match name {
                "" | "." | ".." => return Err(TargetError::Element(quoted())),
                _ if name.starts_with("..") => return Err(TargetError::Reserved(quoted())),
                _ => {}
            }
        }
        if plain.starts_with('/') {
            return Ok(Self(format!("{ABSOLUTE}{plain}")));
        }
        Ok(Self(plain.to_owned()))
    }

    /// Only what has a root of its own can have a file at an absolute path.
    pub fn check(&self, reach: Reach) -> Result<(), TargetError> {
        match self.absolute() {
            Some(path) if reach != Reach::Container => Err(TargetError::Absolute(path.escape_default().to_string())),
            _ => Ok(()),
        }
    }

    /// The path outside the secrets directory at which a container is to find the file.
    pub fn absolute(&self) -> Option<&str> {
        self.0.strip_prefix(ABSOLUTE)
    }

    /// The path below the task's directory.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name that is visible in the task's directory: the file, or the outermost directory of a nested target.
    pub fn first(&self) -> &str {
        self.0.split('/').next().unwrap_or(&self.0)
    }

    /// The directories above the file, outermost first: `a`, `a/b` for `a/b/c`.
    pub fn directories(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(at, _)| &self.0[..at])
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.absolute().unwrap_or(&self.0))
    }
}

/// One set of files: every target once, and none the directory of another.
pub fn check_set<'a>(targets: impl Iterator<Item = &'a Target>) -> Result<(), TargetError> {
    let mut seen = BTreeSet::new();
    for target in targets {
        if !seen.insert(target) {
            return Err(TargetError::Twice(target.to_string()));
        }
    }
    for target in &seen {
        for directory in target.directories() {
            if let Some(file) = seen.iter().find(|other| other.as_str() == directory) {
                return Err(TargetError::Conflict(file.to_string(), target.to_string()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may stop at the first surprise

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_and_nested_names_pass() {
        for text in [
            "db_password",
            "tls/pay.pem",
            "a/b/c",
            ".env",
            "a..b",
            "...".trim_end_matches(".."),
            "ключ",
        ] {
            assert!(Target::parse(text).is_ok() || text == ".", "{text}");
        }
        let nested = Target::parse("a/b/c").unwrap();
        assert_eq!(nested.first(), "a");
        assert_eq!(nested.directories().collect::<Vec<_>>(), ["a", "a/b"]);
    }

    #[test]
    fn every_way_out_is_refused() {
        for text in [
            "",
            "/",
            "/etc/../passwd",
            "//etc",
            "/run/secrets",
            "/run/secrets/../x",
            "../x",
            "a/../../x",
            "a//b",
            "a/",
            "./a",
            "a/./b",
            "..",
            "..data",
            "..data/x",
            "x/..y",
            "a\0b",
            "a\nb",
        ] {
            assert!(Target::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(Target::parse(&"x".repeat(256)), Err(TargetError::TooLong));
        assert_eq!(Target::parse(&"x/".repeat(2048)), Err(TargetError::TooLong));
    }

    #[test]
    fn an_absolute_path_is_for_containers() {
        let target = Target::parse("/etc/tls/key.pem").unwrap();
        assert_eq!(target.as_str(), "..absolute/etc/tls/key.pem");
        assert_eq!(target.absolute(), Some("/etc/tls/key.pem"));
        assert_eq!(target.to_string(), "/etc/tls/key.pem");
        assert_eq!(target.check(Reach::Container), Ok(()));
        assert_eq!(
            target.check(Reach::Host),
            Err(TargetError::Absolute("/etc/tls/key.pem".into()))
        );
        let below = Target::parse("/run/secrets/tls/key.pem").unwrap();
        assert_eq!((below.as_str(), below.absolute()), ("tls/key.pem", None));
        assert_eq!(below.check(Reach::Host), Ok(()));
    }

    #[test]
    fn sets_without_room_for_all_are_refused() {
        let check = |texts: &[&str]| {
            let targets: Vec<_> = texts.iter().map(|text| Target::parse(text).unwrap()).collect();
            check_set(targets.iter())
        };
        assert_eq!(check(&["a", "b/c", "b/d"]), Ok(()));
        assert_eq!(check(&["a", "a"]), Err(TargetError::Twice("a".into())));
        assert_eq!(
            check(&["tls/pay.pem", "tls"]),
            Err(TargetError::Conflict("tls".into(), "tls/pay.pem".into()))
        );
    }

    proptest! {
        #[test]
        fn what_passes_never_leaves_the_directory(text in "[./a\\x00]{0,12}") {
            if let Ok(target) = Target::parse(&text) {
                let path = std::path::Path::new(target.as_str());
                prop_assert!(path.components().all(|part| matches!(part, std::path::Component::Normal(_))));
            }
        }
    }
}
