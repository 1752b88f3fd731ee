//! Which node can take over at once when this one is told to stop.
//!
//! A node that has restarted a moment ago honours the promises that it has forgotten, and neither votes nor leads
//! meanwhile. A leader that hands over to such a node waits for it in vain. So the leader watches which nodes were
//! silent lately, and while machines are restarted one after another, it lets the command run until a node can
//! take over.

use std::collections::BTreeMap;
use std::time::Duration;

use quorate::adapters::clock::BootClock;
use quorate::adapters::udp::Host;
use quorate::{Status, Timestamp, Timing, Urgency};

use crate::Id;
use crate::lengths::part;
use crate::operating::leads;

pub(crate) struct Succession {
    clock: BootClock,
    /// How long a node is silent that has restarted.
    silence: Duration,
    /// For how long it is bound after that.
    quarantine: Duration,
    promise: Duration,
    leads_since: Option<Timestamp>,
    /// When other nodes were last found silent.
    silent: BTreeMap<Id, Timestamp>,
}

impl Succession {
    pub(crate) fn new(timing: &Timing) -> Succession {
        let (silence, promise) = (part(timing.promise, 2), timing.promise);
        // A tenth more than the promise, since clocks differ.
        let quarantine = timing.promise_limit.saturating_add(part(timing.promise_limit, 10));
        Succession {
            clock: BootClock::new(),
            silence,
            quarantine,
            promise,
            leads_since: None,
            silent: BTreeMap::new(),
        }
    }

    /// How often the node has to be looked at, so that no silence is missed.
    pub(crate) fn interval(&self) -> Duration {
        part(self.silence, 3)
    }

    pub(crate) fn look(&mut self, status: &Status<Id>) {
        let now = self.clock.now();
        if !leads(status) {
            (self.leads_since, self.silent) = (None, BTreeMap::new());
            return;
        }
        self.leads_since.get_or_insert(now);
        for member in &status.members {
            if member.heard_ago.is_none_or(|ago| ago >= self.silence) {
                self.silent.insert(member.id, now);
            }
        }
    }

    /// The nodes that can take over, the best first. Of the time before it led, this node knows nothing.
    fn successors(&self, status: &Status<Id>) -> Vec<Id> {
        let now = self.clock.now();
        let is_past = |at: Option<&Timestamp>| {
            at.is_none_or(|&at| now.saturating_duration_since(at) >= self.quarantine)
        };
        if self.leads_since.is_none() || !is_past(self.leads_since.as_ref()) {
            return Vec::new();
        }
        let others = status.members.iter().filter(|member| member.voter && member.id != status.id);
        let settled = others.filter(|member| is_past(self.silent.get(&member.id)));
        let ranked = settled.filter_map(|member| Some((member.follower.as_ref()?.rank?, member.id)));
        let mut successors: Vec<_> = ranked.collect();
        successors.sort_unstable();
        successors.into_iter().map(|(_rank, id)| id).collect()
    }

    /// Returns when another node could take over, or this one does not lead, or no node will be able to soon.
    pub(crate) fn wait(&mut self, host: &Host<Id>) {
        let end = self.clock.now().saturating_add(self.quarantine).saturating_add(self.promise);
        loop {
            let status = host.status();
            self.look(&status);
            let is_alone = status.members.iter().all(|member| !member.voter || member.id == status.id);
            let has_successor = !self.successors(&status).is_empty();
            if is_alone || has_successor || !leads(&status) || self.clock.now() >= end {
                return;
            }
            std::thread::sleep(self.interval());
        }
    }

    /// Hands over to the first node that is ready in time, and returns when another node leads. If none is ready within a
    /// quarantine, this node leads on.
    pub(crate) fn hand_over(&self, host: &Host<Id>) {
        let end = self.clock.now().saturating_add(self.quarantine);
        for successor in self.successors(&host.status()) {
            if host.resign(Some(successor), Urgency::WhenReady).is_err() {
                continue;
            }
            let most = self.promise.saturating_add(self.interval());
            let has_stepped_down =
                wait_until(end.min(self.clock.now().saturating_add(most)), || !leads(&host.status()));
            if has_stepped_down {
                // The successor may need the vote of this node, so it stays until the election is over.
                wait_until(end, || host.status().leader.is_some());
                return;
            }
            if self.clock.now() >= end {
                return;
            }
        }
    }
}

/// Returns whether the condition holds by `end`.
fn wait_until(end: Timestamp, condition: impl Fn() -> bool) -> bool {
    let clock = BootClock::new();
    while !condition() {
        if clock.now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}
