//! What is drawn by lot before a change is proposed? Ids and generated values.

use wardroom_keys::{Chance, SecretBytes};
use wardroom_state::ids::id_from_entropy;

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A fresh id.
pub(crate) fn id(chance: &dyn Chance) -> String {
    let mut entropy = [0; 17];
    chance.fill(&mut entropy);
    id_from_entropy(entropy)
}

/// `length` characters of `[A-Za-z0-9]`, each equally likely: bytes that would favour the first letters are drawn again.
pub(crate) fn password(chance: &dyn Chance, length: usize) -> SecretBytes {
    const FAIR: u8 = 62 * 4;
    // Allocated once: a vector that grows leaves copies behind.
    let mut characters = Vec::with_capacity(length);
    while characters.len() < length {
        let drawn = draw(chance);
        let fair = drawn
            .expose()
            .iter()
            .filter(|byte| **byte < FAIR)
            .map(|byte| ALPHABET[usize::from(byte % 62)]);
        let missing = length - characters.len();
        characters.extend(fair.take(missing));
    }
    SecretBytes::new(characters)
}

fn draw(chance: &dyn Chance) -> SecretBytes {
    let mut bytes = vec![0; 64];
    chance.fill(&mut bytes);
    SecretBytes::new(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use wardroom_keys::SeededChance;

    use super::*;

    #[test]
    fn ids_have_docker_s_shape() {
        let chance = SeededChance::new(1);
        let (one, other) = (id(&chance), id(&chance));
        assert_ne!(one, other);
        assert_eq!(one.len(), 25);
        assert!(
            one.bytes()
                .all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
        );
    }

    #[test]
    fn passwords_have_the_length_asked_for() {
        let chance = SeededChance::new(2);
        for length in [1, 63, 64, 65, 1_000] {
            let password = password(&chance, length);
            assert_eq!(password.len(), length);
            assert!(password.expose().iter().all(u8::is_ascii_alphanumeric));
        }
    }

    #[test]
    fn every_character_is_equally_likely() {
        let drawn = password(&SeededChance::new(3), 62 * 1_000);
        let mut counts: BTreeMap<u8, i32> = BTreeMap::new();
        drawn
            .expose()
            .iter()
            .for_each(|byte| *counts.entry(*byte).or_default() += 1);
        assert_eq!(counts.len(), 62);
        // Standard deviation 31; without rejection the first eight letters would come 1211 times.
        assert!(counts.values().all(|count| (850..1150).contains(count)), "{counts:?}");
    }
}
