//! Who gets past the door? Every call of every service meets the rules here, before any of its bytes are read.

use std::task::{Context as Poller, Poll};

use futures_util::future::{Either, Ready, ready};
use http::{HeaderMap, Request, Response};
use tonic::Status;
use tower::{Layer, Service};
use wardroom_ca::RefusedNodes;
use wardroom_state::ids::NodeId;

use crate::control::authorize;
use crate::control::caller::{ACTOR, Caller, Identity};
use crate::control::refusals::Refusals;
use crate::replica::Replica;

/// Wraps services so that only allowed calls reach them. What passes carries its [`Caller`] as the rules saw it.
#[derive(Clone)]
pub(crate) struct Gate {
    refusals: Refusals,
    /// Nodes and operators that were removed.
    removed: RefusedNodes,
    /// Says which managers may speak for others.
    replica: Replica,
}

impl Gate {
    pub(crate) fn new(refusals: Refusals, removed: RefusedNodes, replica: Replica) -> Self {
        Self {
            refusals,
            removed,
            replica,
        }
    }

    fn admit<B>(&self, request: &mut Request<B>) -> Result<(), Status> {
        let connected = request.extensions().get::<Caller>().cloned();
        let connected = connected.unwrap_or_else(|| Caller::new(Identity::Nobody, "unknown"));
        let path = request.uri().path();
        // Who is connected is judged before anything it says of others is believed.
        if let Err(reason) = self.check_connected(&connected, request.headers()) {
            self.refusals.note(&connected, path, &reason, 1);
            return Err(Status::permission_denied(reason));
        }
        let caller = connected.resolve(request.headers());
        if let Err(reason) = self
            .check_belongs(&caller)
            .and_then(|()| authorize::check(path, &caller))
        {
            let count = connected.stands_for(request.headers());
            self.refusals.note(&caller, path, &reason, count);
            return Err(Status::permission_denied(reason));
        }
        request.extensions_mut().insert(caller);
        Ok(())
    }

    /// A manager may speak for others while the state lists it as one. One that is not listed may be new, and this
    /// manager behind; it is heard for itself.
    fn check_connected(&self, connected: &Caller, headers: &HeaderMap) -> Result<(), String> {
        self.check_belongs(connected)?;
        match &connected.identity {
            Identity::Manager(id) if headers.contains_key(ACTOR) && !self.is_member(id) => Err(format!(
                "Permission denied: manager {id} is not listed here and may not speak for others"
            )),
            _ => Ok(()),
        }
    }

    fn is_member(&self, id: &str) -> bool {
        self.replica.read(|state| {
            let node = state.nodes().get(&NodeId::new(id));
            node.is_some_and(wardroom_state::node::Node::is_in_raft)
        })
    }

    /// A certificate outlives the removal of its holder, and so may a connection, for a moment.
    fn check_belongs(&self, caller: &Caller) -> Result<(), String> {
        match caller.subject.as_deref().filter(|id| self.removed.contains(id)) {
            None => Ok(()),
            Some(id) => Err(match &caller.identity {
                Identity::Operator(_, name) => format!("Permission denied: operator {name} was removed"),
                _ => format!("Permission denied: node {id} was removed from swarm"),
            }),
        }
    }
}

impl<S> Layer<S> for Gate {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            gate: self.clone(),
            inner,
        }
    }
}

#[derive(Clone)]
pub(crate) struct Guarded<S> {
    gate: Gate,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<R>, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Poller<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match self.gate.admit(&mut request) {
            Ok(()) => Either::Left(self.inner.call(request)),
            Err(status) => Either::Right(ready(Ok(status.into_http()))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use std::convert::Infallible;

    use tower::{ServiceExt, service_fn};
    use wardroom_state::command::Command;
    use wardroom_state::node::Role;
    use wardroom_state::operator::OperatorRole;

    use super::*;
    use crate::reconcile::scene::Scene;

    /// The service behind the gate says who came through.
    async fn knock(connected: impl Into<Option<Caller>>, path: &str, actor: Option<&str>) -> Result<Caller, Status> {
        let inner = service_fn(|request: Request<()>| async move {
            let mut response = Response::new(());
            response
                .extensions_mut()
                .insert(request.extensions().get::<Caller>().cloned().unwrap());
            Ok::<_, Infallible>(response)
        });
        let mut request = Request::builder().uri(path);
        if let Some(actor) = actor {
            request = request.header("wardroom-actor", actor);
        }
        let mut request = request.body(()).unwrap();
        if let Some(caller) = connected.into() {
            request.extensions_mut().insert(caller);
        }
        let removed = RefusedNodes::default();
        removed.refuse("gone");
        let response = Gate::new(Refusals::default(), removed, replica())
            .layer(inner)
            .oneshot(request)
            .await
            .unwrap();
        match Status::from_header_map(response.headers()) {
            Some(status) => Err(status),
            None => Ok(response.extensions().get::<Caller>().cloned().unwrap()),
        }
    }

    /// Lists w1 as a manager.
    fn replica() -> Replica {
        let mut scene = Scene::with_workers(1);
        scene.apply(Command::SetDesiredRole {
            node: NodeId::new("w1"),
            role: Role::Manager,
            raft_id: 7,
        });
        let replica = Replica::new();
        replica.replace(scene.state.index(), scene.state.clone());
        replica
    }

    fn caller(identity: Identity) -> Caller {
        Caller::new(identity, "10.0.0.7:1")
    }

    #[tokio::test]
    async fn what_is_allowed_passes_with_its_caller() {
        let admin = caller(Identity::Local("root".into()));
        let passed = knock(admin.clone(), "/wardroom.v1.Control/List", None).await.unwrap();
        assert_eq!(passed, admin);
    }

    #[tokio::test]
    async fn what_is_not_allowed_never_reaches_the_service() {
        for connected in [None, Some(caller(Identity::Worker("w1".into())))] {
            let refused = knock(connected, "/wardroom.v1.Control/CreateSecret", None)
                .await
                .unwrap_err();
            assert_eq!(refused.code(), tonic::Code::PermissionDenied);
        }
    }

    #[tokio::test]
    async fn a_forwarded_call_is_judged_by_who_asked() {
        let manager = || caller(Identity::Manager("w1".into()));
        let path = "/wardroom.v1.Control/CreateSecret";
        let passed = knock(manager(), path, Some("admin:root")).await.unwrap();
        assert!(passed.forwarded && passed.identity == Identity::Local("root".into()));
        assert!(knock(manager(), path, Some("worker:w2")).await.is_err());
        let claimed = knock(caller(Identity::Worker("w2".into())), path, Some("admin:root")).await;
        assert!(claimed.is_err(), "a worker is not believed");
    }

    #[tokio::test]
    async fn who_was_removed_is_told_so() {
        let path = "/wardroom.v1.Control/List";
        let ada = Identity::Operator(OperatorRole::Viewer, "ada".into());
        let text = |passed: Result<Caller, Status>| passed.unwrap_err().message().to_owned();
        let operator = knock(Caller::certified(ada.clone(), "gone", "10.0.0.7:1"), path, None).await;
        assert_eq!(text(operator), "Permission denied: operator ada was removed");
        let node = knock(caller(Identity::Worker("gone".into())), path, None).await;
        assert_eq!(text(node), "Permission denied: node gone was removed from swarm");
        assert!(
            knock(Caller::certified(ada, "here", "10.0.0.7:1"), path, None)
                .await
                .is_ok()
        );
    }

    #[tokio::test]
    async fn who_is_no_member_speaks_for_nobody() {
        let path = "/wardroom.v1.Control/GetJoinToken";
        for id in ["gone", "never-listed"] {
            let forged = knock(caller(Identity::Manager(id.into())), path, Some("admin:root")).await;
            assert_eq!(forged.unwrap_err().code(), tonic::Code::PermissionDenied, "{id}");
        }
        let raft = "/wardroom.v1.Raft/Append";
        let lent = knock(caller(Identity::Manager("gone".into())), raft, Some("manager:w1")).await;
        assert!(lent.is_err(), "a removed manager lends itself no other's name");
        assert!(
            knock(caller(Identity::Manager("new".into())), raft, None).await.is_ok(),
            "one that is not listed yet speaks for itself"
        );
    }

    #[tokio::test]
    async fn a_method_that_does_not_exist_is_refused_too() {
        let admin = caller(Identity::Local("root".into()));
        assert!(knock(admin, "/wardroom.v1.Control/Dump", None).await.is_err());
    }
}
