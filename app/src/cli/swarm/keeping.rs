//! When is a new unlock key in force? Once it is printed: whoever asked for it has it then, and only then do the managers'
//! disks need it. A key that is lost on its way locks nobody out.

use wardroom_api::v1;

use crate::cli::following::{self, Aim};
use crate::cli::session::Session;
use crate::report::Report;

/// The key of that epoch is printed. What the managers then have to come to.
pub async fn keep(epoch: u32, session: &Session) -> Result<Aim, Report> {
    let message = v1::KeepUnlockKeyRequest { epoch };
    let kept = session.call(message, |mut control, request| async move {
        control.keep_unlock_key(request).await
    });
    let kept = kept.await.map_err(|error| not_kept(error.into()))?;
    Ok(Aim {
        index: kept.index,
        order: kept.order,
        unlock_key_epoch: epoch,
        locks: Some(true),
    })
}

/// As [`keep`], until every manager hangs on it.
pub async fn keep_and_follow(epoch: u32, detach: bool, quiet: bool, session: &mut Session) -> Result<(), Report> {
    let aim = keep(epoch, session).await?;
    if detach {
        return Ok(());
    }
    let parts = following::follow(aim, quiet, session).await;
    following::check("the unlock key is in force", &parts, session)
}

fn not_kept(mut report: Report) -> Report {
    report.message = format!(
        "the unlock key is printed, but no manager needs it yet: {}",
        report.message
    );
    report.hint("run `wardroom swarm unlock-key` to see the one that will be needed, and to put it in force")
}

/// A new key could not be read, or not be printed: nothing is lost, for nothing needs it.
pub fn unseen(mut report: Report) -> Report {
    if report.quiet {
        report = Report::failure("nobody reads the output");
    }
    report.message = format!(
        "a new unlock key is made, but could not be shown, and no manager needs it: {}",
        report.message
    );
    report.hint("run `wardroom swarm unlock-key` to see it, and to put it in force")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use std::io;

    use super::*;
    use crate::report::Exit;

    #[test]
    fn a_key_that_nobody_saw_is_no_success() {
        let closed = Report::from(io::Error::from(io::ErrorKind::BrokenPipe));
        let report = unseen(closed);
        assert_eq!((report.exit, report.quiet), (Exit::Failure, false));
        assert_eq!(
            report.message,
            "a new unlock key is made, but could not be shown, and no manager needs it: nobody reads the output"
        );
        let report = unseen(Report::new(Exit::NoQuorum, "no leader"));
        assert_eq!(report.exit, Exit::NoQuorum);
        assert!(report.message.ends_with(": no leader") && report.hint.unwrap().contains("swarm unlock-key"));
    }
}
