//! What may operators and nodes ask? Authorize, validate, plan, seal, propose; reads come from the replica at hand.

pub(crate) mod attempts;
pub(crate) mod authorize;
mod backups;
pub(crate) mod caller;
mod certificates;
mod chance;
mod cluster;
pub(crate) mod convert;
pub(crate) mod error;
pub(crate) mod forward;
mod gate;
mod grants;
mod issuing;
mod join;
mod keys;
mod list;
mod logs;
mod nodes;
pub(crate) mod offices;
mod operators;
mod plan;
pub(crate) mod refusals;
mod retention;
mod rotations;
pub(crate) mod secrets;
mod service;
mod services;
mod tokens;
mod unlock_key;
mod veil;

use tonic::service::Routes;
use wardroom_api::channel::{MESSAGE_BYTES_MAX, WATCH_BYTES_MAX};
use wardroom_api::v1::ca_server::CaServer;
use wardroom_api::v1::control_server::ControlServer;
use wardroom_api::v1::join_server::JoinServer;
use wardroom_api::v1::peer_server::{Peer, PeerServer};
use wardroom_api::v1::raft_server::{Raft, RaftServer};

use crate::context::Context;
use crate::dispatcher;

pub(crate) use chance::{id, password};

/// Largest request of a caller that has no certificate yet, or wants another one.
const JOIN_BYTES_MAX: usize = 16 * 1024;

/// What everybody reaches on the TLS port, behind the gate.
pub(crate) fn tls_routes(context: &Context, raft: RaftServer<impl Raft>, peers: PeerServer<impl Peer>) -> Routes {
    let (joins, certificates) = (join::Service::new(context), certificates::Service::new(context));
    let routes = Routes::new(control(context))
        .add_service(JoinServer::new(joins).max_decoding_message_size(JOIN_BYTES_MAX))
        .add_service(CaServer::new(certificates).max_decoding_message_size(JOIN_BYTES_MAX))
        .add_service(dispatcher::service(context));
    guarded(context, routes.add_service(raft).add_service(peers))
}

/// What administrators reach on this machine, behind the same gate.
pub(crate) fn local_routes(context: &Context) -> Routes {
    guarded(context, Routes::new(control(context)))
}

fn guarded(context: &Context, routes: Routes) -> Routes {
    let gate = gate::Gate::new(
        context.offices.refusals.clone(),
        context.tls.refused().clone(),
        context.replica.clone(),
    );
    routes.into_axum_router().layer(gate).into()
}

fn control(context: &Context) -> ControlServer<service::Service> {
    ControlServer::new(service::Service {
        context: context.clone(),
    })
    .max_decoding_message_size(MESSAGE_BYTES_MAX)
    .max_encoding_message_size(WATCH_BYTES_MAX)
}
