//! The follower: it checks a heartbeat, adopts the leader's term and membership, and promises to follow no other.

use alloc::vec::Vec;

use rand_core::Rng;

use super::{Durability, Election};
use crate::event::{Event, StepDown};
use crate::io::Output;
use crate::membership::is_newer_config;
use crate::message::{Answer, Denial, Header, Heartbeat, HeartbeatReply, Message};
use crate::peer_log::Anomaly;
use crate::role::{Following, Leaving, Role};
use crate::types::{Leader, MemberIndex, NEVER, Nanos, NodeId, Term};

/// Why a heartbeat is not accepted.
enum Fault<I> {
    /// The sender is told why.
    Denied(Denial<I>),
    /// Rule 7.4: the membership it encloses contradicts this node's.
    MembershipConflict,
    /// Rule 2.7: it is a late or repeated heartbeat, or it claims term 0, which no node leads.
    Old,
}

impl<I: NodeId, R: Rng> Election<I, R> {
    pub(super) fn on_heartbeat(
        &mut self,
        from: I,
        index: Option<MemberIndex>,
        header: &Header,
        heartbeat: &Heartbeat<I>,
        out: &mut Vec<Output<I>>,
    ) {
        match self.check_heartbeat(from, index, header, heartbeat) {
            Ok(()) => {}
            Err(Fault::Denied(denial)) => {
                return self.answer_heartbeat(from, header, Answer::Denied(denial), out);
            }
            Err(Fault::MembershipConflict) => return self.report_conflict(from, out),
            Err(Fault::Old) => return,
        }
        self.record_round(index, from, header.term, header.round);
        if self.is_second_leader(from, header.term) {
            return self.report_second_leader(from, header.term, out);
        }
        if self.shows_lost_state(header, heartbeat) {
            return self.recover_lost_state(Leader { id: from, term: header.term }, out);
        }
        self.adopt(from, header, heartbeat, out);
        let granted = self.bind_to_leader(from, header, heartbeat);
        let skips_term = self.transfer_skips_term();
        self.update_transfer_pre_vote(from, header, heartbeat.order, granted, out);
        self.answer_heartbeat(from, header, Answer::Granted(granted), out);
        self.on_campaign_order(from, header.term, heartbeat.order, skips_term, out);
    }

    fn check_heartbeat(
        &self,
        from: I,
        index: Option<MemberIndex>,
        header: &Header,
        heartbeat: &Heartbeat<I>,
    ) -> Result<(), Fault<I>> {
        if self.conflicts_with(heartbeat.membership.as_deref()) {
            return Err(Fault::MembershipConflict);
        }
        // Rule 1.3.
        if index.is_none() && !is_newer_config(header.version, self.hard.membership.version()) {
            return Err(Fault::Denied(Denial::NotAMember));
        }
        if header.term < self.hard.term {
            return Err(Fault::Denied(Denial::StaleTerm));
        }
        if header.term == Term(0) || !self.is_newer(index, from, header.term, header.round) {
            return Err(Fault::Old);
        }
        Ok(())
    }

    /// Rule 5.4: whether `from` claims to lead a term that another node leads, or that is disputed already.
    fn is_second_leader(&self, from: I, term: Term) -> bool {
        let known = match &self.role {
            Role::Leader(leading) if leading.term == term => Some(self.id),
            Role::Follower(_)
            | Role::PreCandidate(_)
            | Role::Candidate(_)
            | Role::Leader(_)
            | Role::Recovering(_) => self.promise.leader_of(term),
        };
        self.peer_log.is_disputed(term) || known.is_some_and(|leader| leader != from)
    }

    /// Rule 5.4: two nodes lead one term only if a durable state was lost or copied. Neither is followed from
    /// now on.
    fn report_second_leader(&mut self, peer: I, term: Term, out: &mut Vec<Output<I>>) {
        self.peer_log.record_dispute(term);
        self.report_anomaly(peer, Anomaly::TwoLeaders, Event::TwoLeaders { peer, term }, out);
    }

    /// Rules 1.2, 1.5 and 7.2: the leader's term, its vote and its membership, in one write if anything is
    /// new. This node's own leadership, if any, ends before. Rule 5.3.
    fn adopt(&mut self, from: I, header: &Header, heartbeat: &Heartbeat<I>, out: &mut Vec<Output<I>>) {
        if matches!(self.role, Role::Leader(_)) {
            let leader = Leader { id: from, term: header.term };
            self.step_down(StepDown::NewLeader { leader }, None, out);
        }
        let is_higher = header.term > self.hard.term;
        if is_higher {
            self.raise_term(header.term);
        }
        let uses_vote = self.hard.voted_for().is_none();
        if uses_vote {
            self.hard.vote_for(from);
        }
        let held = self.hard.membership.version();
        let is_installed = self.install_or_inherit(header, heartbeat);
        let learns_commit = self.learn_commit(header);
        // A node that led until now acknowledges the version of its own term only once that is durable.
        let is_unwritten = self.durability == Durability::VersionUnwritten;
        let learns_removal = learns_commit && self.is_removed();
        if is_higher || uses_vote || is_installed || is_unwritten || learns_removal {
            self.persist(out);
        }
        if is_installed || learns_commit {
            self.forget_wish_from_before(held, out);
            self.report_membership(true, out);
        }
    }

    /// Promises what the leader asks for, as far as this voter may, and returns how much that is. A heartbeat
    /// that asks for zero ends the promise. Rules 2.1, 2.2 and 4.1.
    fn bind_to_leader(&mut self, from: I, header: &Header, heartbeat: &Heartbeat<I>) -> Nanos {
        let granted = self.grantable_length(heartbeat.promise);
        self.promise.bind_to_leader(from, header.term, self.promise_end(granted));
        if heartbeat.promise == Nanos::ZERO {
            self.promise.release(from, header.term, self.now);
        }
        self.end_trial(from);
        self.peer_log.forget_denial();
        self.trouble.end_quorum_check();
        self.forget_what_is_over();
        self.rank = heartbeat.rank;
        self.lost_candidacies = 0;
        let election_deadline = self.draw_election_deadline();
        let (sends_pre_votes, is_electable) = (self.sends_pre_votes(), self.is_electable());
        let early_pre_vote_at =
            if is_electable { self.early_pre_vote_time(election_deadline, granted) } else { NEVER };
        // Looked up after the membership was installed, which may have moved the leader's index.
        let leader_index = self.hard.membership.index_of(from).filter(|_| is_electable);
        match &mut self.role {
            Role::Follower(following) => {
                following.timeout_now_retry = None;
                following.early_pre_vote = None;
                following.leader_index = leader_index;
                (following.election_deadline, following.early_pre_vote_at) =
                    if sends_pre_votes { (election_deadline, early_pre_vote_at) } else { (NEVER, NEVER) };
            }
            Role::PreCandidate(_) | Role::Candidate(_) | Role::Leader(_) | Role::Recovering(_) => {
                self.become_follower(election_deadline)
            }
        }
        granted
    }

    pub(super) fn answer_heartbeat(
        &self,
        to: I,
        heartbeat: &Header,
        answer: Answer<I>,
        out: &mut Vec<Output<I>>,
    ) {
        let membership = match answer {
            Answer::Granted(_) => None,
            Answer::Denied(_) => self.membership_for(to, true, heartbeat.version),
        };
        let ready = match &self.role {
            Role::Follower(Following { transfer_pre_vote: Some(transfer), .. }) => transfer.ready,
            Role::Follower(_)
            | Role::PreCandidate(_)
            | Role::Candidate(_)
            | Role::Leader(_)
            | Role::Recovering(_) => false,
        };
        // `extend` constructs the message in the buffer, where a push would copy it.
        out.extend(core::iter::once_with(|| {
            let reply = HeartbeatReply {
                request_term: heartbeat.term,
                answer,
                position: self.position,
                priority: self.priority,
                ready,
                leaving: self.leaving != Leaving::No,
                membership,
            };
            Output::Send { to, message: Message::of_heartbeat_reply(self.reply_header(heartbeat), reply) }
        }));
    }
}
