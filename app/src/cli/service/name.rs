//! What is a service called that nobody named? Two words, as Docker makes them up.

use crate::report::Report;

const LEFT: [&str; 32] = [
    "able", "brave", "brisk", "calm", "careful", "clear", "deft", "eager", "early", "fair", "fleet", "frank", "gentle",
    "glad", "hardy", "honest", "keen", "kind", "lively", "loyal", "merry", "neat", "nimble", "patient", "proud",
    "quick", "quiet", "ready", "sharp", "steady", "swift", "wise",
];
const RIGHT: [&str; 32] = [
    "anchor", "barge", "beacon", "bosun", "bow", "brig", "buoy", "captain", "clipper", "compass", "cutter", "deck",
    "dinghy", "ensign", "ferry", "galley", "harbour", "helm", "hull", "jib", "keel", "ketch", "lantern", "mast", "oar",
    "pilot", "purser", "rudder", "sail", "schooner", "sextant", "tender",
];

/// `steady_anchor42`: few enough collisions, and the manager refuses a name that is taken.
pub fn made_up() -> Result<String, Report> {
    let mut bytes = [0u8; 4];
    random(&mut bytes)?;
    let pick = |list: [&'static str; 32], byte: u8| list[usize::from(byte) % list.len()];
    let number = u16::from_le_bytes([bytes[2], bytes[3]]) % 100;
    Ok(format!("{}_{}{number}", pick(LEFT, bytes[0]), pick(RIGHT, bytes[1])))
}

/// From the operating system.
pub fn random(bytes: &mut [u8]) -> Result<(), Report> {
    getrandom::fill(bytes).map_err(|error| Report::failure(format!("no randomness from the operating system: {error}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    #[test]
    fn made_up_names_are_names_and_differ() {
        let names: std::collections::BTreeSet<String> = (0..50).map(|_| made_up().unwrap()).collect();
        assert!(names.len() > 40, "{names:?}");
        let well_formed = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        assert!(names.iter().all(well_formed), "{names:?}");
    }
}
