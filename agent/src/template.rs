//! What does a value become that is a template? Docker's fields and functions, expanded in this worker's memory.
//!
//! ```text
//! {{ .Service.Name }} {{ .Node.Hostname }} {{ .Task.Slot }}    {{ secret "other_target" }} {{ env "VARIABLE" }}
//! ```
//!
//! What goes wrong is told in the template engine's words, with bullets in place of every value of the task; and a template
//! can neither run for ever nor nest without end.

use std::collections::BTreeMap;
use std::sync::Arc;

use gotmpl::{Template, TemplateError, ToValue, Value};
use thiserror::Error;
use wardroom_keys::SecretBytes;

use crate::assignments::Wanted;

/// More than a list in a template has.
const ITERATIONS_MAX: u64 = 100_000;
/// As for any value.
const EXPANSION_BYTES_MAX: usize = 512_000;

/// Where a worker is, as templates see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) hostname: String,
}

/// What a task's templates may say.
#[derive(Clone, Default)]
pub(crate) struct Context {
    fields: Fields,
    env: Arc<BTreeMap<String, String>>,
}

#[derive(Clone, Default)]
struct Fields(BTreeMap<&'static str, BTreeMap<&'static str, Field>>);

#[derive(Clone)]
enum Field {
    Text(String),
    Number(u32),
    Labels(BTreeMap<String, String>),
}

#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum ExpandError {
    #[error("the template of {target} cannot be expanded: {reason}")]
    Template { target: String, reason: String },
    #[error("this worker does not know template driver '{0}'; update it to the managers' version")]
    Driver(String),
}

impl Context {
    pub(crate) fn of(task: &Wanted, node: &Node) -> Self {
        let text = |text: &str| Field::Text(text.to_owned());
        let service = BTreeMap::from([
            ("ID", text(&task.service.id)),
            ("Name", text(&task.service.name)),
            ("Labels", Field::Labels(task.service.labels.clone())),
        ]);
        let here = BTreeMap::from([("ID", text(&node.id)), ("Hostname", text(&node.hostname))]);
        let own = BTreeMap::from([
            ("ID", text(task.id.as_str())),
            ("Name", text(&task.name)),
            ("Slot", Field::Number(task.slot)),
        ]);
        let env = task.run.env.iter().filter_map(|variable| variable.split_once('='));
        Self {
            fields: Fields(BTreeMap::from([("Service", service), ("Node", here), ("Task", own)])),
            env: Arc::new(env.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()),
        }
    }

    /// Expands the template at `target`. `others` are the values of the task's files, by target.
    pub(crate) fn expand(
        &self,
        target: &str,
        template: &SecretBytes,
        others: &BTreeMap<String, Arc<crate::values::Value>>,
    ) -> Result<SecretBytes, ExpandError> {
        let failed = |reason: &str| ExpandError::Template {
            target: target.escape_default().to_string(),
            reason: reason.to_owned(),
        };
        let source = std::str::from_utf8(template.expose()).map_err(|_| failed("it is not text"))?;
        let expanded = self
            .prepared(others)
            .parse(source)
            .and_then(|parsed| parsed.execute_to_string(&self.fields.value()));
        match expanded {
            Ok(expanded) if expanded.len() > EXPANSION_BYTES_MAX => {
                drop(SecretBytes::new(expanded.into_bytes()));
                Err(failed("it grows beyond 500 KiB"))
            }
            Ok(expanded) => Ok(SecretBytes::new(expanded.into_bytes())),
            Err(error) => Err(failed(&words(&error, others))),
        }
    }

    fn prepared(&self, others: &BTreeMap<String, Arc<crate::values::Value>>) -> Template {
        let (env, others) = (Arc::clone(&self.env), others.clone());
        Template::new("")
            .max_range_iters(ITERATIONS_MAX)
            .func("env", move |args| {
                let name = argument("env", args)?;
                Ok(env.get(name).cloned().unwrap_or_default().to_value())
            })
            .func("secret", move |args| {
                let target = argument("secret", args)?;
                let value = others
                    .get(target)
                    .ok_or_else(|| TemplateError::Exec(format!("secret \"{target}\" is not a target of this task")))?;
                let text = std::str::from_utf8(value.bytes.expose())
                    .map_err(|_| TemplateError::Exec(format!("secret \"{target}\" is not text")))?;
                Ok(text.to_value())
            })
            .func("config", |_args| {
                Err(TemplateError::Exec(
                    "config is not to be had: wardroom keeps secrets; use secret".into(),
                ))
            })
    }
}

impl Fields {
    fn value(&self) -> Value {
        let map = |fields: &BTreeMap<&'static str, Field>| {
            let fields = fields.iter().map(|(&name, field)| (Arc::from(name), field.value()));
            Value::Map(Arc::new(fields.collect()))
        };
        let mut all: BTreeMap<Arc<str>, Value> = self
            .0
            .iter()
            .map(|(&name, fields)| (Arc::from(name), map(fields)))
            .collect();
        if let Some(Value::Map(node)) = all.get("Node") {
            let platform = [("OS", std::env::consts::OS), ("Architecture", std::env::consts::ARCH)];
            let platform = platform.map(|(name, value)| (Arc::from(name), value.to_value()));
            let mut node = (**node).clone();
            node.insert(
                Arc::from("Platform"),
                Value::Map(Arc::new(platform.into_iter().collect())),
            );
            all.insert(Arc::from("Node"), Value::Map(Arc::new(node)));
        }
        Value::Map(Arc::new(all))
    }
}

impl Field {
    fn value(&self) -> Value {
        match self {
            Self::Text(text) => text.as_str().to_value(),
            Self::Number(number) => number.to_value(),
            Self::Labels(labels) => {
                let labels = labels
                    .iter()
                    .map(|(name, value)| (Arc::from(name.as_str()), value.as_str().to_value()));
                Value::Map(Arc::new(labels.collect()))
            }
        }
    }
}

fn argument<'a>(function: &str, args: &'a [Value]) -> Result<&'a str, TemplateError> {
    match args {
        [name] => name.as_str(),
        _ => None,
    }
    .ok_or_else(|| TemplateError::Exec(format!("{function} takes one name, in quotes")))
}

/// The first line of what the engine says, and no value in it.
fn words(error: &TemplateError, others: &BTreeMap<String, Arc<crate::values::Value>>) -> String {
    let log = crate::output::Log::default();
    let values = others.values().enumerate();
    log.know(
        values
            .map(|(at, value)| (crate::ids::VersionId::new(at.to_string()), Arc::clone(value)))
            .collect(),
    );
    log.last_words(error.to_string().lines().next().unwrap_or_default().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignments::Desired;
    use crate::ids::TaskId;
    use crate::run::{Run, Service};
    use crate::values::{self, Driver};

    fn context() -> Context {
        let task = Wanted {
            id: TaskId::new("t1"),
            name: "web.3".into(),
            service: Arc::new(Service {
                id: "s1".into(),
                name: "web".into(),
                labels: BTreeMap::from([("team".to_owned(), "pay".to_owned())]),
            }),
            slot: 3,
            run: Arc::new(Run {
                env: vec!["MODE=fast".into(), "TWO=a=b".into()],
                ..Run::default()
            }),
            desired: Desired::Running,
            files: Vec::new(),
        };
        let node = Node {
            id: "n1".into(),
            hostname: "host-a".into(),
        };
        Context::of(&task, &node)
    }

    fn others() -> BTreeMap<String, Arc<values::Value>> {
        let value = |bytes: &[u8]| {
            Arc::new(values::Value {
                bytes: SecretBytes::new(bytes.to_vec()),
                digest_key: SecretBytes::default(),
                driver: Driver::Plain,
            })
        };
        BTreeMap::from([
            ("db_password".to_owned(), value(b"c4n4ry")),
            ("binary".to_owned(), value(b"\xff\xfe")),
        ])
    }

    fn expand(template: &str) -> Result<String, String> {
        let template = SecretBytes::new(template.as_bytes().to_vec());
        let expanded = context().expand("app.conf", &template, &others());
        expanded
            .map(|bytes| String::from_utf8_lossy(bytes.expose()).into_owned())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn dockers_fields_and_functions_are_expanded() {
        let template = "{{.Service.ID}} {{.Service.Name}} {{.Service.Labels.team}} {{.Node.ID}} {{.Node.Hostname}} \
                        {{.Node.Platform.OS}} {{.Task.ID}} {{.Task.Name}} {{.Task.Slot}} {{env \"MODE\"}} {{env \"TWO\"}}";
        assert_eq!(
            expand(template).as_deref(),
            Ok("s1 web pay n1 host-a linux t1 web.3 3 fast a=b")
        );
        assert_eq!(
            expand("pw={{ secret \"db_password\" }}\n").as_deref(),
            Ok("pw=c4n4ry\n")
        );
        assert_eq!(
            expand("{{ if eq .Service.Labels.team \"pay\" }}yes{{ end }}").as_deref(),
            Ok("yes")
        );
        assert_eq!(expand("no template").as_deref(), Ok("no template"));
    }

    #[test]
    fn what_is_wrong_is_told_without_a_value() {
        assert!(expand("{{ secret \"nothing\" }}").is_err_and(|words| words.contains("\"nothing\" is not a target")));
        assert!(expand("{{ secret \"binary\" }}").is_err_and(|words| words.contains("is not text")));
        assert!(expand("{{ config \"x\" }}").is_err_and(|words| words.contains("config is not to be had")));
        assert!(expand("{{ .Service").is_err_and(|words| words.contains("app.conf") && words.contains("unclosed")));
        for template in [
            "{{ index (secret \"db_password\") 99 }}",
            "{{ printf \"%d\" (secret \"db_password\") | len | index .Service }}",
            "{{ template (secret \"db_password\") }}",
            "{{ (secret \"db_password\").Field }}",
            "{{ call (secret \"db_password\") }}",
            "{{ lt (secret \"db_password\") 1 }}",
        ] {
            let outcome = expand(template);
            assert!(!outcome.unwrap_or_else(|words| words).contains("c4n4ry"), "{template}");
        }
    }

    #[test]
    fn no_template_runs_for_ever() {
        let nested = format!("{}{}{}", "{{if 1}}".repeat(20_000), "x", "{{end}}".repeat(20_000));
        assert!(expand(&nested).is_err());
        let brackets = format!("{{{{ {}1{} }}}}", "(".repeat(20_000), ")".repeat(20_000));
        assert!(expand(&brackets).is_err());
        assert!(expand("{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}").is_err());
        assert!(expand("{{range 100000000}}x{{end}}").is_err());
    }
}
