//! Is a join token Docker's text, and nothing else a token?

use proptest::prelude::*;
use wardroom_keys::SeededChance;

use super::*;

fn token() -> JoinToken {
    JoinToken::create(b"a root", &SeededChance::new(3))
}

fn text(token: &JoinToken) -> String {
    String::from_utf8(token.text().expose().to_vec()).expect("ascii")
}

fn token_of(pin: [u8; 32], secret: [u8; 16]) -> JoinToken {
    JoinToken {
        pin: RootPin(pin),
        secret: SecretBytes::new(secret.to_vec()),
    }
}

fn assert_same(read: &JoinToken, written: &JoinToken) {
    assert_eq!(read.pin(), written.pin());
    assert!(read.secret().equals(written.secret().expose()));
}

/// The numbers that Docker's tokens are made of, in its own notation.
#[test]
fn the_text_form_is_dockers() {
    let zero = format!("SWMTKN-1-{}-{}", "0".repeat(50), "0".repeat(25));
    assert_eq!(text(&token_of([0; 32], [0; 16])), zero);
    // 2^256 - 1 and 2^128 - 1 in base 36.
    let most = "SWMTKN-1-6dp5qcb22im238nr3wvp0ic7q99w035jmy2iw7i6n43d37jtof-f5lxx1zz5pnorynqglhzmsp33";
    assert_eq!(text(&token_of([255; 32], [255; 16])), most);
    let (mut one, mut ten) = ([0; 32], [0; 16]);
    (one[31], ten[15]) = (1, 36);
    let small = format!("SWMTKN-1-{}1-{}10", "0".repeat(49), "0".repeat(23));
    assert_eq!(text(&token_of(one, ten)), small);
}

#[test]
fn a_token_comes_back_from_its_text_and_from_its_parts() {
    let parsed = JoinToken::parse(text(&token()).as_bytes()).expect("a token");
    assert_same(&parsed, &token());
    let copy = SecretBytes::new(token().secret().expose().to_vec());
    assert_same(&JoinToken::from_parts(b"a root", copy).expect("16 bytes"), &token());
    for length in [0, 15, 17, 32] {
        assert!(JoinToken::from_parts(b"a root", SecretBytes::new(vec![1; length])).is_err());
    }
    for padded in [format!("  {}\r\n", text(&token())), format!("\t{}", text(&token()))] {
        assert_same(
            &JoinToken::parse(padded.as_bytes()).expect("blanks around it"),
            &token(),
        );
    }
}

#[test]
fn one_chance_makes_one_token_and_the_next_another() {
    let chance = SeededChance::new(3);
    let (first, second) = (
        JoinToken::create(b"a root", &chance),
        JoinToken::create(b"a root", &chance),
    );
    assert_eq!(text(&first), text(&token()));
    assert_ne!(text(&first), text(&second));
}

#[test]
fn the_digest_is_of_the_secret_alone() {
    let digest = token().digest();
    assert_eq!(token().digest(), digest);
    let copy = SecretBytes::new(token().secret().expose().to_vec());
    let elsewhere = JoinToken::from_parts(b"another root", copy).expect("16 bytes");
    assert_eq!(elsewhere.digest(), digest);
    assert_ne!(elsewhere.pin(), token().pin());
    assert_ne!(JoinToken::create(b"a root", &SeededChance::new(4)).digest(), digest);
    let bare: [u8; 32] = Sha256::digest(token().secret().expose()).into();
    assert_ne!(digest, bare, "kept apart from other digests");
}

#[test]
fn the_pin_is_the_roots_digest() {
    let pin = token().pin();
    assert!(pin.is_of(b"a root") && !pin.is_of(b"another root"));
    assert_eq!(pin.to_string(), crate::fingerprint(b"a root"));
}

#[test]
fn what_is_no_token_is_refused_without_repeating_it() {
    let good = text(&token());
    let (pin, secret) = good["SWMTKN-1-".len()..].split_once('-').expect("two parts");
    let bad = [
        String::new(),
        "SWMTKN-1-".to_owned(),
        good.replace("SWMTKN-1-", "SWMTKN-2-"),
        good.replace("SWMTKN-1-", "SWMKEY-1-"),
        good.replace("SWMTKN-1-", "swmtkn-1-"),
        format!("SWMTKN-1-{secret}-{pin}"),
        format!("SWMTKN-1-{pin}{secret}"),
        format!("SWMTKN-1-{pin}--{secret}"),
        format!("{good}0"),
        format!("{good}-"),
        format!("SWMTKN-1-0{pin}-{secret}"),
        format!("SWMTKN-1-{pin} -{secret}"),
        good.replace(pin, &pin.to_uppercase()),
        good.replace(pin, &format!("\u{e9}{}", &pin[2..])),
        // One more than fits, and the most that the digits can say.
        "SWMTKN-1-6dp5qcb22im238nr3wvp0ic7q99w035jmy2iw7i6n43d37jtog-f5lxx1zz5pnorynqglhzmsp33".to_owned(),
        "SWMTKN-1-6dp5qcb22im238nr3wvp0ic7q99w035jmy2iw7i6n43d37jtof-f5lxx1zz5pnorynqglhzmsp34".to_owned(),
        format!("SWMTKN-1-{}-{}", "z".repeat(50), "0".repeat(25)),
        format!("SWMTKN-1-{}-{}", "0".repeat(50), "z".repeat(25)),
    ];
    for text in bad {
        let error = JoinToken::parse(text.as_bytes())
            .err()
            .unwrap_or_else(|| panic!("taken: {text:?}"));
        assert!(error.to_string().starts_with("invalid join token: "));
        assert!(!error.to_string().contains(secret));
    }
    for cut in 0..good.len() {
        assert!(JoinToken::parse(&good.as_bytes()[..cut]).is_err(), "cut at {cut}");
    }
}

proptest! {
    #[test]
    fn every_token_comes_back(pin: [u8; 32], secret: [u8; 16]) {
        let written = token_of(pin, secret);
        let text = written.text();
        prop_assert_eq!(text.len(), TEXT_BYTES);
        assert_same(&JoinToken::parse(text.expose()).expect("a token"), &written);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(JoinToken::parse(&bytes).is_err());
        let _ = JoinToken::parse(&[PREFIX, &bytes].concat());
    }

    #[test]
    fn what_is_read_is_written_the_same(pin in "[0-6][0-9a-z]{49}", secret in "[0-9a-f][0-9a-z]{24}") {
        let text = format!("SWMTKN-1-{pin}-{secret}");
        if let Ok(token) = JoinToken::parse(text.as_bytes()) {
            prop_assert!(token.text().equals(text.as_bytes()));
        }
    }
}
