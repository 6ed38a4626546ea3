//! How does a container look at this moment: does it run, how did it end, what did its check say last?

use bollard::models::HealthStatusEnum;
use bollard::query_parameters::InspectContainerOptions;

use super::engine::{Trouble, status};
use super::running::Container;
use crate::executor::Exit;

/// What a look at a container shows.
pub(super) enum Look {
    Runs(Option<HealthStatusEnum>),
    Ended(Exit),
}

impl Container {
    /// What the engine has made of what was asked for.
    pub(super) async fn learn(&mut self) -> Result<(), Trouble> {
        let found = self
            .docker
            .inspect_container(&self.name, None::<InspectContainerOptions>)
            .await?;
        let state = found.state.unwrap_or_default();
        self.pid = state.pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default();
        let config = found.config.unwrap_or_default();
        self.stop_signal = config
            .stop_signal
            .filter(|signal| !signal.is_empty())
            .unwrap_or_else(|| "SIGTERM".into());
        let test = config.healthcheck.and_then(|check| check.test).unwrap_or_default();
        self.is_checked = test.first().is_some_and(|word| word != "NONE");
        Ok(())
    }

    pub(super) async fn look(&mut self) -> Result<Look, Trouble> {
        let found = match self
            .docker
            .inspect_container(&self.name, None::<InspectContainerOptions>)
            .await
        {
            Err(error) if status(&error) == Some(404) => {
                return Ok(Look::Ended(Exit {
                    code: -1,
                    error: "its container was removed by somebody else".into(),
                }));
            }
            found => found?,
        };
        let state = found.state.unwrap_or_default();
        if state.running == Some(true) {
            return Ok(Look::Runs(state.health.and_then(|health| health.status)));
        }
        let code = state.exit_code.and_then(|code| i32::try_from(code).ok()).unwrap_or(-1);
        Ok(Look::Ended(Exit {
            code,
            error: match (code, state.oom_killed, state.error.unwrap_or_default()) {
                (_, _, error) if !error.is_empty() => error,
                (_, Some(true), _) => "killed: out of memory".into(),
                (0, ..) => String::new(),
                (code, ..) => format!("exit code {code}"),
            },
        }))
    }

    /// What its check said last.
    pub(super) async fn last_words(&mut self) -> String {
        let found = self
            .docker
            .inspect_container(&self.name, None::<InspectContainerOptions>)
            .await;
        let health = found.ok().and_then(|found| found.state?.health);
        let last = health.and_then(|health| health.log?.pop());
        let Some(last) = last else {
            return "its check failed".into();
        };
        let words = self.log.last_words(last.output.unwrap_or_default().as_bytes());
        match (words.is_empty(), last.exit_code) {
            (true, code) => format!("exit code {}", code.unwrap_or(-1)),
            (false, Some(code)) if code >= 0 => format!("{words} (exit code {code})"),
            (false, _) => words,
        }
    }
}
