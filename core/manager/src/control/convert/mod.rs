//! How do domain and wire translate? The only code that knows both; one file per direction and family of objects.

mod keys;
pub(crate) mod limits;
mod members;
mod objects;
mod requests;
mod run;
mod secrets;
mod words;
mod work;

pub(crate) use members::{node, operator, token_facts};
pub(crate) use objects::{changes, kind_of, objects};
pub(crate) use requests::{checked, grant, report, schedule, service_spec, template};
pub(crate) use run::run;
pub(crate) use secrets::{rotation, secret, template_driver};
pub(crate) use words::{
    requested_availability, requested_operator_role, requested_role, requested_role_if_any, role, task_state,
};
pub(crate) use work::{secret_file, service, task};
