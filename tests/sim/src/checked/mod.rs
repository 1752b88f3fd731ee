//! An election whose every step is checked: what must hold whatever comes in, from any sender. The
//! property tests and the fuzzer share these checks.

mod arbitrary_action;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use quorate::message::{Answer, Body, Phase};
use quorate::{
    ClusterId, Config, Election, Event, HardState, Input, Leader, Limits, MAX_MEMBERS, Membership,
    MembershipVersion, Message, Nanos, Output, Position, Priority, RoleKind, Term, Timestamp, Timing,
};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

pub use arbitrary_action::arbitrary_action;

/// The cluster of the checked node. It refuses messages of any other.
const CLUSTER: ClusterId = ClusterId(7);

/// What a host does to an election.
#[derive(Clone, Debug)]
pub enum HostAction {
    /// The host ticks the election with this reading of its clock.
    Tick(Timestamp),
    /// The host lets so much time pass, and ticks.
    Wait(Duration),
    /// The host waits for the election's deadline, and ticks.
    Due,
    /// The host hands in this input.
    Step(Input<u64>),
}

/// How the node was set up.
#[derive(Clone, Copy, Debug)]
pub enum StartingPoint {
    /// The node is one of the nodes 1 to this number, which were bootstrapped as a group.
    Bootstrap(u64),
    /// The node is in a group of two or three nodes that find each other.
    Forming,
    /// The node will be added to a group.
    Joining,
    /// The node has forgotten what it took part in, and asks the nodes 2 to this number.
    Blank(u64),
}

/// An election, and what the checks know of its past.
pub struct CheckedElection {
    election: Election<u64, ChaCha8Rng>,
    /// The last reading of the clock that was accepted.
    now: Timestamp,
    /// The state that was persisted last.
    stored: HardState<u64>,
    /// The last term it was elected in.
    elected: Term,
    /// All members the node ever knew of: it may have to tell them that they are removed.
    known: BTreeSet<u64>,
    /// How many anomalies were reported under the membership in force since then, in less than the shortest pause
    /// between two reports of one kind. The members bound this number.
    anomalies: (Timestamp, usize),
    /// The last messages the node sent, which later actions reply to or send back.
    sent: VecDeque<(u64, Message<u64>)>,
    /// All actions so far, printed when a check fails.
    done: Vec<HostAction>,
}

/// The shortest pause between two reports of one kind of trouble, in long promises.
const SHORTEST_NEWS_PAUSE: u32 = 10;

/// How many of the sent messages are kept.
const KEPT: usize = 16;

impl CheckedElection {
    /// Node 1, resumed in `term`.
    ///
    /// # Panics
    /// If the node cannot start so, which would be an error of the crate.
    #[must_use]
    pub fn new(start: StartingPoint, term: Term, priority: Priority, seed: u64) -> Self {
        let limits = Limits { min_members: 2, max_members: 3 };
        let mut stored = match start {
            StartingPoint::Bootstrap(members) => {
                HardState::bootstrap(CLUSTER, 1..=members).expect("a small group")
            }
            StartingPoint::Forming => HardState::forming(CLUSTER, limits).expect("sound limits"),
            StartingPoint::Joining => HardState::joining(CLUSTER),
            StartingPoint::Blank(members) => {
                HardState::blank(CLUSTER, 1..=members, Duration::from_secs(1_700_000_000))
                    .expect("a small group")
            }
        };
        stored.term = term;
        if term > Term(0) {
            stored.promised = Timing::lan().promise_limit;
        }
        let config = Config { priority, position: Position { term: 1, index: 1 }, ..Config::new(1) };
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let election = Election::new(config, stored.clone(), Timestamp::ORIGIN, rng).expect("a valid start");
        CheckedElection {
            now: Timestamp::ORIGIN,
            // A forming node adds itself to the nodes it knows.
            stored: HardState { membership: election.membership().clone(), ..stored },
            election,
            elected: Term(0),
            known: BTreeSet::new(),
            anomalies: (Timestamp::ORIGIN, 0),
            sent: VecDeque::new(),
            done: Vec::new(),
        }
    }

    /// The election, for checks of the caller.
    #[must_use]
    pub fn election(&self) -> &Election<u64, ChaCha8Rng> {
        &self.election
    }

    /// Does what `action` says and checks the outputs and the new state.
    ///
    /// # Panics
    /// If a check fails. All actions so far are then printed.
    pub fn apply(&mut self, action: &HostAction) {
        self.done.push(action.clone());
        let before = self.election.clone();
        let mut twin = self.election.clone();
        let mut out = Vec::new();
        match action.clone() {
            HostAction::Step(input) => {
                self.election.step_into(input.clone(), &mut out);
                assert_eq!(out, twin.step(input), "the same input must give the same outputs");
            }
            HostAction::Tick(now) => self.tick(now, &mut twin, &mut out),
            HostAction::Wait(length) => self.tick(self.now.saturating_add(length), &mut twin, &mut out),
            HostAction::Due => self.tick(self.election.deadline().unwrap_or(self.now), &mut twin, &mut out),
        }
        assert_eq!(self.election, twin, "the same input must give the same state");
        self.check_rejection(action, &before, &out);
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
        assert_eq!(*out, twin.tick(now), "the same tick must give the same outputs");
        if !matches!(out.as_slice(), [Output::Rejected(_)]) {
            self.now = now;
        }
    }

    /// A rejection is the only output and changes nothing; a message is never rejected.
    fn check_rejection(&self, action: &HostAction, before: &Election<u64, ChaCha8Rng>, out: &[Output<u64>]) {
        if !out.iter().any(|output| matches!(output, Output::Rejected(_))) {
            return;
        }
        assert_eq!(out.len(), 1, "a rejection must be the only output: {out:?}");
        assert_eq!(self.election, *before, "a rejection must change nothing");
        let is_message = matches!(action, HostAction::Step(Input::Receive { .. }));
        assert!(!is_message, "a message must never be rejected: {action:?}");
    }

    /// A step sends each member a few messages at most, and an anomaly is not reported again and again.
    fn check_bounds(&mut self, before: &Election<u64, ChaCha8Rng>, out: &[Output<u64>]) {
        let members = before.membership().members().len().max(self.election.membership().members().len());
        assert!(members <= MAX_MEMBERS);
        self.known.extend(before.membership().members().iter().chain(self.election.membership().members()));
        let bound = 4 * (members + self.known.len()) + 8;
        assert!(out.len() <= bound, "{} outputs with {members} members", out.len());
        let (since, mut anomalies) = self.anomalies;
        let is_long_ago = self.now >= since.saturating_add(SHORTEST_NEWS_PAUSE * Timing::lan().promise_limit);
        if is_long_ago || before.membership() != self.election.membership() {
            anomalies = 0;
        }
        let since = if anomalies == 0 { self.now } else { since };
        anomalies += out.iter().filter(|output| is_anomaly(output)).count();
        let allowed = 5 * (members + 1);
        assert!(anomalies <= allowed, "{anomalies} anomalies with {members} members");
        self.anomalies = (since, anomalies);
        assert!(self.election.status().members.len() <= MAX_MEMBERS);
    }

    /// Messages and events follow from what is stored already, and what is stored never goes back.
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
                    assert_ne!(*to, self.election.id(), "the node sends a message to itself");
                    self.check_message(*to, message, leads);
                }
                Output::Event(Event::Elected { term }) => {
                    assert!(*term > self.elected, "elected in term {term} after term {}", self.elected);
                    self.elected = *term;
                    assert_eq!((self.stored.term, self.stored.voted_for), (*term, Some(1)));
                    leads = Some(*term);
                }
                Output::Event(Event::SteppedDown { term, .. }) => assert_eq!(leads.take(), Some(*term)),
                Output::Event(Event::Removed) => {
                    assert!(!self.stored.membership.contains(1), "a member reports that it was removed");
                }
                Output::Event(_) | Output::Rejected(_) => {}
            }
        }
        assert_eq!(
            leads,
            self.election.lease().map(|lease| lease.term),
            "leadership changed without an event"
        );
        assert_eq!(self.stored, self.due_to_be_stored(), "the durable state changed without `Persist`");
    }

    /// The state that has to be stored by now: the state in memory, with two exceptions. The node's vote
    /// for itself in the next term may be stored in advance (rule 4.10), and the membership version of a
    /// new leader may be stored later (rule 4.6).
    fn due_to_be_stored(&self) -> HardState<u64> {
        let election = &self.election;
        let mut held = HardState {
            cluster: election.cluster(),
            term: election.term(),
            voted_for: election.status().voted_for,
            membership: election.membership().clone(),
            // That it is committed may be known and not stored, and what was stored be of the version
            // before. What it promises is compared with what is stored in each answer.
            ..self.stored.clone()
        };
        if self.is_reserved(held.term) {
            (held.term, held.voted_for) = (self.stored.term, self.stored.voted_for);
        }
        if self.is_just_elected(held.membership.version()) {
            self.check_same_members(&held.membership);
            held.membership = self.stored.membership.clone();
        }
        held
    }

    fn check_same_members(&self, other: &Membership<u64>) {
        let stored = &self.stored.membership;
        assert_eq!((other.voters(), other.learners()), (stored.voters(), stored.learners()));
        assert_eq!((other.quorum(), other.limits()), (stored.quorum(), stored.limits()));
    }

    /// Whether `term` goes on although the next term is stored, with the node's vote for itself. Rule 4.10.
    fn is_reserved(&self, term: Term) -> bool {
        term.next() == Some(self.stored.term) && self.stored.voted_for == Some(1)
    }

    /// Whether `version` is that of the term in which the node was elected last, with the number of the
    /// version before it; or with the first number, after a recovery. Rule 4.6.
    fn is_just_elected(&self, version: MembershipVersion) -> bool {
        let stored = self.stored.membership.version();
        version.term == self.elected && version.number == stored.number.max(1) && version.term > stored.term
    }

    /// The vote of `term`, if it is stored. While a vote of the next term is reserved, the vote of the
    /// term that goes on was stored before it.
    fn vote_of(&self, term: Term) -> Option<u64> {
        let kept = self.is_reserved(term) && self.election.term() == term;
        let stored = self.stored.voted_for.filter(|_| self.stored.term == term);
        if kept { self.election.status().voted_for } else { stored }
    }

    fn check_term(&self, term: Term) {
        let stored = self.stored.term;
        assert!(
            term == stored || self.is_reserved(term),
            "a message of term {term} while term {stored} is stored"
        );
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

    /// Checks a leader's step from one membership to the next. Rules 8.1 and 8.2.
    fn check_step(&self, next: &HardState<u64>, leads: Option<Term>) {
        let (old, new) = (&self.stored.membership, &next.membership);
        let (was, is) = (old.version(), new.version());
        if leads.is_none() || leads != Some(is.term) || was == is {
            return;
        }
        if self.is_just_elected(is) {
            return self.check_same_members(new);
        }
        assert_eq!((is.term, is.number), (was.term, was.number + 1), "version numbers grow by one");
        let union = new.voters().iter().filter(|id| !old.is_voter(**id)).count() + old.voters().len();
        assert!(old.quorum() + new.quorum() > union, "quorums of {old:?} and {new:?} need not overlap");
        assert!(new.is_voter(1), "the leader does not vote in {new:?}");
        assert!(
            new.voters().iter().all(|id| old.contains(*id)),
            "a new voter was no member before: {old:?} {new:?}"
        );
    }

    /// Checks that whatever a message claims is durable by now.
    fn check_message(&self, to: u64, message: &Message<u64>, leads: Option<Term>) {
        let (header, body) = (&message.header(), &message.body());
        let stored = &self.stored;
        assert_eq!(header.cluster, CLUSTER);
        let is_stored = header.version == stored.membership.version();
        let asks = matches!(body, Body::RecoveryRequest | Body::BlankReply(_))
            && header.version == MembershipVersion::default();
        assert!(
            asks || is_stored || self.is_just_elected(header.version),
            "a version is sent before it is stored"
        );
        match body {
            Body::VoteReply(reply) => {
                self.check_term(header.term);
                if let (Phase::Real, Answer::Granted(length)) = (reply.phase, reply.answer) {
                    assert_eq!(self.vote_of(reply.request_term), Some(to), "the granted vote is not stored");
                    assert!(length.as_duration() <= stored.promised, "the granted promise is not stored");
                }
            }
            Body::HeartbeatReply(reply) => {
                self.check_term(header.term);
                if let Answer::Granted(length) = reply.answer {
                    assert!(is_stored, "the acknowledged membership is not stored");
                    let has_voted = stored.voted_for.is_some();
                    assert!(has_voted, "a leader was accepted while the vote was still free");
                    assert!(length.as_duration() <= stored.promised, "the granted promise is not stored");
                }
            }
            Body::RecoveryRequest => {}
            Body::BlankReply(reply) => {
                let blank = stored.blank.expect("only a node that has forgotten says so");
                assert_eq!(reply.pledge, blank.pledge, "a pledge is told before it is stored");
            }
            Body::RecoveryReply(_) => {
                assert!(stored.blank.is_none(), "a node that has forgotten tells what it holds");
                assert!(header.term <= stored.term);
            }
            Body::VoteRequest(request) => {
                self.check_term(header.term);
                if request.phase == Phase::Real {
                    assert_eq!(stored.voted_for, Some(1), "a candidate must have voted for itself");
                }
            }
            Body::Heartbeat(heartbeat) => {
                assert!(header.term <= stored.term);
                // A node asks for promises while it leads, and never after `SteppedDown`.
                assert!(heartbeat.promise == Nanos::ZERO || leads == Some(header.term), "{message:?}");
                assert!(
                    heartbeat.promise != Nanos::ZERO || leads.is_none(),
                    "a leader releases its followers before it has stepped down"
                );
            }
        }
    }

    fn check_state(&self) {
        let CheckedElection { election, now, .. } = self;
        match (election.role(), election.lease()) {
            (RoleKind::Leader, Some(lease)) => {
                assert!(lease.holds_at(*now), "the leader holds no valid lease");
                assert!(lease.term <= election.term());
                assert!(lease.until <= now.saturating_add(Timing::lan().promise_limit));
                assert_eq!(election.leader(), Some(Leader { id: 1, term: lease.term }));
            }
            (RoleKind::Leader, None) | (_, Some(_)) => unreachable!("exactly a leader has a lease"),
            (RoleKind::Candidate, None) => assert_eq!(election.status().voted_for, Some(1)),
            (RoleKind::Follower | RoleKind::PreCandidate | RoleKind::Recovering, None) => {}
        }
        let passive = election.role() == RoleKind::Follower;
        assert!(passive || election.deadline().is_some(), "an active role must have a deadline");
        let status = election.status();
        let longest = Timing::lan().promise_limit + Timing::lan().clock_resolution;
        assert!(status.promise.is_none_or(|promise| promise.remaining <= longest));
        assert!(status.quarantine_left <= longest);
    }
}

impl Drop for CheckedElection {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let members = self.election.membership().members();
            eprintln!(
                "node 1 of {members:?} failed at the last of {} actions: {:#?}",
                self.done.len(),
                self.done
            );
        }
    }
}

fn is_anomaly(output: &Output<u64>) -> bool {
    matches!(
        output,
        Output::Event(
            Event::ForeignCluster { .. }
                | Event::OtherLife { .. }
                | Event::MembershipConflict { .. }
                | Event::TwoLeaders { .. }
                | Event::TermTooFarAhead { .. }
                | Event::TooManyForming { .. }
        )
    )
}
