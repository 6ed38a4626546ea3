//! How does an operator come and go?

use super::node::learn_root;
use super::step::Step;
use crate::ids::{NodeId, OperatorId};
use crate::operator::Operator;
use crate::refusal::{Noun, Refusal};
use crate::validate;

pub(super) fn add(step: &mut Step<'_>, operator: &Operator) -> Result<(), Refusal> {
    validate::operator_name(&operator.name)?;
    let (noun, id) = (Noun::Operator, operator.id.to_string());
    if step.state.subject_removed(&id) {
        return Err(Refusal::IdRetired { noun, id });
    }
    // A certificate says only the id: a node and an operator cannot share one.
    let is_a_node = step.state.nodes().contains_key(&NodeId::new(id.as_str()));
    if is_a_node || step.state.operators().contains_key(&operator.id) {
        return Err(Refusal::IdTaken { noun, id });
    }
    if step
        .state
        .derived
        .operator_names
        .contains_key(&operator.name.to_lowercase())
    {
        let name = operator.name.clone();
        return Err(Refusal::NameTaken { noun, name });
    }
    step.insert_operator(Operator {
        created_at_ms: step.now_ms,
        created_by: step.actor.name.clone(),
        version_index: step.index,
        ..operator.clone()
    });
    learn_root(step, &operator.certificate);
    step.audit("operator.add", &operator.name, operator.role.as_str());
    Ok(())
}

pub(super) fn remove(step: &mut Step<'_>, id: &OperatorId) -> Result<(), Refusal> {
    let operator = step.state.operators().get(id).ok_or_else(|| Refusal::NotFound {
        noun: Noun::Operator,
        reference: id.to_string(),
    })?;
    let (name, role) = (operator.name.clone(), operator.role);
    step.remove_operator(id);
    step.audit("operator.rm", name, role.as_str());
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::command::Command;
    use crate::ids::OperatorId;
    use crate::node::Certificate;
    use crate::operator::{Operator, OperatorRole};
    use crate::script::{Script, admit, expect, joiner};

    fn add(id: &str, name: &str) -> Command {
        Command::AddOperator {
            operator: Operator {
                id: OperatorId::new(id),
                name: name.into(),
                role: OperatorRole::Viewer,
                certificate: Certificate::default(),
                created_at_ms: 0,
                created_by: String::new(),
                version_index: 0,
            },
        }
    }

    fn remove(id: &str) -> Command {
        Command::RemoveOperator {
            id: OperatorId::new(id),
        }
    }

    #[test]
    fn an_operator_comes_and_goes_for_good() {
        let mut script = Script::new();
        expect(
            &script.play(add("o1", "ada")),
            "operator o1\noperator.add ada [ok] viewer",
        );
        let ada = script.state.find_operator("ADA").unwrap();
        assert_eq!((ada.created_by.as_str(), ada.created_at_ms), ("admin:root", 1_002));
        expect(
            &script.play(add("o2", "Ada")),
            "AlreadyExists: operator Ada already exists",
        );
        expect(&script.play(remove("o1")), "-operator o1\noperator.rm ada [ok] viewer");
        assert!(script.state.subject_removed("o1"));
        assert_eq!(script.state.removed()["o1"].name, "ada");
        expect(&script.play(remove("o1")), "NotFound: operator o1 not found");
        expect(
            &script.play(add("o1", "ada")),
            "AlreadyExists: operator id o1 was removed and never comes back; propose again with a new id",
        );
        // The name is free again; the identity is not.
        expect(
            &script.play(add("o3", "ada")),
            "operator o3\noperator.add ada [ok] viewer",
        );
    }

    #[test]
    fn an_operator_is_nobody_else() {
        let mut script = Script::new();
        expect(
            &script.play(add("n1", "ada")),
            "AlreadyExists: operator id n1 already exists; propose again with a new id",
        );
        script.play(add("o1", "ada"));
        expect(
            &script.play(add("o1", "grace")),
            "AlreadyExists: operator id o1 already exists; propose again with a new id",
        );
        expect(
            &script.play(admit(&joiner("o1", "opal", 0), 1)),
            "AlreadyExists: node id o1 already exists; propose again with a new id",
        );
        expect(&script.play(add("o2", "")), "Invalid: name must be provided");
        for name in ["-ada", "a da", "ada:root", "a\u{1b}da"] {
            let shown = name.escape_default();
            expect(
                &script.play(add("o2", name)),
                &format!(
                    "Invalid: operator name '{shown}' is not valid; use up to 64 of [a-zA-Z0-9-_.@], with a letter or digit first"
                ),
            );
        }
    }
}
