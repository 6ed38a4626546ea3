//! Does a backup leave the cluster encrypted, and come back with everything that was acknowledged?

use age::secrecy::ExposeSecret;
use tonic::{Code, Status};
use wardroom_api::v1;
use wardroom_api::v1::control_client::ControlClient;
use wardroom_keys::{SealContext, SealingRoot, SecretBytes};
use wardroom_manager::backup::{self, BackupError, Key};

use crate::fleet::{Fleet, in_time};

const CANARY: &[u8] = b"c4n4ry-b4ckup-c4n4ry";
const PASSPHRASE: &[u8] = b"correct horse battery staple";

type Control = ControlClient<tonic::transport::Channel>;

async fn take(control: &mut Control, request: v1::BackupRequest) -> Result<(u64, Vec<u8>), Status> {
    let mut chunks = in_time("the opening of a backup", control.backup(request))
        .await?
        .into_inner();
    let (mut index, mut file) = (0, Vec::new());
    while let Some(chunk) = in_time("the next chunk", chunks.message()).await? {
        assert!(chunk.data.len() <= 64 * 1024);
        index = chunk.index;
        file.extend_from_slice(&chunk.data);
    }
    Ok((index, file))
}

fn by_passphrase(text: &[u8]) -> v1::BackupRequest {
    v1::BackupRequest {
        passphrase: Some(v1::Confidential::new(text.to_vec())),
        ..Default::default()
    }
}

async fn create(control: &mut Control, name: &str, value: &[u8]) -> u64 {
    let request = v1::CreateSecretRequest {
        name: name.into(),
        value: Some(v1::Value::from_bytes(value.to_vec())),
        ..Default::default()
    };
    control.create_secret(request).await.unwrap().into_inner().index
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_through_a_follower_has_everything_that_was_acknowledged() {
    let fleet = Fleet::start(0).await;
    let mut control = fleet.control(fleet.follower());
    let mut last = create(&mut control, "canary", CANARY).await;
    for number in 0..20 {
        last = create(&mut control, &format!("s{number}"), &vec![b'x'; 20_000]).await;
    }
    let identity = age::x25519::Identity::generate();
    let request = v1::BackupRequest {
        recipients: vec![identity.to_public().to_string()],
        ..Default::default()
    };
    let (index, file) = take(&mut control, request).await.unwrap();
    assert!(
        index > last,
        "what was acknowledged before is in it, and the record of the backup"
    );
    assert!(file.len() > 400_000);
    assert!(file.starts_with(b"age-encryption.org/v1"));
    for secret in [CANARY, b"WARDBKUP", b"canary"] {
        assert!(!file.windows(secret.len()).any(|window| window == secret));
    }

    let key = Key::Identity(SecretBytes::new(
        identity.to_string().expose_secret().as_bytes().to_vec(),
    ));
    let opened = backup::open(&file, &key).unwrap();
    assert_eq!(
        (opened.index, opened.state.index(), opened.state.secrets().len()),
        (index, index, 21)
    );
    let taken = opened.state.audit().next_back().unwrap();
    assert_eq!(
        (taken.action.as_str(), taken.actor.as_str(), taken.detail.as_str()),
        ("backup.read", "admin:test", "for 1 recipient")
    );
    let secret = opened.state.find_secret("canary").unwrap();
    let version = &secret.versions[&1];
    let root = SealingRoot::from_bytes(&opened.sealing_root).unwrap();
    let context = SealContext {
        cluster: &opened.cluster_id,
        secret: secret.id.as_str(),
        version: version.id.as_str(),
    };
    let sealed = version.sealed.as_ref().unwrap();
    let value = root
        .open(&context, &sealed.wrapped_key, &sealed.ciphertext)
        .unwrap()
        .value;
    assert!(value.equals(CANARY), "the file alone restores the values");
    let other = age::x25519::Identity::generate().to_string();
    let wrong = Key::Identity(SecretBytes::new(other.expose_secret().as_bytes().to_vec()));
    assert!(matches!(backup::open(&file, &wrong).err(), Some(BackupError::WrongKey)));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passphrase_opens_its_backup_and_bad_keys_make_none() {
    let fleet = Fleet::start(0).await;
    let mut control = fleet.control(fleet.leader());
    let (_, file) = take(&mut control, by_passphrase(PASSPHRASE)).await.unwrap();
    let key = |text: &[u8]| Key::Passphrase(SecretBytes::new(text.to_vec()));
    backup::open(&file, &key(PASSPHRASE)).unwrap();
    assert!(matches!(
        backup::open(&file, &key(b"another passphrase")).err(),
        Some(BackupError::WrongKey)
    ));
    let both = v1::BackupRequest {
        recipients: vec!["age1x".into()],
        ..by_passphrase(PASSPHRASE)
    };
    let nonsense = v1::BackupRequest {
        recipients: vec!["ssh-ed25519 AAAA".into()],
        ..Default::default()
    };
    for (request, words) in [
        (
            by_passphrase(b"short"),
            "a backup's passphrase has at least 12 characters",
        ),
        (v1::BackupRequest::default(), "name the recipients of the backup"),
        (both, "name the recipients of the backup"),
        (nonsense, "'ssh-ed25519 AAAA' is no age recipient"),
    ] {
        let refused = take(&mut control, request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().starts_with(words), "{}", refused.message());
    }
    fleet.stop().await;
}

/// Of all times, a backup must be possible when the quorum is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_survivor_without_a_quorum_can_be_backed_up() {
    let fleet = Fleet::start(0).await;
    let survivor = fleet.follower();
    let mut control = fleet.control(survivor);
    create(&mut control, "canary", CANARY).await;
    for place in (0..3).filter(|place| *place != survivor) {
        fleet.managers[place].shutdown().await;
    }
    let mut leadership = fleet.managers[survivor].leadership();
    in_time(
        "the loss of the leader",
        leadership.wait_for(|known| known.leader.is_none()),
    )
    .await
    .unwrap();
    let (index, file) = take(&mut control, by_passphrase(PASSPHRASE)).await.unwrap();
    let opened = backup::open(&file, &Key::Passphrase(SecretBytes::new(PASSPHRASE.to_vec()))).unwrap();
    assert_eq!((opened.index, opened.state.secrets().len()), (index, 1));
    fleet.stop().await;
}
