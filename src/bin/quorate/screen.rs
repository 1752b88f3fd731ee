//! Lines that stay, and a table below them that is drawn again and again where the output is a terminal.

use std::fmt::Display;
use std::io::{self, Write};
use std::time::Instant;

use crate::paint::is_live;

/// How often the table of the demo is drawn at most.
#[cfg(unix)]
const INTERVAL: std::time::Duration = std::time::Duration::from_millis(50);

pub(crate) struct Screen {
    is_live: bool,
    /// How many lines of the table are on the screen, below all lines that stay.
    lines: usize,
    drawn_at: Option<Instant>,
}

impl Screen {
    pub(crate) fn new() -> Screen {
        Screen { is_live: is_live(), lines: 0, drawn_at: None }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.is_live
    }

    /// Whether it is time to draw the table.
    #[cfg(unix)]
    pub(crate) fn is_due(&self) -> bool {
        self.is_live && self.drawn_at.is_none_or(|at| at.elapsed() >= INTERVAL)
    }

    /// Prints a line that stays.
    pub(crate) fn say(&mut self, line: impl Display) -> io::Result<()> {
        self.clear()?;
        writeln!(io::stdout(), "{line}")
    }

    /// Takes the table off the screen.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        let lines = std::mem::take(&mut self.lines);
        self.drawn_at = None;
        // Up to the first line of the table; then all that is below is erased.
        if lines > 0 { write!(io::stdout(), "\x1b[{lines}A\x1b[J") } else { Ok(()) }
    }

    /// Draws the table in the place of the one before.
    pub(crate) fn draw(&mut self, rows: &[String]) -> io::Result<()> {
        let up = match self.lines {
            0 => String::new(),
            lines => format!("\x1b[{lines}A"),
        };
        // The rest of each line is erased, and what a longer table has left below.
        let rows: String = rows.iter().map(|row| format!("{row}\x1b[K\n")).collect();
        self.lines = rows.lines().count();
        self.drawn_at = Some(Instant::now());
        let mut out = io::stdout().lock();
        // A line that is longer than the screen is wide is cut off, as a second one would not be counted.
        write!(out, "\x1b[?7l{up}{rows}\x1b[J\x1b[?7h")?;
        out.flush()
    }
}
