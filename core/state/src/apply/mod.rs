//! What does a command change? One file per noun; each checks everything first and only then changes, so that a
//! refusal leaves the state as it was. No clock, no chance, no I/O: the proposal carries all of it.

mod admit;
mod audited;
mod bootstrap;
mod change;
mod dek_order;
mod files;
mod holding;
mod lock;
mod manager_keys;
mod membership;
mod node;
mod operator;
mod policy;
mod removal;
mod report;
mod retention;
mod revoke;
mod root;
mod rotate;
mod rotation;
mod run_words;
mod secret;
mod secret_policy;
mod service;
mod shred;
mod steer;
mod step;
mod task;
mod update;
mod version;

use crate::command::{Command, Proposal};
use crate::event::Event;
use crate::refusal::Refusal;
use crate::state::State;
use step::Step;

impl State {
    /// Applies one log entry. The events name each changed object once, in the order of [`crate::event::ObjectKey`].
    /// A refusal changes nothing but [`State::index`]; a command that is already true gives no events.
    pub fn apply(&mut self, index: u64, proposal: &Proposal) -> Result<Vec<Event>, Refusal> {
        self.pass_over(index);
        if self.cluster().is_none() && !matches!(proposal.command, Command::Bootstrap { .. }) {
            return Err(Refusal::NotBootstrapped);
        }
        let mut step = Step::new(self, index, proposal);
        let outcome = dispatch(&mut step, &proposal.command);
        debug_assert!(outcome.is_ok() || step.is_untouched(), "a refusal changes nothing");
        outcome.map(|()| step.finish())
    }
}

#[expect(clippy::too_many_lines, reason = "one arm per command, and nothing else")]
fn dispatch(step: &mut Step<'_>, command: &Command) -> Result<(), Refusal> {
    match command {
        Command::Bootstrap { cluster, nodes } => bootstrap::apply(step, cluster, nodes),
        Command::CreateSecret {
            id,
            name,
            labels,
            max_age_ms,
            template,
            schedule,
            version,
        } => secret::create(
            step,
            &secret::Creation {
                id,
                name,
                labels,
                max_age_ms: *max_age_ms,
                template: *template,
                schedule: schedule.as_ref(),
                version,
            },
        ),
        Command::RotateSecret {
            secret,
            version,
            rotation,
            cause,
            expected,
        } => rotate::apply(step, secret, version, rotation, *cause, *expected),
        Command::RevokeSecret {
            secret,
            version: None,
            expected,
        } => revoke::whole(step, secret, *expected),
        Command::RevokeSecret {
            secret,
            version: Some(version),
            expected,
        } => revoke::version(step, secret, *version, *expected),
        Command::RemoveSecret { secret } => secret::remove(step, secret),
        Command::CreateService { id, spec } => service::create(step, id, spec),
        Command::UpdateService { id, spec, expected } => update::one(step, id, spec, *expected),
        Command::RemoveService { id } => service::remove(step, id),
        Command::CreateTasks { tasks } => task::create(step, tasks),
        Command::ChangeTasks { changes } => change::apply(step, changes),
        Command::Report {
            node,
            tasks,
            receipts,
            inventory,
        } => report::apply(step, node, tasks, receipts, *inventory),
        Command::SetNodeState { node, state, message } => node::set_state(step, node, *state, message),
        Command::SetAvailability { node, availability } => node::set_availability(step, node, *availability),
        Command::SetCertificate { node, certificate } => node::set_certificate(step, node, certificate),
        Command::AdvanceRotation {
            rotation,
            phase,
            progress,
            message,
        } => rotation::advance(step, rotation, *phase, progress, message),
        Command::NoteRefusal { method, reason } => {
            audited::note_refusal(step, method, reason);
            Ok(())
        }
        Command::AdmitNode { node, token_digest } => admit::apply(step, node, token_digest),
        Command::RotateToken { role, token } => policy::rotate_token(step, *role, token),
        Command::UpdateCluster {
            certificate_life_ms,
            heartbeat_ms,
            task_history,
            snapshot_every,
        } => policy::update(
            step,
            &policy::Settings {
                certificate_life_ms: *certificate_life_ms,
                heartbeat_ms: *heartbeat_ms,
                task_history: *task_history,
                snapshot_every: *snapshot_every,
            },
        ),
        Command::RotateRoot {
            root_certificate,
            root_fingerprint,
            root_key_id,
            root_not_after_ms,
            sealed_root_key,
            cross_signed,
            worker_token,
            manager_token,
            expected,
        } => root::rotate(
            step,
            &root::NewRoot {
                certificate: root_certificate,
                fingerprint: root_fingerprint,
                key_id: root_key_id,
                not_after_ms: *root_not_after_ms,
                sealed_key: sealed_root_key,
                cross_signed,
                worker_token,
                manager_token,
                expected: *expected,
            },
        ),
        Command::RetireRoot { fingerprint } => root::retire(step, fingerprint),
        Command::SetDesiredRole { node, role, raft_id } => membership::set_desired_role(step, node, *role, *raft_id),
        Command::SetRole {
            node,
            role,
            certificate,
        } => membership::set_role(step, node, *role, certificate.as_ref()),
        Command::SetNodeAddress { node, address } => node::set_address(step, node, address),
        Command::SetLabels { node, labels } => node::set_labels(step, node, labels),
        Command::RemoveNode { node, force } => removal::remove(step, node, *force),
        Command::ForceNewCluster { node } => removal::force_new_cluster(step, node),
        Command::AddOperator { operator } => operator::add(step, operator),
        Command::RemoveOperator { id } => operator::remove(step, id),
        Command::UpdateSecret {
            secret,
            labels,
            max_age_ms,
            keep_versions,
            lease_ms,
            expected,
        } => secret_policy::update(
            step,
            secret,
            &secret_policy::Policy {
                labels: labels.as_ref(),
                max_age_ms: *max_age_ms,
                keep_versions: *keep_versions,
                lease_ms: *lease_ms,
                expected: *expected,
            },
        ),
        Command::DescribeNode {
            node,
            hostname,
            version,
        } => node::describe(step, node, hostname, version),
        Command::SetLock {
            autolock,
            unlock_key,
            expected,
        } => lock::apply(step, *autolock, unlock_key.as_ref(), *expected),
        Command::OrderDek => dek_order::demand(step),
        Command::ShredSecret {
            secret,
            version,
            expected,
        } => shred::apply(step, secret, *version, *expected),
        Command::RecordKeys { node, keys } => manager_keys::record(step, node, keys),
        Command::NoteAccess { action, object, detail } => {
            audited::note_access(step, action, object, detail);
            Ok(())
        }
        Command::KeepUnlockKey { epoch } => lock::keep(step, *epoch),
        Command::RollbackService { id, expected } => update::roll_back(step, id, *expected),
        Command::UpdateServices { updates } => update::several(step, updates),
        Command::AdvanceUpdate {
            service,
            state,
            message,
        } => update::advance(step, service, *state, message),
        Command::SteerRotation { rotation, steer } => steer::apply(step, rotation, *steer),
        Command::DestroyVersions { secret, versions, why } => retention::destroy(step, secret, versions, why),
        Command::UpdateRetention {
            secret,
            keep_ms,
            schedule,
            expected,
        } => retention::update(step, secret, *keep_ms, schedule.as_ref(), *expected),
        Command::NoteScheduleFailure { secret, reason } => retention::note_failure(step, secret, reason),
        Command::SetPolicy { refuse_env } => policy::set_refuse_env(step, *refuse_env),
        Command::Earlier(command) => {
            step.earlier = true;
            // Nobody ever wrote one inside another.
            match &**command {
                Command::Earlier(_) => Ok(()),
                command => dispatch(step, command),
            }
        }
    }
}
