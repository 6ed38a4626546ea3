//! Which grants does the user mean to change? Edits of the matrix, kept here until they go out as one plan. They survive
//! every move between screens; what the cluster has done meanwhile takes its part of them away.

use std::collections::BTreeMap;

use wardroom_api::ClusterView;
use wardroom_api::v1::{Grant, GrantChange, OnChange};

/// The steps that can be taken back.
const UNDO_MAX: usize = 1000;

/// A service and a secret, by id.
pub type Cell = (String, String);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    Add(Grant),
    /// In the place of what is granted now.
    Change(Grant),
    /// The secret by name.
    Remove(String),
}

impl Edit {
    pub fn sign(&self) -> char {
        match self {
            Self::Add(_) => '+',
            Self::Change(_) => '~',
            Self::Remove(_) => '-',
        }
    }

    pub fn word(&self) -> &'static str {
        match self {
            Self::Add(_) => "grant",
            Self::Change(_) => "change",
            Self::Remove(_) => "withdraw",
        }
    }

    /// What the cell would hold.
    pub fn grant(&self) -> Option<&Grant> {
        match self {
            Self::Add(grant) | Self::Change(grant) => Some(grant),
            Self::Remove(_) => None,
        }
    }
}

#[derive(Debug, Default)]
pub struct Staged {
    edits: BTreeMap<Cell, Edit>,
    /// What each cell had before a step, oldest first.
    before: Vec<(Cell, Option<Edit>)>,
}

impl Staged {
    pub fn len(&self) -> usize {
        self.edits.len()
    }

    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    pub fn get(&self, cell: &Cell) -> Option<&Edit> {
        self.edits.get(cell)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Cell, &Edit)> {
        self.edits.iter()
    }

    /// Stages an edit in the place of what was staged for the cell, or nothing.
    pub fn put(&mut self, cell: Cell, edit: Option<Edit>) {
        let was = match edit {
            Some(edit) => self.edits.insert(cell.clone(), edit),
            None => self.edits.remove(&cell),
        };
        if self.before.len() == UNDO_MAX {
            self.before.remove(0);
        }
        self.before.push((cell, was));
    }

    /// Takes the last step back; the cell it was about.
    pub fn undo(&mut self) -> Option<Cell> {
        let (cell, was) = self.before.pop()?;
        match was {
            Some(edit) => self.edits.insert(cell.clone(), edit),
            None => self.edits.remove(&cell),
        };
        Some(cell)
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Drops what cannot be done any more, or is done already; how many that were.
    pub fn prune(&mut self, view: &ClusterView) -> usize {
        let count = self.len();
        self.edits.retain(|cell, edit| is_open(view, cell, edit));
        let dropped = count - self.len();
        if dropped > 0 {
            // A step back must not bring one of them up again.
            self.before.clear();
        }
        dropped
    }
}

fn is_open(view: &ClusterView, (service, secret): &Cell, edit: &Edit) -> bool {
    let Some(spec) = view.services.get(service).and_then(|service| service.spec.as_ref()) else {
        return false;
    };
    let mut granted = spec.grants.iter().filter(|grant| grant.secret_id == *secret);
    match edit {
        Edit::Remove(_) => granted.next().is_some(),
        Edit::Add(_) => view.secrets.contains_key(secret) && granted.next().is_none(),
        Edit::Change(wanted) => {
            view.secrets.contains_key(secret) && granted.next().is_some_and(|grant| grant != wanted)
        }
    }
}

/// The same as one request has it: service by service.
pub fn changes<'a>(edits: impl Iterator<Item = &'a (Cell, Edit)>) -> Vec<GrantChange> {
    let mut found: BTreeMap<&str, GrantChange> = BTreeMap::new();
    for ((service, secret), edit) in edits {
        let change = found.entry(service).or_insert_with(|| GrantChange {
            service: service.clone(),
            ..GrantChange::default()
        });
        if !matches!(edit, Edit::Add(_)) {
            change.remove.push(secret.clone());
        }
        change.add.extend(edit.grant().cloned());
    }
    found.into_values().collect()
}

/// A grant as it begins: readable by all in the task, under the secret's name, swapped in place.
pub fn plain_grant(secret_id: &str, name: &str) -> Grant {
    Grant {
        secret_id: secret_id.to_owned(),
        secret_name: name.to_owned(),
        target: name.to_owned(),
        mode: 0o444,
        on_change: OnChange::Swap.into(),
        ..Grant::default()
    }
}

#[cfg(test)]
mod tests {
    use wardroom_api::v1::{Secret, Service, ServiceSpec};

    use super::*;

    fn cell(service: &str, secret: &str) -> Cell {
        (service.to_owned(), secret.to_owned())
    }

    fn view() -> ClusterView {
        let mut view = ClusterView::default();
        for id in ["a", "b"] {
            let secret = Secret {
                id: id.into(),
                ..Secret::default()
            };
            view.secrets.insert(id.into(), secret);
        }
        let service = Service {
            id: "web".into(),
            spec: Some(ServiceSpec {
                grants: vec![plain_grant("a", "a")],
                ..ServiceSpec::default()
            }),
            ..Service::default()
        };
        view.services.insert("web".into(), service);
        view
    }

    #[test]
    fn steps_are_taken_back_one_by_one() {
        let mut staged = Staged::default();
        staged.put(cell("web", "a"), Some(Edit::Remove("a".into())));
        staged.put(cell("web", "b"), Some(Edit::Add(plain_grant("b", "b"))));
        staged.put(cell("web", "a"), None);
        assert_eq!(staged.undo(), Some(cell("web", "a")));
        assert_eq!(staged.get(&cell("web", "a")), Some(&Edit::Remove("a".into())));
        staged.undo();
        staged.undo();
        assert!(staged.is_empty() && staged.undo().is_none());
    }

    #[test]
    fn what_the_cluster_did_itself_is_no_edit_any_more() {
        let mut staged = Staged::default();
        staged.put(cell("web", "a"), Some(Edit::Remove("a".into())));
        staged.put(cell("web", "b"), Some(Edit::Add(plain_grant("b", "b"))));
        staged.put(cell("gone", "b"), Some(Edit::Add(plain_grant("b", "b"))));
        assert_eq!((staged.prune(&view()), staged.len()), (1, 2));
        let mut done = view();
        let spec = done.services.get_mut("web").and_then(|service| service.spec.as_mut());
        spec.expect("it has one").grants = vec![plain_grant("b", "b")];
        assert_eq!((staged.prune(&done), staged.len()), (2, 0));
        assert!(staged.undo().is_none());
    }

    #[test]
    fn one_request_has_every_service_once() {
        let mut changed = plain_grant("a", "a");
        changed.mode = 0o400;
        let edits = [
            (cell("web", "a"), Edit::Change(changed)),
            (cell("web", "b"), Edit::Add(plain_grant("b", "b"))),
            (cell("api", "b"), Edit::Remove("b".into())),
        ];
        let found = changes(edits.iter());
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].service.as_str(), found[0].remove.as_slice()),
            ("api", ["b".to_owned()].as_slice())
        );
        assert_eq!(
            (found[1].add.len(), found[1].remove.as_slice()),
            (2, ["a".to_owned()].as_slice())
        );
    }
}
