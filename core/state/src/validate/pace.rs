//! Are restarts and roll-outs paced sensibly? Docker's rules, and times that end somewhere.

use super::invalid;
use crate::refusal::Refusal;
use crate::service::{FailureAction, RestartPolicy, RollSettings};

const PERIOD_MAX_MS: u64 = 365 * 86_400_000;
pub(super) const PERIOD_LIMIT: &str = "at most 365 days";
const WHOLE_PPM: u32 = 1_000_000;

pub(super) fn fits(ms: u64) -> bool {
    ms <= PERIOD_MAX_MS
}

pub(super) fn restart(policy: &RestartPolicy) -> Result<(), Refusal> {
    if fits(policy.delay_ms) && fits(policy.window_ms) {
        Ok(())
    } else {
        Err(invalid(
            "restart policy",
            format!("its delay and window are {PERIOD_LIMIT}"),
        ))
    }
}

pub(super) fn update(settings: &RollSettings) -> Result<(), Refusal> {
    roll("update", settings)
}

/// A roll-back that fails has nothing to go back to.
pub(super) fn rollback(settings: &RollSettings) -> Result<(), Refusal> {
    if settings.on_failure == FailureAction::Rollback {
        return Err(invalid("rollback failure action", "it is pause or continue"));
    }
    roll("rollback", settings)
}

fn roll(name: &str, settings: &RollSettings) -> Result<(), Refusal> {
    if !fits(settings.delay_ms) || !fits(settings.monitor_ms) {
        let problem = format!("its delay and monitor are {PERIOD_LIMIT}");
        return Err(invalid(format!("{name} settings"), problem));
    }
    if settings.max_failure_ppm > WHOLE_PPM {
        let problem = format!("{name}-maxfailureratio cannot be less than 0 or bigger than 1");
        return Err(invalid(format!("{name} settings"), problem));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_dockers_limits() {
        let text =
            |outcome: Result<(), Refusal>| outcome.map_err(|refusal| refusal.to_string()).err().unwrap_or_default();
        let settings = RollSettings::default();
        assert_eq!(update(&settings).and(rollback(&settings)), Ok(()));
        let whole = RollSettings {
            max_failure_ppm: 1_000_000,
            on_failure: FailureAction::Rollback,
            ..settings
        };
        assert_eq!(update(&whole), Ok(()));
        assert_eq!(
            text(rollback(&whole)),
            "invalid rollback failure action: it is pause or continue"
        );
        let more = RollSettings {
            max_failure_ppm: 1_000_001,
            ..settings
        };
        assert_eq!(
            text(update(&more)),
            "invalid update settings: update-maxfailureratio cannot be less than 0 or bigger than 1"
        );
        let slow = RollSettings {
            monitor_ms: u64::MAX,
            ..settings
        };
        assert!(text(rollback(&slow)).contains("at most 365 days"));
        let policy = RestartPolicy {
            window_ms: u64::MAX,
            ..RestartPolicy::default()
        };
        assert!(text(restart(&policy)).contains("at most 365 days"));
        assert_eq!(restart(&RestartPolicy::default()), Ok(()));
    }
}
