//! Colours, where there is a terminal that shows them.

use std::env;
use std::fmt::Display;
use std::io::{self, IsTerminal};

/// Whether the standard output is a terminal on which lines can be drawn again.
pub(crate) fn is_live() -> bool {
    io::stdout().is_terminal() && env::var_os("TERM").is_none_or(|kind| kind != "dumb")
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    Good,
    Bad,
    Odd,
    Unimportant,
}

/// Paints texts, or leaves them as they are.
#[derive(Clone, Copy)]
pub(crate) struct Paint {
    has_colours: bool,
}

impl Paint {
    /// For the standard output. `NO_COLOR` does without colours: see <https://no-color.org>.
    pub(crate) fn for_output() -> Paint {
        let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Paint { has_colours: is_live() && !unwanted }
    }

    pub(crate) fn paint(self, colour: Colour, text: impl Display) -> String {
        let code = match colour {
            Colour::Good => 32,
            Colour::Bad => 31,
            Colour::Odd => 36,
            Colour::Unimportant => 2,
        };
        if self.has_colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}
