//! Which containers has a life that was killed left behind? Those with this node's label and not of this life, and those of
//! workers whose place in memory nobody holds any more.

use std::collections::HashMap;
use std::path::Path;

use bollard::Docker;
use bollard::query_parameters::{ListContainersOptions, RemoveContainerOptions};

use super::create::{LIFE, Labels, NODE, ROOT};
use super::engine::{Trouble, status};

/// Kills and removes them, with their volumes that have no name.
pub(super) async fn sweep(docker: &Docker, own: &Labels) -> Result<(), Trouble> {
    let options = ListContainersOptions {
        all: true,
        filters: Some(HashMap::from([("label".to_owned(), vec![NODE.to_owned()])])),
        ..Default::default()
    };
    for container in docker.list_containers(Some(options)).await? {
        let labels = container.labels.unwrap_or_default();
        if let Some(id) = container
            .id
            .filter(|_| is_left(&labels, own, crate::files::is_abandoned))
        {
            let options = RemoveContainerOptions {
                force: true,
                v: true,
                ..Default::default()
            };
            match docker.remove_container(&id, Some(options)).await {
                Ok(()) => tracing::info!(container = id, "removed what a worker that was killed has left"),
                // Somebody else is doing it, or has done it.
                Err(error) if matches!(status(&error), Some(404 | 409)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

fn is_left(labels: &HashMap<String, String>, own: &Labels, is_abandoned: impl Fn(&Path) -> bool) -> bool {
    let label = |name: &str| labels.get(name).map(String::as_str).unwrap_or_default();
    if label(NODE) == own.node {
        return label(LIFE) != own.life;
    }
    label(ROOT).starts_with('/') && is_abandoned(Path::new(label(ROOT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_surely_left_goes() {
        let own = Labels::new("c1", "n1");
        let left = |node: &str, life: &str, root: &str, abandoned: bool| {
            let labels = [(NODE, node), (LIFE, life), (ROOT, root)];
            let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
            is_left(&HashMap::from(labels), &own, |_| abandoned)
        };
        assert!(
            left("n1", "earlier", "/run/n1", false),
            "this node's place is this life's"
        );
        assert!(!left("n1", &own.life, "/run/n1", true));
        assert!(left("n2", "any", "/run/n2", true));
        assert!(!left("n2", "any", "/run/n2", false), "it may live");
        assert!(!left("n2", "any", "", true), "nobody knows");
    }
}
