//! What is in the variables of `--env`? The bytes of the held files, read once the worker has proved them. They live in
//! this process until the program is started, and in the program's environment from then on.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use wardroom_api::v1;
use zeroize::Zeroizing;

use super::file_of;
use super::grants::{Variable, Wanted};
use crate::report::Report;

/// A name, and the bytes for the program's environment. Not for any output: it has no Debug.
pub struct Filled {
    pub name: String,
    pub value: OsString,
}

impl Drop for Filled {
    fn drop(&mut self) {
        drop(Zeroizing::new(std::mem::take(&mut self.value).into_vec()));
    }
}

pub fn variables(wanted: &Wanted, task: &v1::Task) -> Result<Vec<Filled>, Report> {
    wanted.variables.iter().map(|variable| fill(variable, task)).collect()
}

fn fill(variable: &Variable, task: &v1::Task) -> Result<Filled, Report> {
    let (name, target) = (&variable.name, &variable.target);
    let bytes = std::fs::read(file_of(task, target)).map(Zeroizing::new);
    let mut bytes = bytes.map_err(|error| {
        Report::failure(format!("cannot read the file {target} for {name}: {error}"))
            .hint("run it as the user to whom the files belong, or as root")
    })?;
    if bytes.contains(&0) {
        return Err(Report::failure(format!(
            "the value for {name} has a zero byte, which no environment can hold"
        ))
        .hint("let the program read the file: --secret in place of --env"));
    }
    Ok(Filled {
        name: name.clone(),
        value: OsString::from_vec(std::mem::take(&mut bytes)),
    })
}
