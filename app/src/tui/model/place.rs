//! Where is the user? A place is a screen with its subject; history is a line of places.

use super::list::ListId;

/// A screen, without its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Cluster,
    Raft,
    Keys,
    Operators,
    Secrets,
    Secret,
    Services,
    Service,
    Grants,
    Nodes,
    Node,
    Audit,
    Tasks,
    Rotations,
    Rotation,
    Spec,
    Logs,
}

impl Kind {
    #[cfg(test)]
    pub const ALL: [Self; 17] = [
        Self::Cluster,
        Self::Raft,
        Self::Keys,
        Self::Operators,
        Self::Secrets,
        Self::Secret,
        Self::Services,
        Self::Service,
        Self::Grants,
        Self::Nodes,
        Self::Node,
        Self::Audit,
        Self::Tasks,
        Self::Rotations,
        Self::Rotation,
        Self::Spec,
        Self::Logs,
    ];

    /// The digits' screens, in their order.
    pub const DIGITS: [(Self, &'static str); 8] = [
        (Self::Cluster, "Cluster"),
        (Self::Raft, "Raft"),
        (Self::Keys, "Keys"),
        (Self::Secrets, "Secrets"),
        (Self::Services, "Services"),
        (Self::Nodes, "Nodes"),
        (Self::Audit, "Audit"),
        (Self::Tasks, "Tasks"),
    ];
}

/// A screen and what it is about; subjects are named by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Cluster,
    Raft,
    Keys,
    Operators,
    Secrets,
    Secret(String),
    Services,
    Service(String),
    Grants,
    Nodes,
    Node(String),
    Audit,
    Tasks,
    Rotations,
    Rotation(String),
    /// The settings of a service in full.
    Spec(String),
    /// What the tasks of a service write, or one of them.
    Logs {
        service: String,
        task: Option<String>,
    },
}

impl Place {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Cluster => Kind::Cluster,
            Self::Raft => Kind::Raft,
            Self::Keys => Kind::Keys,
            Self::Operators => Kind::Operators,
            Self::Secrets => Kind::Secrets,
            Self::Secret(_) => Kind::Secret,
            Self::Services => Kind::Services,
            Self::Service(_) => Kind::Service,
            Self::Grants => Kind::Grants,
            Self::Nodes => Kind::Nodes,
            Self::Node(_) => Kind::Node,
            Self::Audit => Kind::Audit,
            Self::Tasks => Kind::Tasks,
            Self::Rotations => Kind::Rotations,
            Self::Rotation(_) => Kind::Rotation,
            Self::Spec(_) => Kind::Spec,
            Self::Logs { .. } => Kind::Logs,
        }
    }

    /// The place of a screen that needs no subject; a detail's list otherwise.
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Cluster => Self::Cluster,
            Kind::Raft => Self::Raft,
            Kind::Keys => Self::Keys,
            Kind::Operators => Self::Operators,
            Kind::Secrets | Kind::Secret => Self::Secrets,
            Kind::Services | Kind::Service | Kind::Spec | Kind::Logs => Self::Services,
            Kind::Rotations | Kind::Rotation => Self::Rotations,
            Kind::Grants => Self::Grants,
            Kind::Nodes | Kind::Node => Self::Nodes,
            Kind::Audit => Self::Audit,
            Kind::Tasks => Self::Tasks,
        }
    }

    /// The lists of the screen, in the order of `tab`.
    pub fn lists(&self) -> &'static [ListId] {
        match self {
            Self::Cluster => &[ListId::Attention],
            Self::Raft => &[ListId::Managers, ListId::Entries],
            Self::Keys => &[ListId::Keys, ListId::Certificates, ListId::Moves],
            Self::Operators => &[ListId::Operators],
            Self::Secrets => &[ListId::Secrets],
            Self::Secret(_) => &[ListId::Versions, ListId::Holders, ListId::SecretGrants],
            Self::Services => &[ListId::Services],
            Self::Service(_) => &[ListId::ServiceTasks, ListId::ServiceGrants],
            Self::Grants => &[ListId::Matrix, ListId::MatrixSecrets],
            Self::Nodes => &[ListId::Nodes],
            Self::Node(_) => &[ListId::NodeHoldings, ListId::NodeTasks],
            Self::Audit => &[ListId::Audit],
            Self::Tasks => &[ListId::Rotations, ListId::Tasks],
            Self::Rotations => &[ListId::AllRotations],
            Self::Rotation(_) => &[ListId::RotationServices, ListId::RotationTasks],
            Self::Spec(_) => &[ListId::Spec],
            Self::Logs { .. } => &[ListId::Logs],
        }
    }

    /// Where `esc` leads.
    pub fn parent(&self) -> Self {
        match self {
            Self::Secret(_) => Self::Secrets,
            Self::Service(_) | Self::Grants => Self::Services,
            Self::Spec(id) | Self::Logs { service: id, .. } => Self::Service(id.clone()),
            Self::Rotations => Self::Tasks,
            Self::Rotation(_) => Self::Rotations,
            Self::Node(_) => Self::Nodes,
            Self::Operators => Self::Keys,
            _ => Self::Cluster,
        }
    }
}

/// Longest line of places that is remembered.
const HISTORY_MAX: usize = 100;

/// The places visited, and where in that line the user is.
#[derive(Debug)]
pub struct History {
    places: Vec<Place>,
    at: usize,
    last: Option<Place>,
}

impl History {
    pub fn new(first: Place) -> Self {
        Self {
            places: vec![first],
            at: 0,
            last: None,
        }
    }

    pub fn here(&self) -> &Place {
        // `at` always points into `places`, which is never empty.
        &self.places[self.at]
    }

    /// Goes to a place; what lay ahead in the line is forgotten.
    pub fn visit(&mut self, place: Place) {
        if *self.here() == place {
            return;
        }
        self.last = Some(self.here().clone());
        self.places.truncate(self.at + 1);
        self.places.push(place);
        if self.places.len() > HISTORY_MAX {
            self.places.remove(0);
        }
        self.at = self.places.len() - 1;
    }

    pub fn back(&mut self) -> bool {
        self.step(self.at.checked_sub(1))
    }

    pub fn forward(&mut self) -> bool {
        self.step(Some(self.at + 1).filter(|next| *next < self.places.len()))
    }

    /// The place before this one, wherever it stood: `-` pressed twice returns.
    pub fn last(&mut self) -> bool {
        let last = self.last.clone();
        last.is_some_and(|place| {
            self.visit(place);
            true
        })
    }

    fn step(&mut self, to: Option<usize>) -> bool {
        let Some(to) = to else { return false };
        self.last = Some(self.here().clone());
        self.at = to;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_goes_back_forward_and_to_the_last() {
        let mut history = History::new(Place::Cluster);
        history.visit(Place::Secrets);
        history.visit(Place::Secret("a".into()));
        assert!(history.back() && *history.here() == Place::Secrets);
        assert!(history.forward() && !history.forward());
        history.visit(Place::Audit);
        assert!(history.last() && *history.here() == Place::Secret("a".into()));
        assert!(history.last() && *history.here() == Place::Audit);
        for _ in 0..300 {
            history.visit(Place::Tasks);
            history.visit(Place::Raft);
        }
        assert!(history.places.len() <= HISTORY_MAX);
    }
}
