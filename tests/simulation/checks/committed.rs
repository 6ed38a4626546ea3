//! Does what is committed stay committed? Within one life of a manager neither index ever goes back.

use std::collections::BTreeMap;

use wardroom_api::v1::ManagerStatus;

use super::Findings;

/// Committed and applied index by manager.
#[derive(Default)]
pub(crate) struct Committed(BTreeMap<String, (u64, u64)>);

impl Committed {
    pub(crate) fn observe(&mut self, who: &str, status: &ManagerStatus) -> Findings {
        let now = (status.committed, status.applied);
        let before = self.0.insert(who.to_owned(), now).unwrap_or_default();
        let back = now.0 < before.0 || now.1 < before.1;
        back.then(|| format!("O {who} went back from {before:?} to {now:?} (committed, applied)"))
            .into_iter()
            .collect()
    }

    pub(crate) fn forget(&mut self, who: &str) {
        self.0.remove(who);
    }
}
