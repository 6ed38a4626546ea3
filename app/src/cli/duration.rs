//! How long is `1h30m`? Spans of time as Docker's flags take and print them, and days besides.

use std::time::Duration;

const EXPECTED: &str = "write numbers with units, e.g. 90d, 1h30m or 45s";

/// Longest first, so that `ms` is not taken for minutes.
const UNITS: &[(&str, u128)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3_600 * 1_000_000_000),
    ("d", 86_400 * 1_000_000_000),
];

/// A span of whole milliseconds, at most 100 years; `0` needs no unit.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("time: invalid duration {text:?}: {EXPECTED}");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut nanoseconds: u128 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, after) = rest.split_at(end);
        let (unit, length) = UNITS
            .iter()
            .find(|(name, _)| after.starts_with(name))
            .ok_or_else(wrong)?;
        nanoseconds = nanoseconds
            .checked_add(scaled(number, *length).ok_or_else(wrong)?)
            .ok_or_else(wrong)?;
        rest = &after[unit.len()..];
    }
    if text.is_empty() || nanoseconds > 36_500 * 86_400 * 1_000_000_000 {
        return Err(wrong());
    }
    let span = u64::try_from(nanoseconds / 1_000_000).map_err(|_| wrong())?;
    Ok(Duration::from_millis(span))
}

/// As [`parse`], where nothing is not a span.
pub fn parse_positive(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        Duration::ZERO => Err(format!("it must be longer than that: {EXPECTED}")),
        span => Ok(span),
    }
}

/// `1.5` units of that many nanoseconds.
fn scaled(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = |text: &str| {
        if text.is_empty() {
            Some(0)
        } else if text.len() <= 18 {
            text.parse::<u128>().ok()
        } else {
            None
        }
    };
    let parts = 10_u128.pow(u32::try_from(fraction.len()).ok().filter(|&length| length <= 18)?);
    digits(whole)?
        .checked_mul(unit)?
        .checked_add(digits(fraction)?.checked_mul(unit)? / parts)
}

/// What the API calls a span.
pub fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// `2160h0m0s`, as Docker prints it.
pub fn text(milliseconds: u64) -> String {
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
    let fraction = match rest {
        0 => String::new(),
        rest => format!(".{rest:03}").trim_end_matches('0').to_owned(),
    };
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) if seconds == 0 && rest != 0 => format!("{rest}ms"),
        (0, 0) => format!("{seconds}{fraction}s"),
        (0, _) => format!("{minutes}m{seconds}{fraction}s"),
        _ => format!("{hours}h{minutes}m{seconds}{fraction}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_docker_reads_them() {
        const HOUR: u64 = 3_600_000;
        for (text, milliseconds) in [
            ("0", 0),
            ("0s", 0),
            ("2160h0m0s", 2160 * HOUR),
            ("90d", 2160 * HOUR),
            ("1h30m", HOUR * 3 / 2),
            ("1.5h", HOUR * 3 / 2),
            (".5s", 500),
            ("250ms", 250),
            ("1m1ms", 60_001),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_span_is_refused_with_an_example() {
        for wrong in [
            "",
            "1",
            "h",
            "1x",
            "-1h",
            "+1h",
            "1h-",
            ". h",
            ".h",
            "1..2h",
            "1 h",
            "400000d",
            "9999999999999999999999h",
        ] {
            assert!(parse(wrong).is_err_and(|text| text.contains("1h30m")), "{wrong}");
        }
        assert!(parse_positive("0").is_err() && parse_positive("1ns").is_err());
    }

    #[test]
    fn spans_are_printed_as_docker_prints_them() {
        for (milliseconds, expected) in [
            (0, "0s"),
            (5_000, "5s"),
            (250, "250ms"),
            (1_500, "1.5s"),
            (60_000, "1m0s"),
            (3_600_000, "1h0m0s"),
            (7_776_000_000, "2160h0m0s"),
        ] {
            assert_eq!(text(milliseconds), expected);
        }
    }
}
