//! The machines and the register in virtual time, and what is checked after each event.

use std::collections::{BTreeMap, VecDeque};

use quorate::adapters::register::{self, Agent, AgentConfig, Inspection, Outcome, RegisterEvent, Step, Tag};
use quorate::{
    ClusterId, Config, Election, Event, HardState, Input, Lease, Membership, MembershipVersion, Message,
    Output, Term,
};

use super::calls::{Arrival, CallPlan};
use super::machine::{Machine, Process};
use super::profile::{Profile, RegisterOutcome};
use super::store::{Refusal, Store};
use crate::clock::{Clock, Instant, MS, SECOND};
use crate::harness::{EventQueue, Links};
use crate::rng::Dice;
use crate::safety::{Safety, Violation, ViolationKind};
use crate::trace::Trace;

#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) now: Instant,
    pub(super) profile: Profile,
    pub(super) dice: Dice,
    pub(super) machines: Vec<Machine>,
    /// One, or by mistake one for each machine.
    stores: Vec<Store>,
    pub(super) links: Links,
    pub(super) is_register_down: bool,
    queue: EventQueue<Scheduled>,
    pub(super) safety: Safety,
    /// The memberships that leaders have reported as committed.
    committed: BTreeMap<MembershipVersion, Membership<u64>>,
    pub(super) violation: Option<Violation>,
    pub(super) outcome: RegisterOutcome,
    had_leader: bool,
    trace: Trace,
}

#[derive(Clone, Debug)]
pub(super) enum Scheduled {
    Wake {
        machine: usize,
        process: u32,
    },
    Deliver {
        machine: usize,
        from: u64,
        message: Message<u64>,
    },
    /// A call reaches the store. Its outcome is reported after `back`, if at all, and as `told`, if that is given.
    Arrive {
        machine: usize,
        process: u32,
        call: u64,
        request: Request,
        back: Option<u64>,
        told: Option<Outcome>,
    },
    Return {
        machine: usize,
        process: u32,
        call: u64,
        outcome: Outcome,
    },
    Thaw {
        machine: usize,
        process: u32,
    },
    Restart {
        machine: usize,
    },
    CutFromRegister {
        machine: usize,
        process: u32,
    },
}

#[derive(Clone, Debug)]
pub(super) enum Request {
    Read,
    Swap { tag: Tag, bytes: Vec<u8> },
}

impl World {
    pub(super) fn new(seed: u64, profile: Profile, traced: bool) -> Self {
        let mut dice = Dice::new(seed);
        let voter = profile.machines + 1;
        let first = HardState::bootstrap(ClusterId(7), 1..=voter).expect("a valid group");
        let bytes = register::create(&first, voter).expect("a first state");
        let stores = if profile.has_two_registers { profile.machines } else { 1 };
        let machine = |id| Machine {
            id,
            durable: first.clone(),
            remembered: 0,
            process: None,
            processes: 0,
            reaches_register: true,
        };
        let mut world = World {
            now: 0,
            machines: (1..=profile.machines).map(machine).collect(),
            stores: vec![Store::new(bytes); stores as usize],
            links: Links::new(profile.machines as usize),
            is_register_down: false,
            queue: EventQueue::new(),
            safety: Safety::default(),
            committed: BTreeMap::new(),
            violation: None,
            outcome: RegisterOutcome::default(),
            had_leader: false,
            trace: Trace::new(traced),
            dice: dice.clone(),
            profile,
        };
        world.dice = Dice::new(dice.below(u64::MAX));
        (0..world.machines.len()).for_each(|machine| world.start(machine));
        world
    }

    pub(super) fn into_outcome(self) -> RegisterOutcome {
        RegisterOutcome { violation: self.violation, lines: self.trace.lines().to_vec(), ..self.outcome }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.violation.is_some()
    }

    pub(super) fn voter(&self) -> u64 {
        self.profile.machines + 1
    }

    pub(super) fn log(&mut self, text: impl FnOnce() -> String) {
        self.trace.log(self.now, text);
    }

    pub(super) fn schedule(&mut self, after: u64, event: Scheduled) {
        self.queue.schedule(self.now + after, event);
    }

    /// Lets time pass.
    pub(super) fn run_until(&mut self, end: Instant) {
        while self.violation.is_none()
            && let Some((at, event)) = self.queue.pop_until(end)
        {
            self.advance(at);
            self.outcome.events += 1;
            self.handle(event);
            self.check();
        }
        self.advance(end);
    }

    fn advance(&mut self, to: Instant) {
        let passed = to.saturating_sub(self.now);
        self.outcome.led += if self.had_leader { passed } else { 0 };
        self.now += passed;
    }

    /// The machine whose workers may act now.
    pub(super) fn leader(&self) -> Option<usize> {
        let acts =
            |machine: &Machine| machine.process.as_ref().is_some_and(|it| it.acts_under(self.now).is_some());
        self.machines.iter().position(acts)
    }

    fn fail(&mut self, (kind, text): (ViolationKind, String)) {
        self.log(|| format!("!!!! {kind:?}: {text}"));
        self.violation.get_or_insert(Violation { at: self.now, kind, text });
    }

    fn judge(&mut self, verdict: Result<(), (ViolationKind, String)>) {
        if let Err(violation) = verdict {
            self.fail(violation);
        }
    }

    /// Checks that one machine leads at most, and notes whether one does.
    pub(super) fn check(&mut self) {
        let holder = |machine: &Machine| Some((machine.id, machine.process.as_ref()?.acts_under(self.now)?));
        let holders: Vec<(u64, Lease)> = self.machines.iter().filter_map(holder).collect();
        self.had_leader = !holders.is_empty();
        let verdict = self.safety.holders(&holders);
        self.judge(verdict);
        if let [(id, lease)] = holders[..] {
            let verdict = self.safety.acts(id, lease);
            self.judge(verdict);
        }
    }

    /// Starts the process of a machine.
    pub(super) fn start(&mut self, index: usize) {
        let (profile, voter) = (self.profile, self.voter());
        let machine = &mut self.machines[index];
        if machine.process.is_some() {
            return;
        }
        let timing = profile.timing;
        let clock = Clock::start(self.now, profile.drift, timing.clock_drift_ppm, &mut self.dice);
        let (config, now) = (Config { timing, ..Config::new(machine.id) }, clock.read(self.now));
        let settings = AgentConfig {
            timing,
            reads: profile.reads(),
            known_sequence: machine.remembered,
            ..AgentConfig::new(machine.id, voter, ClusterId(7), profile.usage())
        };
        let election = Election::new(config, machine.durable.clone(), now, self.dice.generator());
        let agent = Agent::new(settings, &mut self.dice.generator()).expect("a valid agent");
        let mut election = election.expect("a valid start");
        election.expect_register_voter();
        machine.processes += 1;
        machine.process =
            Some(Process { election, agent, clock, is_frozen: false, call: 0, wake: Instant::MAX });
        self.log(|| format!("n{} starts", index + 1));
        self.drive(index, |_, _, _| {});
    }

    fn handle(&mut self, event: Scheduled) {
        let (machine, process) = match &event {
            Scheduled::Wake { machine, process }
            | Scheduled::Thaw { machine, process }
            | Scheduled::CutFromRegister { machine, process }
            | Scheduled::Return { machine, process, .. } => (*machine, Some(*process)),
            Scheduled::Deliver { machine, .. } | Scheduled::Restart { machine } => (*machine, None),
            Scheduled::Arrive { machine, process, call, request, back, told } => {
                let returning = (*machine, *process, *call);
                return self.arrive(returning, request.clone(), *back, told.clone());
            }
        };
        let is_its_own = process.is_none_or(|process| process == self.machines[machine].processes);
        match (event, &mut self.machines[machine].process) {
            (Scheduled::Restart { .. }, _) => self.start(machine),
            (_, None) => {}
            _ if !is_its_own => {}
            (Scheduled::Thaw { .. }, Some(running)) => {
                running.is_frozen = false;
                self.drive(machine, |_, _, _| {});
            }
            (Scheduled::CutFromRegister { .. }, _) => {
                self.log(|| format!("n{} is cut from the register", machine + 1));
                self.machines[machine].reaches_register = false;
            }
            // What reaches a process that is frozen waits until it goes on.
            (event, Some(running)) if running.is_frozen => self.schedule(10 * MS, event),
            (Scheduled::Wake { .. }, Some(running)) => {
                running.wake = Instant::MAX;
                self.drive(machine, |_, _, _| {});
            }
            (Scheduled::Deliver { from, message, .. }, Some(_)) => {
                self.drive(machine, |process, _, outputs| {
                    outputs.extend(process.election.step(Input::Receive { from, message }));
                });
            }
            (Scheduled::Return { call, outcome, .. }, Some(running)) if running.call == call => {
                running.call += 1;
                self.log(|| format!("n{} register: {}", machine + 1, show_outcome(&outcome)));
                self.drive(machine, |process, steps, _| {
                    let now = process.election.status().now;
                    process.agent.complete(outcome, now, steps);
                });
            }
            (Scheduled::Return { .. } | Scheduled::Arrive { .. }, Some(_)) => {}
        }
    }

    /// Steps the election of a machine with a command.
    pub(super) fn command(&mut self, index: usize, input: Input<u64>) {
        if self.machines[index].process.as_ref().is_some_and(|process| !process.is_frozen) {
            self.log(|| format!("n{} is told {input:?}", index + 1));
            self.drive(index, |process, _, outputs| outputs.extend(process.election.step(input)));
        }
    }

    /// Ticks a process, lets `act` do something with it, and carries out all that follows, in order.
    fn drive(
        &mut self,
        index: usize,
        act: impl FnOnce(&mut Process, &mut Vec<Step<u64>>, &mut Vec<Output<u64>>),
    ) {
        let (now, voter) = (self.now, self.voter());
        let Some(mut process) = self.machines[index].process.take() else { return };
        let reading = process.clock.read(now);
        let (mut steps, mut outputs) = (Vec::new(), process.election.tick(reading));
        act(&mut process, &mut steps, &mut outputs);
        process.agent.tick(&process.election, reading, &mut steps);
        let (mut steps, mut outputs) = (VecDeque::from(steps), VecDeque::from(outputs));
        loop {
            if let Some(output) = outputs.pop_front() {
                match output {
                    Output::Send { to, message } if to == voter => {
                        let mut asked = Vec::new();
                        process.agent.ask(&process.election, message, reading, &mut asked);
                        steps.extend(asked);
                    }
                    other => self.carry_out(index, &process, other),
                }
            } else if let Some(step) = steps.pop_front() {
                match step {
                    Step::Deliver(message) => {
                        self.check_word(index, &message);
                        outputs.extend(process.election.step(Input::Receive { from: voter, message }));
                    }
                    Step::Remember(sequence) => self.machines[index].remembered = sequence,
                    Step::Read => self.call(index, &mut process, Request::Read),
                    Step::Swap { tag, bytes } => self.call(index, &mut process, Request::Swap { tag, bytes }),
                    Step::Event(event) => self.note(index, &event),
                }
            } else {
                break;
            }
        }
        let wake = process.due(now);
        let running = self.machines[index].processes;
        if wake < process.wake {
            process.wake = wake;
            self.queue.schedule(wake, Scheduled::Wake { machine: index, process: running });
        }
        self.machines[index].process = Some(process);
    }

    fn note(&mut self, index: usize, event: &RegisterEvent<u64>) {
        self.log(|| format!("n{} agent: {event:?}", index + 1));
    }

    fn carry_out(&mut self, index: usize, process: &Process, output: Output<u64>) {
        let id = self.machines[index].id;
        self.log(|| format!("n{id} {}", crate::trace::output(&output)));
        match output {
            Output::Persist(state) => {
                let verdict = self.safety.durable(id, &state);
                self.judge(verdict);
                self.machines[index].durable = state;
            }
            Output::Send { to, message } => {
                let verdict = self.safety.sent(id, to, &message, &self.machines[index].durable);
                self.judge(verdict);
                let receiver = to as usize - 1;
                if self.links.is_up(index, receiver) && !self.dice.chance(self.profile.lost) {
                    let delay = self.dice.between(self.profile.delay);
                    self.schedule(delay, Scheduled::Deliver { machine: receiver, from: id, message });
                }
            }
            Output::Event(event) => self.on_event(index, process, &event),
            Output::Rejected(_) => {}
        }
    }

    fn on_event(&mut self, index: usize, process: &Process, event: &Event<u64>) {
        let id = self.machines[index].id;
        match event {
            Event::Elected { term } => {
                self.outcome.elections += 1;
                let verdict = self.safety.elected(id, *term);
                self.judge(verdict);
                self.check_membership(*term, process.election.membership());
                if self.profile.hunts {
                    let (machine, process) = (index, self.machines[index].processes);
                    let within = self.dice.below(4 * SECOND);
                    self.schedule(within, Scheduled::CutFromRegister { machine, process });
                }
            }
            Event::LeaderChanged { leader: Some(leader) } => {
                let verdict = self.safety.follows(id, leader.id, leader.term);
                self.judge(verdict);
            }
            Event::MembershipChanged { version, committed: true } => {
                let membership =
                    Some(process.election.membership()).filter(|held| held.version() == *version);
                self.committed.extend(membership.map(|held| (*version, held.clone())));
            }
            Event::TargetReached { .. } => self.outcome.targets += 1,
            Event::TwoLeaders { .. } | Event::StateLost | Event::MembershipConflict { .. } => {
                self.fail((ViolationKind::Nonsense, format!("{id} reports {event}")));
            }
            _ => {}
        }
    }

    /// S4: the leader of a term has the newest membership that was committed in an earlier one, or a later one.
    fn check_membership(&mut self, term: Term, led: &Membership<u64>) {
        let before = self.committed.range(..MembershipVersion { term, number: 0 }).next_back();
        if let Some((committed, _)) = before.filter(|(version, _)| version.number > led.version().number) {
            let text =
                format!("the leader of term {term} has {}, and {committed} was committed", led.version());
            self.fail((ViolationKind::MembershipLost, text));
        }
    }

    /// What the voter of the register says has to be what the register holds.
    fn check_word(&mut self, index: usize, message: &Message<u64>) {
        let (voter, to) = (self.key_of_voter(index), self.machines[index].id);
        self.log(|| format!("n{to} <- register {message}"));
        let Some(held) = self.inspect(index) else { return };
        let verdict = self.safety.sent(voter, to, message, &held.state);
        self.judge(verdict);
    }

    fn store_of(&self, index: usize) -> usize {
        if self.profile.has_two_registers { index } else { 0 }
    }

    /// The name under which the word of the register's voter is checked: two registers have two voters of one id.
    fn key_of_voter(&self, index: usize) -> u64 {
        self.voter() + 1_000 * self.store_of(index) as u64
    }

    fn inspect(&self, index: usize) -> Option<Inspection<u64>> {
        register::inspect(self.stores[self.store_of(index)].held()).ok()
    }

    /// Puts an earlier copy of the register back.
    pub(super) fn roll_back(&mut self) {
        self.log(|| "an earlier copy of the register is put back".into());
        self.stores[0].roll_back(self.now, &mut self.dice);
    }

    /// Sends a call on its way, and decides what becomes of it.
    fn call(&mut self, index: usize, process: &mut Process, request: Request) {
        let (machine, number, call) = (index, self.machines[index].processes, process.call);
        let is_swap = matches!(request, Request::Swap { .. });
        let calls = &mut self.outcome.calls;
        if is_swap {
            calls.1 += 1
        } else {
            calls.0 += 1
        }
        let is_reachable = self.machines[index].reaches_register && !self.is_register_down;
        let CallPlan { arrival, end } = CallPlan::draw(&self.profile, is_reachable, is_swap, &mut self.dice);
        if let Some(Arrival { after, back, told }) = arrival {
            self.schedule(after, Scheduled::Arrive { machine, process: number, call, request, back, told });
        }
        if let Some((after, outcome)) = end {
            self.schedule(after, Scheduled::Return { machine, process: number, call, outcome });
        }
    }

    /// A call reaches the store.
    fn arrive(
        &mut self,
        (machine, process, call): (usize, u32, u64),
        request: Request,
        back: Option<u64>,
        told: Option<Outcome>,
    ) {
        let (now, profile, store) = (self.now, self.profile, self.store_of(machine));
        let outcome = match request {
            Request::Read => {
                let (tag, bytes) = self.stores[store].read(now, profile.staleness, &mut self.dice);
                Outcome::Found { tag, bytes }
            }
            Request::Swap { tag, bytes } => {
                match self.stores[store].swap(now, profile.throttle, &tag, bytes) {
                    Ok(tag) => {
                        self.check_content(machine);
                        Outcome::Swapped(tag)
                    }
                    Err(Refusal::OtherTag) => Outcome::Refused,
                    Err(Refusal::Throttled) => Outcome::Failed,
                }
            }
        };
        if let Some(back) = back {
            let outcome = told.unwrap_or(outcome);
            self.schedule(back, Scheduled::Return { machine, process, call, outcome });
        }
    }

    /// S1 and S3 of the voter: its terms never run backwards, and its votes never change.
    fn check_content(&mut self, machine: usize) {
        let Some(held) = self.inspect(machine) else {
            return self.fail((ViolationKind::Nonsense, "an agent has written what cannot be read".into()));
        };
        self.log(|| {
            let promised = held.promised;
            format!(
                "     register {} holds {} promised {promised:?}",
                held.sequence,
                crate::trace::hard_state(&held.state)
            )
        });
        let verdict = self.safety.durable(self.key_of_voter(machine), &held.state);
        self.judge(verdict);
    }
}

fn show_outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Found { bytes, .. } => {
            let sequence = register::inspect::<u64>(bytes).map(|held| held.sequence);
            format!("found {sequence:?}")
        }
        other => format!("{other:?}"),
    }
}
