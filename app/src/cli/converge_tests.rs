//! Views of a service, and what they say about it.

use super::*;

fn view(states: &[(TaskState, bool)]) -> ClusterView {
    let mut view = ClusterView::default();
    let spec = v1::ServiceSpec {
        replicas: 2,
        ..v1::ServiceSpec::default()
    };
    view.services.insert(
        "s".into(),
        v1::Service {
            id: "s".into(),
            spec: Some(spec),
            ..v1::Service::default()
        },
    );
    let node = v1::Node {
        id: "n".into(),
        role: v1::Role::Worker.into(),
        state: v1::NodeState::Ready.into(),
        availability: v1::Availability::Active.into(),
        ..v1::Node::default()
    };
    view.nodes.insert("n".into(), node);
    for (number, (state, proven)) in states.iter().enumerate() {
        let id = number.to_string();
        let file = v1::SecretFile {
            secret_id: "x".into(),
            version: 1,
            target: "x".into(),
            ..v1::SecretFile::default()
        };
        let task = v1::Task {
            id: id.clone(),
            name: format!("web.{number}"),
            service_id: "s".into(),
            desired: TaskState::Running.into(),
            state: (*state).into(),
            files: vec![file],
            error: if *state == TaskState::Failed {
                "exit 1".into()
            } else {
                String::new()
            },
            version_index: 10,
            ..v1::Task::default()
        };
        view.tasks.insert(id.clone(), task);
        let holding = v1::Holding {
            task_id: id,
            secret_id: "x".into(),
            version: 1,
            target: "x".into(),
            state: HoldingState::Present.into(),
            proven: *proven,
            ..v1::Holding::default()
        };
        view.holdings.insert(holding.id(), holding);
    }
    view
}

fn awaited(service_id: &str, index: u64) -> Awaited {
    Awaited {
        service_id: service_id.into(),
        index,
        before: None,
        aim: Aim::Update,
    }
}

/// Two tasks that run, and an update that is so far.
fn updating(state: UpdateState, before: Option<UpdateState>, aim: Aim) -> Verdict {
    let status = |state: UpdateState| v1::UpdateStatus {
        state: state.into(),
        message: "because of web.1".into(),
        ..v1::UpdateStatus::default()
    };
    let running = (TaskState::Running, true);
    let mut view = view(&[running, running]);
    if let Some(service) = view.services.get_mut("s") {
        service.update_status = Some(status(state));
    }
    let awaited = Awaited {
        before: before.map(status),
        aim,
        ..awaited("s", 5)
    };
    verdict(&view, &awaited)
}

#[test]
fn an_update_that_was_given_up_fails() {
    let given_up = |text: &str| Verdict::GivenUp(text.to_owned());
    assert_eq!(
        updating(UpdateState::Paused, None, Aim::Update),
        given_up("service update paused: because of web.1")
    );
    assert_eq!(
        updating(UpdateState::RollbackCompleted, None, Aim::Update),
        given_up("service rolled back: because of web.1")
    );
    assert_eq!(
        updating(UpdateState::RollbackPaused, None, Aim::RollBack),
        given_up("service rollback paused: because of web.1")
    );
    assert_eq!(
        updating(UpdateState::RollbackCompleted, None, Aim::RollBack),
        Verdict::Converged
    );
    assert_eq!(updating(UpdateState::Completed, None, Aim::Update), Verdict::Converged);
    assert_eq!(
        updating(UpdateState::Updating, None, Aim::Update),
        Verdict::NotYet("updating: because of web.1".into())
    );
}

#[test]
fn how_the_update_before_ended_says_nothing() {
    assert_eq!(
        updating(UpdateState::Paused, Some(UpdateState::Paused), Aim::Update),
        Verdict::Converged
    );
}

#[test]
fn running_is_not_enough_without_proof() {
    let running = (TaskState::Running, true);
    assert_eq!(
        verdict(&view(&[running, running]), &awaited("s", 5)),
        Verdict::Converged
    );
    let unproven = verdict(&view(&[running, (TaskState::Running, false)]), &awaited("s", 5));
    assert_eq!(unproven, Verdict::NotYet("1 of 2 tasks run with their secrets".into()));
    assert_eq!(
        verdict(&view(&[]), &awaited("s", 5)),
        Verdict::NotYet("0 of 2 tasks run with their secrets".into())
    );
    assert_eq!(verdict(&view(&[]), &awaited("other", 5)), Verdict::Gone);
}

#[test]
fn a_task_that_gave_up_after_the_change_is_named() {
    let failing = view(&[(TaskState::Failed, true), (TaskState::Running, true)]);
    assert_eq!(
        verdict(&failing, &awaited("s", 5)),
        Verdict::Failing("web.0: exit 1".into())
    );
    assert_ne!(
        verdict(&failing, &awaited("s", 10)),
        Verdict::Failing("web.0: exit 1".into())
    );
}

#[test]
fn a_cluster_without_workers_says_so() {
    let mut view = view(&[]);
    view.nodes.clear();
    assert_eq!(
        verdict(&view, &awaited("s", 5)),
        Verdict::NotYet("no worker is ready".into())
    );
}
