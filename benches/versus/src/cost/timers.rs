//! Ways in which a host of many groups keeps the deadlines of its nodes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::mem;
use std::time::Duration;

/// The deadlines of the nodes of a host.
pub trait Timers {
    /// How often the host looks for nodes that are due. A node is ticked late by no more than that.
    const GRAIN: Duration;

    /// The timers of nodes that have no deadline yet.
    fn new(nodes: usize) -> Self;

    /// Moves the deadline of a node. A node without one is never due.
    fn set(&mut self, node: u32, deadline: Option<Duration>);

    /// Takes the nodes that are due, and appends them to a list. The host ticks them, and sets their next
    /// deadlines.
    fn take_due(&mut self, now: Duration, due: &mut Vec<u32>);
}

/// Ticks every node every 10 ms, and looks at no deadline.
pub struct TickAll(u32);

impl Timers for TickAll {
    const GRAIN: Duration = Duration::from_millis(10);

    fn new(nodes: usize) -> Self {
        TickAll(nodes as u32)
    }

    fn set(&mut self, _: u32, _: Option<Duration>) {}

    fn take_due(&mut self, _: Duration, due: &mut Vec<u32>) {
        due.extend(0..self.0);
    }
}

/// Compares all deadlines with the time. They lie side by side, apart from the nodes.
pub struct Array(Vec<u64>);

impl Timers for Array {
    const GRAIN: Duration = Duration::from_millis(1);

    fn new(nodes: usize) -> Self {
        Array(vec![u64::MAX; nodes])
    }

    fn set(&mut self, node: u32, deadline: Option<Duration>) {
        self.0[node as usize] = deadline.map_or(u64::MAX, |deadline| deadline.as_nanos() as u64);
    }

    fn take_due(&mut self, now: Duration, due: &mut Vec<u32>) {
        let now = now.as_nanos() as u64;
        for (block, deadlines) in self.0.chunks(64).enumerate() {
            // Most blocks hold no node that is due. Without a branch, this is compiled to vector instructions.
            if deadlines.iter().fold(false, |any, &deadline| any | (deadline <= now)) {
                let nodes = deadlines.iter().enumerate().filter(|&(_, &deadline)| deadline <= now);
                due.extend(nodes.map(|(at, _)| (64 * block + at) as u32));
            }
        }
    }
}

/// A queue of entries, each a time and a node.
pub trait Queue: Default {
    fn push(&mut self, at: Duration, node: u32);
    /// Takes all entries up to `now`.
    fn take_until(&mut self, now: Duration, entries: &mut Vec<(Duration, u32)>);
}

/// Keeps a node in a queue. A deadline that is put off is noticed when the old one comes up, so that a
/// heartbeat does not touch the queue.
pub struct Lazy<Q> {
    queue: Q,
    /// By node: its deadline, and the time of its entry in the queue.
    deadlines: Vec<(Duration, Duration)>,
    entries: Vec<(Duration, u32)>,
}

impl<Q: Queue> Timers for Lazy<Q> {
    const GRAIN: Duration = Duration::from_millis(1);

    fn new(nodes: usize) -> Self {
        let deadlines = vec![(Duration::MAX, Duration::MAX); nodes];
        Lazy { queue: Q::default(), deadlines, entries: Vec::new() }
    }

    fn set(&mut self, node: u32, deadline: Option<Duration>) {
        let (kept, entry) = &mut self.deadlines[node as usize];
        *kept = deadline.unwrap_or(Duration::MAX);
        if *kept < *entry {
            *entry = *kept;
            self.queue.push(*kept, node);
        }
    }

    fn take_due(&mut self, now: Duration, due: &mut Vec<u32>) {
        let mut entries = mem::take(&mut self.entries);
        self.queue.take_until(now, &mut entries);
        for (at, node) in entries.drain(..) {
            let (deadline, entry) = &mut self.deadlines[node as usize];
            if at != *entry {
                continue; // The node has an earlier entry, made after this one.
            }
            *entry = Duration::MAX;
            if *deadline <= now {
                due.push(node);
            } else {
                let deadline = *deadline;
                self.set(node, Some(deadline));
            }
        }
        self.entries = entries;
    }
}

/// A binary heap, the earliest entry first.
pub type Heap = Lazy<BinaryHeap<Reverse<(Duration, u32)>>>;

impl Queue for BinaryHeap<Reverse<(Duration, u32)>> {
    fn push(&mut self, at: Duration, node: u32) {
        self.push(Reverse((at, node)));
    }

    fn take_until(&mut self, now: Duration, entries: &mut Vec<(Duration, u32)>) {
        while let Some(&Reverse(entry)) = self.peek().filter(|Reverse((at, _))| *at <= now) {
            self.pop();
            entries.push(entry);
        }
    }
}

/// A wheel of slots, each a millisecond.
pub type Wheel = Lazy<Slots>;

const SLOTS: u64 = 512;

/// The entries by the millisecond in which their time comes. One that is farther away than the wheel is
/// round is met too early, and left for the next turn.
pub struct Slots {
    slots: Vec<Vec<(Duration, u32)>>,
    /// The first millisecond that has not been taken.
    next: u64,
}

impl Default for Slots {
    fn default() -> Self {
        Slots { slots: vec![Vec::new(); SLOTS as usize], next: 0 }
    }
}

impl Queue for Slots {
    fn push(&mut self, at: Duration, node: u32) {
        if at < Duration::MAX {
            let millisecond = (at.as_nanos() as u64).div_ceil(1_000_000).max(self.next);
            self.slots[(millisecond % SLOTS) as usize].push((at, node));
        }
    }

    fn take_until(&mut self, now: Duration, entries: &mut Vec<(Duration, u32)>) {
        let end = now.as_millis() as u64 + 1;
        // One turn meets every slot.
        for millisecond in self.next.max(end.saturating_sub(SLOTS))..end {
            let slot = &mut self.slots[(millisecond % SLOTS) as usize];
            entries.extend(slot.extract_if(.., |&mut (at, _)| at <= now));
        }
        self.next = end;
    }
}
