//! Which node can take over at once when this one is told to stop.
//!
//! A node that has restarted a moment ago honours the promises that it has forgotten, and neither votes nor leads
//! meanwhile. A leader that hands over to such a node waits for it in vain. So the leader watches which nodes were
//! silent lately, and while machines are restarted one after another, it lets the command run until a node can
//! take over.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use quorate::adapters::udp::Host;
use quorate::{Status, Timing, Urgency};

use super::supervisor::Id;

pub(crate) struct Succession {
    /// How long a node is silent that has restarted.
    silence: Duration,
    /// For how long it is bound after that.
    quarantine: Duration,
    promise: Duration,
    leads_since: Option<Instant>,
    /// When other nodes were last found silent.
    silent: BTreeMap<Id, Instant>,
}

impl Succession {
    pub(crate) fn new(timing: &Timing) -> Succession {
        let (silence, promise) = (timing.promise / 2, timing.promise);
        // A tenth more than the promise, since clocks differ.
        let quarantine = timing.promise_limit + timing.promise_limit / 10;
        Succession { silence, quarantine, promise, leads_since: None, silent: BTreeMap::new() }
    }

    /// How often the node has to be looked at, so that no silence is missed.
    pub(crate) fn interval(&self) -> Duration {
        self.silence / 3
    }

    pub(crate) fn look(&mut self, status: &Status<Id>) {
        let now = Instant::now();
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
        let is_past = |at: Option<&Instant>| at.is_none_or(|at| at.elapsed() >= self.quarantine);
        if self.leads_since.is_none_or(|since| since.elapsed() < self.quarantine) {
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
        let end = Instant::now() + self.quarantine + self.promise;
        loop {
            let status = host.status();
            self.look(&status);
            let is_alone = status.members.iter().all(|member| !member.voter || member.id == status.id);
            let has_successor = !self.successors(&status).is_empty();
            if is_alone || has_successor || !leads(&status) || Instant::now() >= end {
                return;
            }
            std::thread::sleep(self.interval());
        }
    }

    /// Hands over to the first node that is ready in time, and returns when another node leads. If none is ready,
    /// this node leads on.
    pub(crate) fn hand_over(&self, host: &Host<Id>) {
        for successor in self.successors(&host.status()) {
            if host.resign(Some(successor), Urgency::WhenReady).is_err() {
                continue;
            }
            let has_stepped_down = wait_until(self.promise + self.interval(), || !leads(&host.status()));
            if has_stepped_down {
                // The successor may need the vote of this node, so it stays until the election is over.
                wait_until(self.quarantine, || host.status().leader.is_some());
                return;
            }
        }
    }
}

/// Returns whether the condition holds after `most` at the latest.
fn wait_until(most: Duration, condition: impl Fn() -> bool) -> bool {
    let end = Instant::now() + most;
    while !condition() {
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

pub(crate) fn leads(status: &Status<Id>) -> bool {
    status.leader.is_some_and(|leader| leader.id == status.id)
}
