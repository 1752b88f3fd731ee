//! Checks that a host is told no news twice: what has changed differs from what was told before, and trouble that lasts
//! is told no more often than its bound.

use quorate::Event;

use crate::clock::Instant;

/// What the host of one process was told last of each kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewsAudit {
    leader: Option<Event<u64>>,
    membership: Option<Event<u64>>,
    no_successor: Option<Instant>,
}

impl NewsAudit {
    /// Takes note of `event` at `now`. `pause` is the shortest time between two reports of trouble that lasts, for the
    /// fastest clock. Returns why the event is too much.
    pub(crate) fn check(&mut self, event: &Event<u64>, now: Instant, pause: Instant) -> Option<&'static str> {
        let is_repeated = |last: &mut Option<Event<u64>>| last.replace(event.clone()).as_ref() == Some(event);
        match event {
            Event::LeaderChanged { .. } => is_repeated(&mut self.leader).then_some("is told twice"),
            Event::MembershipChanged { .. } => is_repeated(&mut self.membership).then_some("is told twice"),
            Event::NoSuccessor { .. } => {
                let last = self.no_successor.replace(now);
                last.is_some_and(|last| now - last < pause).then_some("is told too often")
            }
            _ => None,
        }
    }
}
