//! An agent, and a register that a test holds in its hands.

use std::time::Duration;

use quorate::adapters::register::{
    self, Agent, AgentConfig, Inspection, Outcome, RegisterEvent, Silence, Step, Tag, Use,
};
use quorate::message::{
    Answer, Body, Claim, Header, Heartbeat, HeartbeatReply, Order, Phase, Round, VoteReply, VoteRequest,
};
use quorate::{
    ClusterId, Config, Election, HardState, Life, MembershipVersion, Message, Nanos, Position, Term,
    Timestamp, Timing,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

pub(crate) type Id = u64;
/// The machines, and the voter in the register.
pub(crate) const A: Id = 1;
pub(crate) const B: Id = 2;
pub(crate) const R: Id = 9;
pub(crate) const CLUSTER: ClusterId = ClusterId(7);
/// The longest promise, in milliseconds.
pub(crate) const LIMIT: u64 = 3_600;

pub(crate) fn first() -> HardState<Id> {
    HardState::bootstrap(CLUSTER, [A, B, R]).unwrap()
}

pub(crate) fn at(millis: u64) -> Timestamp {
    Duration::from_millis(millis).into()
}

/// The register: what it holds, and the tag of that.
pub(crate) struct Register {
    pub(crate) bytes: Vec<u8>,
    pub(crate) tag: u64,
}

impl Register {
    /// As the operator creates it.
    pub(crate) fn new() -> Self {
        Register { bytes: register::create(&first(), R).unwrap(), tag: 1 }
    }

    /// Signed by the agents of both machines, which have stopped since.
    pub(crate) fn signed() -> Self {
        let mut register = Register::new();
        for node in [A, B] {
            let mut machine = Machine::new(node);
            let steps = machine.tick(0);
            machine.carry_out(steps, &mut register, 0);
        }
        assert_eq!(register.inspect().signatures, [A, B]);
        register
    }

    pub(crate) fn inspect(&self) -> Inspection<Id> {
        register::inspect(&self.bytes).unwrap()
    }

    pub(crate) fn found(&self) -> Outcome {
        Outcome::Found { tag: Tag::from(self.tag), bytes: self.bytes.clone() }
    }

    /// Carries a swap out.
    pub(crate) fn swap(&mut self, tag: &Tag, bytes: Vec<u8>) -> Outcome {
        if *tag != Tag::from(self.tag) {
            return Outcome::Refused;
        }
        (self.tag, self.bytes) = (self.tag + 1, bytes);
        Outcome::Swapped(Tag::from(self.tag))
    }
}

/// A machine: an agent, and a node of which only the messages to the register matter.
pub(crate) struct Machine {
    pub(crate) node: Election<Id, ChaCha8Rng>,
    pub(crate) agent: Agent<Id>,
    pub(crate) events: Vec<RegisterEvent<Id>>,
    round: u64,
}

/// What an agent has said to its node.
pub(crate) type Said = Vec<Message<Id>>;

impl Machine {
    pub(crate) fn new(id: Id) -> Self {
        Machine::with(AgentConfig::new(id, R, CLUSTER, Use::Always { look: Duration::from_secs(1) }))
    }

    pub(crate) fn with(config: AgentConfig<Id>) -> Self {
        let id = config.node;
        let timing = config.timing;
        let rng = |seed| ChaCha8Rng::seed_from_u64(seed + id);
        let node = Election::new(Config { timing, ..Config::new(id) }, first(), at(0), rng(10)).unwrap();
        Machine { node, agent: Agent::new(config, &mut rng(20)).unwrap(), events: Vec::new(), round: 0 }
    }

    /// Has the node lead, by its own vote alone, at `now`.
    pub(crate) fn lead(&mut self, now: u64) {
        let (id, rng) = (self.node.id(), ChaCha8Rng::seed_from_u64(1));
        let config = Config { timing: Timing::wan(), ..Config::new(id) };
        let alone = HardState::bootstrap(CLUSTER, [id]).unwrap();
        self.node = Election::new(config, alone, at(now - 1_000), rng).unwrap();
        while self.node.lease().is_none_or(|lease| !lease.holds_at(at(now))) {
            let due = self.node.deadline().unwrap();
            let _ = self.node.tick(due);
        }
    }

    fn header(&mut self, term: u64, now: u64) -> Header {
        self.round += 1;
        Header {
            cluster: CLUSTER,
            life: first().life,
            term: Term(term),
            version: MembershipVersion { term: Term(0), number: 1 },
            committed: false,
            round: Round(self.round),
            sent_at: at(now),
        }
    }

    /// A request for the vote of that term, or for a pre-vote.
    pub(crate) fn request(&mut self, phase: Phase, term: u64, now: u64) -> Message<Id> {
        let promise = if phase == Phase::Pre { Nanos::ZERO } else { Duration::from_millis(LIMIT).into() };
        let body = VoteRequest {
            phase,
            claim: Claim::Own,
            promise,
            position: Position::default(),
            membership: None,
        };
        Message::new(self.header(term, now), Body::VoteRequest(body))
    }

    pub(crate) fn heartbeat(&mut self, term: u64, promise: u64, now: u64) -> Message<Id> {
        let promise = Duration::from_millis(promise).into();
        let (rank, order, inherited, membership) = (None, Order::Follow, None, None);
        let body = Heartbeat { promise, rank, order, inherited, membership };
        Message::new(self.header(term, now), Body::Heartbeat(body))
    }

    /// The question of a node that has forgotten.
    pub(crate) fn recovery_request(&mut self, now: u64) -> Message<Id> {
        let header =
            Header { life: Life::NONE, version: MembershipVersion::default(), ..self.header(0, now) };
        Message::new(header, Body::RecoveryRequest)
    }

    pub(crate) fn ask(&mut self, message: Message<Id>, now: u64) -> Vec<Step<Id>> {
        let mut steps = Vec::new();
        self.agent.ask(&self.node, message, at(now), &mut steps);
        steps
    }

    pub(crate) fn tick(&mut self, now: u64) -> Vec<Step<Id>> {
        let mut steps = Vec::new();
        self.agent.tick(&self.node, at(now), &mut steps);
        steps
    }

    pub(crate) fn complete(&mut self, outcome: Outcome, now: u64) -> Vec<Step<Id>> {
        let mut steps = Vec::new();
        self.agent.complete(outcome, at(now), &mut steps);
        steps
    }

    /// Carries out steps on a register whose calls take no time. Returns what the agent says.
    pub(crate) fn carry_out(&mut self, steps: Vec<Step<Id>>, register: &mut Register, now: u64) -> Said {
        let (mut said, mut steps) = (Vec::new(), std::collections::VecDeque::from(steps));
        while let Some(step) = steps.pop_front() {
            let outcome = match step {
                Step::Read => register.found(),
                Step::Swap { tag, bytes } => register.swap(&tag, bytes),
                Step::Deliver(message) => {
                    said.push(message);
                    continue;
                }
                Step::Event(event) => {
                    self.events.push(event);
                    continue;
                }
                Step::Remember(_) => continue,
            };
            steps.extend(self.complete(outcome, now));
        }
        said
    }

    /// Asks, on a register whose calls take no time.
    pub(crate) fn answer(&mut self, message: Message<Id>, register: &mut Register, now: u64) -> Said {
        let steps = self.ask(message, now);
        self.carry_out(steps, register, now)
    }

    /// Why the voter is silent now.
    pub(crate) fn silence(&self) -> Option<Silence<Id>> {
        self.agent.status().silence
    }
}

/// The answer to the one request that was asked.
pub(crate) fn answer_of(said: &[Message<Id>]) -> Answer<Id> {
    let [message] = said else { panic!("no answer: {said:?}") };
    match message.body() {
        Body::VoteReply(VoteReply { answer, .. }) | Body::HeartbeatReply(HeartbeatReply { answer, .. }) => {
            answer
        }
        other => panic!("no answer: {other:?}"),
    }
}

pub(crate) fn is_granted(said: &[Message<Id>]) -> bool {
    matches!(answer_of(said), Answer::Granted(_))
}

/// The swap among these steps.
pub(crate) fn swap_in(steps: &[Step<Id>]) -> (Tag, Vec<u8>) {
    let swap = |step: &Step<Id>| match step {
        Step::Swap { tag, bytes } => Some((tag.clone(), bytes.clone())),
        _ => None,
    };
    steps.iter().find_map(swap).unwrap_or_else(|| panic!("no swap: {steps:?}"))
}

pub(crate) fn says_anything(steps: &[Step<Id>]) -> bool {
    steps.iter().any(|step| matches!(step, Step::Deliver(_)))
}
