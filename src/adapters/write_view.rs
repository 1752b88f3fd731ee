//! What the status of a node shows while the node waits for its disk.

use std::prelude::rust_2024::*;

use super::disk::PendingWrite;
use crate::hard_state::HardState;
use crate::membership::Membership;
use crate::role::RoleKind;
use crate::status::{MemberStatus, Status};
use crate::types::{NodeId, Timestamp};

/// A write that is under way, and the state that is durable meanwhile.
#[derive(Clone, Debug)]
pub(super) struct WriteView<I> {
    pub(super) write: PendingWrite,
    pub(super) durable: HardState<I>,
}

impl<I: NodeId> WriteView<I> {
    /// Shows the write, and of term, vote and members what is durable: after a crash they would be these, and neither a
    /// term nor a version may seem to run backwards. Nobody leads yet in a term that is not durable, this node least of
    /// all.
    pub(super) fn show(&self, status: &mut Status<I>, now: Timestamp) {
        status.pending_write = Some(self.write.age(now));
        status.diagnosis = self.write.diagnosis(now).or(status.diagnosis.take());
        let HardState { term, voted_for, membership, committed, .. } = &self.durable;
        if status.term > *term {
            (status.term, status.voted_for) = (*term, *voted_for);
        }
        if let Some(leader) = status.leader.take_if(|leader| leader.term > *term)
            && leader.id == status.id
        {
            hide_leadership(status);
        }
        if status.version != membership.version() {
            (status.version, status.committed) = (membership.version(), *committed);
            status.quorum = membership.quorum();
            status.members = members(membership, &status.members);
        }
    }
}

/// Shows a node that has won an election, and may not act on it yet, as what it was before. Also one whose lease was
/// withdrawn as it ended.
pub(super) fn hide_leadership<I: NodeId>(status: &mut Status<I>) {
    status.lease = None;
    status.leader.take_if(|leader| leader.id == status.id);
    if status.role == RoleKind::Leader {
        status.role = RoleKind::Candidate;
    }
}

/// The members of a list, with what is `known` of them.
fn members<I: NodeId>(membership: &Membership<I>, known: &[MemberStatus<I>]) -> Vec<MemberStatus<I>> {
    let member = |&id: &I| {
        let heard_ago = known.iter().find(|member| member.id == id).and_then(|member| member.heard_ago);
        MemberStatus { id, voter: membership.voters().contains(&id), heard_ago, follower: None }
    };
    membership.members().iter().map(member).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use core::time::Duration;

    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::config::Config;
    use crate::election::Election;
    use crate::types::{ClusterId, Term};

    fn state(term: u64, members: &[u8]) -> HardState<u8> {
        let first = HardState::bootstrap(ClusterId(1), members.iter().copied()).unwrap();
        HardState { term: Term(term), voted_for: Some(2), ..first }
    }

    #[test]
    fn a_node_that_waits_for_the_write_of_its_own_vote_shows_no_leadership() {
        let first = HardState::bootstrap(ClusterId(1), [1_u8]).unwrap();
        let rng = ChaCha8Rng::seed_from_u64(1);
        let mut election = Election::new(Config::new(1), first.clone(), Timestamp::ORIGIN, rng).unwrap();
        let now = election.deadline().unwrap();
        let _outputs = election.tick(now);
        let show = |durable| {
            let mut status = election.status();
            WriteView { write: PendingWrite::new(now), durable }.show(&mut status, now);
            (status.role, status.leader.map(|leader| leader.id), status.lease.is_some())
        };
        assert_eq!(show(first.clone()), (RoleKind::Candidate, None, false));
        assert_eq!(show(HardState { term: Term(1), ..first }), (RoleKind::Leader, Some(1), true));
    }

    #[test]
    fn a_status_shows_the_write_and_no_term_vote_or_member_that_a_crash_would_take_back() {
        let (now, rng) = (Timestamp::ORIGIN, ChaCha8Rng::seed_from_u64(1));
        let saved = HardState { voted_for: Some(3), ..state(7, &[1, 2, 3]) };
        let election = Election::new(Config::new(1), saved, now, rng).unwrap();
        let write = PendingWrite::new(now);
        let later = now.saturating_add(Duration::from_secs(4));
        let view = |durable| {
            let mut status = election.status();
            WriteView { write: write.clone(), durable }.show(&mut status, later);
            status
        };
        let shown = view(state(5, &[1, 2, 3]));
        assert_eq!((shown.term, shown.voted_for), (Term(5), Some(2)));
        assert_eq!(shown.pending_write, Some(Duration::from_secs(4)));
        assert!(shown.diagnosis.is_some(), "it takes long");
        let shown = view(state(9, &[1, 2, 3]));
        assert_eq!((shown.term, shown.voted_for), (Term(7), Some(3)), "a vote is reserved in a later term");
    }
}
