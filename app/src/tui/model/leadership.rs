//! Who leads, and since when nobody does? Remembered from word to word, so that the screen can go on showing the last
//! facts with their age, and name the change once it is through.

use wardroom_api::ClusterView;

use super::facts::time;

/// A leader in its term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    pub node_id: String,
    pub term: u64,
}

/// What the console has seen of leadership.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    /// The latest that was known; it stays while nobody leads.
    pub last: Option<Leader>,
    /// When it was gone, as seen from here; `None` while somebody leads.
    pub gone_since_ms: Option<i64>,
}

impl Leadership {
    /// Takes in what the managers say now. The sentence about a change of leaders once the next one is known.
    pub fn observe(&mut self, view: &ClusterView, now_ms: i64) -> Option<String> {
        let Some(status) = view.leader() else {
            if !view.managers.is_empty() {
                self.gone_since_ms.get_or_insert(now_ms);
            }
            return None;
        };
        let now = Leader {
            node_id: status.node_id.clone(),
            term: status.term,
        };
        let gone_since_ms = self.gone_since_ms.take();
        if self.last.as_ref() == Some(&now) {
            return None;
        }
        let elected = status.elections.last().filter(|election| election.term == now.term);
        let gap_ms = match elected {
            Some(election) => election.gap_ms,
            None => gone_since_ms.map_or(0, |since| u64::try_from(now_ms.saturating_sub(since)).unwrap_or(0)),
        };
        let before = self.last.replace(now.clone())?;
        Some(sentence(view, &before, &now, gap_ms))
    }
}

/// `leader mgr-1 -> mgr-2, term 40 -> 41, 1.2s without a leader`.
fn sentence(view: &ClusterView, before: &Leader, now: &Leader, gap_ms: u64) -> String {
    let who = if before.node_id == now.node_id {
        format!("{} leads again", view.hostname(&now.node_id))
    } else {
        format!(
            "leader {} -> {}",
            view.hostname(&before.node_id),
            view.hostname(&now.node_id)
        )
    };
    let gap = if gap_ms == 0 {
        String::new()
    } else {
        format!(", {} without a leader", time::precise(gap_ms))
    };
    format!("{who}, term {} -> {}{gap}", before.term, now.term)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardroom_api::v1::{Election, ManagerStatus};

    fn view(leader: Option<(&str, u64)>) -> ClusterView {
        let mut view = ClusterView::default();
        for name in ["a", "b"] {
            let leads = leader.filter(|(node_id, _)| *node_id == name);
            let status = ManagerStatus {
                node_id: name.into(),
                role: if leads.is_some() { "leader" } else { "follower" }.into(),
                term: leads.map_or(1, |(_, term)| term),
                ..Default::default()
            };
            view.managers.insert(name.into(), status);
        }
        view
    }

    #[test]
    fn a_change_of_leaders_is_told_once_with_its_gap() {
        let mut seen = Leadership::default();
        assert_eq!(
            seen.observe(&view(Some(("a", 4))), 1000),
            None,
            "the first leader is no change"
        );
        assert_eq!(seen.observe(&view(None), 2000), None);
        assert_eq!(seen.observe(&view(None), 3000), None);
        assert_eq!(seen.gone_since_ms, Some(2000));
        let told = seen.observe(&view(Some(("b", 5))), 3500);
        assert_eq!(
            told.as_deref(),
            Some("leader a -> b, term 4 -> 5, 1.5s without a leader")
        );
        assert_eq!(seen.observe(&view(Some(("b", 5))), 3600), None);
        assert_eq!(seen.gone_since_ms, None);
    }

    #[test]
    fn the_managers_know_the_gap_better() {
        let mut seen = Leadership::default();
        seen.observe(&view(Some(("a", 4))), 1000);
        let mut next = view(Some(("a", 6)));
        if let Some(status) = next.managers.get_mut("a") {
            status.elections.push(Election {
                term: 6,
                gap_ms: 85,
                ..Default::default()
            });
        }
        let told = seen.observe(&next, 9000);
        assert_eq!(
            told.as_deref(),
            Some("a leads again, term 4 -> 6, 85ms without a leader")
        );
    }

    #[test]
    fn silence_is_not_a_lost_leader() {
        let mut seen = Leadership::default();
        assert_eq!(seen.observe(&ClusterView::default(), 1000), None);
        assert_eq!(seen, Leadership::default());
    }
}
