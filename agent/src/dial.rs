//! How does a connection to a manager come about? A stream, TLS over it, and who must answer there.

use std::sync::Arc;

use tokio::time::timeout;
use tonic::transport::Channel;
use wardroom_api::channel::{CONNECT_DEADLINE, ConnectFailure, connected};
use wardroom_api::{BoxStream, Net};
use wardroom_ca::{ExpectPeer, NodeTls};

/// Connects to whichever manager answers at `address`, TLS included. Fails with words for the log.
pub(crate) async fn dial(net: &Arc<dyn Net>, tls: &NodeTls, address: &str) -> Result<Channel, String> {
    let (net, tls, target) = (Arc::clone(net), tls.clone(), address.to_owned());
    let connector = move || reach(Arc::clone(&net), tls.clone(), target.clone());
    match timeout(CONNECT_DEADLINE, connected(connector)).await {
        Ok(Ok(channel)) => Ok(channel),
        Ok(Err(error)) => Err(innermost(&error)),
        Err(_elapsed) => Err("no connection in time".to_owned()),
    }
}

async fn reach(net: Arc<dyn Net>, tls: NodeTls, address: String) -> Result<BoxStream, ConnectFailure> {
    let failed = |cause: String| ConnectFailure {
        address: address.clone(),
        cause,
        hint: "check that the manager runs and that its address is right".to_owned(),
    };
    let stream = net.connect(&address).await.map_err(|error| failed(error.to_string()))?;
    let secured = tls
        .connect(stream, ExpectPeer::AnyManager)
        .await
        .map_err(|error| failed(error.to_string()))?;
    Ok(Box::new(secured))
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |cause| cause.source());
    causes.last().map(ToString::to_string).unwrap_or_default()
}
