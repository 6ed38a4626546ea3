//! What may reach a terminal? Text from outside without anything that moves the cursor, changes colour or turns the
//! reading direction.

use std::borrow::Cow;

/// Replaces control characters and bidirectional overrides by the replacement character; everything else stays.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if harmless(c) { c } else { '\u{fffd}' }).collect())
}

/// As [`clean`], but line ends stay: for messages of several lines.
pub fn clean_lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

fn harmless(c: char) -> bool {
    let turns = matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !c.is_control() && !turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_overrides_do_not_pass() {
        assert_eq!(clean("web.1"), "web.1");
        assert_eq!(clean("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
        assert_eq!(clean("x\u{202e}y\u{9b}z"), "x\u{fffd}y\u{fffd}z");
        assert_eq!(clean("grün ✓"), "grün ✓");
        assert_eq!(clean_lines("a\nb\r\nc\u{7}"), "a\nb\nc\u{fffd}");
    }
}
