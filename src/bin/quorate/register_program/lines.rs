//! The lines of JSON that this program and `quorate-register` exchange.

use quorate::adapters::register::MAX_CONTENT;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest line, in bytes: a content of [`MAX_CONTENT`] and its tag as hex, and the words around.
pub(super) const MAX_LINE: usize = 2 * MAX_CONTENT + 4096;

/// Bytes, written as hexadecimal digits.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Hex(pub(super) Vec<u8>);

impl From<&[u8]> for Hex {
    fn from(bytes: &[u8]) -> Hex {
        Hex(bytes.to_vec())
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base16ct::lower::encode_string(&self.0))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Hex, D::Error> {
        let digits = String::deserialize(deserializer)?;
        base16ct::mixed::decode_vec(&digits).map(Hex).map_err(serde::de::Error::custom)
    }
}

/// What is asked: a line.
#[derive(Serialize, Debug)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    Read {},
    Swap { tag: Hex, bytes: Hex },
    Create { bytes: Hex },
}

impl Request {
    pub(super) fn line(&self) -> serde_json::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }
}

/// What is answered: a line.
#[derive(Deserialize, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Found { tag: Hex, bytes: Hex },
    Missing {},
    Swapped { tag: Hex },
    Refused {},
    NotDone { error: String },
    Unknown { error: String },
}

/// The answer in a line, if it is one to `request`.
pub(super) fn parse(line: &[u8], request: &Request) -> Option<Answer> {
    let answer = serde_json::from_slice(line).ok()?;
    let fits = match &answer {
        Answer::Found { bytes, .. } => matches!(request, Request::Read {}) && bytes.0.len() <= MAX_CONTENT,
        Answer::Missing {} => matches!(request, Request::Read {}),
        Answer::Swapped { .. } | Answer::Refused {} => !matches!(request, Request::Read {}),
        Answer::NotDone { .. } | Answer::Unknown { .. } => true,
    };
    fits.then_some(answer)
}
