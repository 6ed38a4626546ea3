//! What could a worker say? Receipts that are honest or not, inventories, and states of tasks.

use wardroom_state::State;
use wardroom_state::command::Command;
use wardroom_state::holding::HoldingState;
use wardroom_state::task::TaskState;

use super::world::{receipt, task_report};
use super::{Deed, Op, nth};

impl Op {
    pub(super) fn report(&self, state: &State) -> Command {
        let mut report = (Vec::new(), Vec::new());
        let mut node = self.node(state);
        match self.deed {
            Deed::Receipt => {
                let holding = nth(state.holdings().keys(), self.pick);
                report.1.extend(holding.map(|key| {
                    node = key.node.clone();
                    let states = [
                        HoldingState::Erased,
                        HoldingState::Failed,
                        HoldingState::Present,
                        HoldingState::Pending,
                    ];
                    receipt(state, &key, states[self.other % 4], self.other < 60)
                }));
            }
            // Everything as the worker should have it: the assigned is there, the owed is gone.
            Deed::GoodReceipts => {
                report
                    .1
                    .extend(
                        state
                            .holdings_on(&node)
                            .filter(|(_, holding)| holding.is_live())
                            .map(|(key, holding)| {
                                let said = if holding.owed {
                                    HoldingState::Erased
                                } else {
                                    HoldingState::Present
                                };
                                receipt(state, key, said, true)
                            }),
                    );
            }
            Deed::Inventory => {
                let kept = state
                    .holdings_on(&node)
                    .enumerate()
                    .filter(|(place, _)| self.other >> (place % 6) & 1 == 1);
                report
                    .1
                    .extend(kept.map(|(_, (key, _))| receipt(state, key, HoldingState::Present, true)));
            }
            _ => report.0.extend(nth(state.tasks().values(), self.pick).map(|task| {
                node = task.node.unwrap_or_else(|| self.node(state));
                let states = [
                    TaskState::Running,
                    TaskState::Starting,
                    TaskState::Failed,
                    TaskState::Shutdown,
                ];
                task_report(task.id, states[self.other % 4])
            })),
        }
        let inventory = matches!(self.deed, Deed::Inventory);
        Command::Report {
            node,
            tasks: report.0,
            receipts: report.1,
            inventory,
        }
    }
}
