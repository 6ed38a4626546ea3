//! What does a container see of its task's files? All of them, as they are granted, read-only, and each swap at once.

use wardroom_agent::executor::{Executor, Exit};
use wardroom_agent::files::Files;

use crate::bench::{PATIENCE, bench, lines, task, until_line};

#[tokio::test(flavor = "multi_thread")]
async fn files_have_content_owner_and_mode_and_cannot_be_written() {
    let Some(bench) = bench("files_have_content_owner_and_mode_and_cannot_be_written") else {
        return;
    };
    bench.publish(&[("tls/db_password", "one")]);
    let job = bench.job(
        "cat /run/secrets/tls/db_password; echo; stat -L -c '%u %g %a' /run/secrets/tls/db_password
         (: > /run/secrets/x) 2>/dev/null || echo read-only
         grep -c ' /run/secrets ro.* tmpfs ' /proc/self/mountinfo; exit 3",
    );
    let (written, exit) = bench.run(&job).await;
    assert_eq!(written, ["one", "4242 4343 440", "read-only", "1"]);
    assert_eq!(
        exit,
        Exit {
            code: 3,
            error: "exit code 3".into()
        }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_the_old_set_or_the_new_one() {
    let Some(bench) = bench("a_reader_sees_the_old_set_or_the_new_one") else {
        return;
    };
    let (old, new) = ("o".repeat(3000), "n".repeat(3000));
    bench.publish(&[("db", &old), ("/etc/deep/er/db", &old)]);
    let script = format!(
        "echo reading
         while :; do
           for file in /run/secrets/db /etc/deep/er/db; do
             value=$(cat $file) || {{ echo missing $file; exit 1; }}
             case $value in {old}) ;; {new}) seen=$seen.$file ;; *) echo torn; exit 1 ;; esac
           done
           case $seen in *secrets/db*er/db*) echo swapped; exit 0 ;; esac
         done"
    );
    let job = bench.job(&script);
    let mut running = bench.start_with(&job, &["/etc/deep/er/db"]).await;
    until_line(&job, "reading").await;
    bench.publish(&[("db", &new), ("/etc/deep/er/db", &new)]);
    let exit = tokio::time::timeout(PATIENCE, running.wait()).await.unwrap();
    assert_eq!((lines(&job), exit.code), (vec!["reading".into(), "swapped".into()], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absolute_target_is_a_link_in_a_directory_that_anybody_may_walk() {
    let Some(bench) = bench("an_absolute_target_is_a_link_in_a_directory_that_anybody_may_walk") else {
        return;
    };
    bench.publish(&[("/etc/new/key.pem", "pem")]);
    let script = "readlink /etc/new/key.pem; cat /etc/new/key.pem; echo; stat -c %a /etc /etc/new; id -u; echo ready
                  while :; do test -e /opt/late && cat /opt/late && exit 0; done";
    let job = bench.job_with(script, |run| run.user = "4242:4343".into());
    let mut running = bench.start_with(&job, &["/etc/new/key.pem"]).await;
    until_line(&job, "ready").await;
    bench.publish(&[("/etc/new/key.pem", "pem"), ("/opt/late", "late")]);
    running
        .changed(&["/etc/new/key.pem".into(), "/opt/late".into()])
        .await
        .unwrap();
    assert_eq!(tokio::time::timeout(PATIENCE, running.wait()).await.unwrap().code, 0);
    let expected = [
        "/run/secrets/..absolute/etc/new/key.pem",
        "pem",
        "755",
        "755",
        "4242",
        "ready",
        "late",
    ];
    assert_eq!(lines(&job), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_root_takes_no_link_and_is_told_so() {
    let Some(bench) = bench("a_read_only_root_takes_no_link_and_is_told_so") else {
        return;
    };
    bench.publish(&[("db", "one")]);
    let job = bench.job_with("cat /run/secrets/db", |run| run.read_only = true);
    let error = bench.containers.start(&job, &["/etc/key".into()]).await.err().unwrap();
    assert!(error.to_string().contains("no link can be put at /etc/key"), "{error}");
    let (written, exit) = bench.run(&job).await;
    assert_eq!((written, exit.code), (vec!["one".into()], 0));
    assert!(
        bench.files.directory(&task()).exists(),
        "files go with the task, not with its executor"
    );
}
