//! What does the console know? The cluster's view, where the user is, what lies over the screen. Plain data; it changes
//! in `update` alone and is drawn by `view`.

pub mod describe;
pub mod facts;
pub mod filter;
pub mod key_tree;
pub mod leadership;
pub mod line_input;
pub mod list;
pub mod lock;
pub mod logs;
mod next_change;
pub mod overlay;
pub mod place;
pub mod rows;
pub mod staged;
pub mod subject;
pub mod tokens;
pub mod why;

use std::collections::{BTreeMap, VecDeque};

use wardroom_api::ClusterView;

use super::Myself;
use super::msg::Ticket;
use super::wizard::Wizard;
use facts::attention::{Attention, attention};
use leadership::Leadership;
use list::{List, ListId};
use lock::Locked;
use logs::Logs;
use overlay::Overlay;
use place::{History, Place};
use staged::Staged;

/// Below this the terminal is too small: a word says so, and no key does anything unseen.
pub const TINY: (u16, u16) = (40, 10);
/// Messages that are remembered.
const MESSAGES_MAX: usize = 200;

/// How fresh the view is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Nothing has been heard yet; the reason of the last failure, if there was one.
    Connecting(Option<String>),
    Live,
    /// The view is as of its index; reconnecting since then.
    Stale {
        since_ms: i64,
        reason: String,
    },
}

/// Whether keys that change the cluster are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    ReadWrite,
    ReadOnly,
    /// Started with `--read-only`: `:rw` is refused.
    Locked,
    /// The session's certificate is a viewer's: the cluster would refuse every change.
    Viewer,
}

/// What the manager that answers has, while that is from before what is shown.
#[derive(Debug)]
pub struct Behind {
    pub view: ClusterView,
    /// Until then it may catch up.
    pub until_ms: i64,
}

/// What lists show beside their filters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown {
    pub problems_only: bool,
    /// The newest audit record stays selected.
    pub follow: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Info,
    Good,
    Warn,
    Bad,
}

#[derive(Clone, Debug)]
pub struct Message {
    pub at_ms: i64,
    pub level: Level,
    pub text: String,
}

/// How soon a frame is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dirty {
    #[default]
    No,
    /// The cluster moved: a few times a second is enough.
    Background,
    /// The user did something.
    Now,
}

#[derive(Debug)]
pub struct Model {
    pub cluster: ClusterView,
    pub link: Link,
    pub behind: Option<Box<Behind>>,
    pub leadership: Leadership,
    /// The node id of the manager that answers this console.
    pub attached: Option<String>,
    /// What the cluster is reached under: a context's name, or an address.
    pub address: String,
    /// Who this session is there, if that is known.
    pub myself: Option<Myself>,
    pub now_ms: i64,
    pub size: (u16, u16),
    pub history: History,
    /// Which list of the screen has the keys.
    pub focus: usize,
    pub lists: BTreeMap<ListId, List>,
    /// Rows of lists may be out of date: they are made anew before a frame or a key.
    pub rows_stale: bool,
    /// What needs attention, worst first: made with the rows of the screen that shows it.
    pub noted: Vec<Attention>,
    pub shown: Shown,
    /// Edits of grants that are not sent yet.
    pub staged: Staged,
    /// What tasks write, while that is looked at.
    pub logs: Option<Box<Logs>>,
    pub overlay: Option<Overlay>,
    pub wizard: Option<Box<Wizard>>,
    /// The manager that answers is locked: its screen stands before all others.
    pub lock: Option<Box<Locked>>,
    pub messages: VecDeque<Message>,
    pub access: Access,
    pub dirty: Dirty,
    /// One `ctrl-c` has been pressed.
    pub quit_armed: bool,
    /// Keys before this time belong to a paste that was cut short, and are dropped.
    pub swallow_until_ms: i64,
    pub next_ticket: Ticket,
}

impl Model {
    pub fn new(address: &str, read_only: bool, size: (u16, u16), now_ms: i64) -> Self {
        Self {
            cluster: ClusterView::default(),
            link: Link::Connecting(None),
            behind: None,
            leadership: Leadership::default(),
            attached: None,
            address: address.to_owned(),
            myself: None,
            now_ms,
            size,
            history: History::new(Place::Cluster),
            focus: 0,
            lists: BTreeMap::new(),
            rows_stale: true,
            noted: Vec::new(),
            shown: Shown::default(),
            staged: Staged::default(),
            logs: None,
            overlay: None,
            wizard: None,
            lock: None,
            messages: VecDeque::new(),
            access: if read_only { Access::Locked } else { Access::ReadWrite },
            dirty: Dirty::Now,
            quit_armed: false,
            swallow_until_ms: i64::MIN,
            next_ticket: 1,
        }
    }

    /// The same model for a session that knows who it is.
    pub fn known_as(mut self, myself: Option<Myself>) -> Self {
        if myself.as_ref().is_some_and(|myself| myself.role == "viewer") {
            self.access = Access::Viewer;
        }
        self.myself = myself;
        self
    }

    /// `admin:ada`, as the audit chain names this session; the role alone while the name is not known.
    pub fn identity(&self) -> Option<String> {
        let myself = self.myself.as_ref()?;
        Some(match self.cluster.operators.get(&myself.id) {
            Some(operator) => format!("{}:{}", myself.role, operator.name),
            None => myself.role.to_owned(),
        })
    }

    pub fn read_only(&self) -> bool {
        self.access != Access::ReadWrite
    }

    pub fn place(&self) -> &Place {
        self.history.here()
    }

    /// The list that has the keys.
    pub fn focused(&self) -> ListId {
        let lists = self.place().lists();
        lists[self.focus.min(lists.len() - 1)]
    }

    /// A list of this screen; an empty one while its rows have not been made.
    pub fn list(&self, id: ListId) -> Option<&List> {
        self.lists.get(&id)
    }

    pub fn list_mut(&mut self, id: ListId) -> &mut List {
        self.lists.entry(id).or_default()
    }

    pub fn selected(&self, id: ListId) -> Option<&str> {
        self.list(id).and_then(|list| list.selected.as_deref())
    }

    pub fn wants_frame(&mut self, dirty: Dirty) {
        self.dirty = self.dirty.max(dirty);
    }

    pub fn say(&mut self, level: Level, text: impl Into<String>) {
        self.messages.push_back(Message {
            at_ms: self.now_ms,
            level,
            text: text.into(),
        });
        if self.messages.len() > MESSAGES_MAX {
            self.messages.pop_front();
        }
        self.wants_frame(Dirty::Now);
    }

    /// Says why a change is not begun.
    pub fn say_read_only(&mut self) {
        let text = match self.access {
            Access::Locked => "this session was started with --read-only and stays so",
            Access::Viewer => "a viewer looks and changes nothing; an admin gives out other roles",
            Access::ReadOnly | Access::ReadWrite => "this session is read-only; :rw lifts that",
        };
        self.say(Level::Warn, text);
    }

    pub fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        self.next_ticket
    }

    /// Makes the rows of the screen's lists anew if anything they depend on has changed.
    pub fn settle(&mut self) {
        if !std::mem::take(&mut self.rows_stale) {
            return;
        }
        for id in self.place().lists() {
            if *id == ListId::Attention {
                self.noted = attention(&self.cluster, self.now_ms);
            }
            let mut list = self.lists.remove(id).unwrap_or_default();
            let (keys, total) = rows::keys(self, *id, &list);
            list.set_keys(keys, total);
            // What is under way stands first, and is shown unless somebody looks at another one.
            let newest = *id == ListId::Moves && self.focused() != ListId::Moves;
            if newest || (self.shown.follow && *id == ListId::Audit) {
                list.select_at(0);
            }
            if *id == ListId::Logs && self.logs.as_ref().is_some_and(|logs| !logs.paused) {
                list.select_at(usize::MAX);
            }
            self.lists.insert(*id, list);
        }
    }
}
