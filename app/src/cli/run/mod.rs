//! `wardroom run`: a program or a container that has secrets for as long as it runs. The worker of this machine holds them
//! for a service of one task; the program starts once they are proven, and when it ends they are erased before this ends.

mod child;
mod container;
mod env;
mod grants;
mod lend;
mod place;
mod signals;
mod stage;
#[cfg(test)]
mod tests;
mod user;

use std::io::Write;

use wardroom_api::v1;

use crate::cli::arguments::Run;
use crate::cli::session::Session;
use crate::report::Report;

use child::Child;
use grants::Wanted;
use lend::Lent;
use signals::Signals;
use stage::Stage;

/// What to exit with: the program's own status, or 128 and the number of the signal that ended it.
pub async fn run(arguments: &Run, session: &mut Session) -> Result<u8, Report> {
    let command: Vec<String> = arguments.words.iter().chain(&arguments.command).cloned().collect();
    check(arguments, &command)?;
    let user = match &arguments.image {
        None => user::find(arguments.user.as_deref())?,
        Some(_) => user::of_image(arguments.user.as_deref()),
    };
    let wanted = grants::wanted(arguments, &user)?;
    let node = place::node(session).await?;
    // From here on a signal ends the lending too, and does not just end this.
    let mut signals = Signals::begin()?;
    let what = arguments.image.as_ref().or(command.first()).map_or("", String::as_str);
    let asked = lend::spec(what, wanted.grants.clone(), node)?;
    let mut lent = tokio::select! {
        lent = lend::lend(asked, !wanted.variables.is_empty(), session) => lent?,
        number = signals.next() => return Ok(signals::exit_code(number)),
    };
    let ended = with_secrets(arguments, &command, &wanted, user, &mut lent, &mut signals, session).await;
    lent.give_back(session).await;
    ended
}

/// Between the lending and the giving back.
async fn with_secrets(
    arguments: &Run,
    command: &[String],
    wanted: &Wanted,
    user: user::User,
    lent: &mut Lent,
    signals: &mut Signals,
    session: &Session,
) -> Result<u8, Report> {
    let task = tokio::select! {
        task = lent.proven(session) => task?,
        number = signals.next() => return Ok(signals::exit_code(number)),
    };
    let variables = env::variables(wanted, &task)?;
    if !variables.is_empty() {
        warn(wanted);
    }
    if let Some(image) = &arguments.image {
        return container::attend(image, arguments, command, task.secrets_dir.into(), variables).await;
    }
    let stage = Stage {
        secrets_dir: task.secrets_dir.into(),
        user,
        dir: arguments.workdir.clone(),
        variables,
    };
    let child = Child::start(&stage, command)?;
    drop(stage);
    child.attend(signals).await
}

fn check(arguments: &Run, command: &[String]) -> Result<(), Report> {
    if command.is_empty() && arguments.image.is_none() {
        return Err(Report::usage("a command is required").hint("wardroom run --secret NAME -- CMD [ARG...]"));
    }
    if let Some(word) = arguments.words.first().filter(|word| word.starts_with('-')) {
        return Err(Report::usage(format!("unexpected argument '{word}' found"))
            .hint("`wardroom run --help` lists the options; the command comes after two dashes"));
    }
    if arguments.secrets.is_empty() && arguments.env.is_empty() {
        return Err(Report::usage("no secret is named").hint("give --secret NAME, or just start the command"));
    }
    Ok(())
}

/// Once, and where the program's own output does not go.
fn warn(wanted: &Wanted) {
    let names: Vec<&str> = wanted.variables.iter().map(|variable| variable.name.as_str()).collect();
    // A remark that cannot be made must not keep the program from running.
    let _ = writeln!(
        std::io::stderr(),
        "warning: environments leak: {} can be read by every child process, in /proc, and wherever the program logs it; \
         a file is safer",
        names.join(", ")
    );
}

/// The name of its task's file of that target.
fn file_of(task: &v1::Task, target: &str) -> std::path::PathBuf {
    std::path::Path::new(&task.secrets_dir).join(target.trim_start_matches('/'))
}
