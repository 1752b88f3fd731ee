//! The state of a node as a timeline shows it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use rand_core::Rng;

use crate::election::Election;
use crate::membership::Membership;
use crate::role::RoleKind;
use crate::types::{Leader, Life, NodeId, Position, Priority, Term, Timestamp};

/// The state of a node. Times are microseconds of true time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct View<I> {
    pub(super) life: Life,
    pub(super) role: RoleKind,
    pub(super) term: Term,
    pub(super) voted_for: Option<I>,
    pub(super) leader: Option<Leader<I>>,
    /// When its lease ends.
    pub(super) lease: Option<u64>,
    /// To which node it is bound, none by promises that it has forgotten, and until when.
    pub(super) promise: Option<(Option<I>, u64)>,
    pub(super) membership: Membership<I>,
    pub(super) is_committed: bool,
    pub(super) priority: Priority,
    pub(super) position: Position,
}

impl<I: NodeId> View<I> {
    pub(super) fn of<R: Rng>(election: &Election<I, R>, to_true_time: impl Fn(Timestamp) -> u64) -> Self {
        let status = election.status();
        let quarantine = status.quarantine_left;
        let promise = match status.promise {
            Some(promise) => Some((Some(promise.holder.id), promise.remaining)),
            None => (!quarantine.is_zero()).then_some((None, quarantine)),
        };
        let ends = |remaining| to_true_time(status.now.saturating_add(remaining));
        View {
            life: status.life,
            role: status.role,
            term: status.term,
            voted_for: status.voted_for,
            leader: status.leader,
            lease: status.lease.map(|lease| to_true_time(lease.until)),
            promise: promise.map(|(holder, remaining)| (holder, ends(remaining))),
            membership: election.membership().clone(),
            is_committed: status.committed,
            priority: status.priority,
            position: status.position,
        }
    }

    /// The nodes that it names.
    pub(super) fn named_nodes(&self) -> impl Iterator<Item = I> + use<'_, I> {
        let holder = self.promise.and_then(|(holder, _)| holder);
        let leader = self.leader.map(|leader| leader.id);
        let members = self.membership.members().iter().copied();
        members.chain(self.voted_for).chain(leader).chain(holder)
    }

    /// What differs from `before`, or everything if there is nothing before, as a JSON object; empty if nothing does.
    pub(super) fn delta(&self, before: Option<&View<I>>, index: impl Fn(I) -> Option<usize>) -> String {
        let mut delta = Delta(String::new());
        if before.is_none_or(|before| before.role != self.role) {
            delta.add("r", format_args!("\"{}\"", letter(self.role)));
        }
        if before.is_none_or(|before| before.term != self.term) {
            delta.add("t", format_args!("{}", self.term));
        }
        if before.is_none_or(|before| before.voted_for != self.voted_for) {
            delta.add("v", format_args!("{}", Named(self.voted_for.and_then(&index))));
        }
        let leader = |view: &View<I>| view.leader.map(|leader| leader.id);
        if before.is_none_or(|before| leader(before) != leader(self)) {
            delta.add("k", format_args!("{}", Named(leader(self).and_then(&index))));
        }
        if before.is_none_or(|before| before.lease != self.lease) {
            match self.lease {
                Some(end) => delta.add("e", format_args!("{end}")),
                None => delta.add("e", format_args!("null")),
            }
        }
        if before.is_none_or(|before| before.promise != self.promise) {
            match self.promise {
                Some((holder, end)) => {
                    delta.add("p", format_args!("[{},{end}]", Named(holder.and_then(&index))))
                }
                None => delta.add("p", format_args!("null")),
            }
        }
        let is_same = |before: &View<I>| {
            before.membership == self.membership && before.is_committed == self.is_committed
        };
        if !before.is_some_and(is_same) {
            self.add_membership(&mut delta, &index);
        }
        if before.is_none_or(|before| before.priority != self.priority) {
            delta.add("y", format_args!("{}", self.priority));
        }
        if before.is_none_or(|before| before.position != self.position) {
            delta.add("x", format_args!("\"{}\"", self.position));
        }
        if !delta.0.is_empty() {
            delta.0.push('}');
        }
        delta.0
    }

    fn add_membership(&self, delta: &mut Delta, index: impl Fn(I) -> Option<usize>) {
        let members = &self.membership;
        let list = |ids: &[I]| -> Vec<usize> { ids.iter().filter_map(|&id| index(id)).collect() };
        let (voters, learners) = (list(members.voters()), list(members.learners()));
        let (version, quorum, committed) = (members.version(), members.quorum(), self.is_committed);
        delta.add(
            "m",
            format_args!(
                "{{\"n\":\"{version}\",\"v\":{voters:?},\"l\":{learners:?},\"q\":{quorum},\"c\":{committed}}}"
            ),
        );
    }
}

/// The keys of an object that have changed.
struct Delta(String);

impl Delta {
    fn add(&mut self, key: &str, value: core::fmt::Arguments<'_>) {
        let before = if self.0.is_empty() { '{' } else { ',' };
        let _ = write!(self.0, "{before}\"{key}\":{value}");
    }
}

/// An index, or `null`.
struct Named(Option<usize>);

impl core::fmt::Display for Named {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Some(index) => index.fmt(f),
            None => f.write_str("null"),
        }
    }
}

fn letter(role: RoleKind) -> char {
    match role {
        RoleKind::Follower => 'F',
        RoleKind::PreCandidate => 'P',
        RoleKind::Candidate => 'C',
        RoleKind::Leader => 'L',
        RoleKind::Recovering => 'R',
    }
}
