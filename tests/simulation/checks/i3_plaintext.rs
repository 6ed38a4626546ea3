//! I3: is there plaintext on a manager's disk? Every value of a run begins with the same words; none may be found.

use std::fmt::Write as _;

use super::Findings;
use crate::workload::canary;
use crate::world::World;

pub(crate) fn check(world: &World) -> Findings {
    let words = canary(world.seed);
    let plain = words.as_bytes();
    let hex = hex(plain);
    let mut findings = Findings::new();
    for seat in &world.cluster.managers {
        for (path, bytes) in seat.disk.memory.dump() {
            for needle in [plain, hex.as_bytes()] {
                if contains(&bytes, needle) {
                    findings.push(format!("I3 {}: a value stands in {path}", seat.name));
                }
            }
        }
    }
    findings
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

/// Segments are mostly zeros and megabytes long: only where the first byte fits is the rest compared.
fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    let mut rest = haystack;
    while let Some(at) = rest.iter().position(|byte| *byte == needle[0]) {
        if rest[at..].starts_with(needle) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}
