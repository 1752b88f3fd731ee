//! What nodes have recorded, done again, compared and drawn.
//!
//! ```text
//! quorate replay node-1.record node-2.record node-3.record --html last-night.html
//! ```

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use quorate::NodeId;
use quorate::adapters::record::{MergeError, Merged, Records, Seen, id_type_of};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Id;
use crate::failure::{BadInput, Failure, causes};

/// Replays what nodes have recorded, and says whether they would do the same again
///
/// Each FILE is what 'quorate run --record FILE', or a program with this crate, has written. Each node is given what went in,
/// at the recorded times of its clock, and what comes out is compared with the record. What the nodes did is printed, on
/// one line of time for all files: their clocks are moved until no message arrives before it was sent.
///
/// Exit codes:
///   0  all came out as it was recorded
///   1  something else came out, or a record makes no sense from some line on: the last lines say which
///   2  bad input: a file is no record, or one of another format or with other ids than the first
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The records, best of all nodes of the group
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Writes a page that draws the time line
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Writes what the page draws, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Prints only the summary
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut id_type = String::new();
    for path in &args.files {
        let file = File::open(path).map_err(|error| bad(path, error))?;
        let (found, _) =
            id_type_of(BufReader::new(file)).map_err(|error| BadInput::says(named(path, error)))?;
        // A record that is cut in its first line has no type of its own.
        if id_type.is_empty() {
            id_type = found;
        }
    }
    match id_type.as_str() {
        "u8" => replay::<u8>(args),
        "u16" => replay::<u16>(args),
        "u32" => replay::<u32>(args),
        "u64" => replay::<u64>(args),
        "str" | "" => replay::<Id>(args),
        other => Err(BadInput::new(format_args!(
            "the ids are of the type {other:?}, which this program does not know: replay the record with \
             quorate::adapters::record::Replay, in a program that has the type"
        ))
        .into()),
    }
}

fn bad(path: &Path, error: impl std::fmt::Display) -> BadInput {
    BadInput::new(format_args!("{} cannot be read: {error}", path.display()))
}

fn named(path: &Path, error: quorate::adapters::record::ReplayError) -> MergeError {
    MergeError { name: path.display().to_string(), error }
}

fn replay<I: NodeId + Serialize + DeserializeOwned>(args: &Args) -> Result<(), Failure> {
    let files: Vec<String> = args.files.iter().map(|file| file.display().to_string()).collect();
    let command = format!("quorate replay {} --html FILE", files.join(" "));
    let records = Records::<I>::new(files.join(", ")).command(command);
    let records = args.files.iter().fold(records, |records, file| records.file(file));
    let mut out = BufWriter::new(io::stdout().lock());
    // A reader that goes away ends the printing at once, and the rest is done before that is an error.
    let mut printed = Ok(());
    let merged = records.merge(|seen| {
        if printed.is_ok() && !args.quiet {
            printed = print(&mut out, seen);
        }
    });
    let merged = merged.map_err(BadInput::says)?;
    draw(&merged, args.html.as_deref(), args.json.as_deref())?;
    printed.and_then(|()| writeln!(out, "{}", merged.summary())).and_then(|()| out.flush())?;
    match merged.failures.as_slice() {
        [] => Ok(()),
        [failure, ..] => Err(causes(failure).into()),
    }
}

fn print<I: NodeId>(out: &mut impl Write, seen: &Seen<'_, I>) -> io::Result<()> {
    let words = seen.to_string();
    if words.is_empty() { Ok(()) } else { writeln!(out, "{words}") }
}

/// Writes the page, and what it draws.
pub(crate) fn draw<I: NodeId>(
    merged: &Merged<I>,
    html: Option<&Path>,
    json: Option<&Path>,
) -> Result<(), Failure> {
    let write = |path: &Path, text: String| {
        fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
    };
    html.map(|path| write(path, merged.timeline.page())).transpose()?;
    json.map(|path| write(path, merged.timeline.to_json())).transpose()?;
    Ok(())
}
