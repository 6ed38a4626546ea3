//! The command line: a file per noun turns arguments into calls and answers into tables or JSON.

pub mod arguments;
pub mod grant;
pub mod output;
pub mod value;
pub mod when;
