//! How does the daemon begin and end? It takes its directory, opens its socket, says that it is ready, and goes on until a
//! signal ends it in order, or a failure that only a new start can mend.

use std::path::{Path, PathBuf};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use wardroom_keys::memory;

use super::home::Home;
use super::local::Local;
use super::parts::Ground;
use super::service::service;
use super::supervisor::Supervisor;
use super::{locking, notify, socket};
use crate::logging;
use crate::node::unlocking;
use crate::report::{Exit, Report};

/// Orders that wait for their turn.
const ORDERS: usize = 16;

/// What `wardroom daemon` is told.
#[derive(Debug)]
pub struct DaemonOptions {
    /// Where this machine's part of the cluster is kept.
    pub state_dir: PathBuf,
    /// Where commands of this machine reach the daemon.
    pub socket: PathBuf,
    /// Whose members may use the socket too; without a name `wardroom`, if this machine has that group.
    pub group: Option<String>,
    /// What the node is called; without it the name of this machine.
    pub hostname: Option<String>,
    /// The folder of programs that make values; without it `hooks` in the state directory.
    pub hooks_dir: Option<PathBuf>,
}

/// `wardroom daemon`: until it is told to end. Returns the exit code.
pub fn run(options: DaemonOptions) -> Result<u8, Report> {
    logging::to_journal();
    if !memory::lock_all_memory() {
        tracing::info!("memory could not be locked: values in it may be swapped out; keys are locked one by one");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("wardroom")
        .enable_all()
        .build()
        .map_err(|error| {
            Report::failure(format!("cannot start: {error}")).hint("is a limit of threads or open files reached?")
        })?;
    runtime.block_on(serve(options))?;
    Ok(Exit::Ok as u8)
}

async fn serve(options: DaemonOptions) -> Result<(), Report> {
    let stop = CancellationToken::new();
    tokio::spawn(until_signalled(signals()?, stop.clone()));
    let mut ground = Ground::real()?;
    if let Some(hostname) = options.hostname {
        ground.hostname = hostname;
    }
    ground.hooks = options.hooks_dir.as_deref().map(absolute).transpose()?;
    let home = Home::open(&options.state_dir)?;
    let guests = socket::guests(options.group.as_deref())?;
    let socket = socket::bind(&absolute(&options.socket)?, guests).await?;

    let (told, local) = watch::channel(Local::inactive(&ground.hostname, home.dir().to_owned()));
    let (orders, ordered) = mpsc::channel(ORDERS);
    let served = CancellationToken::new();
    let clock = std::sync::Arc::clone(&ground.clock);
    let mut supervisor = Supervisor::new(ground, home, told, stop);
    supervisor.credentials = locking::given();
    let lock = unlocking::service(orders.clone(), supervisor.lock_shown(), clock);
    let own = Routes::new(service(orders, local)).add_service(lock);
    let routes = supervisor.switch.clone().behind(own);
    let (connections, file) = socket.accept();
    let serving = tokio::spawn(wardroom_manager::serve_local(
        ReceiverStream::new(connections),
        routes,
        served.clone(),
    ));
    let outcome = supervisor.run(ordered, notify::ready).await;
    // What is being answered is answered; then the door closes.
    served.cancel();
    let _ = tokio::time::timeout(std::time::Duration::from_secs(1), serving).await;
    drop(file);
    outcome
}

/// A path that stays the same wherever the process is.
fn absolute(path: &Path) -> Result<PathBuf, Report> {
    std::path::absolute(path)
        .map_err(|error| Report::usage(format!("{} is no path: {error}", path.display())).hint("name another path"))
}

fn signals() -> Result<[Signal; 3], Report> {
    let listen = |kind| signal(kind).map_err(|error| Report::failure(format!("cannot listen for signals: {error}")));
    Ok([
        listen(SignalKind::terminate())?,
        listen(SignalKind::interrupt())?,
        listen(SignalKind::hangup())?,
    ])
}

async fn until_signalled([mut terminate, mut interrupt, mut hangup]: [Signal; 3], stop: CancellationToken) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hangup.recv() => {}
    }
    tracing::info!("the daemon is told to end");
    stop.cancel();
}
