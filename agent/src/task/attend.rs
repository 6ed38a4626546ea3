//! How is a running workload kept as it is wanted? Its files change under it, and what it does is told as it happens.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;
use wardroom_api::v1::{TaskReport, TaskState};

use super::run::{Placed, Runner, Try, at};
use super::word::{self, End};
use crate::assignments::{Wanted, WantedFile};
use crate::executor::{Executor, Happening, Job, Running, Signal};

/// Between two tries to put up a set under a running workload: from when the set before the last one has made room, to
/// what costs nothing on a host that stays full.
const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(30);

/// What is wrong with a task that runs.
#[derive(Default)]
struct Troubles {
    /// Why its files are not those that are wanted.
    files: String,
    /// Why nobody could be told that they have changed.
    telling: String,
    /// Why it is not known how it is.
    watching: String,
}

impl Troubles {
    fn words(&self) -> String {
        let all = [&self.files, &self.telling, &self.watching];
        let words: Vec<&str> = all
            .into_iter()
            .map(String::as_str)
            .filter(|words| !words.is_empty())
            .collect();
        words.join("; ")
    }
}

impl Runner {
    /// Keeps the files of a running workload as they are wanted, until either ends.
    pub(super) async fn attend(&mut self, executor: &dyn Executor, job: &Job, mut running: Box<dyn Running>) -> End {
        let mut report = self.begun(job, &*running);
        let mut told = None;
        let mut troubles = Troubles::default();
        let (mut tried, mut wait) = (Try::First, RETRY_MIN);
        if job.run.reload.is_some() {
            troubles.telling = self.tell_of_changes(&mut *running).await;
        }
        loop {
            // An order may have come while the workload started.
            let Some(wanted) = self.wanted() else {
                return End::shutdown(self.stop(&mut *running).await);
            };
            if self.shelf.shows(&wanted.files) {
                troubles.files.clear();
            } else {
                self.swap(executor, &mut *running, &wanted, tried, &mut troubles).await;
            }
            report.error = troubles.words();
            if told.as_ref() != Some(&report) {
                self.shared.outbox.task(report.clone());
                told = Some(report.clone());
            }
            self.disclaim();
            self.account.settle();
            let retry = (!self.shelf.shows(&wanted.files)).then(|| Instant::now() + wait);
            let happening = tokio::select! {
                biased;
                happening = running.next() => happening,
                () = self.next_order() => {
                    (tried, wait) = (Try::First, RETRY_MIN);
                    continue;
                }
                () = at(retry) => {
                    (tried, wait) = (Try::Again, (wait * 2).min(RETRY_MAX));
                    continue;
                }
            };
            match happening {
                Happening::Ended(exit) => return End::exited(exit),
                Happening::Unhealthy(words) => {
                    self.stop(&mut *running).await;
                    return End::unhealthy(&words);
                }
                Happening::Healthy => {
                    report.state = TaskState::Running as i32;
                    "started".clone_into(&mut report.message);
                    "healthy".clone_into(&mut report.health);
                }
                Happening::Ailing(words) => report.health = words,
                Happening::Unknown(words) => troubles.watching = words,
            }
        }
    }

    /// What is reported of a workload that has just been started.
    fn begun(&self, job: &Job, running: &dyn Running) -> TaskReport {
        let (state, message, health) = if running.is_checked() {
            (TaskState::Starting, "waiting for its health check", "starting")
        } else {
            (TaskState::Running, "started", "")
        };
        TaskReport {
            pid: running.pid(),
            secrets_dir: job.secrets_dir.display().to_string(),
            health: health.to_owned(),
            ..word::report(&self.id, state, message)
        }
    }

    async fn stop(&mut self, running: &mut dyn Running) -> i32 {
        let grace = self.run.stop_grace.unwrap_or(self.shared.pace.stop_grace);
        self.tending(running.stop(grace)).await.code
    }

    /// Changes the files under a running workload; a set that cannot be put up leaves of the one before what is still of
    /// use. Says what failed.
    async fn swap(
        &mut self,
        executor: &dyn Executor,
        running: &mut dyn Running,
        wanted: &Wanted,
        tried: Try,
        troubles: &mut Troubles,
    ) {
        match self.place(executor, &wanted.files, tried) {
            Placed::Done { changed } => {
                troubles.files.clear();
                troubles.telling = self.signal(running, &changed).await;
                if troubles.telling.is_empty() {
                    troubles.telling = self.tell_of_changes(running).await;
                }
                if !troubles.telling.is_empty() {
                    // The files are there, and of no use to who does not look: a rotation must not go on with them.
                    self.failed(&changed, &troubles.telling, Try::First);
                }
            }
            Placed::Overtaken => troubles.files.clear(),
            Placed::Failed(error) => troubles.files = error,
        }
    }

    async fn signal(&mut self, running: &mut dyn Running, changed: &[WantedFile]) -> String {
        let signals: BTreeSet<&String> = changed.iter().filter_map(|file| file.signal.as_ref()).collect();
        let mut failures = Vec::new();
        for signal in signals {
            let sent = match signal.parse::<Signal>() {
                Ok(signal) => self
                    .tending(running.signal(signal))
                    .await
                    .map_err(|error| error.to_string()),
                Err(words) => Err(words),
            };
            failures.extend(sent.err());
        }
        failures.join("; ")
    }

    async fn tell_of_changes(&mut self, running: &mut dyn Running) -> String {
        let absolute = self.shelf.absolute();
        let told = self.tending(running.changed(&absolute)).await;
        told.err().map(|error| error.to_string()).unwrap_or_default()
    }
}
