//! Which object does this text name? Docker's order: full id, then exact name (in any case), then a unique id prefix.
//! A prefix of a name never matches.

use std::collections::BTreeMap;

use crate::ids::{NodeId, OperatorId, SecretId, ServiceId, TaskId};
use crate::node::Node;
use crate::operator::Operator;
use crate::refusal::{Noun, Refusal};
use crate::secret::Secret;
use crate::service::Service;
use crate::state::State;
use crate::task::Task;

impl State {
    /// Also by the name of one of its versions.
    pub fn find_secret(&self, reference: &str) -> Result<&Secret, Refusal> {
        find(Noun::Secret, reference, &self.facts.secrets, SecretId::new, |name| {
            let named = self.derived.secret_names.get(name);
            named.and_then(|id| self.facts.secrets.get(id)).into_iter().collect()
        })
    }

    pub fn find_service(&self, reference: &str) -> Result<&Service, Refusal> {
        find(Noun::Service, reference, &self.facts.services, ServiceId::new, |name| {
            let named = self.derived.service_names.get(name);
            named.and_then(|id| self.facts.services.get(id)).into_iter().collect()
        })
    }

    /// By hostname; several nodes can share one.
    pub fn find_node(&self, reference: &str) -> Result<&Node, Refusal> {
        find(Noun::Node, reference, &self.facts.nodes, NodeId::new, |name| {
            self.facts
                .nodes
                .values()
                .filter(|node| node.hostname.to_lowercase() == name)
                .collect()
        })
    }

    pub fn find_operator(&self, reference: &str) -> Result<&Operator, Refusal> {
        find(
            Noun::Operator,
            reference,
            &self.facts.operators,
            OperatorId::new,
            |name| {
                let named = self.derived.operator_names.get(name);
                named.and_then(|id| self.facts.operators.get(id)).into_iter().collect()
            },
        )
    }

    /// By name; a task that should run comes before the ended ones of its slot.
    pub fn find_task(&self, reference: &str) -> Result<&Task, Refusal> {
        find(Noun::Task, reference, &self.facts.tasks, TaskId::new, |name| {
            let named = || {
                self.facts
                    .tasks
                    .values()
                    .filter(|task| task.name.to_lowercase() == name)
            };
            let live: Vec<&Task> = named().filter(|task| task.is_live()).collect();
            if live.is_empty() { named().collect() } else { live }
        })
    }
}

fn find<'a, I: Ord + AsRef<str>, T>(
    noun: Noun,
    reference: &str,
    objects: &'a BTreeMap<I, T>,
    id: impl Fn(String) -> I,
    named: impl Fn(&str) -> Vec<&'a T>,
) -> Result<&'a T, Refusal> {
    if reference.is_empty() {
        return Err(Refusal::ReferenceMissing { noun });
    }
    let start = id(reference.to_owned());
    if let Some(exact) = objects.get(&start) {
        return Ok(exact);
    }
    let mut found = named(&reference.to_lowercase());
    if found.is_empty() {
        let prefixed = objects
            .range(start..)
            .take_while(|(id, _)| id.as_ref().starts_with(reference));
        found = prefixed.map(|(_, object)| object).collect();
    }
    match found.as_slice() {
        [] => Err(Refusal::NotFound {
            noun,
            reference: reference.to_owned(),
        }),
        [one] => Ok(one),
        several => Err(Refusal::Ambiguous {
            noun,
            reference: reference.to_owned(),
            matches: several.len(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use crate::command::Command;
    use crate::script::{Script, create, rotate};
    use std::collections::BTreeMap;

    #[test]
    fn ids_come_before_names_and_names_before_prefixes() {
        let mut script = Script::new();
        for name in ["db", "db-two"] {
            script.play(create(name));
        }
        script.play(rotate("db", 2));
        // A secret whose name is the other's id.
        let Command::CreateSecret { version, .. } = create("x") else {
            unreachable!("a creation")
        };
        let (id, labels) = (crate::ids::SecretId::new("zz9"), BTreeMap::new());
        script.play(Command::CreateSecret {
            id,
            name: "s-db".into(),
            labels,
            max_age_ms: 0,
            template: crate::secret::Template::None,
            schedule: None,
            version,
        });
        let found = |reference: &str| {
            script
                .state
                .find_secret(reference)
                .map(|secret| secret.id.to_string())
                .map_err(|refusal| refusal.to_string())
        };
        assert_eq!(found("s-db").as_deref(), Ok("s-db"));
        assert_eq!(found("DB").as_deref(), Ok("s-db"));
        assert_eq!(found("Db_V2").as_deref(), Ok("s-db"));
        assert_eq!(found("z").as_deref(), Ok("zz9"));
        assert_eq!(found("s-db-").as_deref(), Ok("s-db-two"));
        assert_eq!(found("s-"), Err("secret s- is ambiguous (2 matches found)".into()));
        assert_eq!(found("db-t"), Err("secret db-t not found".into()));
        assert_eq!(found(""), Err("secret ID must be provided".into()));
    }

    #[test]
    fn nodes_and_tasks_by_name() {
        let mut script = Script::with_web(&["db"]);
        script.start("t2", "web", "n2");
        assert_eq!(script.state.find_node("EMBER").map(|node| node.id.as_str()), Ok("n1"));
        let task = script.state.find_task("web.1").map_err(|refusal| refusal.to_string());
        assert_eq!(task.err().as_deref(), Some("task web.1 is ambiguous (2 matches found)"));
        script.play(crate::script::status("n1", "t1", crate::task::TaskState::Failed));
        assert_eq!(script.state.find_task("Web.1").map(|task| task.id.as_str()), Ok("t2"));
        assert!(script.state.find_service("nope").is_err());
    }
}
