//! Measures what it takes that nodes may forget: how long groups without storage, and with it, have no leader, and how
//! long a node takes no part that has forgotten.

use std::time::Duration;

use quorate::message::Header;
use quorate::{Input, Memory, Message, Urgency};

use crate::clock::{Drift, MS};
use crate::cluster::{Cluster, Outgoing, ScheduledEvent};
use crate::disk::DiskOptions;
use crate::options::{Options, Start};
use crate::rng::Dice;

/// The measured group: its nodes start with nothing. Promise 150 ms, longest promise 450 ms, message delays 2 to 8 ms. A
/// host that writes does nothing else meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct ForgettingSetting {
    /// How many nodes.
    pub nodes: usize,
    /// The time until a write is durable; `None` for nodes without storage.
    pub write: Option<Duration>,
}

const LIMIT: Duration = Duration::from_secs(30);

impl ForgettingSetting {
    fn options(&self) -> Options {
        let write = self.write.unwrap_or_default().as_nanos() as u64;
        let memory = if self.write.is_some() { Memory::Durable } else { Memory::Volatile };
        Options {
            disk: DiskOptions { write: (write, write), ..DiskOptions::default() },
            drift: Drift::Within,
            lost_attempts: None,
            starts: vec![Start::Blank; self.nodes],
            memories: vec![memory; self.nodes],
            ..Options::default()
        }
    }

    /// The longest delay of a message.
    #[must_use]
    pub fn longest_delay(&self) -> Duration {
        Duration::from_nanos(self.options().net.delay.1)
    }

    /// A group whose leader has led for a while, at a random time between two heartbeats; and the leader.
    fn steady(&self, seed: u64) -> (Cluster, u64) {
        let mut cluster = Cluster::new(seed, self.nodes, self.options());
        let phase = Duration::from_nanos(Dice::new(!seed).below(100 * MS));
        cluster.run_for(Duration::from_secs(3) + phase);
        while cluster.leader().is_none() {
            cluster.run_for(Duration::from_millis(10));
        }
        let (leader, _) = cluster.leader().expect("just seen");
        (cluster, leader)
    }

    /// The time from the start of all nodes until one leads.
    ///
    /// # Panics
    /// If it takes 30 s; so do the others.
    #[must_use]
    pub fn first_start(&self, seed: u64) -> Duration {
        let mut cluster = Cluster::new(seed, self.nodes, self.options());
        until(&mut cluster, |cluster| cluster.leader().is_some())
    }

    /// The time without a leader in a planned handover.
    #[must_use]
    pub fn handover(&self, seed: u64) -> Duration {
        let (mut cluster, leader) = self.steady(seed);
        cluster.step(leader, Input::Resign { successor: None, urgency: Urgency::WhenReady });
        until(&mut cluster, |cluster| cluster.leader().is_none());
        until(&mut cluster, |cluster| cluster.leader().is_some())
    }

    /// The time from a crash of the leader, which does not start again, until another node leads.
    #[must_use]
    pub fn failover(&self, seed: u64) -> Duration {
        let (mut cluster, leader) = self.steady(seed);
        cluster.kill(leader);
        until(&mut cluster, |cluster| cluster.leader().is_some_and(|(other, _)| other != leader))
    }

    /// The time from the restart of a node that has forgotten, which may be the leader, until it takes part again.
    #[must_use]
    pub fn one_back(&self, seed: u64) -> Duration {
        let (mut cluster, _) = self.steady(seed);
        let node = 1 + Dice::new(seed).below(self.nodes as u64);
        cluster.lose_disk(node, false);
        cluster.restart(node);
        until(&mut cluster, |cluster| !cluster.is_blank(node))
    }

    /// The time without a leader after a node has forgotten without which there is no quorum, as of two nodes.
    #[must_use]
    pub fn one_too_many_forgets(&self, seed: u64) -> Duration {
        let (mut cluster, leader) = self.steady(seed);
        cluster.lose_disk(leader % self.nodes as u64 + 1, false);
        cluster.restart(leader % self.nodes as u64 + 1);
        until(&mut cluster, |cluster| cluster.leader().is_none());
        until(&mut cluster, |cluster| cluster.leader().is_some())
    }

    /// The time from the restart of all nodes at once, which have all forgotten, until one leads.
    #[must_use]
    pub fn all_forget(&self, seed: u64) -> Duration {
        let (mut cluster, _) = self.steady(seed);
        cluster.nodes().for_each(|node| cluster.lose_disk(node, false));
        cluster.nodes().for_each(|node| cluster.restart(node));
        until(&mut cluster, |cluster| cluster.leader().is_some())
    }

    /// The time from the restart of all nodes at once, with what they have stored, until one leads.
    #[must_use]
    pub fn all_restart(&self, seed: u64) -> Duration {
        let (mut cluster, _) = self.steady(seed);
        cluster.nodes().for_each(|node| cluster.kill(node));
        cluster.nodes().for_each(|node| cluster.restart(node));
        until(&mut cluster, |cluster| cluster.leader().is_some())
    }

    /// All messages that a group with a leader sends in that time. They name the true time of their sending, as a clock
    /// that has run for longer takes more bytes.
    #[must_use]
    pub fn messages_at_rest(&self, seed: u64, length: Duration) -> Vec<Message<u64>> {
        let (mut cluster, _) = self.steady(seed);
        let end = cluster.now + length.as_nanos() as u64;
        let mut sent = Vec::new();
        cluster.outbox = Some(Vec::new());
        while cluster.next_event().is_some_and(|next| next <= end) {
            cluster.run_next();
            for Outgoing { node, to, message, number } in
                cluster.outbox.replace(Vec::new()).unwrap_or_default()
            {
                let delay = cluster.dice.between(cluster.options.net.delay);
                let header = Header { sent_at: cluster.now().into(), ..message.header() };
                sent.push(Message::new(header, message.body()));
                let (from, node) = (node as u64 + 1, to as usize - 1);
                let event = ScheduledEvent::Deliver { node, from, sent: cluster.now, message, number };
                cluster.schedule(cluster.now + delay, event);
            }
        }
        sent
    }
}

/// Lets time pass until `done`, and returns how much.
fn until(cluster: &mut Cluster, done: impl FnMut(&Cluster) -> bool) -> Duration {
    let took = cluster.run_till(LIMIT, done);
    took.unwrap_or_else(|| panic!("seed {}: nothing happens within {LIMIT:?}", cluster.seed))
}
