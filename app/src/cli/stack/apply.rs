//! How is one step of a deployment done? Each says what it does, as Docker does, and leaves a record of what it did.

use serde_json::{Value, json};
use wardroom_api::v1;

use super::deploy::Work;
use super::remove;
use super::steps::{LabelChange, Step};
use crate::cli::session::Session;
use crate::report::Report;
use crate::text::clean_lines;

/// One step that was taken.
pub struct Done {
    /// `secret created`, for programs too.
    pub what: &'static str,
    pub name: String,
    pub id: String,
    pub index: u64,
    /// Of a secret.
    pub version: u32,
    /// What moves the tasks to it.
    pub rotation: String,
    /// Of a service: how far the update before was.
    pub before: Option<v1::UpdateStatus>,
}

impl Work<'_> {
    pub async fn one(&mut self, step: &Step, session: &mut Session) -> Result<(), Report> {
        match step {
            Step::CreateSecret(index) => self.create_secret(*index, session).await,
            Step::CompareSecret(index) => self.compare_secret(*index, session).await,
            Step::LabelSecret(index, change) => self.label_secret(*index, change, session).await,
            Step::CreateService(index) => self.create_service(*index, session).await,
            Step::UpdateService {
                index,
                id,
                expected,
                before,
            } => {
                self.update_service(*index, id, *expected, session).await?;
                if let Some(done) = self.done.last_mut() {
                    done.before.clone_from(before);
                }
                Ok(())
            }
            Step::KeepService(index) => {
                let name = &self.stack.services[*index].value.name;
                remove::say(&format!("Service {name} is up to date"), session)
            }
            Step::RemoveService(name) => {
                remove::service_by(name, name, session).await?;
                self.done.push(Done::of("service removed", name));
                Ok(())
            }
            Step::RemoveSecret(name) => {
                remove::secret_by(name, name, session).await?;
                self.done.push(Done::of("secret removed", name));
                Ok(())
            }
        }
    }

    async fn create_secret(&mut self, index: usize, session: &mut Session) -> Result<(), Report> {
        let wanted = &self.stack.secrets[index];
        remove::say(&format!("Creating secret {}", wanted.name), session)?;
        let message = v1::CreateSecretRequest {
            name: wanted.name.clone(),
            value: self.values[index].take(),
            labels: wanted.labels.clone(),
            template_driver: wanted.template_driver.clone(),
            ..Default::default()
        };
        let answer = session
            .call(message, |mut control, request| async move {
                control.create_secret(request).await
            })
            .await;
        let made = answer.map_err(|error| failed("create secret", &wanted.name, error.into()))?;
        self.done.push(Done {
            id: made.id,
            index: made.index,
            version: 1,
            ..Done::of("secret created", &wanted.name)
        });
        Ok(())
    }

    /// Docker fails here when the file has changed.
    async fn compare_secret(&mut self, index: usize, session: &mut Session) -> Result<(), Report> {
        let name = &self.stack.secrets[index].name;
        let message = v1::RotateSecretRequest {
            reference: name.clone(),
            value: self.values[index].take(),
            if_changed: true,
            ..Default::default()
        };
        let answer = session
            .call(message, |mut control, request| async move {
                control.rotate_secret(request).await
            })
            .await;
        let made = answer.map_err(|error| failed("update secret", name, error.into()))?;
        if made.version == 0 {
            return Ok(());
        }
        remove::say(&format!("Updating secret {name} (version {})", made.version), session)?;
        self.done.push(Done {
            index: made.index,
            version: made.version,
            rotation: made.rotation_id,
            ..Done::of("secret updated", name)
        });
        Ok(())
    }

    async fn label_secret(&mut self, index: usize, change: &LabelChange, session: &mut Session) -> Result<(), Report> {
        let name = &self.stack.secrets[index].name;
        let message = v1::UpdateSecretRequest {
            reference: name.clone(),
            label_add: change.add.clone(),
            label_rm: change.remove.clone(),
            ..Default::default()
        };
        let answer = session
            .call(message, |mut control, request| async move {
                control.update_secret(request).await
            })
            .await;
        let made = answer.map_err(|error| failed("update secret", name, error.into()))?;
        self.done.push(Done {
            id: made.id,
            index: made.index,
            ..Done::of("secret labelled", name)
        });
        Ok(())
    }

    async fn create_service(&mut self, index: usize, session: &mut Session) -> Result<(), Report> {
        let spec = &self.stack.services[index].value;
        remove::say(&format!("Creating service {}", spec.name), session)?;
        let message = v1::CreateServiceRequest {
            spec: Some(spec.clone()),
            ..Default::default()
        };
        let answer = session
            .call(message, |mut control, request| async move {
                control.create_service(request).await
            })
            .await;
        let made = answer.map_err(|error| failed("create service", &spec.name, error.into()))?;
        self.done.push(Done {
            id: made.id,
            index: made.index,
            ..Done::of("service created", &spec.name)
        });
        Ok(())
    }

    async fn update_service(
        &mut self,
        index: usize,
        id: &str,
        expected: u64,
        session: &mut Session,
    ) -> Result<(), Report> {
        let spec = &self.stack.services[index].value;
        remove::say(&format!("Updating service {} (id: {id})", spec.name), session)?;
        let answer = session
            .call(update_request(spec, id, expected), |mut control, request| async move {
                control.update_service(request).await
            })
            .await;
        let made = answer.map_err(|error| failed("update service", &spec.name, error.into()))?;
        self.done.push(Done {
            id: made.id,
            index: made.index,
            ..Done::of("service updated", &spec.name)
        });
        Ok(())
    }
}

impl Done {
    fn of(what: &'static str, name: &str) -> Self {
        Self {
            what,
            name: name.to_owned(),
            id: String::new(),
            index: 0,
            version: 0,
            rotation: String::new(),
            before: None,
        }
    }

    pub fn json(&self) -> Value {
        let mut document = json!({ "what": self.what, "name": self.name, "id": self.id, "index": self.index });
        if self.version > 0 {
            document["version"] = self.version.into();
        }
        document
    }
}

pub fn update_request(spec: &v1::ServiceSpec, id: &str, expected: u64) -> v1::UpdateServiceRequest {
    v1::UpdateServiceRequest {
        reference: id.to_owned(),
        spec: Some(spec.clone()),
        expected: Some(expected),
        ..Default::default()
    }
}

/// Docker's beginning, the manager's end.
fn failed(what: &str, name: &str, report: Report) -> Report {
    Report {
        message: format!("failed to {what} {name}: {}", clean_lines(&report.message)),
        ..report
    }
}
