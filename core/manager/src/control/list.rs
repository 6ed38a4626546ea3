//! Which objects are there? By kind, by reference in Docker's order, and narrowed to a service, a secret or a node.

use std::collections::BTreeSet;

use v1::object::Kind as Body;
use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::refusal::{Noun, Refusal};

use crate::control::convert;
use crate::control::error::Failure;

pub(crate) fn list(state: &State, request: &v1::ListRequest) -> Result<v1::ListResponse, Failure> {
    let kind = request.kind();
    if kind == v1::Kind::Unspecified {
        return Err(Failure::invalid("name the kind of objects to list"));
    }
    let narrow = Narrow::of(state, request)?;
    let objects = if request.references.is_empty() {
        convert::objects(state, kind, request.after_sequence)
    } else {
        referenced(state, kind, &request.references)?
    };
    let objects = objects.into_iter().filter(|object| narrow.takes(object)).collect();
    Ok(v1::ListResponse {
        index: state.index(),
        objects,
    })
}

/// Each reference names one object; doubles are listed once, in the order asked for.
fn referenced(state: &State, kind: v1::Kind, references: &[String]) -> Result<Vec<v1::Object>, Failure> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::with_capacity(references.len());
    for reference in references {
        let (id, object) = match kind {
            v1::Kind::Secret => {
                let secret = state.find_secret(reference)?;
                (secret.id.to_string(), convert::secret(secret))
            }
            v1::Kind::Service => {
                let service = state.find_service(reference)?;
                (service.id.to_string(), convert::service(state, service))
            }
            v1::Kind::Node => {
                let node = state.find_node(reference)?;
                (node.id.to_string(), convert::node(state, node))
            }
            v1::Kind::Operator => {
                let operator = state.find_operator(reference)?;
                (operator.id.to_string(), convert::operator(state, operator))
            }
            v1::Kind::Task => {
                let task = state.find_task(reference)?;
                (task.id.to_string(), convert::task(state, task))
            }
            v1::Kind::Rotation => rotation(state, reference)?,
            v1::Kind::Cluster | v1::Kind::Holding | v1::Kind::Audit | v1::Kind::Unspecified => {
                return Err(Failure::invalid("objects of this kind have no names; list them all"));
            }
        };
        if seen.insert(id) {
            found.push(object);
        }
    }
    Ok(found)
}

fn rotation(state: &State, reference: &str) -> Result<(String, v1::Object), Failure> {
    let found = state
        .rotations()
        .values()
        .find(|rotation| rotation.id.as_str() == reference);
    let missing = || Refusal::NotFound {
        noun: Noun::Rotation,
        reference: reference.to_owned(),
    };
    let found = found.ok_or_else(missing)?;
    Ok((reference.to_owned(), convert::rotation(state, found)))
}

/// What the request's filters leave; they are references too.
struct Narrow {
    service: Option<String>,
    secret: Option<String>,
    node: Option<String>,
}

impl Narrow {
    fn of(state: &State, request: &v1::ListRequest) -> Result<Self, Failure> {
        let given = |text: &String| (!text.is_empty()).then(|| text.clone());
        let service = given(&request.service).map(|text| state.find_service(&text).map(|found| found.id.to_string()));
        let secret = given(&request.secret).map(|text| state.find_secret(&text).map(|found| found.id.to_string()));
        let node = given(&request.node).map(|text| state.find_node(&text).map(|found| found.id.to_string()));
        Ok(Self {
            service: service.transpose()?,
            secret: secret.transpose()?,
            node: node.transpose()?,
        })
    }

    fn takes(&self, object: &v1::Object) -> bool {
        let is = |wanted: &Option<String>, id: &str| wanted.as_ref().is_none_or(|wanted| wanted == id);
        match &object.kind {
            Some(Body::Task(task)) => {
                let uses = |id: &String| task.files.iter().any(|file| file.secret_id == *id);
                is(&self.service, &task.service_id)
                    && is(&self.node, &task.node_id)
                    && self.secret.as_ref().is_none_or(uses)
            }
            Some(Body::Holding(holding)) => is(&self.secret, &holding.secret_id) && is(&self.node, &holding.node_id),
            Some(Body::Rotation(rotation)) => is(&self.secret, &rotation.secret_id),
            Some(Body::Service(service)) => {
                let granted = |id: &String| {
                    service
                        .spec
                        .iter()
                        .flat_map(|spec| &spec.grants)
                        .any(|grant| grant.secret_id == *id)
                };
                self.secret.as_ref().is_none_or(granted)
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use wardroom_state::service::{Mode, OnChange};

    use super::*;
    use crate::reconcile::scene::Scene;

    fn scene() -> Scene {
        let mut scene = Scene::with_workers(2);
        scene.secret("alpha");
        scene.secret("beta");
        scene.service("web", Mode::Replicated(2), vec![Scene::grant("alpha", OnChange::Swap)]);
        scene.service("db", Mode::Replicated(1), vec![Scene::grant("beta", OnChange::Swap)]);
        scene.schedule();
        scene
    }

    fn names(scene: &Scene, request: &v1::ListRequest) -> Result<Vec<String>, String> {
        let response = list(&scene.state, request).map_err(|failure| failure.to_string())?;
        assert_eq!(response.index, scene.state.index());
        let name = |object: v1::Object| match object.kind.unwrap() {
            Body::Secret(secret) => secret.name,
            Body::Service(service) => service.spec.unwrap().name,
            Body::Node(node) => node.hostname,
            Body::Task(task) => task.name,
            Body::Holding(holding) => format!("{} {}", holding.secret_name, holding.task_name),
            other => panic!("{other:?}"),
        };
        let mut names: Vec<_> = response.objects.into_iter().map(name).collect();
        names.sort();
        Ok(names)
    }

    fn of(kind: v1::Kind) -> v1::ListRequest {
        v1::ListRequest {
            kind: kind.into(),
            ..Default::default()
        }
    }

    #[test]
    fn references_are_found_as_docker_finds_them() {
        let scene = scene();
        let by = |text: &str| {
            names(
                &scene,
                &v1::ListRequest {
                    references: vec![text.into()],
                    ..of(v1::Kind::Secret)
                },
            )
        };
        assert_eq!(by("ALPHA"), Ok(vec!["alpha".into()]));
        assert_eq!(by("nope"), Err("secret nope not found".into()));
        assert_eq!(names(&scene, &of(v1::Kind::Node)).unwrap().len(), 3);
    }

    #[test]
    fn filters_narrow_tasks_and_holdings() {
        let scene = scene();
        let tasks = names(
            &scene,
            &v1::ListRequest {
                service: "web".into(),
                ..of(v1::Kind::Task)
            },
        );
        assert_eq!(tasks, Ok(vec!["web.1".into(), "web.2".into()]));
        let holdings = names(
            &scene,
            &v1::ListRequest {
                secret: "beta".into(),
                ..of(v1::Kind::Holding)
            },
        );
        assert_eq!(holdings, Ok(vec!["beta db.1".into()]));
        let on_node = names(
            &scene,
            &v1::ListRequest {
                node: "w1".into(),
                service: "web".into(),
                ..of(v1::Kind::Task)
            },
        );
        assert_eq!(on_node.unwrap().len(), 1);
    }

    #[test]
    fn a_filter_that_names_nothing_is_an_error() {
        let scene = scene();
        let tasks = names(
            &scene,
            &v1::ListRequest {
                service: "nope".into(),
                ..of(v1::Kind::Task)
            },
        );
        assert_eq!(tasks, Err("service nope not found".into()));
    }

    #[test]
    fn what_is_named_twice_is_listed_once() {
        let references = vec!["alpha".into(), "ALPHA".into(), "beta".into()];
        let listed = names(
            &scene(),
            &v1::ListRequest {
                references,
                ..of(v1::Kind::Secret)
            },
        );
        assert_eq!(listed.unwrap().len(), 2);
    }
}
