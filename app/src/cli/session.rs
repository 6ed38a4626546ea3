//! Which cluster, and how is it asked? One connection and one output for a command, with a deadline on every call and
//! a next step in every refusal.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use tonic::transport::Channel;
use tonic::{Request, Response, Status};
use wardroom_api::channel::{CALL_DEADLINE, request, within};
use wardroom_api::v1::control_client::ControlClient;
use wardroom_api::v1::daemon_client::DaemonClient;
use wardroom_api::v1::lock_client::LockClient;
use wardroom_api::v1::{self, Kind, object};
use wardroom_api::{CallError, CallKind, Client, UNKNOWN_CALL};

use crate::cli::connect::Target;
use crate::cli::nearest;
use crate::cli::output::Output;
use crate::report::{Exit, Report};

/// How long a call may take that makes, joins or leaves a cluster.
pub const LONG_DEADLINE: Duration = Duration::from_secs(60);

/// A command's connection and its output.
pub struct Session {
    pub client: Client,
    pub output: Output,
    /// Which cluster it is.
    pub target: Target,
    /// Lists are taken as the manager at hand has them, also without a leader.
    pub stale: bool,
    /// The command looks and changes nothing, also where it could.
    pub read_only: bool,
}

impl Session {
    /// Makes one call, within the house's deadline.
    pub async fn call<M, T, F>(
        &self,
        message: M,
        ask: impl FnOnce(ControlClient<Channel>, Request<M>) -> F,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        self.call_within(CALL_DEADLINE, message, ask).await
    }

    /// Makes one call that may take longer than others.
    pub async fn call_within<M, T, F>(
        &self,
        deadline: Duration,
        message: M,
        ask: impl FnOnce(ControlClient<Channel>, Request<M>) -> F,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        within(deadline, ask(self.client.control(), request(message, deadline))).await
    }

    /// Makes one call to the daemon of this machine.
    pub async fn ask_daemon<M, T, F>(
        &self,
        message: M,
        ask: impl FnOnce(DaemonClient<Channel>, Request<M>) -> F,
    ) -> Result<T, Report>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let asked = ask(self.client.daemon(), request(message, LONG_DEADLINE));
        within(LONG_DEADLINE, asked)
            .await
            .map_err(|error| self.no_daemon(error))
    }

    /// Makes one call to the lock of the managers behind this socket.
    pub async fn ask_lock<M, T, F>(
        &self,
        message: M,
        ask: impl FnOnce(LockClient<Channel>, Request<M>) -> F,
    ) -> Result<T, Report>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let asked = ask(self.client.lock(), request(message, LONG_DEADLINE));
        let answer = within(LONG_DEADLINE, asked).await;
        answer.map_err(|error| {
            if !error.to_string().starts_with(UNKNOWN_CALL) {
                return error.into();
            }
            Report::failure(format!("{} has no lock", self.target)).hint("are wardroom and the manager of one version?")
        })
    }

    /// An embedded cluster has a socket too, but nobody behind it who could found or leave anything.
    pub fn no_daemon(&self, error: CallError) -> Report {
        if !error.to_string().starts_with(UNKNOWN_CALL) {
            return error.into();
        }
        Report::failure(format!(
            "{} is a cluster within one program, and not the daemon of a machine",
            self.target
        ))
        .hint("start `wardroom daemon`, and name its socket with --host unless it is the usual one")
    }

    /// The objects asked for, and the Raft index they are from.
    pub async fn list(&self, mut ask: v1::ListRequest) -> Result<(u64, Vec<object::Kind>), CallError> {
        ask.stale |= self.stale;
        let answer = self
            .call(ask, |mut control, request| async move { control.list(request).await })
            .await?;
        Ok((
            answer.index,
            answer.objects.into_iter().filter_map(|object| object.kind).collect(),
        ))
    }

    /// All objects of one kind.
    pub async fn all(&self, kind: Kind) -> Result<Vec<object::Kind>, Report> {
        Ok(self
            .list(v1::ListRequest {
                kind: kind.into(),
                ..Default::default()
            })
            .await?
            .1)
    }

    /// The one object that the reference names; a miss comes with the nearest name.
    pub async fn one(&self, kind: Kind, reference: &str) -> Result<object::Kind, Report> {
        let ask = v1::ListRequest {
            kind: kind.into(),
            references: vec![reference.to_owned()],
            ..Default::default()
        };
        match self.list(ask).await {
            Ok((_, objects)) => objects
                .into_iter()
                .next()
                .ok_or_else(|| Report::new(Exit::NotFound, format!("{} {reference} not found", noun(kind)))),
            Err(error) => Err(self.explain(error, kind, reference).await),
        }
    }

    pub async fn secret(&self, reference: &str) -> Result<v1::Secret, Report> {
        match self.one(Kind::Secret, reference).await? {
            object::Kind::Secret(secret) => Ok(secret),
            _ => Err(wrong_kind()),
        }
    }

    pub async fn service(&self, reference: &str) -> Result<v1::Service, Report> {
        match self.one(Kind::Service, reference).await? {
            object::Kind::Service(service) => Ok(service),
            _ => Err(wrong_kind()),
        }
    }

    pub async fn node(&self, reference: &str) -> Result<v1::Node, Report> {
        match self.one(Kind::Node, reference).await? {
            object::Kind::Node(node) => Ok(node),
            _ => Err(wrong_kind()),
        }
    }

    /// The cluster's record of itself.
    pub async fn cluster(&self) -> Result<v1::Cluster, Report> {
        let clusters = self.all(Kind::Cluster).await?;
        let found = clusters.into_iter().find_map(|object| match object {
            object::Kind::Cluster(cluster) => Some(cluster),
            _ => None,
        });
        found.ok_or_else(|| {
            Report::failure("the cluster has no record of itself yet").hint("wait for a leader, then ask again")
        })
    }

    pub async fn operators(&self) -> Result<Vec<v1::Operator>, Report> {
        let objects = self.all(Kind::Operator).await?;
        let operators = objects.into_iter().filter_map(|object| match object {
            object::Kind::Operator(operator) => Some(operator),
            _ => None,
        });
        Ok(operators.collect())
    }

    pub async fn nodes(&self) -> Result<Vec<v1::Node>, Report> {
        Ok(self.all(Kind::Node).await?.into_iter().filter_map(as_node).collect())
    }

    pub async fn secrets(&self) -> Result<Vec<v1::Secret>, Report> {
        Ok(self
            .all(Kind::Secret)
            .await?
            .into_iter()
            .filter_map(as_secret)
            .collect())
    }

    pub async fn services(&self) -> Result<Vec<v1::Service>, Report> {
        Ok(self
            .all(Kind::Service)
            .await?
            .into_iter()
            .filter_map(as_service)
            .collect())
    }

    /// Hostnames by node id.
    pub async fn hostnames(&self) -> Result<BTreeMap<String, String>, Report> {
        Ok(self
            .nodes()
            .await?
            .into_iter()
            .map(|node| (node.id, node.hostname))
            .collect())
    }

    pub async fn status(&self) -> Result<v1::StatusResponse, Report> {
        Ok(self
            .call(v1::StatusRequest {}, |mut control, request| async move {
                control.status(request).await
            })
            .await?)
    }

    /// A call's error as a report; when a reference matched nothing, with the name that was probably meant.
    pub async fn explain(&self, error: CallError, kind: Kind, reference: &str) -> Report {
        let missing = error.kind() == CallKind::NotFound;
        let report = Report::from(error);
        if !missing {
            return report;
        }
        let names = self.names(kind).await;
        let noun = noun(kind);
        match nearest::to(reference, names.iter().map(String::as_str)) {
            Some(name) => report.hint(format!("did you mean {name}? `wardroom {noun} ls` lists them all")),
            None => report.hint(format!("`wardroom {noun} ls` lists them")),
        }
    }

    async fn names(&self, kind: Kind) -> Vec<String> {
        let objects = self.all(kind).await.unwrap_or_default();
        objects.into_iter().filter_map(name).collect()
    }
}

fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Service => "service",
        Kind::Node => "node",
        Kind::Operator => "operator",
        _ => "secret",
    }
}

fn wrong_kind() -> Report {
    Report::failure("the manager answered with another kind of object")
        .hint("are wardroom and the manager of one version?")
}

fn name(object: object::Kind) -> Option<String> {
    match object {
        object::Kind::Secret(secret) => Some(secret.name),
        object::Kind::Service(service) => service.spec.map(|spec| spec.name),
        object::Kind::Node(node) => Some(node.hostname),
        object::Kind::Operator(operator) => Some(operator.name),
        _ => None,
    }
}

fn as_node(object: object::Kind) -> Option<v1::Node> {
    if let object::Kind::Node(node) = object {
        Some(node)
    } else {
        None
    }
}

fn as_secret(object: object::Kind) -> Option<v1::Secret> {
    if let object::Kind::Secret(secret) = object {
        Some(secret)
    } else {
        None
    }
}

fn as_service(object: object::Kind) -> Option<v1::Service> {
    if let object::Kind::Service(service) = object {
        Some(service)
    } else {
        None
    }
}
