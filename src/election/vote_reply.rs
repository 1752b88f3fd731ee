//! What a candidate makes of the answers it gets.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use super::early_pre_vote::count_bound_voter;
use crate::event::Event;
use crate::io::Output;
use crate::lease::bound_until;
use crate::message::{Answer, Denial, Header, Phase, VoteReply};
use crate::role::Role;
use crate::tally::VoteState;
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
        if header.sent_at > self.now {
            return;
        }
        match (reply.phase, &self.role) {
            (Phase::Pre, Role::Follower(_)) => {
                self.on_early_pre_vote_reply((from, place), &header, &reply, out);
                self.on_transfer_pre_vote_reply(place, &header, &reply, out);
            }
            (Phase::Pre, Role::PreCandidate(pre_vote_round)) if pre_vote_round.round == header.round => {
                self.count_reply(from, place, &header, reply, out);
                self.count_pre_votes(out);
            }
            (Phase::Real, Role::Candidate(_) | Role::Leader(_)) if reply.request_term == self.hard.term => {
                self.count_reply(from, place, &header, reply, out);
                self.count_votes(out);
            }
            (Phase::Pre | Phase::Real, _) => {}
        }
    }

    fn count_reply(
        &mut self,
        from: I,
        place: usize,
        header: &Header,
        reply: VoteReply<I>,
        out: &mut Vec<Output<I>>,
    ) {
        let vote = match reply.answer {
            Answer::Granted(granted) => self.count_grant(reply.phase, header.sent_at, granted),
            Answer::Denied(denial) => {
                self.peer_log.note_denial(from, denial);
                if self.adopt_from_denial(header, &reply, out) {
                    return;
                }
                self.handle_denial(from, (reply.phase, header.sent_at), denial, out)
            }
        };
        match &mut self.role {
            Role::PreCandidate(pre_vote_round) => {
                pre_vote_round.tally.put(place, vote);
                pre_vote_round.next_retry =
                    pre_vote_round.next_retry.min(pre_vote_round.tally.next_free(self.now));
            }
            Role::Candidate(_) | Role::Leader(_) => {
                let now = self.now;
                if let Some((_, tally, next_retry)) = self.running_candidacy() {
                    tally.put(place, vote);
                    *next_retry = (*next_retry).min(tally.next_free(now));
                }
            }
            Role::Follower(_) => {}
        }
    }

    fn count_grant(&self, phase: Phase, at: Nanos, granted: Nanos) -> VoteState {
        match phase {
            Phase::Pre => VoteState::Granted(NEVER),
            // Rule 3.1.
            Phase::Real => {
                let granted = granted.min(self.timing.promise_limit());
                VoteState::Granted(bound_until(at, granted, self.timing.drift_ppm))
            }
        }
    }

    fn handle_denial(
        &mut self,
        peer: I,
        (phase, at): (Phase, Nanos),
        denial: Denial<I>,
        out: &mut Vec<Output<I>>,
    ) -> VoteState {
        match denial {
            // Bound in the very term that is voted on: to a rival that got the vote of it.
            Denial::Bound { to: Some(holder), .. }
                if phase == Phase::Real && holder.term >= self.hard.term =>
            {
                VoteState::Rival
            }
            Denial::Bound { to, remaining } if phase == Phase::Pre => {
                let early_by = if let Role::PreCandidate(pre_vote_round) = &self.role {
                    pre_vote_round.early_by
                } else {
                    0
                };
                count_bound_voter((peer, to), remaining, early_by, (at, self.now))
            }
            Denial::Bound { remaining, .. } => VoteState::Bound(self.now.saturating_add(remaining)),
            Denial::PositionBehind(position) => {
                out.push(Output::Event(Event::Behind { peer, position }));
                VoteState::Denied
            }
            Denial::MembershipConflict => {
                self.report_conflict(peer, out);
                VoteState::Denied
            }
            Denial::AlreadyVoted => VoteState::Rival,
            Denial::StaleTerm | Denial::StaleMembership | Denial::NotAMember => VoteState::Denied,
        }
    }

    /// A denial teaches an unbound candidate a higher term and a newer membership, both at once.
    /// Rules 4.4 and 4.5. Says whether it did, which ends the candidacy.
    fn adopt_from_denial(&mut self, header: &Header, reply: &VoteReply<I>, out: &mut Vec<Output<I>>) -> bool {
        if matches!(self.role, Role::Leader(_)) {
            return false;
        }
        let conflict = reply.answer == Answer::Denied(Denial::MembershipConflict);
        let higher = header.term > self.hard.term;
        if higher {
            self.raise_term(header.term);
        }
        let installed = !conflict && self.install(reply.membership.clone());
        let committed = self.learn_commit(header);
        if higher || installed || (committed && self.is_removed()) {
            self.persist(out);
        }
        if installed {
            self.rank = None;
            self.abandon_candidacy();
        }
        if installed || committed {
            self.report_membership(false, out);
        }
        if higher && !installed {
            match &self.role {
                Role::PreCandidate(_) => self.start_pre_vote(out),
                Role::Candidate(_) | Role::Follower(_) | Role::Leader(_) => self.abandon_candidacy(),
            }
        }
        higher || installed
    }
}
