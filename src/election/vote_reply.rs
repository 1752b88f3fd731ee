//! The candidate's side of a vote reply: what a grant is worth, and what a denial teaches.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use super::early_pre_vote::BoundReply;
use crate::event::Event;
use crate::io::Output;
use crate::lease::bound_until;
use crate::message::{Answer, Denial, Header, Phase, VoteReply};
use crate::role::Role;
use crate::tally::VoteState;
use crate::types::{MemberIndex, NEVER, Nanos, NodeId, Term, Timestamp};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// A reply counts only for the round or term of its request, and only from a voter of the membership that
    /// this node campaigns with.
    pub(super) fn on_vote_reply(
        &mut self,
        from: I,
        index: Option<MemberIndex>,
        header: &Header,
        reply: &VoteReply<I>,
        out: &mut Vec<Output<I>>,
    ) {
        let Some(index) = index.filter(|&index| self.hard.membership.is_voter_at(index)) else { return };
        if header.sent_at > self.now {
            return;
        }
        match (reply.phase, &self.role) {
            (Phase::Pre, Role::Follower(_)) => {
                self.on_early_pre_vote_reply(from, index, header, reply, out);
                self.on_transfer_pre_vote_reply(index, header, reply, out);
            }
            (Phase::Pre, Role::PreCandidate(round))
                if round.has_asked(header, reply.request_term, self.hard.term) =>
            {
                self.handle_reply(from, index, header, reply, out);
                self.count_pre_votes(out);
            }
            (Phase::Real, Role::Candidate(_) | Role::Leader(_))
                if reply.request_term == self.hard.term
                    && self.has_asked(header)
                    && self.is_requesting_votes() =>
            {
                self.handle_reply(from, index, header, reply, out);
                self.count_votes(out);
            }
            (Phase::Pre | Phase::Real, _) => {}
        }
    }

    /// Rule 9.2: whether a reply answers a request of this incarnation.
    ///
    /// B asks C for its vote of term 6, crashes, forgets, comes back in term 5, and asks in term 6 again. The promise of
    /// C's first reply, which is late, is over, and its time is of another clock.
    fn has_asked(&self, reply: &Header) -> bool {
        reply.round > self.first_round && reply.round <= self.round
    }

    /// Whether the votes of this term are still asked for: what a voter denied before the term was won is no news.
    fn is_requesting_votes(&self) -> bool {
        match &self.role {
            Role::Candidate(_) => true,
            Role::Leader(leading) => leading.is_requesting_votes(),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Recovering(_) => false,
        }
    }

    fn handle_reply(
        &mut self,
        from: I,
        index: MemberIndex,
        header: &Header,
        reply: &VoteReply<I>,
        out: &mut Vec<Output<I>>,
    ) {
        let vote = match reply.answer {
            Answer::Granted(granted) => {
                self.record_shortest_grant(reply.phase, granted);
                self.vote_of_grant(reply.phase, header.sent_at, granted)
            }
            Answer::Denied(denial) => {
                self.peer_log.record_denial(from, denial, self.now);
                let ends_round = self.adopt_from_denial(header, reply, out);
                if ends_round {
                    return;
                }
                self.report_denial(from, denial, out);
                self.vote_of_denial(from, reply.phase, header.sent_at, denial)
            }
        };
        self.record_vote(index, vote, header.term);
    }

    /// Rule 4.10: a pre-vote reply that bears a higher term than its request comes from a voter that has reserved
    /// its vote of that term.
    fn record_vote(&mut self, index: MemberIndex, vote: VoteState, term: Term) {
        let (now, is_reserved) = (self.now, term > self.hard.term);
        match &mut self.role {
            Role::PreCandidate(round) => {
                round.put(index, vote, is_reserved);
                round.timer.watch_bound(round.tally.next_free(now));
            }
            Role::Candidate(_) | Role::Leader(_) => {
                if let Some((_, ballot)) = self.campaign_mut() {
                    ballot.tally.put(index, vote);
                    ballot.timer.watch_bound(ballot.tally.next_free(now));
                }
            }
            Role::Follower(_) | Role::Recovering(_) => {}
        }
    }

    /// Rule 3.5: a voter that grants less than it is asked for grants no more when it is asked again.
    fn record_shortest_grant(&mut self, phase: Phase, granted: Nanos) {
        if let (Phase::Real, Some((_, ballot))) = (phase, self.campaign_mut()) {
            ballot.shortest_grant = ballot.shortest_grant.min(granted);
        }
    }

    /// Rule 3.1: a vote counts while its promise is certainly in force. A granted pre-vote binds no voter, and
    /// counts until its round ends.
    fn vote_of_grant(&self, phase: Phase, sent_at: Timestamp, granted: Nanos) -> VoteState {
        match phase {
            Phase::Pre => VoteState::Granted(NEVER),
            Phase::Real => {
                let granted = granted.min(self.timing.promise_limit());
                VoteState::Granted(bound_until(sent_at, granted, self.timing.clock))
            }
        }
    }

    /// Whether a voter that denied may still grant in this round, and when to ask it again. Rule 4.4.
    ///
    /// A campaigns in term 7. C is bound to B in term 7: it gave B its vote of that term, so C is lost to A,
    /// and B is a rival. D is bound to the leader of term 6 for 33 ms more: its vote of term 7 is still free,
    /// and A asks D again in 33 ms. The data of E reach further: E is lost in this term, and the host is told
    /// where to catch up.
    fn vote_of_denial(&self, voter: I, phase: Phase, sent_at: Timestamp, denial: Denial<I>) -> VoteState {
        match denial {
            Denial::Bound { to: Some(holder), .. }
                if phase == Phase::Real && holder.term >= self.hard.term =>
            {
                VoteState::Rival
            }
            Denial::Bound { to, remaining } if phase == Phase::Pre => {
                let early_by =
                    if let Role::PreCandidate(round) = &self.role { round.early_by } else { Nanos::ZERO };
                BoundReply { voter, holder: to, remaining, sent_at }.vote(early_by, self.now)
            }
            Denial::Bound { remaining, .. } => VoteState::Bound(self.now.after(remaining)),
            Denial::AlreadyVoted => VoteState::Rival,
            Denial::StaleTerm
            | Denial::StaleMembership
            | Denial::NotAMember
            | Denial::PositionBehind(_)
            | Denial::MembershipConflict
            | Denial::OtherLife => VoteState::Denied,
        }
    }

    /// Tells the host what it can mend.
    fn report_denial(&mut self, peer: I, denial: Denial<I>, out: &mut Vec<Output<I>>) {
        match denial {
            Denial::PositionBehind(position) => {
                let pause = self.shortest_news_pause();
                let is_news = self.peer_log.record_ahead(peer, position, self.now, pause);
                if is_news {
                    out.push(Output::Event(Event::Behind { peer, position }));
                }
            }
            Denial::MembershipConflict => self.report_conflict(peer, out),
            Denial::Bound { .. }
            | Denial::AlreadyVoted
            | Denial::StaleTerm
            | Denial::StaleMembership
            | Denial::NotAMember
            | Denial::OtherLife => {}
        }
    }

    /// A denial teaches an unbound candidate a higher term and a newer membership, both in one write. Rules 4.4
    /// and 4.5. Returns whether it did, which ends the round or the candidacy. A leader that renews adopts
    /// nothing while its lease holds.
    fn adopt_from_denial(&mut self, header: &Header, reply: &VoteReply<I>, out: &mut Vec<Output<I>>) -> bool {
        if matches!(self.role, Role::Leader(_)) {
            return false;
        }
        let is_conflict = reply.answer == Answer::Denied(Denial::MembershipConflict);
        // Rule 4.10: a voter that has reserved its vote of that term does not take part in it yet.
        let is_reserved =
            reply.phase == Phase::Pre && matches!(reply.answer, Answer::Denied(Denial::Bound { .. }));
        let is_higher = header.term > self.hard.term && !is_reserved;
        if is_higher {
            self.raise_term(header.term);
        }
        let offered = reply.membership.as_deref().filter(|_| !is_conflict);
        let held = self.hard.membership.version();
        let is_installed = self.install(header.life, offered);
        let learns_commit = self.learn_commit(header);
        if is_higher || is_installed || (learns_commit && self.is_removed()) {
            self.persist(out);
        }
        if is_installed {
            self.rank = None;
            self.abandon_candidacy();
        }
        if is_installed || learns_commit {
            self.forget_wish_from_before(held, out);
            self.report_membership(false, out);
        }
        if is_higher && !is_installed {
            match &self.role {
                Role::PreCandidate(_) => self.start_pre_vote(out),
                Role::Candidate(_) | Role::Follower(_) | Role::Leader(_) | Role::Recovering(_) => {
                    self.abandon_candidacy()
                }
            }
        }
        is_higher || is_installed
    }
}
