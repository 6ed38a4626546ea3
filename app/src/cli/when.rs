//! When was that? Times for people as Docker words them, and RFC 3339 for programs.

use jiff::Timestamp;

/// Milliseconds since 1970 by this machine's clock: only to word ages, never to decide.
pub fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// RFC 3339 in UTC with milliseconds; empty for 0, which means "not yet".
pub fn rfc3339(at_ms: i64) -> String {
    if at_ms == 0 {
        return String::new();
    }
    Timestamp::from_millisecond(at_ms).map_or_else(|_| String::new(), |at| format!("{at:.3}"))
}

/// `6 minutes ago`; empty for 0.
pub fn ago(at_ms: i64, now_ms: i64) -> String {
    if at_ms == 0 {
        String::new()
    } else {
        format!("{} ago", duration(now_ms.saturating_sub(at_ms)))
    }
}

/// `valid for 3 months (2026-04-02T03:04:05Z)`, or how long it has been over; empty for 0.
pub fn validity(not_after_ms: i64, now_ms: i64) -> String {
    let left = not_after_ms.saturating_sub(now_ms);
    let at = match Timestamp::from_millisecond(not_after_ms) {
        Ok(at) if not_after_ms != 0 => format!("{at:.0}"),
        _ => return String::new(),
    };
    if left < 0 {
        format!("expired {} ago ({at})", duration(left.saturating_neg()).to_lowercase())
    } else {
        format!("valid for {} ({at})", duration(left).to_lowercase())
    }
}

/// Docker's words for a span: one unit, rounded down; clocks that disagree give the shortest one.
pub fn duration(span_ms: i64) -> String {
    let seconds = span_ms.max(0) / 1000;
    let minutes = seconds / 60;
    let hours = (seconds + 1800) / 3600;
    match seconds {
        0 => "Less than a second".to_owned(),
        1 => "1 second".to_owned(),
        2..60 => format!("{seconds} seconds"),
        _ if minutes == 1 => "About a minute".to_owned(),
        _ if minutes < 60 => format!("{minutes} minutes"),
        _ if hours == 1 => "About an hour".to_owned(),
        _ if hours < 48 => format!("{hours} hours"),
        _ if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        _ if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        _ if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", hours / 24 / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_in_dockers_words() {
        const SECOND: i64 = 1000;
        const HOUR: i64 = 3600 * SECOND;
        for (span, words) in [
            (-5, "Less than a second"),
            (999, "Less than a second"),
            (SECOND, "1 second"),
            (59 * SECOND, "59 seconds"),
            (60 * SECOND, "About a minute"),
            (6 * 60 * SECOND, "6 minutes"),
            (HOUR, "About an hour"),
            (3 * HOUR, "3 hours"),
            (47 * HOUR, "47 hours"),
            (72 * HOUR, "3 days"),
            (15 * 24 * HOUR, "2 weeks"),
            (90 * 24 * HOUR, "3 months"),
            (800 * 24 * HOUR, "2 years"),
        ] {
            assert_eq!(duration(span), words);
        }
        assert_eq!(ago(0, 5), "");
        assert_eq!(ago(1, 360_001), "6 minutes ago");
    }

    #[test]
    fn validity_is_told_from_now() {
        const DAY: i64 = 24 * 3600 * 1000;
        let now = 1_767_323_045_595;
        assert_eq!(
            validity(now + 90 * DAY, now),
            "valid for 3 months (2026-04-02T03:04:05Z)"
        );
        assert_eq!(validity(now - DAY, now), "expired 24 hours ago (2026-01-01T03:04:05Z)");
        assert_eq!(validity(0, now), "");
    }

    #[test]
    fn programs_get_rfc_3339() {
        assert_eq!(rfc3339(1_767_323_045_595), "2026-01-02T03:04:05.595Z");
        assert_eq!(rfc3339(0), "");
        assert_eq!(rfc3339(i64::MAX), "");
    }
}
