//! The fresh start: when all nodes of a list are blank, they found a group. Rules 9.6 to 9.8.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::event::HowRecovered;
use crate::fingerprint::{Fingerprint, Kind};
use crate::hard_state::{Blank, HardState};
use crate::io::Output;
use crate::message::{BlankReply, Body, Header, Message};
use crate::role::Role;
use crate::types::{Incarnation, Life, MembershipVersion, NodeId, Term};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 9.6: tells another node that this one is blank, once it has waited.
    pub(super) fn tell_blank(&self, to: I, request: &Header, out: &mut Vec<Output<I>>) {
        let (Role::Recovering(recovery), Some(blank)) = (&self.role, self.hard.blank()) else { return };
        if self.now < recovery.wait_until {
            return;
        }
        let Blank { incarnation, pledge, .. } = blank;
        let first_term = self.own_first_term();
        let body =
            Body::BlankReply(BlankReply { list: self.list_fingerprint(), incarnation, pledge, first_term });
        let version = MembershipVersion::default();
        let header = Header {
            life: Life::NONE,
            term: Term(0),
            version,
            committed: false,
            ..self.reply_header(request)
        };
        out.push(Output::Send { to, message: Message::new(header, body) });
    }

    pub(super) fn on_blank_reply(
        &mut self,
        from: I,
        header: &Header,
        reply: BlankReply,
        out: &mut Vec<Output<I>>,
    ) {
        if reply.first_term > Incarnation(u64::MAX).first_term() || !self.is_asked_for(from, header) {
            return;
        }
        let list = self.list_fingerprint();
        if reply.list != list && reply.list != 0 && list != 0 {
            self.report_conflict(from, out);
        }
        let Role::Recovering(recovery) = &mut self.role else { return };
        recovery.record_blank(from, reply);
        self.advance_fresh_start(out);
    }

    /// Rule 9.6: once all others of the list have said in one round that they are blank, this node pledges itself to the
    /// group that they can found; and once all have said in a later round that they have done so, it takes part.
    pub(super) fn advance_fresh_start(&mut self, out: &mut Vec<Output<I>>) {
        let (Role::Recovering(recovery), Some(blank)) = (&self.role, self.hard.blank()) else { return };
        let fingerprint = self.list_fingerprint();
        if fingerprint == 0 || recovery.has_heard_of_group() {
            return;
        }
        let list = self.hard.membership.voters();
        let Some(others) = recovery.blank_founders(self.id, list, fingerprint) else { return };
        let life = self.life_of_founders(blank, &others);
        if blank.pledge != Some(life) {
            let Role::Recovering(recovery) = &mut self.role else { return };
            let may_pledge = blank.pledge.is_none() || recovery.propose_pledge(life);
            if may_pledge {
                self.make_pledge(life, out);
            }
        } else if recovery.are_pledged(&others, life) {
            let told = others.iter().map(|other| other.first_term);
            let first_term = told.fold(self.own_first_term(), Term::max);
            self.found(life, first_term, out);
        }
    }

    /// The life of the group that this node and these others found, in their present incarnations.
    fn life_of_founders(&self, own: Blank, others: &[BlankReply]) -> Life {
        let list = self.hard.membership.voters();
        let own_place = list.binary_search(&self.id).unwrap_or_default();
        let mut incarnations: Vec<u64> = others.iter().map(|other| other.incarnation.0).collect();
        incarnations.insert(own_place.min(incarnations.len()), own.incarnation.0);
        let of = Fingerprint::of_kind(Kind::Founded).with(&self.hard.cluster).with_all(list);
        of.with_all(&incarnations).life()
    }

    /// Rule 9.6: the pledge is durable before others are told.
    fn make_pledge(&mut self, life: Life, out: &mut Vec<Output<I>>) {
        let blank = self.hard.blank().map(|blank| Blank { pledge: Some(life), ..blank });
        self.hard.set_blank(blank);
        if let Role::Recovering(recovery) = &mut self.role {
            recovery.record_pledge(self.now);
        }
        self.persist(out);
    }

    /// The life of the group that this node is pledged to found.
    pub(super) fn pledge(&self) -> Option<Life> {
        self.hard.blank()?.pledge
    }

    /// Rule 9.6: the node is one of the founders of a group.
    fn found(&mut self, life: Life, first_term: Term, out: &mut Vec<Output<I>>) {
        let list = self.hard.membership.clone();
        let promised = self.hard.promised.as_duration();
        let nothing = HardState::fresh(self.hard.cluster, list.clone());
        self.set_hard_state(HardState { life, term: first_term, promised, ..nothing });
        self.take_part(list.founded(), HowRecovered::Founded, out);
    }

    /// Rule 9.8: the wall clock of this node, as far as it has surely got since the node became blank.
    fn own_first_term(&self) -> Term {
        let (Role::Recovering(recovery), Some(blank)) = (&self.role, self.hard.blank()) else {
            return Term(0);
        };
        let elapsed = self.binding_length(self.now.since(recovery.since));
        blank.incarnation.later_by(elapsed).first_term()
    }

    /// The fingerprint of the list of this node, by which others see that theirs is the same; 0 if this node may not found
    /// a group.
    fn list_fingerprint(&self) -> u64 {
        let list = &self.hard.membership;
        let may_found = self.hard.blank().is_some_and(|blank| blank.may_found) && list.is_voter(self.id);
        if !may_found {
            return 0;
        }
        Fingerprint::of_kind(Kind::List).with(&self.hard.cluster).with_all(list.voters()).number()
    }
}
