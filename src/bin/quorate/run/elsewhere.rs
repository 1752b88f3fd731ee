//! Systems on which the command cannot be stopped in every case.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::failure::Failure;

/// Runs a command on exactly one machine of a group (on Linux only)
#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    all: Vec<OsString>,
}

pub(crate) fn run(args: Args) -> Result<ExitCode, Failure> {
    drop(args.all);
    Err("'quorate run' needs Linux: it relies on how that system treats the children of a dead process"
        .into())
}
