//! What the program says of itself: completions for shells, and pages of the manual.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::CommandLine;
use crate::failure::{BadInput, Failure};

/// Prints completions of this program for a shell
///
/// For example, 'quorate completions bash > /etc/bash_completion.d/quorate'.
#[derive(clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints the manual page, or writes a page of each command into a folder
#[derive(clap::Args)]
pub(crate) struct ManArgs {
    /// The folder, which is to exist: for example /usr/local/share/man/man1
    folder: Option<PathBuf>,
}

pub(crate) fn completions(CompletionsArgs { shell }: &CompletionsArgs) -> Result<(), Failure> {
    // The generator panics where it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut CommandLine::command(), "quorate", &mut script);
    Ok(io::stdout().write_all(&script)?)
}

pub(crate) fn man(ManArgs { folder }: &ManArgs) -> Result<(), Failure> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(CommandLine::command()).render(&mut page)?;
        return Ok(io::stdout().write_all(&page)?);
    };
    if !fs::metadata(folder).is_ok_and(|found| found.is_dir()) {
        let advice = "create it first, or name another folder";
        return Err(BadInput::new(format_args!("{} is no folder: {advice}", folder.display())).into());
    }
    Ok(clap_mangen::generate_to(CommandLine::command(), folder)?)
}
