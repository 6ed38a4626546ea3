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
    ".wardroom.v1.Confidential",
    ".wardroom.v1.Value",
    ".wardroom.v1.Value.source",
];

/// Opens the list of methods.
const METHODS_HEADER: &str = "\
//! Which methods are there? Generated from `proto/` by `tests/generated.rs`; not edited by hand.

/// The path of every method of every service, sorted.
pub const METHODS: &[&str] = &[
";

/// The messages and services, and the list of all methods.
fn generate() -> [(&'static str, String); 2] {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let names = ["objects", "ca", "control", "daemon", "dispatcher", "lock", "peer"];
    let descriptors = protox::compile(names.map(|name| root.join(format!("{name}.proto"))), [&root]).unwrap();
    let mut methods: Vec<String> = Vec::new();
    for service in descriptors.file.iter().flat_map(|file| &file.service) {
        let path = |rpc: &str| format!("    \"/wardroom.v1.{}/{rpc}\",\n", service.name());
        methods.extend(service.method.iter().map(|method| path(method.name())));
    }
    methods.sort();
    let out = tempfile::tempdir().unwrap();
    tonic_prost_build::configure()
        .btree_map(".")
        .skip_debug(PLAINTEXT)
        .emit_rerun_if_changed(false)
        .out_dir(out.path())
        .compile_fds(descriptors)
        .unwrap();
    let code = HEADER.to_owned() + &fs::read_to_string(out.path().join("wardroom.v1.rs")).unwrap();
    let methods = METHODS_HEADER.to_owned() + &methods.concat() + "];\n";
    [("wardroom.v1.rs", code), ("methods.rs", methods)]
}

#[test]
fn generated_code_is_current() {
    let write = std::env::var_os("WARDROOM_GENERATE").is_some_and(|value| value == "write");
    for (name, fresh) in generate() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generated").join(name);
        if write {
            fs::write(&path, &fresh).unwrap();
        }
        let checked_in = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            checked_in == fresh,
            "src/generated/{name} is stale: run `WARDROOM_GENERATE=write cargo test -p wardroom-api --test generated`"
        );
    }
}
