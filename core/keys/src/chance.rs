//! Where does randomness come from? One seam, so that a whole cluster can run from a seed.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::cipher::{bind, mac};

/// The only source of randomness in wardroom: ids, nonces, keys, jitter.
pub trait Chance: Send + Sync {
    /// Fills `out` with unpredictable bytes.
    fn fill(&self, out: &mut [u8]);

    /// 64 random bits.
    fn next_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsChance;

impl Chance for OsChance {
    fn fill(&self, out: &mut [u8]) {
        // A kernel that cannot give randomness cannot run a key store; there is nothing sensible to return instead.
        getrandom::fill(out).expect("the kernel's generator does not fail once the machine has booted");
    }
}

/// Chance from a seed, for simulations and tests only: same seed, same calls, same bytes.
#[derive(Debug)]
pub struct SeededChance {
    seed: [u8; 32],
    counter: AtomicU64,
}

impl SeededChance {
    pub fn new(seed: u64) -> Self {
        Self {
            seed: mac(&seed.to_le_bytes(), &[b"wardroom/chance/v1"]),
            counter: AtomicU64::new(0),
        }
    }

    /// An independent stream, so that one node's draws do not shift another's.
    #[must_use]
    pub fn derive(&self, label: &str) -> Self {
        let seed = mac(&self.seed, &[&bind("wardroom/chance/derive/v1", &[label.as_bytes()])]);
        Self {
            seed,
            counter: AtomicU64::new(0),
        }
    }
}

impl Chance for SeededChance {
    fn fill(&self, out: &mut [u8]) {
        for block in out.chunks_mut(32) {
            let counter = self.counter.fetch_add(1, Ordering::Relaxed);
            block.copy_from_slice(&mac(&self.seed, &[&counter.to_le_bytes()])[..block.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(chance: &dyn Chance, len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        chance.fill(&mut out);
        out
    }

    #[test]
    fn one_seed_gives_one_stream() {
        let (a, b) = (SeededChance::new(7), SeededChance::new(7));
        assert_eq!(draw(&a, 100), draw(&b, 100));
        assert_eq!(a.next_u64(), b.next_u64());
        assert_ne!(draw(&a, 32), draw(&SeededChance::new(8), 32));
    }

    #[test]
    fn derived_streams_differ_by_label_and_do_not_depend_on_draws() {
        let root = SeededChance::new(1);
        let before = draw(&root.derive("m1"), 32);
        draw(&root, 500);
        assert_eq!(before, draw(&root.derive("m1"), 32));
        assert_ne!(before, draw(&root.derive("m2"), 32));
    }

    #[test]
    fn the_system_does_not_repeat_itself() {
        assert_ne!(draw(&OsChance, 32), draw(&OsChance, 32));
    }
}
