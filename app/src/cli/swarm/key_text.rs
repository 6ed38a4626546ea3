//! How is an unlock key printed? Whole in Docker's words, or in shares for several people; in buffers that are wiped, to
//! standard output and nowhere else.

use std::fmt::Write as _;
use std::str;

use wardroom_api::v1;
use zeroize::Zeroizing;

use crate::cli::arguments::SwarmUnlockKey;
use crate::cli::session::Session;
use crate::report::{Exit, Report};
use crate::text::clean;

/// Docker's words.
pub fn none_is_set() -> Report {
    Report::new(Exit::Conflict, "no unlock key is set").hint("`wardroom swarm update --autolock=true` sets one")
}

/// A key as text; it is ASCII in every form that there is.
pub fn text_of(key: Option<&v1::Confidential>) -> Result<Option<&str>, Report> {
    let text = key.map(|key| str::from_utf8(&key.bytes)).transpose();
    text.map_err(|_| {
        Report::failure("the manager answered with a key that is no text")
            .hint("are wardroom and the manager of one version?")
    })
}

/// Docker's words: what stands below `swarm init --autolock`, and below every new key.
pub fn unlock_text(key: &str) -> Zeroizing<String> {
    text_with(
        key,
        "To unlock a swarm manager after it restarts, run the `wardroom swarm unlock`\n",
    )
}

fn text_with(key: &str, head: &str) -> Zeroizing<String> {
    const TAIL: &str = "\nRemember to store this key in a password manager, since without it you\n\
                        will not be able to restart the manager.\n";
    // Room for all of it, so that the text never moves and leaves a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(head.len() + key.len() * 3 + TAIL.len() + 64));
    text.push_str(head);
    text.push_str("command and provide the following key:\n\n    ");
    line(&mut text, key);
    text.push_str(TAIL);
    text
}

/// What an answer shows.
pub enum Shown<'a> {
    Key { key: &'a str, earlier: Option<u32> },
    Shares { shares: Vec<&'a str>, threshold: u32 },
}

impl<'a> Shown<'a> {
    pub fn of(answer: &'a v1::GetUnlockKeyResponse, arguments: &SwarmUnlockKey) -> Result<Self, Report> {
        if !answer.shares.is_empty() {
            let shares = answer.shares.iter().map(|share| text_of(Some(share)));
            let shares: Result<Vec<Option<&str>>, Report> = shares.collect();
            return Ok(Self::Shares {
                shares: shares?.into_iter().flatten().collect(),
                threshold: arguments.threshold.unwrap_or_default(),
            });
        }
        match text_of(answer.key.as_ref())? {
            Some(key) if !key.is_empty() => Ok(Self::Key {
                key,
                earlier: arguments.epoch,
            }),
            _ => Err(none_is_set()),
        }
    }

    /// For a program that keeps it.
    pub fn bare(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(self.bytes_max()));
        match self {
            Self::Key { key, .. } => line(&mut text, key),
            Self::Shares { shares, .. } => shares.iter().for_each(|share| line(&mut text, share)),
        }
        text
    }

    pub fn page(&self) -> Zeroizing<String> {
        match self {
            Self::Key { key, earlier: None } => unlock_text(key),
            Self::Key {
                key,
                earlier: Some(epoch),
            } => {
                let head = format!(
                    "To unlock a swarm manager that hangs on the unlock key of epoch {epoch}, run the `wardroom swarm unlock`\n"
                );
                text_with(key, &head)
            }
            Self::Shares { shares, threshold } => {
                let mut text = Zeroizing::new(String::with_capacity(self.bytes_max()));
                // Writing to a string cannot fail.
                let _ = write!(
                    *text,
                    "To unlock a swarm manager after it restarts, any {threshold} of {} people run the `wardroom swarm unlock`\n\
                     command, one after another, and provide their share:\n\n",
                    shares.len()
                );
                for (number, share) in shares.iter().enumerate() {
                    let _ = write!(*text, "{:>5}  ", number + 1);
                    line(&mut text, share);
                }
                let _ = write!(*text, "\nThe shares of another call do not go together with these.\n");
                text
            }
        }
    }

    /// Docker's words above the key.
    pub fn rotated(&self) -> Zeroizing<String> {
        let page = self.page();
        let mut text = Zeroizing::new(String::with_capacity(page.len() + 64));
        text.push_str("Successfully rotated manager unlock key.\n\n");
        text.push_str(&page);
        text
    }

    /// Room for all of it, as above; what is replaced in a text is at most three bytes.
    fn bytes_max(&self) -> usize {
        match self {
            Self::Key { key, .. } => key.len() * 3 + 64,
            Self::Shares { shares, .. } => shares.iter().map(|share| share.len() * 3 + 64).sum::<usize>() + 512,
        }
    }

    pub fn warn(&self, session: &mut Session) {
        if let Self::Shares { threshold, .. } = self {
            session.output.note(&format!(
                "WARNING: give each share to another person: whoever has {threshold} of them has the key"
            ));
        }
    }
}

fn line(text: &mut Zeroizing<String>, key: &str) {
    text.push_str(&clean(key));
    text.push('\n');
}

#[cfg(test)]
#[path = "key_text_tests.rs"]
mod tests;
