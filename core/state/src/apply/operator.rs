//! How does an operator come and go?

use super::step::Step;
use crate::ids::OperatorId;
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
    let is_a_node = step.state.nodes().keys().any(|node| node.as_str() == id);
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
