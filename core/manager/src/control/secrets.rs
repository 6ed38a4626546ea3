//! How does a secret come in, change and go? Values are validated, sealed and wiped before anything is proposed.

use wardroom_api::v1;
use wardroom_keys::{SealContext, SecretBytes};
use wardroom_state::State;
use wardroom_state::command::{Command, NewVersion};
use wardroom_state::ids::{RotationId, SecretId, VersionId};
use wardroom_state::refusal::{Noun, Refusal};
use wardroom_state::rotation::RotationCause;
use wardroom_state::secret::{Schedule, SealedValue, Secret, Template};
use wardroom_state::validate;

use crate::context::Context;
use crate::control::caller::Caller;
use crate::control::error::Failure;
use crate::control::keys::order_at;
use crate::control::nodes::labels;
use crate::control::plan::{self, Plan};
use crate::control::{authorize, chance, convert};

const CREATE: &str = "/wardroom.v1.Control/CreateSecret";
const UPDATE: &str = "/wardroom.v1.Control/UpdateSecret";

pub(crate) async fn create(
    context: Context,
    caller: Caller,
    mut request: v1::CreateSecretRequest,
) -> Result<v1::CreateSecretResponse, Failure> {
    validate::secret_name(&request.name)?;
    convert::limits::labels(&request.labels)?;
    let template = convert::template(&request.template_driver)?;
    let schedule = schedule(&context, &caller, CREATE, request.schedule.take())?;
    if schedule.is_some() && request.max_age_ms == 0 {
        return Err(Refusal::ScheduleWithoutAge.into());
    }
    let value = value(&context, request.value.take())?;
    check_template(template, &value)?;
    let id = SecretId::new(chance::id(&*context.chance));
    let version = seal(&context, &id, &value);
    // Wiped before the wait for a quorum.
    drop(value);
    let version_id = version.id.to_string();
    let command = Command::CreateSecret {
        id: id.clone(),
        name: request.name,
        labels: request.labels,
        max_age_ms: request.max_age_ms,
        template,
        schedule,
        version,
    };
    let committed = context.proposer.propose(caller.actor(), command).await?;
    Ok(v1::CreateSecretResponse {
        id: id.to_string(),
        version_id,
        index: committed.index,
    })
}

pub(crate) async fn rotate(
    context: Context,
    caller: Caller,
    mut request: v1::RotateSecretRequest,
) -> Result<v1::RotateSecretResponse, Failure> {
    let given = request.value.take();
    let (secret, expected, template) = context.replica.read(|state| {
        let secret = whole_secret(state, &request.reference)?;
        Ok::<_, Failure>((secret.id.clone(), secret.version_index, secret.template))
    })?;
    let value = match given {
        None if request.plan_only => None,
        given => Some(value(&context, given)?),
    };
    value.as_ref().map_or(Ok(()), |value| check_template(template, value))?;
    let root = context.keyring.sealing_root();
    let fingerprint = value
        .as_ref()
        .map(|value| root.fingerprint(&context.config.cluster_id, secret.as_str(), value));
    if let Some(index) = fingerprint
        .filter(|_| request.if_changed)
        .and_then(|new| is_current(&context, &secret, new))
    {
        return Ok(v1::RotateSecretResponse {
            index,
            ..Default::default()
        });
    }
    let plan = planned(&context, &request.plan_basis, |state, health| {
        plan::rotation(state, known(state, &secret)?, fingerprint, health)
    })?;
    let Some(value) = value.filter(|_| !request.plan_only) else {
        return Ok(v1::RotateSecretResponse {
            index: plan.0.index,
            plan: Some(plan.0),
            ..Default::default()
        });
    };
    plan.check_runnable()?;

    let version = seal(&context, &secret, &value);
    drop(value);
    let (version_id, rotation) = (version.id.clone(), RotationId::new(chance::id(&*context.chance)));
    let command = Command::RotateSecret {
        secret: secret.clone(),
        version,
        rotation: rotation.clone(),
        cause: RotationCause::Operator,
        // A confirmed plan is carried out on what it was made from, or not at all; so is what rests on a comparison.
        expected: (!request.plan_basis.is_empty() || request.if_changed).then_some(expected),
    };
    let committed = context.proposer.propose(caller.actor(), command).await?;
    let made = context.replica.read(|state| {
        let versions = state.secrets().get(&secret).map(|secret| &secret.versions);
        let made = versions.and_then(|versions| versions.values().find(|version| version.id == version_id));
        made.map(|version| (version.number, version.name.clone()))
    });
    let (version, version_name) = made.unwrap_or_default();
    Ok(v1::RotateSecretResponse {
        plan: Some(plan.0),
        rotation_id: rotation.to_string(),
        version,
        version_name,
        index: committed.index,
    })
}

/// The index at which the secret's current version has the value with that fingerprint, if it has.
fn is_current(context: &Context, id: &SecretId, fingerprint: [u8; 32]) -> Option<u64> {
    context.replica.read(|state| {
        let secret = state.secrets().get(id)?;
        let current = secret.versions.get(&secret.current?)?;
        (current.fingerprint == fingerprint).then(|| state.index())
    })
}

/// What a worker is to expand must be text.
pub(crate) fn check_template(template: Template, value: &SecretBytes) -> Result<(), Failure> {
    match template {
        Template::Golang if std::str::from_utf8(value.expose()).is_err() => Err(Failure::invalid(
            "the value of a secret with a template driver is a template; give text in UTF-8",
        )),
        Template::Golang | Template::None => Ok(()),
    }
}

pub(crate) async fn revoke(
    context: Context,
    caller: Caller,
    request: v1::RevokeSecretRequest,
) -> Result<v1::RevokeSecretResponse, Failure> {
    let (secret, version, expected) = context.replica.read(|state| {
        let secret = state.find_secret(&request.reference)?;
        let named = version_named(secret, &request.reference);
        let version = (request.version != 0).then_some(request.version).or(named);
        Ok::<_, Failure>((secret.id.clone(), version, secret.version_index))
    })?;
    let plan = planned(&context, &request.plan_basis, |state, health| {
        plan::revocation(state, known(state, &secret)?, version, request.shred, health)
    })?;
    if request.plan_only {
        return Ok(v1::RevokeSecretResponse {
            index: plan.0.index,
            plan: Some(plan.0),
            order: 0,
        });
    }
    let expected = (!request.plan_basis.is_empty()).then_some(expected);
    let command = if request.shred {
        Command::ShredSecret {
            secret,
            version,
            expected,
        }
    } else {
        Command::RevokeSecret {
            secret,
            version,
            expected,
        }
    };
    let committed = context.proposer.propose(caller.actor(), command).await?;
    Ok(v1::RevokeSecretResponse {
        plan: Some(plan.0),
        index: committed.index,
        order: order_at(&context, committed.index),
    })
}

pub(crate) async fn remove(
    context: Context,
    caller: Caller,
    request: v1::RemoveSecretRequest,
) -> Result<v1::RemoveSecretResponse, Failure> {
    let secret = context
        .replica
        .read(|state| whole_secret(state, &request.reference).map(|found| found.id.clone()))?;
    let committed = context
        .proposer
        .propose(caller.actor(), Command::RemoveSecret { secret: secret.clone() })
        .await?;
    Ok(v1::RemoveSecretResponse {
        id: secret.to_string(),
        index: committed.index,
    })
}

/// Labels and policy; the value stays what it is. Everything is checked before anything is proposed.
pub(crate) async fn update(
    context: Context,
    caller: Caller,
    mut request: v1::UpdateSecretRequest,
) -> Result<v1::UpdateSecretResponse, Failure> {
    request.lease_ms.map_or(Ok(()), validate::lease)?;
    if request.schedule_off && request.schedule.is_some() {
        return Err(Failure::invalid("a schedule is set or taken away; not both"));
    }
    let schedule = schedule(&context, &caller, UPDATE, request.schedule.take())?;
    let (id, labels, expected) = context.replica.read(|state| {
        let secret = whole_secret(state, &request.reference)?;
        if schedule.is_some() && request.max_age_ms.unwrap_or(secret.max_age_ms) == 0 {
            return Err(Refusal::ScheduleWithoutAge.into());
        }
        let labels = labels("secret", &secret.labels, &request.label_add, &request.label_rm)?;
        let labels = (labels != secret.labels).then_some(labels);
        Ok::<_, Failure>((secret.id.clone(), labels, secret.version_index))
    })?;
    let schedule = schedule.map(Some).or_else(|| request.schedule_off.then_some(None));
    let has_policy = labels.is_some()
        || request.max_age_ms.is_some()
        || request.keep_versions.is_some()
        || request.lease_ms.is_some();
    let policy = Command::UpdateSecret {
        secret: id.clone(),
        // The new labels rest on the ones that were read: another change in between would be undone by them.
        expected: labels.is_some().then_some(expected),
        labels,
        max_age_ms: request.max_age_ms,
        keep_versions: request.keep_versions,
        lease_ms: request.lease_ms,
    };
    let has_retention = schedule.is_some() || request.keep_ms.is_some();
    let retention = Command::UpdateRetention {
        secret: id.clone(),
        keep_ms: request.keep_ms,
        schedule,
        expected: None,
    };
    let mut index = context.replica.index();
    // The age comes before the schedule that needs it.
    for command in [has_policy.then_some(policy), has_retention.then_some(retention)]
        .into_iter()
        .flatten()
    {
        index = context.proposer.propose(caller.actor(), command).await?.index;
    }
    Ok(v1::UpdateSecretResponse {
        id: id.to_string(),
        index,
    })
}

/// A hook is a program that runs on the managers: to name one takes an admin.
fn schedule(
    context: &Context,
    caller: &Caller,
    method: &str,
    given: Option<v1::Schedule>,
) -> Result<Option<Schedule>, Failure> {
    let Some(schedule) = given.map(convert::schedule).transpose()? else {
        return Ok(None);
    };
    if matches!(schedule, Schedule::Hook(_)) {
        authorize::check_admin(caller, "set a hook").map_err(|reason| {
            context.offices.refusals.note(caller, method, &reason, 1);
            Failure::Denied(reason)
        })?;
    }
    Ok(Some(schedule))
}

/// A plan on the state as it is now, bound to the one that was confirmed if there was one.
pub(crate) fn planned(
    context: &Context,
    basis: &str,
    make: impl FnOnce(&State, &plan::Health) -> Result<Plan, Failure>,
) -> Result<Plan, Failure> {
    let health = plan::Health::of(context);
    let plan = context.replica.read(|state| make(state, &health))?;
    if basis.is_empty() || basis == plan.0.basis {
        return Ok(plan);
    }
    Err(Failure::conflict(
        "what this plan was made from has changed; plan again and confirm the new plan",
    ))
}

pub(super) fn known<'a>(state: &'a State, id: &SecretId) -> Result<&'a Secret, Failure> {
    let missing = || Refusal::NotFound {
        noun: Noun::Secret,
        reference: id.to_string(),
    };
    Ok(state.secrets().get(id).ok_or_else(missing)?)
}

/// The number of the version that the reference names, when it names one rather than the secret.
pub(crate) fn version_named(secret: &Secret, reference: &str) -> Option<u32> {
    let names = |name: &str| name.eq_ignore_ascii_case(reference);
    if names(&secret.name) {
        return None;
    }
    secret
        .versions
        .values()
        .find(|version| names(&version.name))
        .map(|version| version.number)
}

/// A secret by anything but the name of one of its versions, so that a change never hits more than was named.
pub(super) fn whole_secret<'a>(state: &'a State, reference: &str) -> Result<&'a Secret, Failure> {
    let secret = state.find_secret(reference)?;
    match version_named(secret, reference) {
        None => Ok(secret),
        Some(number) => Err(Failure::invalid(format!(
            "{reference} is version {number} of secret {}; name the secret itself to change it as a whole",
            secret.name
        ))),
    }
}

/// The request's bytes, or generated ones; whatever is not taken over is wiped with the request.
fn value(context: &Context, value: Option<v1::Value>) -> Result<SecretBytes, Failure> {
    use v1::value::Source;
    match value.and_then(|mut value| value.source.take()) {
        None => Err(Failure::invalid("a value is needed: bytes, or a length to generate")),
        Some(Source::Bytes(bytes)) => {
            let bytes = SecretBytes::new(bytes);
            validate::secret_size(bytes.len())?;
            Ok(bytes)
        }
        Some(Source::Generate(generate)) => {
            let length = usize::try_from(generate.length).unwrap_or(usize::MAX);
            validate::secret_size(length)?;
            Ok(chance::password(&*context.chance, length))
        }
    }
}

pub(crate) fn seal(context: &Context, secret: &SecretId, value: &SecretBytes) -> NewVersion {
    let id = VersionId::new(chance::id(&*context.chance));
    let names = SealContext {
        cluster: &context.config.cluster_id,
        secret: secret.as_str(),
        version: id.as_str(),
    };
    let sealed = context.keyring.sealing_root().seal(&*context.chance, &names, value);
    NewVersion {
        size: u32::try_from(value.len()).expect("validated sizes are below 512000"),
        sealed: SealedValue {
            wrapped_key: sealed.wrapped_key,
            ciphertext: sealed.ciphertext,
            key_check: sealed.key_check,
        },
        receipt_digest: sealed.receipt_digest,
        fingerprint: sealed.fingerprint,
        id,
    }
}
