//! Says what keeps a node from its work: after a few seconds, again at growing intervals, and when it is over.
//!
//! Here is what the election alone shows. A host that exchanges datagrams adds its [`Findings`].

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::mem::discriminant;
use std::prelude::rust_2024::*;

use super::pace::Pace;
use crate::diagnosis::{Condition, Diagnosis, Health, Problem, ReceivedDenial};
use crate::event::Event;
use crate::membership::MAX_MEMBERS;
use crate::message::Denial;
use crate::types::{NodeId, Timestamp};

/// How long a diagnosis is not said again after the first time, and at most.
const DIAGNOSIS: Pace = Pace::new(Duration::from_secs(10), Duration::from_secs(60 * 60));

/// The same for a leader that is lost, and for a node that was called late.
const OCCURRENCE: Pace = Pace::new(Duration::from_secs(60), Duration::from_secs(24 * 60 * 60));

/// How often a node that something is wrong with is looked at.
const REVIEW_EVERY: Duration = Duration::from_secs(1);

/// For how long a node that was heard counts as heard.
const CONTACT: Duration = Duration::from_secs(16);

/// How many subjects are remembered: more than a node has members and problems at a time.
const REMEMBERED: usize = 2 * MAX_MEMBERS + 32;

/// What a node shows of itself, and what was said of it.
pub(super) struct Diagnostics<I> {
    /// A voter that has no machine, and of which its agent speaks.
    register_voter: Option<I>,
    /// What the node showed last.
    facts: Facts<I>,
    /// When the next tick was due, as of the last one.
    expected: Option<Timestamp>,
    /// The leader, and until when the node followed it as of the last step. A leader that hands over is replaced before.
    following: Option<(I, Timestamp)>,
    /// When a node was heard last, and whether it had the key.
    contact: Option<(Timestamp, bool)>,
    episode: Option<Episode<I>>,
    paces: BTreeMap<Subject<I>, Pace>,
    /// One of each kind.
    waiting: VecDeque<Event<I>>,
}

/// What is said at growing intervals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Subject<I> {
    Problem(Problem),
    /// A member that is silent while this node leads: each is news.
    Silent(I),
    Lost(I),
    Late,
}

struct Facts<I> {
    condition: Condition,
    last_denial: Option<ReceivedDenial<I>>,
    /// The voters come first.
    silent: Vec<I>,
    silent_voters: usize,
}

/// The members that are silent, the voters first, and how the node fares in view of that.
struct Silent<I> {
    silent: Vec<I>,
    silent_voters: usize,
    condition: Condition,
}

/// A stretch of time in which something is wrong.
struct Episode<I> {
    since: Timestamp,
    next_review: Timestamp,
    current: Option<Diagnosis<I>>,
    /// What was said last.
    told: Option<Problem>,
}

/// What a host knows of its datagrams, besides what its election shows.
pub(super) struct Findings<I> {
    /// The nodes from whose addresses such datagrams go on coming.
    pub(super) unreadable_from: Vec<I>,
    pub(super) other_release_from: Vec<I>,
    pub(super) foreign_from: Vec<I>,
    pub(super) misdirected_from: Vec<I>,
    /// How many datagrams could not be read since the node was well.
    pub(super) unreadable: u64,
    /// Whether the system has taken none of the latest datagrams.
    pub(super) cannot_send: bool,
    /// Of the silent members, those without an address.
    pub(super) unaddressed: Vec<I>,
    /// Of the silent members, those with names that do not resolve.
    pub(super) unresolved: Vec<I>,
    /// Of the silent members, those of which datagrams arrive.
    pub(super) unanswering: Vec<I>,
    /// The nodes to which a datagram was too long to be sent.
    pub(super) too_long_for: Vec<I>,
}

impl<I> Default for Findings<I> {
    fn default() -> Self {
        Findings {
            unreadable_from: Vec::new(),
            other_release_from: Vec::new(),
            foreign_from: Vec::new(),
            misdirected_from: Vec::new(),
            unreadable: 0,
            cannot_send: false,
            unaddressed: Vec::new(),
            unresolved: Vec::new(),
            unanswering: Vec::new(),
            too_long_for: Vec::new(),
        }
    }
}

impl<I: NodeId> Diagnostics<I> {
    /// The host speaks for the voter `register_voter`, if it has a register. Whether that voter is silent, its agent tells.
    pub(super) fn new(register_voter: Option<I>) -> Self {
        let facts =
            Facts { condition: Condition::Well, last_denial: None, silent: Vec::new(), silent_voters: 0 };
        Diagnostics {
            register_voter,
            facts,
            expected: None,
            following: None,
            contact: None,
            episode: None,
            paces: BTreeMap::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Takes what the node shows after a step or a tick.
    pub(super) fn observe(&mut self, health: &Health<I>, leader: Option<I>) {
        let &Health { now, deadline, following, last_denial, .. } = health;
        let Silent { silent, silent_voters, condition } = self.silent_machines(health);
        let late = self.expected.map_or(Duration::ZERO, |due| now.saturating_duration_since(due));
        let is_late = late >= health.leeway;
        if is_late && self.take_turn(Subject::Late, OCCURRENCE, now) {
            self.tell(Event::TickedLate { by: late });
        }
        let followed = self.following.filter(|&(id, until)| now >= until && leader != Some(id));
        // A node that was not called itself cannot know whether its leader was heard meanwhile.
        if let Some((lost, _)) = followed.filter(|_| !is_late)
            && self.take_turn(Subject::Lost(lost), OCCURRENCE, now)
        {
            self.tell(Event::LeaderLost { leader: lost });
        }
        (self.expected, self.following) = (deadline, following);
        // A node that leads after all may have silent members: that is another problem, and a new one.
        if leader.is_some() && matches!(self.facts.condition, Condition::Leaderless { .. }) {
            self.end_episode(now);
        }
        self.facts = Facts { condition, last_denial, silent, silent_voters };
        if condition == Condition::Well {
            self.end_episode(now);
        } else if self.episode.is_none() {
            let next_review = now.saturating_add(health.grace);
            self.episode = Some(Episode { since: now, next_review, current: None, told: None });
        }
    }

    /// What of a node's health is about members that have a machine.
    fn silent_machines(&self, health: &Health<I>) -> Silent<I> {
        let Health { condition, silent_voters, .. } = *health;
        let mut silent = health.silent.clone();
        let place = silent.iter().position(|&id| Some(id) == self.register_voter);
        let Some(place) = place else { return Silent { silent, silent_voters, condition } };
        silent.remove(place);
        let silent_voters = silent_voters.saturating_sub((place < silent_voters).into());
        let is_well = condition == Condition::MembersSilent && silent.is_empty();
        Silent { silent, silent_voters, condition: if is_well { Condition::Well } else { condition } }
    }

    /// Another node was heard, which has the key of the group or may have made itself up.
    pub(super) fn record_contact(&mut self, has_key: bool, now: Timestamp) {
        self.contact = Some((now, has_key));
    }

    /// Whether another node was heard since something is wrong. What anybody could have sent counts for a while.
    fn is_contacted(&self, now: Timestamp) -> bool {
        let since = self.since().unwrap_or(now);
        let counts = |(at, has_key)| (has_key && at >= since) || now.saturating_duration_since(at) <= CONTACT;
        self.contact.is_some_and(counts)
    }

    /// Since when something is wrong.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.episode.as_ref().map(|episode| episode.since)
    }

    /// The members that are silent.
    #[cfg(feature = "endpoint")]
    pub(super) fn silent(&self) -> &[I] {
        &self.facts.silent
    }

    /// When to [`review`](Self::review) the node: never while all is well.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.episode.as_ref().map(|episode| episode.next_review)
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.deadline().is_some_and(|due| now >= due)
    }

    /// Finds out what is wrong, which [is due](Self::is_due), and says so if it is time to.
    pub(super) fn review(&mut self, findings: Findings<I>, now: Timestamp) {
        let problem = self.facts.problem(&findings, self.is_contacted(now));
        let Some(episode) = &mut self.episode else { return };
        episode.next_review = now.saturating_add(REVIEW_EVERY);
        let lasted = now.saturating_duration_since(episode.since);
        episode.current = problem.map(|problem| self.facts.diagnosis(problem, lasted, findings));
        let Some(diagnosis) = episode.current.clone() else { return };
        if self.take_turn_of_diagnosis(&diagnosis, now) {
            if let Some(episode) = &mut self.episode {
                episode.told = Some(diagnosis.problem);
            }
            self.tell(Event::Diagnosed(Box::new(diagnosis)));
        }
    }

    /// What is wrong, if it has lasted for long enough.
    pub(super) fn current(&self, now: Timestamp) -> Option<Diagnosis<I>> {
        let episode = self.episode.as_ref()?;
        let lasted = now.saturating_duration_since(episode.since);
        episode.current.clone().map(|current| Diagnosis { lasted, ..current })
    }

    pub(super) fn poll_event(&mut self) -> Option<Event<I>> {
        self.waiting.pop_front()
    }

    fn end_episode(&mut self, now: Timestamp) {
        let Some(episode) = self.episode.take() else { return };
        if let Some(problem) = episode.told {
            let lasted = now.saturating_duration_since(episode.since);
            self.tell(Event::Resolved { problem, lasted });
        }
    }

    /// Takes the turn of `diagnosis` to be said, if that is due: of silent members, the turn of each. Returns whether it
    /// was.
    fn take_turn_of_diagnosis(&mut self, diagnosis: &Diagnosis<I>, now: Timestamp) -> bool {
        if diagnosis.problem != Problem::SilentMembers {
            return self.take_turn(Subject::Problem(diagnosis.problem), DIAGNOSIS, now);
        }
        let subjects = || diagnosis.silent.iter().map(|&id| Subject::Silent(id));
        let is_due = subjects().any(|subject| self.pace(subject, DIAGNOSIS).is_due(now));
        if is_due {
            subjects().for_each(|subject| self.pace(subject, DIAGNOSIS).pause(now));
        }
        is_due
    }

    /// Takes the turn of `subject` to be said at `now`, if that is due. Returns whether it was.
    fn take_turn(&mut self, subject: Subject<I>, usual: Pace, now: Timestamp) -> bool {
        let pace = self.pace(subject, usual);
        let is_due = pace.is_due(now);
        if is_due {
            pace.pause(now);
        }
        is_due
    }

    /// The pace of `subject`. The one that may be said again soonest makes room for it.
    fn pace(&mut self, subject: Subject<I>, usual: Pace) -> &mut Pace {
        if self.paces.len() >= REMEMBERED && !self.paces.contains_key(&subject) {
            let soonest = self.paces.iter().min_by_key(|(_, pace)| pace.quiet_until());
            let soonest = soonest.map(|(&subject, _)| subject);
            soonest.and_then(|soonest| self.paces.remove(&soonest));
        }
        self.paces.entry(subject).or_insert(usual)
    }

    /// The last event of a kind replaces one that waits.
    fn tell(&mut self, event: Event<I>) {
        self.waiting.retain(|waiting| discriminant(waiting) != discriminant(&event));
        self.waiting.push_back(event);
    }
}

impl<I: NodeId> Facts<I> {
    /// The problem that explains best what the node shows.
    fn problem(&self, findings: &Findings<I>, contacted: bool) -> Option<Problem> {
        let denial = self.last_denial.map(|last| last.denial);
        let conflicts = denial == Some(Denial::MembershipConflict);
        match self.condition {
            Condition::Recovering => Some(Problem::Recovering),
            Condition::Well => None,
            Condition::MembersSilent => Some(Problem::SilentMembers),
            Condition::Removed => Some(Problem::NotAMember),
            Condition::Outside if contacted => Some(Problem::NotAdmitted),
            Condition::Outside => Some(self.explanation(findings, 1).unwrap_or(Problem::NotContacted)),
            Condition::Leaderless { .. } if findings.cannot_send => Some(Problem::CannotSend),
            // A voter of another life does not count as heard.
            Condition::Leaderless { .. } if denial == Some(Denial::OtherLife) => {
                Some(Problem::MembershipConflict)
            }
            Condition::Leaderless { missing: 0 } if conflicts => Some(Problem::MembershipConflict),
            Condition::Leaderless { missing: 0 } => Some(Problem::NoLeader),
            Condition::Leaderless { missing } => {
                Some(self.explanation(findings, missing).unwrap_or(Problem::NoQuorum))
            }
        }
    }

    /// Why so many voters are missing, if datagrams show it. Only the datagrams that come from the addresses of so many
    /// silent voters do: a stranger, or a single member that is set up wrongly, must not hide that the others are gone.
    fn explanation(&self, findings: &Findings<I>, missing: usize) -> Option<Problem> {
        if findings.cannot_send {
            return Some(Problem::CannotSend);
        }
        let voters = self.silent.get(..self.silent_voters).unwrap_or_default();
        // A node that does not know its voters yet takes the nodes that it is configured with for these.
        let counts = |id: &&I| voters.contains(id) || voters.len() < missing;
        let kinds = [
            (&findings.other_release_from, Problem::OtherRelease),
            (&findings.unreadable_from, Problem::UnreadableDatagrams),
            (&findings.foreign_from, Problem::OtherGroup),
            (&findings.misdirected_from, Problem::WrongAddresses),
        ];
        let explains = |(from, _): &(&Vec<I>, Problem)| from.iter().filter(counts).count() >= missing;
        kinds.into_iter().find(explains).map(|(_, problem)| problem)
    }

    fn diagnosis(&self, problem: Problem, lasted: Duration, findings: Findings<I>) -> Diagnosis<I> {
        let Findings { unreadable_from, other_release_from, foreign_from, misdirected_from, .. } = findings;
        let is_unheard = |id: &I| self.silent.is_empty() || self.silent.contains(id);
        let mut unusable = [unreadable_from, other_release_from, foreign_from, misdirected_from].concat();
        unusable.retain(is_unheard);
        unusable.sort_unstable();
        unusable.dedup();
        let is_denied = matches!(problem, Problem::NoLeader | Problem::MembershipConflict);
        Diagnosis {
            silent: self.silent.clone(),
            unaddressed: findings.unaddressed,
            unresolved: findings.unresolved,
            unanswering: findings.unanswering,
            too_long_for: findings.too_long_for.into_iter().filter(is_unheard).collect(),
            unusable,
            unreadable: findings.unreadable,
            denial: self.last_denial.filter(|_| is_denied),
            ..Diagnosis::new(problem, lasted)
        }
    }
}
