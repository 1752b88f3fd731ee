//! The bytes of a file. The header is the same in all formats, so that damage and another release's file can be
//! told apart.

use core::any::type_name;
use core::cmp::Ordering;
use std::prelude::rust_2024::*;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Fault;
use super::first_format;
use crate::adapters::id_type::id_type;
use crate::hard_state::HardState;
use crate::types::NodeId;

const MAGIC: [u8; 8] = *b"quorate\x1a";
const HEADER: usize = 20;

/// Format 7 may name the node that the state is of.
pub(super) const FORMAT: u32 = 7;

/// The longest file that is written or read, in bytes: far more than any membership needs, and
/// little enough to read whatever is found at the path.
pub(super) const MAX_FILE: usize = 1024 * 1024;

/// The whole file for the `state` of node `owner`, which need not be known, into `buffer`; `None` if there is none.
pub(super) fn render<I: NodeId + Serialize>(
    owner: Option<I>,
    state: &HardState<I>,
    buffer: &mut Vec<u8>,
) -> Option<()> {
    let body = postcard::to_allocvec(&(stored_type(owner, state), owner, state)).ok()?;
    let length = u32::try_from(body.len()).ok()?.to_le_bytes();
    let format = FORMAT.to_le_bytes();
    buffer.clear();
    for part in [&MAGIC[..], &format, &length, &checksum(format, length, &body), &body] {
        buffer.extend_from_slice(part);
    }
    (buffer.len() <= MAX_FILE).then_some(())
}

/// The state in a file, and the node that it is of, if the file names one. Nothing of it is interpreted before the
/// checksum shows that it is whole.
pub(super) fn parse<I>(bytes: &[u8]) -> Result<(Option<I>, HardState<I>), Fault>
where
    I: NodeId + Serialize + DeserializeOwned,
{
    let Some((header, body)) = bytes.split_first_chunk::<HEADER>() else {
        let begun = bytes.starts_with(&MAGIC) || MAGIC.starts_with(bytes);
        return Err(if begun { Fault::Truncated } else { Fault::Foreign });
    };
    let [magic @ .., f0, f1, f2, f3, l0, l1, l2, l3, c0, c1, c2, c3] = *header;
    let (format, length, check) = ([f0, f1, f2, f3], [l0, l1, l2, l3], [c0, c1, c2, c3]);
    if magic != MAGIC {
        return Err(Fault::Foreign);
    }
    match u32::try_from(body.len()).unwrap_or(u32::MAX).cmp(&u32::from_le_bytes(length)) {
        Ordering::Less => return Err(Fault::Truncated),
        Ordering::Greater => return Err(Fault::TooLong),
        Ordering::Equal => {}
    }
    if checksum(format, length, body) != check {
        return Err(Fault::Checksum);
    }
    match u32::from_le_bytes(format) {
        FORMAT => parse_body(body),
        first_format::FORMAT => first_format::parse_body(body).map(|state| (None, state)),
        found => Err(Fault::UnknownFormat { found }),
    }
}

fn parse_body<I>(body: &[u8]) -> Result<(Option<I>, HardState<I>), Fault>
where
    I: NodeId + Serialize + DeserializeOwned,
{
    let (stored, body) = postcard::take_from_bytes::<&str>(body).map_err(|_| Fault::Malformed)?;
    let other_type = || Fault::IdType { stored: stored.into(), expected: type_name::<I>().into() };
    match postcard::take_from_bytes(body) {
        Ok(((owner, state), [])) if stored_type(owner, &state) == stored => Ok((owner, state)),
        Ok((_, [])) => Err(other_type()),
        // Ids of another type need not be readable as these at all.
        Ok(_) | Err(_) if !stored.is_empty() => Err(other_type()),
        Ok(_) | Err(_) => Err(Fault::Malformed),
    }
}

/// The type of the ids of a state, as it is stored; empty if there is no id, which cannot be misread either.
fn stored_type<I: NodeId + Serialize>(owner: Option<I>, state: &HardState<I>) -> String {
    let first = owner.or(state.voted_for).or_else(|| state.membership.members().first().copied());
    first.map_or_else(String::new, |id| id_type(&id))
}

fn checksum(format: [u8; 4], length: [u8; 4], body: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    for part in [&MAGIC[..], &format, &length, body] {
        hasher.update(part);
    }
    hasher.finalize().to_le_bytes()
}
