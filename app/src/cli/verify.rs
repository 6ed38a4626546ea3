//! `wardroom backup verify`: opens a backup on this machine and says what is in it. Nobody is asked, and nothing of it
//! is kept.

use crate::cli::arguments::BackupVerify;
use crate::cli::output::Output;
use crate::report::Report;

#[cfg(feature = "embedded")]
pub fn run(verify: &BackupVerify, output: &mut Output) -> Result<(), Report> {
    use serde_json::json;

    use crate::cli::{unlock, when, words};

    let unlock = unlock::read(&verify.opening, &verify.file)?;
    let facts = crate::node::look_into_backup(&verify.file, unlock)?;
    let file = verify.file.display().to_string();
    if output.is_json() {
        return output.json(&json!({
            "file": file,
            "cluster_id": facts.cluster_id,
            "cluster": facts.cluster_name,
            "index": facts.index,
            "created": when::rfc3339(facts.created_at_ms),
            "secrets": facts.secrets,
            "services": facts.services,
            "nodes": facts.nodes,
            "operators": facts.operators,
            "audit_records": facts.audit_records,
        }));
    }
    let held: Vec<String> = [
        (facts.secrets, "secret"),
        (facts.services, "service"),
        (facts.nodes, "node"),
        (facts.operators, "operator"),
    ]
    .map(|(number, noun)| words::count(number, noun))
    .into();
    output.line(&format!("{file}: whole, and every secret in it opens"))?;
    output.line(&format!("Cluster: {} ({})", facts.cluster_name, facts.cluster_id))?;
    output.line(&format!(
        "Made:    {}, as of index {}",
        when::rfc3339(facts.created_at_ms),
        facts.index
    ))?;
    output.line(&format!("Holds:   {}", held.join(", ")))?;
    output.flush()
}

#[cfg(not(feature = "embedded"))]
pub fn run(_: &BackupVerify, _: &mut Output) -> Result<(), Report> {
    Err(
        Report::failure("this wardroom is an operator's client and cannot open a backup")
            .hint("use one that was built with the feature `embedded`"),
    )
}
