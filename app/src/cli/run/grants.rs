//! Which secrets does a run want, and as whose files? Those of whoever runs the program, and nobody else's to read.

use wardroom_api::v1;

use super::user::User;
use crate::cli::arguments::Run;
use crate::cli::{grant, record};
use crate::report::Report;

/// Permission bits of a file that says nothing else.
const MODE: u32 = 0o400;

/// What is asked for.
#[derive(Debug, Default)]
pub struct Wanted {
    pub grants: Vec<v1::Grant>,
    pub variables: Vec<Variable>,
}

/// A variable, and the target of the file whose bytes it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    pub target: String,
}

pub fn wanted(arguments: &Run, user: &User) -> Result<Wanted, Report> {
    let mut wanted = Wanted::default();
    for text in &arguments.secrets {
        let grant = owned(text, user)?;
        grant::check_target(&wanted.grants, &grant)?;
        wanted.grants.push(grant);
    }
    for text in &arguments.env {
        let variable = variable(text, user, &mut wanted.grants)?;
        if wanted.variables.iter().any(|other| other.name == variable.name) {
            return Err(Report::usage(format!("variable {} is given twice", variable.name)).hint("name each once"));
        }
        wanted.variables.push(variable);
    }
    Ok(wanted)
}

/// A grant in Docker's grammar, with owner and mode of this user where it says nothing about them.
fn owned(text: &str, user: &User) -> Result<v1::Grant, Report> {
    let mut grant = grant::parse(text)?;
    // It has been read a line before: what is said twice is said the same.
    let keys: Vec<String> = record::fields(text)
        .unwrap_or_default()
        .iter()
        .map(|field| record::pair(field).0)
        .collect();
    let says = |key: &str| keys.iter().any(|said| said == key);
    if text.contains('=') && says("on-change") {
        return Err(Report::usage("on-change is for services").hint("a run has its secrets as they are when it starts"));
    }
    if !text.contains('=') || !says("uid") {
        grant.uid = user.uid;
    }
    if !text.contains('=') || !says("gid") {
        grant.gid = user.gid;
    }
    if !text.contains('=') || !says("mode") {
        grant.mode = MODE;
    }
    if let Some(below) = grant.target.strip_prefix("/run/secrets/") {
        grant.target = String::from(below);
    }
    if grant.target.starts_with('/') {
        return Err(
            Report::usage(format!("target '{}' is outside of /run/secrets", grant.target))
                .hint("name the file below /run/secrets: target=FILE"),
        );
    }
    Ok(grant)
}

/// `VAR=NAME`: from the file of that secret, which is asked for if it is not there already.
fn variable(text: &str, user: &User, grants: &mut Vec<v1::Grant>) -> Result<Variable, Report> {
    let wrong = || {
        Report::usage("invalid --env: a variable and the name of a secret are expected")
            .hint("write --env VAR=NAME; a value is never taken from the command line")
    };
    let (name, secret) = text.split_once('=').ok_or_else(wrong)?;
    let well_formed = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if name.is_empty() || !well_formed || secret.is_empty() {
        return Err(wrong());
    }
    if let Some(granted) = grants.iter().find(|grant| grant.secret_name == secret) {
        return Ok(Variable {
            name: name.to_owned(),
            target: granted.target.clone(),
        });
    }
    let mut grant = owned(&format!("source={secret}"), user)?;
    if grant::check_target(grants, &grant).is_err() {
        grant.target = format!("env-{name}");
        grant::check_target(grants, &grant)?;
    }
    let target = grant.target.clone();
    grants.push(grant);
    Ok(Variable {
        name: name.to_owned(),
        target,
    })
}
