//! The addresses at which one node may be.
//!
//! An address that the program, a name server, a member or a datagram names stays a *candidate* until the node has
//! *answered* at another one later. A node has answered at an address if it has sent from there, and the address is one
//! that the program gave, or has echoed a challenge that was sent to it. A source alone proves nothing: anybody can
//! write any source on a datagram, and would have the group flood another machine by it.

use core::cmp::Reverse;
use core::net::SocketAddr;
use core::time::Duration;
use std::prelude::rust_2024::*;

use super::address::{is_same_family, means_the_same_to};
use super::candidate::{AsOf, Candidate};
use super::names::MOST_RESOLVED;
use crate::types::Timestamp;

/// For how long an address is trusted alone after its node has answered there. A node that is silent for longer is
/// tried at every candidate.
pub(super) const FRESH: Duration = Duration::from_secs(5);

/// How much later than this node the others must have heard a member somewhere else, to be believed; and after how
/// much silence at one address another one, at which the node answers, takes its place.
pub(super) const CLEARLY_LATER: Duration = Duration::from_secs(1);

/// The most candidates of each kind, besides those that names stand for: given by the program, of which the oldest make
/// room; learned, of which the least useful do; and mere sources, which anybody can make up, and which must not drive
/// out the others, nor they these.
const MOST_GIVEN: usize = 4;
const MOST_LEARNED: usize = 4;
const MOST_UNPROVEN: usize = 2;

/// How often at most a source is challenged.
const CHALLENGE_EVERY: Duration = Duration::from_millis(100);

/// How soon a node is tried again, at first and at last, at addresses that may be made up: those that were told without a
/// seal, and sources that do not echo. It is one pace for all of them, however many there are and however often they are
/// told.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// The most bytes that an address which may be made up is owed.
const MOST_CREDIT: usize = 64 * 1024;

/// The candidates of one node, and the one at which it answers.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// Each kind in the order in which it came.
    all: Vec<Candidate>,
    current: Option<SocketAddr>,
    /// When an address that may be made up is tried next, and the pause after that.
    next_try: Timestamp,
    pause: Duration,
}

impl Candidates {
    /// The program gives `address`: it is kept until as many others were given later as there is room for.
    pub(super) fn give(&mut self, address: SocketAddr) -> bool {
        let before = self.best();
        let known = self.all.iter().position(|candidate| candidate.address == address);
        let known = known.map(|index| self.all.remove(index));
        let given = known.unwrap_or_else(|| Candidate::new(address, true));
        self.all.push(Candidate { given: true, trusted: true, ..given });
        self.make_room();
        self.best() != before
    }

    /// The names of the node stand for these `addresses`, and for no others any more. Returns whether one of them was not
    /// known before.
    pub(super) fn resolve(&mut self, addresses: &[SocketAddr], now: Timestamp) -> bool {
        let mut has_new = false;
        self.all.iter_mut().for_each(|candidate| candidate.resolved = None);
        for &address in addresses.iter().take(MOST_RESOLVED) {
            if self.find(address).is_none() {
                self.all.push(Candidate::new(address, false));
                has_new = true;
            }
            if let Some(candidate) = self.find(address) {
                candidate.resolved = Some(now);
            }
        }
        // Where nothing else speaks for an address any more, it is not even a source.
        self.all.retain(|candidate| !candidate.is_unproven() || candidate.seen.is_some());
        self.make_room();
        has_new
    }

    pub(super) fn is_given(&self) -> bool {
        self.all.iter().any(|candidate| candidate.given)
    }

    /// The node is said to be at `address`, as of then. Returns whether its best address is another one now.
    pub(super) fn report(&mut self, address: SocketAddr, as_of: AsOf, word: Word, now: Timestamp) -> bool {
        let before = self.best().map(|best| best.0);
        if self.find(address).is_none() {
            // What is older than an answer elsewhere is no news, unless the node is silent there.
            if self.fresh_answer(now).is_some_and(|(_, at)| as_of <= AsOf::at(at)) {
                return false;
            }
            self.all.push(Candidate::new(address, false));
        }
        if let Some(candidate) = self.find(address) {
            match word {
                Word::Trusted => candidate.trusted = true,
                Word::Hearsay { bytes } => {
                    candidate.credit = candidate.credit.saturating_add(bytes).min(MOST_CREDIT);
                }
            }
            candidate.reported = candidate.reported.max(Some(as_of));
        }
        self.make_room();
        self.best().map(|best| best.0) != before
    }

    /// A datagram of the node, of `length` bytes, came from `address`. Returns whether the node is at another address
    /// now, and whether the source has to be challenged.
    pub(super) fn see(&mut self, address: SocketAddr, length: usize, sealed: bool, now: Timestamp) -> Seen {
        let before = self.current;
        if self.find(address).is_none() {
            self.all.push(Candidate::new(address, false));
        }
        let Some(candidate) = self.find(address) else { return Seen::default() };
        candidate.seen = Some(now);
        candidate.sealed = sealed;
        if candidate.given || candidate.answered.is_some() {
            self.record_answer(address, now);
            return Seen { moved: self.current != before, challenge: false };
        }
        candidate.credit = candidate.credit.saturating_add(length).min(MOST_CREDIT);
        let again = |at: Timestamp| now.saturating_duration_since(at) >= CHALLENGE_EVERY;
        let challenge = candidate.challenged.is_none_or(again);
        self.make_room();
        Seen { moved: false, challenge }
    }

    /// The addresses to challenge: those that may be made up, and sources whose echo may have been lost.
    pub(super) fn unanswered(&self, now: Timestamp) -> impl Iterator<Item = SocketAddr> {
        let again = move |at: Timestamp| now.saturating_duration_since(at) >= CHALLENGE_EVERY;
        let waits =
            move |it: &&Candidate| it.answered.is_none() && it.challenged.map_or(it.is_rumour(), again);
        self.all.iter().filter(waits).map(|candidate| candidate.address)
    }

    /// A challenge of `length` bytes is about to be sent to `address`. Returns whether it may be.
    pub(super) fn challenge(&mut self, address: SocketAddr, length: usize, now: Timestamp) -> bool {
        let may = self.spend(address, length, now);
        if let (true, Some(candidate)) = (may, self.find(address)) {
            candidate.challenged = Some(now);
        }
        may
    }

    /// The node has echoed the challenge that was sent to `address`. Returns whether it is at another address now.
    pub(super) fn confirm(&mut self, address: SocketAddr, now: Timestamp) -> bool {
        let before = self.current;
        if self.find(address).is_some_and(|candidate| candidate.challenged.is_some()) {
            self.record_answer(address, now);
        }
        self.current != before
    }

    /// The node answers at `address`, or did when it sent a datagram that is late: where it answers now, it has answered
    /// a moment ago, and that stays.
    fn record_answer(&mut self, address: SocketAddr, now: Timestamp) {
        (self.next_try, self.pause) = (now, FIRST_RETRY);
        let Some(candidate) = self.find(address) else { return };
        let first = candidate.answered.replace(now).is_none();
        let stays = self.answered().is_some_and(|(current, at)| {
            current != address && now.saturating_duration_since(at) < CLEARLY_LATER
        });
        if !stays {
            self.current = Some(address);
        }
        let of_late = |at: Timestamp| now.saturating_duration_since(at) < FRESH;
        self.all.retain(|other| !other.is_unproven() || other.seen.is_some_and(of_late));
        if first {
            let answered = AsOf::at(now);
            self.all.retain(|other| {
                let newer = other.reported.is_some_and(|as_of| as_of > answered);
                let answers = other.answered.is_some_and(of_late) || other.seen.is_some_and(of_late);
                other.address == address || other.given || other.resolved.is_some() || newer || answers
            });
        }
    }

    /// Whether the program, another member, or an answer says that the node is at `address`.
    pub(super) fn is_known_at(&self, address: SocketAddr) -> bool {
        self.all.iter().any(|candidate| candidate.address == address && !candidate.is_unproven())
    }

    /// The address at which the node answers, and when it did last.
    pub(super) fn answered(&self) -> Option<(SocketAddr, Timestamp)> {
        let current = self.current?;
        let candidate = self.all.iter().find(|candidate| candidate.address == current)?;
        Some((current, candidate.answered?))
    }

    pub(super) fn has_answered(&self, address: SocketAddr) -> bool {
        self.all.iter().any(|candidate| candidate.address == address && candidate.answered.is_some())
    }

    /// The address at which the node has answered of late.
    fn fresh_answer(&self, now: Timestamp) -> Option<(SocketAddr, Timestamp)> {
        self.answered().filter(|&(_, at)| now.saturating_duration_since(at) < FRESH)
    }

    /// The address that others know the node to have, clearly later than it answered here, or others knew it here.
    fn moved_to(&self) -> Option<&Candidate> {
        let current = self.current?;
        let here = self.all.iter().find(|candidate| candidate.address == current)?;
        let later = here.as_of()?.after(CLEARLY_LATER);
        let elsewhere = self.all.iter().filter(|candidate| candidate.address != current);
        elsewhere
            .filter(|candidate| candidate.reported > Some(later))
            .max_by_key(|candidate| candidate.reported)
    }

    /// The best address, as of then, and no source that nothing else speaks for.
    pub(super) fn best(&self) -> Option<(SocketAddr, AsOf)> {
        let known = |candidate: &Candidate| Some((candidate.address, candidate.as_of()?));
        if let Some(moved) = self.moved_to() {
            return known(moved);
        }
        if let Some((current, _)) = self.answered() {
            return self.all.iter().find(|candidate| candidate.address == current).and_then(known);
        }
        self.all.iter().filter_map(known).max_by_key(|&(_, as_of)| as_of)
    }

    /// What to tell a node at `reader`: of the addresses that mean something there the best, and the best one of the
    /// reader's family, since the reader may not be able to use one of another. If the node does not answer here, every
    /// address is told that something else than a source speaks for: one of those that are not the best may be right,
    /// and the reader may be the only node that would try it.
    pub(super) fn told(&self, reader: SocketAddr, now: Timestamp) -> Vec<(SocketAddr, AsOf)> {
        let best = self.best().map(|best| best.0);
        let known = |candidate: &Candidate| Some((candidate.address, candidate.as_of()?));
        let meant = self.all.iter().filter_map(known).filter(|known| means_the_same_to(reader, known.0));
        let mut told: Vec<_> = meant.collect();
        told.sort_by_key(|&(address, as_of)| (Some(address) != best, Reverse(as_of)));
        if self.fresh_answer(now).is_some() && self.moved_to().is_none() {
            let alike = told.iter().find(|(address, _)| is_same_family(*address, reader)).copied();
            told.truncate(1);
            told.extend(alike.filter(|alike| !told.contains(alike)));
        }
        told
    }

    /// The best address, or else a source that has not answered yet.
    pub(super) fn any(&self) -> Option<SocketAddr> {
        let seen =
            || self.all.iter().max_by_key(|candidate| candidate.seen).map(|candidate| candidate.address);
        self.best().map(|best| best.0).or_else(seen)
    }

    /// Where to send what is for the node: where it answered of late, and where it was seen since, or a name was found to
    /// lead since; or else every candidate.
    pub(super) fn route(&self, now: Timestamp) -> Vec<SocketAddr> {
        let (Some((current, at)), None) = (self.fresh_answer(now), self.moved_to()) else {
            let first = self.best().map(|best| best.0);
            let others = self.all.iter().map(|candidate| candidate.address);
            return first.into_iter().chain(others.filter(|&other| Some(other) != first)).collect();
        };
        let since = |candidate: &&Candidate| {
            candidate.address != current && candidate.seen.max(candidate.resolved) > Some(at)
        };
        let others = self.all.iter().filter(since).map(|candidate| candidate.address);
        std::iter::once(current).chain(others).collect()
    }

    /// Whether a datagram of `length` bytes may be sent to `address` now: to one that may be made up no more than came
    /// from there or told of it, and beyond that seldom, by turns and at growing intervals. If so, it counts as sent.
    pub(super) fn spend(&mut self, address: SocketAddr, length: usize, now: Timestamp) -> bool {
        let next = self.all.iter().filter(|candidate| candidate.is_rumour()).min_by_key(|it| it.tried);
        let may = now >= self.next_try && next.is_some_and(|next| next.address == address);
        let Some(candidate) = self.find(address) else { return false };
        if candidate.is_trusted() || candidate.answered.is_some() {
            return true;
        }
        if let Some(left) = candidate.credit.checked_sub(length) {
            candidate.credit = left;
            return true;
        }
        if may {
            candidate.tried = Some(now);
            let pause = self.pause.clamp(FIRST_RETRY, LAST_RETRY);
            (self.next_try, self.pause) = (now.saturating_add(pause), pause.saturating_mul(2));
        }
        may
    }

    /// Whether the node has an address that nobody can have made up.
    pub(super) fn is_certain(&self) -> bool {
        self.all.iter().any(|candidate| candidate.trusted || candidate.answered.is_some())
    }

    fn find(&mut self, address: SocketAddr) -> Option<&mut Candidate> {
        self.all.iter_mut().find(|candidate| candidate.address == address)
    }

    /// Drops what is too much: of the given ones that which was given first, of the others those of which the least is
    /// known. What was given first goes on as any other if the node was heard there, or was reported to be there.
    fn make_room(&mut self) {
        let given = self.all.iter().filter(|candidate| candidate.given).count();
        if given > MOST_GIVEN
            && let Some(oldest) = self.all.iter_mut().find(|candidate| candidate.given)
        {
            oldest.given = false;
            let useless = Some(oldest.address).filter(|_| oldest.is_unproven());
            self.all.retain(|candidate| Some(candidate.address) != useless);
        }
        let current = self.current;
        let is_given = |it: &Candidate| it.given || it.resolved.is_some();
        let is_learned = |it: &Candidate| !is_given(it) && !it.is_unproven() && Some(it.address) != current;
        self.drop_worst(MOST_LEARNED, is_learned);
        self.drop_worst(MOST_UNPROVEN, Candidate::is_unproven);
    }

    /// Drops the worst of a kind of candidates, if there are more than `most`. The one of the latest news stays: a node
    /// that has answered at many addresses may have left them all, and no flood of news takes more than one place from
    /// addresses at which the node has answered.
    fn drop_worst(&mut self, most: usize, is_of_kind: impl Fn(&Candidate) -> bool) {
        let of_kind = || (0_usize..).zip(&self.all).filter(|(_, candidate)| is_of_kind(candidate));
        if of_kind().count() > most {
            let newest = of_kind().max_by_key(|(_, it)| it.as_of()).map(|(index, _)| index);
            let others = of_kind().filter(|&(index, _)| Some(index) != newest);
            let worst = others.min_by_key(|(_, it)| (it.answered, it.reported, it.seen));
            let worst = worst.map(|(index, _)| index);
            worst.map(|index| self.all.remove(index));
        }
    }
}

/// What a report is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Word {
    /// The program says so, or a member whose messages are sealed.
    Trusted,
    /// Anybody may have said so, in so many bytes.
    Hearsay { bytes: usize },
}

/// What the source of a datagram means.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) moved: bool,
    pub(super) challenge: bool,
}
