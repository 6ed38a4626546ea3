//! How do domain and wire translate? The only code that knows both; one file per direction.

pub(crate) mod limits;
mod objects;
mod requests;
mod words;

pub(crate) use objects::{changes, kind_of, node, objects, rotation, secret, secret_file, service, task};
pub(crate) use requests::{grant, report, service_spec};
pub(crate) use words::{executor, task_state};
