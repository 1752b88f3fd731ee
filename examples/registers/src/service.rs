//! A register for another program, over lines of JSON.

use std::error::Error;
use std::io::{self, BufRead, Read, Write};

use quorate::adapters::register::{Cell, CellError, MAX_CONTENT, Tag};
use serde::{Deserialize, Serialize};

/// The longest line that is read, in bytes: a content of [`MAX_CONTENT`] and its tag as hex, and the words around.
pub const MAX_LINE: usize = 2 * MAX_CONTENT + 4096;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    Read {},
    Swap { tag: String, bytes: String },
    Create { bytes: String },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Found { tag: String, bytes: String },
    Missing {},
    Swapped { tag: String },
    Refused {},
    NotDone { error: String },
    Unknown { error: String },
}

/// Answers each line of `requests` by one line of `answers`, until there are no more.
///
/// # Errors
/// If one of the two fails. The register is not to blame: what it says is an answer.
pub fn serve(cell: &mut dyn Cell, mut requests: impl BufRead, mut answers: impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
        if requests.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let is_whole = line.last() == Some(&b'\n') || line.len() < MAX_LINE;
        let answer = if is_whole {
            answer(cell, &line).unwrap_or_else(failed)
        } else {
            requests.skip_until(b'\n')?;
            failed(CellError::not_done(format!("a line of more than {MAX_LINE} bytes")))
        };
        let mut answer = serde_json::to_vec(&answer)?;
        answer.push(b'\n');
        answers.write_all(&answer)?;
        answers.flush()?;
    }
}

fn answer(cell: &mut dyn Cell, line: &[u8]) -> Result<Answer, CellError> {
    Ok(match serde_json::from_slice(line).map_err(CellError::not_done)? {
        Request::Read {} => match cell.read()? {
            Some((tag, bytes)) => Answer::Found { tag: hex(tag.as_bytes()), bytes: hex(&bytes) },
            None => Answer::Missing {},
        },
        Request::Swap { tag, bytes } => swapped(cell.swap(&Tag::new(unhex(&tag)?), &content(&bytes)?)?),
        Request::Create { bytes } => swapped(cell.create(&content(&bytes)?)?),
    })
}

fn swapped(tag: Option<Tag>) -> Answer {
    tag.map_or(Answer::Refused {}, |tag| Answer::Swapped { tag: hex(tag.as_bytes()) })
}

fn failed(error: CellError) -> Answer {
    let text = |error: Box<dyn Error + Send + Sync>| {
        let all = std::iter::successors(Some(&*error as &dyn Error), |&error| error.source());
        all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    };
    match error {
        CellError::NotDone(error) => Answer::NotDone { error: text(error) },
        CellError::Unknown(error) => Answer::Unknown { error: text(error) },
    }
}

fn content(text: &str) -> Result<Vec<u8>, CellError> {
    let bytes = unhex(text)?;
    if bytes.len() > MAX_CONTENT {
        return Err(CellError::not_done(format!("{} bytes are more than a register holds", bytes.len())));
    }
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

fn unhex(text: &str) -> Result<Vec<u8>, CellError> {
    base16ct::mixed::decode_vec(text).map_err(|_| CellError::not_done("what is to be hex is not"))
}
