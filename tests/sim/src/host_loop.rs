//! The loop of a host. It keeps the contract of `Election`, and promises no more than the contract.

use std::time::Duration;

use quorate::message::{Body, Phase};
use quorate::{Force, HardState, Input, Lease, Memory, Output, RoleKind};

use crate::clock::Instant;
use crate::cluster::{Cluster, Outgoing, ScheduledEvent};
use crate::process::{INBOX, PendingFault, Process};
use crate::safety::ViolationKind;
use crate::trace;

/// More outputs than this for each member in one step are a violation.
const OUTPUTS_PER_MEMBER: usize = 16;
/// More membership changes than this without a request are a loop.
const STEPS: u32 = 64;
/// More ticks than this at one reading of the clock are a loop.
const TICKS_AT_ONCE: u32 = 16;

impl Cluster {
    pub(crate) fn handle(&mut self, event: ScheduledEvent) {
        match event {
            ScheduledEvent::Deliver { node, from, sent, message, number } => {
                let has_room = |process: &Process| process.inbox.len() < INBOX;
                if self.hosts[node].process.as_ref().is_some_and(has_room) {
                    self.tell(|timeline, now| timeline.receive(now, number));
                } else {
                    self.tell(|timeline, now| timeline.lose(now, number));
                }
                let Some(process) = &mut self.hosts[node].process else { return };
                self.evidence.arrive(node as u64 + 1, from, sent, &message);
                if process.inbox.len() < INBOX {
                    process.inbox.push_back(Input::Receive { from, message });
                }
                self.serve(node);
            }
            ScheduledEvent::Wake { node, process_number } => {
                if self.is_alive(node, process_number) {
                    let now = self.now;
                    if let Some(process) = &mut self.hosts[node].process {
                        process.wake = process.wake.filter(|&wake| wake > now);
                    }
                    self.serve(node);
                }
            }
            ScheduledEvent::Written { node, process_number } => {
                let host = &mut self.hosts[node];
                let alive = host.process_number == process_number;
                let state =
                    host.process.as_mut().filter(|_| alive).and_then(|process| process.writing.take());
                if let Some(state) = state {
                    self.store(node, state);
                    self.serve(node);
                }
            }
            ScheduledEvent::Thaw { node, process_number } => {
                if self.is_alive(node, process_number) {
                    self.thaw(node as u64 + 1);
                }
            }
            ScheduledEvent::Grow => self.grow(),
            ScheduledEvent::Copied { node, position } => self.copy(node, position),
            ScheduledEvent::Request { node, process_number, input } => {
                if self.is_alive(node, process_number) {
                    self.step(node as u64 + 1, input);
                }
            }
        }
    }

    fn is_alive(&self, node: usize, process_number: u32) -> bool {
        self.hosts[node].process_number == process_number && self.hosts[node].process.is_some()
    }

    /// Acts on outputs, ticks, and steps received inputs, until there is nothing to do or the process
    /// writes or is frozen.
    pub(crate) fn serve(&mut self, node: usize) {
        let mut ticks = 0;
        while self.violation.is_none() {
            let now = self.now;
            let Some(process) = self.hosts[node].process.as_mut().filter(|process| process.is_idle()) else {
                return;
            };
            if let Some(output) = process.pending.pop_front() {
                self.perform(node, output);
                continue;
            }
            let gap = process.publish(now);
            let (reading, since) = (process.clock.read(now), process.leads_since);
            let Some(process) = self.check_lease_gap(node, gap, since) else { return };
            let due = process.election.deadline().is_some_and(|deadline| deadline <= reading);
            let received = !process.inbox.is_empty();
            if process.ticked == 0 && (received || due) {
                process.ticked =
                    if process.style.burst { process.inbox.len() } else { process.inbox.len().min(1) };
                let separate = process.style.separate;
                ticks += u32::from(!received);
                let mut outputs = Vec::new();
                process.election.tick_into(reading, &mut outputs);
                self.tell_step(node, None, &outputs);
                self.show_memory(node, &mut outputs);
                self.check_grounds(node, None, &outputs);
                self.collect(node, None, outputs);
                if ticks > TICKS_AT_ONCE {
                    self.fail(ViolationKind::Unbounded, format!("node {} ticks without end", node + 1));
                }
                if separate || !received {
                    continue;
                }
            }
            if !self.step_next(node) {
                break;
            }
        }
        self.publish(node);
        self.set_alarm(node);
    }

    /// Steps the oldest input that was received before the last reading of the clock. Returns whether there
    /// was one.
    fn step_next(&mut self, node: usize) -> bool {
        let Some(process) = &mut self.hosts[node].process else { return false };
        if process.ticked == 0 {
            return false;
        }
        process.ticked -= 1;
        let Some(input) = process.inbox.pop_front() else { return false };
        let line = self.options.traced.then(|| trace::input(&input));
        let is_message = matches!(input, Input::Receive { .. });
        if let Input::Reconfigure { force, .. } = input {
            process.forced = force == Force::IfNeeded;
        }
        let mut outputs = Vec::new();
        process.election.step_into(input.clone(), &mut outputs);
        self.tell_step(node, Some(&input), &outputs);
        self.show_memory(node, &mut outputs);
        self.check_grounds(node, Some(&input), &outputs);
        if let Some(line) = line {
            self.log(node as u64 + 1, || line);
        }
        self.collect(node, Some(is_message), outputs);
        true
    }

    fn collect(&mut self, node: usize, is_message: Option<bool>, outputs: Vec<Output<u64>>) {
        if outputs.len() > OUTPUTS_PER_MEMBER * (self.hosts.len() + 1) {
            self.fail(ViolationKind::Unbounded, format!("{} outputs at once", outputs.len()));
        }
        let refused = outputs.iter().any(|output| matches!(output, Output::Rejected(_)));
        if refused && (is_message != Some(false) || outputs.len() > 1) {
            self.fail(ViolationKind::Nonsense, format!("node {}: {:?}", node + 1, outputs));
        }
        if let Some(process) = &mut self.hosts[node].process {
            process.pending.extend(outputs);
        }
    }

    /// Acts on one output, unless a pending fault strikes before it.
    fn perform(&mut self, node: usize, output: Output<u64>) {
        if self.strike_pending_fault(node, &output) {
            return;
        }
        let name = node as u64 + 1;
        if self.options.traced {
            let line = trace::output(&output);
            self.log(name, || line);
        }
        match output {
            Output::Persist(state) => self.write(node, state),
            Output::Send { to, message } => {
                let verdict = self.safety.sent(name, to, &message, &self.hosts[node].durable);
                self.judge(verdict);
                let verdict = self.check_candidacy(node, &message);
                self.judge(verdict);
                if self.evidence.record_attempt(name, to, &message, self.now) {
                    self.mark_turn(node);
                }
                self.send(node, to, message.clone());
                self.spring_trap(node, to, &message);
            }
            Output::Event(event) => self.on_event(node, event),
            Output::Rejected(reason) => {
                self.counts.refusals += 1;
                self.last_rejection = Some(reason);
            }
        }
    }

    fn strike_pending_fault(&mut self, node: usize, output: &Output<u64>) -> bool {
        let Some(process) = &mut self.hosts[node].process else { return true };
        let Some((left, fault)) = process.pending_fault else { return false };
        process.pending_fault = left.checked_sub(1).map(|left| (left, fault));
        if left > 0 {
            return false;
        }
        match fault {
            PendingFault::Forget { with_data, .. } if self.may_forget(node as u64 + 1) => {
                self.lose_disk(node as u64 + 1, with_data);
            }
            PendingFault::Crash | PendingFault::Forget { .. } => {
                self.crash(node as u64 + 1);
                return self.hosts[node].process.is_none();
            }
            PendingFault::Freeze(length) => {
                if let Some(process) = &mut self.hosts[node].process {
                    process.pending.push_front(output.clone());
                }
                let process_number = self.hosts[node].process_number;
                self.freeze(node as u64 + 1);
                self.schedule(self.now + length, ScheduledEvent::Thaw { node, process_number });
            }
        }
        true
    }

    fn write(&mut self, node: usize, state: HardState<u64>) {
        if self.hosts[node].config.memory == Memory::Volatile {
            return self.store(node, state);
        }
        if self.hosts[node].disk_is_full {
            self.liveness.mark_stalled(node, Instant::MAX / 4);
            if let Some(process) = &mut self.hosts[node].process {
                (process.writing, process.waits_for_room) = (Some(state), true);
            }
            return self.tell(|timeline, now| timeline.begin_write(now, node as u64 + 1));
        }
        let (length, stalls) = self.hosts[node].disk.unwrap_or(self.options.disk).draw(&mut self.dice);
        if stalls {
            self.liveness.mark_stalled(node, self.now + length);
            self.log(node as u64 + 1, || format!("STALL for {} ms", length / 1_000_000));
            self.note(Some(node as u64 + 1), || format!("its disk stalls for {} ms", length / 1_000_000));
        }
        self.tell(|timeline, now| timeline.begin_write(now, node as u64 + 1));
        if length == 0 {
            return self.store(node, state);
        }
        let process_number = self.hosts[node].process_number;
        if let Some(process) = &mut self.hosts[node].process {
            process.writing = Some(state);
            self.schedule(self.now + length, ScheduledEvent::Written { node, process_number });
        }
    }

    /// Makes `state` durable.
    pub(crate) fn store(&mut self, node: usize, state: HardState<u64>) {
        let lives = self.hosts[node].process.is_some();
        if lives && self.hosts[node].config.memory == Memory::Durable {
            self.tell(|timeline, now| timeline.finish_write(now, node as u64 + 1));
        }
        if !self.hosts[node].is_blank() && state.blank.is_some() {
            self.mark_forgotten(node);
        }
        let verdict = self.safety.durable(node as u64 + 1, &state);
        self.judge(verdict);
        if self.hosts[node].is_blank() && state.blank.is_none() {
            self.mark_back(node, state.life);
        }
        if self.hosts[node].durable.membership == state.membership {
            self.hosts[node].durable = state;
            return;
        }
        // If no node could lead until now, the time without a leader starts now.
        let leaderless = self.liveness.last_lease < self.now && self.options.lost_attempts.is_some();
        let could = !leaderless || self.can_have_a_leader();
        let host = &mut self.hosts[node];
        // A new leader gives its term to the membership and keeps the number, which is no step.
        let stepped = host.durable.membership.version().number != state.membership.version().number;
        let has_new_members = host.durable.membership.members() != state.membership.members();
        if has_new_members {
            host.members_changed = self.now;
            host.former = Some(host.durable.membership.clone());
            let forced = host.process.as_ref().is_some_and(|process| process.forced);
            host.forced = forced.then_some(self.now).or(host.forced);
        }
        host.was_member |= state.membership.contains(node as u64 + 1);
        if let Some(process) = &mut host.process {
            process.knows_removal &= !state.membership.contains(node as u64 + 1);
        }
        host.durable = state;
        if !could {
            self.liveness.mark_disturbed(self.now);
        }
        let leads = self.hosts[node].process.as_ref().is_some_and(|process| process.leads);
        if leads && has_new_members {
            self.mark_turn(node);
        }
        self.steps += u32::from(leads && stepped);
        if self.steps > STEPS {
            self.fail(ViolationKind::Unbounded, format!("node {} changes the members without end", node + 1));
        }
        let verdict = self.members.durable(&self.hosts);
        self.judge(verdict);
    }

    fn send(&mut self, node: usize, to: u64, message: quorate::Message<u64>) {
        self.counts.messages += 1;
        self.hosts[node].sent += 1;
        if let Body::VoteRequest(ask) = &message.body()
            && ask.phase == Phase::Real
            && message.header().term > self.asked
        {
            self.asked = message.header().term;
            self.counts.candidacies += 1;
        }
        let receiver = to as usize - 1;
        if receiver >= self.hosts.len() || receiver == node {
            return self.fail(ViolationKind::Nonsense, format!("node {} sends to {to}", node + 1));
        }
        let number = self.next_message();
        if self.outbox.is_some() {
            self.tell_sending(node, to, &message, None);
        }
        if let Some(outbox) = &mut self.outbox {
            return outbox.push(Outgoing { node, to, message, number });
        }
        self.remember_message(node, receiver, &message, number);
        let fate = self.net.fate(node, receiver, &mut self.dice);
        if !fate.is_prompt(&self.net.options) {
            self.liveness.mark_lost(node, receiver, self.now);
            if self.options.adversarial {
                self.liveness.mark_disturbed(self.now + fate.last());
            }
        }
        self.tell_sending(node, to, &message, Some(fate));
        for delay in fate.arrivals.into_iter().flatten() {
            let (from, message) = (node as u64 + 1, message.clone());
            let event = ScheduledEvent::Deliver { node: receiver, from, sent: self.now, message, number };
            self.schedule(self.now + delay, event);
        }
    }

    /// Publishes the lease to the workers, after the host has acted on all outputs so far.
    fn publish(&mut self, node: usize) {
        let Some(process) = self.hosts[node].process.as_mut().filter(|process| process.is_idle()) else {
            return;
        };
        let (gap, since) = (process.publish(self.now), process.leads_since);
        let Some(process) = self.check_lease_gap(node, gap, since) else { return };
        let leads = process.election.role() == RoleKind::Leader;
        if process.published.is_some() != leads {
            self.fail(ViolationKind::Nonsense, format!("node {}: the lease and the role disagree", node + 1));
        }
        if let Some(lease) = self.hosts[node].acts_under(self.now) {
            if let Some(process) = &mut self.hosts[node].process {
                process.leads_since.get_or_insert(self.now);
            }
            if !self.options.measures_overlaps {
                let verdict = self.safety.acts(node as u64 + 1, lease);
                self.judge(verdict);
            }
        }
    }

    /// Checks that the workers had a lease all the time, unless something has disturbed the leader or its
    /// voters. Returns the process, unless the run has ended.
    fn check_lease_gap(
        &mut self,
        node: usize,
        gap: Option<Lease>,
        since: Option<Instant>,
    ) -> Option<&mut Process> {
        if let (Some(lease), Some(since)) = (gap, since)
            && self.options.lost_attempts.is_some()
            && self.was_needless(node, since)
            && self.had_former_quorum(node)
        {
            let text = format!("{} leads on, and its host saw its lease end at {}", node + 1, lease.until);
            self.fail(ViolationKind::LeaseGap, text);
            return None;
        }
        self.hosts[node].process.as_mut()
    }

    /// Schedules a wake-up at the deadline, unless an earlier one is scheduled.
    fn set_alarm(&mut self, node: usize) {
        let (now, process_number) = (self.now, self.hosts[node].process_number);
        let late = self.dice.below(self.options.oversleep + 1);
        let Some(process) = self.hosts[node].process.as_mut().filter(|process| process.is_idle()) else {
            return;
        };
        let Some(deadline) = process.election.deadline() else { return };
        let at: Instant = process.clock.when(deadline, now);
        if process.wake.is_none_or(|wake| at < wake) && at < Instant::MAX / 4 {
            process.wake = Some(at);
            self.schedule(at + late, ScheduledEvent::Wake { node, process_number });
        }
    }

    pub(crate) fn judge(&mut self, verdict: Result<(), (ViolationKind, String)>) {
        if let Err((kind, text)) = verdict {
            self.fail(kind, text);
        }
    }

    /// Checks what must hold after every event.
    pub(crate) fn check(&mut self) {
        if self.options.measures_overlaps {
            self.measure_overlap();
        }
        let mut first = None;
        for host in &self.hosts {
            let Some(lease) = host.acts_under(self.now) else { continue };
            let holder = (host.config.id, lease);
            match first {
                None => first = Some(holder),
                Some(_) if self.options.measures_overlaps => {}
                Some(other) => {
                    let verdict = self.safety.holders(&[other, holder]);
                    return self.judge(verdict);
                }
            }
        }
        if first.is_some() {
            self.liveness.last_lease = self.now;
        } else if self.options.lost_attempts.is_some()
            && self.liveness.is_overdue(self.now)
            && self.can_have_a_leader()
        {
            let since = Duration::from_nanos(self.now - self.liveness.leaderless_since());
            self.fail(ViolationKind::Leaderless, format!("no node has led for {since:?}"));
        }
    }
}
