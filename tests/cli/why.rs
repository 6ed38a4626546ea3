//! Where does the chain from a grant to the bytes break? Asked of a real cluster, whole and broken.

use harness::process::Demo;

use crate::binary;

#[test]
fn a_chain_is_whole_until_something_is_taken_away() {
    let demo = Demo::empty(&binary());
    demo.feed(&["secret", "create", "db", "-"], b"value").ok();
    demo.feed(&["secret", "create", "other", "-"], b"value").ok();
    demo.run(&[
        "service",
        "create",
        "--name",
        "web",
        "--replicas",
        "2",
        "--secret",
        "db",
        "--",
        "sleep",
        "1000",
    ])
    .ok();

    let page = demo.run(&["why", "web", "db"]).ok();
    for text in [
        "ok       grant",
        "ok       digest",
        "whole: 2 files in place and proven",
    ] {
        assert!(page.contains(text), "{text:?} is not in: {page}");
    }
    let whole = demo.run(&["why", "web", "db", "--format", "json"]).json();
    assert_eq!(whole["whole"], true);
    assert_eq!(whole["tasks"].as_array().unwrap().len(), 2);
    let of_task = demo.run(&["why", "web.1", "db", "--format", "json"]).json();
    assert_eq!(of_task["tasks"].as_array().unwrap().len(), 1);
    assert_eq!(of_task["tasks"][0]["task"], "web.1");

    // Not granted: the page says so, the exit code too, and nothing else is printed.
    let broken = demo.run(&["why", "web", "other"]);
    assert_eq!((broken.code, broken.err.as_str()), (1, ""));
    for text in [
        "broken at the grant: web was not granted other",
        "Next: wardroom service update --secret-add other web",
    ] {
        assert!(broken.out.contains(text), "{text:?} is not in: {}", broken.out);
    }

    demo.run(&["secret", "revoke", "db@1", "--yes"]).ok();
    let revoked = demo.run(&["why", "web", "db", "--format", "json"]);
    assert_eq!(revoked.code, 1);
    let document: serde_json::Value = serde_json::from_str(&revoked.out).unwrap();
    assert_eq!(document["breaks_at"]["step"], "version", "{document}");

    demo.run(&["why", "wbe", "db"])
        .refused(3, &["service wbe not found", "did you mean web?"]);
    demo.run(&["why", "web", "nope"]).refused(3, &["secret nope not found"]);
}
