//! What is printed. A program whose output is not read any more must not panic, as `println` does.

use std::fmt::Display;
use std::io::{self, Write};

/// Prints a line. A node runs on if its output is not read, so the result of writing is ignored.
macro_rules! say {
    ($($what:tt)*) => {{
        use std::io::Write as _;
        let _not_read = writeln!(std::io::stdout(), $($what)*);
    }};
}

pub(crate) use say;

/// Writes a line to the standard error.
pub(crate) fn complain(what: impl Display) {
    let _not_read = writeln!(io::stderr(), "{what}");
}
