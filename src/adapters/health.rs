//! Whether a node is in a state to lead: grey failures, which the others cannot see.
//!
//! A leader whose disk or work hangs goes on with its heartbeats, so no other node takes over. Its host looks after
//! both, and lets the node lead no longer.

use core::time::Duration;
use std::fmt;
use std::sync::Arc;

use crate::types::{Priority, Timestamp};

/// How a host finds out whether its node is in a state to lead. While it is not, the node has the priority 0: a leader
/// hands over as soon as another voter can take over, which requires no write of its own, and the node is not chosen as
/// a successor. It still votes. Where no other voter can take over, the leader leads on.
///
/// Exhaustive: end a literal with `..HealthConfig::default()`.
#[derive(Clone, Debug)]
pub struct HealthConfig {
    /// How long a write may take before the node is not in a state to lead; 2 s unless told otherwise.
    pub write_bound: Duration,
    /// How often a leader saves the state anew that it saved last, since a leader at rest writes nothing and would not
    /// notice that its disk hangs. Every 2 s unless told otherwise; `None` for never.
    pub probe_interval: Option<Duration>,
    /// What the program says of its own work, if it says anything.
    pub check: Option<HealthCheck>,
}

impl Default for HealthConfig {
    fn default() -> Self {
        HealthConfig {
            write_bound: Duration::from_secs(2),
            probe_interval: Some(Duration::from_secs(2)),
            check: None,
        }
    }
}

impl HealthConfig {
    /// Adds a [`HealthCheck`].
    #[must_use]
    pub fn check(mut self, is_healthy: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.check = Some(HealthCheck(Arc::new(is_healthy)));
        self
    }
}

/// A question to the program: is it in a state to do a leader's work? The host asks about ten times a second, on its own
/// thread, so the answer must not wait for anything: let the work note the time of its last progress, and compare.
#[derive(Clone)]
pub struct HealthCheck(Arc<dyn Fn() -> bool + Send + Sync>);

impl fmt::Debug for HealthCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthCheck").finish_non_exhaustive()
    }
}

/// How often the program is asked, and how much later that may be, so that a node at rest need not be woken for it: a
/// heartbeat is there before.
const INTERVAL: Duration = Duration::from_millis(100);
const SLACK: Duration = Duration::from_millis(50);

/// For how long a node has to be healthy before it may lead again.
const CONVALESCENCE: Duration = Duration::from_secs(1);

/// The health of a node over time, and the priority that follows from it.
#[derive(Debug)]
pub(super) struct Health {
    check: Option<HealthCheck>,
    /// The priority that the program wants.
    wanted: Priority,
    /// What the program has said last of its own accord.
    is_declared_healthy: bool,
    /// Since when the node has been well; `None` while something ails it.
    well_since: Option<Timestamp>,
    may_lead: bool,
    next_poll: Timestamp,
}

impl Health {
    pub(super) fn new(check: Option<HealthCheck>, wanted: Priority) -> Self {
        Health {
            check,
            wanted,
            is_declared_healthy: true,
            well_since: Some(Timestamp::ORIGIN),
            may_lead: true,
            next_poll: Timestamp::ORIGIN,
        }
    }

    /// Takes note that the program wants this priority. Returns the one to set.
    pub(super) fn want(&mut self, priority: Priority) -> Priority {
        self.wanted = priority;
        self.priority()
    }

    /// Takes note of what the program says of itself. It counts at the next poll, which is due now.
    pub(super) fn declare(&mut self, is_healthy: bool) {
        self.is_declared_healthy = is_healthy;
        self.next_poll = Timestamp::ORIGIN;
    }

    /// When the next poll is due at the latest, if one is: a node that is well, and whose program says nothing of itself,
    /// need not be looked after.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        if !self.is_declared_healthy || !self.is_well() {
            return Some(self.next_poll);
        }
        self.check.is_some().then_some(self.next_poll.saturating_add(SLACK))
    }

    /// When the next poll is to find out something, if there is something to be found out.
    pub(super) fn next_poll(&self) -> Timestamp {
        self.next_poll
    }

    /// Whether a poll has something to find out at `now`.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        now >= self.next_poll
    }

    /// Whether nothing has ailed the node of late.
    fn is_well(&self) -> bool {
        self.may_lead && self.well_since.is_some()
    }

    /// Whether the program says that it is well.
    pub(super) fn is_program_healthy(&self) -> bool {
        self.is_declared_healthy && self.check.as_ref().is_none_or(|check| (check.0)())
    }

    /// Looks after the node at `now`, whose disk is well or not. Returns the priority to set, if it is another one.
    pub(super) fn poll(&mut self, is_disk_well: bool, now: Timestamp) -> Option<Priority> {
        self.next_poll = now.saturating_add(INTERVAL);
        let is_well = self.is_program_healthy() && is_disk_well;
        self.well_since = is_well.then(|| self.well_since.unwrap_or(now));
        let recovers = |since| now.saturating_duration_since(since) >= CONVALESCENCE;
        let may_lead = self.well_since.is_some_and(|since| self.may_lead || recovers(since));
        let before = self.priority();
        self.may_lead = may_lead;
        Some(self.priority()).filter(|&priority| priority != before)
    }

    fn priority(&self) -> Priority {
        if self.may_lead { self.wanted } else { Priority::NEVER_LEADS }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn at(millis: u64) -> Timestamp {
        Duration::from_millis(millis).into()
    }

    #[test]
    fn a_sick_node_has_no_priority_until_it_has_been_well_for_a_second() {
        let well = Arc::new(AtomicBool::new(true));
        let says = Arc::clone(&well);
        let check = HealthConfig::default().check(move || says.load(Ordering::SeqCst)).check;
        let mut health = Health::new(check, Priority(3));
        assert_eq!(health.poll(true, at(0)), None);
        assert!(!health.is_due(at(99)) && health.is_due(at(100)));
        assert_eq!(health.deadline(), Some(at(150)), "at the latest");
        well.store(false, Ordering::SeqCst);
        assert_eq!(health.poll(true, at(100)), Some(Priority::NEVER_LEADS));
        assert_eq!(health.want(Priority(5)), Priority::NEVER_LEADS, "a later wish has to wait");
        well.store(true, Ordering::SeqCst);
        assert_eq!(health.poll(true, at(200)), None);
        assert_eq!(health.poll(false, at(1_100)), None, "its disk is not well");
        assert_eq!(health.poll(true, at(1_200)), None, "the second begins anew");
        assert_eq!(health.poll(true, at(2_199)), None);
        assert_eq!(health.poll(true, at(2_200)), Some(Priority(5)));
        health.declare(false);
        assert_eq!(health.deadline(), Some(Timestamp::ORIGIN));
        assert_eq!(health.poll(true, at(2_250)), Some(Priority::NEVER_LEADS));
    }
}
