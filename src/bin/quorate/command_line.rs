//! The command line. A mistake in it is worth one line, and not a page of usage.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory, Error, Parser};

use crate::CommandLine;
use crate::failure::{BAD_INPUT, one_line};
use crate::output::complain;

/// A missing name is worth a clause, since nothing says which one the other machines have.
const GROUP: &str = "--group names the group: the same name on all its machines, and another name than that of any other group";

/// The command line, or the exit code after a mistake or a request for help.
pub(crate) fn parse() -> Result<CommandLine, ExitCode> {
    CommandLine::try_parse().map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _not_read = error.print();
            ExitCode::SUCCESS
        }
        _ => {
            let command = name(CommandLine::command(), std::env::args_os().skip(1));
            complain(format_args!("error: {}; see '{command} --help'", mistake(&error)));
            ExitCode::from(BAD_INPUT)
        }
    })
}

/// The command that the arguments name.
fn name(root: Command, args: impl Iterator<Item = OsString>) -> String {
    let (mut words, mut command) = (vec![root.get_name().to_owned()], root);
    for arg in args {
        if let Some(named) = command.find_subcommand(&arg) {
            words.push(named.get_name().to_owned());
            command = named.clone();
        }
    }
    words.join(" ")
}

/// What is wrong, in the words of the parser but without its usage.
fn mistake(error: &Error) -> String {
    let text = error.render().to_string();
    let is_end = |line: &&str| line.starts_with("Usage:") || line.starts_with("For more information");
    let lines: Vec<_> = text.lines().take_while(|line| !is_end(line)).collect();
    let what = one_line(&lines.join("\n"));
    let what = what.strip_prefix("error: ").unwrap_or(&what);
    if error.kind() == ErrorKind::MissingRequiredArgument && what.contains("--group") {
        return format!("{what}; {GROUP}");
    }
    what.to_owned()
}
