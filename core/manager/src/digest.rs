//! How often is the state's digest computed? It reads the whole state, so it gets a fiftieth of the time at most: a small
//! state has it with every status, a large one when it is due.

use std::time::Duration;

use tokio::time::Instant;
use wardroom_state::State;

/// Between two digests, for each object of the state: fifty times what one costs (measured: about a microsecond).
const OBJECT: Duration = Duration::from_micros(60);

/// The digest as last computed.
pub(crate) struct Digest {
    /// At which index, and what it was.
    known: Option<(u64, [u8; 32])>,
    not_before: Instant,
    /// When the one that is missing can be had.
    due: Option<Instant>,
}

impl Digest {
    /// A manager that has just begun has more urgent things to do.
    pub(crate) fn new(state: &State) -> Self {
        Self {
            known: None,
            not_before: Instant::now() + pause(state),
            due: None,
        }
    }

    /// `None` when it has to wait.
    pub(crate) fn of(&mut self, state: &State) -> Option<[u8; 32]> {
        self.due = None;
        if self.known.is_none_or(|(index, _)| index != state.index()) {
            if Instant::now() < self.not_before {
                self.due = Some(self.not_before);
                return None;
            }
            self.known = Some((state.index(), state.digest()));
            self.not_before = Instant::now() + pause(state);
        }
        self.known.map(|(_, digest)| digest)
    }

    /// When to ask again for what had to wait.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whoever waited asks now.
    pub(crate) fn wait_no_more(&mut self) {
        self.due = None;
    }
}

fn pause(state: &State) -> Duration {
    let objects = state.secrets().len() + state.tasks().len() + state.audit().len();
    OBJECT.saturating_mul(u32::try_from(objects).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::scene::Scene;

    #[tokio::test(start_paused = true)]
    async fn it_is_computed_at_its_pace_and_always_of_the_state_at_hand() {
        let mut scene = Scene::with_workers(1);
        (0..50).for_each(|number| scene.secret(&number.to_string()));
        let mut state = scene.state;
        let mut digest = Digest::new(&state);
        assert_eq!(digest.of(&state), None, "not at the beginning");
        tokio::time::advance(pause(&state)).await;
        let first = digest.of(&state);
        assert_eq!((first, digest.due()), (Some(state.digest()), None));
        assert_eq!(digest.of(&state), first, "it has not changed");

        state.pass_over(state.index() + 1);
        assert_eq!(digest.of(&state), None, "what it was is not what it is");
        let due = digest.due().expect("it follows");
        tokio::time::sleep_until(due).await;
        digest.wait_no_more();
        assert_eq!((digest.of(&state), digest.due()), (first, None));
    }
}
