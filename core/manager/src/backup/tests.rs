//! Does a backup come back whole, for the right key only, and does anything else end in words?

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

use std::collections::BTreeMap;

use age::secrecy::ExposeSecret;
use wardroom_ca::{JoinToken, Root, SystemClock};
use wardroom_keys::{Chance, SealContext, SealingRoot, SeededChance};
use wardroom_state::cluster::{Cluster, JoinToken as Kept};
use wardroom_state::command::{Actor, Command, NewVersion, Proposal};
use wardroom_state::ids::{ClusterId, NodeId, SecretId, VersionId};
use wardroom_state::node::{Availability, Certificate, Node, NodeState, Role};
use wardroom_state::secret::{SealedValue, Template};

use super::*;

const CLUSTER: &str = "c1";
const CANARY: &[u8] = b"c4n4ry-c4n4ry";
const PASSPHRASE: &[u8] = b"correct horse battery staple";

fn chance() -> SeededChance {
    SeededChance::new(7)
}

fn apply(state: &mut State, command: Command) {
    let actor = Actor {
        name: "test".into(),
        from: "local".into(),
    };
    let proposal = Proposal {
        at_ms: 1_000,
        actor,
        command,
    };
    state.apply(state.index() + 1, &proposal).unwrap();
}

/// A cluster with one secret, sealed under `root`.
fn state(root: &SealingRoot) -> State {
    let authority = Root::create(CLUSTER, &SystemClock, &chance()).unwrap();
    let token = |role: &str, chance: &dyn Chance| {
        let token = JoinToken::create(authority.certificate_der(), chance);
        Kept {
            sealed_secret: root.seal_join_secret(chance, CLUSTER, role, token.secret()),
            digest: token.digest(),
            ..Kept::default()
        }
    };
    let cluster = Cluster {
        id: ClusterId::new(CLUSTER),
        name: "test".into(),
        created_at_ms: 1,
        root_certificate: authority.certificate_pem().to_owned(),
        root_fingerprint: authority.fingerprint().to_owned(),
        root_key_id: authority.key_id().to_owned(),
        root_not_after_ms: i64::MAX,
        sealed_root_key: root.seal_root_key(&chance(), CLUSTER, authority.key_der()),
        retiring: Vec::new(),
        certificate_life_ms: 90 * 24 * 3_600_000,
        worker_token: token("worker", &chance().derive("worker")),
        manager_token: token("manager", &chance().derive("manager")),
        sealing_root_check: root.check(),
        autolock: false,
        heartbeat_ms: 5_000,
        task_history: 5,
        snapshot_every: 10_000,
        refuse_env: false,
        version_index: 0,
    };
    let mut state = State::default();
    let nodes = vec![manager()];
    apply(&mut state, Command::Bootstrap { cluster, nodes });
    apply(&mut state, secret(root));
    state
}

fn manager() -> Node {
    Node {
        id: NodeId::new("m1"),
        hostname: "ember".into(),
        role: Role::Manager,
        desired_role: Role::Manager,
        availability: Availability::Active,
        state: NodeState::Ready,
        message: String::new(),
        state_since_ms: 0,
        address: "ember:2377".into(),
        raft_id: 1,
        runs_tasks: false,
        version: String::new(),
        labels: BTreeMap::new(),
        certificate: Certificate::default(),
        created_at_ms: 0,
        version_index: 0,
    }
}

fn secret(root: &SealingRoot) -> Command {
    let context = SealContext {
        cluster: CLUSTER,
        secret: "s1",
        version: "v1",
    };
    let sealed = root.seal(&chance(), &context, &SecretBytes::new(CANARY.to_vec()));
    Command::CreateSecret {
        id: SecretId::new("s1"),
        name: "db".into(),
        labels: BTreeMap::new(),
        max_age_ms: 0,
        template: Template::None,
        schedule: None,
        version: NewVersion {
            id: VersionId::new("v1"),
            size: 13,
            sealed: SealedValue {
                wrapped_key: sealed.wrapped_key,
                ciphertext: sealed.ciphertext,
                key_check: sealed.key_check,
            },
            receipt_digest: sealed.receipt_digest,
            fingerprint: sealed.fingerprint,
        },
    }
}

fn made(state: &State, root: &SealingRoot, lock: Lock) -> Vec<u8> {
    let content = Content {
        cluster_id: CLUSTER,
        created_at_ms: 5,
        state,
        sealing_root: &root.danger_expose(),
    };
    let mut file = Vec::new();
    write(&content, lock, &mut file).unwrap();
    file
}

fn identity() -> (age::x25519::Identity, Vec<String>) {
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public().to_string();
    (identity, vec![recipient])
}

fn key_of(identity: &age::x25519::Identity) -> Key {
    let text = identity.to_string();
    let file = format!("# created by age-keygen\n\n{}\n", text.expose_secret());
    Key::Identity(SecretBytes::new(file.into_bytes()))
}

fn passphrase(text: &[u8]) -> Key {
    Key::Passphrase(SecretBytes::new(text.to_vec()))
}

fn refusal(file: &[u8], key: &Key) -> BackupError {
    open(file, key).err().expect("it is refused")
}

#[test]
fn a_backup_for_recipients_comes_back_whole_for_each_of_them_alone() {
    let root = SealingRoot::generate(&chance());
    let state = state(&root);
    let ((one, mut recipients), (two, more)) = (identity(), identity());
    recipients.extend(more);
    let file = made(&state, &root, Lock::to_recipients(&recipients).unwrap());
    for holder in [&one, &two] {
        let opened = open(&file, &key_of(holder)).unwrap();
        assert_eq!(opened.state, state);
        assert_eq!(
            (opened.cluster_id.as_str(), opened.index, opened.created_at_ms),
            (CLUSTER, 2, 5)
        );
        assert!(opened.sealing_root.equals(root.danger_expose().expose()));
    }
    assert!(matches!(refusal(&file, &key_of(&identity().0)), BackupError::WrongKey));
    assert!(matches!(
        refusal(&file, &passphrase(PASSPHRASE)),
        BackupError::WantsIdentity
    ));
    for secret in [CANARY, root.danger_expose().expose()] {
        assert!(!file.windows(secret.len()).any(|window| window == secret));
    }
}

#[test]
fn a_backup_for_a_passphrase_opens_with_it_only() {
    let root = SealingRoot::generate(&chance());
    let state = state(&root);
    let began = std::time::Instant::now();
    let lock = Lock::to_passphrase(&SecretBytes::new(PASSPHRASE.to_vec())).unwrap();
    let file = made(&state, &root, lock);
    assert!(
        began.elapsed() < std::time::Duration::from_secs(20),
        "an unoptimised build has this much time"
    );
    assert_eq!(open(&file, &passphrase(PASSPHRASE)).unwrap().state, state);
    assert!(matches!(
        refusal(&file, &passphrase(b"correct horse battery")),
        BackupError::WrongKey
    ));
    assert!(matches!(
        refusal(&file, &key_of(&identity().0)),
        BackupError::WantsPassphrase
    ));
}

#[test]
fn keys_that_are_none_are_refused_in_words() {
    let recipient = |text: &str| Lock::to_recipients(&[text.to_owned()]).err().unwrap();
    for text in [
        "",
        "age1nonsense",
        "ssh-ed25519 AAAA",
        "AGE-SECRET-KEY-1QQ",
        "\u{1b}[2J",
    ] {
        let error = recipient(text);
        assert!(matches!(error, BackupError::Recipient { .. }), "{text:?}");
        assert!(!error.to_string().contains('\u{1b}'));
    }
    assert!(matches!(Lock::to_recipients(&[]).err(), Some(BackupError::NoKey)));
    let short = Lock::to_passphrase(&SecretBytes::new(b"elevenchars".to_vec())).err();
    assert!(matches!(short, Some(BackupError::PassphraseShort)));
    let binary = Lock::to_passphrase(&SecretBytes::new(vec![0xff; 20])).err();
    assert!(matches!(binary, Some(BackupError::PassphraseText)));
    let root = SealingRoot::generate(&chance());
    let file = made(&state(&root), &root, Lock::to_recipients(&identity().1).unwrap());
    for text in ["", "# nothing\n", "age1abc", "AGE-SECRET-KEY-1QQQQ"] {
        let key = Key::Identity(SecretBytes::new(text.as_bytes().to_vec()));
        assert!(matches!(refusal(&file, &key), BackupError::Identity), "{text:?}");
    }
}

#[test]
fn a_key_that_is_not_the_state_s_is_noticed() {
    let root = SealingRoot::generate(&chance());
    let (holder, recipients) = identity();
    let other = SealingRoot::generate(&SeededChance::new(8));
    let mixed = made(&state(&root), &other, Lock::to_recipients(&recipients).unwrap());
    let text = refusal(&mixed, &key_of(&holder)).to_string();
    assert!(text.contains("its key is not the one of its state"), "{text}");
    let empty = made(&State::default(), &root, Lock::to_recipients(&recipients).unwrap());
    assert!(
        refusal(&empty, &key_of(&holder))
            .to_string()
            .contains("it holds no cluster")
    );
}

#[test]
fn a_value_that_does_not_open_is_named() {
    let root = SealingRoot::generate(&chance());
    let mut state = state(&root);
    let other = SealingRoot::generate(&SeededChance::new(8));
    let Command::CreateSecret {
        mut version, labels, ..
    } = secret(&other)
    else {
        unreachable!("a creation")
    };
    version.id = VersionId::new("v2");
    apply(
        &mut state,
        Command::CreateSecret {
            id: SecretId::new("s2"),
            name: "lost".into(),
            labels,
            max_age_ms: 0,
            template: Template::None,
            schedule: None,
            version,
        },
    );
    let (holder, recipients) = identity();
    let file = made(&state, &root, Lock::to_recipients(&recipients).unwrap());
    let text = refusal(&file, &key_of(&holder)).to_string();
    assert!(text.contains("the value of lost does not open"), "{text}");
    assert!(!text.contains("the value of db"), "{text}");
}

#[test]
fn every_cut_is_noticed() {
    let root = SealingRoot::generate(&chance());
    let (holder, recipients) = identity();
    let file = made(&state(&root), &root, Lock::to_recipients(&recipients).unwrap());
    let key = key_of(&holder);
    for length in (0..file.len()).step_by(7) {
        assert!(
            open(&file[..length], &key).is_err(),
            "cut at {length} of {}",
            file.len()
        );
    }
    let longer = [file.as_slice(), b"x"].concat();
    assert!(open(&longer, &key).is_err());
    assert!(matches!(
        refusal(b"not an age file at all, but long enough", &key),
        BackupError::NotAge
    ));
}

/// Draws below `below`.
fn draw(chance: &SeededChance, below: usize) -> usize {
    usize::try_from(chance.next_u64() % below as u64).unwrap()
}

#[test]
fn any_content_is_read_or_refused() {
    let chance = chance();
    for round in 0..2_000 {
        let mut content = vec![0; draw(&chance, 400)];
        chance.fill(&mut content);
        if round % 2 == 0 {
            content.splice(0..0, *b"WARDBKUP\x01");
        }
        assert!(content::decode(&content).is_err());
    }
}

#[test]
fn any_damage_is_noticed() {
    let root = SealingRoot::generate(&chance());
    let (holder, recipients) = identity();
    let file = made(&state(&root), &root, Lock::to_recipients(&recipients).unwrap());
    let (chance, key) = (chance(), key_of(&holder));
    for _ in 0..300 {
        let (at, by) = (draw(&chance, file.len()), draw(&chance, 255) + 1);
        let mut damaged = file.clone();
        damaged[at] ^= u8::try_from(by).unwrap();
        assert!(open(&damaged, &key).is_err(), "byte {at}");
    }
}
