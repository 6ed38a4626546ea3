//! I2: do all managers have the same state at the same index? In every incarnation, also when they replay.

use std::collections::BTreeMap;
use std::sync::Arc;

use wardroom_manager::Applied;
use wardroom_state::State;

use super::Findings;

/// Who was first to show a digest or events at an index, and what they were.
#[derive(Default)]
pub(crate) struct Agreement {
    digests: BTreeMap<u64, (String, [u8; 32])>,
    events: BTreeMap<u64, (String, String)>,
}

impl Agreement {
    pub(crate) fn observe(&mut self, who: &str, applied: &[Arc<Applied>], state: &State) -> Findings {
        let mut findings = Findings::new();
        for applied in applied.iter().filter(|applied| !applied.replaced) {
            let events = format!("{:?}", applied.events);
            let (first, known) = self
                .events
                .entry(applied.index)
                .or_insert_with(|| (who.to_owned(), events.clone()));
            if *known != events {
                findings.push(format!(
                    "I2 {who} and {first} applied different entries at {}",
                    applied.index
                ));
            }
        }
        let (index, digest) = (state.index(), state.digest());
        let (first, known) = self.digests.entry(index).or_insert_with(|| (who.to_owned(), digest));
        if *known != digest {
            findings.push(format!("I2 {who} and {first} have different states at {index}"));
        }
        findings
    }
}
