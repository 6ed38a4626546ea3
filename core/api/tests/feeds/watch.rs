//! Does a watch survive its connections?

use tonic::Status;
use wardroom_api::v1::{Changes, Kind, ManagerStatus, Snapshot, WatchMessage, WatchRequest, watch_message::Body};
use wardroom_api::{CallKind, Client, FeedEvent, WatchFeed};

use crate::script::{Script, says, serve};

fn snapshot(index: u64) -> WatchMessage {
    WatchMessage {
        index,
        body: Some(Body::Snapshot(Snapshot::default())),
    }
}

fn changes(index: u64) -> WatchMessage {
    WatchMessage {
        index,
        body: Some(Body::Changes(Changes::default())),
    }
}

fn manager(index: u64) -> WatchMessage {
    WatchMessage {
        index,
        body: Some(Body::Manager(ManagerStatus::default())),
    }
}

fn kind(event: &FeedEvent) -> CallKind {
    match event {
        FeedEvent::Lost(reason) => reason.kind(),
        other => panic!("{other:?} is no loss"),
    }
}

#[tokio::test]
async fn a_feed_resumes_after_the_last_objects_it_saw() {
    let script = Script::default();
    let (first, stream) = says(vec![Ok(snapshot(4)), Ok(changes(7)), Ok(manager(9))]);
    let (_second, again) = says(vec![Ok(changes(8))]);
    script.watch_answers([Ok(stream), Ok(again)]);
    let mut feed = WatchFeed::new(serve(&script), &[Kind::Secret], true);

    assert_eq!(feed.event().await, FeedEvent::Connected);
    for message in [snapshot(4), changes(7), manager(9)] {
        assert_eq!(feed.event().await, FeedEvent::Message(message));
    }
    drop(first);
    assert_eq!(kind(&feed.event().await), CallKind::Unavailable);
    assert_eq!(feed.event().await, FeedEvent::Connected);
    assert_eq!(feed.event().await, FeedEvent::Message(changes(8)));

    let asked = script.watch_asked();
    let secret = vec![i32::from(Kind::Secret)];
    let request = |resume_index| WatchRequest {
        resume_index,
        kinds: secret.clone(),
        managers: true,
    };
    assert_eq!(asked, [request(0), request(7)]);
}

#[tokio::test]
async fn a_refusal_and_a_break_are_told_and_tried_again() {
    let script = Script::default();
    let (_open, stream) = says(vec![Err(Status::aborted("cut"))]);
    let (_last, again) = says(vec![Ok(snapshot(1))]);
    script.watch_answers([Err(Status::permission_denied("not you")), Ok(stream), Ok(again)]);
    let mut feed = WatchFeed::everything(serve(&script));

    assert_eq!(kind(&feed.event().await), CallKind::PermissionDenied);
    assert_eq!(feed.event().await, FeedEvent::Connected);
    assert_eq!(kind(&feed.event().await), CallKind::Conflict);
    assert_eq!(feed.event().await, FeedEvent::Connected);
    assert_eq!(feed.event().await, FeedEvent::Message(snapshot(1)));
}

/// Twenty pauses in full would be most of a minute.
#[tokio::test]
async fn who_knows_that_somebody_answers_again_ends_the_pause() {
    let script = Script::default();
    let (_open, stream) = says(vec![Ok(snapshot(1))]);
    let refusals = (0..20).map(|_| Err(Status::failed_precondition("locked")));
    script.watch_answers(refusals.chain([Ok(stream)]));
    let mut feed = WatchFeed::everything(serve(&script));
    for _ in 0..20 {
        assert_eq!(kind(&feed.event().await), CallKind::Precondition);
        assert!(polled_once(&mut feed).await.is_none(), "it waits");
        feed.hurry();
    }
    assert_eq!(feed.event().await, FeedEvent::Connected);
    feed.hurry();
    assert_eq!(
        feed.event().await,
        FeedEvent::Message(snapshot(1)),
        "an open watch stays"
    );
}

#[tokio::test]
async fn without_a_manager_the_reason_is_the_socket() {
    let folder = tempfile::tempdir().unwrap();
    let mut feed = WatchFeed::everything(Client::unix(folder.path().join("w.sock")));
    assert_eq!(kind(&feed.event().await), CallKind::Socket);
    assert_eq!(kind(&feed.event().await), CallKind::Socket);
}

#[tokio::test]
async fn an_event_that_is_given_up_is_not_lost() {
    let script = Script::default();
    let (sender, stream) = says(vec![]);
    script.watch_answers([Ok(stream)]);
    let mut feed = WatchFeed::everything(serve(&script));
    // Polled once and dropped while it opens: the opening goes on in the feed.
    assert!(polled_once(&mut feed).await.is_none());
    assert_eq!(feed.event().await, FeedEvent::Connected);
    sender.send(Ok(snapshot(2))).await.unwrap();
    assert_eq!(feed.event().await, FeedEvent::Message(snapshot(2)));
    assert_eq!(script.watch_asked().len(), 1);
}

/// Polls the next event exactly once.
async fn polled_once(feed: &mut WatchFeed) -> Option<FeedEvent> {
    let mut event = std::pin::pin!(feed.event());
    std::future::poll_fn(|context| match event.as_mut().poll(context) {
        std::task::Poll::Ready(event) => std::task::Poll::Ready(Some(event)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}
