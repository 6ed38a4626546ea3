//! How is anything changed? In a wizard: value -> options -> plan -> typed name -> run -> result. Nothing is sent before
//! the plan has been shown and the object's name typed; `enter` on anything else only turns a page.

pub mod form;
pub mod open;
pub mod plan;
pub mod progress;
pub mod request;
mod values;

use wardroom_api::v1;

use super::model::Level;
use super::model::line_input::LineInput;
use super::msg::Ticket;
use form::Form;

/// What is being changed; objects are named by id and by name, as they were when the wizard opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    CreateSecret,
    Rotate {
        secret_id: String,
        name: String,
    },
    /// Version 0: all of them, and the grants.
    Revoke {
        secret_id: String,
        name: String,
        version: u32,
    },
    RemoveSecret {
        secret_id: String,
        name: String,
    },
    CreateService,
    Grant,
    Withdraw {
        service_id: String,
        service: String,
        secret: String,
    },
    RemoveService {
        service_id: String,
        name: String,
    },
}

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
        match &self.task {
            Task::CreateSecret | Task::CreateService => self.form.line(form::Id::Name).to_owned(),
            Task::Grant => self.form.chosen_label(form::Id::Service).to_owned(),
            Task::Withdraw { service, .. } => service.clone(),
            Task::Rotate { name, .. }
            | Task::Revoke { name, .. }
            | Task::RemoveSecret { name, .. }
            | Task::RemoveService { name, .. } => name.clone(),
        }
    }

    /// What the typed word is the name of.
    pub fn confirmed_noun(&self) -> &'static str {
        match self.task {
            Task::CreateSecret | Task::Rotate { .. } | Task::Revoke { .. } | Task::RemoveSecret { .. } => "secret",
            Task::CreateService | Task::Grant | Task::Withdraw { .. } | Task::RemoveService { .. } => "service",
        }
    }

    pub fn name_matches(&self) -> bool {
        let wanted = self.confirmed_by();
        !wanted.is_empty() && self.confirm.text() == wanted
    }

    /// The verb, for breadcrumbs and messages.
    pub fn verb(&self) -> &'static str {
        match self.task {
            Task::CreateSecret => "new secret",
            Task::Rotate { .. } => "rotate",
            Task::Revoke { version: 0, .. } => "revoke",
            Task::Revoke { .. } => "revoke version",
            Task::RemoveSecret { .. } | Task::RemoveService { .. } => "remove",
            Task::CreateService => "new service",
            Task::Grant => "grant",
            Task::Withdraw { .. } => "withdraw",
        }
    }

    /// Titles of all steps, and which one this is.
    pub fn steps(&self) -> (Vec<&'static str>, usize) {
        let mut titles: Vec<&'static str> = self.form.pages.iter().map(|page| page.title).collect();
        titles.extend(["plan", "run"]);
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
