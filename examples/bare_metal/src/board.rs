//! What a board must offer.

use core::fmt::Debug;

use quorate::{Lease, Timestamp};

/// The address that the radio gives a node: a short address of IEEE 802.15.4, for one. It goes with the
/// flash: who moves to another board takes the flash along, or comes as another node.
pub type Id = u16;

/// The longest frame, in bytes. A message takes at most 200, and 2 to 3 more for each member where
/// it carries the membership. A radio with shorter frames has to put them together.
pub const FRAME: usize = 256;

/// How much of each flash slot is used, in bytes.
pub const SLOT: usize = 512;

/// All of it.
pub trait Board: Clock + Radio + Flash + Random + Duty {}

impl<B: Clock + Radio + Flash + Random + Duty> Board for B {}

/// Time since any origin.
///
/// It never runs backwards, does not wrap for as long as the device runs, and **goes on in the
/// deepest sleep** that the device uses: a leader that slept must find its lease gone. So take the
/// real-time counter or the low-power timer, and let its overflow interrupt make it 64 bits wide.
///
/// Leases hold while no two nodes' clocks differ in rate by more than `Timing::clock_drift_ppm`. A
/// crystal stays below 100; an RC oscillator may be off by 10,000 and more: say so, in the timing of
/// every node.
pub trait Clock {
    /// What the clock reads now.
    fn now(&mut self) -> Timestamp;
}

/// Frames to and from other nodes, whole or not at all. They may be lost, late, doubled or overtaken.
/// Whoever can reach the radio can claim any sender: if the room is not trusted, encrypt the link.
pub trait Radio {
    /// Sends a frame, without waiting for more than a free channel.
    fn send(&mut self, to: Id, frame: &[u8]);

    /// Sleeps until a frame to this node is there, or until the clock reads `until`; `None` is for
    /// ever. Gives its sender and its length, or nothing at the end of that time or before.
    fn receive(&mut self, until: Option<Timestamp>, frame: &mut [u8; FRAME]) -> Option<(Id, usize)>;
}

/// Two places in flash, in sectors of their own, so that to erase one spares the other.
pub trait Flash {
    /// What may go wrong.
    type Error: Debug;

    /// Replaces what is in the slot. When this returns, it survives a loss of power. A loss of power
    /// before that leaves anything in this slot, and does nothing to the other.
    ///
    /// # Errors
    /// If the sector can not be erased or written, or does not read as it was written.
    fn write(&mut self, slot: Slot, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Reads the slot from its beginning.
    ///
    /// # Errors
    /// If it can not be read at all.
    fn read(&mut self, slot: Slot, bytes: &mut [u8; SLOT]) -> Result<(), Self::Error>;
}

/// Which place in flash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Slot {
    A,
    B,
}

/// Chance, which spreads out simultaneous candidacies: it makes elections faster, not safer.
pub trait Random {
    /// Of the hardware's generator; or the chip's serial number, if it has none.
    fn seed(&mut self) -> [u8; 32];
}

/// What the leader is for.
pub trait Duty {
    /// Does some of a leader's work, or lets it begin: before `lease.until` only, and with `lease.term`
    /// in every order to another device, which refuses a lower one than it has seen. If the duty is a
    /// signal, let a hardware timer end it at `lease.until`: then it ends even if this program hangs.
    fn lead(&mut self, lease: Lease);

    /// Ends all of it. When this returns, nothing of it goes on.
    fn rest(&mut self);
}
