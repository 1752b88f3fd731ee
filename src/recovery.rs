//! What a node that has forgotten learns from the others, and when that is enough to take part again. Section 9.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::membership::{MAX_MEMBERS, Membership, is_newer_config};
use crate::message::{BlankReply, Header};
use crate::types::{Life, MembershipVersion, NEVER, Nanos, NodeId, Position, Round, Term, Timestamp};

/// A node that has forgotten what it took part in, and asks the others.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Recovery<I> {
    /// When the node became blank.
    pub(crate) since: Timestamp,
    /// Until then a promise that the node has forgotten may be in force. Rule 9.1.
    pub(crate) wait_until: Timestamp,
    /// When the next round of requests begins.
    next_round: Timestamp,
    /// When it would begin if nothing hastened it.
    regular: Timestamp,
    /// How long the round after that lasts.
    pause: Nanos,
    /// Whether the next round may still be hastened, which it is once at most.
    may_hasten: bool,
    /// The round of requests that is under way. Replies to any other count for nothing. Rule 9.3.
    round: Option<Round>,
    /// When that round began.
    began: Timestamp,
    /// The round in which this process made the pledge that is in force. Rule 9.6.
    pledged_in: Option<Round>,
    /// The life that all others of the list could found in an earlier round, although this node is pledged to another.
    proposed: Option<(Life, Option<Round>)>,
    /// How many replies have named further nodes to ask in this round.
    extensions: u8,
    /// The replies in this round, at most one of each node that was asked.
    replies: Vec<Reply<I>>,
    /// The newest membership of each life among the replies in this round.
    known: Vec<Known<I>>,
    /// The newest membership of an earlier round, whose members are asked as well.
    contacts: Option<Box<Membership<I>>>,
    /// The last leader that has written to this node since the round began, which is asked in the next one.
    pub(crate) leader: Option<I>,
    /// The leader that is asked in this round.
    asked_leader: Option<I>,
}

/// What a node has replied in this round.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Reply<I> {
    from: I,
    state: State,
}

/// What a node has said of itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum State {
    /// It takes part.
    Live { life: Life, term: Term, position: Position },
    /// It has nothing, either.
    Blank(BlankReply),
}

/// A membership, the life that it is of, and whether a node knows that it is committed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Known<I> {
    pub(crate) life: Life,
    pub(crate) membership: Box<Membership<I>>,
    pub(crate) committed: bool,
}

/// What a node comes back with. Rules 9.4 and 9.7.
pub(crate) struct Outcome<I> {
    pub(crate) term: Term,
    pub(crate) known: Known<I>,
    /// How far the data reach that a quorum may have held.
    pub(crate) position: Position,
}

/// How many replies are kept in a round at most: those of a list, and of memberships that were in force since.
const MAX_REPLIES: usize = 4 * MAX_MEMBERS;
/// How many times in a round nodes are asked that a reply has named.
const MAX_EXTENSIONS: u8 = 16;

impl<I: NodeId> Recovery<I> {
    /// A node that is blank since `since`, and asks from `wait_until` on.
    pub(crate) fn new(since: Timestamp, wait_until: Timestamp, first_pause: Nanos) -> Box<Self> {
        Box::new(Recovery {
            since,
            wait_until,
            next_round: wait_until,
            regular: wait_until,
            pause: first_pause,
            may_hasten: false,
            round: None,
            began: wait_until,
            pledged_in: None,
            proposed: None,
            extensions: 0,
            replies: Vec::new(),
            known: Vec::new(),
            contacts: None,
            leader: None,
            asked_leader: None,
        })
    }

    /// Begins a round. Rounds last twice as long each time, up to `longest`; what hastens one changes no later one.
    pub(crate) fn begin_round(&mut self, round: Round, now: Timestamp, longest: Nanos) {
        self.round = Some(round);
        self.began = now;
        self.asked_leader = self.leader.take();
        self.extensions = 0;
        self.replies.clear();
        if let Some(newest) = self.known.drain(..).max_by_key(|known| known.membership.version()) {
            self.contacts = Some(newest.membership);
        }
        if now >= self.regular {
            self.regular = now.after(self.pause);
            self.pause = self.pause.saturating_mul(2).min(longest);
            self.may_hasten = true;
        }
        self.next_round = self.regular;
    }

    /// Begins the next round earlier, but not before the present one has lasted for `least`: a message has shown that
    /// its sender has something new to tell.
    pub(crate) fn hasten(&mut self, least: Nanos) {
        if core::mem::take(&mut self.may_hasten) {
            self.next_round = self.next_round.min(self.began.after(least));
        }
    }

    /// Rule 9.6: the node has made a pledge at `now`, which the others are told in another round: at once, if it is the
    /// first pledge of this process.
    pub(crate) fn record_pledge(&mut self, now: Timestamp) {
        if self.pledged_in.is_none() {
            self.next_round = now;
        }
        (self.pledged_in, self.proposed) = (self.round, None);
    }

    /// Rule 9.6 (a): proposes that a node which is pledged to another group makes a pledge to this one. Returns whether it
    /// may: an earlier round has led to the same proposal.
    pub(crate) fn propose_pledge(&mut self, life: Life) -> bool {
        match self.proposed {
            Some((proposed, round)) if proposed == life => round != self.round,
            _ => {
                self.proposed = Some((life, self.round));
                false
            }
        }
    }

    /// Whether the node made its pledge before the round that is under way.
    fn is_pledged_before_round(&self) -> bool {
        self.pledged_in != self.round
    }

    /// Whether a reply with this header belongs to the round that is under way. Rule 9.3.
    pub(crate) fn has_asked(&self, reply: &Header) -> bool {
        self.round == Some(reply.round)
    }

    /// Whether `membership` cannot be right beside the newest one of its life among the replies. Rule 7.4.
    pub(crate) fn contradicts(&self, life: Life, membership: &Membership<I>) -> bool {
        let same_life = self.known.iter().find(|known| known.life == life);
        same_life.is_some_and(|known| known.membership.contradicts(membership))
    }

    /// Records the reply of a node that takes part. Returns whether its membership is the newest of its life so far,
    /// whose members have to be asked as well.
    pub(crate) fn record_live(
        &mut self,
        from: I,
        header: &Header,
        position: Position,
        membership: &Membership<I>,
    ) -> bool {
        let Header { life, term, version, committed, .. } = *header;
        if !self.record(from, State::Live { life, term, position }) {
            return false;
        }
        match self.known.iter_mut().find(|known| known.life == life) {
            Some(known) if !is_newer_config(version, known.membership.version()) => {
                known.committed |= committed && version == known.membership.version();
                false
            }
            Some(known) => {
                (*known.membership, known.committed) = (membership.clone(), committed);
                true
            }
            None => {
                self.known.push(Known { life, membership: Box::new(membership.clone()), committed });
                true
            }
        }
    }

    /// Whether the members that a reply names may be asked in the present round. Groups change seldom, so that a round
    /// in which this is refused is one in which somebody makes memberships up.
    pub(crate) fn extend_round(&mut self) -> bool {
        self.extensions = self.extensions.saturating_add(1);
        self.extensions <= MAX_EXTENSIONS
    }

    /// Records the reply of a node that is blank, too.
    pub(crate) fn record_blank(&mut self, from: I, reply: BlankReply) {
        self.record(from, State::Blank(reply));
    }

    /// Records the latest reply of `from`, and forgets what only its earlier one told. Returns whether there was room.
    fn record(&mut self, from: I, state: State) -> bool {
        self.replies.retain(|reply| reply.from != from);
        if self.replies.len() >= MAX_REPLIES {
            return false;
        }
        self.replies.push(Reply { from, state });
        let (replies, known) = (&self.replies, &mut self.known);
        let is_of =
            |reply: &Reply<I>, of: Life| matches!(reply.state, State::Live { life, .. } if life == of);
        known.retain(|known| replies.iter().any(|reply| is_of(reply, known.life)));
        true
    }

    /// Rule 9.4: what the node `me` comes back with, once a quorum of the newest membership of a life has replied in
    /// this round, itself not counted. A node that knows that it has forgotten may still hold a newer membership of its
    /// life, of version `held`.
    pub(crate) fn outcome(&self, me: I, life: Life, held: MembershipVersion) -> Option<Outcome<I>> {
        let is_older =
            |known: &Known<I>| known.life == life && is_newer_config(held, known.membership.version());
        let has_quorum = |known: &&Known<I>| {
            known.membership.is_quorum(|index| {
                let voter = known.membership.member(index);
                voter.is_some_and(|voter| voter != me && self.is_live(voter, known.life))
            })
        };
        self.outcome_of(self.known.iter().filter(|known| !is_older(known)).find(has_quorum)?)
    }

    /// Rule 9.7: what a node takes part with that is pledged to this life, once one reply has come from it.
    pub(crate) fn outcome_of_life(&self, life: Life) -> Option<Outcome<I>> {
        let known = self.known.iter().find(|known| known.life == life)?;
        // What the founders hold, this one need not: it has taken no part yet.
        Some(Outcome { position: Position::default(), ..self.outcome_of(known)? })
    }

    /// The highest term and position that nodes of the life have told with this membership.
    fn outcome_of(&self, known: &Known<I>) -> Option<Outcome<I>> {
        let of_life = self.replies.iter().filter_map(|reply| match reply.state {
            State::Live { life, term, position } if life == known.life => Some((reply.from, term, position)),
            State::Live { .. } | State::Blank(_) => None,
        });
        // Replies may arrive in another order than they were sent in. No term is below that of the membership (7.2).
        let term = of_life.clone().map(|(_, term, _)| term).max()?.max(known.membership.version().term);
        let voters = of_life.filter(|&(from, ..)| known.membership.is_voter(from));
        let position = voters.map(|(_, _, position)| position).max().unwrap_or_default();
        Some(Outcome { term, known: known.clone(), position })
    }

    fn is_live(&self, node: I, of: Life) -> bool {
        let is_reply = |reply: &Reply<I>| {
            reply.from == node && matches!(reply.state, State::Live { life, .. } if life == of)
        };
        self.replies.iter().any(is_reply)
    }

    /// Rule 9.6 (d): whether a node takes part in a group, as far as this one has heard in this round.
    pub(crate) fn has_heard_of_group(&self) -> bool {
        let is_live = |reply: &Reply<I>| matches!(reply.state, State::Live { .. });
        let is_led = self.leader.is_some() || self.asked_leader.is_some_and(|leader| !self.is_blank(leader));
        is_led || self.replies.iter().any(is_live)
    }

    /// Rule 9.6: what the other nodes of `list` have replied in this round, in the order of the list, if all of them have
    /// replied that they are blank and were started with the same list. `me` itself is left out.
    pub(crate) fn blank_founders(&self, me: I, list: &[I], fingerprint: u64) -> Option<Vec<BlankReply>> {
        let reply = |&id: &I| match self.replies.iter().find(|reply| reply.from == id)?.state {
            State::Blank(reply) if reply.list == fingerprint => Some(reply),
            State::Blank(_) | State::Live { .. } => None,
        };
        list.iter().filter(|&&id| id != me).map(reply).collect()
    }

    /// Rule 9.6: whether the others have all said that they are pledged to `life`, in a round that began after this node
    /// had made the same pledge.
    pub(crate) fn are_pledged(&self, others: &[BlankReply], life: Life) -> bool {
        self.is_pledged_before_round() && others.iter().all(|other| other.pledge == Some(life))
    }

    /// Whether `node` has replied in this round.
    pub(crate) fn has_heard(&self, node: I) -> bool {
        self.replies.iter().any(|reply| reply.from == node)
    }

    /// Whether `node` has said in this round that it is blank, too.
    pub(crate) fn is_blank(&self, node: I) -> bool {
        self.replies.iter().any(|reply| reply.from == node && matches!(reply.state, State::Blank(_)))
    }

    /// Whether a message of `node`, which asks or leads, shows that it has more to tell than it has in this round: it has
    /// not replied, or it was blank without the pledge that this node has made.
    pub(crate) fn has_news(&self, node: I, pledge: Option<Life>) -> bool {
        match self.replies.iter().find(|reply| reply.from == node).map(|reply| &reply.state) {
            None => true,
            Some(State::Blank(reply)) => reply.pledge != pledge,
            Some(State::Live { .. }) => false,
        }
    }

    /// The nodes that this one has heard of so far. A node may come more than once.
    pub(crate) fn heard_of(&self) -> impl Iterator<Item = I> {
        let newest = self.known.iter().map(|known| &known.membership);
        let members = newest.chain(&self.contacts).flat_map(|members| members.members());
        members.copied().chain(self.asked_leader).chain(self.leader)
    }

    /// The newest membership that a reply has brought, in this round or before.
    pub(crate) fn latest(&self) -> Option<&Membership<I>> {
        let newest = self.known.iter().max_by_key(|known| known.membership.version());
        newest.map(|known| &*known.membership).or(self.contacts.as_deref())
    }

    /// The next timer.
    pub(crate) fn due(&self) -> Timestamp {
        debug_assert!(self.next_round < NEVER, "a node that recovers always asks again");
        self.next_round
    }
}
