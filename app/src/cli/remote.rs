//! How is a manager on another machine reached? Over TLS with the operator's own certificate, and only if the one that
//! answers is a manager of the operator's cluster. Of several managers the first that answers is taken.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::{Instant, timeout_at};
use wardroom_api::channel::ConnectFailure;
use wardroom_api::{BoxStream, Client, Net, TcpNet};
use wardroom_ca::{Bundle, ExpectPeer, HandshakeError, NodeTls, PeerRefusal, SystemClock};

use crate::cli::when;
use crate::report::Report;

/// How long one manager may be silent before the next one is tried as well.
const PATIENCE: Duration = Duration::from_millis(700);
/// How long all of them together; a little less than a call waits for its connection, so that each can be named.
const DEADLINE: Duration = Duration::from_millis(4500);
/// How the cause of a failure begins when it is this operator whom the managers refuse.
pub const NOT_ACCEPTED: &str = "this certificate is not accepted there";

/// A client of whichever of the managers answers first. Connects on first use; must be called within a runtime.
pub fn client(managers: &[String], bundle: &Path) -> Result<Client, Report> {
    let tls = identity(&read(bundle)?, bundle)?;
    let managers: Arc<[String]> = managers.into();
    let address = format!("wardroom://{}", managers.join(","));
    let name: Arc<str> = address.as_str().into();
    Ok(Client::over(address, move || {
        let (tls, managers, name) = (tls.clone(), Arc::clone(&managers), Arc::clone(&name));
        async move {
            let connected = first(&tls, &managers).await;
            connected.map_err(|failures| explain(&name, &tls, &failures))
        }
    }))
}

/// The bundle in a file that only its owner can read.
pub fn read(path: &Path) -> Result<Bundle, Report> {
    Bundle::read(path).map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(" ({cause})"));
        Report::failure(format!("{error}{}", cause.unwrap_or_default()))
            .hint("an administrator makes a bundle with `wardroom operator add`")
    })
}

/// Who the bundle says one is.
pub fn identity(bundle: &Bundle, path: &Path) -> Result<NodeTls, Report> {
    NodeTls::new(
        &bundle.roots_pem,
        &bundle.certificate_pem,
        &bundle.key,
        Arc::new(SystemClock),
    )
    .map_err(|error| {
        Report::failure(format!("{} cannot be used: {error}", path.display()))
            .hint("have the operator added again for a new bundle")
    })
}

/// A manager that could not be reached, and why.
type Failure = (String, HandshakeError);

/// Asks one manager after the other, the next one as soon as one has failed or has been silent for a while.
async fn first(tls: &NodeTls, managers: &[String]) -> Result<BufReader<BoxStream>, Vec<Failure>> {
    let mut waiting = managers.iter();
    let mut asked = FuturesUnordered::new();
    let mut failures = Vec::new();
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(manager) = waiting.next() {
            asked.push(async move {
                let connected = timeout_at(deadline, connect(tls, manager)).await;
                (manager, connected.unwrap_or(Err(HandshakeError::Timeout)))
            });
        } else if asked.is_empty() {
            return Err(failures);
        }
        let more = waiting.len() > 0;
        tokio::select! {
            biased;
            Some((manager, answer)) = asked.next() => match answer {
                Ok(stream) => return Ok(stream),
                Err(error) => failures.push((manager.clone(), error)),
            },
            () = tokio::time::sleep(PATIENCE), if more => {}
        }
    }
}

async fn connect(tls: &NodeTls, manager: &str) -> Result<BufReader<BoxStream>, HandshakeError> {
    let stream = TcpNet.connect(manager).await?;
    let stream: BoxStream = Box::new(tls.connect(stream, ExpectPeer::AnyManager).await?);
    let mut stream = BufReader::new(stream);
    // In TLS 1.3 a manager that refuses this certificate says so in its first bytes; one that accepts it begins to
    // speak HTTP/2 by itself.
    if stream.fill_buf().await?.is_empty() {
        return Err(HandshakeError::Stream(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(stream)
}

/// All causes, and what to do about the gravest.
fn explain(address: &str, tls: &NodeTls, failures: &[Failure]) -> ConnectFailure {
    let told = |error: &HandshakeError| cause(error, tls.facts().not_after_ms);
    // Who expired is refused by all alike; a name for each manager would say nothing.
    let text = match failures {
        [(_, only)] => told(only),
        [(_, HandshakeError::OwnExpired), ..] => told(&HandshakeError::OwnExpired),
        all => {
            let each = all.iter().map(|(manager, error)| format!("{manager}: {}", told(error)));
            each.collect::<Vec<_>>().join("; ")
        }
    };
    let gravest = failures
        .iter()
        .map(|(_, error)| error)
        .max_by_key(|error| gravity(error));
    ConnectFailure {
        address: address.to_owned(),
        cause: text,
        hint: gravest.map_or("name a manager", next).to_owned(),
    }
}

fn cause(error: &HandshakeError, not_after_ms: i64) -> String {
    match error {
        HandshakeError::OwnExpired => format!("your certificate expired at {}", when::rfc3339(not_after_ms)),
        HandshakeError::ToldExpired => "the manager says that your certificate has expired".to_owned(),
        HandshakeError::ToldRefused => {
            format!("{NOT_ACCEPTED}: this operator was removed, or is one of another cluster")
        }
        HandshakeError::Refused(PeerRefusal::OtherRoot) => {
            "the certificate that was shown is not of this cluster's CA: another cluster answers there, or somebody is \
             in the middle; nothing was sent"
                .to_owned()
        }
        HandshakeError::Timeout => "no answer in time".to_owned(),
        HandshakeError::Stream(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
            io::ErrorKind::UnexpectedEof => "the connection was closed at once".to_owned(),
            _ => error.to_string(),
        },
        other => other.to_string(),
    }
}

/// What matters most to know: first of all that something is wrong with trust.
fn gravity(error: &HandshakeError) -> u8 {
    match error {
        HandshakeError::Refused(PeerRefusal::Expired { .. } | PeerRefusal::NotYetValid { .. })
        | HandshakeError::OwnExpired
        | HandshakeError::ToldExpired => 3,
        HandshakeError::Refused(_) => 4,
        HandshakeError::ToldRefused => 2,
        HandshakeError::Timeout | HandshakeError::Protocol(_) => 1,
        HandshakeError::Stream(_) => 0,
    }
}

fn next(error: &HandshakeError) -> &'static str {
    match error {
        HandshakeError::OwnExpired | HandshakeError::ToldExpired => {
            "look at this machine's clock; if it is right, have an administrator remove the operator and add it again"
        }
        HandshakeError::ToldRefused => {
            "ask an administrator whether you are still in `wardroom operator ls`; a new bundle lets you in again"
        }
        HandshakeError::Refused(PeerRefusal::Expired { .. } | PeerRefusal::NotYetValid { .. }) => {
            "compare this machine's clock with the manager's, and set the one that is wrong"
        }
        HandshakeError::Refused(_) => {
            "do not go on before you know why: check the address; if the cluster was made anew, ask for a new bundle"
        }
        HandshakeError::Timeout | HandshakeError::Protocol(_) => "check that the address is a manager's TLS port",
        HandshakeError::Stream(_) => "check the address, and that the manager runs and can be reached from here",
    }
}

#[cfg(test)]
#[path = "remote_tests.rs"]
mod tests;
