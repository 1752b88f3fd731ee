//! The actions of a test on a cluster: crashes, cut links, requests to hosts.

use std::time::Duration;

use quorate::{Election, Input, Memory, Position, Priority, Term, Timing};

use crate::clock::{Clock, SECOND};
use crate::cluster::{Cluster, ScheduledEvent, index_of};
use crate::disk::DiskOptions;
use crate::harness;
use crate::net::NetOptions;
use crate::process::{HostStyle, PendingFault, Process};
use crate::rng::Ppm;
use crate::trace;

impl Cluster {
    /// Kills the process of `node`. A write under way may become durable or not. A node without storage loses its state,
    /// and its process is spared if the others could not bring it back.
    pub fn crash(&mut self, node: u64) {
        match self.options.memory(node) {
            Memory::Durable => self.kill(node),
            Memory::Volatile if self.may_forget(node) => {
                let with_data = self.dice.chance(500_000);
                self.lose_disk(node, with_data);
            }
            Memory::Volatile => {}
        }
    }

    /// Kills the process of `node`. A write under way may become durable or not.
    pub(crate) fn kill(&mut self, node: u64) {
        let at = index_of(node);
        let Some(process) = self.hosts[at].process.take() else { return };
        let survives = self.dice.chance(500_000) && !process.waits_for_room;
        self.log(node, || {
            if process.writing.is_some() && survives { "CRASH, written" } else { "CRASH" }.into()
        });
        self.tell(|timeline, now| timeline.end(now, node));
        self.liveness.mark_down(at, self.now);
        self.liveness.mark_disturbed(self.now);
        self.evidence.end_process(node, self.now);
        if let Some(state) = process.writing.filter(|_| survives) {
            self.store(at, state);
        }
        self.check();
    }

    /// Makes the process of `node` crash, or freeze for that long, after it has acted on `outputs` more
    /// outputs.
    pub fn fail_after_outputs(&mut self, node: u64, outputs: u32, freeze: Option<Duration>) {
        let fault =
            freeze.map_or(PendingFault::Crash, |length| PendingFault::Freeze(length.as_nanos() as u64));
        if let Some(process) = &mut self.hosts[index_of(node)].process {
            process.pending_fault = Some((outputs, fault));
        }
    }

    /// Makes the disk of `node` be lost in a crash, after its process has acted on `outputs` more outputs.
    pub(crate) fn forget_after_outputs(&mut self, node: u64, outputs: u32, with_data: bool) {
        if let Some(process) = &mut self.hosts[index_of(node)].process {
            process.pending_fault = Some((outputs, PendingFault::Forget { with_data, trap: false }));
        }
    }

    /// Makes the disk of `node` be lost in a crash just after its next promise.
    pub(crate) fn set_trap(&mut self, node: u64, with_data: bool) {
        if let Some(process) = &mut self.hosts[index_of(node)].process {
            process.pending_fault = Some((u32::MAX, PendingFault::Forget { with_data, trap: true }));
        }
    }

    /// Removes all pending faults.
    pub(crate) fn cancel_pending_faults(&mut self) {
        for process in self.hosts.iter_mut().filter_map(|host| host.process.as_mut()) {
            process.pending_fault = None;
        }
    }

    /// Starts a process of `node` from its durable state, unless one runs.
    ///
    /// # Panics
    /// If the durable state is refused.
    pub fn restart(&mut self, node: u64) {
        let at = index_of(node);
        if self.hosts[at].process.is_some() {
            return;
        }
        let clock = self.start_clock(at);
        let style = HostStyle {
            separate: self.dice.chance(500_000),
            burst: self.dice.chance(500_000),
            keeps_longest_lease: self.dice.chance(500_000),
        };
        let generator = self.dice.generator();
        let host = &mut self.hosts[at];
        host.process_number += 1;
        host.started = self.now;
        let reading = clock.read(self.now);
        let election = Election::new(host.config, host.durable.clone(), reading, generator)
            .expect("a stored state is valid");
        host.process = Some(Process {
            election,
            clock,
            pending: Default::default(),
            inbox: Default::default(),
            ticked: 0,
            writing: None,
            waits_for_room: false,
            frozen: false,
            published: None,
            wake: None,
            pending_fault: None,
            leads: false,
            leads_since: None,
            style,
            forced: false,
            knows_removal: false,
            news: Default::default(),
            requests: Default::default(),
            started: self.now,
            campaigned: Term(0),
            target: None,
            members: host.durable.membership.clone(),
        });
        let text = format!("START {}", trace::hard_state(&host.durable));
        self.log(node, || text);
        self.tell_start(at);
        if !self.hosts[at].is_blank() {
            self.liveness.mark_up(at, self.now);
        }
        self.liveness.mark_disturbed(self.now);
        self.mark_turn(at);
        self.serve(at);
        self.check();
    }

    /// The clock of a new process at index `at`, of a tick that the node declares.
    fn start_clock(&mut self, at: usize) -> Clock {
        let drift_ppm = self.options.least_drift_ppm();
        let clock = Clock::start(self.now, self.options.drift, drift_ppm, &mut self.dice);
        let declared = self.hosts[at].config.timing.clock_resolution;
        if !self.options.timings.is_empty() {
            let tick = self.dice.pick(&[1, declared.as_nanos() as u64]);
            return clock.counting(tick);
        }
        if self.options.tick <= 1 {
            return clock;
        }
        let longest = self.options.tick;
        let tick = self.dice.pick(&[longest, longest, longest / 3, 1]);
        let declared = self.options.timing.clock_resolution;
        let finest = Timing::lan().clock_resolution;
        self.hosts[at].config.timing.clock_resolution = if declared < Duration::from_nanos(longest) {
            declared
        } else {
            finest.max(Duration::from_nanos(tick))
        };
        clock.counting(tick)
    }

    /// Freezes the process of `node`: it does nothing until it is thawed, and does not notice.
    pub fn freeze(&mut self, node: u64) {
        let at = index_of(node);
        if let Some(process) = &mut self.hosts[at].process {
            process.frozen = true;
            self.log(node, || "FREEZE".into());
            self.tell(|timeline, now| timeline.freeze(now, node));
            self.liveness.mark_down(at, self.now);
            self.liveness.mark_disturbed(self.now);
        }
    }

    /// Thaws the process of `node`, which goes on where it was.
    pub fn thaw(&mut self, node: u64) {
        let at = index_of(node);
        if let Some(process) = self.hosts[at].process.as_mut().filter(|process| process.frozen) {
            process.frozen = false;
            self.log(node, || "THAW".into());
            self.tell(|timeline, now| timeline.thaw(now, node));
            if !self.hosts[at].is_blank() {
                self.liveness.mark_up(at, self.now);
            }
            self.liveness.mark_disturbed(self.now);
            self.serve(at);
            self.check();
        }
    }

    /// Cuts the link between `a` and `b` in both directions.
    pub fn cut(&mut self, a: u64, b: u64) {
        self.cut_one_way(a, b);
        self.cut_one_way(b, a);
    }

    /// Cuts the link from `from` to `to`.
    pub fn cut_one_way(&mut self, from: u64, to: u64) {
        self.link(from, to, false);
    }

    /// Opens or cuts the link from `from` to `to`.
    pub fn link(&mut self, from: u64, to: u64, up: bool) {
        if self.net.links.is_up(index_of(from), index_of(to)) != up && from != to {
            self.net.links.set(index_of(from), index_of(to), up);
            self.liveness.mark_lost(index_of(from), index_of(to), self.now);
            self.liveness.mark_disturbed(self.now);
            self.log(from, || format!("{} to {to}", if up { "MEND" } else { "CUT" }));
            self.tell(|timeline, now| timeline.set_link(now, from, to, up));
        }
    }

    /// Opens the links between the listed pairs in both directions, and cuts all others.
    pub fn connect_only(&mut self, pairs: &[(u64, u64)]) {
        for (a, b) in self.pairs() {
            self.link(a, b, pairs.contains(&(a, b)) || pairs.contains(&(b, a)));
        }
    }

    /// Opens all links.
    pub fn heal(&mut self) {
        harness::heal(self);
    }

    /// Gives an input to the host of `node`: a request or a message.
    pub fn step(&mut self, node: u64, input: Input<u64>) {
        let at = index_of(node);
        self.steps = 0;
        if let Some(process) = &mut self.hosts[at].process {
            process.inbox.push_back(input);
            self.serve(at);
            self.check();
        }
    }

    /// Sets how far the data of `node` reach. The position survives a crash.
    pub fn set_position(&mut self, node: u64, position: Position) {
        self.hosts[index_of(node)].config.position = position;
        self.liveness.mark_disturbed(self.now);
        self.step(node, Input::SetPosition(position));
    }

    /// Sets the priority of `node`. The priority survives a crash.
    pub fn set_priority(&mut self, node: u64, priority: Priority) {
        self.hosts[index_of(node)].config.priority = priority;
        self.liveness.mark_disturbed(self.now);
        self.step(node, Input::SetPriority(priority));
    }

    /// Sets how often messages are lost.
    pub fn set_loss(&mut self, loss: Ppm) {
        self.net.options.loss = loss;
        self.note(None, || format!("of a million messages {loss} are lost from now on"));
        self.liveness.mark_disturbed(self.now);
    }

    /// Sets how slow writes are.
    pub fn set_disk(&mut self, disk: DiskOptions) {
        self.options.disk = disk;
    }

    /// Makes the network as good or bad as this from now on.
    pub fn set_net(&mut self, net: NetOptions) {
        self.net.options = net;
        self.liveness.mark_disturbed(self.now);
    }

    /// How good the network is now.
    #[must_use]
    pub fn net(&self) -> NetOptions {
        self.net.options
    }

    /// Fills the disk of `node`: no write ends that begins from now on, before there is room again.
    pub fn fill_disk(&mut self, node: u64) {
        self.hosts[index_of(node)].disk_is_full = true;
    }

    /// Makes room on the disk of `node`. A write that has waited for it ends now.
    pub fn empty_disk(&mut self, node: u64) {
        let at = index_of(node);
        let host = &mut self.hosts[at];
        host.disk_is_full = false;
        let process_number = host.process_number;
        if host.process.as_mut().is_some_and(|process| std::mem::take(&mut process.waits_for_room)) {
            self.liveness.mark_disturbed(self.now);
            self.schedule(self.now, ScheduledEvent::Written { node: at, process_number });
        }
    }

    /// Whether the disk of `node` is full.
    #[must_use]
    pub fn is_disk_full(&self, node: u64) -> bool {
        self.hosts[index_of(node)].disk_is_full
    }

    /// Has the clock of `node` run fast by that many millionths from now on, or slow if that is below zero. A later process
    /// has a clock of its own.
    pub fn set_clock_rate(&mut self, node: u64, ppm: i32) {
        let rate = (SECOND as i64 + i64::from(ppm) * 1_000).max(1) as u64;
        self.change_clock(node, |clock, now| clock.slew(now, rate));
    }

    /// How many millionths a clock may be fast or slow so that no two clocks differ by more than is declared.
    #[must_use]
    pub fn clock_bound_ppm(&self) -> u32 {
        let declared = u64::from(self.options.least_drift_ppm());
        (declared * 1_000_000 / (2_000_000 + declared)) as u32
    }

    /// Gives `node` a disk of its own.
    pub fn set_disk_of(&mut self, node: u64, disk: DiskOptions) {
        self.hosts[index_of(node)].disk = Some(disk);
    }
}
