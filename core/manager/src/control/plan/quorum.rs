//! How many managers may the cluster lose, before a change and after it?

use wardroom_api::v1;
use wardroom_state::State;

use crate::control::plan::{check, counted};

/// How many of so many may be lost while the rest can still decide.
fn tolerates(managers: usize) -> usize {
    managers.saturating_sub(1) / 2
}

/// `3 managers -> 2: tolerates 0 lost`, warned of when it tolerates less than before.
pub(super) fn outlook(before: usize, after: usize) -> v1::PlanCheck {
    let text = format!(
        "{} -> {after}: tolerates {} lost",
        counted(before, "manager"),
        tolerates(after)
    );
    let level = if tolerates(after) < tolerates(before) || after < before && tolerates(after) == 0 {
        v1::CheckLevel::Warn
    } else {
        v1::CheckLevel::Ok
    };
    check(level, text)
}

/// Nodes that are managers now and stay so.
pub(super) fn managers(state: &State) -> usize {
    let managers = state.managers();
    managers.filter(|node| node.role == node.desired_role).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_managers_tolerate_fewer_losses() {
        let words = |before, after| {
            let check = outlook(before, after);
            (check.level(), check.text)
        };
        let (warn, ok) = (v1::CheckLevel::Warn, v1::CheckLevel::Ok);
        assert_eq!(words(3, 2), (warn, "3 managers -> 2: tolerates 0 lost".into()));
        assert_eq!(words(5, 4), (warn, "5 managers -> 4: tolerates 1 lost".into()));
        assert_eq!(words(4, 3), (ok, "4 managers -> 3: tolerates 1 lost".into()));
        assert_eq!(words(2, 1), (warn, "2 managers -> 1: tolerates 0 lost".into()));
        assert_eq!(words(1, 2), (ok, "1 manager -> 2: tolerates 0 lost".into()));
        assert_eq!(words(2, 3), (ok, "2 managers -> 3: tolerates 1 lost".into()));
    }
}
