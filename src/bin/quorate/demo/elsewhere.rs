//! Systems on which processes cannot be frozen.

use std::ffi::OsString;

use crate::failure::Failure;

/// Shows elections on this machine (on Unix only)
#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    all: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let _whatever_is_asked = &args.all;
    Err("'quorate demo' needs a Unix: it freezes and thaws processes by signals".into())
}
