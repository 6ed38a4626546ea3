//! How does a stand-alone container get secrets? Its directory of files is bound at `/run/secrets`; the engine of this
//! machine runs it, attached to this process's own input and output.

use std::path::PathBuf;

use super::env::Filled;
use crate::cli::arguments::Run;
use crate::report::{Exit, Report};
#[cfg(feature = "embedded")]
use crate::text::clean_lines;

/// Until the container has ended; what it ended with.
#[cfg(feature = "embedded")]
pub async fn attend(
    image: &str,
    arguments: &Run,
    args: &[String],
    secrets_dir: PathBuf,
    variables: Vec<Filled>,
) -> Result<u8, Report> {
    let container = crate::node::oneoff::Container {
        image: image.to_owned(),
        args: args.to_vec(),
        secrets_dir,
        env: variables.iter().map(in_words).collect::<Result<_, _>>()?,
        user: arguments.user.clone().unwrap_or_default(),
        dir: arguments.workdir.clone().unwrap_or_default(),
    };
    drop(variables);
    let ended = crate::node::oneoff::container(container).await;
    let code = ended.map_err(|why| {
        Report::new(Exit::CannotRun, clean_lines(&why)).hint("see `docker images`; DOCKER_HOST names another engine")
    })?;
    Ok(u8::try_from(code & 0xff).unwrap_or(u8::MAX))
}

/// The engine takes text.
#[cfg(feature = "embedded")]
fn in_words(variable: &Filled) -> Result<String, Report> {
    let Some(value) = variable.value.to_str() else {
        return Err(Report::failure(format!(
            "the value for {} is not text, and the engine takes nothing else",
            variable.name
        ))
        .hint("let the program read the file: --secret in place of --env"));
    };
    Ok(format!("{}={value}", variable.name))
}

#[cfg(not(feature = "embedded"))]
pub async fn attend(image: &str, _: &Run, _: &[String], _: PathBuf, _: Vec<Filled>) -> Result<u8, Report> {
    Err(
        Report::new(Exit::CannotRun, format!("this wardroom cannot run containers: {image}"))
            .hint("use one that was built with the feature `embedded`"),
    )
}
