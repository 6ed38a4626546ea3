//! Is a container engine here, and an image for it? The engine that `DOCKER_HOST` or the usual socket leads to, and an
//! image made of this machine's own static busybox, because there is no registry to ask.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::skip;

/// What the image can run, all of it busybox.
const APPLETS: [&str; 24] = [
    "sh",
    "cat",
    "sleep",
    "true",
    "false",
    "echo",
    "ls",
    "id",
    "stat",
    "env",
    "test",
    "head",
    "tail",
    "sha256sum",
    "kill",
    "date",
    "mkdir",
    "cp",
    "mv",
    "rm",
    "readlink",
    "wc",
    "grep",
    "seq",
];

/// The image's name when an engine and a static busybox are here; otherwise says so on stderr, or fails when
/// `WARDROOM_TEST_REQUIRE` asks for docker.
pub fn image_or_skip(test: &str) -> Option<&'static str> {
    const IMAGE: &str = "wardroom-test";
    if busybox_image(IMAGE) {
        return Some(IMAGE);
    }
    skip::skipped(
        test,
        "docker",
        "a container engine, the docker command and a static busybox",
    );
    None
}

/// Imports a root file system of nothing but busybox under that name; `false` where that cannot be.
pub fn busybox_image(name: &str) -> bool {
    let Some(busybox) = static_busybox() else { return false };
    let root = tempfile::tempdir().unwrap();
    for folder in ["bin", "tmp", "run", "etc", "root"] {
        std::fs::create_dir(root.path().join(folder)).unwrap();
    }
    std::fs::copy(&busybox, root.path().join("bin/busybox")).unwrap();
    for applet in APPLETS {
        std::os::unix::fs::symlink("busybox", root.path().join("bin").join(applet)).unwrap();
    }
    let users = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n";
    std::fs::write(root.path().join("etc/passwd"), users).unwrap();
    import(root.path(), name)
}

fn import(root: &Path, name: &str) -> bool {
    let tar = Command::new("tar")
        .args(["--owner=0", "--group=0", "--directory"])
        .arg(root)
        .args(["--create", "."])
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut tar) = tar else { return false };
    let archive = tar.stdout.take().unwrap();
    let import = Command::new("docker")
        .args(["import", "--change", "CMD [\"/bin/sh\"]", "-", name])
        .stdin(archive)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let _ = tar.wait();
    import.is_ok_and(|status| status.success())
}

/// One that needs nothing of the machine around it.
fn static_busybox() -> Option<PathBuf> {
    let candidates = ["/bin/busybox", "/usr/bin/busybox", "/usr/local/bin/busybox"];
    candidates.into_iter().map(PathBuf::from).find(|path| {
        let bytes = std::fs::read(path).unwrap_or_default();
        // A dynamic one names its interpreter.
        !bytes.is_empty() && !contains(&bytes, b"/ld-linux") && !contains(&bytes, b"/ld-musl")
    })
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
