//! Does anything that stands in a file make the program panic? No bytes do, on the whole way.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use proptest::prelude::*;

use super::*;

fn whole_way(files: &[Vec<u8>]) {
    let mut problems = Problems::default();
    let lookup = |name: &str| name.len().is_multiple_of(2).then(|| name.to_owned());
    let mut trees: Vec<Node> = Vec::new();
    for bytes in files {
        if let Some(tree) = read("f.yml", bytes, &mut problems) {
            trees.push(interpolate(tree, &lookup, &mut problems));
        }
    }
    let Some(tree) = merge(trees, &mut problems) else {
        return;
    };
    let compose = shape(&tree, &mut problems);
    let around = Surroundings {
        stack: "s",
        folder: "/f",
        lookup: &lookup,
        file: &|path| Ok(path.as_bytes().to_vec()),
    };
    let _ = convert(&compose, &around, &mut problems);
    let _ = emit(&tree);
    let _ = problems.check();
}

/// Lines that look like a compose file, in any order.
fn any_file() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "services:",
        "secrets:",
        "networks:",
        "volumes:",
        "  web:",
        "  a: &a",
        "    image: x",
        "    command: ['a', b]",
        "    command: a 'b",
        "    secrets:",
        "      - a",
        "      - source: a",
        "        target: ../x",
        "        mode: 0444",
        "        uid: -1",
        "    ports:",
        "      - 1-5:2-6/udp",
        "      - 65536",
        "      - target: 0",
        "    environment:",
        "      - A=${B:-${C}}",
        "      B: $$",
        "    deploy:",
        "      replicas: 99999999999",
        "      update_config:",
        "        max_failure_ratio: 1.0000001",
        "        delay: 1h",
        "      placement:",
        "        constraints: [a, node.id==]",
        "    healthcheck: {test: [CMD], interval: -1s}",
        "    volumes: ['~/x:/y', 'a:b:c:d', {type: tmpfs, target: /}]",
        "    x-wardroom: {executor: files, reload: {pidfile: p, signal: s}}",
        "  <<: *a",
        "    external: {name: x}",
        "    file: x",
        "    labels: [a=b, =]",
        "!reset",
        "---",
        "\t",
        "  'q",
        "    env_file: x",
        "    networks: {a: {aliases: }}",
    ]);
    let noise = prop_oneof![words.prop_map(str::to_owned), "[ -~]{0,12}", any::<String>()];
    prop::collection::vec(noise, 0..40).prop_map(|lines| lines.join("\n").into_bytes())
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        whole_way(&[bytes]);
    }

    #[test]
    fn no_lines_panic(files in prop::collection::vec(any_file(), 1..3)) {
        whole_way(&files);
    }

    #[test]
    fn no_variable_panics(text in "[$A-C{}:?+\\-ä ]{0,40}") {
        whole_way(&[format!("services: {{web: {{image: '{text}'}}}}").into_bytes()]);
    }
}
