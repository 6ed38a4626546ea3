//! Do enough shares give the key, and fewer or wrong ones nothing? Properties over keys, thresholds and typing errors.

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::polynomial::interpolate;
use super::*;
use crate::chance::{Chance, SeededChance};
use crate::unlock_key::UnlockKey;

fn key() -> UnlockKey {
    UnlockKey::generate(&SeededChance::new(1))
}

fn set(seed: u64, shares: u8, threshold: u8) -> Vec<Share> {
    split(&SeededChance::new(seed), &key(), 7, shares, threshold).expect("numbers that make sense")
}

fn text(share: &Share) -> String {
    String::from_utf8(share.text().expose().to_vec()).expect("ascii")
}

fn copy(share: &Share) -> Share {
    Share::parse(&text(share)).expect("a share reads back")
}

fn collect<'a>(shares: impl IntoIterator<Item = &'a Share>) -> ShareCollection {
    let mut collection = ShareCollection::default();
    for share in shares {
        collection.add(copy(share)).expect("of one set");
    }
    collection
}

/// A set and a choice of its shares, in any order.
fn choices() -> impl Strategy<Value = (u64, u8, u8, Vec<u8>)> {
    (any::<u64>(), 2..=12_u8)
        .prop_flat_map(|(seed, shares)| (Just(seed), Just(shares), 2..=shares))
        .prop_flat_map(|(seed, shares, threshold)| {
            let all: Vec<u8> = (0..shares).collect();
            let chosen = subsequence(all, 0..=usize::from(shares)).prop_shuffle();
            (Just(seed), Just(shares), Just(threshold), chosen)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_threshold_of_them_open_and_fewer_do_not((seed, shares, threshold, chosen) in choices()) {
        let set = set(seed, shares, threshold);
        let collection = collect(chosen.iter().map(|&at| &set[usize::from(at)]));
        let opened = collection.combine();
        prop_assert_eq!(opened.is_some(), chosen.len() >= usize::from(threshold));
        prop_assert!(opened.is_none_or(|opened| opened.equals(&key())));
    }

    #[test]
    fn two_wrong_characters_never_pass(
        seed in any::<u64>(),
        at in prop::collection::vec((11..78_usize, 0..64_usize), 1..=2),
    ) {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let good = text(&set(seed, 3, 2)[0]);
        let mut bent = good.clone().into_bytes();
        for (at, digit) in at {
            bent[at] = DIGITS[digit];
        }
        let bent = String::from_utf8(bent).expect("ascii");
        let error = Share::parse(&bent).err();
        prop_assert_eq!(error, (bent != good).then_some(ShareError::Mistyped));
    }
}

#[test]
fn the_largest_set_works() {
    let set = set(1, 255, 255);
    assert!(collect(&set).combine().is_some_and(|opened| opened.equals(&key())));
    assert!(collect(&set[1..]).combine().is_none());
    assert_eq!(set[254].number(), 255);
}

#[test]
fn a_share_says_what_it_is_and_reads_back() {
    let set = set(2, 5, 3);
    for (share, number) in set.iter().zip(1..) {
        let text = text(share);
        assert_eq!(text.len(), 78);
        assert!(text.starts_with("SWMSHARE-1-"));
        let read = Share::parse(&format!("  {text}\r\n")).expect("blanks around it are allowed");
        assert_eq!(
            (read.set(), read.epoch(), read.threshold(), read.number()),
            (set[0].set(), 7, 3, number)
        );
        assert_eq!(read.check(), key().check());
        assert!(read.value.equals(&share.value));
    }
}

#[test]
fn one_share_less_fits_every_key() {
    // What makes the scheme secret: with one share missing, each key has exactly one value of that share that leads to it.
    let two = &set(3, 3, 2)[0];
    let mut reached = [false; 256];
    for guess in 0..=255 {
        let guessed = [guess; 32];
        let mut key = [0; 32];
        interpolate(&[(two.number, two.value.bytes()), (2, &guessed)], &mut key);
        reached[usize::from(key[0])] = true;
    }
    assert!(reached.iter().all(|&reached| reached));
}

#[test]
fn coefficients_are_taken_as_chance_gives_them() {
    // Zero must be possible (RUSTSEC-2024-0398): with zeros only, every share is the key itself.
    struct Zeros;
    impl Chance for Zeros {
        fn fill(&self, out: &mut [u8]) {
            out.fill(0);
        }
    }
    let set = split(&Zeros, &key(), 7, 3, 2).expect("numbers that make sense");
    assert!(set.iter().all(|share| share.value.bytes() == key().bytes()));
}

#[test]
fn the_field_is_that_of_aes() {
    use vsss_rs::Gf256;
    assert_eq!(Gf256(0x57) * Gf256(0x83), Gf256(0xC1)); // FIPS 197, section 4.2
    assert_eq!(Gf256(0x57) * Gf256(0x13), Gf256(0xFE)); // section 4.2.1
    for number in 1..=255 {
        assert_eq!(Gf256(number) * (Gf256(1) / Gf256(number)), Gf256(1));
    }
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    for (shares, threshold) in [(0, 0), (1, 1), (3, 0), (3, 1), (3, 4), (255, 1)] {
        let error = split(&SeededChance::new(1), &key(), 1, shares, threshold).err();
        assert_eq!(error, Some(SplitError { shares, threshold }));
    }
}

#[test]
fn the_same_share_twice_is_no_progress_and_no_error() {
    let set = set(5, 3, 2);
    let mut collection = collect(&set[..1]);
    let once = Progress { have: 1, need: 2 };
    assert_eq!(collection.add(copy(&set[0])), Ok(once));
    assert_eq!(collection.add(copy(&set[2])), Ok(Progress { have: 2, need: 2 }));
    assert_eq!(collection.add(copy(&set[1])), Ok(Progress { have: 3, need: 2 }));
    assert!(collection.combine().is_some_and(|opened| opened.equals(&key())));
    assert_eq!(ShareCollection::default().progress(), Progress { have: 0, need: 0 });
}

#[test]
fn shares_that_do_not_belong_together_are_refused_in_words() {
    let set5 = set(5, 3, 2);
    let refused = |share: Share| {
        let mut collection = collect(&set5[..1]);
        let error = collection.add(share).expect_err("must be refused");
        assert_eq!(collection.progress(), Progress { have: 1, need: 2 });
        error
    };
    let error = refused(copy(&set(6, 3, 2)[1]));
    assert!(matches!(error, ShareError::OtherSet { .. }));
    assert!(error.to_string().contains("split more than once"), "{error}");

    let newer = split(&SeededChance::new(5), &key(), 8, 3, 2).expect("numbers that make sense");
    let error = refused(copy(&newer[1]));
    assert_eq!(error, ShareError::OtherEpoch { held: 7, given: 8 });
    assert!(error.to_string().contains("epoch 8"), "{error}");

    let mut forged = copy(&set5[1]);
    forged.threshold = 3;
    assert_eq!(refused(forged), ShareError::Disagrees { number: 2 });
    let mut forged = copy(&set5[1]);
    forged.number = 1;
    assert_eq!(refused(forged), ShareError::GivenOtherwise { number: 1 });
}

#[test]
fn a_forged_share_gives_no_key() {
    let mut set = set(7, 3, 2);
    set[1].number = 3; // its value is that of share 2
    assert!(collect(&set[..2]).combine().is_none());
}

#[test]
fn what_is_no_share_is_told_apart_from_a_typing_error() {
    let good = text(&set(8, 3, 2)[0]);
    let key_text = "SWMKEY-1-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let longer = format!("{good}A");
    let lower = good.to_lowercase();
    for text in ["", "SWMSHARE-1-", key_text, &good[..77], &longer, &lower] {
        assert_eq!(Share::parse(text).err(), Some(ShareError::NotAShare), "{text:?}");
    }
    let bent = format!("{}!{}", &good[..20], &good[21..]);
    assert_eq!(Share::parse(&bent).err(), Some(ShareError::Mistyped));
}
