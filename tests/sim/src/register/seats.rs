//! Processes that contend for a seat, and share nothing but a register.

use quorate::adapters::register::{Outcome, Reads, Seat, SeatConfig, SeatStep, Tag, create_seat};
use quorate::{ClusterId, Event, Lease, Term};

use super::calls::{Arrival, CallPlan};
use super::profile::{Profile, RegisterOutcome};
use super::store::{Refusal, Store};
use crate::clock::{Clock, Instant, MS, SECOND};
use crate::harness::EventQueue;
use crate::rng::Dice;
use crate::safety::{Safety, Violation};
use crate::trace::Trace;

/// A run of contenders under the calls of a profile, which a seed determines.
#[derive(Clone, Copy, Debug)]
pub struct SeatScenario {
    /// The seed.
    pub seed: u64,
    /// What is slow, and what fails.
    pub profile: Profile,
    /// How many processes there are.
    pub contenders: usize,
    /// Virtual seconds.
    pub seconds: u64,
}

impl SeatScenario {
    /// Runs it.
    #[must_use]
    pub fn outcome(self, traced: bool) -> RegisterOutcome {
        let mut world = Contest::new(self, traced);
        let end = self.seconds * SECOND;
        while world.now < end && world.violation.is_none() {
            let until = world.now + world.dice.below(10 * SECOND);
            world.run_until(until.min(end));
            world.disturb();
        }
        RegisterOutcome { violation: world.violation, lines: world.trace.lines().to_vec(), ..world.outcome }
    }

    /// The command that shows this run again.
    #[must_use]
    pub fn replay(&self) -> String {
        let SeatScenario { seed, profile, contenders, seconds } = self;
        format!(
            "cargo run -p quorate-sim --release -- register --only \"{profile}\" --contenders {contenders} --seed {seed} --seeds 1 --seconds {seconds} --trace"
        )
    }
}

struct Contest {
    now: Instant,
    scenario: SeatScenario,
    dice: Dice,
    machines: Vec<Machine>,
    store: Store,
    is_register_down: bool,
    queue: EventQueue<Scheduled>,
    safety: Safety,
    violation: Option<Violation>,
    outcome: RegisterOutcome,
    had_leader: bool,
    trace: Trace,
}

struct Machine {
    process: Option<Process>,
    processes: u32,
    remembered: u64,
    reaches_register: bool,
}

struct Process {
    seat: Seat<u64>,
    clock: Clock,
    is_frozen: bool,
    call: u64,
    wake: Instant,
}

/// What is meant for one process of a machine.
struct Scheduled {
    machine: usize,
    process: u32,
    what: What,
}

enum What {
    Wake,
    Arrive { call: u64, request: Option<(Tag, Vec<u8>)>, back: Option<u64>, told: Option<Outcome> },
    Return { call: u64, outcome: Outcome },
    Thaw,
    Restart,
}

impl Contest {
    fn new(scenario: SeatScenario, traced: bool) -> Self {
        let machine = || Machine { process: None, processes: 0, remembered: 0, reaches_register: true };
        let mut contest = Contest {
            now: 0,
            dice: Dice::new(scenario.seed),
            machines: (0..scenario.contenders).map(|_| machine()).collect(),
            store: Store::new(create_seat(ClusterId(7))),
            is_register_down: false,
            queue: EventQueue::new(),
            safety: Safety::default(),
            violation: None,
            outcome: RegisterOutcome::default(),
            had_leader: false,
            trace: Trace::new(traced),
            scenario,
        };
        (0..scenario.contenders).for_each(|machine| contest.start(machine));
        contest
    }

    fn schedule(&mut self, after: u64, machine: usize, what: What) {
        let process = self.machines[machine].processes;
        self.queue.schedule(self.now + after, Scheduled { machine, process, what });
    }

    fn start(&mut self, machine: usize) {
        let profile = &self.scenario.profile;
        let config = SeatConfig {
            length: 4 * profile.timing.promise,
            look: profile.timing.promise,
            clock_drift_ppm: profile.timing.clock_drift_ppm,
            reads: if profile.staleness > 0 { Reads::MayBeStale } else { Reads::Fresh },
            known_sequence: self.machines[machine].remembered,
            ..SeatConfig::new(machine as u64, ClusterId(7))
        };
        let clock = Clock::start(self.now, profile.drift, profile.timing.clock_drift_ppm, &mut self.dice);
        let seat = Seat::new(config, &mut self.dice.generator()).expect("a valid contender");
        self.machines[machine].processes += 1;
        let process = Process { seat, clock, is_frozen: false, call: 0, wake: Instant::MAX };
        self.machines[machine].process = Some(process);
        self.drive(machine, |_, _| {});
    }

    fn run_until(&mut self, end: Instant) {
        while self.violation.is_none()
            && let Some((at, event)) = self.queue.pop_until(end)
        {
            if self.had_leader {
                self.outcome.led += at - self.now;
            }
            self.now = at;
            self.outcome.events += 1;
            self.handle(event);
            self.check();
        }
        self.now = self.now.max(end);
    }

    fn disturb(&mut self) {
        let machine = self.dice.below(self.machines.len() as u64) as usize;
        match self.dice.below(9) {
            0 | 1 => {
                self.machines[machine].process = None;
                let back = 10 * MS + self.dice.below(8 * SECOND);
                self.schedule(back, machine, What::Restart);
            }
            2 | 3 => {
                if let Some(process) = &mut self.machines[machine].process {
                    process.is_frozen = true;
                    let length = self.dice.below(8 * SECOND);
                    self.schedule(length, machine, What::Thaw);
                }
            }
            4 | 5 => self.machines[machine].reaches_register = false,
            6 => self.is_register_down = true,
            7 => {
                let now = self.now;
                self.drive(machine, |process, steps| process.seat.resign(process.clock.read(now), steps));
            }
            _ => {
                self.is_register_down = false;
                self.machines.iter_mut().for_each(|machine| machine.reaches_register = true);
            }
        }
    }

    fn handle(&mut self, Scheduled { machine, process, what }: Scheduled) {
        let is_its_own = process == self.machines[machine].processes;
        match (what, &mut self.machines[machine].process) {
            (What::Arrive { call, request, back, told }, _) => {
                let outcome = self.arrive(request);
                if let Some(back) = back {
                    let what = What::Return { call, outcome: told.unwrap_or(outcome) };
                    self.queue.schedule(self.now + back, Scheduled { machine, process, what });
                }
            }
            (What::Restart, None) => self.start(machine),
            (_, None) => {}
            _ if !is_its_own => {}
            (What::Thaw, Some(running)) => {
                running.is_frozen = false;
                self.drive(machine, |_, _| {});
            }
            (what, Some(running)) if running.is_frozen => self.schedule(10 * MS, machine, what),
            (What::Wake, Some(running)) => {
                running.wake = Instant::MAX;
                self.drive(machine, |_, _| {});
            }
            (What::Return { call, outcome }, Some(running)) if running.call == call => {
                running.call += 1;
                let now = self.now;
                self.drive(machine, |process, steps| {
                    process.seat.complete(outcome, process.clock.read(now), steps);
                });
            }
            (What::Return { .. } | What::Restart, Some(_)) => {}
        }
    }

    fn arrive(&mut self, request: Option<(Tag, Vec<u8>)>) -> Outcome {
        let profile = &self.scenario.profile;
        let Some((tag, bytes)) = request else {
            let (tag, bytes) = self.store.read(self.now, profile.staleness, &mut self.dice);
            return Outcome::Found { tag, bytes };
        };
        match self.store.swap(self.now, profile.throttle, &tag, bytes) {
            Ok(tag) => Outcome::Swapped(tag),
            Err(Refusal::OtherTag) => Outcome::Refused,
            Err(Refusal::Throttled) => Outcome::Failed,
        }
    }

    fn drive(&mut self, machine: usize, act: impl FnOnce(&mut Process, &mut Vec<SeatStep<u64>>)) {
        let now = self.now;
        let Some(mut process) = self.machines[machine].process.take() else { return };
        let mut steps = Vec::new();
        if !process.is_frozen {
            process.seat.tick(process.clock.read(now), &mut steps);
            act(&mut process, &mut steps);
        }
        for step in steps {
            match step {
                SeatStep::Read => self.call(machine, &process, None),
                SeatStep::Swap { tag, bytes } => self.call(machine, &process, Some((tag, bytes))),
                SeatStep::Remember(sequence) => self.machines[machine].remembered = sequence,
                SeatStep::Event(event) => self.on_event(machine, &event),
                SeatStep::Silent(reason) => self.trace.log(now, || format!("n{machine} silent: {reason:?}")),
            }
        }
        let wake = process.clock.when(process.seat.deadline(), now);
        if wake < process.wake {
            process.wake = wake;
            self.schedule(wake - now, machine, What::Wake);
        }
        self.machines[machine].process = Some(process);
    }

    fn on_event(&mut self, machine: usize, event: &Event<u64>) {
        self.trace.log(self.now, || format!("n{machine} ** {event}"));
        if let Event::Elected { term } = event {
            self.outcome.elections += 1;
            self.judge_elected(machine, *term);
        }
    }

    fn judge_elected(&mut self, machine: usize, term: Term) {
        let verdict = self.safety.elected(machine as u64, term);
        self.judge(verdict);
    }

    fn judge(&mut self, verdict: crate::safety::Verdict) {
        if let Err((kind, text)) = verdict {
            self.trace.log(self.now, || format!("!!!! {kind:?}: {text}"));
            self.violation.get_or_insert(Violation { at: self.now, kind, text });
        }
    }

    fn check(&mut self) {
        let now = self.now;
        let holder = |(id, machine): (usize, &Machine)| {
            let process = machine.process.as_ref()?;
            let lease = process.seat.lease().filter(|lease| lease.holds_at(process.clock.read(now)))?;
            Some((id as u64, lease))
        };
        let holders: Vec<(u64, Lease)> = self.machines.iter().enumerate().filter_map(holder).collect();
        self.had_leader = !holders.is_empty();
        let verdict = self.safety.holders(&holders);
        self.judge(verdict);
        if let [(id, lease)] = holders[..] {
            let verdict = self.safety.acts(id, lease);
            self.judge(verdict);
        }
    }

    fn call(&mut self, machine: usize, process: &Process, request: Option<(Tag, Vec<u8>)>) {
        let (call, is_swap) = (process.call, request.is_some());
        let calls = &mut self.outcome.calls;
        if is_swap {
            calls.1 += 1
        } else {
            calls.0 += 1
        }
        let is_reachable = self.machines[machine].reaches_register && !self.is_register_down;
        let plan = CallPlan::draw(&self.scenario.profile, is_reachable, is_swap, &mut self.dice);
        if let Some(Arrival { after, back, told }) = plan.arrival {
            self.schedule(after, machine, What::Arrive { call, request, back, told });
        }
        if let Some((after, outcome)) = plan.end {
            self.schedule(after, machine, What::Return { call, outcome });
        }
    }
}
