//! The durable state in two slots of flash.
//!
//! Each write goes to both slots, one after the other, so that one of them is intact at any time. After a
//! loss of power the slots may differ; the newer intact one counts. When a slot wears out later, the other
//! one still holds the same state, and never an older one.
//!
//! ```text
//! number u32 | length u16 | CRC-32 u32 | HardState in postcard
//! ```

use alloc::vec::Vec;
use core::cmp::Ordering;

use quorate::HardState;

use crate::board::{Flash, Id, SLOT, Slot};
use crate::node::Failure;

const HEADER: usize = 10;

/// The number of the last write.
#[derive(Debug)]
pub struct Saved {
    number: u32,
}

/// Writes the first state of a device. The operator does it once, when the device is set up. **Never do it
/// because the flash was found empty**: a device that lost its state has forgotten its votes. Give it a
/// new id, and let it join.
///
/// # Errors
/// If the state does not fit, or cannot be written.
pub fn provision<F: Flash>(flash: &mut F, first: &HardState<Id>) -> Result<(), Failure<F::Error>> {
    Saved { number: 0 }.save(flash, first)
}

impl Saved {
    /// Reads the state that was stored last, and makes both slots hold it.
    ///
    /// # Errors
    /// [`Failure::NoState`] if neither slot holds any.
    pub fn load<F: Flash>(flash: &mut F) -> Result<(Self, HardState<Id>), Failure<F::Error>> {
        let (a, b) = (read(flash, Slot::A), read(flash, Slot::B));
        let number = |found: &Option<(u32, _)>| found.as_ref().map(|&(number, _)| number);
        // The slot with the only intact copy is never written.
        let stale = match number(&a).cmp(&number(&b)) {
            Ordering::Less => Some(Slot::A),
            Ordering::Equal => None,
            Ordering::Greater => Some(Slot::B),
        };
        let latest = if stale == Some(Slot::A) { b } else { a };
        let (number, state) = latest.ok_or(Failure::NoState)?;
        if let Some(slot) = stale {
            let bytes = render(number, &state).ok_or(Failure::Full)?;
            flash.write(slot, &bytes).map_err(Failure::Flash)?;
        }
        Ok((Saved { number }, state))
    }

    /// Writes the state. When this returns, the state survives a loss of power.
    ///
    /// # Errors
    /// If the state does not fit, or cannot be written. The node must then send nothing more.
    pub fn save<F: Flash>(&mut self, flash: &mut F, state: &HardState<Id>) -> Result<(), Failure<F::Error>> {
        self.number = self.number.checked_add(1).ok_or(Failure::Full)?;
        let bytes = render(self.number, state).ok_or(Failure::Full)?;
        for slot in [Slot::A, Slot::B] {
            flash.write(slot, &bytes).map_err(Failure::Flash)?;
        }
        Ok(())
    }
}

/// Reads a slot. One that cannot be read any more is treated like a damaged one.
fn read<F: Flash>(flash: &mut F, slot: Slot) -> Option<(u32, HardState<Id>)> {
    let mut bytes = [0; SLOT];
    flash.read(slot, &mut bytes).ok()?;
    parse(&bytes)
}

fn render(number: u32, state: &HardState<Id>) -> Option<Vec<u8>> {
    let body = postcard::to_allocvec(state).ok()?;
    let (number, length) = (number.to_le_bytes(), u16::try_from(body.len()).ok()?.to_le_bytes());
    let bytes = [&number[..], &length, &checksum(number, length, &body), &body].concat();
    (bytes.len() <= SLOT).then_some(bytes)
}

fn parse(bytes: &[u8; SLOT]) -> Option<(u32, HardState<Id>)> {
    let (&[n0, n1, n2, n3, l0, l1, ref check @ ..], rest) = bytes.split_first_chunk::<HEADER>()?;
    let (number, length) = ([n0, n1, n2, n3], [l0, l1]);
    let body = rest.get(..u16::from_le_bytes(length).into())?;
    if checksum(number, length, body) != *check {
        return None;
    }
    Some((u32::from_le_bytes(number), postcard::from_bytes(body).ok()?))
}

fn checksum(number: [u8; 4], length: [u8; 2], body: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    for part in [&number[..], &length, body] {
        hasher.update(part);
    }
    hasher.finalize().to_le_bytes()
}
