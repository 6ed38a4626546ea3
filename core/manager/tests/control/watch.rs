//! Does a watcher see everything once, also when it comes back?

use std::collections::BTreeSet;

use v1::change::Action;
use v1::object::Kind as Body;
use v1::watch_message::Body as Message;
use wardroom_api::v1;
use wardroom_api::v1::control_client::ControlClient;

use crate::fleet::{Fleet, in_time, until};

type Control = ControlClient<tonic::transport::Channel>;

async fn create(control: &mut Control, names: std::ops::Range<u32>) -> u64 {
    let mut index = 0;
    for number in names {
        let value = Some(v1::Value::from_bytes(b"value".to_vec()));
        let request = v1::CreateSecretRequest {
            name: format!("s{number:02}"),
            value,
            ..Default::default()
        };
        index = control.create_secret(request).await.unwrap().into_inner().index;
    }
    index
}

fn names(body: &Message, into: &mut Vec<String>) {
    let mut take = |object: &v1::Object| match object.kind.as_ref().unwrap() {
        Body::Secret(secret) => into.push(secret.name.clone()),
        other => panic!("only secrets were asked for: {other:?}"),
    };
    match body {
        Message::Snapshot(snapshot) => snapshot.objects.iter().for_each(&mut take),
        Message::Changes(changes) => changes
            .changes
            .iter()
            .for_each(|change| match change.action.as_ref().unwrap() {
                Action::Put(object) => take(object),
                Action::Removed(key) => panic!("nothing is removed: {key:?}"),
            }),
        Message::Manager(_) | Message::ManagerLost(_) => {}
    }
}

/// Everything a watcher is told until it stands at `until_index`; `true` first when it began with a snapshot.
async fn watch(control: &mut Control, resume_index: u64, until_index: u64) -> (bool, Vec<String>, u64) {
    let kinds = vec![v1::Kind::Secret.into()];
    let request = v1::WatchRequest {
        resume_index,
        kinds,
        managers: false,
    };
    let mut stream = control.watch(request).await.unwrap().into_inner();
    let (mut seen, mut snapshot, mut at) = (Vec::new(), false, resume_index);
    while at < until_index {
        let message = in_time("the next message", stream.message()).await.unwrap().unwrap();
        assert!(message.index >= at, "a watcher never goes back");
        at = message.index;
        let body = message.body.unwrap();
        snapshot |= matches!(body, Message::Snapshot(_));
        names(&body, &mut seen);
    }
    (snapshot, seen, at)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_resumes_without_gap_and_without_doubles() {
    let fleet = Fleet::start(0).await;
    let mut control = fleet.control(fleet.follower());
    let index = create(&mut control, 0..5).await;
    let (snapshot, first, at) = watch(&mut control, 0, index).await;
    assert!(snapshot);
    assert_eq!(first.len(), 5);

    let index = create(&mut control, 5..20).await;
    let (snapshot, second, _) = watch(&mut control, at, index).await;
    assert!(!snapshot, "what it has is not sent again");
    let all: BTreeSet<String> = first.iter().chain(&second).cloned().collect();
    assert_eq!((second.len(), all.len()), (15, 20));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_arrive_while_watching() {
    let fleet = Fleet::start(0).await;
    let (mut watcher, mut writer) = (fleet.control(0), fleet.control(1));
    let watching = tokio::spawn(async move {
        let request = v1::WatchRequest {
            kinds: vec![v1::Kind::Secret.into()],
            ..Default::default()
        };
        let mut stream = watcher.watch(request).await.unwrap().into_inner();
        let mut seen = Vec::new();
        while seen.len() < 10 {
            names(&stream.message().await.unwrap().unwrap().body.unwrap(), &mut seen);
        }
        seen
    });
    create(&mut writer, 0..10).await;
    let seen = in_time("ten changes", watching).await.unwrap();
    assert_eq!(seen, (0..10).map(|number| format!("s{number:02}")).collect::<Vec<_>>());
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_from_another_life_gives_a_snapshot() {
    let fleet = Fleet::start(0).await;
    let mut control = fleet.control(0);
    let index = create(&mut control, 0..3).await;
    until(&fleet.managers[0], "all are here", |state| state.secrets().len() == 3).await;
    let request = v1::WatchRequest {
        resume_index: index + 1_000_000,
        kinds: vec![v1::Kind::Secret.into()],
        managers: false,
    };
    let mut stream = control.watch(request).await.unwrap().into_inner();
    let first = in_time("a snapshot", stream.message()).await.unwrap().unwrap();
    assert!(matches!(first.body, Some(Message::Snapshot(snapshot)) if snapshot.objects.len() == 3));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_managers_words_come_along() {
    let fleet = Fleet::start(0).await;
    let leader = fleet.leader();
    let mut control = fleet.control(leader);
    let mut stream = control
        .watch(v1::WatchRequest {
            managers: true,
            ..Default::default()
        })
        .await
        .unwrap()
        .into_inner();
    let mut heard = BTreeSet::new();
    while heard.len() < 3 {
        let message = in_time("a manager's word", stream.message()).await.unwrap().unwrap();
        if let Some(Message::Manager(status)) = message.body {
            heard.insert(status.node_id);
        }
    }
    let lost = fleet.follower();
    fleet.managers[lost].shutdown().await;
    loop {
        let message = in_time("the loss of a manager", stream.message())
            .await
            .unwrap()
            .unwrap();
        if let Some(Message::ManagerLost(word)) = message.body {
            assert_eq!(word.node_id, format!("m{}", lost + 1));
            break;
        }
    }
    let status = control.status(v1::StatusRequest {}).await.unwrap().into_inner();
    assert_eq!(status.leader, status.answered_by);
    assert_eq!((status.managers.len(), status.lost.len()), (2, 1));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_larger_than_other_messages_arrives() {
    let fleet = Fleet::start(0).await;
    let mut control = fleet.control(0);
    let label = "x".repeat(65_000);
    for number in 0..140 {
        let request = v1::CreateSecretRequest {
            name: format!("s{number}"),
            value: v1::Value::from_bytes(b"value".to_vec()).into(),
            labels: [("note".to_owned(), label.clone())].into(),
            ..Default::default()
        };
        control.create_secret(request).await.unwrap();
    }
    let mut stream = control.watch(v1::WatchRequest::default()).await.unwrap().into_inner();
    let first = in_time("a snapshot", stream.message()).await.unwrap().unwrap();
    let Some(Message::Snapshot(snapshot)) = first.body else {
        panic!("a watch begins with a snapshot")
    };
    assert!(snapshot.objects.len() >= 140);
    let listed = control
        .list(v1::ListRequest {
            kind: v1::Kind::Secret.into(),
            ..Default::default()
        })
        .await;
    assert_eq!(listed.unwrap().into_inner().objects.len(), 140);
    fleet.stop().await;
}
