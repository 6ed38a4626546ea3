//! The one binary: parse, pick a mode, print the error and what to do next.
#![allow(unreachable_pub)] // a binary has no outside: `pub` means "for the other modules"

mod cli;
mod command;
mod report;
mod text;

fn main() {
    let _ = cli::arguments::parser().try_get_matches();
}
