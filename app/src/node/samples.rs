//! What does a demo show? Six secrets and four services of real local processes that read their files, made through the
//! same API as everything else.

use std::collections::BTreeMap;
use std::time::Duration;

use wardroom_api::channel::{CALL_DEADLINE, request, within};
use wardroom_api::v1::{self, OnChange};
use wardroom_api::{CallError, CallKind, Client};

/// Name, characters, label.
const SECRETS: &[(&str, u32, (&str, &str))] = &[
    ("db_password", 24, ("team", "storage")),
    ("api_token", 40, ("team", "platform")),
    ("session_key", 64, ("team", "web")),
    ("smtp_password", 20, ("team", "web")),
    ("tls_key", 128, ("team", "platform")),
    ("license", 200, ("team", "office")),
];

/// A grant in short: secret, target, mode, what a change does.
type Granted = (&'static str, &'static str, u32, OnChange);

struct Sample {
    name: &'static str,
    /// 0: one on every worker.
    replicas: u32,
    grants: &'static [Granted],
}

const SERVICES: &[Sample] = &[
    Sample {
        name: "web",
        replicas: 3,
        grants: &[
            ("db_password", "db_password", 0o444, OnChange::Swap),
            ("session_key", "session_key", 0o400, OnChange::Swap),
        ],
    },
    Sample {
        name: "api",
        replicas: 2,
        grants: &[
            ("db_password", "database/password", 0o440, OnChange::Swap),
            ("api_token", "token", 0o400, OnChange::Restart),
        ],
    },
    Sample {
        name: "mail",
        replicas: 1,
        grants: &[("smtp_password", "smtp_password", 0o400, OnChange::Swap)],
    },
    Sample {
        name: "edge",
        replicas: 0,
        grants: &[("tls_key", "tls.pem", 0o400, OnChange::Signal)],
    },
];

/// Between two tries while the cluster has no leader.
const PATIENCE: Duration = Duration::from_millis(200);

/// Makes the samples. What is there already stays as it is.
pub async fn furnish(client: &Client) -> Result<(), CallError> {
    for (name, length, (key, value)) in SECRETS {
        create_secret(client, name, *length, (key, value)).await?;
    }
    for sample in SERVICES {
        create_service(client, sample).await?;
    }
    Ok(())
}

async fn create_secret(client: &Client, name: &str, length: u32, label: (&str, &str)) -> Result<(), CallError> {
    loop {
        let message = v1::CreateSecretRequest {
            name: name.to_owned(),
            value: Some(v1::Value::generated(length)),
            labels: BTreeMap::from([(label.0.to_owned(), label.1.to_owned())]),
            max_age_ms: 0,
        };
        let made = within(
            CALL_DEADLINE,
            client.control().create_secret(request(message, CALL_DEADLINE)),
        )
        .await;
        if !again(made.map(|_| ())).await? {
            return Ok(());
        }
    }
}

async fn create_service(client: &Client, sample: &Sample) -> Result<(), CallError> {
    loop {
        let message = v1::CreateServiceRequest {
            spec: Some(spec(sample)),
        };
        let made = within(
            CALL_DEADLINE,
            client.control().create_service(request(message, CALL_DEADLINE)),
        )
        .await;
        if !again(made.map(|_| ())).await? {
            return Ok(());
        }
    }
}

/// Whether to try again: an election is a pause and no failure.
async fn again(made: Result<(), CallError>) -> Result<bool, CallError> {
    match made {
        Err(error) if matches!(error.kind(), CallKind::NoQuorum | CallKind::Unavailable) => {
            tokio::time::sleep(PATIENCE).await;
            Ok(true)
        }
        Err(error) if error.kind() == CallKind::AlreadyExists => Ok(false),
        made => made.map(|()| false),
    }
}

fn spec(sample: &Sample) -> v1::ServiceSpec {
    let grant = |&(secret, target, mode, on_change): &Granted| v1::Grant {
        secret_name: secret.to_owned(),
        target: target.to_owned(),
        mode,
        on_change: on_change.into(),
        signal: if on_change == OnChange::Signal {
            "SIGHUP".to_owned()
        } else {
            String::new()
        },
        ..v1::Grant::default()
    };
    v1::ServiceSpec {
        name: sample.name.to_owned(),
        labels: BTreeMap::from([("sample".to_owned(), "yes".to_owned())]),
        executor: v1::Executor::Process.into(),
        command: vec!["sh".to_owned(), "-c".to_owned(), script(sample)],
        global: sample.replicas == 0,
        replicas: sample.replicas,
        grants: sample.grants.iter().map(grant).collect(),
        update_parallelism: 1,
        update_monitor_ms: 1_000,
    }
}

/// Reads its files again and again, as a program does that opens connections; a missing file ends it. With a mount
/// namespace of its own the files are at `/run/secrets`, otherwise where the variable says.
fn script(sample: &Sample) -> String {
    let reads: Vec<String> = sample
        .grants
        .iter()
        .map(|(_, target, ..)| format!("read -r value < \"$dir/{target}\" || [ -n \"$value\" ] || exit 1"))
        .collect();
    format!(
        "dir=\"${{WARDROOM_SECRETS_DIR:-/run/secrets}}\"; trap : HUP; while :; do {}; value=; sleep 20; done",
        reads.join("; ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_grant_names_a_sample_secret() {
        assert_eq!((SECRETS.len(), SERVICES.len()), (6, 4));
        for (secret, ..) in SERVICES.iter().flat_map(|sample| sample.grants) {
            assert!(SECRETS.iter().any(|(name, ..)| name == secret), "{secret}");
        }
    }

    #[test]
    fn a_service_reads_its_files_where_they_are() {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let sample = &SERVICES[2];
        let run = |script: &str| {
            let ends_at_once = script.replace("sleep 20", "exit 0");
            let mut shell = std::process::Command::new("sh");
            shell
                .arg("-c")
                .arg(ends_at_once)
                .env("WARDROOM_SECRETS_DIR", dir.path());
            shell.status().expect("there is a shell").success()
        };
        assert!(!run(&script(sample)), "a missing file ends it");
        std::fs::write(dir.path().join("smtp_password"), "no newline at the end").expect("room for a file");
        assert!(run(&script(sample)));
    }
}
