//! What is each wire object called? Its kind and id, as [`ObjectKey`] spells them, and the parts people look for first.

use crate::v1::{Executor, Holding, Kind, Object, ObjectKey, RunSpec, Secret, ServiceSpec, Version, object};

impl Object {
    /// The object's name in changes; `None` when it is of a kind this client does not know.
    pub fn key(&self) -> Option<ObjectKey> {
        let (kind, id) = match self.kind.as_ref()? {
            object::Kind::Cluster(cluster) => (Kind::Cluster, cluster.id.clone()),
            object::Kind::Node(node) => (Kind::Node, node.id.clone()),
            object::Kind::Secret(secret) => (Kind::Secret, secret.id.clone()),
            object::Kind::Service(service) => (Kind::Service, service.id.clone()),
            object::Kind::Task(task) => (Kind::Task, task.id.clone()),
            object::Kind::Rotation(rotation) => (Kind::Rotation, rotation.id.clone()),
            object::Kind::Holding(holding) => (Kind::Holding, holding.id()),
            object::Kind::Operator(operator) => (Kind::Operator, operator.id.clone()),
            object::Kind::Audit(record) => (Kind::Audit, record.sequence.to_string()),
        };
        Some(ObjectKey { kind: kind.into(), id })
    }
}

macro_rules! into_object {
    ($($message:ident => $kind:ident),+ $(,)?) => {$(
        impl From<crate::v1::$message> for Object {
            fn from(message: crate::v1::$message) -> Self {
                Self { kind: Some(object::Kind::$kind(message)) }
            }
        }
    )+};
}
into_object!(
    Cluster => Cluster, Node => Node, Secret => Secret, Service => Service, Task => Task, Rotation => Rotation,
    Holding => Holding, AuditRecord => Audit, Operator => Operator,
);

impl Holding {
    /// `node/task/secret/version/target`; the target comes last because it may hold slashes.
    pub fn id(&self) -> String {
        let Self {
            node_id,
            task_id,
            secret_id,
            version,
            target,
            ..
        } = self;
        format!("{node_id}/{task_id}/{secret_id}/{version}/{target}")
    }
}

impl Secret {
    /// The version that is current, if any.
    pub fn current_version(&self) -> Option<&Version> {
        self.version(self.current)
    }

    /// The version with that number.
    pub fn version(&self, number: u32) -> Option<&Version> {
        self.versions.iter().find(|version| version.number == number)
    }
}

impl ServiceSpec {
    /// What runs its tasks; processes where nothing is said.
    pub fn executor(&self) -> Executor {
        match self.run.as_ref().map(RunSpec::executor) {
            None | Some(Executor::Unspecified) => Executor::Process,
            Some(named) => named,
        }
    }

    /// Program and arguments of a process, arguments of a container.
    pub fn command(&self) -> &[String] {
        self.run.as_ref().map_or(&[], |run| &run.command)
    }

    /// Whether a grant of this spec refers to the secret.
    pub fn grants_secret(&self, secret_id: &str) -> bool {
        self.grants.iter().any(|grant| grant.secret_id == secret_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::{AuditRecord, Cluster, Node, Rotation, Service, Task};

    fn check(object: impl Into<Object>, kind: Kind, id: &str) {
        assert_eq!(
            object.into().key(),
            Some(ObjectKey {
                kind: kind.into(),
                id: id.into()
            })
        );
    }

    #[test]
    fn every_kind_has_its_key() {
        check(
            Cluster {
                id: "c".into(),
                ..Default::default()
            },
            Kind::Cluster,
            "c",
        );
        check(
            Node {
                id: "n".into(),
                ..Default::default()
            },
            Kind::Node,
            "n",
        );
        check(
            Secret {
                id: "s".into(),
                ..Default::default()
            },
            Kind::Secret,
            "s",
        );
        check(
            Service {
                id: "v".into(),
                ..Default::default()
            },
            Kind::Service,
            "v",
        );
        check(
            Task {
                id: "t".into(),
                ..Default::default()
            },
            Kind::Task,
            "t",
        );
        check(
            Rotation {
                id: "r".into(),
                ..Default::default()
            },
            Kind::Rotation,
            "r",
        );
        check(
            AuditRecord {
                sequence: 7,
                ..Default::default()
            },
            Kind::Audit,
            "7",
        );
        let holding = Holding {
            node_id: "n".into(),
            task_id: "t".into(),
            secret_id: "s".into(),
            version: 2,
            target: "a/b".into(),
            ..Default::default()
        };
        check(holding, Kind::Holding, "n/t/s/2/a/b");
        assert_eq!(Object { kind: None }.key(), None);
    }

    #[test]
    fn the_current_version_is_found_by_number() {
        let version = |number| Version {
            number,
            ..Default::default()
        };
        let mut secret = Secret {
            current: 2,
            versions: vec![version(1), version(2)],
            ..Default::default()
        };
        assert_eq!(secret.current_version().map(|version| version.number), Some(2));
        secret.current = 0;
        assert_eq!(secret.current_version(), None);
    }
}
