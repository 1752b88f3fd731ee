//! S4: the quorums of any two memberships that can still elect intersect, and a committed membership is
//! never lost. The checks count voters in the durable states, which covers all quorums at once.

use std::collections::BTreeMap;

use quorate::{Life, Membership, MembershipVersion, Term};

use crate::cluster::index_of;
use crate::process::Host;
use crate::safety::{Verdict, ViolationKind};

/// The history of the memberships.
#[derive(Clone, Debug, Default)]
pub(crate) struct MembershipSafety {
    /// All nodes that ever start as forming. They are the voters of a group that has not formed yet.
    founders: Vec<u64>,
    /// The history of each life of the group.
    lives: BTreeMap<Life, History>,
}

/// The history of the memberships of one life.
#[derive(Clone, Debug, Default)]
struct History {
    /// The memberships that leaders have reported as committed.
    committed: BTreeMap<MembershipVersion, Membership<u64>>,
    /// The membership that the leader of each term had when it was elected.
    led: BTreeMap<Term, Membership<u64>>,
}

/// A membership, and the life that it is of.
type Held<'a> = (Life, &'a Membership<u64>);

impl MembershipSafety {
    pub(crate) fn new(founders: Vec<u64>) -> Self {
        MembershipSafety { founders, ..MembershipSafety::default() }
    }

    /// The newest committed version of this life.
    pub(crate) fn newest(&self, life: Life) -> MembershipVersion {
        let newest = self.lives.get(&life).and_then(|history| history.committed.last_key_value());
        newest.map_or(MembershipVersion::default(), |(&version, _)| version)
    }

    /// Whether a leader of this life has reported `version` as committed.
    pub(crate) fn is_committed(&self, life: Life, version: MembershipVersion) -> bool {
        self.lives.get(&life).is_some_and(|history| history.committed.contains_key(&version))
    }

    /// Checks the durable memberships after one of them has changed.
    pub(crate) fn durable(&self, hosts: &[Host]) -> Verdict {
        let held = self.held(hosts);
        for (index, one) in held.iter().enumerate() {
            for other in &held[index + 1..] {
                self.compare(hosts, *one, *other)?;
            }
        }
        Ok(())
    }

    /// Every membership that some disk holds, each once. All memberships of forming nodes count as one,
    /// since the nodes that they know so far do not change who may vote.
    fn held<'a>(&self, hosts: &'a [Host]) -> Vec<Held<'a>> {
        let mut held: Vec<Held<'a>> = Vec::new();
        for host in hosts.iter().filter(|host| !host.is_blank()) {
            let (life, one) = (host.durable.life, &host.durable.membership);
            let same = |&(of, other): &Held<'a>| {
                of == life && (one == other || (one.is_forming() && other.is_forming()))
            };
            if one.quorum() > 0 && !held.iter().any(same) {
                held.push((life, one));
            }
        }
        held
    }

    fn compare(&self, hosts: &[Host], (life, one): Held<'_>, (of, other): Held<'_>) -> Verdict {
        if life != of {
            let is_alive = |life: Life, members| self.is_active(hosts, members, |host| host.is_of(life));
            let both = is_alive(life, one) && is_alive(of, other);
            let text = format!("two lives can elect: {life} with {one:?}, {of} with {other:?}");
            return if both { Err((ViolationKind::QuorumsApart, text)) } else { Ok(()) };
        }
        if one.version() == other.version() {
            return Err((
                ViolationKind::QuorumsApart,
                format!("one version, two memberships: {one:?}, {other:?}"),
            ));
        }
        // A node of no life may join this one.
        let may_vote = |host: &Host| host.is_of(life) || host.is_of(Life::NONE);
        let both = self.is_active(hosts, one, may_vote) && self.is_active(hosts, other, may_vote);
        if both && self.can_part(one, other) {
            let text = format!("both can elect, with quorums that share no voter: {one:?}, {other:?}");
            return Err((ViolationKind::QuorumsApart, text));
        }
        Ok(())
    }

    fn voters<'a>(&'a self, members: &'a Membership<u64>) -> &'a [u64] {
        if members.is_forming() { &self.founders } else { members.voters() }
    }

    /// Whether an election under `members` could still succeed, that is, a quorum holds nothing newer.
    /// Spec: the opposite of `ConfigDisabled`. A node that has forgotten does not vote before it is back (9.1).
    /// Only nodes that `may_vote` count.
    fn is_active(&self, hosts: &[Host], members: &Membership<u64>, may_vote: impl Fn(&Host) -> bool) -> bool {
        let votes = |&&id: &&u64| {
            hosts
                .get(id as usize - 1)
                .is_some_and(|host| may_vote(host) && host.durable.membership.version() <= members.version())
        };
        self.voters(members).iter().filter(votes).count() >= members.quorum()
    }

    /// Whether a quorum of each membership can be chosen so that they share no voter. Each quorum takes the
    /// voters outside the other membership first; the rest of both must be found among the common voters.
    fn can_part(&self, one: &Membership<u64>, other: &Membership<u64>) -> bool {
        let (a, b) = (self.voters(one), self.voters(other));
        let shared = a.iter().filter(|id| b.contains(id)).count();
        let rest = |members: &Membership<u64>, all: usize| members.quorum().saturating_sub(all - shared);
        rest(one, a.len()) + rest(other, b.len()) <= shared
    }

    /// Checks that `node` may lead in `term` with `members`.
    pub(crate) fn elected(
        &mut self,
        node: u64,
        term: Term,
        life: Life,
        members: &Membership<u64>,
    ) -> Verdict {
        if !members.is_voter(node) {
            return Err((
                ViolationKind::Nonsense,
                format!("{node} was elected in term {term}, but is no voter"),
            ));
        }
        let history = self.lives.entry(life).or_default();
        history.led.insert(term, members.clone());
        let before = history.committed.range(..MembershipVersion { term, number: 0 }).next_back();
        before.map_or(Ok(()), |(_, committed)| keeps(committed, term, members))
    }

    /// Checks that `members` are committed, as the host of `node` has learned. The node leads if `leads`.
    pub(crate) fn committed(
        &mut self,
        node: u64,
        leads: bool,
        life: Life,
        members: &Membership<u64>,
        hosts: &[Host],
    ) -> Verdict {
        let version = members.version();
        if leads {
            // A voter that has forgotten it is told of it before it is back, or does not count (9.5).
            let holds = |&&id: &&u64| hosts[index_of(id)].last_known_version(life) >= Some(version);
            let count = members.voters().iter().filter(holds).count();
            if count < members.quorum() {
                let text = format!("{node} reports {members:?} as committed, which {count} voters hold");
                return Err((ViolationKind::NotCommitted, text));
            }
            let history = self.lives.entry(life).or_default();
            history.committed.insert(version, members.clone());
            let term = version.term.next().unwrap_or(version.term);
            let mut later = history.led.range(term..);
            return later.try_for_each(|(&term, led)| keeps(members, term, led));
        }
        if self.committed_as(life, version) == Some(members) {
            return Ok(());
        }
        Err((
            ViolationKind::NotCommitted,
            format!("{node} reports {version} as committed, which no leader did"),
        ))
    }

    fn committed_as(&self, life: Life, version: MembershipVersion) -> Option<&Membership<u64>> {
        self.lives.get(&life)?.committed.get(&version)
    }

    /// Checks that `node` is removed by `members`, as its host has learned.
    pub(crate) fn removed(&self, node: u64, life: Life, members: &Membership<u64>) -> Verdict {
        let committed = self.committed_as(life, members.version()) == Some(members);
        if committed && !members.contains(node) {
            return Ok(());
        }
        Err((
            ViolationKind::FalselyRemoved,
            format!("{node} reports that it is removed: {members:?}, committed: {committed}"),
        ))
    }
}

/// Checks that the leader of a later `term` has the `committed` membership, or one that followed it.
fn keeps(committed: &Membership<u64>, term: Term, led: &Membership<u64>) -> Verdict {
    let (was, is) = (committed.version().number, led.version().number);
    let lists = |members: &Membership<u64>| (members.members().to_vec(), members.voters().len());
    if is < was || (is == was && (lists(committed), committed.quorum()) != (lists(led), led.quorum())) {
        let text = format!("the leader of term {term} has {led:?}; {committed:?} was committed");
        return Err((ViolationKind::MembershipLost, text));
    }
    Ok(())
}
