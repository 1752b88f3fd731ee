//! One election under watch. The watch knows what must hold whatever comes in, from whomever; the
//! property tests and the fuzzer share it.

pub(crate) mod draw;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use quorate::{
    Answer, Body, ClusterId, Config, Election, Event, HardState, Input, Limits, MAX_MEMBERS, Membership,
    MembershipVersion, Message, Nanos, Output, Phase, Position, Priority, RoleKind, Term, Timestamp, Timing,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// The group that is watched; messages of any other are refused.
pub(crate) const CLUSTER: ClusterId = ClusterId(7);

/// What the host does to an election.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Reads its clock.
    Tick(Timestamp),
    /// Lets time pass.
    Wait(Duration),
    /// Waits for the deadline.
    Due,
    /// Hands something in.
    Step(Input<u64>),
}

/// How the node was set up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start {
    /// In a group of the nodes 1 to so many.
    Bootstrap(u64),
    /// In a group of two or three that find each other.
    Forming,
    /// To be added to a group.
    Joining,
}

/// An election and what is known of it.
pub(crate) struct Checked {
    election: Election<u64, ChaCha8Rng>,
    /// The last reading of the clock that was accepted.
    now: Timestamp,
    /// What was persisted last.
    stored: HardState<u64>,
    /// The last term it was elected in.
    elected: Term,
    /// All members it ever knew of: they may have to be told that they are none any more.
    known: BTreeSet<u64>,
    /// How many oddities were told, which is bounded by the members.
    told: usize,
    /// The last messages it sent, to be answered or thrown back.
    sent: VecDeque<(u64, Message<u64>)>,
    /// What was done so far, for whoever has to find out why it failed.
    done: Vec<Act>,
}

/// How many of the messages sent are kept.
const KEPT: usize = 16;

impl Checked {
    /// Node 1, resumed in `term`.
    pub(crate) fn new(start: Start, term: Term, priority: Priority, seed: u64) -> Self {
        let limits = Limits { min_members: 2, max_members: 3 };
        let mut stored = match start {
            Start::Bootstrap(members) => HardState::bootstrap(CLUSTER, 1..=members).expect("a small group"),
            Start::Forming => HardState::forming(CLUSTER, limits).expect("sound limits"),
            Start::Joining => HardState::joining(CLUSTER),
        };
        stored.term = term;
        if term > Term(0) {
            stored.promised = Timing::lan().promise_limit;
        }
        let config = Config { priority, position: Position { term: 1, index: 1 }, ..Config::new(1) };
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let election = Election::new(config, stored.clone(), Timestamp::ORIGIN, rng).expect("a valid start");
        Checked {
            now: Timestamp::ORIGIN,
            // A forming node knows itself.
            stored: election.hard_state().clone(),
            election,
            elected: Term(0),
            known: BTreeSet::new(),
            told: 0,
            sent: VecDeque::new(),
            done: Vec::new(),
        }
    }

    /// The election, for those who look closer.
    pub(crate) fn election(&self) -> &Election<u64, ChaCha8Rng> {
        &self.election
    }

    /// Does `act` and checks what comes out.
    pub(crate) fn act(&mut self, act: &Act) {
        self.done.push(act.clone());
        let before = self.election.clone();
        let mut twin = self.election.clone();
        let mut out = Vec::new();
        match act.clone() {
            Act::Step(input) => {
                self.election.step_into(input.clone(), &mut out);
                assert_eq!(out, twin.step(input), "the same input, another output");
            }
            Act::Tick(now) => self.tick(now, &mut twin, &mut out),
            Act::Wait(length) => self.tick(self.now.saturating_add(length), &mut twin, &mut out),
            Act::Due => self.tick(self.election.deadline().unwrap_or(self.now), &mut twin, &mut out),
        }
        assert_eq!(self.election, twin, "the same input, another state");
        self.check_refusal(act, &before, &out);
        self.check_bounds(&before, &out);
        self.check_order(&before, &out);
        self.check_state();
        for output in out {
            if let Output::Send { to, message } = output {
                self.sent.push_front((to, message));
            }
        }
        self.sent.truncate(KEPT);
    }

    fn tick(&mut self, now: Timestamp, twin: &mut Election<u64, ChaCha8Rng>, out: &mut Vec<Output<u64>>) {
        self.election.tick_into(now, out);
        assert_eq!(*out, twin.tick(now), "the same tick, another output");
        if !matches!(out.as_slice(), [Output::Rejected(_)]) {
            self.now = now;
        }
    }

    /// A wish that is refused is the only output and changes nothing; a message is never refused.
    fn check_refusal(&self, act: &Act, before: &Election<u64, ChaCha8Rng>, out: &[Output<u64>]) {
        if !out.iter().any(|output| matches!(output, Output::Rejected(_))) {
            return;
        }
        assert_eq!(out.len(), 1, "a refusal comes alone: {out:?}");
        assert_eq!(self.election, *before, "a refusal changes nothing");
        assert!(!matches!(act, Act::Step(Input::Receive { .. })), "a message is never refused: {act:?}");
    }

    /// No step says more than a few things to each member, and oddities are not told for ever.
    fn check_bounds(&mut self, before: &Election<u64, ChaCha8Rng>, out: &[Output<u64>]) {
        let members = before.membership().members().len().max(self.election.membership().members().len());
        assert!(members <= MAX_MEMBERS);
        self.known.extend(before.membership().members().iter().chain(self.election.membership().members()));
        let bound = 4 * (members + self.known.len()) + 8;
        assert!(out.len() <= bound, "{} outputs with {members} members", out.len());
        if before.membership() != self.election.membership() {
            self.told = 0;
        }
        self.told += out.iter().filter(|output| is_oddity(output)).count();
        assert!(self.told <= 5 * (members + 1), "{} oddities told with {members} members", self.told);
        assert!(self.election.status().members.len() <= MAX_MEMBERS);
    }

    /// What is said follows from what is stored already, and what is stored never goes back.
    fn check_order(&mut self, before: &Election<u64, ChaCha8Rng>, out: &[Output<u64>]) {
        let mut leads = before.lease().map(|lease| lease.term);
        for output in out {
            match output {
                Output::Persist(next) => {
                    self.check_write(next);
                    self.check_step(next, leads);
                    self.stored = next.clone();
                }
                Output::Send { to, message } => {
                    assert_ne!(*to, self.election.id(), "it writes to itself");
                    self.check_message(*to, message, leads);
                }
                Output::Event(Event::Elected { term }) => {
                    assert!(*term > self.elected, "elected in {term:?} after {:?}", self.elected);
                    self.elected = *term;
                    assert_eq!((self.stored.term, self.stored.voted_for), (*term, Some(1)));
                    leads = Some(*term);
                }
                Output::Event(Event::SteppedDown { term, .. }) => assert_eq!(leads.take(), Some(*term)),
                Output::Event(Event::Removed) => {
                    assert!(!self.stored.membership.contains(1), "a member is told that it is none");
                }
                Output::Event(_) | Output::Rejected(_) => {}
            }
        }
        assert_eq!(leads, self.election.lease().map(|lease| lease.term), "leadership changed unsaid");
        assert_eq!(self.stored, self.due_to_be_stored(), "the durable state changed unsaid");
    }

    /// What has to be stored by now: what the node holds, but for its own vote of the next term, which
    /// may have been stored ahead, and the version of one just elected, which may be stored later.
    fn due_to_be_stored(&self) -> HardState<u64> {
        let mut held = self.election.hard_state().clone();
        if self.is_reserved(held.term) {
            (held.term, held.voted_for) = (self.stored.term, self.stored.voted_for);
        }
        if self.is_just_elected(held.membership.version()) {
            self.check_same_members(&held.membership);
            held.membership = self.stored.membership.clone();
        }
        // That it is committed may be known and not stored, and what was stored be of the version before.
        held.committed = self.stored.committed;
        held
    }

    fn check_same_members(&self, other: &Membership<u64>) {
        let stored = &self.stored.membership;
        assert_eq!((other.voters(), other.learners()), (stored.voters(), stored.learners()));
        assert_eq!((other.quorum(), other.limits()), (stored.quorum(), stored.limits()));
    }

    /// Rule 4.10: `term` goes on though the next is stored, with the vote for itself.
    fn is_reserved(&self, term: Term) -> bool {
        term.next() == Some(self.stored.term) && self.stored.voted_for == Some(1)
    }

    /// Rule 4.6: `version` is that of the term in which it was elected last, with the number before; or
    /// with the first, after a recovery.
    fn is_just_elected(&self, version: MembershipVersion) -> bool {
        let stored = self.stored.membership.version();
        version.term == self.elected && version.number == stored.number.max(1) && version.term > stored.term
    }

    /// The vote of `term`, if it is stored. That of the term which goes on was, before the next one's.
    fn vote_of(&self, term: Term) -> Option<u64> {
        let held = self.election.hard_state();
        let kept = self.is_reserved(term) && held.term == term;
        let stored = self.stored.voted_for.filter(|_| self.stored.term == term);
        if kept { held.voted_for } else { stored }
    }

    fn check_term(&self, term: Term) {
        let stored = self.stored.term;
        assert!(term == stored || self.is_reserved(term), "{term} is told, and {stored} stored");
    }

    fn check_write(&self, next: &HardState<u64>) {
        let last = &self.stored;
        assert!(next.term >= last.term, "the term ran backwards: {last:?}, {next:?}");
        assert!(next.membership.version() >= last.membership.version(), "{last:?}, {next:?}");
        assert!(next.promised >= last.promised, "{last:?}, {next:?}");
        assert!(next.term >= next.membership.version().term, "{next:?}");
        assert_eq!(next.cluster, last.cluster);
        if next.term == last.term && last.voted_for.is_some() {
            assert_eq!(next.voted_for, last.voted_for, "a vote was changed in {:?}", next.term);
        }
        if next.membership.version() == last.membership.version() && !last.membership.is_forming() {
            assert_eq!(next.membership, last.membership, "one version, two memberships");
        }
    }

    /// A leader's step from one membership to the next. Rules 8.1 and 8.2.
    fn check_step(&self, next: &HardState<u64>, leads: Option<Term>) {
        let (old, new) = (&self.stored.membership, &next.membership);
        let (was, is) = (old.version(), new.version());
        if leads.is_none() || leads != Some(is.term) || was == is {
            return;
        }
        if self.is_just_elected(is) {
            return self.check_same_members(new);
        }
        assert_eq!((is.term, is.number), (was.term, was.number + 1), "versions are counted one by one");
        let union = new.voters().iter().filter(|id| !old.is_voter(**id)).count() + old.voters().len();
        assert!(old.quorum() + new.quorum() > union, "{old:?} and {new:?} have quorums apart");
        assert!(new.is_voter(1), "the leader does not vote in {new:?}");
        assert!(
            new.voters().iter().all(|id| old.contains(*id)),
            "a voter that did not follow: {old:?} {new:?}"
        );
    }

    /// What a message claims is durable by now.
    fn check_message(&self, to: u64, message: &Message<u64>, leads: Option<Term>) {
        let Message { header, body } = message;
        let stored = &self.stored;
        assert_eq!(header.cluster, CLUSTER);
        let is_stored = header.version == stored.membership.version();
        assert!(is_stored || self.is_just_elected(header.version), "a version is told before it is stored");
        match body {
            Body::VoteReply(reply) => {
                self.check_term(header.term);
                if let (Phase::Real, Answer::Granted(length)) = (reply.phase, reply.answer) {
                    assert_eq!(self.vote_of(reply.request_term), Some(to), "a vote not stored");
                    assert!(length.as_duration() <= stored.promised, "a promise not stored");
                }
            }
            Body::HeartbeatReply(reply) => {
                self.check_term(header.term);
                if let Answer::Granted(length) = reply.answer {
                    assert!(is_stored, "an acknowledgement of what is not stored");
                    assert!(stored.voted_for.is_some(), "a leader accepted, and the vote still free");
                    assert!(length.as_duration() <= stored.promised, "a promise not stored");
                }
            }
            Body::VoteRequest(request) => {
                self.check_term(header.term);
                if request.phase == Phase::Real {
                    assert_eq!(stored.voted_for, Some(1), "a candidate votes for itself first");
                }
            }
            Body::Heartbeat(heartbeat) => {
                assert!(header.term <= stored.term);
                // Before `SteppedDown` only a leader asks for promises; after it, nobody does.
                assert!(heartbeat.promise == Nanos::ZERO || leads == Some(header.term), "{message:?}");
                assert!(
                    heartbeat.promise != Nanos::ZERO || leads.is_none(),
                    "a leader gives its promises back"
                );
            }
        }
    }

    fn check_state(&self) {
        let Checked { election, now, .. } = self;
        match (election.role(), election.lease()) {
            (RoleKind::Leader, Some(lease)) => {
                assert!(lease.holds_at(*now), "a leader without a valid lease");
                assert!(lease.term <= election.term());
                assert!(lease.until <= now.saturating_add(Timing::lan().promise_limit));
                assert_eq!(election.leader(), Some((1, lease.term)));
            }
            (RoleKind::Leader, None) | (_, Some(_)) => unreachable!("the lease is the leadership"),
            (RoleKind::Candidate, None) => assert_eq!(election.hard_state().voted_for, Some(1)),
            (RoleKind::Follower | RoleKind::PreCandidate, None) => {}
        }
        let passive = election.role() == RoleKind::Follower;
        assert!(passive || election.deadline().is_some(), "nothing pending in an active role");
        let status = election.status();
        assert!(status.promise.is_none_or(|(_, _, left)| left <= Timing::lan().promise_limit));
        assert!(status.quarantine_left <= Timing::lan().promise_limit);
    }
}

impl Drop for Checked {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let members = self.election.membership().members();
            eprintln!(
                "node 1 of {members:?} failed at the last of {} acts: {:#?}",
                self.done.len(),
                self.done
            );
        }
    }
}

fn is_oddity(output: &Output<u64>) -> bool {
    matches!(
        output,
        Output::Event(
            Event::ForeignCluster { .. }
                | Event::MembershipConflict { .. }
                | Event::TwoLeaders { .. }
                | Event::TermTooFarAhead { .. }
                | Event::TooManyForming { .. }
        )
    )
}
