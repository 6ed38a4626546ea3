//! I6: is a destroyed version gone? A version is destroyed when the last receipt is in; from then on no byte of its value
//! may be in any worker's memory.

use wardroom_state::State;
use wardroom_state::secret::VersionState;

use super::Findings;
use super::values::Held;

pub(crate) fn check(state: &State, held: &Held) -> Findings {
    let versions = state.secrets().values().flat_map(|secret| secret.versions.values());
    let destroyed = versions.filter(|version| version.state == VersionState::Destroyed);
    let mut findings = Findings::new();
    for version in destroyed {
        let holders = held
            .iter()
            .filter(|(_, versions)| versions.contains(version.id.as_str()));
        findings.extend(holders.map(|(node, _)| format!("I6 {} is destroyed and worker {node} has it", version.name)));
    }
    findings
}
