//! Does a bundle come back as it was written, and is everything else refused with words?

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use super::*;
use crate::identity::Role;
use crate::root::tests::{issue, next_root, root};

fn bundle(name: &str) -> Bundle {
    let (old, new) = (root("c1"), next_root("c1", 1));
    let issued = issue(&new, "op1", Role::Operator, 0);
    Bundle {
        name: name.into(),
        roots_pem: [new.certificate_pem(), old.certificate_pem()].concat(),
        certificate_pem: issued.certificate_pem + &old.cross_sign(&new).unwrap(),
        key: issued.key,
        managers: vec!["10.0.0.1:2377".into(), "[::1]:2377".into()],
    }
}

fn text() -> String {
    String::from_utf8(bundle("ada").text().unwrap().expose().to_vec()).unwrap()
}

fn fault(text: &str) -> BundleFault {
    Bundle::parse(text.as_bytes()).err().unwrap()
}

fn assert_same(read: &Bundle, written: &Bundle) {
    let parts = |bundle: &Bundle| {
        let Bundle {
            name,
            roots_pem,
            certificate_pem,
            managers,
            ..
        } = bundle;
        (
            name.clone(),
            roots_pem.clone(),
            certificate_pem.clone(),
            managers.clone(),
        )
    };
    assert_eq!(parts(read), parts(written));
    assert!(read.key.equals(written.key.expose()));
}

#[test]
fn a_bundle_comes_back_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ada.pem");
    bundle("Ada Lovelace").write(&path, false).unwrap();
    assert_same(&Bundle::read(&path).unwrap(), &bundle("Ada Lovelace"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left aside");
}

#[test]
fn the_form_is_as_documented() {
    let text = text();
    let comments: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
    let expected = [
        "# wardroom operator ada",
        "# manager: 10.0.0.1:2377",
        "# manager: [::1]:2377",
        "# certificate",
        "# roots",
        "# key",
    ];
    assert_eq!(comments, expected);
    assert_eq!(text.matches("-----BEGIN CERTIFICATE-----").count(), 4);
    assert!(text.ends_with("-----END PRIVATE KEY-----\n"));
}

#[test]
fn line_ends_and_comments_do_not_matter() {
    let dos = text().replace('\n', "\r\n");
    assert_same(&Bundle::parse(dos.as_bytes()).unwrap(), &bundle("ada"));
    let noted = text().replace("# roots\n", "# roots\n\n# kept in the safe\n");
    assert_same(&Bundle::parse(noted.as_bytes()).unwrap(), &bundle("ada"));
}

#[test]
fn a_file_that_is_there_stays_unless_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ada.pem");
    bundle("ada").write(&path, false).unwrap();
    let error = bundle("bob").write(&path, false).unwrap_err();
    assert!(matches!(error, BundleError::Exists { .. }), "{error}");
    assert_eq!(Bundle::read(&path).unwrap().name, "ada");
    bundle("bob").write(&path, true).unwrap();
    assert_eq!(Bundle::read(&path).unwrap().name, "bob");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left aside");
}

#[test]
fn what_cannot_be_placed_leaves_nothing_of_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("taken");
    fs::create_dir(&taken).unwrap();
    assert!(matches!(
        bundle("ada").write(&taken, true),
        Err(BundleError::Write { .. })
    ));
    let missing = folder.path().join("no/such/ada.pem");
    assert!(matches!(
        bundle("ada").write(&missing, false),
        Err(BundleError::Write { .. })
    ));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_others_can_read_or_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ada.pem");
    bundle("ada").write(&path, false).unwrap();
    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = Bundle::read(&path).err().unwrap();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    let error = Bundle::read(folder.path()).err().unwrap();
    assert!(matches!(
        error,
        BundleError::Content {
            fault: BundleFault::First,
            ..
        }
    ));
    let error = Bundle::read(&folder.path().join("bob.pem")).err().unwrap();
    assert!(matches!(&error, BundleError::Read { .. }) && error.to_string().contains("bob.pem"));
    fs::write(&path, vec![b'#'; 300 * 1024]).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let error = Bundle::read(&path).err().unwrap();
    assert!(matches!(
        error,
        BundleError::Content {
            fault: BundleFault::First,
            ..
        }
    ));
}

#[test]
fn every_missing_doubled_or_misplaced_part_is_named() {
    let good = text();
    assert_eq!(fault(""), BundleFault::First);
    assert_eq!(fault(&good[1..]), BundleFault::First);
    for heading in ["# certificate", "# roots", "# key"] {
        let line = format!("{heading}\n");
        let is_heading = |fault| matches!(fault, BundleFault::Heading(_));
        assert!(is_heading(fault(&good.replacen(&line, "", 1))), "{heading} missing");
        assert!(
            is_heading(fault(&good.replacen(&line, &line.repeat(2), 1))),
            "{heading} twice"
        );
    }
    let swapped = good
        .replace("# roots", "# x")
        .replace("# certificate", "# roots")
        .replace("# x", "# certificate");
    assert_eq!(fault(&swapped), BundleFault::Heading("# certificate"));
    assert_eq!(fault(&good.repeat(2)), BundleFault::Heading("# key"));
    assert_eq!(fault(&good.replace("# manager: ", "# ")), BundleFault::NoManager);
    for bad in ["10.0.0.1", ":2377", "10.0.0.1:99999", "a b:1", "a\u{1b}[2J:1"] {
        assert_eq!(
            fault(&good.replace("10.0.0.1:2377", bad)),
            BundleFault::Manager,
            "{bad:?}"
        );
    }
    assert_eq!(fault(&good.replace("operator ada", "operator ")), BundleFault::First);
    assert_eq!(bundle("").text().err(), Some(BundleFault::Name));
    for bad in [" a", "a\u{1b}[2J", &"a".repeat(129)] {
        assert_eq!(
            fault(&good.replace("operator ada", &format!("operator {bad}"))),
            BundleFault::Name,
            "{bad:?}"
        );
    }
}

#[test]
fn damaged_blocks_and_foreign_keys_are_named() {
    let good = text();
    let (head, key) = good.split_once("# key\n").unwrap();
    assert_eq!(fault(&format!("{head}# key\n")), BundleFault::Key);
    assert_eq!(fault(&format!("{head}# key\n{key}{key}")), BundleFault::Key);
    let mut other = bundle("ada");
    other.key = issue(&root("c1"), "op2", Role::Operator, 0).key;
    assert_eq!(other.text().err(), Some(BundleFault::Mismatch));
    let other = pem::encode("PRIVATE KEY", other.key.expose());
    let other = std::str::from_utf8(other.expose()).unwrap();
    assert_eq!(fault(&format!("{head}# key\n{other}")), BundleFault::Mismatch);
    let (before, roots) = head.split_once("# roots\n").unwrap();
    let fault_of = |text: String| fault(&text);
    assert_eq!(
        fault_of(format!("{before}# roots\n# key\n{key}")),
        BundleFault::Certificate("# roots")
    );
    let bent = roots.replacen("MII", "M*I", 1);
    assert_eq!(
        fault_of(format!("{before}# roots\n{bent}# key\n{key}")),
        BundleFault::Certificate("# roots")
    );
    let bare = "# wardroom operator ada\n# manager: a:1\n";
    let empty = format!("{bare}# certificate\n# roots\n{roots}# key\n{key}");
    assert_eq!(fault(&empty), BundleFault::Certificate("# certificate"));
}

#[test]
fn what_a_text_between_certificates_says_is_not_written() {
    let mut noted = bundle("ada");
    noted.roots_pem = format!("# key\n-----BEGIN PRIVATE KEY-----\n{}", noted.roots_pem);
    let text = noted.text().unwrap();
    assert_same(&Bundle::parse(text.expose()).unwrap(), &bundle("ada"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = Bundle::parse(&bytes);
        let mut begun = FIRST.as_bytes().to_vec();
        begun.extend_from_slice(&bytes);
        prop_assert!(Bundle::parse(&begun).is_err());
    }

    #[test]
    fn a_damaged_bundle_is_read_or_refused(at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut bytes = text().into_bytes();
        let position = at.index(bytes.len());
        bytes[position] = to;
        if let Ok(read) = Bundle::parse(&bytes) {
            prop_assert!(belong_together(&read.certificate_pem, &read.key));
        }
        bytes.truncate(cut.index(bytes.len() - 1));
        prop_assert!(Bundle::parse(&bytes).is_err());
    }

    #[test]
    fn every_plain_name_and_address_comes_back(name in "[a-zA-Z0-9._-][a-zA-Zé 0-9._-]{0,40}[a-z]", host in "[a-z0-9.-]{1,60}", port: u16) {
        let mut written = bundle(&name);
        written.managers = vec![format!("{host}:{port}")];
        let text = written.text().unwrap();
        assert_same(&Bundle::parse(text.expose()).unwrap(), &written);
    }
}
