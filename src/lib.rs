//! Elects one leader among a group of nodes, keeps it elected, hands it over gracefully, and tells
//! every node who it is: the election half of Raft, without a log.
//!
//! `quorate` is a state machine and nothing else. [`Election`] owns no thread, socket, file or
//! clock. The host feeds it messages and clock readings; it answers with what to store, what to
//! send and what happened. Whatever the host replicates, if anything, is the host's own business.
//!
//! How to form, grow, replace, shrink, move and mend a group: [`guide::membership`]. What a lease is
//! worth, and how to make sure that only the leader's work counts: [`guide::fencing`]. Against whom the
//! hosts defend a group, and how to look after its keys: [`guide::security`]. How a program moves over from
//! almost-raft: [`guide::migrating`].
//!
//! # Which adapter do I take?
//!
//! | your program | take |
//! |---|---|
//! | has threads, and nodes that reach each other over UDP | feature `udp`: `adapters::udp::Host` is a node, `run_while_leader` guards work |
//! | runs on tokio | feature `tokio-udp`: `adapters::tokio::Handle` over UDP; `tokio` alone: over a transport of yours |
//! | is a command that must run on exactly one machine | the example `singleton`, as it is |
//! | has a loop of its own, and datagrams | feature `endpoint`: `adapters::endpoint::Endpoint` beside the [`Election`]: example `mio_loop` |
//! | has a loop of its own | [`Election`], and of `clock`, `wire`, `seal` and `store` what you need: example `event_loop` |
//! | runs on bare metal | [`Election`] alone: the example `bare_metal` |
//! | is watched | [`adapters::counters`], and the feature `tracing` |
//!
//! # The host's contract
//!
//! 1. Act on outputs **in order**: what follows a [`Persist`](Output::Persist) waits until that
//!    state is durable; what follows [`SteppedDown`](Event::SteppedDown) waits until the host has
//!    stopped acting as leader. If a `Persist` fails, drop the `Election`.
//! 2. For each message: receive it, **then** read the clock, [`tick`](Election::tick), then
//!    [`step`](Election::step). Several messages received before one reading may be stepped after
//!    that one tick. The clock is monotonic and counts suspend; only its rate matters.
//! 3. A leader's work is done under [`lease`](Election::lease), asked against a fresh clock after
//!    all outputs so far were acted on, and carries its term; whoever receives the work refuses a
//!    lower term than it has seen.
//!
//! # What is promised
//!
//! | | | holds |
//! |---|---|---|
//! | S1 | at most one node is elected per term; terms never run backwards on a node, across crashes too | always |
//! | S2 | at any instant at most one node holds a valid lease | while clock *rates* differ by no more than [`clock_drift_ppm`](Timing::clock_drift_ppm) |
//! | S3 | a vote once given in a term is never changed, whatever crashes | if `Persist` was honoured |
//! | S4 | quorums of any two memberships that can still elect intersect; a committed membership is never lost | always, if no more than `max_members` nodes ever start as [`forming`](HardState::forming) |
//! | S5 | the term is a fencing token: a later leader's term is strictly greater | always |
//! | L1 | once a quorum of voters can talk both ways and clocks advance, a leader is elected, and it stays | if one of them has a priority above 0 and a position that none of some quorum of them exceeds |
//! | L2 | a leader that can talk both ways with a quorum is never deposed by a node that cannot, or that was cut off, removed, restarted, or comes back with a higher term | |
//! | L3 | if just one node can talk to a quorum, that node becomes leader | likewise |
//!
//! Nodes crash, messages are lost, doubled, late and out of order; nodes do not lie. Still no
//! input, in any order, from anyone, makes a node panic, loop, or grow without bound.
//!
//! # The protocol
//!
//! The code cites these rules by number. Sources: Raft (Ongaro and Ousterhout, 2014), Ongaro's
//! dissertation ("thesis"), and MongoLoglessDynamicRaft (Schultz, Dardik, Tripakis,
//! arXiv 2102.11960; "Spec").
//!
//! ## 1 Terms and votes (`election/vote.rs`, `election/durability.rs`)
//!
//! 1. A node gives one vote in a term, durable before it is answered. Raft §5.2.
//! 2. Whoever grants a vote, accepts a heartbeat or takes a membership from a message first adopts
//!    its term. A message that is ignored is ignored whole. A pre-vote, and a denial by a bound
//!    voter, adopt nothing. Spec: `UpdateTerms`.
//! 3. Of a request from a node outside the membership nothing is used, unless it bears a newer
//!    version; it is answered with the membership.
//! 4. A term more than 2^32 ahead is refused.
//! 5. Accepting a leader of a term uses up the vote of that term.
//! 6. A restarted node resumes as a follower and campaigns in a later term, never in the durable
//!    one: answers to what it asked before the crash cannot count.
//!
//! ## 2 Promises (`promise.rs`)
//!
//! 1. A vote or an accepted heartbeat is a promise: until it ends, its giver grants neither vote
//!    nor pre-vote to another, nor campaigns. It counts from the receipt, on the giver's clock.
//! 2. A promise to the same node is never shortened by a later, shorter one. A heartbeat of that
//!    leader that asks for zero ends it. A later term's leader replaces it: the lease of the former
//!    one is over.
//! 3. A restarted voter has forgotten its promises: it stays bound to nobody for the longest it may
//!    have given. Nothing ends this early.
//! 4. The longest promise is durable before it is given; a voter grants no more and says how much.
//! 5. The promise is tested before anything else in a vote request is looked at. In a pre-vote, which
//!    changes nothing, it is tested last: who is told that it stands in the way knows that nothing else does.
//! 6. Pre-votes bind nobody, and are always answered.
//! 7. A heartbeat or vote request that is not newer, by its round, than the last of its sender in
//!    its term is ignored: a replayed one cannot bind a voter again.
//!
//! ## 3 Leases (`lease.rs`, `election/leadership.rs`, `election/heartbeat_timing.rs`, `tuning.rs`)
//!
//! 1. A promise of length `granted` in answer to a request of `at` binds until
//!    `at + granted / (1 + drift)` on the asker's clock. It counts only for the term in which it was
//!    asked. Thesis §6.4.1.
//! 2. The lease is the latest time that a quorum of voters reaches. The leader's own entry is the
//!    latest end that its own rounds asked for: one that is not ticked loses its lease too.
//! 3. Leadership is the lease: when it lapses, the leader steps down, before anything else.
//! 4. A candidate is elected when a quorum of promises is in force at one instant.
//! 5. Whoever makes others write (a vote request; heartbeats until the membership is committed, and those
//!    that name a successor) asks for the long promise, `promise_limit`; a leader about to write itself asks for it first,
//!    and so does a winner whose votes are nearly over.
//! 6. A leader that tunes chooses its heartbeats' promise and interval, within bounds, by the round trips
//!    and losses that answers to heartbeats of its term show (`tuning.rs`; RFC 6298, Dynatune). It goes by
//!    every member that answers and does not write first, begins with the longest promise whenever a
//!    membership is committed, lengthens it at once and shortens it late. A promise in force is not
//!    shortened: rule 2.2.
//!
//! ## 4 Elections (`election/deadline.rs`, `election/early_pre_vote.rs`, `election/campaign.rs`, `election/vote_reply.rs`)
//!
//! 1. A follower stands at the end of its promise plus its rank times the stagger. The leader tells
//!    each its rank; without one, its place among the members and chance take its part. Only an
//!    accepted heartbeat and a granted vote move the deadline; a leap of the clock puts it off once.
//! 2. First the pre-vote: would a quorum grant? It changes no state. Thesis §9.6.
//! 3. Then the vote, in the next term. Unanswered requests are repeated in the same term with a new
//!    round and time. The candidate counts members, not replies.
//! 4. Every refusal is answered and says why. A higher term is adopted by an unbound candidate. When
//!    the votes are gone it stands again after its turn; beside a rival that has votes, voters that
//!    are bound, or answered neither the pre-vote nor the vote, are not waited for.
//! 5. A candidate shown a newer membership ends its candidacy and adopts it.
//! 6. The winner writes its term into the membership's version. Spec: `BecomeLeader`. Its members are the
//!    same, so that write is not waited for: it is made before the commit, which counts on it. A first
//!    membership (8.4) is written at once.
//! 7. A leader that denies a member a pre-vote sends it a heartbeat too.
//! 8. A node whose lease lapsed adds a delay to its next candidacies, which doubles and decays.
//! 9. The first in the succession asks for pre-votes ahead of its turn, by a retry interval or a quarter
//!    of its promise, whichever is less, while it still follows: when its turn comes it can stand. A voter
//!    that says that it is bound, which is all that stands in the way (2.5), but for no longer than the
//!    asker was itself, counts as free when that is over. A leader that is there after all does not; it
//!    answers with a heartbeat too (4.7), which ends the question.
//! 10. Who will stand makes its own vote in the next term durable ahead of it, and goes on in the
//!     present term: the first in the succession with a quorum of such answers, and a successor before
//!     it says ready, each once the vote of the present term is used. That vote is given to nobody else, and after a restart that term is over for it
//!     (1.6).
//!
//! ## 5 Staying elected (`election/renewal.rs`, `election/heartbeat.rs`, `election/fast_path.rs`)
//!
//! 1. A leader that learns of a higher term from a member renews in place: it asks for the votes of
//!    the term after, while its lease and work stay with the old term until the new one is won.
//!    Voters skip the position test.
//! 2. A leader whose lease lapsed releases its followers, unless it was renewing.
//! 3. A heartbeat of a higher term is a new leader: step down, follow.
//! 4. Two leaders in one term cannot be. If seen, it is reported, and neither is followed.
//!
//! ## 6 Handing over (`election/handover.rs`)
//!
//! 1. A resigning leader names its successor in heartbeats, for one promise length at most.
//! 2. The successor stays a follower and asks all voters for a pre-vote in the leader's name. Those
//!    bound to just that leader test it as if free. With a quorum it reports ready.
//! 3. The leader steps down, says so, and sends a last heartbeat that asks for zero, with the order
//!    to campaign. The successor stands at once; its requests release the other voters. Thesis
//!    §3.10.
//! 4. Without ready in time the leader leads on. Its own next attempt waits, longer each time.
//! 5. A member of higher priority is handed leadership after a while in good standing. Priority
//!    delays, it never vetoes.
//!
//! ## 7 Membership (`membership.rs`, `election/membership_exchange.rs`)
//!
//! 1. A heartbeat bears the version of the membership, and all of it for whom has not acknowledged
//!    that version. The first of a new leader names the version before instead, whose members are the
//!    same: a follower that holds just that needs no list. Not so where that is a starting point, also
//!    one that was recovered by hand (number 0), as two of one version may differ.
//! 2. A membership is adopted only together with its term, in one write. Spec: `SendConfig`.
//! 3. It is committed when a quorum of its voters has acknowledged term and version in one reply.
//!    Spec: `ConfigQuorumCheck`, `TermQuorumCheck`. Who knows it says so in every message.
//! 4. The same version with other members is refused and reported, and so are two starting points
//!    that do not fit together.
//! 5. A leader that speaks of a committed membership without enclosing it takes its receiver for one
//!    that has acknowledged it. A receiver that does not hold it has lost its durable state: it
//!    reports that, and promises and votes no more.
//!
//! ## 8 Other members (`reconfig.rs`, `election/reconfiguration.rs`, `election/formation.rs`)
//!
//! 1. A leader takes a step to another membership only if (a) the one in force is committed in its
//!    term; (b) the quorums of both overlap; (c) it votes in the next itself; (d) whoever is promoted
//!    follows already, has acknowledged the membership in force and is bound now, and the lease
//!    under the next holds for a heartbeat interval or more. No step is taken while a lease given
//!    out under an earlier membership outlasts the one in force: a step to the one after next may
//!    share no voter with those who granted it. Spec: `Reconfig`.
//! 2. A target is walked to by such steps, each committed before the next: newcomers follow before
//!    they vote, a group grows before it shrinks, as many at once as quorums overlap, and a voter that
//!    does not answer is not spared. Where no such step is possible, force takes one without the lease
//!    in (d), and nothing else is set aside. The target is forgotten with leadership.
//! 3. A member that wants to leave says so in its answers, and the leader removes it, whatever the
//!    target says. A leader that is to go takes all other steps first, as far as others answer, and
//!    then hands over to a voter that stays; without one it stays itself. Who is left out of a
//!    membership is kept quiet until that is committed, and told only then, at once or when it asks;
//!    and a member that may not stand for election asks too, when it has heard nothing for long.
//! 4. A group forms itself from nodes that know nobody: any `max_members / 2 + 1` of at most
//!    `max_members` that ever start so elect, none campaigns before it knows `min_members`, and the
//!    first leader's membership is of those who voted, with that same quorum until it is committed.
//!    Later its leader takes up discovered nodes and gives up lost ones, within the limits.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod adapters;
mod config;
mod election;
#[cfg(any(doc, doctest))]
pub mod guide;
mod hard_state;
mod io;
mod lease;
mod membership;
mod message;
mod peer_log;
mod promise;
mod reconfig;
mod role;
mod succession;
mod tally;
mod tuning;
mod types;

pub use config::{Config, ConfigError, Timing};
pub use election::{Election, HeartbeatTiming, MemberProgress, MemberStatus, Status};
pub use hard_state::{HardState, RecoveryError};
pub use io::{Event, Input, Lease, Output, Rejection, StepDown, Unfit, Urgency};
pub use membership::{Limits, MAX_MEMBERS, Membership, MembershipError};
pub use message::{
    Answer, Body, Claim, Denial, Header, Heartbeat, HeartbeatReply, Message, Order, Phase, VoteReply,
    VoteRequest,
};
pub use reconfig::Target;
pub use role::RoleKind;
pub use types::{ClusterId, MembershipVersion, Nanos, NodeId, Position, Priority, Round, Term, Timestamp};

/// The examples of the README, compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
