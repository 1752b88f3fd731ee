//! One node: what survives a crash, and the process that does not.

use std::collections::VecDeque;

use quorate::{Config, Election, HardState, Input, Lease, Output};
use rand_chacha::ChaCha8Rng;

use crate::clock::{Clock, Instant};

/// A machine with a disk, on which a process may run.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) config: Config<u64>,
    pub(crate) durable: HardState<u64>,
    pub(crate) process: Option<Process>,
    /// Counts the processes, so that what was meant for one never reaches the next.
    pub(crate) life: u32,
    /// It once held a membership that lists it.
    pub(crate) was_in: bool,
    /// When its members last changed.
    pub(crate) realigned: Instant,
    /// When they last changed by a step that was forced.
    pub(crate) forced: Option<Instant>,
}

/// A single-threaded host: it blocks while it writes, and reads the clock for each message.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) election: Election<u64, ChaCha8Rng>,
    pub(crate) clock: Clock,
    /// Outputs that are not acted on yet.
    pub(crate) pending: VecDeque<Output<u64>>,
    /// Received and not stepped yet.
    pub(crate) inbox: VecDeque<Input<u64>>,
    /// How many of the inbox were received before the last clock reading.
    pub(crate) ticked: usize,
    /// What is being written.
    pub(crate) writing: Option<HardState<u64>>,
    pub(crate) frozen: bool,
    /// The lease as it was when last asked for: what the leader's workers go by.
    pub(crate) published: Option<Lease>,
    /// The pending wake-up.
    pub(crate) wake: Option<Instant>,
    /// What happens to it after so many more outputs.
    pub(crate) ambush: Option<(u32, Ambush)>,
    /// Its host has acted on `Elected`, and not on `SteppedDown` since.
    pub(crate) leads: bool,
    /// Since when it leads: when a lease first held as its host asked for it.
    pub(crate) leads_since: Option<Instant>,
    pub(crate) habit: Habit,
    /// A change of members may cost it the lease: that was asked for.
    pub(crate) forced: bool,
    /// It has said that it is out.
    pub(crate) told: bool,
}

/// A mishap between two outputs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ambush {
    Crash,
    /// For so long.
    Freeze(u64),
}

/// What the contract leaves to the host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habit {
    /// Acts on what a tick put out before it steps the message.
    pub(crate) separate: bool,
    /// Steps all that it has received after one reading of the clock.
    pub(crate) burst: bool,
    /// Has workers that go by the longest lease they were told of until leadership ends.
    pub(crate) hoards: bool,
}

/// What a process can receive before it drops the rest, like a socket's buffer.
pub(crate) const INBOX: usize = 2_000;

impl Host {
    /// The lease on which work would be done at `now`. A frozen or blocked process counts: its
    /// workers may run on, and go by what they were told last.
    pub(crate) fn acts_under(&self, now: Instant) -> Option<Lease> {
        let process = self.process.as_ref()?;
        process.published.filter(|lease| lease.holds_at(process.clock.read(now)))
    }

    /// Whether there is a process that is not frozen.
    pub(crate) fn is_running(&self) -> bool {
        self.process.as_ref().is_some_and(|process| !process.frozen)
    }
}

impl Process {
    /// Asks for the lease, and tells the workers.
    pub(crate) fn publish(&mut self) {
        let known = self.published.filter(|_| self.habit.hoards);
        let longer = |lease: Lease| Lease {
            until: known.map_or(lease.until, |known| known.until.max(lease.until)),
            ..lease
        };
        self.published = self.election.lease().map(longer);
    }

    /// Whether it can do anything now.
    pub(crate) fn is_idle(&self) -> bool {
        !self.frozen && self.writing.is_none()
    }
}
