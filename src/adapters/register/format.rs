//! The bytes of a register.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::content::{Content, WriteId};
use super::seat_content::SeatContent;
use crate::adapters::id_type::id_type;
use crate::hard_state::HardState;
use crate::types::{ClusterId, NodeId, PromiseHolder};

/// How the content of the register of a voter begins, and that of a seat.
const VOTER: Magic = *b"quorate\x1c";
const SEAT: Magic = *b"quorate\x1d";

type Magic = [u8; 8];

const FORMAT: u32 = 1;
const HEADER: usize = 16;

/// The longest content that is written or read, in bytes: as much as the largest membership needs, with ids of up to 60
/// bytes.
pub const MAX_CONTENT: usize = 64 * 1024;

/// Why the bytes in a register are not those of its voter. Nothing of them is used.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// There are more than [`MAX_CONTENT`].
    #[error("{length} bytes are more than a register holds")]
    TooLong {
        /// How many there are.
        length: usize,
    },
    /// They do not begin as the content of a register does: it is another object.
    #[error("this is not the content of a register")]
    Foreign,
    /// They were written by another release.
    #[error("the content has format {found}, which this release does not read")]
    UnknownFormat {
        /// The number of the format.
        found: u32,
    },
    /// They are damaged, or cut off.
    #[error("the content is damaged")]
    Checksum,
    /// They are whole, and contradict themselves, or what was seen before.
    #[error("the content contradicts itself, or what was seen before")]
    Malformed,
    /// The ids in them are of another type, or there are none that this program reads.
    #[error("the content has ids of the type {stored}")]
    IdType {
        /// The form of those ids.
        stored: String,
    },
    /// It is the register of a group of another number.
    #[error("the register belongs to the group {found}")]
    OtherCluster {
        /// The number of that group.
        found: ClusterId,
    },
    /// It is the register of another voter.
    #[error("the register is that of the voter {found}")]
    OtherVoter {
        /// Its id, as `Debug` shows it.
        found: String,
    },
}

/// Why a register cannot be created.
///
/// Non-exhaustive: a later version may check more.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// The state is that of a node which has taken part in a term, or is blank. The voter of a register begins with a
    /// [`bootstrap`](HardState::bootstrap) or a [`joining`](HardState::joining) state.
    #[error("the voter of a register begins with a bootstrap or a joining state")]
    NotFirst,
    /// The membership has voters, and the register's is none of them.
    #[error("the membership lacks the voter of the register")]
    NotAVoter,
    /// The ids cannot be serialized, or are too large.
    #[error("the content takes more than a register holds, or its ids cannot be serialized")]
    Unwritable,
}

/// What the operator writes into the register, once: the content of a voter that has taken part in nothing. `first` is the
/// state with which all nodes of a new group begin, [`HardState::bootstrap`] with `voter` in the list; or
/// [`HardState::joining`], for a voter that is added to a running group.
///
/// Write it under the condition that there is no such object yet. A register that was lost comes back under another id of
/// its voter, as a disk that was lost would: this one may have given votes. Rule 10.10.
///
/// # Errors
/// [`CreateError`] if `first` is no such state, or cannot be written.
pub fn create<I: NodeId + Serialize>(first: &HardState<I>, voter: I) -> Result<Vec<u8>, CreateError> {
    let has_begun = first.term.0 > 0 || first.membership.version().term.0 > 0 || first.blank.is_some();
    if has_begun || first.membership.is_forming() {
        return Err(CreateError::NotFirst);
    }
    let voters = first.membership.voters();
    if !voters.is_empty() && !voters.contains(&voter) {
        return Err(CreateError::NotAVoter);
    }
    let content = Content {
        voter,
        state: first.clone(),
        promise: None,
        sequence: 1,
        written_by: WriteId::default(),
        is_lost: false,
        signatures: Vec::new(),
    };
    render(&content).ok_or(CreateError::Unwritable)
}

/// What a register holds, as it shows itself to operators and tests. See [`inspect`].
///
/// Non-exhaustive: a later version may show more.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Inspection<I> {
    /// The id of the voter.
    pub voter: I,
    /// Its state, as that of any node.
    pub state: HardState<I>,
    /// The number of the last write.
    pub sequence: u64,
    /// The node that the voter has promised something last, and for how long; zero if that is over.
    pub promised: Option<(PromiseHolder<I>, Duration)>,
    /// The nodes whose agents have written the register.
    pub signatures: Vec<I>,
    /// Whether the voter has found out that it lost what it had acknowledged.
    pub is_lost: bool,
}

/// Shows what a register holds, whatever voter of whatever group it is of.
///
/// # Errors
/// [`ContentError`] if the bytes are not the content of a register, or have ids of another type.
pub fn inspect<I>(bytes: &[u8]) -> Result<Inspection<I>, ContentError>
where
    I: NodeId + Serialize + DeserializeOwned,
{
    let Content { voter, state, promise, sequence, signatures, is_lost, .. } = parse_whole(bytes)?;
    let promised =
        promise.map(|last| (PromiseHolder { id: last.to, term: last.term }, last.length.as_duration()));
    Ok(Inspection { voter, state, sequence, promised, signatures, is_lost })
}

/// The bytes of `content`; `None` if there are none, or too many.
pub(super) fn render<I: NodeId + Serialize>(content: &Content<I>) -> Option<Vec<u8>> {
    frame(VOTER, &postcard::to_allocvec(&(id_type(&content.voter), content)).ok()?)
}

/// The bytes of the content of a seat; `None` if there are none, or too many.
pub(super) fn render_seat<N: Serialize>(content: &SeatContent<N>) -> Option<Vec<u8>> {
    frame(SEAT, &postcard::to_allocvec(content).ok()?)
}

/// The content of the seat of this group.
pub(super) fn parse_seat<N: DeserializeOwned>(
    bytes: &[u8],
    group: ClusterId,
) -> Result<SeatContent<N>, ContentError> {
    let content = parse_any_seat(bytes)?;
    if content.group == group {
        Ok(content)
    } else {
        Err(ContentError::OtherCluster { found: content.group })
    }
}

/// The content of the seat of whatever group.
pub(super) fn parse_any_seat<N: DeserializeOwned>(bytes: &[u8]) -> Result<SeatContent<N>, ContentError> {
    match postcard::take_from_bytes(body_of(SEAT, bytes)?) {
        Ok((content, [])) => Ok(content),
        Ok(_) | Err(_) => Err(ContentError::Malformed),
    }
}

fn frame(magic: Magic, body: &[u8]) -> Option<Vec<u8>> {
    let format = FORMAT.to_le_bytes();
    let bytes = [&magic[..], &format, &checksum(magic, format, body), body].concat();
    (bytes.len() <= MAX_CONTENT).then_some(bytes)
}

/// What follows the header. Nothing of the bytes is interpreted before the checksum shows that they are whole.
fn body_of(expected: Magic, bytes: &[u8]) -> Result<&[u8], ContentError> {
    if bytes.len() > MAX_CONTENT {
        return Err(ContentError::TooLong { length: bytes.len() });
    }
    let Some((header, body)) = bytes.split_first_chunk::<HEADER>() else { return Err(ContentError::Foreign) };
    let [magic @ .., f0, f1, f2, f3, c0, c1, c2, c3] = *header;
    let format = [f0, f1, f2, f3];
    if magic != expected {
        return Err(ContentError::Foreign);
    }
    if checksum(magic, format, body) != [c0, c1, c2, c3] {
        return Err(ContentError::Checksum);
    }
    match u32::from_le_bytes(format) {
        FORMAT => Ok(body),
        found => Err(ContentError::UnknownFormat { found }),
    }
}

/// The content of the register of this voter.
pub(super) fn parse<I>(bytes: &[u8], cluster: ClusterId, voter: I) -> Result<Content<I>, ContentError>
where
    I: NodeId + Serialize + DeserializeOwned,
{
    let content = parse_whole::<I>(bytes)?;
    let found = content.state.cluster;
    if found != cluster {
        return Err(ContentError::OtherCluster { found });
    }
    if content.voter != voter {
        return Err(ContentError::OtherVoter { found: alloc::format!("{:?}", content.voter) });
    }
    Ok(content)
}

fn parse_whole<I>(bytes: &[u8]) -> Result<Content<I>, ContentError>
where
    I: NodeId + Serialize + DeserializeOwned,
{
    let body = body_of(VOTER, bytes)?;
    let (stored, body) = postcard::take_from_bytes::<&str>(body).map_err(|_| ContentError::Malformed)?;
    match postcard::take_from_bytes::<Content<I>>(body) {
        Ok((content, rest)) if id_type(&content.voter) == stored => {
            let is_sound = rest.is_empty() && content.is_consistent();
            if is_sound { Ok(content) } else { Err(ContentError::Malformed) }
        }
        // Ids of another type need not be readable as these at all.
        Ok(_) | Err(_) => match postcard::take_from_bytes::<I>(body) {
            Ok((voter, _)) if id_type(&voter) == stored => Err(ContentError::Malformed),
            Ok(_) | Err(_) => Err(ContentError::IdType { stored: stored.into() }),
        },
    }
}

fn checksum(magic: Magic, format: [u8; 4], body: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    for part in [&magic[..], &format, body] {
        hasher.update(part);
    }
    hasher.finalize().to_le_bytes()
}
