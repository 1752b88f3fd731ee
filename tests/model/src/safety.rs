//! S1 to S5, as predicates on a state.

use quorate::{HardState, Life, Membership, MembershipVersion};

use super::group_state::State;

impl State {
    /// S2: at any time at most one node holds a valid lease. S5: its term is no lower than that of any
    /// lease before.
    pub(super) fn leases_are_exclusive(&self) -> bool {
        let mut held = self.hosts.iter().filter_map(|host| host.published);
        match (held.next(), held.next()) {
            (Some(lease), None) => lease.term == self.history.acted,
            (None, _) => true,
            (Some(_), Some(_)) => false,
        }
    }

    /// S4: the quorums of any two memberships that can still elect intersect, and each version of a life belongs to
    /// one membership; two lives never elect side by side. A node that has forgotten holds none before it is back.
    pub(super) fn memberships_overlap(&self) -> bool {
        let remember = self.hosts.iter().filter(|host| host.durable.blank.is_none());
        let held: Vec<_> = remember.map(|host| &host.durable).collect();
        held.iter().enumerate().all(|(index, one)| held[..index].iter().all(|other| self.agree(one, other)))
    }

    fn agree(&self, one: &HardState<u8>, other: &HardState<u8>) -> bool {
        if one.life != other.life {
            // A node that has joined no group yet votes in none by itself.
            let can_elect =
                |of: &HardState<u8>| of.life != Life::NONE && self.can_elect(&of.membership, &[of.life]);
            return !can_elect(one) || !can_elect(other);
        }
        let (lives, one, other) = ([one.life, Life::NONE], &one.membership, &other.membership);
        if (one.members(), one.quorum()) == (other.members(), other.quorum()) {
            return true;
        }
        let starting = one.version() == MembershipVersion::default();
        if one.version() == other.version() && !starting {
            return false;
        }
        self.overlap(one, other) || !self.can_elect(one, &lives) || !self.can_elect(other, &lives)
    }

    /// Two quorums always intersect if their sizes together exceed the number of all voters.
    fn overlap(&self, one: &Membership<u8>, other: &Membership<u8>) -> bool {
        let votes = |id: u8| self.votes_in(one, id) || self.votes_in(other, id);
        let union = (1..=self.size()).filter(|&id| votes(id)).count();
        one.quorum() + other.quorum() > union
    }

    /// Whether a quorum of the voters takes part in one of these lives, and holds nothing newer.
    fn can_elect(&self, members: &Membership<u8>, lives: &[Life]) -> bool {
        let free = |&id: &u8| {
            let durable = &self.hosts[usize::from(id) - 1].durable;
            let is_older = durable.membership.version() <= members.version();
            self.votes_in(members, id) && lives.contains(&durable.life) && durable.blank.is_none() && is_older
        };
        members.quorum() > 0 && (1..=self.size()).filter(free).count() >= members.quorum()
    }

    /// Whether the node votes in this membership. In a forming group every node does.
    fn votes_in(&self, members: &Membership<u8>, id: u8) -> bool {
        members.is_forming() || members.is_voter(id)
    }

    fn size(&self) -> u8 {
        u8::try_from(self.hosts.len()).expect("a small group")
    }
}
