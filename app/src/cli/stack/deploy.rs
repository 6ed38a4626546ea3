//! `wardroom stack deploy`: everything is read and checked first, then done step by step. When one is refused, it says
//! what was done and what was not; deploying again goes on from there.

use std::time::Duration;

use serde_json::{Value, json};
use wardroom_api::ClusterView;
use wardroom_api::v1::{self, Kind, RotationPhase};

use super::apply::{Done, update_request};
use super::steps::{LabelChange, Present, Step, steps};
use super::{check_name, files, values};
use crate::cli::arguments::StackDeploy;
use crate::cli::converge::{self, Aim, Awaited};
use crate::cli::output::Table;
use crate::cli::session::Session;
use crate::cli::wait::{self, Seen};
use crate::report::{Exit, Report};
use crate::stack::{Stack, Surroundings, convert, shape};

pub async fn run(deploy: &StackDeploy, session: &mut Session) -> Result<(), Report> {
    check_name(&deploy.name)?;
    let mut files = files::load(&deploy.files.paths, false)?;
    let Some(tree) = &files.tree else {
        files::tell_remarks(&files.problems, &mut session.output);
        files.problems.check()?;
        return Err(Report::usage("there is no compose file").hint("name one with -c"));
    };
    let compose = shape(tree, &mut files.problems);
    let folder = files.folder.to_string_lossy().into_owned();
    let around = Surroundings {
        stack: &deploy.name,
        folder: &folder,
        lookup: &files::variable,
        file: &|path| files::beside(&files.folder, path),
    };
    let mut stack = convert(&compose, &around, &mut files.problems);
    let values = values::read(&stack.secrets, &files.folder, &mut files.problems);
    files::tell_remarks(&files.problems, &mut session.output);
    files.problems.check()?;

    let (services, secrets) = (session.services().await?, session.secrets().await?);
    let present = Present {
        services: &services,
        secrets: &secrets,
    };
    let steps = steps(&mut stack, &deploy.name, &present, deploy.prune, &mut files.problems);
    files.problems.check()?;
    let mut work = Work {
        name: &deploy.name,
        stack: &stack,
        values,
        done: Vec::new(),
    };
    if deploy.plan {
        return work.show(&steps, session).await;
    }
    work.all(&steps, session).await?;
    work.finish(deploy.detach, session).await
}

/// A deployment under way.
pub struct Work<'a> {
    name: &'a str,
    pub stack: &'a Stack,
    /// By the indexes of the stack's secrets; taken by the step that sends it.
    pub values: Vec<Option<v1::Value>>,
    pub done: Vec<Done>,
}

impl Work<'_> {
    fn words(&self, step: &Step) -> (&'static str, String, String) {
        let secret = |index: &usize| format!("secret {}", self.stack.secrets[*index].name);
        let service = |index: &usize| format!("service {}", self.stack.services[*index].value.name);
        let none = String::new;
        match step {
            Step::CreateSecret(index) => ("create", secret(index), none()),
            Step::CompareSecret(index) => (
                "compare",
                secret(index),
                "a new version if the value has changed".into(),
            ),
            Step::LabelSecret(index, change) => ("label", secret(index), change.words()),
            Step::CreateService(index) => ("create", service(index), none()),
            Step::UpdateService { index, .. } => ("update", service(index), none()),
            Step::KeepService(index) => ("keep", service(index), "nothing has changed".into()),
            Step::RemoveService(name) => ("remove", format!("service {name}"), none()),
            Step::RemoveSecret(name) => ("remove", format!("secret {name}"), none()),
        }
    }

    /// The answer to `--plan`.
    async fn show(&mut self, steps: &[Step], session: &mut Session) -> Result<(), Report> {
        let mut rows = Vec::new();
        for step in steps {
            let (mut action, subject, mut detail) = self.words(step);
            match step {
                Step::UpdateService {
                    index, id, expected, ..
                } => {
                    detail = self.planned(*index, id, *expected, session).await?;
                }
                Step::CompareSecret(index) => (action, detail) = self.compared(*index, session).await?,
                _ => {}
            }
            rows.push((action, subject, detail));
        }
        if session.output.is_json() {
            let row = |(action, subject, detail): &(&str, String, String)| json!({ "action": action, "subject": subject, "detail": detail });
            return session
                .output
                .json(&json!({ "stack": self.name, "steps": rows.iter().map(row).collect::<Value>() }));
        }
        let mut table = Table::new(&["ACTION", "SUBJECT", "DETAIL"]);
        for (action, subject, detail) in &rows {
            table.row([*action, subject, detail]);
        }
        session.output.table(&table)
    }

    /// What the manager would do for an update. One that reads a secret that is not there yet cannot be planned by it.
    async fn planned(&self, index: usize, id: &str, expected: u64, session: &Session) -> Result<String, Report> {
        let spec = &self.stack.services[index].value;
        let secrets = session.secrets().await?;
        let is_known = |grant: &v1::Grant| secrets.iter().any(|secret| secret.name == grant.secret_name);
        if !spec.grants.iter().all(is_known) {
            return Ok("with secrets that are created before".to_owned());
        }
        let message = v1::UpdateServiceRequest {
            plan_only: true,
            ..update_request(spec, id, expected)
        };
        let answer = session
            .call(message, |mut control, request| async move {
                control.update_service(request).await
            })
            .await?;
        Ok(told(&answer.plan.unwrap_or_default()))
    }

    /// Whether the value has changed, and what a new version would do.
    async fn compared(&mut self, index: usize, session: &Session) -> Result<(&'static str, String), Report> {
        let message = v1::RotateSecretRequest {
            reference: self.stack.secrets[index].name.clone(),
            value: self.values[index].take(),
            plan_only: true,
            if_changed: true,
            ..Default::default()
        };
        let answer = session
            .call(message, |mut control, request| async move {
                control.rotate_secret(request).await
            })
            .await?;
        Ok(match answer.plan {
            None => ("keep", "the value has not changed".to_owned()),
            Some(plan) => ("rotate", told(&plan)),
        })
    }

    async fn all(&mut self, steps: &[Step], session: &mut Session) -> Result<(), Report> {
        for (at, step) in steps.iter().enumerate() {
            if let Err(report) = self.one(step, session).await {
                return Err(self.stopped(report, &steps[at..]));
            }
        }
        Ok(())
    }

    /// Half a deployment is told exactly.
    fn stopped(&self, report: Report, left: &[Step]) -> Report {
        let done: Vec<String> = self
            .done
            .iter()
            .map(|done| format!("{} {}", done.what, done.name))
            .collect();
        let left: Vec<String> = left
            .iter()
            .filter(|step| !matches!(step, Step::KeepService(_)))
            .map(|step| self.words(step))
            .map(|(action, subject, _)| format!("{action} {subject}"))
            .collect();
        let done = if done.is_empty() {
            "nothing".to_owned()
        } else {
            done.join(", ")
        };
        let message = format!("{}\ndone: {done}\nnot done: {}", report.message, left.join(", "));
        Report { message, ..report }.hint("resolve it and deploy again: what is done is not done twice")
    }

    /// Waits if that was asked for, and gives programs their document.
    async fn finish(&self, detach: bool, session: &mut Session) -> Result<(), Report> {
        let mut converged = None;
        if !detach {
            converged = Some(self.wait(session).await?);
        }
        if session.output.is_json() {
            let steps: Value = self.done.iter().map(Done::json).collect();
            return session
                .output
                .json(&json!({ "stack": self.name, "done": steps, "converged": converged }));
        }
        Ok(())
    }

    /// First until new versions are where they belong, then until the services run.
    async fn wait(&self, session: &mut Session) -> Result<bool, Report> {
        let mut all = true;
        let specs = self.stack.services.iter().map(|service| &service.value);
        let patience = specs.map(converge::slack).max().unwrap_or(wait::DEADLINE);
        for done in self.done.iter().filter(|done| !done.rotation.is_empty()) {
            rotated(done, patience, session).await?;
        }
        for done in &self.done {
            let aim = match done.what {
                "service created" => Aim::Create,
                "service updated" => Aim::Update,
                _ => continue,
            };
            let awaited = Awaited {
                service_id: done.id.clone(),
                index: done.index,
                before: done.before.clone(),
                aim,
            };
            all &= converge::wait(session, &awaited, false).await?;
        }
        Ok(all)
    }
}

/// What a manager's plan comes to, in a line.
fn told(plan: &v1::Plan) -> String {
    let steps = plan
        .steps
        .iter()
        .map(|step| format!("{}: {}", step.subject, step.detail));
    let blocked = plan
        .checks
        .iter()
        .filter(|check| check.level() == v1::CheckLevel::Blocked);
    let texts: Vec<String> = steps
        .chain(blocked.map(|check| format!("blocked: {}", check.text)))
        .collect();
    texts.join("; ")
}

impl LabelChange {
    fn words(&self) -> String {
        let added = self.add.keys().map(|key| format!("+{key}"));
        let removed = self.remove.iter().map(|key| format!("-{key}"));
        added.chain(removed).collect::<Vec<_>>().join(", ")
    }
}

/// Until its rotation is over. One that was taken back fails the deployment: the services run, with the version before.
async fn rotated(done: &Done, patience: Duration, session: &mut Session) -> Result<(), Report> {
    let look = |view: &ClusterView| {
        let waits = |word: String| Seen::Moving { word, patience };
        let Some(rotation) = view.rotations.get(&done.rotation) else {
            return waits(String::new());
        };
        match rotation.phase() {
            RotationPhase::Done | RotationPhase::RolledBack | RotationPhase::Failed => Seen::Over(rotation.clone()),
            phase => waits(format!("{phase:?} {:?}", rotation.services)),
        }
    };
    let ended = wait::while_moving(&session.client, &[Kind::Rotation], done.index, look, |_| {}).await;
    let (name, version) = (&done.name, done.version);
    match ended {
        Ok(rotation) if rotation.phase() == RotationPhase::Done => Ok(()),
        Ok(rotation) => Err(Report::failure(format!(
            "version {version} of {name} was not taken everywhere: {}",
            rotation.message
        ))
        .hint(format!(
            "see what failed with `wardroom secret holders {name}`, correct the file, deploy again"
        ))),
        Err(_) => Err(Report::new(
            Exit::Timeout,
            format!("version {version} of {name} is made, but not everywhere yet"),
        )
        .hint(format!(
            "it goes on by itself; follow it with `wardroom secret holders {name}`"
        ))),
    }
}
