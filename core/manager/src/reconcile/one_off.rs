//! Which services are over? One that was made to run once goes when its task has ended and its worker holds nothing of
//! it any more.

use wardroom_state::State;
use wardroom_state::command::Command;
use wardroom_state::service::Service;

use crate::reconcile::decision::Decision;

pub(crate) fn decide(state: &State) -> Decision {
    let over = state.services().values().filter(|service| is_over(state, service));
    Decision {
        commands: over
            .map(|service| Command::RemoveService { id: service.id.clone() })
            .collect(),
        again_at_ms: None,
    }
}

fn is_over(state: &State, service: &Service) -> bool {
    let mut tasks = state.tasks_of(&service.id).peekable();
    let began = tasks.peek().is_some();
    service.spec.one_off
        && began
        && tasks.all(|task| {
            let mut holdings = state.holdings_of_task(&task.id);
            task.status.state.is_final() && !holdings.any(|(_, holding)| holding.is_live())
        })
}
