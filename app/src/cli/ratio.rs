//! How many may fail? `0.2`, as Docker's flags take it, in millionths.

/// From 0 to 1.
pub fn parse(text: &str) -> Result<u32, String> {
    let wrong = || format!("invalid ratio {text:?}: write a number from 0 to 1, e.g. 0.2");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.len() <= 9 && part.bytes().all(|byte| byte.is_ascii_digit());
    if text.is_empty() || text == "." || !digits(whole) || !digits(fraction) {
        return Err(wrong());
    }
    let ones: u32 = if whole.is_empty() {
        0
    } else {
        whole.parse().map_err(|_| wrong())?
    };
    let padded: String = fraction.chars().chain(std::iter::repeat('0')).take(6).collect();
    let millionths: u32 = padded.parse().map_err(|_| wrong())?;
    ones.checked_mul(1_000_000)
        .and_then(|ones| ones.checked_add(millionths))
        .filter(|&ppm| ppm <= 1_000_000)
        .ok_or_else(wrong)
}

/// `0.2`
pub fn text(millionths: u32) -> String {
    let text = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_read_and_printed() {
        for (written, millionths, printed) in [
            ("0", 0, "0"),
            ("0.2", 200_000, "0.2"),
            ("1", 1_000_000, "1"),
            (".5", 500_000, "0.5"),
        ] {
            assert_eq!(parse(written), Ok(millionths));
            assert_eq!(text(millionths), printed);
        }
        for wrong in ["", ".", "-1", "1.1", "2", "x", "0.1x", "50%"] {
            assert!(parse(wrong).is_err_and(|text| text.contains("0.2")), "{wrong}");
        }
    }
}
