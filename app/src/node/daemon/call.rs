//! How does a node reach a manager by itself? Over a connection of its own to each manager in turn: with the node's
//! certificate to renew it and to say goodbye, with nothing but a pinned root to join.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tonic::transport::Channel;
use tonic::{Code, Status};
use wardroom_api::channel::{self, CALL_DEADLINE, CONNECT_DEADLINE, request};
use wardroom_api::{BoxStream, CallError, Net, v1};
use wardroom_ca::{ExpectPeer, HandshakeError, JoinTls, NodeTls};

use super::parts::Ground;

/// Why a call was not answered.
#[derive(Debug, thiserror::Error)]
pub enum CallFailure {
    /// A manager heard it and said no.
    #[error("{}", .0.message())]
    Refused(Status),
    /// Nobody heard it, or nobody could decide; the reasons, manager by manager.
    #[error("{0}")]
    Unanswered(String),
    /// Who answers there cannot prove to be a manager of the cluster; nothing was sent to it.
    #[error("{0}")]
    Unproven(String),
    /// This node's own certificate is over: nobody would listen.
    #[error("Swarm certificates have expired. To replace them, leave the swarm and join again.")]
    Expired,
}

/// Asks each manager until one answers; the answer of the first that decides is final.
async fn in_turn<T, F>(addresses: &[String], mut ask: impl FnMut(String) -> F) -> Result<T, CallFailure>
where
    F: Future<Output = Result<T, CallFailure>>,
{
    let mut reasons = Vec::new();
    let mut is_unproven = false;
    for address in addresses {
        match ask(address.clone()).await {
            Err(CallFailure::Unanswered(reason)) => reasons.push(format!("{address}: {reason}")),
            Err(CallFailure::Unproven(reason)) => {
                is_unproven = true;
                reasons.push(format!("{address}: {reason}"));
            }
            answer => return answer,
        }
    }
    if reasons.is_empty() {
        reasons.push("no manager's address is known".to_owned());
    }
    let reasons = reasons.join("; ");
    Err(if is_unproven {
        CallFailure::Unproven(reasons)
    } else {
        CallFailure::Unanswered(reasons)
    })
}

/// A new certificate, from whichever manager answers.
pub async fn renew(
    ground: &Ground,
    tls: &NodeTls,
    addresses: &[String],
    message: &v1::RenewRequest,
) -> Result<v1::RenewResponse, CallFailure> {
    in_turn(addresses, |address| async move {
        let line = with_certificate(ground, tls, &address).await?;
        let call = async { channel::ca(line).renew(request(message.clone(), CALL_DEADLINE)).await };
        answered(call, CALL_DEADLINE).await
    })
    .await
}

/// Says that this node goes.
pub async fn depart(ground: &Ground, tls: &NodeTls, addresses: &[String]) -> Result<(), CallFailure> {
    in_turn(addresses, |address| async move {
        let line = with_certificate(ground, tls, &address).await?;
        let call = async {
            channel::ca(line)
                .depart(request(v1::DepartRequest {}, CALL_DEADLINE))
                .await
        };
        answered(call, CALL_DEADLINE).await.map(|_| ())
    })
    .await
}

/// Asks to be admitted. `check` sees the root that the manager proved before anything is sent to it.
pub async fn admit(
    ground: &Ground,
    tls: &JoinTls,
    addresses: &[String],
    message: &v1::AdmitRequest,
    check: impl Fn(&str) -> Result<(), Status>,
) -> Result<v1::AdmitResponse, CallFailure> {
    let check = &check;
    in_turn(addresses, |address| async move {
        let (stream, root_pem) = pinned(ground, tls, &address).await?;
        check(&root_pem).map_err(CallFailure::Refused)?;
        let line = over(stream).await?;
        let call = async { channel::join(line).admit(request(message.clone(), CALL_DEADLINE)).await };
        answered(call, CALL_DEADLINE).await
    })
    .await
}

async fn with_certificate(ground: &Ground, tls: &NodeTls, address: &str) -> Result<Channel, CallFailure> {
    let stream = dial(&*ground.net, address).await?;
    let secured = tls.connect(stream, ExpectPeer::AnyManager).await.map_err(handshake)?;
    over(Box::new(secured)).await
}

/// What a manager cannot prove is final for it, and the next one may.
async fn pinned(ground: &Ground, tls: &JoinTls, address: &str) -> Result<(BoxStream, String), CallFailure> {
    let stream = dial(&*ground.net, address).await?;
    let (secured, root_pem) = tls.connect(stream).await.map_err(handshake)?;
    Ok((Box::new(secured), root_pem))
}

async fn dial(net: &dyn Net, address: &str) -> Result<BoxStream, CallFailure> {
    match tokio::time::timeout(CONNECT_DEADLINE, net.connect(address)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(CallFailure::Unanswered(error.to_string())),
        Err(_elapsed) => Err(CallFailure::Unanswered("no answer in time".to_owned())),
    }
}

fn handshake(error: HandshakeError) -> CallFailure {
    match error {
        HandshakeError::OwnExpired => CallFailure::Expired,
        HandshakeError::Refused(refusal) => CallFailure::Unproven(refusal.to_string()),
        other => CallFailure::Unanswered(crate::node::cluster::chain(&other)),
    }
}

/// A channel over one connection that exists; it is not made again.
async fn over(stream: BoxStream) -> Result<Channel, CallFailure> {
    let stream = Arc::new(Mutex::new(Some(stream)));
    let connector = move || {
        let stream = stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        async move { stream.ok_or_else(|| std::io::Error::other("the connection was used up")) }
    };
    let connected = channel::connected(connector).await;
    connected.map_err(|error| CallFailure::Unanswered(crate::node::cluster::chain(&error)))
}

/// An answer, a no that is final, or a reason to ask the next manager.
async fn answered<T>(
    call: impl Future<Output = Result<tonic::Response<T>, Status>>,
    deadline: Duration,
) -> Result<T, CallFailure> {
    let answer = match tokio::time::timeout(deadline, call).await {
        Ok(answer) => answer,
        Err(_elapsed) => return Err(CallFailure::Unanswered("no answer in time".to_owned())),
    };
    answer
        .map(tonic::Response::into_inner)
        .map_err(|status| match status.code() {
            Code::Unavailable | Code::DeadlineExceeded | Code::Unknown | Code::Cancelled => {
                CallFailure::Unanswered(CallError::from(status).to_string())
            }
            _ => CallFailure::Refused(status),
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    async fn ask(answers: &[(&str, Option<bool>)]) -> (Result<u8, CallFailure>, Vec<String>) {
        let addresses: Vec<String> = answers.iter().map(|(address, _)| (*address).to_owned()).collect();
        let asked = Mutex::new(Vec::new());
        let answer = in_turn(&addresses, |address| {
            asked.lock().unwrap().push(address.clone());
            let (_, answer) = answers.iter().find(|(name, _)| *name == address).unwrap();
            std::future::ready(match answer {
                None => Err(CallFailure::Unanswered("silent".into())),
                Some(true) => Ok(1),
                Some(false) => Err(CallFailure::Refused(Status::permission_denied("no"))),
            })
        });
        (answer.await, asked.into_inner().unwrap())
    }

    #[tokio::test]
    async fn the_first_that_decides_is_believed() {
        let (answer, asked) = ask(&[("a", None), ("b", Some(true)), ("c", Some(false))]).await;
        assert_eq!((answer.unwrap(), asked.join(" ")), (1, "a b".into()));
        let (answer, asked) = ask(&[("a", Some(false)), ("b", Some(true))]).await;
        assert!(matches!(answer, Err(CallFailure::Refused(_))));
        assert_eq!(asked, ["a"]);
    }

    #[tokio::test]
    async fn who_does_not_answer_is_named() {
        let (answer, _) = ask(&[("a", None), ("b", None)]).await;
        assert_eq!(answer.unwrap_err().to_string(), "a: silent; b: silent");
        let (answer, _) = ask(&[]).await;
        assert_eq!(answer.unwrap_err().to_string(), "no manager's address is known");
    }
}
