//! From where on is a log shown? `--tail` and `--since`, as Docker takes them.

use jiff::Timestamp;

use crate::cli::duration;
use crate::report::Report;

/// How many of the last lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    All,
    Last(u32),
}

pub fn tail(text: &str) -> Result<Tail, String> {
    match text {
        "all" => Ok(Tail::All),
        text => text
            .parse()
            .map(Tail::Last)
            .map_err(|_| format!("invalid number of lines {text:?}: write a number, or all")),
    }
}

/// Unix milliseconds of a time, of a number of seconds since 1970, or of a span before now.
pub fn since(text: &str, now_ms: i64) -> Result<i64, Report> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.as_millisecond());
    }
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(seconds.saturating_mul(1_000));
    }
    match duration::parse(text) {
        Ok(span) => {
            let span = i64::try_from(duration::millis(span)).unwrap_or(i64::MAX);
            Ok(now_ms.saturating_sub(span))
        }
        Err(_) => Err(
            Report::usage(format!("invalid value for \"since\": {text:?} is no time and no span"))
                .hint("write 2026-01-02T03:04:05Z, or 42m for the last 42 minutes"),
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;
    use crate::report::Exit;

    #[test]
    fn times_spans_and_lines() {
        assert_eq!(since("1970-01-01T00:00:05Z", 0).unwrap(), 5_000);
        assert_eq!(since("1m", 100_000).unwrap(), 40_000);
        assert_eq!(since("12", 100_000).unwrap(), 12_000);
        assert_eq!(since("yesterday", 0).unwrap_err().exit, Exit::Usage);
        assert_eq!((tail("all"), tail("3")), (Ok(Tail::All), Ok(Tail::Last(3))));
        assert!(tail("-1").is_err());
    }
}
