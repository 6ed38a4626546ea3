//! How does a container find a file at an absolute path? By a link that the engine unpacks into its root: the file itself
//! lies in the task's directory, and moves with the set.

use std::collections::BTreeSet;

use bollard::Docker;
use bollard::query_parameters::{ContainerArchiveInfoOptionsBuilder, UploadToContainerOptions};

use super::engine::{Trouble, status};
use crate::files::{ABSOLUTE, SEEN_AT};

/// Puts a link at each of `paths`, and the directories above that are missing.
pub(super) async fn put(docker: &Docker, container: &str, paths: &[String]) -> Result<(), Trouble> {
    let mut missing = BTreeSet::new();
    for directory in directories(paths) {
        if !exists(docker, container, &directory).await? {
            missing.insert(directory);
        }
    }
    let Ok(archive) = archive(&missing, paths) else {
        return Err(Trouble::from(bollard::errors::Error::from(std::io::Error::other(
            "a link's path does not fit into an archive",
        ))));
    };
    let options = UploadToContainerOptions {
        path: "/".to_owned(),
        // A directory of the image is not replaced by a link.
        no_overwrite_dir_non_dir: Some("true".to_owned()),
        copy_uidgid: None,
    };
    docker
        .upload_to_container(container, Some(options), bollard::body_full(archive.into()))
        .await?;
    Ok(())
}

async fn exists(docker: &Docker, container: &str, path: &str) -> Result<bool, Trouble> {
    let options = ContainerArchiveInfoOptionsBuilder::default().path(path).build();
    match docker.get_container_archive_info(container, Some(options)).await {
        Ok(_stat) => Ok(true),
        Err(error) if status(&error) == Some(404) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The directories above all of `paths`, outermost first.
fn directories(paths: &[String]) -> BTreeSet<String> {
    let above = |path: &String| -> Vec<String> {
        let ends = path.match_indices('/').map(|(at, _)| at).filter(|&at| at > 0);
        ends.map(|at| path[..at].to_owned()).collect()
    };
    paths.iter().flat_map(above).collect()
}

fn archive(directories: &BTreeSet<String>, links: &[String]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for directory in directories {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o755);
        header.set_size(0);
        archive.append_data(&mut header, format!("{}/", &directory[1..]), std::io::empty())?;
    }
    for link in links {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_mode(0o777);
        header.set_size(0);
        archive.append_link(&mut header, &link[1..], format!("{SEEN_AT}/{ABSOLUTE}{link}"))?;
    }
    archive.into_inner()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may stop at the first surprise

    use super::*;

    #[test]
    fn an_archive_has_what_is_missing_and_the_links() {
        let paths = ["/etc/tls/deep/key.pem".to_owned(), "/token".to_owned()];
        let above = directories(&paths);
        assert_eq!(
            above.iter().map(String::as_str).collect::<Vec<_>>(),
            ["/etc", "/etc/tls", "/etc/tls/deep"]
        );
        let missing = ["/etc/tls".to_owned(), "/etc/tls/deep".to_owned()].into();
        let bytes = archive(&missing, &paths).unwrap();
        let mut read = tar::Archive::new(bytes.as_slice());
        let entries: Vec<(String, Option<String>)> = read
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let link = entry.link_name().unwrap().map(|link| link.display().to_string());
                (entry.path().unwrap().display().to_string(), link)
            })
            .collect();
        assert_eq!(
            entries,
            [
                ("etc/tls/".to_owned(), None),
                ("etc/tls/deep/".to_owned(), None),
                (
                    "etc/tls/deep/key.pem".to_owned(),
                    Some("/run/secrets/..absolute/etc/tls/deep/key.pem".to_owned())
                ),
                ("token".to_owned(), Some("/run/secrets/..absolute/token".to_owned())),
            ]
        );
    }
}
