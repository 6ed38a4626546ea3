//! How is an embedded cluster reached, whether its managers run or wait for their key? By this process through its door, by
//! others through the socket; the lock answers always, everything else is the switch's.

use std::io;
use std::path::Path;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use wardroom_manager::{Local, Manager, serve_local};

use super::door::{self, Door};
use super::socket::{self, SocketFile};
use super::switch::Switch;

/// Connections that wait to be served.
const QUEUE: usize = 16;

/// Where connections are handed in.
pub type Incoming = mpsc::Sender<Local>;

/// Open in two steps: the door when there is something to say, the socket when whoever finds it can work, or unlock.
pub struct Front {
    switch: Switch,
    /// Until it is open.
    closed: Option<(Door, Routes)>,
    incoming: Option<Incoming>,
    socket: Option<SocketFile>,
    over: CancellationToken,
}

impl Front {
    /// `own`: what answers whether a manager does or not.
    pub fn new(door: Door, own: Routes, switch: Switch) -> Self {
        let routes = switch.clone().behind(own);
        Self {
            switch,
            closed: Some((door, routes)),
            incoming: None,
            socket: None,
            over: CancellationToken::new(),
        }
    }

    pub fn lead_to(&self, manager: Option<&Manager>) {
        self.switch.lead_to(manager.map(Manager::local_routes));
    }

    /// Serves this process.
    pub fn open_door(&mut self) {
        let Some((door, routes)) = self.closed.take() else {
            return;
        };
        let (incoming, connections) = mpsc::channel(QUEUE);
        tokio::spawn(serve_local(ReceiverStream::new(connections), routes, self.over.clone()));
        tokio::spawn(door::serve(door, incoming.clone()));
        self.incoming = Some(incoming);
    }

    /// Serves other programs too.
    pub fn open_socket(&mut self, path: &Path) -> io::Result<()> {
        self.open_door();
        if self.socket.is_none()
            && let Some(incoming) = &self.incoming
        {
            self.socket = Some(socket::bind(path)?.serve(incoming.clone()));
        }
        Ok(())
    }
}

impl Drop for Front {
    /// What is being answered is answered; the socket's file goes at once.
    fn drop(&mut self) {
        self.over.cancel();
    }
}
