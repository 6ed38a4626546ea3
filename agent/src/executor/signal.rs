//! Which signals may a grant send? Those that ask a program for something, by the names kill(1) knows.

use std::str::FromStr;

use rustix::process::Signal as Number;

/// A signal that tells a workload its files have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(pub(super) Number);

const NAMES: &[(&str, Number)] = &[
    ("HUP", Number::HUP),
    ("INT", Number::INT),
    ("QUIT", Number::QUIT),
    ("TERM", Number::TERM),
    ("USR1", Number::USR1),
    ("USR2", Number::USR2),
    ("CONT", Number::CONT),
    ("WINCH", Number::WINCH),
];

impl FromStr for Signal {
    type Err = String;

    /// `SIGHUP` or `HUP`, in any case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, number)| Self(*number))
            .ok_or_else(|| {
                let known: Vec<_> = NAMES.iter().map(|(name, _)| format!("SIG{name}")).collect();
                format!(
                    "signal '{}' is not known; use one of {}",
                    text.escape_default(),
                    known.join(", ")
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_kill_reads_them() {
        for text in ["SIGHUP", "HUP", "hup", "SigHup"] {
            assert_eq!(text.parse(), Ok(Signal(Number::HUP)), "{text}");
        }
        for text in ["", "SIG", "KILL", "9", "SIGSTOP"] {
            assert!(text.parse::<Signal>().is_err(), "{text}");
        }
    }
}
