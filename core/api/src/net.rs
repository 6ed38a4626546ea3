//! How do bytes reach another node? The seam behind which managers and agents meet the network, so that a simulation
//! can stand in for it. TLS, deadlines and retries belong to the callers.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

/// A byte stream in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection, whatever carries it.
pub type BoxStream = Box<dyn Duplex>;

/// Opens and accepts connections. Addresses are `host:port`.
#[tonic::async_trait]
pub trait Net: Send + Sync {
    /// Listens at `address`; port 0 takes a free one, which [`Listener::address`] then tells.
    async fn bind(&self, address: &str) -> io::Result<Box<dyn Listener>>;

    /// Connects to `address`. The caller sets the deadline.
    async fn connect(&self, address: &str) -> io::Result<BoxStream>;
}

/// Where connections arrive.
#[tonic::async_trait]
pub trait Listener: Send {
    /// The next connection and the address it came from. An error concerns one connection; the listener goes on.
    async fn accept(&mut self) -> io::Result<(BoxStream, String)>;

    /// The address that was really bound.
    fn address(&self) -> String;
}

/// The operating system's TCP.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpNet;

#[tonic::async_trait]
impl Net for TcpNet {
    async fn bind(&self, address: &str) -> io::Result<Box<dyn Listener>> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?.to_string();
        Ok(Box::new(BoundTcp { listener, address }))
    }

    async fn connect(&self, address: &str) -> io::Result<BoxStream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}

struct BoundTcp {
    listener: TcpListener,
    address: String,
}

#[tonic::async_trait]
impl Listener for BoundTcp {
    async fn accept(&mut self) -> io::Result<(BoxStream, String)> {
        let (stream, from) = self.listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok((Box::new(stream), from.to_string()))
    }

    fn address(&self) -> String {
        self.address.clone()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn bytes_cross_tcp_both_ways() {
        let mut listener = TcpNet.bind("127.0.0.1:0").await.unwrap();
        let mut near = TcpNet.connect(&listener.address()).await.unwrap();
        let (mut far, from) = listener.accept().await.unwrap();
        assert!(from.starts_with("127.0.0.1:"));
        near.write_all(b"ping").await.unwrap();
        let mut seen = [0; 4];
        far.read_exact(&mut seen).await.unwrap();
        far.write_all(&seen).await.unwrap();
        near.read_exact(&mut seen).await.unwrap();
        assert_eq!(&seen, b"ping");
    }

    #[tokio::test]
    async fn a_closed_port_is_an_error() {
        let address = TcpNet.bind("127.0.0.1:0").await.unwrap().address();
        assert!(TcpNet.connect(&address).await.is_err());
    }
}
