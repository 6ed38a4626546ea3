//! Which cluster is opened, and for whom? The user's own, or a demo's; for a console, or for other programs until a
//! signal says that it is over.

use std::future::Future;
use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinError;
use wardroom_api::Client;
use wardroom_keys::{Chance, OsChance, SeededChance, memory};

use super::cluster::{self, Embedded};
use super::door;
use super::founding::{Wanted, cannot_write};
use super::house::{self, House, Opened};
use super::samples;
use super::scratch::{self, Scratch};
use crate::cli::arguments::Demo;
use crate::cli::connect;
use crate::cli::output::Output;
use crate::logging;
use crate::report::{Exit, Report};

/// How the console ended: what the program exits with, or why it could not go on.
pub type Ended = Result<u8, Report>;

/// Managers and workers of the cluster that a user has without asking for one.
const OWN: (u8, u8) = (3, 2);

/// `wardroom`: the console on the user's own cluster; on the one that runs already, if it does.
pub fn own<F: Future<Output = Ended>>(console: impl FnOnce(Client) -> F) -> Ended {
    memory::lock_all_memory();
    let home = connect::home(&|name| std::env::var_os(name))?;
    let wanted = Wanted {
        name: "local".to_owned(),
        managers: OWN.0,
        workers: OWN.1,
    };
    match house::open(&home, &wanted, &OsChance)? {
        Opened::Mine(house) => runtime()?.block_on(with_console(house, None, false, console)),
        Opened::Running { socket, .. } => runtime()?.block_on(async { console(Client::unix(socket)).await }),
    }
}

/// `wardroom demo`.
pub fn demo<F: Future<Output = Ended>>(demo: &Demo, output: &mut Output, console: impl FnOnce(Client) -> F) -> Ended {
    memory::lock_all_memory();
    let wanted = Wanted {
        name: "demo".to_owned(),
        managers: demo.managers,
        workers: demo.workers,
    };
    let chance: Box<dyn Chance> = match demo.seed {
        Some(seed) => Box::new(SeededChance::new(seed)),
        None => Box::new(OsChance),
    };
    let (house, scratch) = demo_house(demo, &wanted, &*chance)?;
    let dir = house.dir.clone();
    let furnish = house.is_new && !demo.empty;
    if demo.headless {
        runtime()?.block_on(headless(house, demo.seed, furnish, output))?;
        return Ok(Exit::Ok as u8);
    }
    let code = runtime()?.block_on(with_console(house, demo.seed, furnish, console))?;
    let kept = demo.dir.is_some() || demo.keep;
    drop(scratch);
    // After a signal nobody may be there to read it.
    if code == Exit::Ok as u8 {
        output.text(&farewell(kept.then_some(dir.as_path())))?;
    }
    Ok(code)
}

/// The directory that was named, or one that is gone afterwards: then as long as the second value lives.
fn demo_house(demo: &Demo, wanted: &Wanted, chance: &dyn Chance) -> Result<(Box<House>, Option<Scratch>), Report> {
    let Some(dir) = &demo.dir else {
        let mut scratch = Scratch::create(demo.keep)?;
        let Some(lock) = scratch.lock() else {
            return Err(busy(scratch.path(), 0, &scratch.path().join(connect::SOCKET)));
        };
        let house = house::enter(scratch.path(), lock, wanted, chance)?;
        return Ok((house, Some(scratch)));
    };
    match house::open(dir, wanted, chance)? {
        Opened::Mine(house) => {
            scratch::retain(&house.dir).map_err(|error| cannot_write(&house.dir, &error))?;
            Ok((house, None))
        }
        Opened::Running { pid, socket } => Err(busy(dir, pid, &socket)),
    }
}

fn busy(dir: &Path, pid: u32, socket: &Path) -> Report {
    let process = if pid == 0 {
        "another process".to_owned()
    } else {
        format!("process {pid}")
    };
    Report::new(
        Exit::Conflict,
        format!("a cluster already runs in {} ({process})", dir.display()),
    )
    .hint(format!(
        "reach it with: export WARDROOM_HOST=unix://{}",
        socket.display()
    ))
}

/// The lines for the next step, as they can be pasted.
fn farewell(kept: Option<&Path>) -> String {
    match kept {
        Some(dir) => format!(
            "The cluster is kept. Open it again:\n  wardroom demo --dir {}\n",
            dir.display()
        ),
        None => "The demo is gone, and everything in it.\n\
                 A cluster that stays:       wardroom\n\
                 One for other terminals:    wardroom demo --headless --dir DIR\n"
            .to_owned(),
    }
}

/// Two threads: the console draws while managers write.
fn runtime() -> Result<tokio::runtime::Runtime, Report> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("wardroom")
        .enable_all()
        .build()
        .map_err(|error| {
            Report::failure(format!("cannot start: {error}")).hint("is a limit of threads or open files reached?")
        })
}

/// The console is there at once and shows the cluster come up. When the cluster cannot start, the console ends and the
/// reason is told.
async fn with_console<F: Future<Output = Ended>>(
    house: Box<House>,
    seed: Option<u64>,
    furnish: bool,
    console: impl FnOnce(Client) -> F,
) -> Ended {
    if let Err(error) = logging::to_file(&house.log_file()) {
        return Err(cannot_write(&house.dir, &error));
    }
    let (client, door) = door::open(format!("unix://{}", house.socket().display()));
    let samples = furnish.then(|| client.clone());
    let mut starting = tokio::spawn(async move {
        let cluster = cluster::start(house, seed, door).await?;
        if let Some(client) = samples {
            tokio::spawn(async move { furnish_or_log(&client).await });
        }
        Ok::<Embedded, Report>(cluster)
    });
    let console = console(client);
    tokio::pin!(console);
    let ended = tokio::select! {
        biased;
        ended = &mut console => ended,
        started = &mut starting => return stay(unpanicked(started)?, console).await,
    };
    // The user was faster than the cluster: it is stopped as soon as it is up.
    unpanicked(starting.await)?.shutdown().await;
    ended
}

/// Until the console ends, or too much of the cluster.
async fn stay(cluster: Embedded, console: impl Future<Output = Ended>) -> Ended {
    let failure = cluster.failure();
    let ended = tokio::select! {
        biased;
        ended = console => ended,
        report = failure => Err(report),
    };
    cluster.shutdown().await;
    ended
}

fn unpanicked(started: Result<Result<Embedded, Report>, JoinError>) -> Result<Embedded, Report> {
    started.unwrap_or_else(|panic| Err(Report::failure(format!("the cluster did not start: {panic}"))))
}

async fn furnish_or_log(client: &Client) {
    if let Err(error) = samples::furnish(client).await {
        tracing::warn!(%error, "the samples are not complete");
    }
}

/// One line says how to reach it; then it runs until SIGINT, SIGTERM or SIGHUP.
async fn headless(house: Box<House>, seed: Option<u64>, furnish: bool, output: &mut Output) -> Result<(), Report> {
    logging::to_stderr();
    let unavailable = |error: std::io::Error| Report::failure(format!("cannot listen for signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unavailable)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(unavailable)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(unavailable)?;
    let over = async move {
        tokio::select! {
            biased;
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    };
    tokio::pin!(over);
    let address = format!("unix://{}", house.socket().display());
    let (client, door) = door::open(address.clone());
    let cluster = cluster::start(house, seed, door).await?;
    let announced = async {
        if cluster.is_locked() {
            output.line(&format!(
                "wardroom is locked: export WARDROOM_HOST={address}; then run `wardroom swarm unlock`"
            ))?;
            output.flush()?;
            cluster.led().await;
        }
        if furnish {
            furnish_or_log(&client).await;
        }
        output.line(&format!("wardroom is ready: export WARDROOM_HOST={address}"))?;
        output.flush()
    };
    let failure = cluster.failure();
    tokio::pin!(failure);
    let told = tokio::select! {
        biased;
        () = &mut over => None,
        report = &mut failure => Some(Err(report)),
        told = announced => Some(told),
    };
    let ended = match told {
        Some(Ok(())) => tokio::select! {
            biased;
            () = over => Ok(()),
            report = failure => Err(report),
        },
        Some(Err(report)) => Err(report),
        None => Ok(()),
    };
    cluster.shutdown().await;
    ended
}
