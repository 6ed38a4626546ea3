//! Over what do a worker and its managers speak here? Streams in memory by address, and hosts that are dead, mute or slow.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;
use tonic::async_trait;
use wardroom_api::{BoxStream, Listener, Net};

/// A network of duplex streams.
#[derive(Default)]
pub(crate) struct MemoryNet(Mutex<BTreeMap<String, Host>>);

#[derive(Clone)]
pub(crate) enum Host {
    Up(mpsc::UnboundedSender<DuplexStream>, Duration),
    /// Nothing that is sent there ever comes back, not even a refusal.
    Dead,
    /// Takes connections and says nothing.
    Mute,
}

impl MemoryNet {
    /// The connections to `address` from now on.
    pub(crate) fn listen(&self, address: &str) -> mpsc::UnboundedReceiver<DuplexStream> {
        let (arrived, arriving) = mpsc::unbounded_channel();
        self.set(address, Host::Up(arrived, Duration::ZERO));
        arriving
    }

    /// Nobody listens at `address`, until the host that was there is brought up again.
    pub(crate) fn take_down(&self, address: &str) -> Option<Host> {
        self.0.lock().unwrap().remove(address)
    }

    pub(crate) fn bring_up(&self, address: &str, host: Option<Host>) {
        self.set(address, host.expect("it was there"));
    }

    pub(crate) fn swallow(&self, address: &str) {
        self.set(address, Host::Dead);
    }

    pub(crate) fn mute(&self, address: &str) {
        self.set(address, Host::Mute);
    }

    /// A connection to `address` takes so long.
    pub(crate) fn slow(&self, address: &str, takes: Duration) {
        if let Some(Host::Up(_, delay)) = self.0.lock().unwrap().get_mut(address) {
            *delay = takes;
        }
    }

    fn set(&self, address: &str, host: Host) {
        self.0.lock().unwrap().insert(address.to_owned(), host);
    }
}

#[async_trait]
impl Net for MemoryNet {
    async fn bind(&self, _address: &str) -> io::Result<Box<dyn Listener>> {
        Err(io::Error::other("a worker does not listen"))
    }

    async fn connect(&self, address: &str) -> io::Result<BoxStream> {
        let (near, far) = duplex(64 * 1024);
        let host = self.0.lock().unwrap().get(address).cloned();
        match host {
            Some(Host::Up(to, takes)) => {
                tokio::time::sleep(takes).await;
                to.send(far).map_err(|_gone| io::ErrorKind::ConnectionRefused)?;
            }
            Some(Host::Dead) => std::future::pending().await,
            Some(Host::Mute) => {
                tokio::spawn(async move {
                    let _kept_open = far;
                    std::future::pending::<()>().await;
                });
            }
            None => return Err(io::ErrorKind::ConnectionRefused.into()),
        }
        Ok(Box::new(near))
    }
}
