//! Recovery: a node that has forgotten what it took part in waits until nothing of that is in force, asks the others,
//! and comes back under its own id. Section 9.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::Rng;

use super::receipt::MAX_FIRST_TERM;
use super::{Durability, Election, initial_participation};
use crate::event::{Event, HowRecovered, StepDown};
use crate::hard_state::{Blank, HardState};
use crate::io::Output;
use crate::membership::Membership;
use crate::message::{Body, Header, Message, RecoveryReply};
use crate::peer_log::Anomaly;
use crate::promise::Promise;
use crate::recovery::{Known, Outcome, Recovery};
use crate::role::{Leaving, Participation, Role};
use crate::types::{
    Incarnation, Leader, MembershipVersion, NodeId, Position, Priority, Round, Term, Timestamp,
};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// The round before the first one of a process. Rule 9.2: that of a blank node begins at its incarnation, and chance
    /// tells processes of one incarnation apart. Rule 2.8: any other is below 2^20, which keeps messages short.
    pub(super) fn first_round(blank: Option<Blank>, rng: &mut R) -> Round {
        match blank {
            Some(blank) => Round(blank.incarnation.with_chance(rng.next_u64()).0),
            None => Round(u64::from(rng.next_u32() >> 12)),
        }
    }

    /// Rule 9.2: each start of a blank node is another incarnation, until it is pledged (9.6).
    pub(super) fn begin_incarnation(saved: &mut HardState<I>, rng: &mut R) {
        if let Some(blank) = saved.blank.as_mut().filter(|blank| blank.pledge.is_none()) {
            blank.incarnation = blank.incarnation.with_chance(rng.next_u64());
        }
    }

    /// The only transition to the role of a node that recovers. Rule 9.1: it waits until each promise that it may have
    /// forgotten has ended on the clock of its holder. Those are of `promise_limit` at most, and of what was durable. A
    /// node that finds its pledge (9.6) has waited before, and has promised nothing since.
    pub(super) fn start_recovery(&mut self) {
        let longest = self.timing.promise_limit().max(self.hard.promised);
        let has_waited = self.pledge().is_some();
        let wait_until = if has_waited { self.now } else { self.promise_end(longest) };
        self.promise = Promise::quarantine(Timestamp::ORIGIN);
        self.rank = None;
        self.leaving = Leaving::No;
        self.participation = Participation::Outsider;
        self.trouble.end_quorum_check();
        self.role = Role::Recovering(Recovery::new(self.now, wait_until, self.timing.retry_interval()));
    }

    /// Rule 7.5: a leader has shown that this node has forgotten what it had acknowledged.
    #[cold]
    pub(super) fn recover_lost_state(&mut self, leader: Leader<I>, out: &mut Vec<Output<I>>) {
        if matches!(self.role, Role::Leader(_)) {
            self.step_down(StepDown::NewLeader { leader }, None, out);
        }
        let (term, voted_for) = self.durable_vote();
        self.hard.begin_term(term, voted_for, self.id);
        self.durability = Durability::Current;
        // No wall clock is at hand: chance alone tells this incarnation from the former ones.
        let incarnation = Incarnation::by_chance(self.rng.next_u64());
        self.hard.set_blank(Some(Blank { incarnation, pledge: None, may_found: false }));
        self.persist(out);
        self.begin_blank_rounds();
        self.start_recovery();
        self.note_leader(leader.id);
        out.push(Output::Event(Event::StateLost));
    }

    /// Rule 9.2: the rounds of a node that becomes blank while it runs begin anew, and go on growing.
    pub(super) fn begin_blank_rounds(&mut self) {
        self.first_round = self.round.max(Self::first_round(self.hard.blank(), &mut self.rng));
        self.round = self.first_round;
    }

    pub(super) fn is_recovering(&self) -> bool {
        matches!(self.role, Role::Recovering(_))
    }

    /// Rule 9.1: a node that recovers uses nothing but the replies to its own requests. Of all else it learns only whom
    /// to ask, and when. After its wait it tells others that it is blank, too (9.6).
    #[cold]
    pub(super) fn receive_while_recovering(
        &mut self,
        from: I,
        message: &Message<I>,
        out: &mut Vec<Output<I>>,
    ) {
        let header = &message.header();
        match &message.body() {
            _ if header.cluster != self.hard.cluster => {
                let event = Event::ForeignCluster { peer: from, cluster: header.cluster };
                self.report_anomaly(from, Anomaly::ForeignCluster, event, out);
            }
            Body::RecoveryReply(reply) => self.on_recovery_reply(from, header, reply, out),
            Body::BlankReply(reply) => self.on_blank_reply(from, header, *reply, out),
            Body::RecoveryRequest => {
                self.hasten_recovery(from);
                self.tell_blank(from, header, out);
            }
            Body::Heartbeat(_) => {
                self.note_leader(from);
                self.hasten_recovery(from);
            }
            Body::VoteRequest(_) => self.hasten_recovery(from),
            Body::VoteReply(_) | Body::HeartbeatReply(_) => {}
        }
    }

    /// Rule 9.3: a message of `from` shows that asking again brings news.
    fn hasten_recovery(&mut self, from: I) {
        let (pledge, least) = (self.pledge(), self.timing.retry_interval());
        let is_asked = self.nodes_to_ask(|id| id == from) == [from];
        if let Role::Recovering(recovery) = &mut self.role
            && is_asked
            && recovery.has_news(from, pledge)
        {
            recovery.hasten(least);
        }
    }

    /// Rule 9.3: a leader that writes to this node is asked as well.
    fn note_leader(&mut self, leader: I) {
        if let Role::Recovering(recovery) = &mut self.role {
            recovery.leader = Some(leader);
        }
    }

    /// Rule 9.3: tells a node that has forgotten what this node holds. A node that no leader has written to yet, and
    /// that was not started with a list, holds nothing.
    #[cold]
    pub(super) fn on_recovery_request(&mut self, from: I, header: &Header, out: &mut Vec<Output<I>>) {
        let members = &self.hard.membership;
        if members.quorum() == 0 || members.is_forming() {
            return;
        }
        let position = self.required_of_candidates();
        let body = Body::RecoveryReply(RecoveryReply { position, membership: Box::new(members.clone()) });
        out.push(Output::Send { to: from, message: Message::new(self.reply_header(header), body) });
        self.check_quorum_if_following(out);
    }

    #[cold]
    pub(super) fn tick_recovery(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Recovering(recovery) = &self.role else { return };
        if self.now < recovery.due() {
            return;
        }
        let (round, longest) = (self.next_round(), self.timing.promise_limit());
        let Role::Recovering(recovery) = &mut self.role else { return };
        recovery.begin_round(round, self.now, longest);
        let asked = self.nodes_to_ask(|_| true);
        self.send_recovery_requests(round, asked, out);
        // A node that is alone on its list has nobody to ask.
        self.advance_fresh_start(out);
    }

    /// The nodes of the list that this node was started with, and those that it has heard of since, each once.
    fn nodes_to_ask(&self, wanted: impl Fn(I) -> bool) -> Vec<I> {
        let Role::Recovering(recovery) = &self.role else { return Vec::new() };
        let listed = self.hard.membership.members().iter().copied();
        let nodes = listed.chain(recovery.heard_of()).filter(|&id| id != self.id && wanted(id));
        let mut asked: Vec<I> = nodes.collect();
        asked.sort_unstable();
        asked.dedup();
        asked
    }

    pub(super) fn send_recovery_requests(&self, round: Round, to: Vec<I>, out: &mut Vec<Output<I>>) {
        let version = MembershipVersion::default();
        let header = Header { version, committed: false, ..self.header(Term(0), round) };
        let message = |to| Output::Send { to, message: Message::new(header, Body::RecoveryRequest) };
        out.extend(to.into_iter().map(message));
    }

    /// Whether a reply counts: only in the round in which it was asked for, and from a node that was asked. Rule 9.3.
    pub(super) fn is_asked_for(&self, from: I, header: &Header) -> bool {
        let Role::Recovering(recovery) = &self.role else { return false };
        recovery.has_asked(header) && self.nodes_to_ask(|id| id == from) == [from]
    }

    fn on_recovery_reply(
        &mut self,
        from: I,
        header: &Header,
        reply: &RecoveryReply<I>,
        out: &mut Vec<Output<I>>,
    ) {
        let RecoveryReply { position, membership } = reply;
        let is_sound = header.version == membership.version()
            && membership.quorum() > 0
            && !membership.is_forming()
            && header.version.term <= header.term
            && header.term.0 <= MAX_FIRST_TERM;
        if !is_sound || !self.is_asked_for(from, header) {
            return;
        }
        let Role::Recovering(recovery) = &self.role else { return };
        if recovery.contradicts(header.life, membership) || self.conflicts_with(Some(membership)) {
            return self.report_conflict(from, out);
        }
        let asked_before = self.nodes_to_ask(|_| true);
        let Role::Recovering(recovery) = &mut self.role else { return };
        let is_newest = recovery.record_live(from, header, *position, membership);
        let is_back = self.come_back_if_told(out);
        if is_back || !is_newest {
            return;
        }
        let Role::Recovering(recovery) = &mut self.role else { return };
        let names_others = recovery.extend_round();
        if names_others {
            let others = self.nodes_to_ask(|id| !asked_before.contains(&id));
            self.send_recovery_requests(header.round, others, out);
        }
    }

    /// Rules 9.4 and 9.7: takes part again if enough is known. Returns whether it does.
    fn come_back_if_told(&mut self, out: &mut Vec<Output<I>>) -> bool {
        let Role::Recovering(recovery) = &self.role else { return false };
        let held = self.hard.membership.version();
        if let Some(outcome) = self.pledge().and_then(|life| recovery.outcome_of_life(life)) {
            self.come_back(outcome, HowRecovered::Founded, out);
            return true;
        }
        let outcome = recovery.outcome(self.id, self.hard.life, held);
        outcome.map(|outcome| self.come_back(outcome, HowRecovered::Rejoined, out)).is_some()
    }

    /// Rule 9.4: the node takes part again, in the highest term that it was told of. It may have given its vote of that
    /// term, so that vote is used: by itself, as far as anybody can tell.
    fn come_back(&mut self, outcome: Outcome<I>, how: HowRecovered, out: &mut Vec<Output<I>>) {
        let Outcome { term, known: Known { life, membership, committed }, position } = outcome;
        let is_same_life = self.hard.life == life;
        let own_term = if is_same_life { self.hard.term } else { Term(0) };
        let known_vote = self.hard.voted_for().filter(|_| own_term >= term);
        self.hard.begin_term(own_term.max(term), known_vote.or(Some(self.id)), self.id);
        self.hard.set_position_floor(if self.is_empty_witness() { Position::default() } else { position });
        (self.hard.life, self.hard.committed) = (life, committed);
        self.take_part(*membership, how, out);
    }

    /// The node takes part with this membership, and with all else that it has been told: in one write.
    pub(super) fn take_part(
        &mut self,
        membership: Membership<I>,
        how: HowRecovered,
        out: &mut Vec<Output<I>>,
    ) {
        let was_listed = self.own_index.is_some();
        self.peer_log.realign(&self.hard.membership, &membership, self.id);
        self.set_membership(membership);
        self.hard.set_blank(None);
        // Nothing that the node has forgotten is in force any more. It has known no leader since now (9.10).
        self.promise = Promise::quarantine(self.now);
        self.participation = initial_participation(self.id, &self.hard.membership, self.hard.committed);
        let deadline = self.draw_election_deadline();
        self.become_follower(deadline);
        self.persist(out);
        out.push(Output::Event(Event::Recovered { term: self.hard.term, how }));
        self.report_membership(was_listed, out);
    }

    /// Whether this node never leads and holds no data, so that it had none to forget.
    fn is_empty_witness(&self) -> bool {
        self.priority == Priority::NEVER_LEADS && self.position == Position::default()
    }

    /// How far the data of a candidate must reach for this node's vote: as far as its own, or as those of a quorum may
    /// have when it came back.
    pub(super) fn required_of_candidates(&self) -> Position {
        self.position.max(self.hard.position_floor())
    }
}
