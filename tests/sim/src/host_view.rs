//! The events that hosts see, and the checks of these events.

use quorate::{
    Event, HardState, HowRecovered, Input, MembershipVersion, Memory, Output, RoleKind, StepDown, Term,
};

use crate::cluster::{Cluster, ScheduledEvent};
use crate::records::{LeadershipChange, MembershipEvent};
use crate::safety::ViolationKind;

impl Cluster {
    pub(crate) fn on_event(&mut self, node: usize, event: Event<u64>) {
        let name = node as u64 + 1;
        self.audit_news(node, &event);
        match event {
            Event::Elected { term } => self.on_elected(node, term),
            Event::SteppedDown { term, reason } => self.on_stepped_down(node, term, reason),
            Event::LeaderChanged { leader: Some(leader) } if leader.id != name => {
                let verdict = self.safety.follows(name, leader.id, leader.term);
                self.judge(verdict);
            }
            Event::Behind { position, .. } => self.catch_up(node, position),
            Event::MembershipChanged { version, committed } => {
                self.on_membership_changed(node, version, committed);
                self.record_event(node, event);
            }
            Event::TargetReached { .. } | Event::TargetAbandoned | Event::Removed => {
                self.on_reconfiguration_ended(node, &event);
                self.record_event(node, event);
            }
            Event::LeaveForgotten => self.record_event(node, event),
            Event::Recovered { how: HowRecovered::Founded, .. } => self.on_founded(node),
            Event::QuorumLost { .. } => {
                self.counts.quorums_lost += 1;
                self.hosts[node].has_lost_quorum = true;
            }
            Event::HandoverFailed { .. } => self.counts.failed_handovers += 1,
            // No node lies here, and no disk loses its data.
            Event::StateLost
            | Event::TwoProcesses { .. }
            | Event::TooManyForming { .. }
            | Event::MembershipConflict { .. }
            | Event::ForeignCluster { .. }
            | Event::TwoLeaders { .. }
            | Event::TermTooFarAhead { .. } => {
                self.fail(ViolationKind::Nonsense, format!("node {name} reports: {event}"));
            }
            _ => {}
        }
    }

    /// Ten long promises lie between two reports of trouble that lasts; of the node's own clock, which may be fast.
    fn audit_news(&mut self, node: usize, event: &Event<u64>) {
        let pause = 5 * self.hosts[node].config.timing.promise_limit.as_nanos() as u64;
        let now = self.now;
        let Some(process) = &mut self.hosts[node].process else { return };
        if let Some(fault) = process.news.check(event, now, pause) {
            self.fail(ViolationKind::Unbounded, format!("node {} {fault}: {event}", node + 1));
        }
    }

    /// The same for what the node at index `node` tells in reply to `input`, or to a tick.
    pub(crate) fn audit_step(&mut self, node: usize, input: Option<&Input<u64>>, outputs: &[Output<u64>]) {
        let pause = 5 * self.hosts[node].config.timing.promise_limit.as_nanos() as u64;
        let now = self.now;
        let Some(process) = &mut self.hosts[node].process else { return };
        input.into_iter().for_each(|input| process.news.record_input(input));
        let has_target = process.target.is_some();
        for output in outputs {
            let Output::Event(event) = output else { continue };
            let Some(process) = &mut self.hosts[node].process else { return };
            if let Some(fault) = process.news.check_step(event, now, pause, has_target) {
                self.fail(ViolationKind::Unbounded, format!("node {} {fault}: {event}", node + 1));
            }
        }
    }

    /// Rule 4.11: what a node sends that goes on asking for pre-votes.
    pub(crate) fn audit_requests(&mut self, node: usize, outputs: &[Output<u64>]) {
        let host = &mut self.hosts[node];
        let Some(process) = &mut host.process else { return };
        if process.election.role() != RoleKind::PreCandidate {
            return process.requests.reset();
        }
        let voters = process.election.membership().voters().len();
        if let Some(fault) = process.requests.check(outputs, voters, &host.config.timing) {
            self.fail(ViolationKind::Unbounded, format!("node {} sends {fault}", node + 1));
        }
    }

    fn record_event(&mut self, node: usize, event: Event<u64>) {
        self.membership_events.push(MembershipEvent { at: self.now, node: node as u64 + 1, event });
    }

    fn on_elected(&mut self, node: usize, term: Term) {
        let name = node as u64 + 1;
        let process = self.hosts[node].process.as_mut();
        let renewed = process.is_some_and(|process| std::mem::replace(&mut process.leads, true));
        let count = if renewed { &mut self.counts.renewals } else { &mut self.counts.elections };
        *count += 1;
        self.leadership_changes.push(LeadershipChange {
            at: self.now,
            node: name,
            term,
            elected: true,
            reason: None,
        });
        let verdict = self.safety.elected(name, term);
        self.judge(verdict);
        let verdict = {
            let HardState { life, membership, .. } = &self.hosts[node].durable;
            self.members.elected(name, term, *life, membership)
        };
        self.judge(verdict);
        self.check_committed_data(node, term);
        self.mark_turn(node);
    }

    /// Blank nodes found groups only where the group began so.
    fn on_founded(&mut self, node: usize) {
        self.counts.founded += 1;
        if !self.options.begins_blank() {
            let text = format!("node {} has founded a group beside one that was started otherwise", node + 1);
            self.fail(ViolationKind::Nonsense, text);
        }
    }

    fn on_stepped_down(&mut self, node: usize, term: Term, reason: StepDown<u64>) {
        let (name, at) = (node as u64 + 1, self.now);
        self.counts.step_downs += 1;
        self.leadership_changes.push(LeadershipChange {
            at,
            node: name,
            term,
            elected: false,
            reason: Some(reason),
        });
        let Some(process) = &mut self.hosts[node].process else { return };
        process.published = None;
        process.leads = false;
        // A leadership that ended before the host heard of it is no loss.
        let since = process.leads_since.take().filter(|_| self.options.lost_attempts.is_some());
        let requested = matches!(reason, StepDown::Resigned { .. });
        if !requested && since.is_some_and(|since| self.was_needless(node, since)) {
            self.fail(
                ViolationKind::NeedlessChange,
                format!("{name} stepped down from term {term}: {reason}"),
            );
        }
        if let Some(process) = &mut self.hosts[node].process {
            process.forced = false;
        }
    }

    fn on_membership_changed(&mut self, node: usize, version: MembershipVersion, committed: bool) {
        let (name, host) = (node as u64 + 1, &self.hosts[node]);
        let members = &host.durable.membership;
        if host.config.memory == Memory::Volatile && members.version() > version {
            // What a node without storage holds is seen once in a step, which may bring several versions.
            return;
        }
        if members.version() != version {
            let text = format!("{name} reports {version} and holds {}", members.version());
            return self.fail(ViolationKind::NotDurable, text);
        }
        if committed {
            let leads = host.process.as_ref().is_some_and(|process| process.leads);
            self.counts.commits += u64::from(leads);
            let verdict = self.members.committed(name, leads, host.durable.life, members, &self.hosts);
            self.judge(verdict);
        }
    }

    fn on_reconfiguration_ended(&mut self, node: usize, event: &Event<u64>) {
        let HardState { life, membership: members, .. } = &self.hosts[node].durable;
        let (name, life) = (node as u64 + 1, *life);
        let verdict = match *event {
            Event::Removed => {
                self.counts.removals += 1;
                self.members.removed(name, life, members)
            }
            Event::TargetReached { version } => {
                self.counts.targets += 1;
                let known = self.members.is_committed(life, version) && members.version() == version;
                let text = format!("{name} reports that it has reached {version}, and holds {members:?}");
                if known { Ok(()) } else { Err((ViolationKind::NotCommitted, text)) }
            }
            _ => Ok(()),
        };
        self.judge(verdict);
        if let Some(process) = &mut self.hosts[node].process {
            process.forced = false;
            process.knows_removal |= *event == Event::Removed;
        }
    }

    fn catch_up(&mut self, node: usize, position: quorate::Position) {
        let Some(delay) = self.options.catch_up else { return };
        let host = &mut self.hosts[node];
        host.config.position = host.config.position.max(position);
        let event = ScheduledEvent::Request {
            node,
            process_number: host.process_number,
            input: Input::SetPosition(host.config.position),
        };
        self.schedule(self.now + delay, event);
    }
}
