//! How do domain and wire translate? The only code that knows both; one file per direction.

mod objects;
mod requests;
mod words;

pub(crate) use objects::{changes, kind_of, node, objects, rotation, secret, secret_file, service, task};
pub(crate) use requests::{grant, receipt, service_spec, task_report};
pub(crate) use words::{executor, task_state};
