//! How do keys and certificates stand in a text file? As PEM blocks (RFC 7468), made and read without leaving copies of a
//! private key behind.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::secret_bytes::SecretBytes;

/// Characters of base64 in a line.
const LINE: usize = 64;

/// One block of PEM with line ends as on Unix. `label` is e.g. `CERTIFICATE` or `PRIVATE KEY`.
pub fn encode(label: &str, bytes: &[u8]) -> SecretBytes {
    let mut digits = Zeroizing::new(vec![0; bytes.len().div_ceil(3) * 4]);
    STANDARD
        .encode_slice(bytes, &mut digits)
        .expect("four characters for every three bytes");
    let frame = 2 * label.len() + "-----BEGIN -----\n-----END -----\n".len();
    // One allocation of the right size, so that no partial copy is left behind.
    let mut text = Vec::with_capacity(frame + digits.len() + digits.len().div_ceil(LINE));
    for part in ["-----BEGIN ", label, "-----\n"] {
        text.extend_from_slice(part.as_bytes());
    }
    for line in digits.chunks(LINE) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    for part in ["-----END ", label, "-----\n"] {
        text.extend_from_slice(part.as_bytes());
    }
    SecretBytes::new(text)
}

/// The bytes of the only block with that label; `None` if there is none, or another one, or it is damaged. Other text
/// and blocks with other labels may stand around it.
pub fn decode(label: &str, text: &[u8]) -> Option<SecretBytes> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let mut lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    lines.by_ref().find(|&line| line == begin.as_bytes())?;
    let mut digits = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut is_closed = false;
    for line in lines.by_ref() {
        if line == end.as_bytes() {
            is_closed = true;
            break;
        }
        digits.extend_from_slice(line);
    }
    if !is_closed || lines.any(|line| line == begin.as_bytes()) {
        return None;
    }
    let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(digits.len())]);
    let length = STANDARD.decode_slice(&digits, &mut bytes).ok()?;
    Some(SecretBytes::new(bytes[..length].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(label: &str, bytes: &[u8]) -> Vec<u8> {
        encode(label, bytes).expose().to_vec()
    }

    #[test]
    fn a_block_is_as_the_rfc_has_it() {
        let expected = format!("-----BEGIN X-----\n{}\nAAAA\n-----END X-----\n", "A".repeat(64));
        let encoded = encode("X", &[0; 51]);
        assert!(encoded.equals(expected.as_bytes()));
        assert!(encode("X", b"").equals(b"-----BEGIN X-----\n-----END X-----\n"));
    }

    #[test]
    fn every_length_comes_back() {
        for length in 0..200 {
            let bytes: Vec<u8> = (0..length).collect();
            assert!(decode("KEY", &text("KEY", &bytes)).is_some_and(|read| read.equals(&bytes)));
        }
    }

    #[test]
    fn the_block_is_found_among_others_and_with_other_line_ends() {
        let mixed = [
            b"# note\n".to_vec(),
            text("OTHER", b"no"),
            text("KEY", b"yes"),
            b"end".to_vec(),
        ]
        .concat();
        assert!(decode("KEY", &mixed).is_some_and(|read| read.equals(b"yes")));
        let dos = String::from_utf8(text("KEY", &[7; 100]))
            .expect("ascii")
            .replace('\n', "\r\n");
        assert!(decode("KEY", dos.as_bytes()).is_some_and(|read| read.equals(&[7; 100])));
    }

    #[test]
    fn missing_doubled_open_or_damaged_blocks_are_refused() {
        let good = text("KEY", b"key");
        let open = good[..good.len() - 3].to_vec();
        let bent = String::from_utf8(good.clone())
            .expect("ascii")
            .replacen("a2V5", "a2V", 1)
            .into_bytes();
        for bad in [
            Vec::new(),
            text("OTHER", b"key"),
            [good.clone(), good].concat(),
            open,
            bent,
        ] {
            assert!(decode("KEY", &bad).is_none());
        }
    }
}
