//! In which words does a task report? Builders of task reports and receipts; no decisions.

use wardroom_api::v1::{HoldingState, Receipt, TaskReport, TaskState};

use crate::assignments::WantedFile;
use crate::executor::Exit;
use crate::ids::TaskId;

/// How a task ended.
pub(super) struct End {
    pub state: TaskState,
    pub message: &'static str,
    pub error: String,
    pub exit_code: i32,
}

impl End {
    pub(super) fn shutdown(exit_code: i32) -> Self {
        Self {
            state: TaskState::Shutdown,
            message: "shutdown",
            error: String::new(),
            exit_code,
        }
    }

    /// It could not be made ready.
    pub(super) fn rejected(error: String) -> Self {
        Self {
            state: TaskState::Rejected,
            message: "preparing failed",
            error,
            exit_code: 0,
        }
    }

    pub(super) fn not_started(error: String) -> Self {
        Self {
            state: TaskState::Failed,
            message: "starting failed",
            error,
            exit_code: 0,
        }
    }

    /// Its check has failed too often.
    pub(super) fn unhealthy(words: &str) -> Self {
        Self {
            state: TaskState::Failed,
            message: "unhealthy",
            error: format!("unhealthy: {words}"),
            exit_code: 0,
        }
    }

    /// It ended by itself.
    pub(super) fn exited(exit: Exit) -> Self {
        if exit.code == 0 {
            Self {
                state: TaskState::Complete,
                message: "finished",
                error: String::new(),
                exit_code: 0,
            }
        } else {
            Self {
                state: TaskState::Failed,
                message: "failed",
                error: exit.error,
                exit_code: exit.code,
            }
        }
    }

    pub(super) fn report(&self, task: &TaskId) -> TaskReport {
        TaskReport {
            error: self.error.clone(),
            exit_code: self.exit_code,
            ..report(task, self.state, self.message)
        }
    }
}

pub(super) fn report(task: &TaskId, state: TaskState, message: &str) -> TaskReport {
    TaskReport {
        task_id: task.to_string(),
        state: state as i32,
        message: message.to_owned(),
        ..Default::default()
    }
}

pub(super) fn present(task: &TaskId, file: &WantedFile, digest: [u8; 32]) -> Receipt {
    Receipt {
        digest: digest.to_vec(),
        ..receipt(task, file, HoldingState::Present)
    }
}

pub(super) fn erased(task: &TaskId, file: &WantedFile) -> Receipt {
    receipt(task, file, HoldingState::Erased)
}

/// No manager was heard for as long as the file may be kept.
pub(super) fn lapsed(task: &TaskId, file: &WantedFile) -> Receipt {
    Receipt {
        message: "lease ran out".to_owned(),
        ..erased(task, file)
    }
}

pub(super) fn failed(task: &TaskId, file: &WantedFile, message: &str) -> Receipt {
    Receipt {
        message: message.to_owned(),
        ..receipt(task, file, HoldingState::Failed)
    }
}

fn receipt(task: &TaskId, file: &WantedFile, state: HoldingState) -> Receipt {
    Receipt {
        task_id: task.to_string(),
        secret_id: file.secret.to_string(),
        version: file.version,
        target: file.target.clone(),
        state: state as i32,
        ..Default::default()
    }
}
