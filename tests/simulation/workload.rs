//! What do the clients ask? On each manager one client creates, rotates, grants, revokes and removes, one call at a time,
//! and writes down what it was told.

use std::time::Duration;

use wardroom_api::channel::{request, within};
use wardroom_api::{CallError, Client, v1};

use crate::dice::Dice;
use crate::history::{Answer, Ask};
use crate::world::{World, now_ms};
use crate::{locksmith, roller, steward};

/// How long a client waits for an answer.
const DEADLINE: Duration = Duration::from_secs(3);
/// Of a hundred calls so many change who is a manager, or who leads.
const MOVES: u64 = 4;
/// And so many the cluster's keys.
const KEYS: u64 = 4;
/// And so many let a service roll, or steer a rotation.
const ROLLS: u64 = 8;
/// Confirmed services at once; each has up to three tasks.
const SERVICES_MAX: usize = 5;

/// Every value of a run begins so: a search for it finds any plaintext.
pub(crate) fn canary(seed: u64) -> String {
    format!("canary-{seed}-")
}

/// Asks, whenever it is its turn, until the world's work is over. `life` names this incarnation of the manager at `place`.
pub(crate) async fn run(life: &str, place: usize, client: &Client, world: &World) {
    let host = &world.cluster.managers[place].name;
    let dice = Dice::new(world.seed, &format!("workload {life}"));
    let mut made = 0;
    loop {
        world.turn(place).await;
        if now_ms() >= world.work_until_ms.get() {
            return;
        }
        if !world.begun.get() {
            continue;
        }
        match dice.below(100) {
            0..MOVES => {
                steward::make_a_move(client, &dice, world).await;
                continue;
            }
            drawn if drawn < MOVES + KEYS => {
                locksmith::turn(client, &dice, world).await;
                continue;
            }
            drawn if drawn < MOVES + KEYS + ROLLS => {
                roller::roll(client, &dice, world).await;
                continue;
            }
            _ => {}
        }
        made += 1;
        let name = format!("{}-{made}", life.replace('/', "-"));
        let Some(ask) = choose(&dice, world, name) else {
            continue;
        };
        let number = world.history.borrow_mut().ask(host, ask.clone(), now_ms());
        let answer = call(client, ask, &dice).await;
        world.history.borrow_mut().answered(number, answer, now_ms());
    }
}

/// The next call; `None` when the draw fits nothing there is.
fn choose(dice: &Dice, world: &World, name: String) -> Option<Ask> {
    let history = world.history.borrow();
    let secrets: Vec<(&str, &str)> = history.secrets().into_iter().collect();
    let services = history.services();
    let value = || format!("{}{}", canary(world.seed), dice.hex());
    let secret = || (!secrets.is_empty()).then(|| *dice.pick(&secrets));
    match dice.below(100) {
        0..=24 => Some(Ask::CreateSecret { name, value: value() }),
        25..=59 => Some(Ask::RotateSecret {
            secret: secret()?.0.to_owned(),
            value: value(),
        }),
        60..=69 => Some(Ask::RevokeSecret {
            secret: secret()?.0.to_owned(),
        }),
        70..=77 => Some(Ask::RemoveSecret {
            secret: secret()?.0.to_owned(),
        }),
        78..=93 if services.len() < SERVICES_MAX => {
            let mut granted = vec![secret()?.1.to_owned(), secret()?.1.to_owned()];
            granted.dedup();
            Some(Ask::CreateService { name, secrets: granted })
        }
        _ if services.is_empty() => None,
        _ => Some(Ask::RemoveService {
            service: (*dice.pick(&services)).to_owned(),
        }),
    }
}

async fn call(client: &Client, ask: Ask, dice: &Dice) -> Result<Answer, CallError> {
    let mut control = client.control();
    match ask {
        Ask::CreateSecret { name, value } => {
            let message = v1::CreateSecretRequest {
                name,
                value: Some(bytes(value)),
                ..Default::default()
            };
            let made = within(DEADLINE, control.create_secret(request(message, DEADLINE))).await?;
            Ok(Answer {
                index: made.index,
                id: made.id,
                version: 1,
            })
        }
        Ask::RotateSecret { secret, value } => {
            let message = v1::RotateSecretRequest {
                reference: secret.clone(),
                value: Some(bytes(value)),
                ..Default::default()
            };
            let made = within(DEADLINE, control.rotate_secret(request(message, DEADLINE))).await?;
            Ok(Answer {
                index: made.index,
                id: secret,
                version: made.version,
            })
        }
        Ask::RevokeSecret { secret } => {
            let message = v1::RevokeSecretRequest {
                reference: secret.clone(),
                ..Default::default()
            };
            let done = within(DEADLINE, control.revoke_secret(request(message, DEADLINE))).await?;
            Ok(Answer {
                index: done.index,
                id: secret,
                version: 0,
            })
        }
        Ask::RemoveSecret { secret } => {
            let message = v1::RemoveSecretRequest { reference: secret };
            let done = within(DEADLINE, control.remove_secret(request(message, DEADLINE))).await?;
            Ok(Answer {
                index: done.index,
                id: done.id,
                version: 0,
            })
        }
        Ask::CreateService { name, secrets } => {
            let message = v1::CreateServiceRequest {
                exposes_env: false,
                spec: Some(spec(name, secrets, dice)),
            };
            let made = within(DEADLINE, control.create_service(request(message, DEADLINE))).await?;
            Ok(Answer {
                index: made.index,
                id: made.id,
                version: 0,
            })
        }
        Ask::RemoveService { service } => {
            let message = v1::RemoveServiceRequest { reference: service };
            let done = within(DEADLINE, control.remove_service(request(message, DEADLINE))).await?;
            Ok(Answer {
                index: done.index,
                id: done.id,
                version: 0,
            })
        }
    }
}

fn bytes(value: String) -> v1::Value {
    v1::Value {
        source: Some(v1::value::Source::Bytes(value.into_bytes())),
    }
}

fn spec(name: String, secrets: Vec<String>, dice: &Dice) -> v1::ServiceSpec {
    let on_change = |dice: &Dice| match dice.below(4) {
        0 => v1::OnChange::Restart,
        _ => v1::OnChange::Swap,
    };
    let grant = |secret: String| v1::Grant {
        target: secret.clone(),
        secret_name: secret,
        mode: 0o444,
        on_change: on_change(dice).into(),
        ..Default::default()
    };
    v1::ServiceSpec {
        name,
        run: Some(v1::RunSpec {
            executor: v1::Executor::Process.into(),
            command: vec!["simulated".to_owned()],
            ..Default::default()
        }),
        replicas: u32::try_from(dice.between(1, 4)).expect("three at most"),
        grants: secrets.into_iter().map(grant).collect(),
        update: Some(v1::RollSettings {
            parallelism: 1,
            ..Default::default()
        }),
        ..Default::default()
    }
}
