//! Who answers, and would the rest be enough? What the managers' words say about the voters.

use std::collections::BTreeSet;

use wardroom_state::ids::NodeId;

use crate::context::Context;
use crate::membership::decide::Outlook;
use crate::peer::{Table, Word};

/// Without that manager too few would answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QuorumRisk {
    /// Managers that would be left and answer.
    pub(crate) left: usize,
    /// Managers that would be left.
    pub(crate) of: usize,
}

/// Node ids of the managers that answer, this one's included.
pub(crate) fn reachable(me: &str, table: &Table) -> BTreeSet<String> {
    let heard = table.since(0).filter(|(_, word)| matches!(word, Word::Status(_)));
    heard.map(|(node, _)| node).chain([me]).map(str::to_owned).collect()
}

/// The consensus as this manager sees it now.
pub(crate) fn outlook(context: &Context) -> Outlook {
    let table = context.managers.subscribe();
    let reachable = reachable(&context.config.node_id, &table.borrow());
    Outlook::new(context.config.raft_id, context.consensus.members(), reachable)
}

/// Whether the cluster could still decide if that manager were removed. One that has no vote risks nothing.
pub(crate) fn quorum_without(context: &Context, node: &NodeId) -> Result<(), QuorumRisk> {
    without(&outlook(context), node)
}

fn without(outlook: &Outlook, node: &NodeId) -> Result<(), QuorumRisk> {
    let voter = outlook.voters.iter().find(|(_, peer)| peer.node_id == node.as_str());
    let Some((raft_id, _)) = voter else { return Ok(()) };
    let (left, of) = outlook.count(outlook.others(*raft_id));
    if left > of / 2 {
        Ok(())
    } else {
        Err(QuorumRisk { left, of })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Peer;

    fn outlook(voters: &[&str], reachable: &[&str]) -> Outlook {
        let peer = |name: &&str| Peer {
            address: String::new(),
            node_id: (*name).to_owned(),
        };
        Outlook {
            me: 1,
            voters: (1..).zip(voters.iter().map(peer)).collect(),
            reachable: reachable.iter().map(|name| (*name).to_owned()).collect(),
            ..Outlook::default()
        }
    }

    fn risk(voters: &[&str], reachable: &[&str], node: &str) -> Option<(usize, usize)> {
        let risk = without(&outlook(voters, reachable), &NodeId::new(node)).err();
        risk.map(|risk| (risk.left, risk.of))
    }

    #[test]
    fn one_of_three_may_go_while_the_others_answer() {
        let all = ["a", "b", "c"];
        assert_eq!(risk(&all, &all, "b"), None);
        assert_eq!(risk(&all, &["a", "b"], "c"), None, "the lost one itself");
        assert_eq!(risk(&all, &["a", "b"], "b"), Some((1, 2)));
        assert_eq!(risk(&["a", "b"], &["a", "b"], "b"), None);
        assert_eq!(risk(&["a"], &["a"], "a"), Some((0, 0)));
        assert_eq!(risk(&all, &["a"], "worker"), None, "it has no vote");
    }

    #[test]
    fn who_has_said_nothing_does_not_answer() {
        let mut table = Table::default();
        table
            .words
            .insert("b".into(), (1, Word::Status(std::sync::Arc::default())));
        table.words.insert("c".into(), (2, Word::Lost("gone".into())));
        assert_eq!(reachable("a", &table), ["a", "b"].map(str::to_owned).into());
    }
}
