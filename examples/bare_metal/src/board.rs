//! The drivers that a board must offer.

use core::fmt::Debug;

use quorate::{Lease, Timestamp};

/// The address that the radio gives a node, such as a short address of IEEE 802.15.4. The id belongs to
/// the state in flash: with empty flash, or on another board, the device must have a new id.
pub type Id = u16;

/// The longest frame, in bytes. A message takes at most 200 bytes, and 2 to 3 more for each member if it
/// carries the membership. A driver for shorter frames has to split messages and join the parts.
pub const FRAME: usize = 256;

/// How much of each flash slot is used, in bytes.
pub const SLOT: usize = 512;

/// All drivers together.
pub trait Board: Clock + Radio + Flash + Random + Duty {}

impl<B: Clock + Radio + Flash + Random + Duty> Board for B {}

/// The time since any origin.
///
/// The clock never runs backwards, does not wrap while the device runs, and **goes on in the deepest
/// sleep** that the device uses: a leader that slept must find its lease ended. So use the real-time
/// counter or the low-power timer, and extend it to 64 bits with its overflow interrupt.
///
/// Leases are safe while no two nodes' clocks differ in rate by more than `Timing::clock_drift_ppm`. A
/// crystal stays below 100; an RC oscillator may be off by 10,000 and more, which the timing of every
/// node must then allow for. And no reading is behind the time by more than `Timing::clock_resolution`, here a
/// millisecond: a clock that counts longer ticks needs more.
pub trait Clock {
    /// What the clock reads now.
    fn now(&mut self) -> Timestamp;
}

/// Frames to and from other nodes, whole or not at all. They may be lost, delayed, duplicated or reordered.
/// Every device in range can forge the sender of a frame: where devices are not trusted, encrypt the link.
pub trait Radio {
    /// Sends a frame. It waits for a free channel at most.
    fn send(&mut self, to: Id, frame: &[u8]);

    /// Sleeps until a frame to this node arrives, or until the clock reads `until`, or for ever with
    /// `None`. Returns the sender and the length of the frame, or `None` at that time or before.
    fn receive(&mut self, until: Option<Timestamp>, frame: &mut [u8; FRAME]) -> Option<(Id, usize)>;
}

/// Two slots in flash, in sectors of their own, so that erasing one leaves the other as it is.
pub trait Flash {
    /// The error of the flash driver.
    type Error: Debug;

    /// Replaces the contents of the slot. When this returns, they survive a loss of power. A loss of power
    /// before that may leave anything in this slot, and does not change the other one.
    ///
    /// # Errors
    /// If the sector cannot be erased or written, or does not read as it was written.
    fn write(&mut self, slot: Slot, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Reads the slot from its beginning.
    ///
    /// # Errors
    /// If the slot cannot be read at all.
    fn read(&mut self, slot: Slot, bytes: &mut [u8; SLOT]) -> Result<(), Self::Error>;
}

/// One of the two slots in flash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Slot {
    A,
    B,
}

/// Randomness, which spreads out simultaneous candidacies. It makes elections faster, not safer.
pub trait Random {
    /// A seed from the hardware's generator, or from the chip's serial number if there is no generator.
    fn seed(&mut self) -> [u8; 32];
}

/// The work of the leader.
pub trait Duty {
    /// Does some of a leader's work, or starts it. The work must end at `lease.until`, and every command to
    /// another device must carry `lease.term`, so that the device can refuse a lower term than it has seen.
    /// If the work is a signal, let a hardware timer end it at `lease.until`, so that it ends even if this
    /// program hangs.
    fn lead(&mut self, lease: Lease);

    /// Ends all work of a leader. When this returns, nothing of it goes on.
    fn stop_leading(&mut self);
}
