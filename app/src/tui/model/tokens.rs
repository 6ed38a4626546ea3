//! What lies in the box of the join tokens? Facts about both, and for at most half a minute the text of one of them, in
//! a type that wipes itself and that no `Debug` shows.

use std::fmt;

use wardroom_api::v1::Role;
use zeroize::Zeroize;

use crate::tui::msg::Ticket;

/// How long a token stays on the screen.
pub const SHOWN_MS: i64 = 30_000;

/// Longer than any token: what is longer comes from something else.
const LENGTH_MAX: usize = 512;

/// The text of a join token. Whoever has it can join a machine to the cluster.
pub struct TokenText(Vec<u8>);

impl TokenText {
    /// Takes the bytes over; what is no token is wiped and refused.
    pub fn new(mut bytes: Vec<u8>) -> Result<Self, &'static str> {
        let fits = !bytes.is_empty() && bytes.len() <= LENGTH_MAX && bytes.iter().all(u8::is_ascii_graphic);
        if fits {
            Ok(Self(bytes))
        } else {
            bytes.zeroize();
            Err("the manager sent something that is no join token: look into its log")
        }
    }

    /// Its parts for lines of that many columns, broken after a dash where there is one.
    pub fn lines(&self, width: usize) -> Vec<&[u8]> {
        let mut lines = Vec::new();
        let mut rest = self.0.as_slice();
        while width > 0 && rest.len() > width {
            let dash = rest[..width].iter().rposition(|byte| *byte == b'-');
            let (line, after) = rest.split_at(dash.map_or(width, |at| at + 1));
            lines.push(line);
            rest = after;
        }
        lines.push(rest);
        lines
    }
}

impl Drop for TokenText {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenText(hidden)")
    }
}

/// What the box is doing.
#[derive(Debug)]
pub enum Stage {
    /// Ages, limits and uses; and what happened last, in words.
    Facts(Option<String>),
    /// Whether the token shall really be shown.
    Asking,
    Waiting(Ticket),
    Shown {
        token: TokenText,
        /// Where a machine joins, `host:port`.
        address: String,
        until_ms: i64,
    },
}

#[derive(Debug)]
pub struct Tokens {
    pub role: Role,
    pub stage: Stage,
}

impl Tokens {
    pub fn new() -> Self {
        Self {
            role: Role::Worker,
            stage: Stage::Facts(None),
        }
    }

    /// Forgets the token, if one is shown or on its way.
    pub fn hide(&mut self, words: Option<&str>) {
        self.stage = Stage::Facts(words.map(str::to_owned));
    }

    pub fn until_ms(&self) -> Option<i64> {
        match self.stage {
            Stage::Shown { until_ms, .. } => Some(until_ms),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, width: usize) -> Vec<String> {
        let token = TokenText::new(text.as_bytes().to_vec()).expect("it is a token");
        let lines = token.lines(width).into_iter();
        lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }

    #[test]
    fn a_token_breaks_after_its_dashes() {
        assert_eq!(lines("SW-1-abcdef-ghi", 20), ["SW-1-abcdef-ghi"]);
        assert_eq!(lines("SW-1-abcdef-ghi", 13), ["SW-1-abcdef-", "ghi"]);
        assert_eq!(lines("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(lines("abc", 0), ["abc"]);
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for bytes in [&b""[..], b"a\x1b[2J", b"two words", &[b'x'; 513]] {
            assert!(TokenText::new(bytes.to_vec()).is_err());
        }
    }
}
