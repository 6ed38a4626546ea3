//! Does a reader of logs get every line once, whatever becomes of its stream?
#![allow(
    clippy::unnecessary_wraps,
    reason = "lines and answers are what a stream and a call give"
)]

use tonic::Status;
use wardroom_api::v1::{LogLine, LogsRequest};
use wardroom_api::{CallKind, LogFeed};

use crate::script::{Said, Script, says, serve};

fn request(follow: bool) -> LogsRequest {
    LogsRequest {
        references: vec!["web".into()],
        follow,
        tail: Some(5),
        since_ms: 0,
    }
}

fn line(task: &str, number: u64, at_ms: i64) -> Result<LogLine, Status> {
    Ok(LogLine {
        task_id: task.into(),
        number,
        at_ms,
        ..LogLine::default()
    })
}

fn broken(lines: Vec<Result<LogLine, Status>>) -> Result<Said<LogLine>, Status> {
    let lost = Status::unavailable("another manager leads now");
    Ok(says(lines.into_iter().chain([Err(lost)]).collect()).1)
}

fn whole(lines: Vec<Result<LogLine, Status>>) -> Result<Said<LogLine>, Status> {
    Ok(says(lines).1)
}

async fn read(script: &Script, follow: bool) -> (Vec<(String, u64)>, Option<CallKind>) {
    let mut feed = LogFeed::open(serve(script), request(follow)).await.unwrap();
    let mut lines = Vec::new();
    while let Some(line) = feed.line().await {
        match line {
            Ok(line) => lines.push((line.task_id, line.number)),
            Err(error) => return (lines, Some(error.kind())),
        }
    }
    (lines, None)
}

fn lines(of: &[(&str, u64)]) -> Vec<(String, u64)> {
    of.iter().map(|(task, number)| ((*task).to_owned(), *number)).collect()
}

#[tokio::test]
async fn every_line_comes_once() {
    let script = Script::default();
    script.logs_answer([
        broken(vec![line("a", 7, 70), line("b", 1, 60), line("a", 8, 80)]),
        Err(Status::unavailable("no leader")),
        broken(vec![
            line("a", 8, 80),
            line("", 0, 999),
            line("b", 2, 90),
            line("a", 9, 75),
        ]),
        whole(vec![
            line("a", 9, 75),
            line("c", 1, 95),
            line("b", 2, 90),
            line("b", 3, 91),
        ]),
    ]);
    let (got, failed) = read(&script, true).await;
    let wanted = [
        ("a", 7),
        ("b", 1),
        ("a", 8),
        ("", 0),
        ("b", 2),
        ("a", 9),
        ("c", 1),
        ("b", 3),
    ];
    assert_eq!((got, failed), (lines(&wanted), None));
    let asked: Vec<_> = script
        .logs_asked()
        .iter()
        .map(|asked| (asked.tail, asked.since_ms))
        .collect();
    assert_eq!(
        asked,
        [(Some(5), 0), (None, 60), (None, 60), (None, 75)],
        "from the newest line of the task that has been silent for longest"
    );
}

#[tokio::test]
async fn who_does_not_follow_is_told() {
    let script = Script::default();
    script.logs_answer([broken(vec![line("a", 1, 10)])]);
    assert_eq!(
        read(&script, false).await,
        (lines(&[("a", 1)]), Some(CallKind::Unavailable))
    );
    assert_eq!(script.logs_asked().len(), 1);
}

#[tokio::test]
async fn what_will_not_pass_ends_it() {
    let script = Script::default();
    script.logs_answer([broken(vec![]), Err(Status::permission_denied("not you"))]);
    assert_eq!(read(&script, true).await, (vec![], Some(CallKind::PermissionDenied)));
    let script = Script::default();
    script.logs_answer([
        broken(vec![line("a", 1, 10)]),
        Err(Status::not_found("no such service")),
    ]);
    assert_eq!(
        read(&script, true).await,
        (lines(&[("a", 1)]), None),
        "it was removed meanwhile"
    );
    let script = Script::default();
    script.logs_answer([Err(Status::unavailable("no leader"))]);
    assert!(
        LogFeed::open(serve(&script), request(true)).await.is_err(),
        "at the beginning"
    );
}
