//! What did the clients ask, and what were they told? Every call with its outcome; "unknown" is never taken for "no".

use std::collections::BTreeMap;
use std::fmt;

use wardroom_api::CallError;

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    CreateSecret { name: String, value: String },
    RotateSecret { secret: String, value: String },
    RevokeSecret { secret: String },
    RemoveSecret { secret: String },
    CreateService { name: String, secrets: Vec<String> },
    RemoveService { service: String },
}

/// What a call that was confirmed said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// Raft index of the change.
    pub(crate) index: u64,
    /// Of the secret or service.
    pub(crate) id: String,
    /// Number of the version that was made; 0 when none was.
    pub(crate) version: u32,
}

#[derive(Clone)]
pub(crate) enum Outcome {
    Ok(Answer),
    /// A definite no: nothing was changed.
    Refused(String),
    /// It may have been done, or may still be done.
    Unknown(String),
}

#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) number: usize,
    /// Name of the host where it was asked.
    pub(crate) host: String,
    pub(crate) ask: Ask,
    /// Simulated milliseconds.
    pub(crate) asked_ms: u64,
    pub(crate) answered_ms: Option<u64>,
    pub(crate) outcome: Outcome,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            number,
            host,
            ask,
            asked_ms,
            ..
        } = self;
        write!(f, "call {number} at {host}, {asked_ms} ms, {ask:?}: ")?;
        match (&self.outcome, self.answered_ms) {
            (Outcome::Ok(answer), Some(at)) => write!(f, "{answer:?} at {at} ms"),
            (Outcome::Refused(why), Some(at)) => write!(f, "refused at {at} ms: {why}"),
            (Outcome::Unknown(why), _) => write!(f, "unknown: {why}"),
            _ => f.write_str("never answered"),
        }
    }
}

impl Call {
    pub(crate) fn answer(&self) -> Option<&Answer> {
        match &self.outcome {
            Outcome::Ok(answer) => Some(answer),
            _ => None,
        }
    }

    /// It was done, or nobody knows.
    pub(crate) fn may_be_done(&self) -> bool {
        !matches!(self.outcome, Outcome::Refused(_))
    }
}

/// All calls of a run, in the order in which they were asked.
#[derive(Default)]
pub(crate) struct History {
    pub(crate) calls: Vec<Call>,
}

impl History {
    /// Notes a call before it is made; until it is answered its outcome is unknown.
    pub(crate) fn ask(&mut self, host: &str, ask: Ask, now_ms: u64) -> usize {
        let number = self.calls.len();
        let outcome = Outcome::Unknown("the client died with its host".to_owned());
        self.calls.push(Call {
            number,
            host: host.to_owned(),
            ask,
            asked_ms: now_ms,
            answered_ms: None,
            outcome,
        });
        number
    }

    pub(crate) fn answered(&mut self, number: usize, answer: Result<Answer, CallError>, now_ms: u64) {
        let call = &mut self.calls[number];
        call.answered_ms = Some(now_ms);
        call.outcome = match answer {
            Ok(answer) => Outcome::Ok(answer),
            Err(error) if is_definite(&error) => Outcome::Refused(error.to_string()),
            Err(error) => Outcome::Unknown(error.to_string()),
        };
    }

    /// Secrets whose creation was confirmed and whose removal was not, by id, with their names.
    pub(crate) fn secrets(&self) -> BTreeMap<&str, &str> {
        let removed = |id: &str| {
            let mut confirmed = self.calls.iter().filter(|call| call.answer().is_some());
            confirmed.any(|call| matches!(&call.ask, Ask::RemoveSecret { secret } if secret == id))
        };
        let created = self.calls.iter().filter_map(|call| match (&call.ask, call.answer()) {
            (Ask::CreateSecret { name, .. }, Some(answer)) => Some((answer.id.as_str(), name.as_str())),
            _ => None,
        });
        created.filter(|(id, _)| !removed(id)).collect()
    }

    /// Services whose creation was confirmed, by id, without those whose removal was asked for.
    pub(crate) fn services(&self) -> Vec<&str> {
        let created = self.calls.iter().filter_map(|call| match (&call.ask, call.answer()) {
            (Ask::CreateService { .. }, Some(answer)) => Some(answer.id.as_str()),
            _ => None,
        });
        created.filter(|id| !self.asked_to_remove_service(id)).collect()
    }

    pub(crate) fn asked_to_remove_service(&self, id: &str) -> bool {
        self.asked(|ask| matches!(ask, Ask::RemoveService { service } if service == id))
    }

    pub(crate) fn asked_to_remove_secret(&self, id: &str) -> bool {
        self.asked(|ask| matches!(ask, Ask::RemoveSecret { secret } if secret == id))
    }

    pub(crate) fn asked_to_revoke(&self, id: &str) -> bool {
        self.asked(|ask| matches!(ask, Ask::RevokeSecret { secret } if secret == id))
    }

    /// Whether a call of this kind was made and may have been done.
    fn asked(&self, kind: impl Fn(&Ask) -> bool) -> bool {
        self.calls.iter().any(|call| call.may_be_done() && kind(&call.ask))
    }

    /// Confirmed, refused and unknown.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        self.calls
            .iter()
            .fold((0, 0, 0), |(ok, refused, unknown), call| match call.outcome {
                Outcome::Ok(_) => (ok + 1, refused, unknown),
                Outcome::Refused(_) => (ok, refused + 1, unknown),
                Outcome::Unknown(_) => (ok, refused, unknown + 1),
            })
    }
}

/// The state machine, or a check before it, said no.
fn is_definite(error: &CallError) -> bool {
    use wardroom_api::CallKind::{AlreadyExists, Conflict, Invalid, NotFound, Precondition};
    matches!(
        error.kind(),
        NotFound | AlreadyExists | Invalid | Precondition | Conflict
    )
}
