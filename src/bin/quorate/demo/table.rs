//! The table of all leaders.

use std::io::{self, Write};
use std::time::Duration;

use super::processes::{Leadership, Processes, Storage};
use crate::paint::Colour;

pub(crate) struct Table {
    /// How many digits a term has.
    digits: usize,
}

impl Table {
    /// Prints its head. The first term of a group that founds itself is taken from the wall clock, and is long.
    pub(crate) fn begin(storage: Storage) -> io::Result<Table> {
        let digits = match storage {
            Storage::Files => 4,
            Storage::None => 16,
        };
        writeln!(
            io::stdout(),
            "  round  what        leader  {:>digits$}      leader  {:>digits$}   without a leader",
            "term",
            "term"
        )?;
        Ok(Table { digits })
    }

    /// Prints one line, with a mark for each ten milliseconds.
    pub(crate) fn row(
        &self,
        processes: &mut Processes,
        round: u32,
        what: &str,
        old: Option<Leadership>,
        new: Leadership,
        gap: Duration,
    ) -> io::Result<()> {
        let (digits, paint) = (self.digits, processes.paint());
        let (id, term) = match old {
            Some(old) => (old.id.to_string(), old.term.to_string()),
            None => ("-".into(), "-".into()),
        };
        let colour = match what {
            "start" | "resigns" => Colour::Good,
            "SIGSTOP" => Colour::Odd,
            _ => Colour::Bad,
        };
        let what = paint.paint(colour, format_args!("{what:<10}"));
        let ms = gap.as_secs_f64() * 1_000.0;
        let tens = usize::try_from(gap.as_millis()).unwrap_or(usize::MAX).div_euclid(10);
        let bar = paint.paint(Colour::Unimportant, "#".repeat(tens.clamp(1, 40)));
        processes.say(format_args!(
            "  {round:>5}  {what}  {id:>6}  {term:>digits$}  ->  {:>6}  {:>digits$}  {ms:>9.1} ms  {bar}",
            new.id, new.term
        ))
    }
}
