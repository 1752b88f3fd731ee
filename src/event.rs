//! What an election tells its host besides what to store and what to send.

mod display;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use crate::diagnosis::{Diagnosis, Problem};
use crate::reconfig::Awaited;
use crate::rejection::Unfit;
use crate::types::{ClusterId, Leader, Life, MembershipVersion, Position, Term};

/// News for the host. Each variant says what it means and what to do about it.
///
/// [`Display`](core::fmt::Display) is one line for an operator. *Reported at growing intervals* means at once, again ten
/// [`promise_limit`](crate::Timing::promise_limit) later at the earliest, and then after pauses that double up to 256
/// times that, for as long as the trouble goes on; for each member, and for all other nodes together. Trouble that is
/// not seen for twice the last pause is over, and new when it comes back. The order among the outputs of a step matters:
/// what follows [`SteppedDown`](Self::SteppedDown) waits until the host has stopped acting as leader.
///
/// ```
/// use quorate::Event;
///
/// /// What a host does about an event, for the work that only a leader does.
/// fn act_on(event: &Event<u64>, works: &mut bool) {
///     match event {
///         // Begin. Each piece of work still asks `Election::lease` for permission.
///         Event::Elected { .. } => *works = true,
///         // Stop before acting on any output that follows.
///         Event::SteppedDown { .. } => *works = false,
///         // Let the operator know: this process can end.
///         Event::Removed => eprintln!("{event}"),
///         // Let the operator know.
///         _ => println!("{event}"),
///     }
/// }
///
/// let (mut works, event) = (false, Event::Elected { term: quorate::Term(7) });
/// act_on(&event, &mut works);
/// assert!(works);
/// assert_eq!(event.to_string(), "elected in term 7");
/// ```
///
/// Non-exhaustive: a later version may have more to report, and a host that does not know an event can
/// pass it on to its operator and do nothing else about it. What a host must not miss is an
/// [`Output`](crate::Output) of its own.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub enum Event<I> {
    /// This node leads. While it leads already, its term has grown and nothing else has changed.
    ///
    /// Begin the leader's work. The permission for it is the [lease](crate::Election::lease), asked for
    /// afresh before each piece of work, not this event.
    Elected {
        /// The term, as a fencing token for the work.
        term: Term,
    },
    /// This node no longer leads.
    ///
    /// Stop all work as leader, and only then act on the outputs that follow: they let another node be
    /// elected.
    SteppedDown {
        /// The term that it led.
        term: Term,
        /// Why it leads no longer.
        reason: StepDown<I>,
    },
    /// This node knows of another leader than before, or of none any more.
    ///
    /// Send clients to that leader. None for longer than an election takes means that no quorum of the
    /// voters can talk to each other: look at [`Status::quorum_reachable`](crate::Status::quorum_reachable)
    /// and at when each member was heard last.
    LeaderChanged {
        /// The leader, which may be this node itself.
        leader: Option<Leader<I>>,
    },
    /// The leader was not heard for as long as its promise: it crashed, hangs, or is cut off. A leader that hands over
    /// is not lost. The hosts report it: at once, and again at growing intervals of a minute to a day.
    ///
    /// Look after that node. The others elect another leader.
    LeaderLost {
        /// The leader that is lost.
        leader: I,
    },
    /// Something has kept this node from its work for seconds. The hosts report it again at growing intervals, of ten
    /// seconds to an hour, for as long as it lasts.
    ///
    /// Let the operator know.
    ///
    /// A diagnosis is large and rare, so it is in a box: all other events are small.
    Diagnosed(Box<Diagnosis<I>>),
    /// What was [diagnosed](Self::Diagnosed) is over.
    Resolved {
        /// What was wrong, as it was said last.
        problem: Problem,
        /// For how long something was wrong.
        lasted: Duration,
    },
    /// The host called this node so long after it was due that elections suffer: the process or its machine was paused,
    /// had no processor, waited for a disk, or its clock was stepped. Whether the leader was heard meanwhile is not
    /// known. The hosts report it: at once, and again at growing intervals of a minute to a day.
    ///
    /// Find out what holds the node up, or give it longer promises.
    TickedLate {
        /// By how much.
        by: Duration,
    },
    /// Another membership is in force on this node, or the one in force is now known to be committed.
    ///
    /// Read it with [`Election::membership`](crate::Election::membership); a host that keeps an address of
    /// each member updates them.
    MembershipChanged {
        /// Its version.
        version: MembershipVersion,
        /// Whether a quorum has acknowledged it, so that it can never be lost.
        committed: bool,
    },
    /// All steps to the target of the last `Reconfigure`, `Discovered` or `Lost` are committed: the change
    /// is done.
    ///
    /// If the target lacks the leader, the next leader takes the last step, so the former leader waits for
    /// [`Removed`](Self::Removed) instead.
    TargetReached {
        /// The version of the membership that is the target.
        version: MembershipVersion,
    },
    /// The target will not be reached by this node: its leadership ended before, or a member of the target
    /// has left meanwhile. The steps that were committed stay; if the leadership goes on, all other steps
    /// are taken.
    ///
    /// Ask the leader, which may be another node now, for the rest of the change.
    TargetAbandoned,
    /// A change of members waits for a learner that answers, because its data do not reach far enough for it to
    /// vote. Reported on the leader, once until the change makes headway.
    ///
    /// Let the learner catch up, and set its [position](crate::Input::SetPosition); the change goes on by
    /// itself. Only [`Force`](crate::Force) promotes it as it is, at the risk of the data.
    LearnerBehind {
        /// The learner.
        learner: I,
        /// How far its data reach.
        position: Position,
        /// How far they have to reach: as far as those of a quorum of the voters did a round of heartbeats ago.
        required: Position,
    },
    /// A change of members waits until a quorum of the voters holds what may have been held before, and this voter,
    /// which answers or is the leader, does not hold it. Reported on the leader, once until the change makes headway.
    ///
    /// Let the voter catch up, and set its [position](crate::Input::SetPosition); the change goes on by itself. A
    /// leader whose host has lowered its position is named as well, and waits in the same way.
    VoterBehind {
        /// The voter.
        voter: I,
        /// How far its data reach.
        position: Position,
        /// How far those of a quorum have to reach before the next step.
        required: Position,
    },
    /// A change of members has made no headway for ten [`promise_limit`](crate::Timing::promise_limit), because of these
    /// members. Reported on the leader, and again at growing intervals while that lasts.
    ///
    /// Mend what they lack; the change goes on by itself. Or give another target, without them.
    ReconfigurationStalled {
        /// The members that the change waits for, and what each lacks.
        awaited: Vec<(I, Awaited)>,
    },
    /// This node is no member any more, and the membership without it is committed.
    ///
    /// Stop it whenever you like. While it runs it stays passive, and tells nodes that ask what the
    /// members are.
    Removed,
    /// This node was removed and added again since it last heard of the members, and forgets the command to
    /// [leave](crate::Input::Leave): it cannot tell whether that came before the removal, which has carried it out, or
    /// after the addition.
    ///
    /// Step `Leave` once more if the node is to leave.
    LeaveForgotten,
    /// A leader knows that this node had acknowledged a membership which it does not hold any more: its
    /// durable state was lost, or an older copy was put back. It takes no part until others have told it what it may
    /// have forgotten.
    ///
    /// Find out how the state was lost. Until the node noticed, it could vote twice in one term: a node whose state is
    /// lost starts as [`blank`](crate::HardState::blank).
    StateLost,
    /// This node had forgotten what it took part in, or was started for the first time as
    /// [`blank`](crate::HardState::blank), and takes part now. It follows, in the highest term that it was told of.
    ///
    /// If the host replicates data that were lost too, catch up, and set the [position](crate::Input::SetPosition).
    Recovered {
        /// That term.
        term: Term,
        /// Whether others have told it what it may have forgotten, or all had nothing to tell.
        how: HowRecovered,
    },
    /// So many voters have forgotten what they took part in that no leader can be elected, and they cannot come back:
    /// too few are left that could tell them. Reported at growing intervals.
    ///
    /// A group that was founded by blank nodes is founded again, once all of its founders are blank: a node without
    /// storage becomes blank by itself, for one with storage that is up to you. Start it as
    /// [`blank`](crate::HardState::blank), if what the group knew may be lost. For any other group,
    /// [make the survivors a group of their own](crate::HardState::recover_unsafely).
    QuorumLost {
        /// The voters that have forgotten.
        blank: Vec<I>,
    },
    /// A node was started as `forming` in addition to `max_members` others, and is refused.
    /// Reported at growing intervals.
    ///
    /// Stop that node, and start it again, with a new state, as `joining`.
    TooManyForming {
        /// The node.
        peer: I,
    },
    /// The successor could not show in time that it would win an election, so this node leads on. It is reported for
    /// each [`Resign`](crate::Input::Resign), and at growing intervals if the leader hands over of its own accord.
    ///
    /// Try again later or with another successor, or resign [now](crate::Urgency::Now).
    HandoverFailed {
        /// The node that was to take over; `None` if no other voter was fit to.
        successor: Option<I>,
        /// What that node lacks now; `None` if it is fit, but has not shown in time that a quorum would vote for it.
        reason: Option<Unfit>,
    },
    /// This leader is to go, because its priority is 0, because it leaves, or because the target lacks it; or members
    /// of a higher priority are to lead instead of it, for longer than
    /// [`takeover_delay`](crate::Timing::takeover_delay). No voter that is wanted can take over, so this node leads on.
    /// Reported at once, and again at growing intervals while that lasts; at most every ten
    /// [`promise_limit`](crate::Timing::promise_limit).
    ///
    /// Mend what the voters lack: the handover begins by itself when one of them is fit. To give up leadership in any
    /// case, resign [now](crate::Urgency::Now).
    NoSuccessor {
        /// The voters that were to take over, and what each lacks. None if this node is the only voter.
        unfit: Vec<(I, Unfit)>,
    },
    /// A voter promises this leader less than the shortest promise that it asks for, since that voter's
    /// [`promise_limit`](crate::Timing::promise_limit) is shorter, or was when the voter last wrote its state. The lease
    /// is as long as a quorum promises, and may lapse between two heartbeats. Reported at growing intervals for each
    /// voter.
    ///
    /// Give all nodes of the group the same lengths of time.
    ShortPromise {
        /// The voter.
        voter: I,
        /// What it promises.
        granted: Duration,
        /// The shortest promise that this leader asks for.
        requested: Duration,
    },
    /// A voter denied this node its vote because that voter's data reach further.
    ///
    /// If the host replicates data, catch up from there and set the new
    /// [position](crate::Input::SetPosition). Until then another node will be elected. It is reported for each such
    /// voter, and again at growing intervals until the node's position has reached that of the voter.
    Behind {
        /// The voter.
        peer: I,
        /// How far its data reach.
        position: Position,
    },
    /// A node of another group writes to this one, and is ignored. Reported by the election at growing intervals; the hosts over
    /// UDP report it at once and again at growing intervals of a minute to a day.
    ///
    /// Correct the addresses in the configuration of one of the two, or start the one that was given the
    /// wrong [`ClusterId`] anew.
    ForeignCluster {
        /// The node.
        peer: I,
        /// Its group.
        cluster: ClusterId,
    },
    /// A node of this node's [`ClusterId`] writes to this one, and belongs to a group of another [`Life`]: a group that was
    /// started with another list, or anew after all had been forgotten. Nothing of what it says is used. Both sides
    /// report it, at growing intervals.
    ///
    /// One of the two groups is a mistake. If the first starts had different lists, stop the nodes that had the wrong
    /// one, and let them join with a new state. If an old group still runs, stop it.
    OtherLife {
        /// The node.
        peer: I,
        /// Its life.
        life: Life,
    },
    /// Two processes of one node send by turns: each has shown to be alive after the other had. A machine was cloned,
    /// or a copy of it was restored beside the original. Or another process sends to this node under the id of this
    /// node: two nodes were given one id. The hosts report it, the former of nodes that seal their datagrams: at
    /// once, and again at growing intervals of a minute to a day.
    ///
    /// Stop one of the two, and let it join with a new state and a new id. Until then both can vote in one term, so
    /// two leaders are possible.
    TwoProcesses {
        /// The node.
        peer: I,
    },
    /// A node holds other members under the version of this node's membership, or one that begins
    /// differently: the two were first started with different lists. Neither votes for the other. Reported
    /// at growing intervals.
    ///
    /// Find the node whose first start had the wrong list; stop it, and let it join with a new state and a
    /// new id.
    MembershipConflict {
        /// The node.
        peer: I,
    },
    /// Two nodes claim to lead one term, which happens only if a durable state was lost or copied. Neither
    /// is followed in that term. Reported at growing intervals.
    ///
    /// Find the node that runs twice, or from an old copy of its state, and stop it.
    TwoLeaders {
        /// One of them, the second at first.
        peer: I,
        /// The term.
        term: Term,
    },
    /// A node's term is more than 2^32 ahead, which no number of elections explains. Its messages are
    /// ignored. Reported at growing intervals.
    ///
    /// Stop that node: it is broken or hostile.
    TermTooFarAhead {
        /// The node.
        peer: I,
        /// Its term.
        term: Term,
    },
}

/// How a blank node has come to take part.
///
/// Exhaustive: section 9 of the rules knows no other way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum HowRecovered {
    /// Others that take part have told it what it may have forgotten. Rule 9.4.
    Rejoined,
    /// All nodes of its list were blank, and have founded a group. Rules 9.6 and 9.7.
    Founded,
}

/// Why a node no longer leads.
///
/// Non-exhaustive: a later version may tell reasons apart, and what a host does does not depend on the
/// reason.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub enum StepDown<I> {
    /// The promises of a quorum ended before they were renewed.
    LeaseLapsed,
    /// There is a leader of a later term.
    NewLeader {
        /// That leader.
        leader: Leader<I>,
    },
    /// It resigned.
    Resigned {
        /// The successor, if one was named.
        successor: Option<I>,
    },
}
