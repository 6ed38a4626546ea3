//! What hangs on what? The lines of the tree of keys: the unlock key over the managers' DEKs, the sealing root over the
//! data keys of the versions, the root CA over certificates and join tokens.

use wardroom_api::ClusterView;
use wardroom_api::v1::Role;

use super::facts::keys::{self, Keys};
use super::facts::members;

/// One line of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    UnlockKey,
    /// The DEK in force on that node.
    Dek(String),
    /// Another DEK that something on the node's disk still, or already, lies under.
    Lying(String, u32),
    SealingRoot,
    DataKeys,
    Root,
    /// An older root, by its fingerprint.
    Retiring(String),
    Certificates,
    Token(Role),
}

impl Line {
    /// What the list selects it by.
    pub fn key(&self) -> String {
        match self {
            Self::UnlockKey => "unlock-key".to_owned(),
            Self::Dek(node) => format!("dek/{node}"),
            Self::Lying(node, epoch) => format!("lying/{epoch}/{node}"),
            Self::SealingRoot => "sealing-root".to_owned(),
            Self::DataKeys => "data-keys".to_owned(),
            Self::Root => "root".to_owned(),
            Self::Retiring(fingerprint) => format!("retiring/{fingerprint}"),
            Self::Certificates => "certificates".to_owned(),
            Self::Token(Role::Manager) => "token/manager".to_owned(),
            Self::Token(_) => "token/worker".to_owned(),
        }
    }

    pub fn of_key(key: &str) -> Option<Self> {
        let (kind, rest) = key.split_once('/').unwrap_or((key, ""));
        Some(match kind {
            "unlock-key" => Self::UnlockKey,
            "dek" => Self::Dek(rest.to_owned()),
            "lying" => {
                let (epoch, node) = rest.split_once('/')?;
                Self::Lying(node.to_owned(), epoch.parse().ok()?)
            }
            "sealing-root" => Self::SealingRoot,
            "data-keys" => Self::DataKeys,
            "root" => Self::Root,
            "retiring" => Self::Retiring(rest.to_owned()),
            "certificates" => Self::Certificates,
            "token" if rest == "manager" => Self::Token(Role::Manager),
            "token" => Self::Token(Role::Worker),
            _ => return None,
        })
    }

    /// How deep it stands.
    pub fn depth(&self) -> usize {
        match self {
            Self::UnlockKey | Self::SealingRoot | Self::Root => 0,
            Self::Lying(..) => 2,
            _ => 1,
        }
    }

    /// What people call it.
    pub fn name(&self, view: &ClusterView) -> String {
        match self {
            Self::UnlockKey => "unlock key".to_owned(),
            Self::Dek(node) => format!("DEK {}", view.hostname(node)),
            Self::Lying(node, epoch) if is_older(view, node, *epoch) => format!("older DEK {epoch}"),
            Self::Lying(_, epoch) => format!("next DEK {epoch}"),
            Self::SealingRoot => "sealing root".to_owned(),
            Self::DataKeys => format!("data keys x{}", keys::data_keys(view)),
            Self::Root => "root CA".to_owned(),
            Self::Retiring(_) => "older root".to_owned(),
            Self::Certificates => format!("certs x{}", keys::certificates(view).0),
            Self::Token(Role::Manager) => "manager token".to_owned(),
            Self::Token(_) => "worker token".to_owned(),
        }
    }

    /// What finds it in the audit records.
    pub fn audit_filter(&self) -> &'static str {
        match self {
            Self::UnlockKey => "action=unlock-key|autolock",
            Self::Dek(_) | Self::Lying(..) => "action=dek|shred|unlock-key|autolock",
            Self::SealingRoot | Self::DataKeys => "action=secret",
            Self::Root | Self::Retiring(_) => "action=root",
            Self::Certificates => "action=node|operator",
            Self::Token(_) => "action=token",
        }
    }
}

/// Whether the DEK of that epoch is on its way out, and not on its way in.
pub fn is_older(view: &ClusterView, node_id: &str, epoch: u32) -> bool {
    keys::of_manager(view, node_id).is_none_or(|found| epoch < found.dek_epoch())
}

/// The whole tree, top down.
pub fn lines(view: &ClusterView) -> Vec<Line> {
    let mut found = vec![Line::UnlockKey];
    for manager in keys::of_managers(view).iter().filter(|it| it.is_known() || !it.silent) {
        found.push(Line::Dek(manager.node.id.clone()));
        found.extend(lying(manager));
    }
    found.extend([Line::SealingRoot, Line::DataKeys, Line::Root]);
    let retiring = view.cluster.iter().flat_map(|cluster| &cluster.retiring);
    found.extend(retiring.map(|root| Line::Retiring(root.fingerprint.clone())));
    found.push(Line::Certificates);
    let tokens = [Role::Worker, Role::Manager];
    let known = tokens
        .into_iter()
        .filter(|role| members::join_token(view, *role).is_some());
    found.extend(known.map(Line::Token));
    found
}

/// The DEKs beside the one in force that its disk is not rid of, or that it is moving to.
fn lying(manager: &Keys<'_>) -> Vec<Line> {
    let mut epochs: Vec<u32> = manager
        .live()
        .into_iter()
        .flat_map(|live| live.uses.iter().map(|lying| lying.epoch))
        .chain(manager.pending().map(|pending| pending.epoch))
        .filter(|epoch| *epoch != manager.dek_epoch())
        .collect();
    epochs.sort_unstable();
    epochs.dedup();
    let line = |epoch| Line::Lying(manager.node.id.clone(), epoch);
    epochs.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_their_keys() {
        for line in [
            Line::UnlockKey,
            Line::Dek("a/b".into()),
            Line::Lying("a/b".into(), 7),
            Line::SealingRoot,
            Line::DataKeys,
            Line::Root,
            Line::Retiring("9b1c".into()),
            Line::Certificates,
            Line::Token(Role::Worker),
            Line::Token(Role::Manager),
        ] {
            assert_eq!(Line::of_key(&line.key()), Some(line));
        }
        assert_eq!(Line::of_key("lying/x/a"), None);
    }
}
