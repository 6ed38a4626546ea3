//! Is what was given told apart: malformed, wrong, of another epoch, a share, the key? And who guesses, is he slowed down?
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use std::sync::Arc;

use futures_util::FutureExt as _;
use tonic::Code;
use wardroom_ca::{Clock, ManualClock};
use wardroom_keys::{Keyring, KeyringFile, SealingRoot, SecretBytes, SeededChance, Share, UnlockKey, split};

use super::attempt::{Door, Unlocking, WRONG};
use crate::node::refusal::Refusal;

fn key(seed: u64) -> UnlockKey {
    UnlockKey::generate(&SeededChance::new(seed))
}

fn door(number: u32, key: &UnlockKey, epoch: u32) -> Door {
    let chance = SeededChance::new(u64::from(number) + 100);
    let node = format!("n{number}");
    let root = SealingRoot::generate(&chance);
    let mut keyring = Keyring::join(&chance, "c1", &node, &root, key, epoch, 0);
    keyring.set_autolock(true);
    Door {
        node_id: node,
        hostname: format!("manager-{number}"),
        file: KeyringFile::decode(keyring.encode().expose()).unwrap(),
    }
}

/// One manager that waits for the key of seed 1, which is of epoch 2.
fn locked() -> Unlocking {
    Unlocking::new("c1", vec![door(1, &key(1), 2)])
}

fn give(unlocking: &mut Unlocking, text: &[u8], now_ms: i64) -> Result<Option<UnlockKey>, Refusal> {
    let right = unlocking.attempt(&SecretBytes::new(text.to_vec()), now_ms)?;
    Ok(right.map(|right| right.key))
}

fn refused(unlocking: &mut Unlocking, text: &[u8], now_ms: i64) -> Refusal {
    give(unlocking, text, now_ms).err().unwrap()
}

fn shares(seed: u64, epoch: u32) -> Vec<SecretBytes> {
    let shares = split(&SeededChance::new(seed + 7), &key(seed), epoch, 5, 3).unwrap();
    shares.iter().map(Share::text).collect()
}

#[test]
fn what_is_malformed_is_no_guess() {
    let mut unlocking = locked();
    for text in [&b""[..], b"SWMKEY-1-", b"password", b"\xff\xfe", b"SWMKEY-1-AAAA"] {
        for _ in 0..5 {
            let refusal = refused(&mut unlocking, text, 0);
            assert_eq!(
                (refusal.code, refusal.text.as_str()),
                (Code::InvalidArgument, "invalid key string")
            );
        }
    }
    let refusal = refused(&mut unlocking, b"SWMSHARE-1-AAAA", 0);
    assert!(
        refusal.code == Code::InvalidArgument && refusal.text.contains("share"),
        "{}",
        refusal.text
    );
    assert_eq!(unlocking.shown().facts(0).wrong, 0);
}

#[test]
fn wrong_keys_are_named_counted_and_slowed_down() {
    let mut unlocking = locked();
    let wrong = key(9).text();
    for _ in 0..3 {
        let refusal = refused(&mut unlocking, wrong.expose(), 0);
        assert_eq!(refusal.code, Code::Unauthenticated);
        assert_eq!(refusal.text, format!("{WRONG}: the key of epoch 2 opens manager-1"));
    }
    let facts = unlocking.shown().facts(0);
    assert_eq!((facts.wrong, facts.wait_ms, facts.locked), (3, 1000, true));
    // Nothing is looked at before the pause is over, also not the right one.
    let right = key(1).text();
    let refusal = refused(&mut unlocking, right.expose(), 400);
    assert_eq!(refusal.code, Code::ResourceExhausted);
    assert!(refusal.text.ends_with("try again in 1 s"), "{}", refusal.text);
    assert_eq!(unlocking.shown().facts(400).wrong, 3);
    assert!(
        give(&mut unlocking, right.expose(), 1000)
            .unwrap()
            .unwrap()
            .equals(&key(1))
    );
    assert_eq!(unlocking.shown().facts(1000).wrong, 0);
}

#[test]
fn enough_shares_are_the_key_and_the_same_one_twice_is_one() {
    let mut unlocking = locked();
    let shares = shares(1, 2);
    for (number, have) in [(4, 1), (4, 1), (0, 2)] {
        assert!(give(&mut unlocking, shares[number].expose(), 0).unwrap().is_none());
        let facts = unlocking.shown().facts(0);
        assert_eq!((facts.shares_have, facts.shares_need), (have, 3));
    }
    assert!(
        give(&mut unlocking, shares[2].expose(), 0)
            .unwrap()
            .unwrap()
            .equals(&key(1))
    );
    assert_eq!(unlocking.shown().facts(0).shares_have, 0, "they have done their work");
}

#[test]
fn shares_of_another_key_are_refused_with_the_epoch_that_is_needed() {
    let mut unlocking = locked();
    let refusal = refused(&mut unlocking, shares(3, 5)[0].expose(), 0);
    assert_eq!(refusal.code, Code::Unauthenticated);
    let words = "the share is of unlock key epoch 5, the key of epoch 2 opens manager-1";
    assert!(refusal.text.contains(words), "{}", refusal.text);
    assert_eq!(unlocking.shown().facts(0).wrong, 0, "nobody guesses with a share");
}

#[test]
fn sets_of_one_key_are_collected_side_by_side() {
    let mut unlocking = locked();
    let one = shares(1, 2);
    let other: Vec<_> = split(&SeededChance::new(77), &key(1), 2, 3, 2).unwrap();
    assert!(give(&mut unlocking, one[0].expose(), 0).unwrap().is_none());
    assert!(give(&mut unlocking, other[0].text().expose(), 0).unwrap().is_none());
    assert!(give(&mut unlocking, one[1].expose(), 0).unwrap().is_none());
    assert!(give(&mut unlocking, other[1].text().expose(), 0).unwrap().is_some());
}

#[test]
fn shares_that_nobody_completes_are_forgotten() {
    const QUARTER_MS: i64 = 15 * 60 * 1000;
    let mut unlocking = locked();
    let shares = shares(1, 2);
    assert!(give(&mut unlocking, shares[0].expose(), 0).unwrap().is_none());
    assert_eq!(unlocking.shown().facts(QUARTER_MS - 1).shares_have, 1);
    assert_eq!(unlocking.shown().facts(QUARTER_MS).shares_have, 0);
    assert!(give(&mut unlocking, shares[1].expose(), QUARTER_MS).unwrap().is_none());
    assert_eq!(unlocking.shown().facts(QUARTER_MS).shares_have, 1, "it begins again");
}

#[tokio::test]
async fn shares_leave_the_memory_without_anybody_asking() {
    let clock = Arc::new(ManualClock::new(0));
    let seam: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let mut unlocking = locked();
    assert!(unlocking.patience(&seam).now_or_never().is_none(), "there are none");
    assert!(give(&mut unlocking, shares(1, 2)[0].expose(), 0).unwrap().is_none());
    assert!(unlocking.patience(&seam).now_or_never().is_none(), "they are fresh");
    clock.set(15 * 60 * 1000);
    unlocking.patience(&seam).await;
    unlocking.forget_old(clock.now_ms());
    assert_eq!(unlocking.shown().shares, None);
    assert!(
        unlocking.patience(&seam).now_or_never().is_none(),
        "nothing is left to forget"
    );

    assert!(
        give(&mut unlocking, shares(1, 2)[0].expose(), clock.now_ms())
            .unwrap()
            .is_none()
    );
    unlocking.opened("n1");
    assert_eq!(unlocking.shown().shares, None, "another key has opened it");
}

#[test]
fn one_key_opens_all_doors_of_its_epoch_and_the_others_are_named() {
    let mut unlocking = Unlocking::new(
        "c1",
        vec![door(1, &key(1), 3), door(2, &key(1), 3), door(3, &key(2), 2)],
    );
    let refusal = refused(&mut unlocking, key(9).text().expose(), 0);
    let words = "the key of epoch 3 opens manager-1, manager-2; that of epoch 2 opens manager-3";
    assert!(refusal.text.ends_with(words), "{}", refusal.text);
    let given = give(&mut unlocking, key(1).text().expose(), 0).unwrap().unwrap();
    let opens = unlocking.opens(&given);
    assert_eq!(opens, ["n1", "n2"]);
    for node in &opens {
        unlocking.opened(node);
    }
    let facts = unlocking.shown().facts(0);
    assert_eq!(facts.managers.len(), 1);
    assert_eq!(facts.managers[0].unlock_key_epoch, 2);
    assert_eq!(facts.managers[0].unlock_key_check.len(), 8);
}

#[test]
fn a_damaged_keyring_is_no_wrong_key() {
    let mut good = door(1, &key(1), 2);
    let mut bytes = good.file.encode().expose().to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1; // the commitment
    good.file = KeyringFile::decode(&bytes).unwrap();
    let mut unlocking = Unlocking::new("c1", vec![good]);
    let refusal = refused(&mut unlocking, key(1).text().expose(), 0);
    assert!(
        refusal.code == Code::Internal && refusal.text.contains("damaged"),
        "{}",
        refusal.text
    );
    assert_eq!(unlocking.shown().facts(0).wrong, 0);
}
