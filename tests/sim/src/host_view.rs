//! What a host makes of the news, and what must be true of it.

use quorate::{Event, Input, MembershipVersion, StepDown, Term};

use crate::cluster::{Change, Cluster, News, What};
use crate::safety::Kind;

impl Cluster {
    pub(crate) fn host_view(&mut self, node: usize, event: Event<u64>) {
        let name = node as u64 + 1;
        match event {
            Event::Elected { term } => self.learn_elected(node, term),
            Event::SteppedDown { term, reason } => self.learn_stepped_down(node, term, reason),
            Event::LeaderChanged { leader: Some((leader, term)) } if leader != name => {
                let verdict = self.safety.follows(name, leader, term);
                self.judge(verdict);
            }
            Event::Behind { position, .. } => self.catch_up(node, position),
            Event::MembershipChanged { version, committed } => {
                self.learn_membership(node, version, committed);
                self.keep(node, event);
            }
            Event::TargetReached { .. } | Event::TargetAbandoned | Event::Removed => {
                self.learn_arrival(node, &event);
                self.keep(node, event);
            }
            // Nobody lies here, and no disk forgets.
            Event::StateLost
            | Event::TooManyForming { .. }
            | Event::MembershipConflict { .. }
            | Event::ForeignCluster { .. }
            | Event::TwoLeaders { .. }
            | Event::TermTooFarAhead { .. } => {
                self.fail(Kind::Nonsense, format!("node {name} says {event:?}"));
            }
            _ => {}
        }
    }

    fn keep(&mut self, node: usize, event: Event<u64>) {
        self.changes.push(Change { at: self.now, node: node as u64 + 1, event });
    }

    fn learn_elected(&mut self, node: usize, term: Term) {
        let name = node as u64 + 1;
        let process = self.hosts[node].process.as_mut();
        let renewed = process.is_some_and(|process| std::mem::replace(&mut process.leads, true));
        let count = if renewed { &mut self.counts.renewals } else { &mut self.counts.elections };
        *count += 1;
        self.news.push(News { at: self.now, node: name, term, elected: true, reason: None });
        let verdict = self.safety.elected(name, term);
        self.judge(verdict);
        let verdict = self.members.elected(name, term, &self.hosts[node].durable.membership);
        self.judge(verdict);
    }

    fn learn_stepped_down(&mut self, node: usize, term: Term, reason: StepDown<u64>) {
        let (name, at) = (node as u64 + 1, self.now);
        self.counts.step_downs += 1;
        self.news.push(News { at, node: name, term, elected: false, reason: Some(reason) });
        let Some(process) = &mut self.hosts[node].process else { return };
        process.published = None;
        process.leads = false;
        // News of leadership that was over before the host heard of it is no loss.
        let since = process.leads_since.take().filter(|_| self.options.patience.is_some());
        let wanted = matches!(reason, StepDown::Resigned { .. });
        if !wanted && since.is_some_and(|since| self.was_needless(node, since)) {
            self.fail(Kind::NeedlessChange, format!("{name} stepped down in term {term}: {reason:?}"));
        }
        if let Some(process) = &mut self.hosts[node].process {
            process.forced = false;
        }
    }

    fn learn_membership(&mut self, node: usize, version: MembershipVersion, committed: bool) {
        let (name, host) = (node as u64 + 1, &self.hosts[node]);
        let members = &host.durable.membership;
        if members.version() != version {
            let text = format!("{name} speaks of {version} and holds {}", members.version());
            return self.fail(Kind::NotDurable, text);
        }
        if committed {
            let leads = host.process.as_ref().is_some_and(|process| process.leads);
            self.counts.commits += u64::from(leads);
            let verdict = self.members.committed(name, leads, members);
            self.judge(verdict);
        }
    }

    fn learn_arrival(&mut self, node: usize, event: &Event<u64>) {
        let (name, members) = (node as u64 + 1, &self.hosts[node].durable.membership);
        let verdict = match *event {
            Event::Removed => {
                self.counts.removals += 1;
                self.members.removed(name, members)
            }
            Event::TargetReached { version } => {
                self.counts.targets += 1;
                let known = self.members.is_committed(version) && members.version() == version;
                let text = format!("{name} has reached {version}, but {members:?} is there");
                if known { Ok(()) } else { Err((Kind::NotCommitted, text)) }
            }
            _ => Ok(()),
        };
        self.judge(verdict);
        if let Some(process) = &mut self.hosts[node].process {
            process.forced = false;
            process.told |= *event == Event::Removed;
        }
    }

    fn catch_up(&mut self, node: usize, position: quorate::Position) {
        let Some(delay) = self.options.catch_up else { return };
        let host = &mut self.hosts[node];
        host.config.position = host.config.position.max(position);
        let what = What::Wish { node, life: host.life, input: Input::SetPosition(host.config.position) };
        self.schedule(self.now + delay, what);
    }
}
