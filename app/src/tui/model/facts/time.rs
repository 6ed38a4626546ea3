//! How is a time shown? Ages in one short word that changes at most once a minute, so that an idle console need not
//! draw; clock times in UTC.

use jiff::Timestamp;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// `<1m`, `59m`, `47h`, `14d`; `-` for a time that has not come about. Clocks that disagree give the shortest age.
pub fn age(now_ms: i64, at_ms: i64) -> String {
    if at_ms == 0 {
        "-".to_owned()
    } else {
        span(now_ms.saturating_sub(at_ms))
    }
}

/// A length of time as `age` words it.
pub fn span(length_ms: i64) -> String {
    match length_ms {
        ..MINUTE => "<1m".to_owned(),
        MINUTE..HOUR => format!("{}m", length_ms / MINUTE),
        HOUR..172_800_000 => format!("{}h", length_ms / HOUR),
        _ => format!("{}d", length_ms / DAY),
    }
}

/// A short, exact length: `85ms`, `1.2s`, `3m05s`.
pub fn precise(length_ms: u64) -> String {
    match length_ms {
        0..1000 => format!("{length_ms}ms"),
        1000..60_000 => format!("{}.{}s", length_ms / 1000, length_ms % 1000 / 100),
        _ => format!("{}m{:02}s", length_ms / 60_000, length_ms % 60_000 / 1000),
    }
}

/// A length of time that is being counted: `3 s`, from a minute on as `age` words it.
pub fn counted(length_ms: i64) -> String {
    match length_ms {
        ..1000 => "a moment".to_owned(),
        1000..MINUTE => format!("{} s", length_ms / 1000),
        _ => span(length_ms),
    }
}

/// Time left, `expired` once there is none.
pub fn left(now_ms: i64, until_ms: i64) -> String {
    match until_ms {
        0 => "-".to_owned(),
        _ if until_ms <= now_ms => "expired".to_owned(),
        _ => span(until_ms.saturating_sub(now_ms)),
    }
}

fn format(at_ms: i64, pattern: &str) -> String {
    if at_ms == 0 {
        return "-".to_owned();
    }
    Timestamp::from_millisecond(at_ms).map_or_else(|_| "-".to_owned(), |at| at.strftime(pattern).to_string())
}

/// `12:04:11`, UTC.
pub fn clock(at_ms: i64) -> String {
    format(at_ms, "%H:%M:%S")
}

/// `12:04Z`.
pub fn minute(at_ms: i64) -> String {
    format(at_ms, "%H:%MZ")
}

/// `2026-11-28 03:10`, UTC.
pub fn date(at_ms: i64) -> String {
    format(at_ms, "%Y-%m-%d %H:%M")
}

/// `Nov 28`.
pub fn day(at_ms: i64) -> String {
    format(at_ms, "%b %d")
}

/// Age today as a clock time, otherwise as a date: for lists that go back.
pub fn moment(now_ms: i64, at_ms: i64) -> String {
    if now_ms.saturating_sub(at_ms) < DAY {
        clock(at_ms)
    } else {
        format(at_ms, "%m-%d %H:%M")
    }
}

/// When a shown age or the header's clock changes next.
pub fn next_minute(now_ms: i64) -> i64 {
    now_ms - now_ms.rem_euclid(MINUTE) + MINUTE
}

/// `90d`, `12h`, `30m`, `45s` in milliseconds; a bare number means days.
pub fn parse_span(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..split].parse().ok()?;
    let unit: u64 = match &text[split..] {
        "" | "d" => 86_400_000,
        "h" => 3_600_000,
        "m" => 60_000,
        "s" => 1000,
        _ => return None,
    };
    number.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_change_at_most_once_a_minute() {
        let now = 1_700_000_000_000;
        for (ago, word) in [
            (0, "<1m"),
            (59_999, "<1m"),
            (MINUTE, "1m"),
            (HOUR, "1h"),
            (47 * HOUR, "47h"),
            (3 * DAY, "3d"),
            (-5, "<1m"),
        ] {
            assert_eq!(age(now, now - ago), word);
        }
        assert_eq!(age(now, 0), "-");
        assert_eq!(left(now, now - 1), "expired");
        assert_eq!(left(now, i64::MAX), "106751971491d");
    }

    #[test]
    fn clocks_are_utc_and_never_panic() {
        assert_eq!(date(1_700_000_000_000), "2023-11-14 22:13");
        assert_eq!(clock(i64::MIN), "-");
        assert_eq!(next_minute(60_001), 120_000);
    }

    #[test]
    fn spans_are_read() {
        assert_eq!(parse_span("90d"), Some(90 * 86_400_000));
        assert_eq!(parse_span("12h"), Some(12 * 3_600_000));
        assert_eq!(parse_span("7"), Some(7 * 86_400_000));
        assert_eq!(
            (
                parse_span(""),
                parse_span("x"),
                parse_span("9w"),
                parse_span("99999999999999d")
            ),
            (None, None, None, None)
        );
    }
}
