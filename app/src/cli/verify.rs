//! `wardroom backup verify`: opens a backup on this machine and says what is in it. Nobody is asked, and nothing of it
//! is kept.

use crate::cli::arguments::BackupVerify;
use crate::cli::output::Output;
use crate::report::Report;

pub fn run(_: &BackupVerify, _: &mut Output) -> Result<(), Report> {
    Err(
        Report::failure("this wardroom is an operator's client and cannot open a backup")
            .hint("use one that was built with the feature `embedded`"),
    )
}
