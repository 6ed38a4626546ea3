//! Which key does what, and where? One table. The key bar, the help screen and the action menu are made from it, so
//! what they say is what happens.

mod table;

use super::key::Key;
use super::model::place::{Kind, Place};
pub use table::BINDINGS;

/// What a key asks for. Actions that change the cluster open a wizard with a plan; none acts by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    Palette,
    Filter,
    Help,
    Back,
    Open,
    Down,
    Up,
    Top,
    Bottom,
    PageDown,
    PageUp,
    NextPane,
    PreviousPane,
    Go(Kind),
    HistoryBack,
    HistoryForward,
    Last,
    SortByName,
    SortByAge,
    SortByState,
    ProblemsOnly,
    Describe,
    CopyName,
    AuditOf,
    UsedBy,
    Explain,
    Menu,
    New,
    Rotate,
    Revoke,
    Remove,
    Access,
    Withdraw,
    Promote,
    Demote,
    Availability,
    Labels,
    StepDown,
    RotateRoot,
    /// A successor for the selected key.
    RotateKey,
    RotateUnlockKey,
    RotateDek,
    /// On if it is off, off if it is on.
    Autolock,
    /// The manager that answers forgets its keys.
    LockNow,
    Shred,
    RotateToken,
    Backup,
    /// The join tokens: facts first, a token only when it is asked for.
    Tokens,
    /// Why a service can read a secret, or why not.
    Why,
    // rotations and services
    /// The newest rotation of the secret.
    Progress,
    /// Pauses what runs, resumes what is paused.
    ToggleRotation,
    PauseRotation,
    ResumeRotation,
    CancelRotation,
    Prune,
    Scale,
    RollbackService,
    ForceUpdate,
    Spec,
    Logs,
    /// Holds the view of the logs, or follows again.
    Hold,
    // in the matrix
    NextColumn,
    PreviousColumn,
    FirstColumn,
    LastColumn,
    PageRight,
    PageLeft,
    /// Stages a grant, or a withdrawal.
    Toggle,
    /// How the selected cell is granted.
    EditGrant,
    Undo,
    /// The plan of what is staged.
    PlanGrants,
    Actor,
    Object,
    NextDenied,
    PreviousDenied,
    VerifyChain,
    Follow,
    Refresh,
    Redraw,
    Messages,
    Suspend,
    Quit,
    ReadOnly,
    ReadWrite,
    // in forms and lists of choices
    NextField,
    PreviousField,
    NextChoice,
    PreviousChoice,
    Accept,
    Cancel,
    /// Yes to a question that `enter` must not answer.
    Confirm,
    Erase,
    Clear,
    /// Whatever the line of input makes of the key: the cursor, words, undo.
    Edit,
    Complete,
}

/// Where a binding holds. The narrower place wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// On every screen, unless the screen has its own meaning for the key.
    Everywhere,
    /// On these screens only.
    On(&'static [Kind]),
    /// In wizards.
    Wizard,
    /// In the palette and the filter line.
    Line,
    /// In popups: help, description, menu, messages.
    Popup,
    /// In the box of the join tokens.
    Tokens,
    /// At a question.
    Question,
    /// While the manager that answers is locked.
    Lock,
}

#[derive(Clone, Copy, Debug)]
pub struct Binding {
    pub keys: &'static [Key],
    pub action: Action,
    pub scope: Scope,
    /// One line of help.
    pub help: &'static str,
    /// The word in the key bar, empty: not shown there.
    pub bar: &'static str,
    /// Leads to a change of the cluster: hidden and refused in read-only sessions.
    pub writes: bool,
}

impl Binding {
    /// `j/down`, as help shows it.
    pub fn key_names(&self) -> String {
        let names: Vec<String> = self.keys.iter().map(|key| key.name()).collect();
        names.join(" ")
    }
}

fn on_screen(binding: &Binding, kind: Kind) -> bool {
    matches!(binding.scope, Scope::On(kinds) if kinds.contains(&kind))
}

/// What `key` means on that screen.
pub fn on(place: &Place, key: Key) -> Option<&'static Binding> {
    let bound = |binding: &&Binding| binding.keys.contains(&key);
    let local = BINDINGS
        .iter()
        .filter(bound)
        .find(|binding| on_screen(binding, place.kind()));
    local.or_else(|| {
        BINDINGS
            .iter()
            .filter(bound)
            .find(|binding| binding.scope == Scope::Everywhere)
    })
}

/// What `key` means in a wizard, a line, a popup or the box of the join tokens.
pub fn within(scope: Scope, key: Key) -> Option<Action> {
    BINDINGS
        .iter()
        .find(|binding| binding.scope == scope && binding.keys.contains(&key))
        .map(|binding| binding.action)
}

/// The bindings of a screen for bar, menu and help: its own first, then what holds everywhere.
pub fn of_screen(kind: Kind, read_only: bool) -> impl Iterator<Item = &'static Binding> {
    let allowed = move |binding: &&Binding| !(read_only && binding.writes);
    let own = BINDINGS.iter().filter(move |binding| on_screen(binding, kind));
    let shadowed = move |binding: &&Binding| {
        !BINDINGS
            .iter()
            .any(|own| on_screen(own, kind) && own.keys == binding.keys)
    };
    let general = BINDINGS
        .iter()
        .filter(|binding| binding.scope == Scope::Everywhere)
        .filter(shadowed);
    own.chain(general).filter(allowed)
}

pub fn of_scope(scope: Scope) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |binding| binding.scope == scope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::key::{Code, char_key, ctrl, key};

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for kind in Kind::ALL {
            let mut seen = Vec::new();
            for binding in BINDINGS.iter().filter(|binding| on_screen(binding, kind)) {
                for key in binding.keys {
                    assert!(!seen.contains(key), "{kind:?}: {}", key.name());
                    seen.push(*key);
                }
            }
        }
        for scope in [
            Scope::Everywhere,
            Scope::Wizard,
            Scope::Line,
            Scope::Popup,
            Scope::Tokens,
            Scope::Question,
            Scope::Lock,
        ] {
            let mut seen = Vec::new();
            for key in of_scope(scope).flat_map(|binding| binding.keys) {
                assert!(!seen.contains(key), "{scope:?}: {}", key.name());
                seen.push(*key);
            }
        }
    }

    #[test]
    fn the_prefixes_of_terminal_multiplexers_carry_no_action() {
        for forbidden in [ctrl('a'), ctrl('b'), ctrl('h'), ctrl('j'), ctrl('k')] {
            assert!(
                BINDINGS.iter().all(|binding| !binding.keys.contains(&forbidden)),
                "{}",
                forbidden.name()
            );
        }
    }

    #[test]
    fn a_screens_own_meaning_wins() {
        let secrets = on(&Place::Secrets, char_key('n')).map(|binding| binding.action);
        let audit = on(&Place::Audit, char_key('n')).map(|binding| binding.action);
        assert_eq!((secrets, audit), (Some(Action::New), Some(Action::NextDenied)));
        assert_eq!(within(Scope::Wizard, key(Code::Esc)), Some(Action::Cancel));
    }

    #[test]
    fn read_only_hides_what_writes() {
        assert!(of_screen(Kind::Secrets, false).any(|binding| binding.action == Action::Rotate));
        assert!(of_screen(Kind::Secrets, true).all(|binding| !binding.writes));
    }
}
