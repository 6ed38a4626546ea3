//! What does a line of `service create` describe? Docker's line is an image with its arguments; a command after two dashes
//! with no image before it is a process on the worker.

use wardroom_api::v1::{self, Executor};

use super::{lists, name, shape};
use crate::cli::arguments::{ExecutorChoice, ServiceCreate, ServiceMode};
use crate::cli::{grant, nearest, secret};
use crate::report::Report;

pub fn spec(create: &ServiceCreate) -> Result<v1::ServiceSpec, Report> {
    let global = create.mode == Some(ServiceMode::Global);
    let mut spec = v1::ServiceSpec {
        name: match &create.name {
            Some(name) => name.clone(),
            None => name::made_up()?,
        },
        labels: secret::parse_labels(&create.labels)?,
        run: Some(run(create)?),
        global,
        replicas: u32::from(!global),
        grants: grant::parse_all(&create.secrets)?,
        constraints: create.constraints.clone(),
        ..v1::ServiceSpec::default()
    };
    shape::apply(&create.shape, &mut spec)?;
    Ok(spec)
}

fn run(create: &ServiceCreate) -> Result<v1::RunSpec, Report> {
    let what = what(create)?;
    let here = |name: &str| std::env::var(name).ok();
    let networks = create.networks.iter().map(|text| lists::network(text));
    let run = v1::RunSpec {
        executor: what.executor.into(),
        image: what.image,
        command: what.command,
        env: lists::environment(&create.env_files, &create.env, &here)?,
        groups: create.groups.clone(),
        networks: networks.collect::<Result<_, _>>()?,
        mounts: create
            .mounts
            .iter()
            .map(|text| lists::mount(text))
            .collect::<Result<_, _>>()?,
        ports: create
            .ports
            .iter()
            .map(|text| lists::port(text))
            .collect::<Result<_, _>>()?,
        container_labels: secret::parse_labels(&create.container_labels)?,
        ..v1::RunSpec::default()
    };
    let lists = [
        ("--network", run.networks.is_empty()),
        ("--mount", run.mounts.is_empty()),
        ("--publish", run.ports.is_empty()),
        ("--container-label", run.container_labels.is_empty()),
    ];
    match lists.iter().find(|(_, empty)| !empty) {
        Some((option, _)) if what.executor != Executor::Container => Err(shape::container_only(option)),
        _ => Ok(run),
    }
}

/// What runs: an image, a command, or nothing but files.
#[derive(Debug, PartialEq, Eq)]
struct What {
    executor: Executor,
    image: String,
    command: Vec<String>,
}

fn what(create: &ServiceCreate) -> Result<What, Report> {
    check_options(create)?;
    let image = create.shape.running.image.clone();
    let mut words = create.words.clone();
    let executor = match create.executor {
        Some(ExecutorChoice::Files) => Executor::Files,
        Some(ExecutorChoice::Process) => Executor::Process,
        None if image.is_none() && words.is_empty() => Executor::Process,
        Some(ExecutorChoice::Container) | None => Executor::Container,
    };
    let image = match (executor, image) {
        (Executor::Container, Some(image)) if !image.is_empty() => image,
        (Executor::Container, _) if words.first().is_none_or(String::is_empty) => {
            return Err(Report::usage("an image is required")
                .hint("wardroom service create [OPTIONS] IMAGE [COMMAND] [ARG...]"));
        }
        (Executor::Container, _) => words.remove(0),
        (_, Some(_)) => return Err(shape::container_only("--image")),
        (_, None) => String::new(),
    };
    let command: Vec<String> = words.into_iter().chain(create.command.iter().cloned()).collect();
    match executor {
        Executor::Process if command.is_empty() => Err(Report::usage("a command is required")
            .hint("write an image, or a command of this machine after two dashes: -- sleep 1000")),
        Executor::Files if !command.is_empty() => {
            Err(Report::usage("the files executor runs no command").hint("leave the command out"))
        }
        _ => Ok(What {
            executor,
            image,
            command,
        }),
    }
}

/// An option that nobody knows stands where the image should be.
fn check_options(create: &ServiceCreate) -> Result<(), Report> {
    let Some(word) = create.words.first().filter(|word| word.starts_with('-')) else {
        return Ok(());
    };
    let report = Report::usage(format!("unexpected argument '{word}' found"));
    let given = word.trim_start_matches('-').split('=').next().unwrap_or_default();
    let known = crate::cli::arguments::options(&["service", "create"]);
    Err(match nearest::to(given, known.iter().map(String::as_str)) {
        Some(near) => report.hint(format!("a similar argument exists: --{near}")),
        None => {
            report.hint("`wardroom service create --help` lists the options; those of the command come after the image")
        }
    })
}
