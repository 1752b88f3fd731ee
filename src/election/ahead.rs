//! What the first in the succession does ahead of its turn, while it still follows.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::Rng;

use super::{Disk, Election};
use crate::io::Output;
use crate::message::{Answer, Claim, Denial, Header, Phase, VoteReply};
use crate::role::{Canvass, Role};
use crate::tally::{Ballot, Outcome};
use crate::types::{NEVER, Nanos, NodeId, Term};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 4.9: when to ask ahead of a turn that follows a promise of `granted`: about a round
    /// trip before, which is the retry interval, and not before heartbeats are overdue. Only the first does; of the others
    /// few will be needed.
    pub(super) fn ahead_of(&self, turn: Nanos, granted: Nanos) -> Nanos {
        let lead = self.lengths.retry_interval().min(granted / 4);
        if self.rank == Some(0) { turn.saturating_sub(lead) } else { NEVER }
    }

    /// Rule 4.9: asks for pre-votes, and stays a follower. A leader that is there after all answers with
    /// a heartbeat.
    pub(super) fn tick_ahead(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Follower(following) = &mut self.role else { return };
        if self.now < following.ahead_at {
            return;
        }
        following.ahead_at = NEVER;
        let lead = following.deadline.saturating_sub(self.now);
        if lead == 0 {
            return;
        }
        let round = self.next_round();
        let canvass = Canvass { lead, ..self.canvass(round) };
        let request = self.vote_request(Phase::Pre, Claim::Own, round);
        self.ask(&canvass.tally, 0, &request, out);
        if let Role::Follower(following) = &mut self.role {
            following.ahead = Some(Box::new(canvass));
        }
    }

    /// Of the answers that come ahead of the turn only good ones are kept; whoever gave another is asked
    /// again when the turn has come. With a quorum of them this node will stand.
    pub(super) fn on_answer_ahead(
        &mut self,
        (from, place): (I, usize),
        header: &Header,
        reply: &VoteReply<I>,
        out: &mut Vec<Output<I>>,
    ) {
        let (now, reserved) = (self.now, self.has_reserved());
        let Role::Follower(following) = &mut self.role else { return };
        let Some(ahead) = following.ahead.as_mut().filter(|ahead| ahead.round == header.round) else {
            return;
        };
        let ballot = match reply.answer {
            Answer::Granted(_) => Ballot::Granted(NEVER),
            Answer::Denied(Denial::Bound { to, remaining }) => {
                bound_for((from, to), remaining, ahead.lead, (header.at, now))
            }
            Answer::Denied(_) => return,
        };
        if matches!(ballot, Ballot::Busy(_)) {
            return;
        }
        ahead.tally.put(place, ballot);
        let will_be_free = following.deadline.saturating_add(self.lengths.retry_interval());
        if !reserved && ahead.tally.outcome(&self.hard.membership, will_be_free, |_| false) == Outcome::Won {
            self.reserve(out);
        }
    }

    /// Rule 4.10: makes the vote for itself in the next term durable before it stands in that, so that the
    /// write is not waited for then. Until then it goes on in the present term; after a restart it is in
    /// the next one, and that vote is given. The vote of the present term must have been used: no write
    /// could tell of it any more.
    pub(super) fn reserve(&mut self, out: &mut Vec<Output<I>>) {
        let used = self.hard.voted_for.is_some();
        if used && !self.has_reserved() && self.hard.term.next().is_some() {
            self.disk = Disk::VoteAhead;
            self.record(out);
        }
    }

    /// The turn has come: what was asked ahead of it, unless that is long ago.
    pub(super) fn take_ahead(&mut self) -> Option<Canvass> {
        let until = self.now.saturating_add(self.lengths.promise());
        let Role::Follower(following) = &mut self.role else { return None };
        let ahead = *following.ahead.take()?;
        let fresh = self.now.saturating_sub(ahead.since) <= self.lengths.retry_interval().saturating_mul(2);
        fresh.then_some(Canvass { until, next_retry: self.now, ..ahead })
    }
}

/// What it is worth that a voter would grant its pre-vote but is bound for `remaining`, if it was asked at
/// `at` and answers now, to one that began to ask `lead` ahead of its turn. If that is not longer than the
/// asker itself was bound then, it has not heard a leader for long either: it is free by then, counted from
/// about when it answered, and a request takes time to arrive. Not so a leader, which is there after all: a
/// write of the asker's might cost it the promise that it is about to get.
pub(super) fn bound_for<I: NodeId>(
    (voter, to): (I, Option<(I, Term)>),
    remaining: Nanos,
    lead: Nanos,
    (at, now): (Nanos, Nanos),
) -> Ballot {
    let leads = to.is_some_and(|(leader, _)| leader == voter);
    if remaining > lead || leads {
        return Ballot::Busy(now.saturating_add(remaining));
    }
    let half = now.saturating_sub(at) / 2;
    Ballot::Free(at.saturating_add(half).saturating_add(remaining))
}
