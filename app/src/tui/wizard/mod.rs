//! How is anything changed? In a wizard: value -> options -> plan -> typed name -> run -> result. Nothing is sent before
//! the plan has been shown and the object's name typed; `enter` on anything else only turns a page.

mod field;
pub mod form;
pub mod keys;
pub mod open;
pub mod open_grants;
pub mod open_members;
pub mod open_work;
pub mod plan;
mod plan_members;
pub mod progress;
mod progress_keys;
mod progress_members;
mod progress_work;
pub mod request;
mod request_work;
mod same_as;
mod task;
mod task_words;
pub mod values;
mod values_work;

use wardroom_api::v1;

use super::model::Level;
use super::model::line_input::LineInput;
use super::msg::Ticket;
use form::Form;
pub use same_as::same_as;
pub use task::{NodeChange, Task, role_word};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A page of the form.
    Page(usize),
    Plan,
    /// The change was accepted; workers are answering, or all is done.
    Run,
}

/// What came of the call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    pub index: u64,
    pub rotation_id: String,
    /// The object's id, where the answer tells it.
    pub id: String,
    /// Name of the version that was made.
    pub version_name: String,
    /// Who leads after a step-down, by node id, and how long writes had to wait.
    pub leader: String,
    pub gap_ms: u64,
    /// The order that the managers follow, see `DekOrder`; 0: none.
    pub order: u64,
    /// Epoch of a new unlock key.
    pub epoch: u32,
    /// Fingerprint of the new root.
    pub fingerprint: String,
    /// Bytes of a backup.
    pub bytes: u64,
    /// What the node had when the change was accepted: active tasks.
    pub tasks: usize,
}

#[derive(Debug)]
pub struct Wizard {
    pub task: Task,
    pub step: Step,
    pub form: Form,
    pub plan: Option<v1::Plan>,
    pub confirm: LineInput,
    /// An answer is awaited.
    pub waiting: Option<Ticket>,
    /// Bytes that a backup has written so far.
    pub written: Option<u64>,
    pub note: Option<(Level, String)>,
    /// When this step opened: `enter` just after it belongs to the step before.
    pub since_ms: i64,
    pub accepted: Option<Accepted>,
}

/// How long `enter` is ignored after a step opened.
pub const ENTER_GUARD_MS: i64 = 300;

impl Wizard {
    pub fn new(task: Task, form: Form, now_ms: i64) -> Self {
        let step = if form.pages.is_empty() {
            Step::Plan
        } else {
            Step::Page(0)
        };
        Self {
            task,
            step,
            form,
            plan: None,
            confirm: LineInput::default(),
            waiting: None,
            written: None,
            note: None,
            since_ms: now_ms,
            accepted: None,
        }
    }

    pub fn enter(&mut self, step: Step, now_ms: i64) {
        self.step = step;
        self.since_ms = now_ms;
        self.note = None;
        if let Step::Page(_) = step {
            self.form.focus = 0;
        }
        // A new line: undo must not bring back the name that was typed for another plan.
        self.confirm = LineInput::default();
    }

    /// The name that must be typed to run the plan.
    pub fn confirmed_by(&self) -> String {
        self.task.confirmed_by(&self.form)
    }

    pub fn name_matches(&self) -> bool {
        let wanted = self.confirmed_by();
        !wanted.is_empty() && self.confirm.text() == wanted
    }

    /// Titles of all steps, and which one this is.
    pub fn steps(&self) -> (Vec<&'static str>, usize) {
        let mut titles: Vec<&'static str> = self.form.pages.iter().map(|page| page.title).collect();
        if !matches!(self.task, Task::StageGrant { .. }) {
            titles.extend(["plan", "run"]);
        }
        let at = match self.step {
            Step::Page(page) => page,
            Step::Plan => titles.len() - 2,
            Step::Run => titles.len() - 1,
        };
        (titles, at)
    }

    /// Forgets every value that was typed or read.
    pub fn wipe(&mut self) {
        self.form.wipe();
    }
}
