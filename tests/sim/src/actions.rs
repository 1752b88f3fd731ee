//! What a test may do to a cluster.

use std::time::Duration;

use quorate::{Election, Input, Position, Priority};

use crate::clock::Clock;
use crate::cluster::{Cluster, place};
use crate::disk::DiskOptions;
use crate::harness;
use crate::host::{Ambush, Habit, Process};
use crate::rng::Ppm;
use crate::trace;

impl Cluster {
    /// The process of `node` dies. What it was writing is lost, or is not.
    pub fn crash(&mut self, node: u64) {
        let at = place(node);
        let Some(process) = self.hosts[at].process.take() else { return };
        let survives = self.dice.chance(500_000);
        self.note(node, || {
            if process.writing.is_some() && survives { "CRASH, written" } else { "CRASH" }.into()
        });
        self.liveness.unwell(at, self.now);
        self.liveness.disturbed(self.now);
        if let Some(state) = process.writing.filter(|_| survives) {
            self.store(at, state);
        }
        self.check();
    }

    /// The process of `node` dies, or freezes, after it has acted on `outputs` more.
    pub fn ambush(&mut self, node: u64, outputs: u32, freeze: Option<Duration>) {
        let mishap = freeze.map_or(Ambush::Crash, |length| Ambush::Freeze(length.as_nanos() as u64));
        if let Some(process) = &mut self.hosts[place(node)].process {
            process.ambush = Some((outputs, mishap));
        }
    }

    /// No mishap waits for any node any more.
    pub(crate) fn spare_all(&mut self) {
        for process in self.hosts.iter_mut().filter_map(|host| host.process.as_mut()) {
            process.ambush = None;
        }
    }

    /// A new process of `node` starts from what is durable, unless one runs.
    ///
    /// # Panics
    /// If what is durable is refused.
    pub fn restart(&mut self, node: u64) {
        let at = place(node);
        if self.hosts[at].process.is_some() {
            return;
        }
        let clock =
            Clock::start(self.now, self.options.drift, self.options.timing.clock_drift_ppm, &mut self.dice);
        let habit = Habit {
            separate: self.dice.chance(500_000),
            burst: self.dice.chance(500_000),
            hoards: self.dice.chance(500_000),
        };
        let generator = self.dice.generator();
        let host = &mut self.hosts[at];
        host.life += 1;
        let reading = clock.read(self.now);
        let election = Election::new(host.config, host.durable.clone(), reading, generator)
            .expect("what was stored is lawful");
        host.process = Some(Process {
            election,
            clock,
            pending: Default::default(),
            inbox: Default::default(),
            ticked: 0,
            writing: None,
            frozen: false,
            published: None,
            wake: None,
            ambush: None,
            leads: false,
            leads_since: None,
            habit,
            forced: false,
            told: false,
        });
        let text = format!("START {}", trace::hard_state(&host.durable));
        self.note(node, || text);
        self.liveness.recovered(at, self.now);
        self.liveness.disturbed(self.now);
        self.serve(at);
        self.check();
    }

    /// The process of `node` does nothing until it is thawed, and does not notice.
    pub fn freeze(&mut self, node: u64) {
        let at = place(node);
        if let Some(process) = &mut self.hosts[at].process {
            process.frozen = true;
            self.note(node, || "FREEZE".into());
            self.liveness.unwell(at, self.now);
            self.liveness.disturbed(self.now);
        }
    }

    /// The process of `node` goes on where it was.
    pub fn thaw(&mut self, node: u64) {
        let at = place(node);
        if let Some(process) = self.hosts[at].process.as_mut().filter(|process| process.frozen) {
            process.frozen = false;
            self.note(node, || "THAW".into());
            self.liveness.recovered(at, self.now);
            self.liveness.disturbed(self.now);
            self.serve(at);
            self.check();
        }
    }

    /// No message passes between `a` and `b`.
    pub fn cut(&mut self, a: u64, b: u64) {
        self.cut_one_way(a, b);
        self.cut_one_way(b, a);
    }

    /// No message passes from `from` to `to`.
    pub fn cut_one_way(&mut self, from: u64, to: u64) {
        self.link(from, to, false);
    }

    /// Opens or cuts the link from `from` to `to`.
    pub fn link(&mut self, from: u64, to: u64, up: bool) {
        if self.net.links.is_up(place(from), place(to)) != up && from != to {
            self.net.links.set(place(from), place(to), up);
            self.liveness.lost(place(from), place(to), self.now);
            self.liveness.disturbed(self.now);
            self.note(from, || format!("{} to {to}", if up { "MEND" } else { "CUT" }));
        }
    }

    /// Only links between the pairs listed are up, both ways.
    pub fn connect_only(&mut self, pairs: &[(u64, u64)]) {
        for (a, b) in self.pairs() {
            self.link(a, b, pairs.contains(&(a, b)) || pairs.contains(&(b, a)));
        }
    }

    /// All links are up again.
    pub fn heal(&mut self) {
        harness::heal(self);
    }

    /// The host of `node` wishes for something, or a message reaches it.
    pub fn step(&mut self, node: u64, input: Input<u64>) {
        let at = place(node);
        self.steps = 0;
        if let Some(process) = &mut self.hosts[at].process {
            process.inbox.push_back(input);
            self.serve(at);
            self.check();
        }
    }

    /// The data of `node` reach that far from now on. The host knows that across a crash.
    pub fn set_position(&mut self, node: u64, position: Position) {
        self.hosts[place(node)].config.position = position;
        self.liveness.disturbed(self.now);
        self.step(node, Input::SetPosition(position));
    }

    /// `node` wants to lead that much from now on.
    pub fn set_priority(&mut self, node: u64, priority: Priority) {
        self.hosts[place(node)].config.priority = priority;
        self.liveness.disturbed(self.now);
        self.step(node, Input::SetPriority(priority));
    }

    /// From now on messages are lost so often.
    pub fn set_loss(&mut self, loss: Ppm) {
        self.net.options.loss = loss;
        self.liveness.disturbed(self.now);
    }

    /// Writes are like that from now on.
    pub fn set_disk(&mut self, disk: DiskOptions) {
        self.options.disk = disk;
    }
}
