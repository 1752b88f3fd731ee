//! The first line of a record, which tells what the others are.

use std::io::{self, BufRead, Read};
use std::prelude::rust_2024::*;

use serde::Deserialize;

use super::difference::ReplayError;
use super::line::FORMAT;

/// The longest line that is read. A leader of as many members as there can be sends each of them all of the members.
pub(super) const LONGEST_LINE: u64 = 64 << 20;

/// How a first line begins.
pub(super) const BEGINNING: &[u8] = b"{\"start\":{\"format\":";

/// What is needed of a first line before the rest of it is believed.
#[derive(Deserialize)]
struct Head {
    start: HeadStart,
}

#[derive(Deserialize)]
pub(super) struct HeadStart {
    format: u64,
    #[serde(default)]
    id_type: String,
}

/// Reads up to the first line of a record. Returns the type of ids that the line names, `u32` or `str` for example, and all
/// that there is to replay, from the beginning. The type is empty if that line is cut.
///
/// # Errors
/// If it cannot be read, is no record, or one of another format.
pub fn id_type_of<R: BufRead>(mut input: R) -> Result<(String, impl BufRead), ReplayError> {
    let (mut read, mut line) = (Vec::new(), 0_u64);
    let first = loop {
        let before = read.len();
        let piece = input.by_ref().take(LONGEST_LINE.saturating_add(1)).read_until(b'\n', &mut read);
        line = line.saturating_add(1);
        match piece.map_err(ReplayError::Read)? {
            0 => return Err(ReplayError::Empty),
            1 if read.ends_with(b"\n") => {}
            _ => break read.get(before..).unwrap_or_default(),
        }
    };
    let is_cut = is_cut_start(first);
    let head = read_head(first, line);
    let id_type = if is_cut { String::new() } else { head?.id_type };
    Ok((id_type, io::Cursor::new(read).chain(input)))
}

/// Whether this is the beginning of a first line.
pub(super) fn is_cut_start(text: &[u8]) -> bool {
    (text.starts_with(BEGINNING) || BEGINNING.starts_with(text)) && !text.ends_with(b"\n")
}

/// What a first line says before the rest of it is believed.
pub(super) fn read_head(text: &[u8], line: u64) -> Result<HeadStart, ReplayError> {
    let head: Head = serde_json::from_slice(text).map_err(|_| ReplayError::NotARecord { line })?;
    let format = head.start.format;
    if format == u64::from(FORMAT) { Ok(head.start) } else { Err(ReplayError::OtherFormat { line, format }) }
}
