//! A quorum that has forgotten: a node without a leader asks which voters are blank. If the others are too few to elect a
//! leader, the membership is lost with what they knew. Rule 9.10.

use alloc::vec::Vec;

use rand_core::Rng;

use super::{Durability, Election};
use crate::config::Memory;
use crate::event::Event;
use crate::hard_state::{Blank, HardState};
use crate::io::Output;
use crate::membership::Membership;
use crate::message::Header;
use crate::notice::{Notice, tell};
use crate::role::Role;
use crate::types::{Incarnation, Nanos, NodeId, Round, Timestamp};

/// For how many of the longest promises no promise has been in force when a node begins to ask. It asks as often.
const PATIENCE: u64 = 6;

/// What a node that takes part knows of others that have forgotten.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct QuorumCheck<I> {
    round: Round,
    next_round: Timestamp,
    /// The voters that have said in this round that they are blank.
    blank: Vec<I>,
    /// What the host was told.
    told: Option<Notice<Vec<I>>>,
}

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Asks the members and the founders what they hold, if there has been no leader for long.
    pub(super) fn check_quorum(&mut self, out: &mut Vec<Output<I>>) {
        let members = &self.hard.membership;
        let is_patient = self.now < self.started.max(self.promise.end()).after(self.patience());
        let asked_lately = self.trouble.quorum_check().is_some_and(|check| self.now < check.next_round);
        if is_patient
            || asked_lately
            || self.leader().is_some()
            || members.quorum() == 0
            || members.is_forming()
        {
            return;
        }
        let mut asked: Vec<I> = members.members().iter().chain(members.founders()).copied().collect();
        asked.retain(|&id| id != self.id);
        asked.sort_unstable();
        asked.dedup();
        let round = self.next_round();
        let told = self.trouble.end_quorum_check().and_then(|check| check.told);
        let next_round = self.now.after(self.patience());
        self.trouble.begin_quorum_check(QuorumCheck { round, next_round, blank: Vec::new(), told });
        self.send_recovery_requests(round, asked, out);
    }

    /// Rule 9.10: a node that never campaigns finds out, too, that a quorum has forgotten.
    pub(super) fn check_quorum_if_following(&mut self, out: &mut Vec<Output<I>>) {
        if matches!(self.role, Role::Follower(_)) {
            self.check_quorum(out);
        }
    }

    /// The voters that have said that they have forgotten, as far as this node has asked.
    pub(super) fn blank_voters(&self) -> &[I] {
        self.trouble.quorum_check().map_or(&[], |check| &check.blank)
    }

    fn patience(&self) -> Nanos {
        self.timing.promise_limit().saturating_mul(PATIENCE)
    }

    /// A voter is blank. If too few are left, no leader can be elected, and no blank node comes back by rule 9.4.
    #[cold]
    pub(super) fn count_blank(&mut self, from: I, header: &Header, out: &mut Vec<Output<I>>) {
        let (members, pause) = (&self.hard.membership, self.patience());
        let Some(check) = self.trouble.quorum_check_mut().filter(|check| check.round == header.round) else {
            return;
        };
        if !members.is_voter(from) || check.blank.contains(&from) {
            return;
        }
        check.blank.push(from);
        check.blank.sort_unstable();
        if members.voters().len().saturating_sub(check.blank.len()) >= members.quorum() {
            return;
        }
        let blank = check.blank.clone();
        let is_news = tell(&mut check.told, blank.clone(), self.now, pause);
        if is_news {
            out.push(Output::Event(Event::QuorumLost { blank }));
        }
        self.forget_lost_group();
    }

    /// A founder takes part in a group of another life: the present one was given up, by all of its founders.
    #[cold]
    pub(super) fn note_later_life(&mut self, from: I, header: &Header, out: &mut Vec<Output<I>>) {
        let is_asked = self.trouble.quorum_check().is_some_and(|check| check.round == header.round);
        if is_asked && self.hard.membership.founders().contains(&from) {
            self.report_other_life(from, header.life, out);
            self.forget_lost_group();
        }
    }

    /// A node without storage becomes blank of its own accord, as by a crash, and can found the group again together with
    /// the other founders. A node with storage leaves that to its operator, and so does one whose group was not founded.
    fn forget_lost_group(&mut self) {
        let founders = self.hard.membership.founders().to_vec();
        let Ok(list) = Membership::bootstrap(founders) else { return };
        if self.memory == Memory::Durable {
            return;
        }
        let elapsed = self.binding_length(self.now.since(self.started));
        let incarnation = Incarnation(self.first_round.0).later_by(elapsed).with_chance(self.rng.next_u64());
        self.peer_log.realign(&self.hard.membership, &list, self.id);
        let blank = Blank { incarnation, pledge: None, may_found: true };
        let promised = self.hard.promised.as_duration();
        let nothing = HardState::fresh(self.hard.cluster, list);
        self.set_hard_state(HardState { blank: Some(blank), promised, ..nothing });
        self.durability = Durability::Current;
        self.started = self.now;
        self.begin_blank_rounds();
        self.start_recovery();
    }
}
