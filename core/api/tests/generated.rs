//! Is the checked-in code what the protos say? Generates it anew with protox and tonic-prost-build (no protoc) and
//! compares. After a change of a .proto:
//!
//! ```text
//! WARDROOM_GENERATE=write cargo test -p wardroom-api --test generated
//! ```

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its own tree should stop at that line"
)]

use std::fs;
use std::path::Path;

/// A generated file opens like every other one, and is judged by its generator's authors, not by our lints.
const HEADER: &str = "\
//! What is said on the wire? Generated from `proto/` by `tests/generated.rs`, which also says how; not edited by hand.
#![allow(clippy::all, clippy::pedantic, unreachable_pub, rustdoc::invalid_html_tags, rustdoc::broken_intra_doc_links)]

";

/// Messages that carry a plaintext value directly. `redact.rs` writes their Debug; whatever contains them derives.
const PLAINTEXT: [&str; 3] = [
    ".wardroom.v1.Value",
    ".wardroom.v1.Value.source",
    ".wardroom.v1.SecretAssignment",
];

fn generate() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let files = ["objects", "control", "dispatcher", "peer"].map(|name| root.join(format!("{name}.proto")));
    let descriptors = protox::compile(files, [&root]).unwrap();
    let out = tempfile::tempdir().unwrap();
    tonic_prost_build::configure()
        .btree_map(".")
        .skip_debug(PLAINTEXT)
        .emit_rerun_if_changed(false)
        .out_dir(out.path())
        .compile_fds(descriptors)
        .unwrap();
    HEADER.to_owned() + &fs::read_to_string(out.path().join("wardroom.v1.rs")).unwrap()
}

#[test]
fn generated_code_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generated/wardroom.v1.rs");
    let fresh = generate();
    if std::env::var_os("WARDROOM_GENERATE").is_some_and(|value| value == "write") {
        fs::write(&path, &fresh).unwrap();
    }
    let checked_in = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == fresh,
        "src/generated/wardroom.v1.rs is stale: run `WARDROOM_GENERATE=write cargo test -p wardroom-api --test generated`"
    );
}
