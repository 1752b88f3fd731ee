//! What a voter is bound to.

use crate::types::{Leader, Nanos, NodeId, PromiseHolder, Term};

/// The one promise a voter is under, and the quarantine of its restart.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Promise<I> {
    /// Before this instant the voter honours whatever it promised before its restart. Rule 2.3.
    quarantine_until: Nanos,
    until: Nanos,
    holder: Option<Holder<I>>,
}

/// To whom a promise was last given. It outlives the promise: who led a term is known by it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Holder<I> {
    id: I,
    /// The last term of which a vote was granted or a heartbeat accepted.
    term: Term,
    /// The last term of which a heartbeat was accepted; 0 if none was.
    leads_term: Term,
}

impl<I: NodeId> Holder<I> {
    fn named(&self) -> PromiseHolder<I> {
        PromiseHolder { id: self.id, term: self.term }
    }
}

/// What stands against a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Conflict<I> {
    pub(crate) to: Option<PromiseHolder<I>>,
    pub(crate) until: Nanos,
}

impl<I: NodeId> Promise<I> {
    /// A restarted voter is bound to nobody until `quarantine_until`.
    pub(crate) fn quarantine(quarantine_until: Nanos) -> Self {
        Promise { quarantine_until, until: 0, holder: None }
    }

    /// When the voter is free.
    pub(crate) fn end(&self) -> Nanos {
        self.until.max(self.quarantine_until)
    }

    pub(crate) fn quarantine_until(&self) -> Nanos {
        self.quarantine_until
    }

    /// What keeps the voter from voting for `asker`: the quarantine, or a promise to another.
    pub(crate) fn conflict_with(&self, asker: I, now: Nanos) -> Option<Conflict<I>> {
        let holder = self.in_force(now);
        let other = holder.is_some_and(|holder| holder.id != asker);
        (now < self.quarantine_until || other)
            .then(|| Conflict { to: holder.map(Holder::named), until: self.end() })
    }

    /// Whether it is a promise to just that leader in just that term.
    pub(crate) fn is_to_leader(&self, leader: I, term: Term, now: Nanos) -> bool {
        self.in_force(now)
            .is_some_and(|holder| holder.id == leader && holder.term == term && holder.leads_term == term)
    }

    /// The leader the voter follows, until the promise to it ends.
    pub(crate) fn leader(&self, now: Nanos) -> Option<Leader<I>> {
        let holder = self.in_force(now)?;
        (holder.leads_term > Term(0)).then_some(Leader { id: holder.id, term: holder.leads_term })
    }

    /// The leader asks for it again. Rule 2.2.
    pub(crate) fn extend(&mut self, until: Nanos) {
        self.until = self.until.max(until);
    }

    /// When [`leader`](Self::leader) ends, if there is one.
    pub(crate) fn leader_until(&self, now: Nanos) -> Option<Nanos> {
        self.leader(now).map(|_| self.until)
    }

    /// The node that holds it, while it lasts.
    pub(crate) fn holder(&self, now: Nanos) -> Option<PromiseHolder<I>> {
        self.in_force(now).map(Holder::named)
    }

    /// Who is known to have led `term`, in force or not.
    pub(crate) fn leader_of(&self, term: Term) -> Option<I> {
        let holder = self.holder.as_ref()?;
        (holder.leads_term == term).then_some(holder.id)
    }

    /// A vote is granted. Rule 2.1, and 2.2: a promise to the same node is never shortened. A leader
    /// that renews goes on leading its term meanwhile.
    pub(crate) fn bind_for_vote(&mut self, candidate: I, term: Term, until: Nanos, now: Nanos, renews: bool) {
        let leads_term = self.leader(now).filter(|leader| renews && leader.id == candidate);
        self.bind(candidate, term, leads_term.map_or(Term(0), |leader| leader.term), until);
    }

    /// A heartbeat is accepted. It replaces the promise to anybody else: the lease of an earlier
    /// leader is over, and nobody else can win this term.
    pub(crate) fn bind_to_leader(&mut self, leader: I, term: Term, until: Nanos) {
        self.bind(leader, term, term, until);
    }

    fn bind(&mut self, id: I, term: Term, leads_term: Term, until: Nanos) {
        let same = self.holder.as_ref().is_some_and(|holder| holder.id == id);
        self.until = if same { self.until.max(until) } else { until };
        self.holder = Some(Holder { id, term, leads_term });
    }

    /// The leader that holds the promise gave it back: as leader of `term`, or earlier. Rule 2.2.
    pub(crate) fn release(&mut self, leader: I, term: Term, now: Nanos) {
        if self.holder.as_ref().is_some_and(|holder| holder.id == leader && holder.term <= term) {
            self.until = self.until.min(now);
        }
    }

    fn in_force(&self, now: Nanos) -> Option<&Holder<I>> {
        self.holder.as_ref().filter(|_| now < self.until)
    }
}
