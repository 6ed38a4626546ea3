//! What is selected in a list, and which rows does it show? Selection is by the key of an object and never by index, so
//! that rows may come and go without moving it under a destructive key.

use std::cell::Cell;

use wardroom_api::v1::Kind;

use super::filter::Filter;

/// Every list of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListId {
    Attention,
    Managers,
    Entries,
    /// The tree of keys.
    Keys,
    Certificates,
    /// Changes that every member makes for itself.
    Moves,
    Operators,
    Secrets,
    Versions,
    Holders,
    SecretGrants,
    Services,
    ServiceTasks,
    ServiceGrants,
    /// The two ways of the matrix: services down, secrets across.
    Matrix,
    MatrixSecrets,
    Nodes,
    NodeHoldings,
    NodeTasks,
    Audit,
    Rotations,
    /// The same on a screen of their own.
    AllRotations,
    /// Services and tasks of one rotation.
    RotationServices,
    RotationTasks,
    Tasks,
    /// The settings of a service.
    Spec,
    /// What tasks write.
    Logs,
}

impl ListId {
    /// Whether a change of an object of that kind may change the list's rows, their order or what its filter finds.
    /// `Unspecified` stands for the managers' word about themselves.
    pub fn reads(self, kind: Kind) -> bool {
        match self {
            Self::Attention => kind != Kind::Audit,
            Self::Managers => matches!(kind, Kind::Node | Kind::Unspecified),
            Self::Entries | Self::Audit => matches!(kind, Kind::Audit | Kind::Node),
            Self::Certificates => matches!(kind, Kind::Node | Kind::Operator | Kind::Cluster),
            Self::Keys | Self::Moves => !matches!(kind, Kind::Audit | Kind::Service | Kind::Task | Kind::Holding),
            Self::Operators => kind == Kind::Operator,
            Self::Secrets => matches!(kind, Kind::Secret | Kind::Service | Kind::Rotation | Kind::Holding),
            Self::Versions => kind == Kind::Secret,
            Self::MatrixSecrets => matches!(kind, Kind::Secret | Kind::Service),
            Self::Holders | Self::NodeHoldings => matches!(kind, Kind::Holding | Kind::Node),
            Self::SecretGrants | Self::ServiceGrants | Self::Matrix | Self::Spec => kind == Kind::Service,
            Self::Services => matches!(kind, Kind::Service | Kind::Task),
            Self::Nodes => matches!(kind, Kind::Node | Kind::Unspecified),
            Self::ServiceTasks | Self::NodeTasks | Self::Tasks => matches!(kind, Kind::Task | Kind::Node),
            Self::Rotations | Self::AllRotations | Self::RotationServices => kind == Kind::Rotation,
            Self::RotationTasks => matches!(kind, Kind::Rotation | Kind::Task | Kind::Holding),
            Self::Logs => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortBy {
    Name,
    Age,
    State,
}

impl SortBy {
    /// Whether a column with this heading shows what is sorted by.
    pub fn heads(self, title: &str) -> bool {
        match self {
            Self::Name => matches!(title, "NAME" | "SERVICE" | "NODE" | "TASK" | "SECRET" | "OPERATOR"),
            Self::Age => matches!(title, "AGE" | "SINCE" | "LEFT" | "STARTED" | "TIME" | "CERT"),
            Self::State => matches!(title, "STATE" | "PHASE" | "RES"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    pub by: SortBy,
    pub descending: bool,
}

/// One list: its rows in order, and what the user did to it.
#[derive(Debug, Default)]
pub struct List {
    /// Keys of the rows that pass the filter, in order.
    pub keys: Vec<String>,
    /// Rows before the filter.
    pub total: usize,
    pub selected: Option<String>,
    /// Where the selection stood last: what follows when its row goes.
    at: usize,
    pub filter: Filter,
    pub sort: Option<Sort>,
    pub seen: Seen,
}

impl List {
    /// Takes in new rows; the selection stays with its key, or goes to the row that took its place.
    pub fn set_keys(&mut self, keys: Vec<String>, total: usize) {
        self.keys = keys;
        self.total = total;
        match self.selected.as_ref().and_then(|selected| self.find(selected)) {
            Some(at) => self.at = at,
            None => self.select_at(self.at),
        }
    }

    fn find(&self, key: &str) -> Option<usize> {
        let likely = self.keys.get(self.at).is_some_and(|there| there == key);
        if likely {
            Some(self.at)
        } else {
            self.keys.iter().position(|there| there == key)
        }
    }

    pub fn position(&self) -> Option<usize> {
        self.selected.as_ref().and_then(|selected| self.find(selected))
    }

    /// Selects the row at that place, or the last one.
    pub fn select_at(&mut self, at: usize) {
        self.at = at.min(self.keys.len().saturating_sub(1));
        self.selected = self.keys.get(self.at).cloned();
    }

    pub fn select(&mut self, key: &str) {
        if let Some(at) = self.find(key) {
            self.select_at(at);
        }
    }

    /// Moves by rows, staying inside the list.
    pub fn step(&mut self, rows: isize) {
        let from = self.position().unwrap_or(0);
        self.select_at(from.saturating_add_signed(rows));
    }

    /// Rows that the last frame showed: what a page is.
    pub fn page(&self) -> isize {
        isize::try_from(self.seen.height()).unwrap_or(1).max(1)
    }

    /// Sorts by that; again: the other way round.
    pub fn toggle_sort(&mut self, by: SortBy) {
        self.sort = match self.sort {
            Some(Sort {
                by: same,
                descending: false,
            }) if same == by => Some(Sort { by, descending: true }),
            Some(Sort {
                by: same,
                descending: true,
            }) if same == by => None,
            _ => Some(Sort { by, descending: false }),
        };
    }
}

/// The window of rows that the last frame showed. The view notes it while drawing: only the view knows how high a list
/// is, and only the model remembers from frame to frame.
#[derive(Debug, Default)]
pub struct Seen {
    offset: Cell<usize>,
    height: Cell<usize>,
}

impl Seen {
    /// Rows that the last frame had room for.
    pub fn height(&self) -> usize {
        self.height.get()
    }

    /// The first row to draw so that the selection is visible and the window moves as little as possible.
    pub fn window(&self, selected: Option<usize>, total: usize, height: usize) -> usize {
        let mut offset = self.offset.get().min(total.saturating_sub(height));
        if let Some(selected) = selected {
            offset = offset.min(selected).max((selected + 1).saturating_sub(height));
        }
        self.offset.set(offset);
        self.height.set(height);
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(keys: &[&str]) -> List {
        let mut list = List::default();
        list.set_keys(keys.iter().map(|key| (*key).to_owned()).collect(), keys.len());
        list
    }

    fn set(list: &mut List, keys: &[&str]) {
        list.set_keys(keys.iter().map(|key| (*key).to_owned()).collect(), keys.len());
    }

    #[test]
    fn the_selection_follows_its_object() {
        let mut list = list(&["b", "d", "f"]);
        list.step(1);
        set(&mut list, &["a", "b", "c", "d", "f"]);
        assert_eq!((list.selected.as_deref(), list.position()), (Some("d"), Some(3)));
        set(&mut list, &["a", "b", "c", "f"]);
        assert_eq!(list.selected.as_deref(), Some("f"), "the row that took its place");
        set(&mut list, &[]);
        assert_eq!(list.selected, None);
        set(&mut list, &["z"]);
        assert_eq!(list.selected.as_deref(), Some("z"));
    }

    #[test]
    fn the_window_moves_no_more_than_it_must() {
        let seen = Seen::default();
        assert_eq!(seen.window(Some(0), 100, 10), 0);
        assert_eq!(seen.window(Some(12), 100, 10), 3);
        assert_eq!(seen.window(Some(8), 100, 10), 3);
        assert_eq!(seen.window(Some(2), 100, 10), 2);
        assert_eq!(seen.window(Some(1), 4, 10), 0);
        assert_eq!(seen.window(None, 0, 0), 0);
    }

    #[test]
    fn steps_stay_inside() {
        let mut list = list(&["a", "b"]);
        list.step(-5);
        assert_eq!(list.selected.as_deref(), Some("a"));
        list.step(50);
        assert_eq!(list.selected.as_deref(), Some("b"));
    }
}
