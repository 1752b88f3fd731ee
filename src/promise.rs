//! The promise of a voter: to which node it is bound, and until when.

use core::num::NonZeroU64;

use crate::types::{Leader, NodeId, PromiseHolder, Term, Timestamp};

/// The one promise that binds a voter, and the quarantine after its restart.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Promise<I> {
    /// Until then the voter honours the promises that its restart made it forget. Rule 2.3.
    quarantine_until: Timestamp,
    /// When the promise to the holder ends.
    until: Timestamp,
    holder: Option<Holder<I>>,
}

/// The node that was last given a promise. It is remembered beyond the end of the promise, since it shows which
/// node led a term.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Holder<I> {
    id: I,
    /// The last term in which this voter granted it a vote or accepted its heartbeat: none of both is of term 0, so that
    /// "no holder" takes no bytes.
    term: NonZeroU64,
    /// The last term in which this voter accepted its heartbeat; 0 if it accepted none.
    leads_term: Term,
}

impl<I: NodeId> Holder<I> {
    fn new(id: I, term: Term, leads_term: Term) -> Self {
        Holder { id, term: NonZeroU64::new(term.0).unwrap_or(NonZeroU64::MIN), leads_term }
    }

    fn term(&self) -> Term {
        Term(self.term.get())
    }

    fn named(&self) -> PromiseHolder<I> {
        PromiseHolder { id: self.id, term: self.term() }
    }
}

/// The last promise of a voter whose state is kept in a register.
#[cfg(feature = "register")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct HeldPromise<I> {
    /// The node that holds it.
    pub(crate) to: I,
    /// The last term in which the voter granted that node a vote or accepted its heartbeat.
    pub(crate) term: Term,
    /// The last term in which the voter accepted its heartbeat; 0 if it accepted none.
    pub(crate) leads_term: Term,
    /// When it ends.
    pub(crate) until: Timestamp,
}

/// Why a promise forbids to grant a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Conflict<I> {
    /// The node that holds the promise; none in a quarantine.
    pub(crate) to: Option<PromiseHolder<I>>,
    pub(crate) until: Timestamp,
}

impl<I: NodeId> Promise<I> {
    /// The promise of a restarted voter, which grants nothing until `quarantine_until`.
    pub(crate) fn quarantine(quarantine_until: Timestamp) -> Self {
        Promise { quarantine_until, until: Timestamp::ORIGIN, holder: None }
    }

    /// The promise of a voter that has forgotten none.
    #[cfg(feature = "register")]
    pub(crate) fn resumed(held: Option<HeldPromise<I>>) -> Self {
        let holder = held.map(|held| Holder::new(held.to, held.term, held.leads_term));
        let until = held.map_or(Timestamp::ORIGIN, |held| held.until);
        Promise { quarantine_until: Timestamp::ORIGIN, until, holder }
    }

    /// The last promise, whether it lasts or not.
    #[cfg(feature = "register")]
    pub(crate) fn held(&self) -> Option<HeldPromise<I>> {
        let holder = self.holder.as_ref()?;
        let PromiseHolder { id: to, term } = holder.named();
        Some(HeldPromise { to, term, leads_term: holder.leads_term, until: self.until })
    }

    /// When neither a promise nor the quarantine binds the voter any more.
    pub(crate) fn end(&self) -> Timestamp {
        self.until.max(self.quarantine_until)
    }

    pub(crate) fn quarantine_until(&self) -> Timestamp {
        self.quarantine_until
    }

    /// Why the voter cannot grant a request of `candidate`: the quarantine, or a promise to another node.
    pub(crate) fn conflict_with(&self, candidate: I, now: Timestamp) -> Option<Conflict<I>> {
        let holder = self.in_force(now);
        let is_to_other = holder.is_some_and(|holder| holder.id != candidate);
        (now < self.quarantine_until || is_to_other)
            .then(|| Conflict { to: holder.map(Holder::named), until: self.end() })
    }

    /// Whether the voter is bound to just that leader in just that term.
    pub(crate) fn is_to_leader(&self, leader: I, term: Term, now: Timestamp) -> bool {
        self.in_force(now)
            .is_some_and(|holder| holder.id == leader && holder.term() == term && holder.leads_term == term)
    }

    /// The leader that the voter follows, until the promise to it ends.
    pub(crate) fn leader(&self, now: Timestamp) -> Option<Leader<I>> {
        let holder = self.in_force(now)?;
        (holder.leads_term > Term(0)).then_some(Leader { id: holder.id, term: holder.leads_term })
    }

    /// The leader asks for the promise again. Rule 2.2.
    pub(crate) fn extend(&mut self, until: Timestamp) {
        self.until = self.until.max(until);
    }

    /// Until when the voter follows [`leader`](Self::leader).
    pub(crate) fn leader_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.leader(now).map(|_| self.until)
    }

    /// The node that holds the promise, while the promise lasts.
    pub(crate) fn holder(&self, now: Timestamp) -> Option<PromiseHolder<I>> {
        self.in_force(now).map(Holder::named)
    }

    /// The node that is known to have led `term`, whether the promise to it lasts or not.
    pub(crate) fn leader_of(&self, term: Term) -> Option<I> {
        let holder = self.holder.as_ref()?;
        (holder.leads_term == term).then_some(holder.id)
    }

    /// The promise that goes with a vote. Rules 2.1 and 2.2: a promise to the same node is never shortened. A leader
    /// that `renews` keeps leading its term meanwhile.
    pub(crate) fn bind_for_vote(
        &mut self,
        candidate: I,
        term: Term,
        until: Timestamp,
        now: Timestamp,
        renews: bool,
    ) {
        let still_led = self.leader(now).filter(|leader| renews && leader.id == candidate);
        self.bind(candidate, term, still_led.map_or(Term(0), |leader| leader.term), until);
    }

    /// The promise that goes with an accepted heartbeat. It replaces a promise to another node: the lease of an
    /// earlier leader is over, and no other node can win this term.
    pub(crate) fn bind_to_leader(&mut self, leader: I, term: Term, until: Timestamp) {
        self.bind(leader, term, term, until);
    }

    fn bind(&mut self, id: I, term: Term, leads_term: Term, until: Timestamp) {
        let is_same = self.holder.as_ref().is_some_and(|holder| holder.id == id);
        self.until = if is_same { self.until.max(until) } else { until };
        self.holder = Some(Holder::new(id, term, leads_term));
    }

    /// The leader of `term` gives back the promises made to it in that term or an earlier one. Rule 2.2.
    pub(crate) fn release(&mut self, leader: I, term: Term, now: Timestamp) {
        if self.holder.as_ref().is_some_and(|holder| holder.id == leader && holder.term() <= term) {
            self.until = self.until.min(now);
        }
    }

    fn in_force(&self, now: Timestamp) -> Option<&Holder<I>> {
        self.holder.as_ref().filter(|_| now < self.until)
    }
}
