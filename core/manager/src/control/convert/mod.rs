//! How do domain and wire translate? The only code that knows both; one file per direction and family of objects.

mod keys;
pub(crate) mod limits;
mod members;
mod objects;
mod requests;
mod secrets;
mod words;
mod work;

pub(crate) use members::{node, operator, token_facts};
pub(crate) use objects::{changes, kind_of, objects};
pub(crate) use requests::{grant, report, service_spec};
pub(crate) use secrets::{rotation, secret};
pub(crate) use words::{
    executor, requested_availability, requested_operator_role, requested_role, requested_role_if_any, role, task_state,
};
pub(crate) use work::{secret_file, service, task};
