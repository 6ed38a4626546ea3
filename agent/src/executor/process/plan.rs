//! What does a process of a task start with, be it the command or a check? The same stage, user and environment.

use std::ffi::OsString;
use std::path::PathBuf;

use rustix::process::geteuid;

use crate::executor::Job;
use crate::executor::shim::Stage;
use crate::executor::user::{self, As};

/// All that a task inherits of this worker's environment.
const INHERITED: &[&str] = &["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR"];

pub(super) struct Plan {
    secrets_dir: PathBuf,
    hidden: Option<PathBuf>,
    user: Option<As>,
    dir: Option<PathBuf>,
    pub(super) env: Vec<(OsString, OsString)>,
}

impl Plan {
    pub(super) fn of(job: &Job) -> Result<Self, String> {
        let user = user::find(&job.run.user, &job.run.groups)?;
        let mut env = inherited();
        if let Some(user) = &user {
            env.extend(of_user(user));
        }
        env.extend(environment(&job.run.env)?);
        Ok(Self {
            secrets_dir: job.secrets_dir.clone(),
            hidden: job.hidden.clone(),
            user,
            dir: (!job.run.dir.is_empty()).then(|| job.run.dir.clone().into()),
            env,
        })
    }

    pub(super) fn stage(&self) -> Stage<'_> {
        Stage {
            secrets_dir: &self.secrets_dir,
            mount: geteuid().is_root(),
            hide: self.hidden.as_deref(),
            user: self.user.as_ref().map(|user| (user.uid, user.gid, &*user.groups)),
            dir: self.dir.as_deref(),
        }
    }
}

fn inherited() -> Vec<(OsString, OsString)> {
    INHERITED
        .iter()
        .filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)))
        .collect()
}

/// As after a login. A user without a name has no home either.
fn of_user(user: &As) -> Vec<(OsString, OsString)> {
    let home = user.home.clone().unwrap_or_else(|| "/".into());
    let mut env = vec![(OsString::from("HOME"), home)];
    if let Some(name) = &user.name {
        env.extend(["USER", "LOGNAME"].map(|variable| (OsString::from(variable), name.clone())));
    }
    env
}

/// Later ones take the place of earlier ones.
pub(super) fn environment(env: &[String]) -> Result<Vec<(OsString, OsString)>, String> {
    env.iter()
        .map(|variable| match variable.split_once('=') {
            Some((name, value)) if !name.is_empty() && !variable.contains('\0') => Ok((name.into(), value.into())),
            _ => Err("an environment variable is not written as NAME=value".to_owned()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_have_a_name() {
        let env = environment(&["A=b=c".into(), "EMPTY=".into()]).expect("both are variables");
        assert_eq!(env, [("A".into(), "b=c".into()), ("EMPTY".into(), "".into())]);
        for wrong in ["", "A", "=b", "A=\0"] {
            assert!(environment(&[wrong.to_owned()]).is_err(), "{wrong:?}");
        }
    }
}
