//! The network of a simulated cluster: turmoil's TCP behind the `Net` seam, addresses by host name.

use std::io;

use tonic::async_trait;
use turmoil::net::{TcpListener, TcpStream};
use wardroom_api::{BoxStream, Listener, Net};

/// Each simulated host has one; all of them meet in turmoil's world.
pub(crate) struct SimNet;

#[async_trait]
impl Net for SimNet {
    async fn bind(&self, address: &str) -> io::Result<Box<dyn Listener>> {
        let (_, port) = parse(address)?;
        let listener = TcpListener::bind(("0.0.0.0", port)).await?;
        Ok(Box::new(Bound {
            listener,
            address: address.to_owned(),
        }))
    }

    async fn connect(&self, address: &str) -> io::Result<BoxStream> {
        Ok(Box::new(TcpStream::connect(parse(address)?).await?))
    }
}

fn parse(address: &str) -> io::Result<(&str, u16)> {
    let (host, port) = address.rsplit_once(':').ok_or(io::ErrorKind::InvalidInput)?;
    let port = port.parse().map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    Ok((host, port))
}

struct Bound {
    listener: TcpListener,
    address: String,
}

#[async_trait]
impl Listener for Bound {
    async fn accept(&mut self) -> io::Result<(BoxStream, String)> {
        let (stream, from) = self.listener.accept().await?;
        // The port is turmoil's own count; only the host is said, as a real listener would say an address.
        Ok((Box::new(stream), from.to_string()))
    }

    fn address(&self) -> String {
        self.address.clone()
    }
}
