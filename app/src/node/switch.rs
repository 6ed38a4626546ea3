//! Who answers the commands of a cluster? A manager of this process while one can, otherwise words about why none does. A
//! connection outlives the change: each call on it is answered by whoever is there when it comes.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};

use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::service::{AxumBody, AxumRouter, Routes};

use super::refusal::Refusal;

/// How every method of the service begins that only managers answer.
const CONTROL: &str = "/wardroom.v1.Control/";

/// Clones lead to the same manager.
#[derive(Clone)]
pub struct Switch {
    manager: Arc<RwLock<Option<AxumRouter>>>,
    why_none: Arc<dyn Fn() -> Refusal + Send + Sync>,
}

impl Switch {
    /// Nobody answers yet, and `why_none` says why.
    pub fn new(why_none: impl Fn() -> Refusal + Send + Sync + 'static) -> Self {
        Self {
            manager: Arc::default(),
            why_none: Arc::new(why_none),
        }
    }

    /// From now on the routes of a manager answer, or nobody.
    pub fn lead_to(&self, routes: Option<Routes>) {
        let manager = routes.map(|routes| routes.prepare().into_axum_router());
        *self.manager.write().unwrap_or_else(PoisonError::into_inner) = manager;
    }

    /// What the local socket serves: what this process answers itself, and behind it whoever answers.
    pub fn behind(self, own: Routes) -> Routes {
        own.into_axum_router().fallback_service(self).into()
    }

    fn manager(&self) -> Option<AxumRouter> {
        self.manager.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refuse(&self, path: &str) -> Response<AxumBody> {
        let status = if path.starts_with(CONTROL) {
            (self.why_none)().into()
        } else {
            tonic::Status::unimplemented("this socket has no such service: use a wardroom of the same version")
        };
        status.into_http()
    }
}

impl Service<Request<AxumBody>> for Switch {
    type Response = Response<AxumBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<AxumBody>) -> Self::Future {
        match self.manager() {
            Some(mut router) => Box::pin(router.call(request)),
            None => Box::pin(std::future::ready(Ok(self.refuse(request.uri().path())))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use tonic::{Code, Status};

    use super::*;

    const LIST: &str = "/wardroom.v1.Control/List";

    async fn ask(switch: &Switch, path: &str) -> Status {
        let request = Request::builder().uri(path).body(AxumBody::empty()).unwrap();
        let answer = switch.clone().call(request).await.unwrap();
        Status::from_header_map(answer.headers()).unwrap()
    }

    #[tokio::test]
    async fn without_a_manager_the_answer_says_why() {
        let (told, why) = tokio::sync::watch::channel("locked");
        let switch = Switch::new(move || Refusal::state(*why.borrow()));
        let answer = ask(&switch, LIST).await;
        assert_eq!((answer.code(), answer.message()), (Code::FailedPrecondition, "locked"));
        told.send_replace("a worker");
        assert_eq!(ask(&switch, LIST).await.message(), "a worker");
        assert_eq!(ask(&switch, "/wardroom.v1.Peer/Keys").await.code(), Code::Unimplemented);
    }

    #[tokio::test]
    async fn the_next_call_goes_to_whoever_is_there() {
        let switch = Switch::new(|| Refusal::state("nobody"));
        let held = switch.clone();
        switch.lead_to(Some(Routes::default()));
        assert_eq!(ask(&held, LIST).await.code(), Code::Unimplemented);
        switch.lead_to(None);
        assert_eq!(ask(&held, LIST).await.code(), Code::FailedPrecondition);
    }
}
