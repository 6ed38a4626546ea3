//! L: was anybody told "there is no such secret" after its creation was confirmed? A manager that was overtaken and does
//! not know it yet must not answer from what it has.

use super::Findings;
use crate::history::{Ask, Call, History, Outcome};

pub(crate) fn check(history: &History) -> Findings {
    let stale = history.calls.iter().filter(|call| is_stale(history, call));
    stale
        .map(|call| format!("L refused though it was confirmed before: {call}"))
        .collect()
}

fn is_stale(history: &History, call: &Call) -> bool {
    let (Ask::RotateSecret { secret, .. } | Ask::RevokeSecret { secret } | Ask::RemoveSecret { secret }) = &call.ask
    else {
        return false;
    };
    let Outcome::Refused(why) = &call.outcome else {
        return false;
    };
    // Who asks by id learned it from an answer; only a removal that was asked for meanwhile excuses.
    why.ends_with("not found") && !removal_before_the_answer(history, secret, call)
}

fn removal_before_the_answer(history: &History, secret: &str, call: &Call) -> bool {
    let removals = history
        .calls
        .iter()
        .filter(|other| matches!(&other.ask, Ask::RemoveSecret { secret: id } if id == secret));
    let mut removals = removals.filter(|other| other.may_be_done() && other.number != call.number);
    removals.any(|other| call.answered_ms.is_none_or(|answered| other.asked_ms <= answered))
}
