//! What does a demo show? Six secrets and four services of real local processes that read their files, made through the
//! same API as everything else.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use wardroom_api::channel::{CALL_DEADLINE, request, within};
use wardroom_api::v1::{self, OnChange};
use wardroom_api::{CallError, CallKind, Client};

/// What the demo makes, as data that anyone can read and change.
const SCENARIO: &str = include_str!("../../../assets/demo.json");

#[derive(Deserialize)]
struct Scenario {
    secrets: Vec<SampleSecret>,
    services: Vec<SampleService>,
}

#[derive(Deserialize)]
struct SampleSecret {
    name: String,
    /// Of the value, which the leader generates.
    characters: u32,
    team: String,
}

#[derive(Deserialize)]
struct SampleService {
    name: String,
    #[serde(default)]
    replicas: u32,
    /// One task on every worker instead of `replicas`.
    #[serde(default)]
    global: bool,
    grants: Vec<SampleGrant>,
}

#[derive(Deserialize)]
struct SampleGrant {
    secret: String,
    target: String,
    /// Octal.
    mode: String,
    on_change: Reaction,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reaction {
    Swap,
    Restart,
    /// SIGHUP.
    Signal,
}

fn scenario() -> Scenario {
    serde_json::from_str(SCENARIO).expect("the scenario is part of the program, and a test reads it")
}

/// Between two tries while the cluster has no leader.
const PATIENCE: Duration = Duration::from_millis(200);

/// Makes the samples. What is there already stays as it is.
pub async fn furnish(client: &Client) -> Result<(), CallError> {
    let scenario = scenario();
    for secret in &scenario.secrets {
        create_secret(client, secret).await?;
    }
    for service in &scenario.services {
        create_service(client, service).await?;
    }
    Ok(())
}

async fn create_secret(client: &Client, sample: &SampleSecret) -> Result<(), CallError> {
    loop {
        let message = v1::CreateSecretRequest {
            name: sample.name.clone(),
            value: Some(v1::Value::generated(sample.characters)),
            labels: BTreeMap::from([("team".to_owned(), sample.team.clone())]),
            max_age_ms: 0,
            template_driver: String::new(),
            schedule: None,
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

async fn create_service(client: &Client, sample: &SampleService) -> Result<(), CallError> {
    loop {
        let message = v1::CreateServiceRequest {
            spec: Some(spec(sample)),
            exposes_env: false,
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

fn spec(sample: &SampleService) -> v1::ServiceSpec {
    v1::ServiceSpec {
        name: sample.name.clone(),
        labels: BTreeMap::from([("sample".to_owned(), "yes".to_owned())]),
        run: Some(v1::RunSpec {
            executor: v1::Executor::Process.into(),
            command: vec!["sh".to_owned(), "-c".to_owned(), script(sample)],
            ..v1::RunSpec::default()
        }),
        global: sample.global,
        replicas: sample.replicas,
        grants: sample.grants.iter().map(grant).collect(),
        update: Some(v1::RollSettings {
            parallelism: 1,
            monitor_ms: 1_000,
            ..v1::RollSettings::default()
        }),
        ..v1::ServiceSpec::default()
    }
}

fn grant(sample: &SampleGrant) -> v1::Grant {
    let (on_change, signal) = match sample.on_change {
        Reaction::Swap => (OnChange::Swap, ""),
        Reaction::Restart => (OnChange::Restart, ""),
        Reaction::Signal => (OnChange::Signal, "SIGHUP"),
    };
    v1::Grant {
        secret_name: sample.secret.clone(),
        target: sample.target.clone(),
        mode: u32::from_str_radix(&sample.mode, 8).expect("a test reads every mode of the scenario"),
        on_change: on_change.into(),
        signal: signal.to_owned(),
        ..v1::Grant::default()
    }
}

/// Reads its files again and again, as a program does that opens connections, and says when one is new; a missing file ends
/// it, and a signal makes it look at once. With a mount namespace of its own the files are at `/run/secrets`, otherwise where
/// the variable says.
fn script(sample: &SampleService) -> String {
    let targets: Vec<&str> = sample.grants.iter().map(|grant| grant.target.as_str()).collect();
    let targets = targets.join(" ");
    [
        "dir=\"${WARDROOM_SECRETS_DIR:-/run/secrets}\"; trap : HUP; while :; do now=;",
        &format!("for file in {targets}; do"),
        "read -r value < \"$dir/$file\" || [ -n \"$value\" ] || exit 1; size=${#value}; value=;",
        "set -- $(cksum < \"$dir/$file\"); now=\"$now $file:$1\"; case \"$seen \" in *\" $file:$1 \"*) ;;",
        "*) echo \"$file: reads a value of $size characters\" ;; esac; done; seen=$now; sleep 20 & wait $!; done",
    ]
    .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scenario_is_whole() {
        let scenario = scenario();
        assert_eq!((scenario.secrets.len(), scenario.services.len()), (6, 4));
        for grant in scenario.services.iter().flat_map(|service| &service.grants) {
            let named = scenario.secrets.iter().any(|secret| secret.name == grant.secret);
            assert!(named, "{}", grant.secret);
            assert!(u32::from_str_radix(&grant.mode, 8).is_ok_and(|mode| mode <= 0o777));
        }
    }

    #[test]
    fn a_service_reads_its_files_where_they_are() {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let scenario = scenario();
        let sample = scenario
            .services
            .iter()
            .find(|service| service.name == "mail")
            .expect("it has mail");
        let run = |times: &str| {
            // So often, and not for ever.
            let ends = script(sample).replace("while :;", &format!("for time in {times};"));
            let ends = ends.replace("sleep 20 & wait $!", ":");
            let mut shell = std::process::Command::new("sh");
            shell.arg("-c").arg(ends).env("WARDROOM_SECRETS_DIR", dir.path());
            let output = shell.output().expect("there is a shell");
            (
                output.status.success(),
                String::from_utf8_lossy(&output.stdout).into_owned(),
            )
        };
        let (lived, said) = run("1");
        assert!(!lived && said.is_empty(), "a missing file ends it: {said}");
        std::fs::write(dir.path().join("smtp_password"), "no newline at the end").expect("room for a file");
        let said_once = "smtp_password: reads a value of 21 characters\n";
        assert_eq!(
            run("1 2 3"),
            (true, said_once.to_owned()),
            "what is not new is not news"
        );
    }
}
