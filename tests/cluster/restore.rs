//! Does a backup hold what was acknowledged? Taken under load, verified, and restored on machines that never saw the
//! cluster.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use harness::canary::Canary;
use harness::skip::root_or_skip;
use harness::until::until;

use crate::machines::Machines;

const VALUE: &[u8] = b"canary-of-restore-c0ffee-19";
const PASSPHRASE: &[u8] = b"correct horse battery staple\n";

#[test]
fn a_backup_taken_under_load_restores_everything_acknowledged() {
    if !root_or_skip("a_backup_taken_under_load_restores_everything_acknowledged") {
        return;
    }
    let machines = Machines::cluster(&["m1", "m2", "m3"]);
    machines.manager().feed(&["secret", "create", "db", "-"], VALUE).ok();
    let acknowledged = Arc::new(Mutex::new(vec!["db".to_owned()]));
    let stop = AtomicBool::new(false);
    let file = machines.folder.path().join("backup.age");
    let path = file.to_str().unwrap();
    let before_the_backup = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let (acknowledged, stop, daemon) = (Arc::clone(&acknowledged), &stop, &machines.all[writer]);
                scope.spawn(move || {
                    let mut number = 0;
                    while !stop.load(Ordering::Relaxed) {
                        let name = format!("w{writer}-{number}");
                        if daemon.feed(&["secret", "create", &name, "-"], VALUE).code == 0 {
                            acknowledged.lock().unwrap().push(name);
                        }
                        number += 1;
                    }
                })
            })
            .collect();
        let count = || acknowledged.lock().unwrap().len();
        until("the load is on", || (count() > 15).then_some(()));
        let known = acknowledged.lock().unwrap().clone();
        machines.all[1]
            .feed(&["backup", "create", "--passphrase-file", "-", path], PASSPHRASE)
            .ok();
        let now = count();
        until("it went on under the backup", || (count() > now + 3).then_some(()));
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.join().unwrap();
        }
        known
    });
    let bytes = std::fs::read(&file).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1"), "an age file");
    assert_eq!(Canary::new(VALUE).found_in(&bytes), None);

    let manager = &machines.all[0];
    manager
        .feed(&["backup", "verify", "--passphrase-file", "-", path], PASSPHRASE)
        .ok();
    let refused = manager.feed(
        &["backup", "verify", "--passphrase-file", "-", path],
        b"another passphrase\n",
    );
    assert_ne!(refused.code, 0, "a wrong passphrase opens nothing");
    let mut damaged = bytes.clone();
    let last = damaged.len() - 20;
    damaged[last] ^= 1;
    let spoilt = machines.folder.path().join("spoilt.age");
    std::fs::write(&spoilt, damaged).unwrap();
    let refused = manager.feed(
        &["backup", "verify", "--passphrase-file", "-", spoilt.to_str().unwrap()],
        PASSPHRASE,
    );
    assert_ne!(refused.code, 0, "a damaged backup is noticed");

    // Fresh machines, in a lab of their own.
    drop(machines.all);
    let fresh = Machines::alone(&["m8", "m9", "w8"]);
    let address = fresh.all[0].address.clone();
    let arguments = [
        "backup",
        "restore",
        "--passphrase-file",
        "-",
        "--advertise-addr",
        &address,
        path,
    ];
    fresh.all[0].feed(&arguments, PASSPHRASE).ok();
    let known = until("the restored manager leads", || fresh.all[0].ask(&["secret", "ls"])).to_string();
    for name in &before_the_backup {
        assert!(
            known.contains(&format!("\"{name}\"")),
            "{name} was acknowledged before the backup and is gone"
        );
    }
    // It is a cluster again: machines join it, and the values can be read by those they are granted to.
    fresh.join(1);
    fresh.join(2);
    fresh.serve("web", "db", 1, &["--constraint", "node.role==worker"]);
    fresh.wait_files("web", "db", 1, VALUE);
    assert_eq!(fresh.all[0].ask(&["audit", "ls"]).unwrap()["chain"], "unbroken");
}
