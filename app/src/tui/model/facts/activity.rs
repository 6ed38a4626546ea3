//! What happened lately? Audit records and elections counted per minute, for the overview's sparklines.

use wardroom_api::ClusterView;

use super::managers::elections;

/// Minutes that the overview looks back.
pub const MINUTES: usize = 15;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Per minute, oldest first.
    pub changes: Vec<u64>,
    pub rotations: Vec<u64>,
    pub receipts: Vec<u64>,
    pub denied: Vec<u64>,
    pub elections: Vec<u64>,
}

/// The last minutes up to `now_ms`, by the minute in which each thing happened.
pub fn activity(view: &ClusterView, now_ms: i64, minutes: usize) -> Activity {
    let zero = || vec![0; minutes];
    let mut found = Activity {
        changes: zero(),
        rotations: zero(),
        receipts: zero(),
        denied: zero(),
        elections: zero(),
    };
    for record in view.audit.values().rev() {
        let Some(minute) = minute_of(now_ms, record.at_ms, minutes) else {
            // Records are in the order of time: all others are older still.
            break;
        };
        found.changes[minute] += 1;
        found.denied[minute] += u64::from(record.outcome == "denied");
        found.rotations[minute] += u64::from(record.action == "secret.rotate");
        found.receipts[minute] +=
            u64::from(record.action.starts_with("secret.deliver") || record.action.starts_with("secret.erase"));
    }
    for election in elections(view) {
        if let Some(minute) = minute_of(now_ms, election.at_ms, minutes) {
            found.elections[minute] += 1;
        }
    }
    found
}

fn minute_of(now_ms: i64, at_ms: i64, minutes: usize) -> Option<usize> {
    let ago = usize::try_from((now_ms.div_euclid(60_000) - at_ms.div_euclid(60_000)).max(0)).ok()?;
    (minutes - 1).checked_sub(ago)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardroom_api::v1::AuditRecord;

    #[test]
    fn records_fall_into_their_minutes() {
        let mut view = ClusterView::default();
        let now = 100 * 60_000 + 30_000;
        for (sequence, (minutes_ago, outcome)) in [(20, "ok"), (2, "denied"), (0, "ok"), (-1, "ok")]
            .into_iter()
            .enumerate()
        {
            let at_ms = now - minutes_ago * 60_000;
            let action = "secret.rotate".to_owned();
            view.audit.insert(
                sequence as u64,
                AuditRecord {
                    at_ms,
                    action,
                    outcome: outcome.into(),
                    ..Default::default()
                },
            );
        }
        let found = activity(&view, now, 4);
        assert_eq!((found.changes, found.denied), (vec![0, 1, 0, 2], vec![0, 1, 0, 0]));
    }
}
