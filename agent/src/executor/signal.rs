//! Which signals may be sent? Those that ask a program for something, by the names kill(1) knows, and those that end one.

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

/// By which a workload may be asked to end, besides [`NAMES`].
const ENDS: &[(&str, Number)] = &[("KILL", Number::KILL), ("ABRT", Number::ABORT), ("ALRM", Number::ALARM)];

impl Signal {
    /// `SIGHUP`, for the engine.
    pub(super) fn name(self) -> String {
        let known = NAMES.iter().find(|(_, number)| *number == self.0);
        known.map(|(name, _)| format!("SIG{name}")).unwrap_or_default()
    }
}

impl FromStr for Signal {
    type Err = String;

    /// `SIGHUP` or `HUP`, in any case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        find(text, NAMES).map(Self).ok_or_else(|| unknown(text, NAMES))
    }
}

/// The signal that asks a process to end; none is named: SIGTERM.
pub(super) fn stop_signal(text: &str) -> Result<Number, String> {
    if text.is_empty() {
        return Ok(Number::TERM);
    }
    let known = [NAMES, ENDS].concat();
    let number = text.parse::<i32>().ok();
    let by_number = known.iter().find(|(_, signal)| Some(signal.as_raw()) == number);
    by_number
        .map(|(_, signal)| *signal)
        .or_else(|| find(text, &known))
        .ok_or_else(|| unknown(text, &known))
}

fn find(text: &str, known: &[(&str, Number)]) -> Option<Number> {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    known
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, number)| *number)
}

fn unknown(text: &str, known: &[(&str, Number)]) -> String {
    let known: Vec<_> = known.iter().map(|(name, _)| format!("SIG{name}")).collect();
    format!(
        "signal '{}' is not known; use one of {}",
        text.escape_default(),
        known.join(", ")
    )
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
        assert_eq!(Signal(Number::USR1).name(), "SIGUSR1");
    }

    #[test]
    fn a_stop_signal_may_also_kill() {
        assert_eq!(stop_signal(""), Ok(Number::TERM));
        assert_eq!(stop_signal("SIGKILL"), Ok(Number::KILL));
        assert_eq!(stop_signal("2"), Ok(Number::INT));
        assert!(stop_signal("SIGSTOP").is_err());
        assert!(stop_signal("99999999999").is_err());
    }
}
