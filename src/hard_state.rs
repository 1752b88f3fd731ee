//! What must survive a crash.

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use core::time::Duration;

use crate::fingerprint::{Fingerprint, Kind};
use crate::membership::{Limits, Membership, MembershipError};
use crate::types::{ClusterId, Incarnation, Life, MembershipVersion, NodeId, Position, Term};

/// The durable state of a node. The host stores it whole, and hands it back when the node starts again.
///
/// The very first state comes from [`bootstrap`](Self::bootstrap), [`joining`](Self::joining) or
/// [`forming`](Self::forming); every later one comes from [`Output::Persist`](crate::Output::Persist), and from
/// nowhere else. It must be durable before the host acts on the outputs that follow it. If the state is lost, the node
/// starts as [`blank`](Self::blank).
///
/// ```
/// use quorate::{ClusterId, Config, Election, HardState, Output, Term, Timestamp};
/// use rand_chacha::ChaCha8Rng;
/// use rand_chacha::rand_core::SeedableRng;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let start = |state: &HardState<u64>, now| {
///     Election::new(Config::new(1), state.clone(), now, ChaCha8Rng::seed_from_u64(0))
/// };
/// // The very first start, of a group of one. (`adapters::store::Store` keeps the state in a file.)
/// let mut stored = HardState::bootstrap(ClusterId(7), [1])?;
/// let mut election = start(&stored, Timestamp::ORIGIN)?;
///
/// // While the node runs:
/// let now = election.deadline().unwrap_or_default();
/// for output in election.tick(now) {
///     match output {
///         Output::Persist(state) => stored = state,
///         Output::Send { .. } | Output::Event(_) | Output::Rejected(_) => {}
///     }
/// }
///
/// // Every later start is from what was stored last: here, from the vote that it gave itself.
/// assert_eq!((stored.term, stored.voted_for), (Term(1), Some(1)));
/// let election = start(&stored, Timestamp::from(Duration::from_secs(2)))?;
/// assert_eq!(election.term(), Term(1));
/// # Ok(())
/// # }
/// ```
///
/// Exhaustive on purpose: a host that stores it in a format of its own must notice a new field, which would
/// be lost at the next start otherwise.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "I: NodeId + Deserialize<'de>")))]
pub struct HardState<I> {
    /// The group this node belongs to.
    pub cluster: ClusterId,
    /// Which group of that number it is; [`Life::NONE`] while the node belongs to none. Rule 1.7.
    pub life: Life,
    /// The highest term that this node has taken part in; or the next one, with its vote for itself, if it
    /// may be about to stand for election in that (rule 4.10). Never less than `membership.version().term`.
    pub term: Term,
    /// The node that it voted for, or followed, in `term`.
    pub voted_for: Option<I>,
    /// The longest promise that it may have given, which is how long it stays bound after a restart.
    pub promised: Duration,
    /// The membership that it holds.
    pub membership: Membership<I>,
    /// Whether that membership was known to be committed when this was stored.
    pub committed: bool,
    /// How far the data of a candidate have to reach for this node's vote, at the least: as far as those of a quorum
    /// may have reached when this node came back after it had forgotten. Rule 9.4.
    pub position_floor: Position,
    /// What a node knows that has forgotten what it took part in and has not come back yet. Its membership is then the
    /// list of the nodes that it asks. Section 9.
    pub blank: Option<Blank>,
}

/// What a node knows that has forgotten everything else.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Blank {
    /// Which of its starts the node is in. Rule 9.2.
    pub incarnation: Incarnation,
    /// The life of the group that the node is pledged to found together with the others of its list. Rule 9.6.
    pub pledge: Option<Life>,
    /// Whether the node may found a group: not if it noticed that it had forgotten while it took part. Rule 7.5.
    pub may_found: bool,
}

/// Why a node cannot be started as blank.
///
/// Non-exhaustive: a later version may check more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlankError {
    /// The wall clock shows a time before 2020, so nobody has set it: it cannot tell one start from another.
    #[error("the wall clock is not set: it shows {0:?} since 1970")]
    ClockNotSet(Duration),
    /// The wall clock shows a time more than 557 years after 1970.
    #[error("the wall clock is out of range: it shows {0:?} since 1970")]
    ClockOutOfRange(Duration),
    /// The list of nodes is no membership.
    #[error(transparent)]
    Membership(#[from] MembershipError),
}

/// Why a state cannot be recovered so. Nothing has been changed.
///
/// Non-exhaustive: a later version may check more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// `above` is not the highest term of all survivors, since this one has a higher term.
    #[error("the highest term of the survivors cannot be {above}: this one has {own}")]
    TermTooLow {
        /// The term that was given.
        above: Term,
        /// The term of this state.
        own: Term,
    },
    /// `above` is the last term that there is.
    #[error("no term is left")]
    NoTermLeft,
    /// The list of survivors is no membership.
    #[error(transparent)]
    Membership(#[from] MembershipError),
}

/// The earliest time that a wall clock shows if it was ever set: the beginning of 2020.
const EARLIEST_TIME: Duration = Duration::from_secs(1_577_836_800);

impl<I: NodeId> HardState<I> {
    /// The first state of a node of a new group. Give every initial node the same `cluster` and the same
    /// `voters`: nodes with different lists are of different [lives](Life), and refuse each other.
    ///
    /// Two groups that were started with the same list have the same life, too. If the second one is to be told apart
    /// from the first, because nodes of that may still run, give its nodes a [nonce](Self::with_nonce).
    ///
    /// # Errors
    /// As [`Membership::bootstrap`].
    pub fn bootstrap(
        cluster: ClusterId,
        voters: impl IntoIterator<Item = I>,
    ) -> Result<Self, MembershipError> {
        let membership = Membership::bootstrap(voters)?;
        let life =
            Fingerprint::of_kind(Kind::Bootstrapped).with(&cluster).with_all(membership.voters()).life();
        Ok(HardState { life, ..Self::fresh(cluster, membership) })
    }

    /// The same state, of a group of another life: of the same one for each node that is given the same `nonce`, which
    /// can be any number. Give it to the first states of all nodes of a group that is to be told apart from an earlier
    /// one.
    ///
    /// ```
    /// use quorate::{ClusterId, HardState};
    ///
    /// let first = HardState::bootstrap(ClusterId(7), [1_u64, 2, 3])?;
    /// let again = HardState::bootstrap(ClusterId(7), [3_u64, 2, 1])?;
    /// assert_eq!(first.life, again.life);
    /// assert_ne!(first.life, again.with_nonce(2).life);
    /// # Ok::<(), quorate::MembershipError>(())
    /// ```
    #[must_use]
    pub fn with_nonce(self, nonce: u64) -> Self {
        let life = Fingerprint::of_kind(Kind::Nonce).with(&self.cluster).with(&self.life).with(&nonce).life();
        HardState { life, ..self }
    }

    /// The first state of a node that will be added to a running group. The node stays passive until then.
    #[must_use]
    pub fn joining(cluster: ClusterId) -> Self {
        Self::fresh(cluster, Membership::joining())
    }

    /// The state of a node that has nothing stored, although the group may know it: its disk was wiped or replaced, or
    /// it has none, or it has never run. `members` are the first nodes of the group, the same on each; a node that was
    /// added later is given them too. `since_1970` is a reading of the wall clock. The page
    /// [`guide::memory`](crate::guide::memory) says for which deployments this is.
    ///
    /// Such a node waits until no promise of an earlier start can be in force, asks the others, and comes back under
    /// its old id as soon as a quorum of the members, itself not counted, has told it what it may have forgotten:
    /// section 9 of the [rules](crate#9-nodes-that-forget). So three nodes bear one that forgets, five nodes two. Until
    /// then its role is [`Recovering`](crate::RoleKind::Recovering), and
    /// [`Status::recovery`](crate::Status::recovery) says which nodes it waits for. If all `members` are blank, they found
    /// the group (rule 9.6).
    ///
    /// **Give all nodes of a group the same list**, for as long as it lives: that of its first nodes. Nodes that were given
    /// a part of it, or another one, could found a group beside it; where the lists may differ, or the group was not started
    /// so, forbid that [`without_founding`](Self::without_founding).
    ///
    /// The process that ran under this id before must have ended, and its `promise_limit` must not have been longer
    /// than it is now.
    ///
    /// # Errors
    /// [`BlankError`] if the wall clock was never set, or `members` is empty, too long, or names a node twice.
    pub fn blank(
        cluster: ClusterId,
        members: impl IntoIterator<Item = I>,
        since_1970: Duration,
    ) -> Result<Self, BlankError> {
        if since_1970 < EARLIEST_TIME {
            return Err(BlankError::ClockNotSet(since_1970));
        }
        let incarnation =
            Incarnation::starting_at(since_1970).ok_or(BlankError::ClockOutOfRange(since_1970))?;
        let blank = Blank { incarnation, pledge: None, may_found: true };
        Ok(HardState { blank: Some(blank), ..Self::fresh(cluster, Membership::bootstrap(members)?) })
    }

    /// The same state of a blank node, which may not found a group but only come back to one.
    ///
    /// Use it where the group was started by [`bootstrap`](Self::bootstrap) or [`forming`](Self::forming) and may have
    /// moved away from its first nodes: if all nodes of a list are blank, they cannot tell whether the group goes on
    /// without them. Of a group that was founded by blank nodes, founders stay in every quorum (rule 9.9), and so it cannot.
    #[must_use]
    pub fn without_founding(self) -> Self {
        let blank = self.blank.map(|blank| Blank { may_found: false, ..blank });
        HardState { blank, ..self }
    }

    /// The first state of a node of a new group whose nodes find each other. Give every node the same
    /// `cluster` and `max_members`.
    ///
    /// **No more than `max_members` distinct ids may ever be started so**, whatever becomes of
    /// them: a quorum is more than half of `max_members`, and among more nodes there could be two.
    /// A node that comes later, or in place of a lost one, starts as [`joining`](Self::joining).
    ///
    /// # Errors
    /// As [`Membership::forming`].
    pub fn forming(cluster: ClusterId, limits: Limits) -> Result<Self, MembershipError> {
        let membership = Membership::forming(limits)?;
        Ok(HardState { life: forming_life(cluster, limits), ..Self::fresh(cluster, membership) })
    }

    /// **Unsafe in general**: makes `survivors` a group of their own after a quorum was lost for good. Give
    /// the state of each survivor the same `survivors`, and the same `above`: the highest term among the
    /// states of all of them.
    ///
    /// The protocol cannot promise any more what the operator has to see to:
    /// - every other member is destroyed, or never starts again under its old id: two groups of one
    ///   cluster would each have a leader;
    /// - all survivors are stopped while their states are changed, and all are changed before the
    ///   first starts;
    /// - a membership that was committed and that no survivor holds is lost.
    ///
    /// The survivors are a group of a new [life](Life), so a node that is not destroyed after all is refused, and told.
    /// The new term exceeds `above`, so a leader's work stays fenced against what the survivors
    /// have seen. The result is bound, as after any restart, for what this node had promised.
    ///
    /// # Errors
    /// [`RecoveryError`] if `above` is below this state's own term or is the last there is, or if
    /// the survivors are no membership.
    pub fn recover_unsafely(
        &self,
        survivors: impl IntoIterator<Item = I>,
        above: Term,
    ) -> Result<Self, RecoveryError> {
        if above < self.term {
            return Err(RecoveryError::TermTooLow { above, own: self.term });
        }
        let term = above.next().ok_or(RecoveryError::NoTermLeft)?;
        let limits = self.membership.limits();
        let survivors = Membership::bootstrap(survivors)?;
        // A starting point again, told by its number. Rule 7.1.
        let membership = survivors.at_version(MembershipVersion { term, number: 0 }).with_limits(limits);
        let former = Fingerprint::of_kind(Kind::Survivors).with(&self.life).with(&term);
        let life = former.with_all(membership.voters()).life();
        Ok(HardState { life, term, promised: self.promised, ..Self::fresh(self.cluster, membership) })
    }

    /// The state of a node of a group that release 0.1 has started, as far as it has taken part in nothing. Such a group
    /// has the life that all of its nodes can derive: that of its number, or of a forming group.
    #[cfg(feature = "store")]
    pub(crate) fn without_life(cluster: ClusterId, membership: Membership<I>) -> Self {
        let life = match membership.limits() {
            _ if membership.quorum() == 0 => Life::NONE,
            Some(limits) => forming_life(cluster, limits),
            None => Fingerprint::of_kind(Kind::Upgraded).with(&cluster).life(),
        };
        HardState { life, ..Self::fresh(cluster, membership) }
    }

    /// The state of a node that has taken part in nothing yet.
    pub(crate) fn fresh(cluster: ClusterId, membership: Membership<I>) -> Self {
        let (term, promised) = (Term(0), Duration::ZERO);
        let position_floor = Position::default();
        HardState {
            cluster,
            life: Life::NONE,
            term,
            voted_for: None,
            promised,
            membership,
            committed: false,
            position_floor,
            blank: None,
        }
    }
}

fn forming_life(cluster: ClusterId, limits: Limits) -> Life {
    Fingerprint::of_kind(Kind::Forming).with(&cluster).with(&limits.max_members).life()
}
