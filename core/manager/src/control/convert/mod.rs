//! How do domain and wire translate? The only code that knows both; one file per direction.

mod objects;
mod requests;

pub(crate) use objects::{
    changes, executor, kind_of, node, objects, rotation, secret, secret_file, service, task, task_state,
};
pub(crate) use requests::{grant, receipt, service_spec, task_report};
