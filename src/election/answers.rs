//! What a candidate makes of the answers it gets.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use super::ahead::bound_for;
use crate::io::{Event, Output};
use crate::lease::bound_until;
use crate::message::{Answer, Denial, Header, Phase, VoteReply};
use crate::role::Role;
use crate::tally::Ballot;
use crate::types::{NEVER, Nanos, NodeId};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// An answer counts only for the round or term it was asked in, and only from a voter of the
    /// membership that this node stands with.
    pub(super) fn on_vote_reply(
        &mut self,
        from: I,
        place: Option<usize>,
        header: Header,
        reply: VoteReply<I>,
        out: &mut Vec<Output<I>>,
    ) {
        let voters = self.hard.membership.voters().len();
        let Some(place) = place.filter(|&place| place < voters) else { return };
        if header.at > self.now {
            return;
        }
        match (reply.phase, &self.role) {
            (Phase::Pre, Role::Follower(_)) => {
                self.on_answer_ahead((from, place), &header, &reply, out);
                self.on_trial_reply(place, &header, &reply, out);
            }
            (Phase::Pre, Role::PreCandidate(canvass)) if canvass.round == header.round => {
                self.on_answer(from, place, &header, reply, out);
                self.count_pre_votes(out);
            }
            (Phase::Real, Role::Candidate(_) | Role::Leader(_)) if reply.of == self.hard.term => {
                self.on_answer(from, place, &header, reply, out);
                self.count_votes(out);
            }
            (Phase::Pre | Phase::Real, _) => {}
        }
    }

    fn on_answer(
        &mut self,
        from: I,
        place: usize,
        header: &Header,
        reply: VoteReply<I>,
        out: &mut Vec<Output<I>>,
    ) {
        let ballot = match reply.answer {
            Answer::Granted(granted) => self.granted(reply.phase, header.at, granted),
            Answer::Denied(denial) => {
                self.contacts.refused(from, denial);
                if self.learns(header, &reply, out) {
                    return;
                }
                self.denied(from, (reply.phase, header.at), denial, out)
            }
        };
        match &mut self.role {
            Role::PreCandidate(canvass) => {
                canvass.tally.put(place, ballot);
                canvass.next_retry = canvass.next_retry.min(canvass.tally.next_free(self.now));
            }
            Role::Candidate(_) | Role::Leader(_) => {
                let now = self.now;
                if let Some((_, tally, next_retry)) = self.standing() {
                    tally.put(place, ballot);
                    *next_retry = (*next_retry).min(tally.next_free(now));
                }
            }
            Role::Follower(_) => {}
        }
    }

    fn granted(&self, phase: Phase, at: Nanos, granted: Nanos) -> Ballot {
        match phase {
            Phase::Pre => Ballot::Granted(NEVER),
            // Rule 3.1.
            Phase::Real => {
                let granted = granted.min(self.lengths.promise_limit());
                Ballot::Granted(bound_until(at, granted, self.lengths.drift_ppm))
            }
        }
    }

    fn denied(
        &mut self,
        peer: I,
        (phase, at): (Phase, Nanos),
        denial: Denial<I>,
        out: &mut Vec<Output<I>>,
    ) -> Ballot {
        match denial {
            // Bound in the very term that is voted on: to a rival that got the vote of it.
            Denial::Bound { to: Some((_, term)), .. } if phase == Phase::Real && term >= self.hard.term => {
                Ballot::Rival
            }
            Denial::Bound { to, remaining } if phase == Phase::Pre => {
                let lead = if let Role::PreCandidate(canvass) = &self.role { canvass.lead } else { 0 };
                bound_for((peer, to), remaining, lead, (at, self.now))
            }
            Denial::Bound { remaining, .. } => Ballot::Busy(self.now.saturating_add(remaining)),
            Denial::PositionBehind(position) => {
                out.push(Output::Event(Event::Behind { peer, position }));
                Ballot::Denied
            }
            Denial::MembershipConflict => {
                self.tell_conflict(peer, out);
                Ballot::Denied
            }
            Denial::VoteGone => Ballot::Rival,
            Denial::TermBehind | Denial::MembershipOlder | Denial::Stranger => Ballot::Denied,
        }
    }

    /// A denial teaches an unbound candidate a higher term and a newer membership, both at once.
    /// Rules 4.4 and 4.5. Says whether it did, which ends the candidacy.
    fn learns(&mut self, header: &Header, reply: &VoteReply<I>, out: &mut Vec<Output<I>>) -> bool {
        if matches!(self.role, Role::Leader(_)) {
            return false;
        }
        let conflict = reply.answer == Answer::Denied(Denial::MembershipConflict);
        let higher = header.term > self.hard.term;
        if higher {
            self.raise_term(header.term);
        }
        let installed = !conflict && self.install(reply.membership.clone());
        let committed = self.note_commit(header);
        if higher || installed || (committed && self.is_out()) {
            self.record(out);
        }
        if installed {
            self.rank = None;
            self.fall_back();
        }
        if installed || committed {
            self.tell_membership(false, out);
        }
        if higher && !installed {
            match &self.role {
                Role::PreCandidate(_) => self.start_pre_vote(out),
                Role::Candidate(_) | Role::Follower(_) | Role::Leader(_) => self.fall_back(),
            }
        }
        higher || installed
    }
}
