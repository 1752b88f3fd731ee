//! How the program fails: with one line, and an exit code that says whether the input was at fault.

use std::error::Error;
use std::fmt::{self, Display};
use std::iter;
use std::process::ExitCode;

use crate::output::complain;

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// The exit code after bad input: a command line, a file or an environment with which the program cannot work, and
/// which somebody has to correct.
pub(crate) const BAD_INPUT: u8 = 2;

/// Bad input: what is wrong, and what to do.
#[derive(Debug)]
pub(crate) struct BadInput(String);

impl BadInput {
    pub(crate) fn new(what: impl Display) -> BadInput {
        BadInput(what.to_string())
    }

    /// What this error says, with what caused it.
    pub(crate) fn says(error: impl Error + 'static) -> BadInput {
        BadInput(causes(&error))
    }
}

impl Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for BadInput {}

/// Says what has failed, and returns the exit code.
pub(crate) fn report(error: &(dyn Error + Send + Sync + 'static)) -> ExitCode {
    complain(format_args!("error: {}", one_line(&causes(error))));
    exit_code(error)
}

pub(crate) fn exit_code(error: &(dyn Error + Send + Sync + 'static)) -> ExitCode {
    if error.is::<BadInput>() { ExitCode::from(BAD_INPUT) } else { ExitCode::FAILURE }
}

/// An error and what caused it.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The text on one line, whatever a name or a value in it contains.
pub(crate) fn one_line(text: &str) -> String {
    let is_visible = |char: &char| !char.is_control();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines.collect::<Vec<_>>().join(" ");
    line.chars().filter(is_visible).collect()
}
