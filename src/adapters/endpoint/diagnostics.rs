//! Says what keeps a node from its work: after a few seconds, and again at growing intervals.

use core::time::Duration;
use std::prelude::rust_2024::*;

use rand_core::TryCryptoRng;

use super::{DatagramCounters, Endpoint, NodeView};
use crate::diagnosis::{Condition, Diagnosis, Health, Problem};
use crate::event::Event;
use crate::message::Denial;
use crate::types::{NodeId, Timestamp};

/// How long a diagnosis is not said again after the first time. Each time doubles it, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// How often a node that something is wrong with is looked at.
const REVIEW_EVERY: Duration = Duration::from_secs(1);

/// What a node shows of itself, the symptoms so far, and what was said.
pub(super) struct Diagnostics<I> {
    facts: Option<Facts<I>>,
    silent: Vec<I>,
    /// The leader, and until when the node followed it as of the last step. A leader that hands over is replaced before.
    following: Option<(I, Timestamp)>,
    episode: Option<Episode>,
    /// One for each problem.
    said: Vec<Said>,
}

/// What the node showed last.
struct Facts<I> {
    condition: Condition,
    last_denial: Option<Denial<I>>,
}

/// A stretch of time in which something was wrong.
struct Episode {
    since: Timestamp,
    /// The counters when it began.
    before: DatagramCounters,
    next_review: Timestamp,
}

struct Said {
    problem: Problem,
    quiet_until: Timestamp,
    pause: Duration,
}

/// What was counted in an episode.
struct Symptoms {
    received: u64,
    unreadable: u64,
    from_own_id: u64,
    foreign: u64,
    misdirected: u64,
}

impl<I: NodeId> Diagnostics<I> {
    pub(super) fn new() -> Self {
        Diagnostics { facts: None, silent: Vec::new(), following: None, episode: None, said: Vec::new() }
    }

    /// Takes what the node shows after a step.
    fn observe(&mut self, health: &Health<I>, counters: impl FnOnce() -> DatagramCounters) {
        if health.condition == Condition::Well {
            self.episode = None;
        } else if self.episode.is_none() {
            let next_review = health.now.saturating_add(health.grace);
            self.episode = Some(Episode { since: health.now, before: counters(), next_review });
        }
        self.silent.clear();
        self.silent.extend_from_slice(&health.silent);
        self.facts = Some(Facts { condition: health.condition, last_denial: health.last_denial });
    }

    /// When to [`review`](Self::review) the node.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.episode.as_ref().map(|episode| episode.next_review)
    }

    /// What is wrong, if it is time to say so.
    fn review(
        &mut self,
        now: Timestamp,
        counters: impl FnOnce() -> DatagramCounters,
    ) -> Option<Diagnosis<I>> {
        let facts = self.facts.as_ref()?;
        let episode = self.episode.as_mut().filter(|episode| now >= episode.next_review)?;
        episode.next_review = now.saturating_add(REVIEW_EVERY);
        let symptoms = Symptoms::between(&episode.before, &counters());
        let problem = facts.problem(&symptoms)?;
        let lasted = now.saturating_duration_since(episode.since);
        let (silent, unreadable) = (self.silent.clone(), symptoms.unreadable);
        let diagnosis = Diagnosis { silent, unreadable, ..Diagnosis::new(problem, lasted) };
        self.pace(problem, now).then_some(diagnosis)
    }

    /// Takes note that `problem` is said, and returns whether it may be. A problem that comes back after a pause
    /// in which it could have been said is as good as new.
    fn pace(&mut self, problem: Problem, now: Timestamp) -> bool {
        let Some(said) = self.said.iter_mut().find(|said| said.problem == problem) else {
            let quiet_until = now.saturating_add(FIRST_PAUSE);
            self.said.push(Said { problem, quiet_until, pause: FIRST_PAUSE });
            return true;
        };
        if now < said.quiet_until {
            return false;
        }
        let has_passed = now.saturating_duration_since(said.quiet_until) > said.pause;
        let longer = said.pause.saturating_mul(2).min(LONGEST_PAUSE);
        said.pause = if has_passed { FIRST_PAUSE } else { longer };
        said.quiet_until = now.saturating_add(said.pause);
        true
    }
}

impl<I> Facts<I> {
    /// The problem that explains the symptoms best: what only an operator can mend comes first.
    fn problem(&self, symptoms: &Symptoms) -> Option<Problem> {
        let quorum_reachable = match self.condition {
            Condition::Well => return None,
            Condition::StateLost => return Some(Problem::StateLost),
            Condition::MembersSilent => return Some(Problem::SilentMembers),
            Condition::Outside => None,
            Condition::Leaderless { quorum_reachable } => Some(quorum_reachable),
        };
        let conflicts = matches!(self.last_denial, Some(Denial::MembershipConflict));
        Some(match quorum_reachable {
            _ if symptoms.from_own_id > 0 => Problem::DuplicateId,
            _ if conflicts => Problem::MembershipConflict,
            Some(true) => Problem::NoLeader,
            _ if symptoms.unreadable > 0 => Problem::UnreadableDatagrams,
            _ if symptoms.foreign > 0 => Problem::OtherGroup,
            _ if symptoms.misdirected > 0 => Problem::WrongAddresses,
            Some(false) => Problem::NoQuorum,
            None if symptoms.received > 0 => Problem::NotAdmitted,
            None => Problem::NotContacted,
        })
    }
}

impl Symptoms {
    fn between(before: &DatagramCounters, after: &DatagramCounters) -> Self {
        let grown = |count: fn(&DatagramCounters) -> u64| count(after).saturating_sub(count(before));
        Symptoms {
            received: grown(|counters| counters.received),
            unreadable: grown(unreadable),
            from_own_id: grown(|counters| counters.from_own_id),
            foreign: grown(|counters| counters.foreign),
            misdirected: grown(|counters| counters.misdirected.saturating_add(counters.refused.misdirected)),
        }
    }
}

/// Refused, because the sender has other keys, none, or another release.
fn unreadable(counters: &DatagramCounters) -> u64 {
    let refused = &counters.refused;
    [refused.unsealed, refused.unknown_version, refused.unknown_key, refused.forged]
        .into_iter()
        .chain([counters.oversized, counters.undecodable])
        .fold(0, u64::saturating_add)
}

impl<I: NodeId, R: TryCryptoRng> Endpoint<I, R> {
    /// Takes what a step has changed for the diagnosis, and reports the loss of a leader.
    pub(super) fn watch(&mut self, node: &NodeView<'_, I>) {
        let (now, leader) = (node.health.now, node.leader.map(|leader| leader.id));
        let following = self.diagnostics.following.take();
        if let Some((lost, _)) = following.filter(|&(id, until)| now >= until && leader != Some(id)) {
            self.news.say(Event::LeaderLost { leader: lost }, now);
        }
        self.diagnostics.following = node.health.following;
        let (sealing, counters) = (&self.sealing, self.counters);
        self.diagnostics
            .observe(&node.health, || DatagramCounters { refused: sealing.refused(), ..counters });
    }

    /// Reports what is wrong, if it is time to.
    pub(super) fn report_problem(&mut self, now: Timestamp) {
        let (sealing, counters) = (&self.sealing, self.counters);
        let total = || DatagramCounters { refused: sealing.refused(), ..counters };
        if let Some(mut diagnosis) = self.diagnostics.review(now, total) {
            let is_unknown = |id: &I| self.book.address(*id).is_none();
            diagnosis.unaddressed = diagnosis.silent.iter().copied().filter(is_unknown).collect();
            self.news.tell(Event::Diagnosed(diagnosis));
        }
    }
}
