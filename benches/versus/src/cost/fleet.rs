//! Many groups in one process: three hosts at rest, each with one node of every group.
//!
//! The hosts take turns on one thread. A host reads all messages that have arrived, as from a socket, and
//! then ticks the nodes that are due, so that it comes back to a node only after it has touched many others.

use std::mem;
use std::time::Duration;

use super::group::{Envelope, Group, InFlight, MeasuredNode};
use super::timers::Timers;
use crate::node_set::NodeIndex;

/// Hosts, and nodes of each group.
pub const HOSTS: usize = 3;
/// From one heartbeat of a leader to the next.
pub const HEARTBEAT: Duration = Duration::from_millis(50);

/// What is measured of a fleet, whatever its library and its timers.
pub trait Rest {
    /// Lets so much time pass for all groups.
    fn pass(&mut self, length: Duration);
    /// Messages so far, of all groups.
    fn messages(&self) -> usize;
}

/// Three hosts of many groups.
pub struct Fleet<N: MeasuredNode, T> {
    hosts: [Host<N, T>; HOSTS],
    /// By host: the messages that have arrived, each with its group.
    inboxes: [Vec<(u32, Envelope<N::Message>)>; HOSTS],
    now: Duration,
    messages: usize,
    /// The outputs and the messages of one node. The same lists serve all nodes.
    outputs: Vec<N::Output>,
    in_flight: InFlight<N>,
    due: Vec<u32>,
}

struct Host<N, T> {
    /// By group.
    nodes: Vec<N>,
    timers: T,
}

impl<N: MeasuredNode, T: Timers> Fleet<N, T> {
    /// Groups with leaders, whose heartbeats fall evenly into the interval between two.
    #[must_use]
    pub fn new(groups: usize) -> Self {
        let mut fleet = Fleet {
            hosts: [(); HOSTS].map(|()| Host { nodes: Vec::new(), timers: T::new(groups) }),
            inboxes: [(); HOSTS].map(|()| Vec::new()),
            now: Duration::ZERO,
            messages: 0,
            outputs: Vec::new(),
            in_flight: InFlight::<N>::new(),
            due: Vec::new(),
        };
        for at in 0..groups {
            let mut group = Group::<N>::settled(HOSTS);
            N::shift_heartbeats(&mut group, HEARTBEAT * at as u32 / groups as u32);
            fleet.now = group.now;
            for (host, node) in fleet.hosts.iter_mut().zip(group.nodes) {
                host.timers.set(at as u32, node.deadline());
                host.nodes.push(node);
            }
        }
        fleet
    }

    fn read_inbox(&mut self, host: NodeIndex) {
        let mut inbox = mem::take(&mut self.inboxes[host]);
        self.messages += inbox.len();
        for (group, Envelope { from, message, .. }) in inbox.drain(..) {
            let node = &mut self.hosts[host].nodes[group as usize];
            node.receive(self.now, from, message, &mut self.outputs);
            self.act(host, group);
        }
        self.inboxes[host] = inbox;
    }

    fn tick_due(&mut self, host: NodeIndex) {
        let mut due = mem::take(&mut self.due);
        self.hosts[host].timers.take_due(self.now, &mut due);
        for group in due.drain(..) {
            self.hosts[host].nodes[group as usize].tick(self.now, &mut self.outputs);
            self.act(host, group);
        }
        self.due = due;
    }

    /// Acts on the outputs of a node that was just ticked or has just received a message.
    fn act(&mut self, host: NodeIndex, group: u32) {
        let Host { nodes, timers } = &mut self.hosts[host];
        let node = &mut nodes[group as usize];
        node.act(&mut self.outputs, &mut self.in_flight);
        timers.set(group, node.deadline());
        for envelope in self.in_flight.drain(..) {
            self.inboxes[envelope.to].push((group, envelope));
        }
    }
}

impl<N: MeasuredNode, T: Timers> Rest for Fleet<N, T> {
    fn pass(&mut self, length: Duration) {
        let end = self.now + length;
        while self.now < end {
            self.now += T::GRAIN;
            (0..HOSTS).for_each(|host| self.tick_due(host));
            while self.inboxes.iter().any(|inbox| !inbox.is_empty()) {
                (0..HOSTS).for_each(|host| self.read_inbox(host));
            }
        }
    }

    fn messages(&self) -> usize {
        self.messages
    }
}
