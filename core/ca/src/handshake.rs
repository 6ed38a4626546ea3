//! Why did two nodes not come together? What TLS reports, in words that say what to do next.

use std::io;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError};
use time::OffsetDateTime;

use crate::identity::IdentityError;
use crate::token::RootPin;

/// Why this end refuses the other one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerRefusal {
    #[error(
        "the other node's certificate was not issued by this cluster's root: check that the address belongs to a node \
         of this cluster"
    )]
    OtherRoot,
    #[error(
        "the other node's certificate expired at {}, and it is {} here: set the clock of this machine if it is wrong; \
         otherwise renew that certificate, or let that node join again",
        utc(*not_after),
        utc(*now)
    )]
    Expired { not_after: u64, now: u64 },
    #[error(
        "the other node's certificate is valid from {}, and it is {} here: compare the clocks of both machines, and set \
         the one that is wrong",
        utc(*not_before),
        utc(*now)
    )]
    NotYetValid { not_before: u64, now: u64 },
    #[error(
        "remote CA does not match fingerprint. Expected: {0}. Nothing was sent. Check the address; if it is right, take \
         a new token from `wardroom swarm join-token` on a manager, because the root may have been rotated. If that \
         fails too, somebody stands between this machine and the cluster"
    )]
    OtherPin(RootPin),
    #[error(
        "the node that answers shows the root {0} but has no certificate from it. Nothing was sent. While the cluster \
         rotates its root this passes within a minute: try again. If it stays, somebody stands between this machine and \
         the cluster"
    )]
    NotUnderPin(RootPin),
    #[error("the other end's certificate is not one that answers connections: check that the address is a manager's")]
    NoServer,
    #[error(
        "Permission denied: remote certificate not part of organization: {expected}. It belongs to cluster {found}: \
         check the address"
    )]
    OtherCluster { expected: String, found: String },
    #[error(
        "Permission denied: remote certificate not part of OUs: [{expected}]. It belongs to node {node_id}, which has \
         another role: connect to a manager"
    )]
    OtherRole { expected: &'static str, node_id: String },
    #[error("the node that answers is {found} and not {expected}: check the address, it may have changed hands")]
    OtherNode { expected: String, found: String },
    /// A node or an operator.
    #[error("Permission denied: node {0} was removed from swarm. To come back it has to join again")]
    Removed(String),
    #[error("the other node's certificate cannot be used: {0}")]
    Unusable(IdentityError),
}

/// Why a connection did not come about.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    #[error(transparent)]
    Refused(#[from] PeerRefusal),
    /// This node's own certificate is over; nobody would accept it.
    #[error(
        "Swarm certificates have expired. To replace them, leave the swarm and join again. Leaving is not needed here: \
         `wardroom swarm join` with a token gives this node new certificates and keeps its id"
    )]
    OwnExpired,
    #[error(
        "the other node says that this node's certificate has expired: compare the clocks of both machines; if they \
         are right, `wardroom swarm join` with a token gives this node a new one and keeps its id"
    )]
    ToldExpired,
    #[error(
        "the other node does not accept this node's certificate: this node was removed, has another role than is \
         wanted there, or belongs to another cluster"
    )]
    ToldRefused,
    #[error("the other node did not finish the handshake in time: check that a wardroom manager listens there")]
    Timeout,
    /// The other end speaks no TLS 1.3 with X25519MLKEM768, or breaks its rules.
    #[error(
        "the other end does not speak TLS as wardroom does: check that a wardroom manager of this age listens there"
    )]
    Protocol(#[source] rustls::Error),
    #[error("the connection broke: check that the other node is running")]
    Stream(#[source] io::Error),
}

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) {
            Some(cause) => Self::from(cause.clone()),
            None => Self::Stream(error),
        }
    }
}

impl From<rustls::Error> for HandshakeError {
    fn from(error: rustls::Error) -> Self {
        match &error {
            rustls::Error::InvalidCertificate(reason) => refusal(reason).map_or(Self::Protocol(error), Self::Refused),
            rustls::Error::AlertReceived(AlertDescription::CertificateExpired) => Self::ToldExpired,
            rustls::Error::AlertReceived(
                AlertDescription::UnknownCA
                | AlertDescription::BadCertificate
                | AlertDescription::DecryptError
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateRequired
                | AlertDescription::AccessDenied,
            ) => Self::ToldRefused,
            _ => Self::Protocol(error),
        }
    }
}

fn refusal(reason: &CertificateError) -> Option<PeerRefusal> {
    let seconds = |time: &UnixTime| time.as_secs();
    match reason {
        CertificateError::ExpiredContext { time, not_after } => Some(PeerRefusal::Expired {
            not_after: seconds(not_after),
            now: seconds(time),
        }),
        CertificateError::NotValidYetContext { time, not_before } => Some(PeerRefusal::NotYetValid {
            not_before: seconds(not_before),
            now: seconds(time),
        }),
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Some(PeerRefusal::OtherRoot),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            Some(PeerRefusal::NoServer)
        }
        CertificateError::BadEncoding => Some(PeerRefusal::Unusable(IdentityError::Malformed)),
        CertificateError::Other(other) => other.0.downcast_ref::<PeerRefusal>().cloned(),
        _ => None,
    }
}

/// A Unix second as people read it.
fn utc(seconds: u64) -> String {
    let known = i64::try_from(seconds).ok();
    match known.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok()) {
        Some(at) => {
            let (hour, minute, second) = at.to_hms();
            format!("{} {hour:02}:{minute:02}:{second:02} UTC", at.date())
        }
        None => format!("Unix second {seconds}"),
    }
}
