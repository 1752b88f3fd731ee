//! Tests for the machine that builds the example: flash that loses power, and boards in one room.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;
use std::vec::Vec;

use quorate::{ClusterId, HardState, Lease, Term, Timestamp};

use crate::board::{Clock, Duty, FRAME, Flash, Id, Radio, Random, SLOT, Slot};
use crate::{Failure, Node, Saved, provision};

#[derive(Debug)]
struct PowerLost;

/// Flash that loses power after `power` bytes.
#[derive(Clone)]
struct Cells {
    slots: [[u8; SLOT]; 2],
    power: usize,
}

impl Cells {
    fn new() -> Self {
        Cells { slots: [[0xFF; SLOT]; 2], power: usize::MAX }
    }

    fn slot(&mut self, slot: Slot) -> &mut [u8; SLOT] {
        let [a, b] = &mut self.slots;
        if slot == Slot::A { a } else { b }
    }
}

impl Flash for Cells {
    type Error = PowerLost;

    fn write(&mut self, slot: Slot, bytes: &[u8]) -> Result<(), PowerLost> {
        self.power = self.power.checked_sub(1).ok_or(PowerLost)?;
        *self.slot(slot) = [0xFF; SLOT];
        for (index, &byte) in bytes.iter().enumerate() {
            self.power = self.power.checked_sub(1).ok_or(PowerLost)?;
            self.slot(slot)[index] = byte;
        }
        Ok(())
    }

    fn read(&mut self, slot: Slot, bytes: &mut [u8; SLOT]) -> Result<(), PowerLost> {
        *bytes = *self.slot(slot);
        Ok(())
    }
}

fn state(term: u64) -> HardState<Id> {
    HardState { term: Term(term), ..HardState::bootstrap(ClusterId(7), [1, 2, 3]).unwrap() }
}

/// Flash that holds term 1.
fn flash() -> Cells {
    let mut flash = Cells::new();
    provision(&mut flash, &state(1)).unwrap();
    flash
}

fn term(flash: &mut Cells) -> u64 {
    Saved::load(flash).unwrap().1.term.0
}

#[test]
fn flash_that_loses_power_at_any_byte_holds_the_old_state_or_the_new() {
    let mut written = 0;
    for power in 0.. {
        let mut flash = flash();
        let (mut saved, _) = Saved::load(&mut flash).unwrap();
        flash.power = power;
        let done = saved.save(&mut flash, &state(2)).is_ok();
        // The next start may lose power as well, after any number of bytes.
        for again in 0..150 {
            let mut flash = flash.clone();
            flash.power = again;
            let _lost = Saved::load(&mut flash);
            flash.power = usize::MAX;
            let found = term(&mut flash);
            assert!(found == 2 || found == 1 && !done, "{found} after {power} and {again} bytes");
            assert!(found >= written, "{found} after {power} bytes, {written} after one less");
        }
        flash.power = usize::MAX;
        written = term(&mut flash);
        if done {
            return;
        }
    }
}

#[test]
fn a_slot_that_wears_out_does_not_bring_back_an_older_state() {
    let mut kept = flash();
    let (mut saved, _) = Saved::load(&mut kept).unwrap();
    saved.save(&mut kept, &state(2)).unwrap();
    for slot in [Slot::A, Slot::B] {
        for bit in 0..30 * 8 {
            let mut flash = kept.clone();
            flash.slot(slot)[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(term(&mut flash), 2, "bit {bit}");
        }
    }
}

#[test]
fn empty_flash_is_not_taken_for_a_new_node() {
    assert!(matches!(Saved::load(&mut Cells::new()), Err(Failure::NoState)));
}

/// The clock and the radio channel that all boards share.
#[derive(Default)]
struct Room {
    now: Timestamp,
    channel: BTreeMap<Id, VecDeque<(Id, Vec<u8>)>>,
}

struct Device {
    id: Id,
    room: Rc<RefCell<Room>>,
    flash: Cells,
    leads: Option<Lease>,
}

impl Clock for Device {
    fn now(&mut self) -> Timestamp {
        self.room.borrow().now
    }
}

impl Radio for Device {
    fn send(&mut self, to: Id, frame: &[u8]) {
        self.room.borrow_mut().channel.entry(to).or_default().push_back((self.id, frame.to_vec()));
    }

    /// Returns early without a frame, since the test moves the time.
    fn receive(&mut self, _until: Option<Timestamp>, frame: &mut [u8; FRAME]) -> Option<(Id, usize)> {
        let (from, bytes) = self.room.borrow_mut().channel.get_mut(&self.id)?.pop_front()?;
        frame[..bytes.len()].copy_from_slice(&bytes);
        Some((from, bytes.len()))
    }
}

impl Flash for Device {
    type Error = PowerLost;

    fn write(&mut self, slot: Slot, bytes: &[u8]) -> Result<(), PowerLost> {
        self.flash.write(slot, bytes)
    }

    fn read(&mut self, slot: Slot, bytes: &mut [u8; SLOT]) -> Result<(), PowerLost> {
        self.flash.read(slot, bytes)
    }
}

impl Random for Device {
    fn seed(&mut self) -> [u8; 32] {
        [u8::try_from(self.id).unwrap(); 32]
    }
}

impl Duty for Device {
    fn lead(&mut self, lease: Lease) {
        self.leads = Some(lease);
    }

    fn stop_leading(&mut self) {
        self.leads = None;
    }
}

fn device(id: Id, room: &Rc<RefCell<Room>>) -> (Node, Device) {
    let mut device = Device { id, room: Rc::clone(room), flash: Cells::new(), leads: None };
    provision(&mut device, &state(0)).unwrap();
    (Node::start(id, &mut device).unwrap(), device)
}

/// Lets ten seconds pass, and returns the leader. Checks that no two boards lead at a time.
fn leader(devices: &mut [(Node, Device)], room: &RefCell<Room>) -> Result<Option<Id>, Failure<PowerLost>> {
    for _ in 0..1_000 {
        let now = room.borrow().now.saturating_add(Duration::from_millis(10));
        room.borrow_mut().now = now;
        for (node, device) in &mut *devices {
            node.run_once(device)?;
        }
        assert!(devices.iter().filter(|(_, device)| device.leads.is_some()).count() <= 1);
    }
    Ok(devices.iter().find(|(_, device)| device.leads.is_some()).map(|(_, device)| device.id))
}

#[test]
fn three_boards_elect_a_leader_and_replace_it_when_its_battery_is_empty() {
    let room = Rc::default();
    let mut devices: Vec<_> = (1..=3).map(|id| device(id, &room)).collect();
    let first = leader(&mut devices, &room).unwrap().unwrap();
    devices.retain(|(_, device)| device.id != first);
    let second = leader(&mut devices, &room).unwrap().unwrap();
    assert_ne!(first, second);
}

#[test]
fn a_leader_that_loses_its_followers_stops_its_work() {
    let room = Rc::default();
    let mut devices: Vec<_> = (1..=3).map(|id| device(id, &room)).collect();
    let first = leader(&mut devices, &room).unwrap().unwrap();
    devices.retain(|(_, device)| device.id == first);
    assert_eq!(leader(&mut devices, &room).unwrap(), None);
}

#[test]
fn a_board_whose_flash_fails_never_leads() {
    let room = Rc::default();
    let mut device = Device { id: 1, room: Rc::clone(&room), flash: Cells::new(), leads: None };
    provision(&mut device, &HardState::bootstrap(ClusterId(7), [1]).unwrap()).unwrap();
    let mut alone = [(Node::start(1, &mut device).unwrap(), device)];
    alone[0].1.flash.power = 0;
    assert!(matches!(leader(&mut alone, &room), Err(Failure::Flash(PowerLost))));
    assert_eq!(alone[0].1.leads, None);
}
