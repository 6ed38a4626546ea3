//! Who lets services roll? Now and then a client changes what a service runs, takes that back, or steers a rotation. What
//! becomes of it shows at rest.

use std::time::Duration;

use wardroom_api::channel::{request, within};
use wardroom_api::{CallError, Client, v1};
use wardroom_state::State;
use wardroom_state::secret::VersionState;
use wardroom_state::service::UpdateState;

use crate::dice::Dice;
use crate::world::World;

/// How long a client waits for an answer.
const DEADLINE: Duration = Duration::from_secs(3);

/// One change, at random, of something that was confirmed.
pub(crate) async fn roll(client: &Client, dice: &Dice, world: &World) {
    let (secrets, services) = {
        let history = world.history.borrow();
        let secrets: Vec<String> = history.secrets().into_keys().map(str::to_owned).collect();
        let services: Vec<String> = history.services().into_iter().map(str::to_owned).collect();
        (secrets, services)
    };
    let (kind, answer) = match dice.below(3) {
        0 if !services.is_empty() => ("update", update(client, dice.pick::<String>(&services)).await),
        1 if !services.is_empty() => ("roll-back", roll_back(client, dice.pick::<String>(&services)).await),
        2 if !secrets.is_empty() => ("steer", steer(client, dice, dice.pick::<String>(&secrets)).await),
        _ => return,
    };
    match answer {
        Ok(()) => *world.moves.borrow_mut().entry(kind).or_default() += 1,
        Err(error) => tracing::debug!(kind, %error, "nothing was rolled"),
    }
}

/// The same, running something new.
async fn update(client: &Client, service: &str) -> Result<(), CallError> {
    let mut control = client.control();
    let asked = v1::ListRequest {
        kind: v1::Kind::Service.into(),
        references: vec![service.to_owned()],
        ..Default::default()
    };
    let listed = within(DEADLINE, control.list(request(asked, DEADLINE))).await?;
    let found = listed.objects.into_iter().find_map(|object| match object.kind {
        Some(v1::object::Kind::Service(found)) => Some(found),
        _ => None,
    });
    let Some((mut spec, version_index)) = found.and_then(|found| Some((found.spec?, found.version_index))) else {
        return Ok(());
    };
    spec.run.get_or_insert_default().force += 1;
    let message = v1::UpdateServiceRequest {
        reference: service.to_owned(),
        spec: Some(spec),
        expected: Some(version_index),
        ..Default::default()
    };
    within(DEADLINE, control.update_service(request(message, DEADLINE)))
        .await
        .map(drop)
}

async fn roll_back(client: &Client, service: &str) -> Result<(), CallError> {
    let message = v1::RollbackServiceRequest {
        reference: service.to_owned(),
        ..Default::default()
    };
    let mut control = client.control();
    within(DEADLINE, control.rollback_service(request(message, DEADLINE)))
        .await
        .map(drop)
}

/// What is paused would never rest: it is cancelled, or goes on at once.
async fn steer(client: &Client, dice: &Dice, secret: &str) -> Result<(), CallError> {
    let mut control = client.control();
    let message = |action: v1::RotationAction| v1::SteerRotationRequest {
        reference: secret.to_owned(),
        action: action.into(),
    };
    let action = match dice.below(2) {
        0 => v1::RotationAction::Cancel,
        _ => v1::RotationAction::Resume,
    };
    within(DEADLINE, control.steer_rotation(request(message(action), DEADLINE)))
        .await
        .map(drop)
}

/// Why the services have not come to rest; `None` when they have.
pub(crate) fn unsettled(state: &State) -> Option<String> {
    state.services().values().find_map(|service| {
        let status = service.update_status.as_ref()?;
        let runs = matches!(status.state, UpdateState::Updating | UpdateState::RollbackStarted);
        runs.then(|| format!("service {} is {:?}", service.spec.name, status.state))
    })
}

/// At rest nobody has a version that was taken back, and who is not paused runs what it should.
pub(crate) fn check(who: &str, state: &State) -> Vec<String> {
    let mut findings = Vec::new();
    for task in state.tasks().values().filter(|task| task.is_live()) {
        let Some(service) = state.services().get(&task.service) else {
            continue;
        };
        if task.generation != service.generation && !service.is_paused() {
            findings.push(format!(
                "{who}: task {} is of generation {}",
                task.name, task.generation
            ));
        }
        for file in &task.files {
            let secret = state.secrets().get(&file.secret);
            let version = secret.and_then(|secret| secret.versions.get(&file.version));
            if version.is_some_and(|version| version.state == VersionState::Failed) {
                findings.push(format!(
                    "{who}: task {} has the failed version {}",
                    task.name, file.version
                ));
            }
        }
    }
    findings
}
