//! What does the seed decide? Draws for schedules and workloads, each part from a stream of its own.

use wardroom_keys::{Chance, SeededChance};

/// A stream of draws. The same seed and label give the same draws, whatever other streams drew.
pub(crate) struct Dice(SeededChance);

impl Dice {
    pub(crate) fn new(seed: u64, label: &str) -> Self {
        Self(SeededChance::new(seed).derive(label))
    }

    /// From 0 up to and without `bound`.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.0.next_u64() % bound.max(1)
    }

    pub(crate) fn between(&self, from: u64, to: u64) -> u64 {
        from + self.below(to - from)
    }

    pub(crate) fn index(&self, length: usize) -> usize {
        let length = u64::try_from(length).expect("a list in memory has a 64-bit length");
        usize::try_from(self.below(length)).expect("below a usize")
    }

    /// One of a list that is not empty.
    pub(crate) fn pick<'a, T>(&self, list: &'a [T]) -> &'a T {
        &list[self.index(list.len())]
    }

    /// Sixteen hexadecimal digits.
    pub(crate) fn hex(&self) -> String {
        format!("{:016x}", self.0.next_u64())
    }

    pub(crate) fn seed(&self) -> u64 {
        self.0.next_u64()
    }
}
