//! How fast would tasks change? A service's settings in words.

use wardroom_state::service::{HealthCheck, RollOrder, RollSettings, Service};

/// `1 at a time, stop-first, each watched for 5s`.
pub(super) fn replacing(settings: &RollSettings) -> String {
    let order = match settings.order {
        RollOrder::StopFirst => "stop-first",
        RollOrder::StartFirst => "start-first",
    };
    words(settings, Some(order))
}

/// `1 at a time, each watched for 5s`.
pub(super) fn in_place(settings: &RollSettings) -> String {
    words(settings, None)
}

fn words(settings: &RollSettings, order: Option<&str>) -> String {
    let mut words = vec![match settings.parallelism {
        0 => "all at once".to_owned(),
        some => format!("{some} at a time"),
    }];
    words.extend(order.map(str::to_owned));
    if settings.delay_ms > 0 {
        words.push(format!("{} between them", seconds(settings.delay_ms)));
    }
    if settings.monitor_ms > 0 {
        words.push(format!("each watched for {}", seconds(settings.monitor_ms)));
    }
    words.join(", ")
}

fn seconds(ms: u64) -> String {
    if ms.is_multiple_of(1_000) {
        format!("{}s", ms / 1_000)
    } else {
        format!("{ms}ms")
    }
}

/// A swap is watched too, and goes a few tasks at a time.
pub(super) fn is_checked(service: &Service) -> bool {
    let health: Option<&HealthCheck> = service.spec.run.health.as_ref();
    health.is_some_and(|health| health.test.first().is_none_or(|word| word != "NONE"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_told_in_the_order_in_which_they_act() {
        let mut settings = RollSettings::default();
        assert_eq!(replacing(&settings), "1 at a time, stop-first, each watched for 5s");
        settings.delay_ms = 1_500;
        settings.parallelism = 0;
        settings.order = RollOrder::StartFirst;
        assert_eq!(
            replacing(&settings),
            "all at once, start-first, 1500ms between them, each watched for 5s"
        );
        settings.monitor_ms = 0;
        assert_eq!(in_place(&settings), "all at once, 1500ms between them");
    }
}
