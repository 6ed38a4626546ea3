//! Who may knock? Callers of every kind, with what they prove about themselves.

use std::sync::Arc;
use std::time::Duration;

use tonic::transport::Channel;
use wardroom_api::net::{Net, TcpNet};
use wardroom_api::{channel, v1};
use wardroom_ca::{
    Clock, IssueRequest, JoinTls, JoinToken, KeyRequest, ManualClock, NODE_LIFETIME, NodeTls, Role, Root, SystemClock,
};
use wardroom_keys::{OsChance, SecretBytes};

use crate::agent::line;
use crate::fleet::Fleet;

const MINUTE_MS: i64 = 60_000;

/// An operator with a certificate of its own, as `operator add` makes it.
pub(crate) struct Operator {
    pub(crate) id: String,
    pub(crate) tls: NodeTls,
}

pub(crate) async fn operator(fleet: &Fleet, name: &str, role: v1::OperatorRole) -> Operator {
    let request = KeyRequest::generate(&OsChance);
    let add = v1::AddOperatorRequest {
        name: name.into(),
        role: role.into(),
        csr_pem: request.csr_pem.clone(),
        life_ms: 0,
    };
    let added = fleet
        .control(fleet.leader())
        .add_operator(add)
        .await
        .unwrap()
        .into_inner();
    let clock = Arc::new(SystemClock);
    let tls = NodeTls::new(&added.roots_pem, &added.certificate_pem, &request.key, clock).unwrap();
    Operator { id: added.id, tls }
}

/// A worker whose certificate ended half an hour ago and whose clock is slow enough not to notice.
pub(crate) fn expired(fleet: &Fleet, node_id: &str) -> NodeTls {
    let now_ms = SystemClock.now_ms();
    let request = IssueRequest {
        node_id,
        role: Role::Worker,
        sans: &[],
        lifetime: Duration::from_secs(3_600),
        now_ms: now_ms - 90 * MINUTE_MS,
    };
    let issued = fleet.root.issue(&request, &OsChance).unwrap();
    let slow = Arc::new(ManualClock::new(now_ms - 45 * MINUTE_MS));
    NodeTls::new(fleet.root.certificate_pem(), &issued.certificate_pem, &issued.key, slow).unwrap()
}

/// A manager by the word of another root for a cluster of the same name. It trusts the real one too.
pub(crate) fn foreign(fleet: &Fleet, node_id: &str) -> NodeTls {
    let root = Root::create(fleet.root.cluster_id(), &SystemClock, &OsChance).unwrap();
    let request = IssueRequest {
        node_id,
        role: Role::Manager,
        sans: &[],
        lifetime: NODE_LIFETIME,
        now_ms: SystemClock.now_ms(),
    };
    let issued = root.issue(&request, &OsChance).unwrap();
    let roots = format!("{}{}", fleet.root.certificate_pem(), root.certificate_pem());
    NodeTls::new(&roots, &issued.certificate_pem, &issued.key, Arc::new(SystemClock)).unwrap()
}

/// A caller with the certificate of `tls`.
pub(crate) fn with(fleet: &Fleet, place: usize, tls: &NodeTls) -> Channel {
    line(&fleet.addresses()[place], tls)
}

/// A caller without a certificate, as a machine that joins is one.
pub(crate) fn nobody(fleet: &Fleet, place: usize, token: &JoinToken) -> Channel {
    let tls = JoinTls::new(token.pin(), Arc::new(SystemClock));
    let address = fleet.addresses()[place].clone();
    channel::lazy(move || {
        let (address, tls) = (address.clone(), tls.clone());
        async move {
            let stream = TcpNet.connect(&address).await?;
            tls.connect(stream)
                .await
                .map(|(stream, _root)| stream)
                .map_err(std::io::Error::other)
        }
    })
}

/// A join token that the cluster has just made, with its text.
pub(crate) async fn token(fleet: &Fleet, request: v1::RotateJoinTokenRequest) -> (JoinToken, Vec<u8>) {
    let mut control = fleet.control(fleet.follower());
    let made = control.rotate_join_token(request).await.unwrap().into_inner();
    let text = SecretBytes::new(made.token.unwrap().take());
    (JoinToken::parse(text.expose()).unwrap(), text.expose().to_vec())
}

pub(crate) fn for_any_number(role: v1::Role) -> v1::RotateJoinTokenRequest {
    v1::RotateJoinTokenRequest {
        role: role.into(),
        ..Default::default()
    }
}
