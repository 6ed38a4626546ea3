//! Docker's grammars of mounts, ports and variables.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use super::*;

#[test]
fn mounts() {
    let bind = mount("type=bind,src=/srv,DST=/data,readonly").unwrap();
    assert_eq!(
        bind,
        v1::Mount {
            kind: MountKind::Bind.into(),
            source: "/srv".into(),
            target: "/data".into(),
            read_only: true,
        }
    );
    assert_eq!(mount("source=v,target=/v,ro=false").unwrap().kind(), MountKind::Volume);
    assert_eq!(mount("type=tmpfs,target=/t").unwrap().kind(), MountKind::Tmpfs);
    for (text, message) in [
        ("type=bind,source=/a", "target is required"),
        ("type=bind,target=/a", "source is required for a bind mount"),
        (
            "type=bind,source=a,target=/a",
            "invalid mount source 'a': it must be an absolute path",
        ),
        ("type=tmpfs,source=a,target=/a", "a tmpfs has no source"),
        (
            "type=disk,target=/a",
            "invalid mount type 'disk': bind, volume or tmpfs is expected",
        ),
        ("target=a", "invalid mount target 'a': it must be an absolute path"),
        ("tagret=/a", "invalid field in mount: tagret"),
    ] {
        assert_eq!(mount(text).unwrap_err().message, message);
    }
    assert!(
        mount("tagret=/a")
            .unwrap_err()
            .hint
            .unwrap()
            .starts_with("did you mean target?")
    );
}

#[test]
fn ports() {
    let made = |published, target, protocol: Protocol| v1::Port {
        published,
        target,
        protocol: protocol.into(),
    };
    assert_eq!(port("8080:80").unwrap(), made(8080, 80, Protocol::Tcp));
    assert_eq!(port("53/udp").unwrap(), made(0, 53, Protocol::Udp));
    assert_eq!(
        port("published=1,target=2,protocol=sctp,mode=host").unwrap(),
        made(1, 2, Protocol::Sctp)
    );
    for (text, message) in [
        ("80-90", "invalid port '80-90': ranges are not supported"),
        ("0", "invalid port '0': a number from 1 to 65535 is expected"),
        (
            "127.0.0.1:80:80",
            "invalid port '127.0.0.1:80:80': an address of the host cannot be named",
        ),
        ("80/http", "invalid protocol 'http': tcp, udp or sctp is expected"),
        ("target=80,mode=ingress", "publish mode 'ingress' is not supported"),
        ("published=80", "a port needs a target"),
    ] {
        assert_eq!(port(text).unwrap_err().message, message);
    }
}

#[test]
fn networks_have_a_name_and_nothing_else() {
    assert_eq!(network("front").unwrap(), "front");
    assert_eq!(network("name=front").unwrap(), "front");
    assert_eq!(
        network("name=front,alias=x").unwrap_err().message,
        "invalid field in network: alias"
    );
}

#[test]
fn the_last_word_about_a_variable_counts() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "# a remark\n\nA=1\nHERE\nB=x=y\n").unwrap();
    let here = |name: &str| (name == "HERE").then(|| "home".to_owned());
    let made = environment(&[file.path()], &["A=2".into(), "NONE".into(), "C=".into()], &here).unwrap();
    assert_eq!(made, ["A=2", "HERE=home", "B=x=y", "C="]);
    assert!(environment(&[] as &[&Path], &["=x".into()], &here).is_err());
}

#[test]
fn a_text_becomes_words_as_in_a_shell() {
    assert_eq!(words("--args", "sh -c \"sleep 5\"").unwrap(), ["sh", "-c", "sleep 5"]);
    assert!(
        words("--args", "sh 'x")
            .unwrap_err()
            .message
            .starts_with("invalid --args")
    );
}
