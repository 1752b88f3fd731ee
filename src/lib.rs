//! Elects one leader among a group of nodes, keeps it elected, hands leadership over gracefully, and tells
//! every node which node leads: the election half of Raft, without a log.
//!
//! `quorate` is a state machine and nothing else. [`Election`] owns no thread, socket, file or clock. The
//! host feeds it messages and clock readings, and it returns what to store, what to send and what has
//! happened. What the host replicates, if anything, is up to the host.
//!
//! How to form, grow, replace, shrink, move and mend a group: [`guide::membership`]. Which start to take for which
//! deployment, with storage and without: [`guide::memory`]. Manifests for Kubernetes and systemd, and what a rollout
//! costs: [`guide::kubernetes`]. What a lease is worth,
//! and how to make sure that only the leader's work counts: [`guide::fencing`]. How a host that replicates
//! data changes its members without losing a write: [`guide::replication`]. Which attackers the hosts
//! defend a group against, and how to look after its keys: [`guide::security`]. How to watch a group, with probes,
//! metrics and alerts: [`guide::operations`]. What clocks have to be, and
//! what NTP and virtual machines do to them: [`guide::clocks`]. How to move a program from
//! almost-raft: [`guide::migrating`]. What is in files and datagrams, byte by byte, and what an upgrade may do:
//! [`guide::formats`]. How two machines elect with a third vote in a row, a key or an object:
//! [`guide::register`]. How a program in another language works under a lease: [`guide::languages`].
//! How one process holds thousands of groups: [`guide::many_groups`]. How to
//! record what nodes do, replay it, and report a bug: [`guide::records`].
//!
//! # Which adapter do I take?
//!
//! | your program | take |
//! |---|---|
//! | has threads, and nodes that reach each other over UDP | feature `udp`: `adapters::udp::Host` is a node, `run_while_leader` guards work |
//! | runs on tokio | feature `tokio-udp`: `adapters::tokio::Handle` over UDP; `tokio` alone: over a transport of yours |
//! | is a command that must run on exactly one machine | the program: `quorate run` |
//! | is in another language | the program, and its socket: [`guide::languages`] |
//! | has a loop of its own, and datagrams | feature `endpoint`: `adapters::endpoint::Endpoint` beside the [`Election`]: example `mio_loop` |
//! | has a loop of its own | [`Election`], and of `clock`, `wire`, `seal` and `store` what you need: example `event_loop` |
//! | runs on bare metal | [`Election`] alone: the example `bare_metal` |
//! | has two machines, and a bucket or a table | feature `register`, in a loop of its own: [`guide::register`] |
//! | has any number of machines, and only a bucket or a table in common | feature `seat`: `adapters::register::SeatHost`; `register` and `tokio`: `adapters::tokio::SeatHandle` |
//! | is to be seen, replayed and drawn | feature `record`: `adapters::record`, for both hosts: [`guide::records`] |
//! | is watched | feature `probes`: `serve_probes` of both hosts, for Kubernetes and Prometheus; `metrics`: the numbers alone; `tracing` |
//!
//! # Which types may grow
//!
//! Each type says whether a later version may add to it without breaking anybody, and why:
//!
//! - What an election **reports** is non-exhaustive: [`Event`], [`Rejection`], [`Status`], all errors and
//!   counters. A host that does not know of an addition shows it, or ignores it.
//! - What a host must **act on, store or send** is exhaustive: [`Input`], [`Output`], [`HardState`] and
//!   [messages](message). A host that missed an addition could give a vote twice or lose a promise, so the
//!   compiler has to point it out.
//! - What a host **fills in** is exhaustive too, for the sake of `Timing { promise, ..Timing::lan() }`:
//!   [`Config`] and [`Timing`]. A literal that ends so goes on compiling when a field is added.
//! - Values of one or two parts, like [`Term`] or [`Leader`], will stay as they are.
//!
//! # The host's contract
//!
//! 1. Act on outputs **in order**: what follows a [`Persist`](Output::Persist) waits until that state is
//!    durable; what follows [`SteppedDown`](Event::SteppedDown) waits until the host has stopped acting as
//!    leader. Meanwhile further inputs may be stepped, whose outputs queue up behind the others. If a `Persist`
//!    fails before a first byte of the state can have reached the disk, try it again, for as long as you like: a
//!    refused write is a slow write. If a part may have reached the disk, drop the `Election`, because nobody can
//!    tell which state a restart would find.
//! 2. For each message: receive it, **then** read the clock, [`tick`](Election::tick), then
//!    [`step`](Election::step), or both in one call: [`receive_into`](Election::receive_into). Several messages that
//!    were received before one reading may be stepped after that one tick. The clock is monotonic and counts suspend; only its rate matters.
//! 3. A leader's work is done under its [`lease`](Election::lease), which is asked for again, and checked
//!    against a fresh clock reading, after all outputs so far were acted on. The work carries the term of
//!    the lease, and whatever receives the work refuses a lower term than it has seen.
//!
//! # What is promised
//!
//! | | | holds |
//! |---|---|---|
//! | S1 | at most one node is elected per term; terms never run backwards on a node, across crashes too | always; of a node that has forgotten (section 9), terms may run backwards, and the rest rests on clocks as S2 does |
//! | S2 | at any instant at most one node holds a valid lease | while clock *rates* differ by no more than [`clock_drift_ppm`](Timing::clock_drift_ppm), and each clock is as fine as its [`clock_resolution`](Timing::clock_resolution) |
//! | S3 | a vote once given in a term is never changed, whatever crashes | if `Persist` was honoured; by a node that has forgotten a vote may be given again once it cannot be counted any more |
//! | S4 | quorums of any two memberships that can still elect intersect; a committed membership is never lost | always, if no more than `max_members` nodes ever start as [`forming`](HardState::forming); with nodes that have forgotten, as S2, until all of a list have, and if their lists are the same (9.6) |
//! | S5 | the term is a fencing token: a later leader's term is strictly greater | always; with nodes that have forgotten, as S2, and across a founding if wall clocks are as 9.8 asks |
//! | L1 | once a quorum of voters can talk both ways and clocks advance, a leader is elected, and it stays | if one of them has a priority above 0 and a position that none of some quorum of them exceeds |
//! | L2 | a leader that can talk both ways with a quorum is never deposed by a node that cannot, or that was cut off, removed, restarted, or comes back with a higher term | |
//! | L3 | if just one node can talk to a quorum, that node becomes leader | likewise |
//!
//! Nodes crash, and messages are lost, doubled, late and out of order; nodes do not lie. Still, no input,
//! in any order, from any sender, makes a node panic, loop, or grow without bound.
//!
//! # The protocol
//!
//! The code cites these rules by number. Sources: Raft (Ongaro and Ousterhout, 2014), Ongaro's dissertation
//! ("thesis"), and MongoLoglessDynamicRaft (Schultz, Dardik, Tripakis, arXiv 2102.11960; "Spec", whose
//! actions are named). A rule is followed by *why* it is there and, where it is hard, by an example with
//! nodes A, B, C and so on. Times without a unit are milliseconds, in the examples those of
//! [`Timing::lan`]: promises of 150, long promises of 450, a retry interval and a stagger of 20.
//!
//! ## Words
//!
//! | word | meaning |
//! |---|---|
//! | term | A number that only grows. Each term has at most one leader, and each message carries its sender's term. |
//! | voter, learner, witness | A *member* is a voter, whose votes and promises count, or a learner, which follows without a vote. A witness is a voter of priority 0: it never leads. Any other node is a *stranger*. |
//! | quorum | As many voters as an election needs: more than half of them. |
//! | position | How far a host's data reach. A node is elected only by voters whose position is not ahead of its own. |
//! | vote | The voter's word, given once in a term and durable, that the candidate may lead that term. |
//! | promise | What a voter gives with a vote and with an accepted heartbeat: for so long it votes for no other node and does not campaign. Meanwhile the voter is *bound* to the promise's holder. |
//! | long promise | A promise of the length `promise_limit`, asked for where a node has to write before it can reply. |
//! | quarantine | The time after a restart in which a voter honours promises that it has forgotten: it is bound, to no node. |
//! | lease | The time until which a quorum of promises to the leader lasts for certain. The leader acts only under it. |
//! | election deadline | When a follower campaigns. *Jitter* is the random part of it, up to half a stagger, and longer after lost candidacies (4.4 (e)). |
//! | rank, succession, stagger | The leader ranks the voters that could succeed it, from 0. The stagger lies between the deadlines of one rank and the next. |
//! | pre-vote | The question whether a vote would be granted. It changes nothing. An *early pre-vote* is asked before the deadline. |
//! | renewal | A leader's change to a higher term, without a gap in its lease. |
//! | handover, takeover | A leader's orderly resignation in favour of a *successor* (thesis: leadership transfer). A takeover is a handover that the leader itself wants, in favour of a higher priority. |
//! | membership, version | The lists of voters and learners, and the size of a quorum. Its version is the term of the leader that wrote it and a number, compared in that order. |
//! | acknowledged, committed | A member acknowledges a membership by a reply with its version. A membership is committed once a quorum of its voters has acknowledged it: it can never be lost. |
//! | life | Which of the groups it is that ever had one `ClusterId`. |
//! | blank, recovery, incarnation | A node is blank that has nothing stored although the group may know it. It recovers: it waits, asks, and comes back. An incarnation is one of its starts. |
//! | founder, pledge | If all nodes of a list are blank, they are the founders of a group. A pledge is a blank node's word that it will found the group with these others, in these incarnations. |
//! | starting point | A membership that no leader wrote: a list (*bootstrap*), that of a *joining* or *forming* node, or one that was *recovered* by hand. |
//! | reconfiguration, step, target | A leader's way from the membership in force to the target, the membership the operator wants, by steps from one membership to the next. |
//!
//! The roles of a node that takes part, and the rules by which it changes from one to another. A node that has
//! forgotten what it took part in has a role of its own, *Recovering*, until others have told it (section 9): then
//! it is a follower.
//!
//! ```text
//!               deadline (4.1), Input::Campaign              quorum of pre-votes (4.2)
//!  ┌──────────┐ ────────────────────────────► ┌──────────────┐ ───────────► ┌───────────┐
//!  │ Follower │                               │ PreCandidate │              │ Candidate │
//!  └──────────┘ ◄──────────────────────────── └──────────────┘              └───────────┘
//!    ▲  ▲  │     heartbeat or granted vote (2.1), ↺ no quorum in time:       │  │  ▲  ↺ no answer: same term,
//!    │  │  │     newer membership (4.5)             next round (4.2)         │  │  │    next round (4.3)
//!    │  │  │                                                                 │  │  │
//!    │  │  └──────── Order::Campaign (6.3), no pre-vote ─────────────────────┼──┼──┘
//!    │  └─────────── votes gone, higher term (4.4), out of time (4.3), ◄─────┘  │
//!    │               newer membership (4.5), heartbeat (2.1)                    │ quorum of promises (3.4)
//!    │                                                                          ▼
//!    │  lease over (3.3), resigned (6.3),                                   ┌────────┐
//!    └─ later leader (5.3), state lost (7.5) ────────────────────────────── │ Leader │ ↺ higher term: renews,
//!                                                                           └────────┘   lease goes on (5.1)
//! ```
//!
//! A group of three from its start, as a run of the real code: rings of the nodes at three instants, over a lane for each
//! node, with its role and term, what it has promised, and the messages.
//!
#![cfg_attr(doc, doc = include_str!("guide/pictures/roles.svg"))]
//!
//! ## The files of all sections
//!
//! Files: `types.rs`, `types/time.rs`, `message.rs`, `message/display.rs`, `message/packed.rs`, `message/serial_form.rs`, `config.rs`, `config/checked_timing.rs`,
//! `config/errors.rs`, `io.rs`, `event.rs`, `event/display.rs`, `fingerprint.rs`, `name.rs`, `diagnosis.rs`, `rejection.rs`, `status.rs`, `role.rs`, `election.rs`,
//! `election/receipt.rs`, `election/status.rs`, `election/node_attributes.rs`, `election/invariants.rs`, `notice.rs`, `election/expiry.rs`, `election/trouble.rs`
//!
//! Each section begins with the files, below `src`, that implement its rules. These serve all of them: the
//! small values, the messages, the lengths of time, what goes in and comes out, the data of each role, and
//! the hub, which alone changes state.
//!
//! ## 1 Terms and votes
//!
//! Files: `hard_state.rs`, `held.rs`, `election/vote.rs`, `election/durability.rs`, `election/life.rs`
//!
//! **1.1 One vote in a term.** A node grants its vote to one candidate in a term, as often as that
//! candidate asks, and the vote is durable before the reply is sent. Raft §5.2.
//!
//! *Why.* Any two quorums share a voter. Two leaders of one term would need two votes of that voter.
//!
//! *For example,* B votes for A in term 5, and its reply is sent before the vote is on disk. B crashes,
//! restarts, and votes for C in term 5: of A, B and C, two have voted for A and two for C.
//!
//! **1.2 A term is adopted before what it brings.** A node that grants a vote, accepts a heartbeat or takes
//! a membership from a message first adopts the term of that message, if it is higher than its own. A voter
//! that is not bound adopts the term of a vote request also when it then denies the vote for another
//! reason. A message that is ignored is ignored whole. A pre-vote request adopts nothing, and neither does
//! a vote request that a bound voter denies. Spec: `UpdateTerms`.
//!
//! *Why.* A vote or a membership of term 5 on a node that is in term 4 would let that node campaign in term
//! 5, which already has votes or a leader (7.2). And if bound voters, or those that ignore a request, took
//! over its term, a node that was cut off would depose a leader by campaigning in vain.
//!
//! **1.3 A stranger is not heard.** Of a vote request, a pre-vote request or a heartbeat whose sender is
//! not in the receiver's membership nothing is used: no term, no vote, no promise.
//!
//! - (a) *Exception:* the version in the header is newer than the receiver's. Then the request is treated
//!   like that of a member. Forming nodes also hear each other (8.4 (c)).
//! - (b) The denial is `NotAMember` and encloses the receiver's membership, as far as 8.3 (c) permits.
//!
//! *Why.* A removed node does not hear the leader any more, campaigns in ever higher terms, and would
//! depose it with them (thesis §4.2.3). Its denial tells it that it was removed.
//!
//! *For example* of (a), C was cut off while the leader added D and D was elected. C does not know D, but
//! the heartbeat of D names a newer version: it is C that has to catch up.
//!
//! **1.4 A term too far ahead is ignored.** A message whose term exceeds the receiver's own by more than
//! 2^32 is ignored and reported (`TermTooFarAhead`).
//!
//! A node of no life (1.7) knows no term to compare with, and ignores only terms above 2^63.
//!
//! *Why.* Terms are numbers of 64 bits. One broken node could use them all up with one message, and after
//! the last term there is no election.
//!
//! **1.5 Following a leader uses up the vote.** A node that has accepted a heartbeat of a term grants no
//! vote of that term to another node. If it had given its vote of that term to none, the leader is recorded
//! as the one it voted for, in the same write as the term.
//!
//! *Why.* A term that has a leader needs no further votes. One could only help a second leader.
//!
//! **1.6 A restart ends a candidacy.** A restarted node is a follower. It campaigns in a term later than
//! the durable one, never in that.
//!
//! *Why.* Rounds start again, and so do the clock readings of a machine that was started again. A late
//! reply to a request from before the crash could be taken for a reply to a new one, though its promise was
//! over long ago.
//!
//! **1.7 One life.** Each group has a *life*, a fingerprint of how it came into being, and each message bears that of its
//! sender. A message of another life is ignored and reported (`OtherLife`), and a request is denied in the name of the
//! receiver's life, so that its sender reports it too.
//!
//! - (a) *What it is of:* the cluster and the list of a bootstrapped group; the cluster and `max_members` of a forming
//!   one; for survivors (`recover_unsafely`) their list, the life before, and the new term; for a founded group the list
//!   and the incarnations of the founders (9.6); the cluster alone of a group that release 0.1 has started. The operator
//!   adds a nonce where two groups would be the same.
//! - (b) *No life:* a joining node has none, nor has one that is blank. It hears all lives, and belongs to the one whose
//!   membership it takes over.
//!
//! *Why.* A list says who is a member, but not of which group. *For example,* A leads {A, B, C}. By mistake B is installed
//! anew, as a group of its own, with the same `ClusterId`: B would vote for itself and lead, and to A and C it would still
//! be a member that answers. Forming nodes cannot wait for their first leader to draw a life, as the first leader may fail
//! before the commit, and the second would draw another.
//!
//! ## 2 Promises
//!
//! Files: `promise.rs`, `peer_log.rs`, `election/peers.rs`
//!
//! **2.1 A vote or an accepted heartbeat is a promise.** Until it ends, the voter grants neither a vote nor
//! a pre-vote to another node, and does not campaign. A promise of length `granted` that is given at `now`,
//! the reading of the voter's clock after the receipt of the request, binds it before
//! `now + granted + resolution`, where `resolution` is the voter's `clock_resolution`. The one exception is
//! the pre-vote of a handover (6.2).
//!
//! *Why.* Leases consist of promises: before a quorum of them ends, no other node can be elected. They
//! count from the receipt, because the leader counts from the instant at which it sent the request, which
//! is earlier (3.1). A reading may be behind the time by up to one resolution, so the time between two
//! readings may be shorter than their difference by as much: with one resolution more, the voter is bound
//! for `granted` in truth.
//!
//! **2.2 What changes a promise.**
//!
//! - (a) A later promise to the same node never shortens it: it ends at the later of both ends.
//! - (b) A heartbeat of the leader that holds it and asks for zero ends it.
//! - (c) An accepted heartbeat of another leader, which is of no lower term, replaces it, also by a shorter
//!   one.
//! - (d) A vote request in a handover ends it in the former leader's name (6.3 (c)).
//!
//! *Why.* (a) The leader counts the longest promise that it was told of. (b) The leader gives up its lease
//! before it sends that heartbeat (5.2, 6.3). (c) The other leader was elected by a quorum. If the promise
//! was to the leader of an earlier term, its lease is over; if it was to a candidate of the same term, that
//! candidate cannot win any more.
//!
//! *For example* of (a), A asks B for 450 at time 0 and for 150 at time 50. A counts on B until 450. If the
//! second promise replaced the first, B would be free at 200 and could elect C while A holds a lease.
//!
//! **2.3 Quarantine after a restart.** A restarted voter whose durable term is above 0 has forgotten its
//! promises. Before `start + promised + resolution`, with `promised` the longest promise it may have given, it
//! grants no vote and no pre-vote to any node and does not campaign. Nothing ends this early: no heartbeat that asks for zero, no
//! release, no order to campaign. Meanwhile it may follow a leader: it accepts heartbeats, and promises
//! anew.
//!
//! *Why.* The voter may be part of a lease, and does not know of which. What a heartbeat ends is the
//! promise that the voter has given since, not the forgotten one, which may be to another node.
//!
//! *For example,* B promises A 450 at time 0, crashes, and is back at 10. C asks B for its vote. Without a
//! quarantine B grants it, and C is elected while A holds a lease until 450.
//!
//! **2.4 The longest promise is durable before it is given.** A voter grants the least of what is asked,
//! its own `promise_limit`, and the durable `promised`, and its reply says how much. `promised` is raised
//! to `promise_limit` with any write that is made for another reason, and is never lowered.
//!
//! *Why.* Rule 2.3 is only as good as the length on disk. A node writes when it enters its first term, so
//! the length costs no write of its own.
//!
//! **2.5 When the promise is tested.** In a vote request that rules 1.3, 2.7 and 7.4 let pass, the promise is
//! tested first, before term, version, position and vote: a bound voter denies with `Bound`, and adopts nothing.
//! In a pre-vote request the promise is tested last.
//!
//! *Why.* A bound voter that adopted the higher term would then deny the heartbeats of the leader that it
//! is bound to, and so depose it. A pre-vote changes nothing, so the order is free: tested last, a `Bound`
//! denial tells the candidate that nothing else stands in its way, on which 4.9 relies.
//!
//! *For example,* A leads term 4, and C, which does not hear A, asks B for a vote of term 5. If B adopted
//! term 5 before it looked at its promise to A, the next heartbeat of A would be of a stale term to B.
//!
//! **2.6 Pre-votes bind no node.** A granted pre-vote is no promise. A pre-vote request is always answered,
//! whatever its round (2.7 does not apply).
//!
//! *Why.* The rounds of a restarted node start again while it is in its old term. Under rule 2.7 its
//! pre-votes would look old, and it would never find out whether it may campaign.
//!
//! **2.7 Old requests are ignored.** A heartbeat or a vote request counts only if the pair (term, round) in
//! its header is greater than that of the last one of its sender that counted: a higher term, or a higher
//! round of the same term. Equal is not greater. Any other is ignored and not answered, and so is one of
//! term 0, in which no node leads or campaigns. The last of a stranger counts likewise, of one stranger at
//! a time.
//!
//! *Why.* A message that the network repeats or delays must not bind a voter again, nor end a promise
//! again. A sender's rounds only grow while its process lives, and a restarted node sends such requests
//! only in a later term (1.6).
//!
//! *For example,* A dies. A copy of its last heartbeat reaches B a second later: without this rule B would
//! follow a dead leader for another promise.
//!
//! **2.8 Replies are ordered.** A heartbeat reply is the newest of its member if it echoes a higher round than
//! all replies of that member before. Of any other only a longer promise is taken.
//!
//! - (a) *One record:* the leader begins a record of a member when it is elected, or adds the member. A reply
//!   to a round from before, or to one that it has not sent, counts for nothing, its promise included. A
//!   renewal keeps the record, and counts replies to the term that is led (3.1).
//! - (b) *Denials* are replies too: after a newer one, nothing that the member said before counts.
//! - (c) *One attempt:* `ready` (6.2) counts if it replies to the newest round, also as a second reply, and
//!   that round is of the handover attempt that is under way. `Order::Prepare` names the attempt by its first
//!   round, and a successor that is named in another attempt finds out anew.
//! - (d) *One process:* a reply to a pre-vote counts if it names the term of the request, the number of the round,
//!   and a time that is not before that round began. The numbers of a process begin at random, below 2^20.
//! - (e) *One addition:* a membership says with which version each learner was added. A wish to leave (8.3)
//!   counts only in a reply that names that version or a later one. A node that takes over a membership by
//!   which it was added later than with the version it held forgets its wish, and reports that (`LeaveForgotten`).
//!
//! *Why.* What a member says replaces what it said before, and a reply that was delayed, or arrives twice,
//! would bring back what is over. A promise is different: it holds whenever the leader hears of it. (d) A
//! restart may leave a node in its term (1.6 is for votes and heartbeats), and a machine that was started again
//! has a clock that begins again. (e) The leader that
//! adds a node again may die before that node hears of it. The next leader cannot know that the node was
//! gone in between, unless the membership says so. A learner is told before it votes (8.1 (d)), so a voter
//! needs no such version. A wish from after the addition, of which the node had not heard yet, looks like one from
//! before the removal: to drop the one in silence would be wrong, and to keep the other would remove the node twice.
//!
//! The other replies need no order. A vote is given for good in its term, which is campaigned in once (1.6),
//! and so are its denials, but for `Bound`, which costs no more than the rest of that candidacy. A higher
//! term, a newer version and a commit are true for good: they count from any message (4.4, 5.1, 7.2, 7.3), as
//! does the acknowledgement of a removal, by a version that no other list has. A pre-vote binds no node, so
//! one that has become false since costs a failed candidacy (2.6, 4.9). An order to campaign is a request
//! (2.7) of a term that is over once it was followed (6.3).
//!
//! *For example,* B asks A to be removed. Its reply to round 7 says so, and a copy of it is delayed. B is
//! removed, and the operator adds it again: its record begins after round 80. If the copy counted then, A
//! would remove B once more. Or: A names B its successor, and the reply that says `ready` is delayed. A leads
//! on and later names B again, which by now reaches A alone. If that reply counted, A would give up leadership
//! for a node that cannot win.
//!
//! ## 3 Leases
//!
//! Files: `lease.rs`, `progress.rs`, `tuning.rs`, `election/leadership.rs`, `election/long_promise.rs`,
//! `election/heartbeat_timing.rs`
//!
//! Node 1 leads, and is cut off. In the middle of a ring, the bars are what the others still owe to the leader: the lease
//! ends with the second longest, as two of four are a quorum with the leader. It ends before the promises do.
//!
#![cfg_attr(doc, doc = include_str!("guide/pictures/lease.svg"))]
//!
//! **3.1 What a promise is worth.** A promise of length `granted`, in reply to a request with the time
//! `sent_at`, binds the voter before `sent_at + granted / (1 + drift) - resolution` on the requester's clock,
//! rounded down. `drift` is `clock_drift_ppm` in a million, `resolution` the requester's own
//! `clock_resolution`, and the requester counts no more than its own `promise_limit`. Thesis §6.4.1.
//!
//! The reply counts only for the term in which the request was sent: `request_term` of a heartbeat reply is
//! the term now led, and that of a vote reply is the term now voted on. A reply to a request that would lie
//! in the future is ignored.
//!
//! *Why.* The voter starts to count later than `sent_at`, and its clock may be the faster one. One division
//! covers both clocks. A promise of an earlier term may have been replaced since (2.2 (c)).
//!
//! A clock of resolution `r` reads `C` when the time is between `C` and `C + r`: the difference of two
//! readings is off by less than `r`. Let `a` and `b` be the resolutions of requester and voter. The voter is
//! free once its readings differ by `granted + b` (2.1), so more than `granted` has passed on its clock, and
//! more than `granted / (1 + drift)` on the requester's. Then the requester reads more than
//! `sent_at + granted / (1 + drift) - a`: the lease is over on its own reading too. Each node takes care of
//! its own clock, and need not know the others'.
//!
//! *For example,* all clocks count whole milliseconds and drift is zero. At 10.00 A asks B for 150, and its
//! clock reads 10. B receives the request at 10.05, when its own clock, which is ahead by 0.94, reads 10 too.
//! If B were bound before 160 only, it would be free at 159.06, and could elect C, while A, whose clock reads
//! 159 then, held a lease until 160. With resolutions of 1, A counts on B until 159, and B is bound before
//! 161.
//!
//! ```text
//!  leader's clock   sent_at ├────── counts on the voter before sent_at + granted / (1 + drift) ──────┤
//!                           │╲ request                                                               │
//!  voter's clock            │  ● receipt ├──────────────── bound for `granted` ──────────────────────┼───┤
//!                                                                  always ends later than the leader counts on
//! ```
//!
//! *For example,* A leads term 3, resigns, and leads again in term 5. A late reply of B to a heartbeat of
//! term 3 promises 450. B followed C in term 4, so that promise is over: counted in term 5, it would give A
//! a lease that B does not honour.
//!
//! **3.2 The lease.** The lease ends at the latest time that a quorum of the voters reaches: for a quorum
//! of two, the second latest of the ends of rule 3.1. The leader's own entry is the latest `sent_at` plus
//! length of its own rounds, be it heartbeats or vote requests. Within a term and under one membership the
//! lease never becomes shorter.
//!
//! *Why.* Any other quorum contains one of these voters, which is bound. The own entry is finite, so that a
//! leader that is not ticked loses its lease too, also one that is alone in its group.
//!
//! **3.3 Leadership is the lease.** A leader whose clock has reached the end of its lease steps down,
//! before it does anything else that is due.
//!
//! *Why.* From that instant on another node may be elected. A leader that slept must not act on what it
//! finds waiting.
//!
//! **3.4 A quorum of promises in force elects.** A candidate is elected when, at one instant, the promises
//! that came with the votes of a quorum are all in force by rule 3.1. Its own counts as in 3.2.
//!
//! *Why.* A new leader holds a valid lease from its first moment. A vote whose promise is over does not
//! keep its voter from electing another node in a later term.
//!
//! *For example,* A is one of five. B votes for A at 0 and grants 150, as much as its own `promise_limit`
//! allows, and C votes at 200. By then B may have voted for another in a later term: A asks B again, and is
//! elected when both promises are in force.
//!
//! **3.5 The long promise.** Where a node has to write before it can reply, it is asked for `promise_limit`
//! instead of `promise`.
//!
//! - (a) *Others write:* each vote request asks for it, and so do all heartbeats until the membership in
//!   force is committed, and those that name a successor (6.1), which writes before it says ready (4.10).
//! - (b) *The leader writes:* a leader that is to renew (5.1) or to take a step (8.1) first sends
//!   heartbeats that ask for it. It writes once three quarters of a long promise are left of its lease; or,
//!   after two promises, three quarters of the most that was left of it when a reply had lengthened it since;
//!   or after a long promise more. Before a step, as much must also be left of the lease under the next
//!   membership, unless the step is forced. A renewal before the commit need not wait, as heartbeats have
//!   asked for long promises anyway. It never writes in the step or tick in which it finds that it may, but
//!   at the next tick, which is due at once, and if it still may.
//! - (c) *The winner writes:* a candidate with a quorum whose lease would last for less than two thirds of
//!   a long promise asks for the votes again, once, and takes up leadership after two retry intervals, or a
//!   quarter of a long promise, at the latest. So does a leader that renews, but not later than in half of the
//!   time that is left of its lease. Voters whose promise has less than three quarters of the long
//!   promise left are asked again with each repetition of 4.3 too.
//! - (d) *Limits that differ:* in (c) the long promise is the shortest that came with a vote of this term. A
//!   voter that granted less than it was asked for grants no more the next time. A leader to which a voter grants
//!   less than the shortest promise that its heartbeats ask for reports that (`ShortPromise`).
//!
//! The fractions are those of `promise_limit / (1 + drift)`.
//!
//! *Why.* A node that writes does not reply. A lease of 150 does not survive two writes of 100, one on the
//! leader and one on its followers. `promise_limit` is to be at least three times the slowest write plus
//! two round trips. (b) The host asks for the lease when it has acted on all outputs so far. If the write came
//! with the reply that made the lease long, the host would know the lease of before until the write is done,
//! and stop its work, although leadership goes on. (b) and (d): A with a `promise_limit` of 3600 is never promised
//! more than 450 by B, whose own limit that is. A candidate that waited for two thirds of 3600 would take up
//! leadership when the votes are over, and a leader that gave up waiting at any moment would write when its lease
//! is shortest. Lengths that differ make no lease unsafe, only short: if B promises less than two heartbeat intervals
//! of A, the leadership of A does not outlast the loss of one datagram, and nothing but the report says why.
//!
//! *For example* of (b), A asks for long promises at 0, with a lease until 110. The reply of B, at 10, makes it
//! last until 450. A host whose write began at 10 and took 120 would see no lease from 110 to 130.
//!
//! *For example* of (c), A asks at 0, and B takes 320 to write its vote, which binds B until 450. A would
//! win with a lease of 130. B has written already, so it answers a second request after one round trip, and
//! is bound for 450 once more.
//!
//! **3.6 Tuned promises.** A leader that tunes (`tuned_from`) chooses the `promise` and the
//! `heartbeat_interval` of its heartbeats within bounds, by the round trips and losses that replies to
//! heartbeats of its term show. RFC 6298, Dynatune (arXiv 2507.15154).
//!
//! - (a) *Whom it measures:* every member that replies and does not write first, learners too: a member
//!   from its acknowledgement on, by the replies to heartbeats sent later. One that has not replied for the
//!   longest promise is measured anew when it is back.
//! - (b) *What it chooses:* a promise of twice the longest round trip to expect, the leader's own lateness
//!   included, plus `n` times a sixth of the shortest promise; or one and a half times the longest time
//!   without the replies of a quorum, if that is more; lengthened by the drift, and between `tuned_from`
//!   and `promise`. `n`, from 3 to 20, is so large that `n` heartbeats in a row are lost with a chance of
//!   one in a billion at most. The interval spreads `n` heartbeats over what is left of a promise after a
//!   round trip.
//! - (c) *Long first:* it begins with the longest promise whenever a membership is committed, lengthens the
//!   promise at once, and shortens it only when the worst measurement is older than 128 to 256 of the
//!   longest promises. A promise in force is not shortened (2.2 (a)).
//!
//! *Why.* A short promise notices a dead leader sooner, but one that is shorter than the network bears
//! costs a healthy leader its lease. A member whose promise ends between two heartbeats disturbs the
//! others, also if the lease does not need it.
//!
//! ## 4 Elections
//!
//! Files: `tally.rs`, `succession.rs`, `backoff.rs`, `request_timer.rs`, `election/deadline.rs`,
//! `election/early_pre_vote.rs`, `election/campaign.rs`, `election/vote_reply.rs`
//!
//! Node 1 leads, and crashes. Node 2, the first in succession, asks early whether it could win (4.9); the others deny, as they
//! are bound still, and grant their votes as soon as their promises are over.
//!
#![cfg_attr(doc, doc = include_str!("guide/pictures/failover.svg"))]
//!
//! **4.1 The election deadline.** A follower campaigns at the end of its promise (or now, if it is not
//! bound) plus rank times stagger.
//!
//! - (a) *Rank:* the leader tells each voter its rank in every heartbeat. Members that are bound come
//!   before those that are not, those that stay before those that leave, then the higher priority, the
//!   greater position, the later end of promise; a named successor comes first. Without a rank, as at a
//!   cold start, the index among the members takes the place of the rank, and jitter is added.
//! - (b) *What moves it:* of all messages to a follower only an accepted heartbeat, a granted vote request
//!   and an early pre-vote request (d), apart from those by which it learns that it takes no more part (8.3)
//!   or has forgotten (7.5).
//! - (c) *A leap of the clock:* a deadline that is found to be over for more than the shortest promise is
//!   put off, once, to one heartbeat interval from now. It is put off again only after another message has
//!   come.
//! - (d) *Time for a write:* a follower of a rank above 0 that denies a pre-vote only because of its promise,
//!   of which two retry intervals or less remain, campaigns no earlier than a third of `promise_limit`, plus
//!   its rank times stagger, from then on.
//!
//! *Why.* The successor is known before it is needed, and the one after it campaigns only if the first has
//! not been elected in a stagger's time: votes are hardly ever split. Only the two messages of (b) bind
//! their receiver: any other could come from a node that cannot lead, and would put off the election. (c)
//! After a suspend the heartbeats of a healthy leader may wait to be read. (d) The follower of rank 0 asks so
//! early (4.9) and then writes its vote, which takes no longer than a third of `promise_limit` (3.5). If the
//! others campaigned meanwhile, they would use up their votes of the same term. As the promise ends, so does
//! the time in which a request has this effect: no node can put the election off twice.
//!
//! *For example,* A dies and the promises to it end at 150. B, of rank 0, campaigns at 150, C, of rank 1,
//! at 170, unless it has voted for B by then. At a cold start A, B and C campaign at 0, 20 and 40, each up
//! to 10 later by chance.
//!
//! **4.2 First the pre-vote.** A pre-candidate asks all voters whether they would vote for it, in a round
//! that lasts one promise, and campaigns (4.3) when a quorum grants. A voter grants if the term after that
//! of the request exceeds its own term, the version of the request is not older than its own, the position
//! is not behind its own, and no promise to another and no quarantine binds it. The request carries the
//! sender's own term. A pre-vote changes no state of any voter, and neither the term nor the vote of the
//! pre-candidate. A grant counts only for the round in which it was asked. Thesis §9.6.
//!
//! *Why.* A node that cannot win does not raise its term, and so disturbs no leader. The term that a
//! pre-vote proposes has been entered by no node.
//!
//! *For example,* C is cut off from A and B for an hour. Without pre-votes it comes back in term 10,000, to
//! which the heartbeats of A are stale. With them it is still in term 4, and follows A.
//!
//! **4.3 Then the vote.** A candidate enters the next term (by 4.10 (c) the one after that), persists its vote for itself, and asks all
//! voters. A voter grants if it is not bound (2.5), has not gone beyond the term of the request, its
//! version is not newer and its position not ahead of the candidate's, and its vote of the term is free or
//! the candidate's (1.1). Requests without an answer are repeated in the same term (4.11), with a new round
//! and a new `sent_at`, until the candidacy ends after `promise_limit`. The candidate counts voters of the membership it campaigns with, each once; a vote is not taken back by a later reply.
//!
//! *Why.* A lost packet must not cost a term. A reply that came twice must not count twice.
//!
//! **4.4 Denials.**
//!
//! - (a) Each request that is refused, and not ignored, is answered with the reason.
//! - (b) A pre-candidate or a candidate adopts the higher term of a denial by a voter of its membership.
//!   The pre-candidate asks again in a new round, the candidate gives up and campaigns again after its
//!   delay.
//! - (c) A candidacy ends when too few voters are left for a quorum. A voter that is bound in an earlier
//!   term is asked again when it is free. A voter that has voted for another in the term, or is bound in
//!   that term or a later one, is lost, to a *rival*. A voter that denies for any other reason is lost too.
//!   The node then campaigns again after its rank's delay and jitter, not after another whole promise.
//! - (d) Beside a rival, a candidate does not wait for voters that are bound, nor for absent ones. A voter
//!   is absent if it has answered neither the pre-vote nor the vote: nothing has been heard of it since the
//!   pre-vote began, a retry interval or longer ago.
//! - (e) *Split votes:* the longest jitter doubles with each candidacy that the node loses, from half a stagger
//!   to one promise, until the node follows a leader or leads.
//!
//! *Why.* (a) A candidate learns when it is worth while to ask again, and where to catch up. (b) Otherwise
//! a node with a higher term and less data could neither be elected nor vote for any other. (d) Two
//! candidates that each wait for a dead voter would wait until both candidacies are over. (e) A node has won when
//! the others have its vote requests: after the pre-vote's round trip, a write and one way more. Nodes whose
//! deadlines differ by less split the votes. Where messages take longer than the staggers allow for, or clocks are
//! coarser, that would be so each time.
//!
//! *For example* of (d), of the voters A to E, A and B both campaign in term 7. C has voted for A, E for B,
//! and D is dead. A has two votes and could win with D's, so it would wait, and so would B. A has seen that
//! B is a rival and that D did not answer the pre-vote either: it gives up term 7 and tries a later one. If
//! D had answered the pre-vote, it may be writing its vote, and is waited for.
//!
//! *For example* of (e), messages take 60 and the stagger is 1: A, B and C campaign within 3 of each other, and each
//! votes for itself. With jitter of half a millisecond they do the same in the next term, and in the next 57 terms on
//! average. With up to 128 after eight lost candidacies one of them is soon early enough.
//!
//! **4.5 A newer membership ends the candidacy.** A pre-candidate or candidate that is shown a newer
//! membership in a denial adopts it together with the term (7.2), and is a follower again.
//!
//! *Why.* Its votes were counted by a membership that may have been replaced.
//!
//! **4.6 The winner writes its term into the version.** The leader of term T gives the membership in force
//! the version (T, number), with the number it had, or 1 if that was 0. The members are the same, so
//! nothing waits for that write: it is made with the next write, and at the latest before the leader
//! commits that version (7.3), since the leader counts itself as one that has acknowledged it. The first
//! membership of a group that formed itself (8.4) is written at once. Spec: `BecomeLeader`.
//!
//! *Why.* A change that an earlier leader began and did not commit can never win against the later leader's
//! membership.
//!
//! *For example,* A leads term 3 and takes a step to version (3, 5), which reaches no other node. B is
//! elected in term 4 with version (3, 4), which becomes (4, 4). Compared by term first, (4, 4) is newer
//! than (3, 5): A adopts it when it is back.
//!
//! **4.7 A leader shows itself.** A leader that denies a member a pre-vote sends it a heartbeat too, at
//! once, unless it is asking for votes itself (5.1).
//!
//! *Why.* The member has missed heartbeats, and need not wait for the next.
//!
//! **4.8 A lapsed lease delays the next candidacies.** A node whose lease has lapsed adds a delay to its
//! election deadlines: half a promise at first, which doubles with each further lapse, up to eight
//! promises, and halves with each eight promises that pass without one.
//!
//! *Why.* A node on a link that comes and goes would be elected and lose its lease again and again. The
//! delay is no veto: if no other node can be elected, this one is.
//!
//! **4.9 Early pre-vote.** The follower of rank 0 begins its pre-vote round before its election deadline,
//! by `retry_interval`, or by what is left of its promise when two and a half heartbeat intervals of it have passed,
//! but at least a quarter of it, whichever is less. It stays a follower meanwhile. At
//! its deadline it goes on with that round, unless the round is older than two retry intervals; but a round
//! that has a quorum, for which the vote was reserved (4.10), goes on whatever its age.
//!
//! - (a) *Counting:* a voter whose only objection is its own promise denies with `Bound { remaining }`
//!   (2.5). If `remaining` is at most `early_by`, the time that was left until the asker's deadline when it
//!   asked, the voter counts as a grant from the end of its promise on: half a round trip after `sent_at`,
//!   plus `remaining`. All other denials count for nothing, and those voters are asked again at the
//!   deadline.
//! - (b) *Not the leader:* a `Bound` denial by the leader itself, which names its own sender, never counts
//!   so.
//! - (c) *The end:* an accepted heartbeat ends the round, and so does a vote request whose higher term is
//!   adopted (1.2). A leader that is alive sends such a heartbeat in reply (4.7).
//!
//! *Why.* The pre-vote's round trip passes while the promise does, if the interval is as long as the round trip. It
//! begins when two heartbeats are overdue: one that is lost or late does not start it, unless the promise has no room
//! for more. A host that writes the reserved vote does
//! not tick meanwhile, and would find the round old. Counting a voter too early costs a
//! failed candidacy at most, since a pre-vote binds no node (2.6). `early_by` is a bound, because a voter
//! that is bound for longer than the asker has heard the leader later than the asker has.
//!
//! *For example,* B asks at 130 and its deadline is 150. C denies at about 135 with 15 remaining, so it
//! counts from 150 on. With 100 remaining, C has just heard A, and B has only missed a heartbeat.
//!
//! **4.10 Vote reservation.** A node that is about to campaign persists its vote for itself in term T + 1
//! while it still acts in term T, so that its candidacy waits for no disk. It does so when an early
//! pre-vote (4.9) has a quorum, counted as of a retry interval after the deadline, and as a named successor
//! before it says ready (6.2).
//!
//! - (a) *Precondition:* its vote of T is used. The durable state has room for one term and one vote, so no
//!   later write could record a vote of T.
//! - (b) *Consequences:* the vote of T + 1 is given to no other node, and no later write takes it back.
//!   After a crash the node restarts in term T + 1, and so campaigns in T + 2 at the earliest (1.6).
//! - (c) *Pre-votes of others:* a node that has reserved its vote answers a pre-vote request of term T like
//!   any other voter, but a grant, or a `Bound` denial, bears the term T + 1. The asker does not adopt that
//!   term. If such a reply counts towards its quorum, the asker campaigns in T + 2, and reserves no vote of
//!   T + 1.
//!
//! *Why.* The candidate's write is made while the promises to the dead leader run. After the deadline only
//! the voters write. (c) The reply to a pre-vote says what the reply to the vote would be: in T + 1 that vote
//! is not to be had, in T + 2 it is. A plain denial would not do, since the reservation lasts until a later
//! term begins, and the node may be unable to use it.
//!
//! *For example* of (c), A leads term 4 and names B, which reserves its vote of term 5. The handover fails, A
//! leads on, and the data of C get ahead of those of B. A dies. C needs the vote of B, which B can give in
//! term 6 only, and B cannot win without the vote of C. If B denied the pre-votes of C, none could be elected;
//! if B granted them for term 5, C would campaign there in vain.
//!
//! ```text
//!  failover: A is dead, B has rank 0 (4.9, 4.10)
//!    B                                                                C
//!    │ deadline - early_by ─────── pre-vote of T ──────────────────►  │ bound to A, no other objection
//!    │ ◄───────────────── Bound { remaining } ────────────────────────│
//!    │ quorum of such replies: Persist(T + 1, vote for B)             │
//!    │ deadline ─────────── vote request of T + 1 ─────────────────►  │ promise to A is over:
//!    │                      (long promise)                            │ Persist(T + 1, vote for B)
//!    │ ◄───────────────── Granted(length) ────────────────────────────│
//!    │ Elected { T + 1 }, with a lease (3.4)                          │
//!    │ ───── heartbeat: version (T + 1, n), inherited (T, n) ──────►  │ Persist, acknowledges (7.1)
//!    │ ◄───────────────── Granted(length) ────────────────────────────│
//!    │ Persist, then the membership is committed (4.6, 7.3)           │
//! ```
//!
//! **4.11 Requests to silent voters become rare.** The requests of a candidacy, of a renewal, and of
//! pre-vote rounds that follow each other without a pause are repeated at the retry interval for one promise,
//! and once per promise from then on. A voter that is bound is asked once when it is free, and then like one
//! that has not answered. Pre-vote rounds after the first are shortened by jitter, but by no more than an
//! eighth.
//!
//! *Why.* A lost packet has to be made up for at once, but a voter that has been silent for a promise is
//! most likely down. A node without a quorum sends less than a leader, which sends two heartbeats per promise
//! or more, and still asks a voter that is back within one promise. Without jitter, nodes whose deadlines
//! are whole rounds apart would always ask at one moment, and split the votes of a quorum that is back.
//!
//! Heartbeats are not made rarer for silent members. They are what binds a member that is back, within one
//! heartbeat interval, before it campaigns; and the lease may need its promise next. With 25 of 51 nodes gone a
//! leader sends 1,000 messages a second as before, 500 of them in vain. A host that minds may drop some of them:
//! a lost heartbeat harms nothing, and a member that asks is sent one at once (4.7). The hosts over UDP bound what
//! they send to silent nodes in this way.
//!
//! *For example,* 26 of 51 nodes are down. At a retry interval of 20 the other 25 would ask each of them 50
//! times a second, which makes more messages than the whole group sends while it has a leader.
//!
//! ## 5 Staying elected
//!
//! Files: `election/heartbeat.rs`, `election/following.rs`, `election/renewal.rs`, `election/fast_path.rs`
//!
//! **5.1 Renewal.** A leader that is shown a term above its own durable term, in a member's message other
//! than a heartbeat (5.3), renews in place while its lease holds: it asks for the votes of the term after
//! that.
//!
//! - (a) Lease and work stay with the old term until the new one is won. Vote requests take the place of
//!   heartbeats meanwhile. Before that it asks for long promises (3.5 (b)).
//! - (b) Voters skip the position test. They are bound to this very leader, so their promises do not stand
//!   in the way.
//! - (c) Once the new term is won, `Elected` follows without `SteppedDown`. If the votes are gone, the
//!   leader asks again in the next term. If the lease ends first, it steps down (3.3).
//!
//! *Why.* A node that comes back with a higher term denies the leader's heartbeats for ever. A leader that
//! stepped down for it would be deposed by a node that cannot lead. (b) The position test is for a new
//! leader; this one leads already.
//!
//! *For example,* A leads term 4, and C restarts in term 9, as it had campaigned on its own. C denies A's
//! heartbeat with term 9. A asks for votes of term 10 and gets that of B, with its lease of term 4 in force
//! all the time. C follows A in term 10.
//!
//! **5.2 A lapsed leader releases its followers.** After `SteppedDown`, it sends each a last heartbeat that
//! asks for zero, unless it was asking for votes in a renewal.
//!
//! *Why.* The followers may elect another leader at once instead of after their promises. Those that have
//! voted in a renewal are bound in the new term, and a heartbeat of the old one is stale to them.
//!
//! **5.3 A heartbeat of a higher term is a new leader.** A leader that receives one, of a term no lower
//! than its own durable term, steps down and follows. It never renews for it.
//!
//! *Why.* The new leader was elected by a quorum, which was not bound to this leader any more.
//!
//! **5.4 Two leaders in one term cannot be.** If a node hears a second leader of the term that it leads, or
//! in which it has followed another, it reports `TwoLeaders` and follows no leader of that term any more.
//!
//! *Why.* It happens only if a durable state was lost or copied. Nothing that either says can be relied on,
//! and an operator has to know.
//!
//! ## 6 Handing over
//!
//! Files: `succession.rs`, `damping.rs`, `election/handover.rs`, `election/takeover.rs`, `election/timeout_now.rs`,
//! `election/transfer_pre_vote.rs`
//!
//! Node 1 resigns in favour of node 2, which tries first whether it would win. Then the leader gives up its lease, releases
//! all from their promises, and orders node 2 to campaign.
//!
#![cfg_attr(doc, doc = include_str!("guide/pictures/handover.svg"))]
//!
//! **6.1 Naming the successor.** A resigning leader names its successor in the heartbeats to it
//! (`Order::Prepare`), at once, then at the retry interval for one promise length, and with each round of
//! heartbeats, for one long promise at most.
//!
//! - (a) The attempt begins once the membership in force is committed and no renewal runs. A successor that
//!   is not fit yet is waited for, for one promise length from then on.
//! - (b) While a handover is under way no step is taken (8.1 (f)). A renewal starts the attempt over in the
//!   new term, and a later `Resign` replaces it.
//! - (c) A successor is fit if it is another voter of priority above 0 that is not leaving, has replied in
//!   this term, has a promise in force, and has a position that a quorum does not exceed.
//! - (d) A handover ends without a word when its reason does: a later target calls back the leader (8.3 (b)), or
//!   the leader's priority is set to at least that of the member that was to take over (6.5).
//!
//! *Why.* Leadership is not given up before it is known to be wanted: the leader leads on until the
//! successor has shown that it can win. The successor writes its vote first (4.10), and has the time that
//! every write has (3.5). That costs nothing, as the leader leads on.
//!
//! *For example,* the disk of B takes 200 for each write, and A resigns in favour of B. B has a quorum at 10
//! and is ready at 210. If A had given up at 150, B would have reserved its vote in vain.
//!
//! **6.2 The successor tries.** The named successor stays a follower and asks all voters, the leader
//! included, for a pre-vote in the leader's name (`Claim::Handover` with leader and term).
//!
//! - (a) A voter that is bound to just that leader in just that term tests the request as if it were free,
//!   and so does that leader while it names the asker. A quarantine (2.3) and every other test of 4.2
//!   stand.
//! - (b) With a quorum, the successor reserves its vote (4.10) and says `ready`, at once and in every
//!   heartbeat reply. Of a denial nothing is used.
//! - (c) The attempt ends on the successor's side with a heartbeat that does not name it or is of another
//!   leader or term. A pre-vote round ends after one promise length, and the next heartbeat that names the
//!   successor begins another.
//!
//! *Why.* With this question the leader finds out at no risk whether the successor reaches a quorum: no
//! promise, term or deadline has changed.
//!
//! *For example,* A leads a group of five and names B, which reaches no other node than A. A and B are no
//! quorum, so B does not say `ready`, and A leads on without a gap.
//!
//! **6.3 Stepping down in favour of the successor.**
//!
//! - (a) The leader acts on `ready` only from the successor that it names now, in a reply of its own
//!   durable term. A leader that renews names none: a successor in a higher term would campaign beyond the
//!   term that is led. `Urgency::Now` does not wait for it.
//! - (b) It reports `SteppedDown` first. Then it sends all members a last heartbeat that asks for zero, the
//!   successor's with `Order::Campaign`. That order is given five times at most, at the retry interval,
//!   until the former leader sees a higher term, votes, or follows. A leader that is asking for votes in a
//!   renewal sends none of these heartbeats (5.2).
//! - (c) The successor campaigns at once, without a pre-vote, if it may lead and nothing binds it. Its vote
//!   requests carry `Claim::Handover`, which releases a voter from a promise to that leader of that term or
//!   an earlier one. Quarantines stand.
//!
//! Thesis §3.10 (there: `TimeoutNow`).
//!
//! *Why.* Once a promise is given back another node may be elected, so the former leader's host must have
//! stopped before (S2). Only a successor that has received the order knows that: before, its requests must
//! not release any voter. The voters are released by the request itself, as the last heartbeat to them may
//! be late or lost; in other respects they follow by rank.
//!
//! ```text
//!  handover: A leads T and resigns in favour of B (6.1 to 6.3)
//!    A                                  B                                        C
//!    │ heartbeat, Order::Prepare ────►  │ pre-vote, Claim::Handover{A, T} ─────► │ bound to just A in T:
//!    │                                  │                                        │ counts as free
//!    │                                  │ ◄─────────── Granted ──────────────────│
//!    │                                  │ Persist(T + 1, vote for B) (4.10)      │
//!    │ ◄────── reply, ready: true ──────│                                        │
//!    │ SteppedDown                      │                                        │
//!    │ heartbeat, promise 0, Campaign ► │ vote request of T + 1, the same claim ►│ drops the promise to A,
//!    │                                  │                                        │ Persist(T + 1, vote for B)
//!    │                                  │ ◄─────────── Granted ──────────────────│
//!    │                                  │ Elected { T + 1 }                      │
//! ```
//!
//! **6.4 Without ready the leader leads on.** It reports `HandoverFailed`. If the handover was its own wish
//! (6.5, 8.3), its next attempt waits for two promises, twice as long with each further failure, up to 32
//! promises. A takeover that succeeds delays the next likewise. Whatever the wish was, where no successor is
//! named the nodes that were not tried in that time come first, then the one that was tried longest ago.
//!
//! - (a) *No successor:* a leader that is to go and has no fit successor reports what each voter lacks
//!   (`NoSuccessor`), and so does one to which members of a higher priority have been unfit to take over (6.5)
//!   for `takeover_delay`.
//! - (b) *Growing intervals:* that report, and `HandoverFailed` where the handover was the leader's own wish, are
//!   made at once, and again after pauses that double, from ten times `promise_limit` to 256 times that. They
//!   come after the shortest pause if the reason is another, and at once when the trouble has been over for
//!   twice the last pause.
//!
//! *Why.* A node that can never win, or that loses leadership again at once, must not be tried without end. A
//! wish that is not met for long looks like one that was forgotten; a report with each heartbeat hides all others.
//!
//! **6.5 Priorities.** A member of higher priority than the leader's is handed leadership once such a
//! member has been fit (6.1 (c)) for `takeover_delay` under this leadership; at once if the leader's own
//! priority is 0. The time is counted anew after a reconfiguration was about to take a step (3.5 (b)): a
//! leader that makes headway there goes on. A node of priority 0 votes and never leads. A priority is no
//! test in 4.2 or 4.3: it delays, and never vetoes.
//!
//! *Why.* If only a node of low priority can be elected, a leader of low priority is better than none.
//!
//! **6.6 Damping.** A member to which leadership was handed over is *unsteady* if another node leads, to
//! which that member has not handed over in turn, before 32 times `takeover_delay` have passed. An unsteady
//! member has to be fit without a break, as the present leader sees it, for twice `takeover_delay` before
//! a takeover (6.5) in its favour, and twice as long with each further time, up to 32 times
//! `takeover_delay`. After each 32 times `takeover_delay` in which that has not happened again, and in
//! which no leader has seen the member unfit, it has to be fit for half as long.
//!
//! - (a) *Which nodes remember it:* the leader that handed over, and every voter that gave its vote in that
//!   handover. They are those that lead next. A restart forgets it.
//! - (b) *Where it counts:* a leader of priority 0, and one that the host lets choose a successor, prefer
//!   other members, and take an unsteady one if there is no other.
//!
//! *Why.* A takeover is worth its two elections only if the new leader stays. The delay of rule 6.5 is the
//! same each time, and that of rule 4.8 is the former leader's own and does not bear on takeovers.
//!
//! *For example,* A has the highest priority, and its process stalls for 300 every 6 seconds. B is elected,
//! hands over to A after 5 seconds, and A stalls again a second later. Now A has to be fit for 10 seconds,
//! but as a follower it stalls too: B leads on until A has been well for so long.
//!
//! ## 7 Membership
//!
//! Files: `membership.rs`, `membership/origin.rs`, `membership/serial_form.rs`, `election/membership_exchange.rs`
//!
//! **7.1 How a membership travels.**
//!
//! - (a) Each message carries the version of its sender's membership. A heartbeat encloses the whole
//!   membership for a member that has not acknowledged that version to this leader.
//! - (b) The first heartbeats of a new leader enclose no list. They name the version before, `inherited`,
//!   whose members are the same (4.6). A follower gives its membership the new version if its own version
//!   is `inherited`, which has the number of the new version and an earlier term. Any other is told all by
//!   the next heartbeat.
//! - (c) Rule (b) is not for a starting point: no `inherited` is named if its term is 0, or its number is
//!   0, which is that of a membership recovered by hand.
//!
//! *Why.* A failover sends no lists, which are long in large groups. (c) Two memberships of one version
//! have the same members, because one leader wrote them; but two starting points of one version may differ.
//!
//! *For example* of (c), A was started with the list {A, B, C} and B with {A, B, D}, both of version (0,
//! 1). If B took the version (1, 1) without a list, both would seem to hold one membership.
//!
//! **7.2 A membership is adopted together with its term.** A node takes over an enclosed membership only if
//! its version is newer than its own, and the version's term is no higher than the node's term after rule
//! 1.2. Both are in one write. Spec: `SendConfig`.
//!
//! *Why.* A membership of term 5 shows that term 5 has a leader.
//!
//! *For example,* A leads term 5 and writes a membership of version (5, 2). If C took it over and stayed in
//! term 4, it could campaign in term 5: a second leader of term 5, which would write another membership of
//! version (5, 2).
//!
//! **7.3 Committed.** A membership is committed when a quorum of its voters has acknowledged it, each by a
//! reply whose header has both the term that is led and the version in force. A node that knows that its
//! membership is committed says so in the header of every message, and a node that holds the same version
//! learns it from there. Spec: `ConfigQuorumCheck`, `TermQuorumCheck`.
//!
//! *Why.* A later leader needs the vote of one of these voters, which denies it to a candidate with an
//! older version. The term must be in the same reply: a voter that has gone on to a later term may vote
//! there for a candidate that does not hold the membership.
//!
//! **7.4 Conflicting memberships.** If a message encloses a membership of the receiver's version with other
//! members or another quorum, its sender is refused and reported (`MembershipConflict`). So are two
//! starting points that do not fit together: a forming node and a list, or forming nodes of different
//! `max_members`. What two forming nodes know may differ, and a joining node fits all.
//!
//! *Why.* Nodes that were started with different lists are two groups that share some members: either could
//! elect a leader.
//!
//! *For example,* A was started with {A, B, C} and D with {A, B, D}. {A, C} is a quorum to A, and {B, D} is
//! one to D.
//!
//! **7.5 Lost state.** A heartbeat that asks for a promise above 0, whose header says that a newer version
//! than the receiver's is committed, and that encloses no membership, is sent only to a member that has
//! acknowledged that version (7.1 (a)). A receiver that does not hold it has lost its durable state: it
//! reports `StateLost`, steps down if it leads, and is blank from then on, which is durable: it recovers by
//! section 9. A receiver whose vote of just that term is given to itself may have come back in that term (9.4), and
//! accepts the heartbeat.
//!
//! *Why.* The state may have contained a vote, which the node would give once more. A node that has come back may have
//! acknowledged to this leader before it forgot; its reply tells the leader (9.5 (a)).
//!
//! ## 8 Other members
//!
//! Files: `reconfig.rs`, `election/reconfiguration.rs`, `election/catch_up.rs`, `election/removal.rs`,
//! `election/standstill.rs`, `election/formation.rs`
//!
//! The leader replaces node 3 by node 4, in three steps: node 4 is a learner, then a voter, and then node 3 is no member any
//! more. Each step is committed before the next.
//!
#![cfg_attr(doc, doc = include_str!("guide/pictures/reconfiguration.svg"))]
//!
//! **8.1 A safe step.** A leader takes a step to another membership only under these conditions. Spec:
//! `Reconfig`.
//!
//! - (a) The membership in force is committed in the term that is led: a quorum of its voters has
//!   acknowledged it (7.3).
//! - (b) The quorums of both overlap: the two sizes of a quorum together exceed the number of nodes that
//!   are voters in one of them or in both.
//! - (c) The leader is a voter of the next membership.
//! - (d) Each learner that becomes a voter has acknowledged the membership in force and is bound now; and
//!   the lease under the next membership (3.2) would last for a heartbeat interval or more.
//! - (e) No lease that was given out under an earlier membership, or in the term before a renewal, outlasts
//!   the one in force, unless it is over.
//! - (f) No renewal (5.1) and no handover (6.1) is under way.
//! - (g) The lease is in force at that instant.
//! - (h) *Positions:* each learner that becomes a voter has reached the position that a quorum of the present
//!   voters had one round of heartbeats earlier. If the step changes the quorums, a quorum of the present
//!   voters has reached the leader's own position at its election, and the leader's own and a quorum's at
//!   the last step of this leader that changed the quorums. All of this is as replies have shown it. A
//!   witness whose position is zero holds no data, and counts as if it had reached all, also as a learner;
//!   but each quorum of the next voters has one that has reached that position in truth.
//!
//! The leader looks whether they hold with each round of heartbeats, and with each reply as long as a step is
//! left.
//!
//! The step takes effect at once, with the number of the version one higher, and is persisted before it is
//! sent.
//!
//! *Why.* (a) and (b): any two memberships that can still elect are one step apart, and a quorum of one
//! contains a voter of any quorum of the other (S4). (c) and (d): otherwise the step deposes the leader
//! that takes it. (g) An acknowledgement is of an earlier instant. Only the lease says that no later leader,
//! with another membership, has been elected by those voters since.
//!
//! The lease is longest when a reply has come, and may be too short for (d) whenever a heartbeat is due: with
//! promises of 150 and heartbeats each 75 it lasts for less than 75 more just then.
//!
//! (e): each step lets one membership overlap with the next, but not with the one after next. *For
//! example,* A leads {A, B, C} and holds a lease until 500, from A and B. Some steps later the voters are
//! {A, C, D, E}, and the lease, from A, C and D, ends at 300. At 300 C, D and E can elect a leader without
//! A and B, while a worker of A may still act on the lease until 500. So A waits.
//!
//! (h): what a quorum of the voters holds is safe, because a quorum that elects shares a voter with it, and
//! that voter elects no node whose data reach less far. One step keeps that, as the quorums of both
//! memberships overlap; the next step keeps it only if a quorum of the membership between holds the data too.
//! A learner is compared with the round before, since a group whose data grow all the time would never take up
//! one that is a little behind. Where all positions are zero, (h) is always met. *For example,* A leads
//! {A, B, C} with data and adds D, E and F without. If they voted at once and A, B and C went, D could lead,
//! and the data would be gone. The leader's own position counts because replies show less than a quorum may
//! hold: a voter that is dead tells a new leader nothing, and data that were stored since the last reply are
//! not in it. What a quorum held before, the leader holds, since that quorum elected it. *For example,* B leads
//! {A, B, C}; A and B hold 10, and C holds 5. B dies, and A is elected by C. If A replaced B by D at once,
//! C and D, with 5, would be a quorum of {A, C, D}. So A waits until C holds 10.
//!
//! **8.2 Reconfiguration.** A leader goes to a target by steps that are safe by 8.1.
//!
//! - (a) Each step is committed before the next.
//! - (b) A newcomer is a learner before it votes. A group grows before it shrinks: while a newcomer is not
//!   ready to vote, voters that answer are removed only as far as there are more voters than in the target,
//!   unless the group is full. In one step as many change as leave the quorums overlapping, and rather join
//!   than go; if that is not safe, one that can be promoted or removed alone.
//! - (c) A voter that does not answer, or wants to leave, is not spared: it is removed as soon as that is
//!   safe, although newcomers are still to come.
//! - (d) *Force:* where no such step is possible, one is taken without the lease of 8.1 (d), and learners
//!   that are promoted need not be bound. It is for one step, and not for members that want to leave. If the
//!   lease is over by it, the leader steps down. Positions (8.1 (h)) are set aside for the whole target, and
//!   nothing else is.
//! - (e) The target is forgotten with leadership (`TargetAbandoned`), but not with a renewal. It is given
//!   up, too, when all its voters have left. What was committed stays.
//! - (f) Refused are a target while the leader renews, one that makes the leader a learner, one of whose
//!   voters too few answer (unless forced), one of whose voters none may lead, one whose voters all want to
//!   leave, and one that leaves no room for the leader until it goes. Each has a `Rejection` of its own.
//! - (g) *Waiting for data:* when no step is possible, the leader reports each learner that only lacks the
//!   data of 8.1 (h) (`LearnerBehind`), once, and shows it in its status. It reports each voter, itself
//!   too, that lacks what is to be carried over (`VoterBehind`), once between two steps.
//! - (h) *Standstill:* ten `promise_limit` after the target was given, or the last step was taken, the leader reports
//!   which members the next step waits for, and what each lacks (`ReconfigurationStalled`): a reply, an acknowledgement
//!   of the membership in force, or data. These are the voters, while the membership is not committed; or else the
//!   newcomers that are to vote; or else, if no newcomer lacks anything, the voters that stay. While that lasts it
//!   reports again at growing intervals.
//!
//! *Why.* A group is at no time smaller than it has to be. A newcomer that does not answer yet would count
//! for a quorum and help none.
//!
//! *For example,* B is dead, and {A, B, C} is to become {A, D, E}. First {A, C} with the learners D and E:
//! B helps no quorum, and C stays while D and E are not ready. Then {A, C, D, E}, then {A, D, E}. With B
//! alive there are four steps: learners D and E, {A, B, C, D}, {A, C, D, E}, {A, D, E}.
//!
//! **8.3 Leaving.**
//!
//! - (a) *A member asks:* a flag in its heartbeat replies says that it wants to be removed. The leader
//!   removes it, even if the target contains it, and does not take it back for the target's sake: the target is not reached as it was
//!   given, and ends with `TargetAbandoned`. A restart forgets the wish, and so does a node that was removed
//!   and is added again (2.8 (e)), which says so.
//! - (b) *The leader leaves:* a leader that wants to leave, or that the target lacks, takes all other steps
//!   first. If it wants to leave and no step is possible for two promises, it does not wait for the rest.
//!   Then it hands over (section 6) to a voter that stays, with its flag set, and the next leader removes
//!   it. If there is none, it keeps leading. A later target that contains it calls back a leader that only
//!   a target has sent away.
//! - (c) *When a removed node is told:* until the membership without it is committed, it is sent ordinary
//!   heartbeats, so that it does not campaign, and no denial tells it either. (The list that a node was
//!   started with counts as committed.) From the commit on it is sent the membership, at once and then with
//!   each heartbeat, until it has acknowledged or 20 times, and in every denial. A node that does not vote
//!   in the membership it holds is told by a denial before the commit too. `Removed` is reported only on a
//!   committed membership, once, and is durable; the node then asks nothing, and goes on answering.
//! - (d) *A node that may not campaign asks:* a learner, a node of priority 0, and one that is missing in a
//!   membership that it does not know to be committed send a pre-vote after `promise_limit` without a
//!   leader, only to learn from the denials whether they were removed. One that does not vote in its own
//!   membership says so with `Claim::Inquiry`.
//!
//! *Why.* (b) A leader that left first could not finish the rest. (c) A removal that is not committed may
//! be undone, which may need the vote of the removed node. (d) The leader that removed it may have died
//! before it told the node.
//!
//! *For example* of (c), A takes the step from {A, B, C} to {A, B} and dies before B has it. B and C are a
//! quorum of {A, B, C}, the only membership ever committed, and elect a leader. If C had been told, it
//! would be out, and B could not be elected without A.
//!
//! **8.4 Forming.** A group forms itself from nodes that are started as `forming` and know no other.
//!
//! - (a) *Quorum:* any `max_members / 2 + 1` of the forming nodes elect. No more than `max_members` may
//!   ever be started so, whatever becomes of them: that is up to the operator.
//! - (b) *Who campaigns:* no node before it knows `min_members`, itself included, which is more than half
//!   of `max_members`. It knows those that the host has discovered and not lost, and those it has voted
//!   for.
//! - (c) *Founders:* a forming node hears every other whose request encloses a forming membership of the
//!   same `max_members`, as if it were a member, as long as it knows fewer than `max_members`. One too many
//!   is reported (`TooManyForming`).
//! - (d) *The first membership:* the first leader, of term T, writes version (T, 1): the voters are those
//!   that voted for it, with that same quorum until it is committed. Then a majority is enough, and the
//!   leader takes up the other nodes that it knew. A forming node that is left out becomes passive. It was
//!   no member, so it is not `Removed`, unless it wanted to leave.
//! - (e) *Later:* the leader takes up discovered nodes, up to `max_members`, and gives up lost ones, down
//!   to `min_members`, by 8.2. Any other node refuses both and names the leader.
//!
//! *Why.* Two quorums of more than half of `max_members` share a node, although no node knows them all. The
//! first membership needs the same quorum, since a majority of its few voters need not overlap with another
//! quorum of forming nodes.
//!
//! *For example,* `max_members` is 5, so the quorum is 3. A is elected by A, B and C and founds {A, B, C},
//! which only A holds. With a majority of 2, A and B could commit it, while C, D and E, which do not know
//! of it, elect a leader of their own.
//!
//! ## 9 Nodes that forget
//!
//! Files: `recovery.rs`, `election/recovery.rs`, `election/fresh_start.rs`, `election/lost_quorum.rs`
//!
//! A node that has nothing stored although its group may know it is *blank*: its disk was lost, or it has none.
//! It recovers: it takes no part until it has waited, and others have told it what it may have forgotten.
//! Sources: Viewstamped Replication Revisited (Liskov, Cowling 2012), whose recovering replicas take no part and
//! ask with a nonce; and Michael, Ports, Sharma, Szekeres (DISC 2017), who show that this is not enough, and
//! what is (9.3).
//!
//! A node without storage is blank at each start, and writes nothing. One with storage is blank at its first start, and
//! when its state was lost.
//!
//! **9.1 Wait.** A blank node belongs to no term, and takes part in nothing. Before `start + promise_limit + resolution`
//! it sends nothing and answers nothing. (If it has a longer `promised` on disk, 7.5, that takes the place of the limit.)
//!
//! *Why.* No promise is longer than `promise_limit`. After the wait none that the node has forgotten is in force
//! on the clock of its holder: the division by 1 + drift in 3.1 covers both clocks, and each node takes its own
//! resolution into account.
//!
//! *For example,* C votes for A in term 5, forgets it, and votes for B in term 6: of A, B and C, A has a lease by
//! the votes of A and C, and B has one by those of B and C.
//!
//! **9.2 Incarnations.** The rounds of a blank node begin at its *incarnation*: the time of its start in
//! milliseconds since 1970, and twenty bits of chance below. A vote reply counts only if it echoes a round of this
//! incarnation. (Pre-votes and heartbeats do not need it: 2.8 (a) and (d).)
//!
//! *Why.* A node that has forgotten may campaign once more in a term in which it has asked for votes before. A late
//! reply to the former request names a time of another clock, and a promise that is over. A later incarnation has
//! higher rounds, so that 2.7 lets its requests pass.
//!
//! **9.3 Ask after the wait.** After its wait a blank node asks all nodes of the list that it was started with, the
//! members that replies name, and the last leader that wrote to it. It asks in rounds, which last twice as long each
//! time, from one retry interval up to `promise_limit`. A reply counts only in the round that it echoes. A node
//! that holds a membership, other than the starting point of a joining or forming node, replies with its term,
//! that membership, whether it is committed, and the position that it asks of candidates (9.4 (c)). A blank node
//! replies that it is blank (9.6). A message of a node that has not replied in the round, or had not made the same
//! pledge, hastens the next round, once in each round.
//!
//! *Why.* What was decided before the question is known to those who are asked; and nothing can be decided later
//! with a promise of the former self, as all of those are over. Without the wait before the question this fails:
//! that is the flaw that DISC 2017 shows in the recovery of Viewstamped Replication. An operation is counted as
//! held by a replica that has forgotten it, and has recovered from others before they knew of it. The paper
//! recognises such quorums by vectors of incarnations in the messages; here a promise is counted only while it is
//! in force, and the node that gave it cannot be back by then.
//!
//! *For example,* of A to E, C votes for A in term 5 and forgets. B, D and E do not know of term 5 and tell C so. D
//! votes for A, which has three votes now, and leads. If C were back, it could help B, in term 4, to be elected in
//! term 5.
//!
//! **9.4 Coming back.** A blank node takes the newest membership M of one life among the replies of a round, and comes
//! back once a quorum of M has replied in that round, all of that life, itself not counted. It is then a follower like any
//! other, and of that life.
//!
//! - (a) It takes the highest term among the replies and the version of M, and its vote of that term is used: it is recorded
//!   as given to itself. Rule 1.4 does not apply, and a node that still knows a higher term of that life keeps that.
//! - (b) It takes M, unless it still holds a newer one (7.5), and takes it for committed if a node that holds it does.
//!   All this is in one write.
//! - (c) *Positions:* from then on it gives its vote only to nodes whose position is not behind the highest that
//!   a voter of M has replied, itself included. A witness whose position is zero holds no data, and asks for no position.
//! - (d) A reply that names an impossible version, and one that contradicts another or the list by 7.4, is not used.
//!
//! *Why.* Let a quorum have decided something, each by a promise in force at that instant: elected a leader, or
//! acknowledged a membership. None of those voters had come back since its promise (9.1). So each knows of it, or
//! has forgotten, and asks only afterwards. A quorum of M, of others, shares a voter with every quorum that could
//! have decided, without the one that asks (8.1 (b)): together they exceed the number of voters, and neither has
//! the node itself. That voter tells it. A blank node tells nothing, and the node itself knows nothing, so neither
//! is counted.
//!
//! The vote may have been given, and its promise is over; but a vote is given once in a term (1.1), and the one it
//! was given to may have won that term with it. (c) What a quorum held, the node may have been one to hold. One of
//! those that reply holds it too. If the node voted for one with less, the data could be lost.
//!
//! *For example,* A leads {A, B, C} and takes the step to {A, B, C, D}, which A, B and D acknowledge. B forgets.
//! It hears A and C. The membership of A is newer, its quorum is 3, and C does not hold it: B waits until D has
//! replied too. Two replies would do for {A, B, C}, of which B could then help C to be elected, beside the quorum
//! of A, D and a third.
//!
//! *What it rests on.* As S2 does, on the rates of the clocks; and on these: the former process has ended before the
//! next one starts under the same id, and `promise_limit` is no shorter than it was before. Of n voters n - q may have
//! forgotten at once, with q for the quorum: one of three, two of five, none of two.
//!
//! *What it works with.* A vote that is reserved (4.10) is not told: its node does not take part in that term yet, so
//! nothing was decided there with its help. If that node forgets the reservation, it may ask for the votes of the
//! term again, and gets only those that are free or its own. An early pre-vote (4.9) binds no node. A version that
//! is inherited (7.1 (b)) is told as any other, with its list. Tuned promises (3.6) are shorter than
//! `promise_limit`. A renewal or a handover of a leader that has forgotten is over with its lease; of a follower
//! that has forgotten nothing is in force when it is back. A learner or a witness recovers like a voter; a learner
//! may have voted in a membership that it does not know. A wish to leave (2.8 (e), 8.3 (a)) is forgotten by every
//! restart. A node that forgets while it forms a group (8.4) does not count as the same: it comes back once the
//! group has formed, and until then it is one of the `max_members`.
//!
//! **9.5 The leader of a node that has forgotten.**
//!
//! - (a) Whether a member has acknowledged the membership, its newest reply says (2.8). One that names an older
//!   version takes an acknowledgement back, and the membership is enclosed again (7.1 (a)).
//! - (b) An acknowledgement counts for the commit (7.3) while the member is bound. What is committed stays so.
//!
//! *Why.* (a) Otherwise a member that came back without the membership would never be sent it. (b) A member that is
//! bound has not come back since it acknowledged.
//!
//! *For example* of (b), A leads {A, B, C, D, E} and has a membership acknowledged by C, which forgets it, waits, and
//! hears B, D and E, which do not hold it. Then D acknowledges. A, C and D would be a quorum, but C does not hold the
//! membership any more: with B and E it can elect a leader that lacks it.
//!
//! **9.6 Fresh start.** A blank node of its own list that hears in one round from all others of the list that they are
//! blank, were started with the same list, and in which incarnation they are, *pledges* itself to found a group with just
//! these. Once all of them say in one later round that they have made the same pledge, it takes part: as a follower, with
//! the list for its membership, which counts as bootstrapped.
//!
//! - (a) *The pledge* is the life of the group: a fingerprint of cluster, list and incarnations. It is durable before it is
//!   told, and moves when two rounds, one after the other or not, have shown the same other incarnations.
//! - (b) *A node with storage* that finds its pledge after a restart is in the same incarnation, and does not wait again.
//! - (c) *Who may not:* a node that noticed while it took part that it has forgotten (7.5), one that its own list lacks, and
//!   one whose operator forbids it (`without_founding`), because the group was started otherwise.
//! - (d) *A group that is alive:* a node makes no pledge, and founds nothing, in a round in which a node that takes part has
//!   replied, nor while a leader writes to it that has not replied in that round that it is blank.
//!
//! *Why.* All, not a quorum: others of the list may be a quorum of a membership that still has a leader. The pledge: B and C
//! have heard that A is blank. A crashes, starts again, and hears that B and C are blank. Without pledges A could found a
//! group with what they have said, and B and C another one with what A had said before. With them, the pledges of one
//! incarnation are ordered, and a node that takes part makes none. So when all have made a pledge, no founder takes part
//! in an earlier life, nor ever will; and each quorum of an earlier life has a founder (9.9). That holds if all lists with
//! which nodes were ever started as blank are the same.
//!
//! (a) The replies of one round may be of two times. *For example,* A, B and C are pledged. C replies so to A, and starts
//! again, and its reply is slow. B hears that A is blank, and C in its new incarnation. If B moved its pledge at once, A could
//! still found the group by the slow reply of C, and be alone in it.
//!
//! (d) What is left of a founded group gives up by 9.10. Other groups may go on without the nodes of the list: A was
//! bootstrapped alone, B and C were added, and A forgets. All of its list, which is A, are blank; but B leads, and writes
//! to A. That is no protection of a group that has removed A: hence (c).
//!
//! (b) Otherwise a node would have forgotten a group in which it has never acted, and the group could wait for it for ever.
//!
//! **9.7 The late founder.** A blank node that has made a pledge, and hears in a round from one node of that life which
//! takes part, takes part too: with the newest membership of that life that it is told of, in the highest term, with its
//! vote used.
//!
//! *Why.* Its incarnation is one of those that found the group, so it has taken part in nothing that it could have
//! forgotten. Without this rule the first founder that takes part, and so is not blank any more, would keep the others
//! from doing so.
//!
//! **9.8 The first term** of a founded group is the highest that the founders say in that round. Each says what its wall
//! clock showed at its start plus the time since divided by 1 + drift, in units of 2^-20 seconds.
//!
//! *Why.* S5: the terms of an earlier life must be lower, and nobody knows them any more. An earlier life began with a
//! term of such a clock, and each election takes one unit of it. This holds if no founder's wall clock shows, when it
//! starts, an earlier time than it showed when the earlier life was founded and a microsecond later for each term of that
//! life. The wait (9.1) alone makes up for 200,000 terms. A node that added the time since its start without the division could
//! be ahead of its own wall clock, which it reads at the next start.
//!
//! **9.9 Founders stay.** A leader takes no step to a membership of which a quorum has no founder, if the group was founded
//! by blank nodes. A target of that kind is refused (`TooFewFounders`), also if it is one only while the leader, which it
//! lacks, is still a voter (8.3); and so is the wish of a founder to leave. Wishes to leave that together ask for such a
//! membership are not met.
//!
//! *Why.* *For example,* A, B and C found a group, which becomes {A, D, E}. A, B and C forget, and found another. D and E are
//! still a quorum of {A, D, E}, and elect D: two groups, each with a leader.
//!
//! **9.10 Giving up.** A node that holds a membership, and has given no promise for 6 `promise_limit`, asks as in 9.3: all
//! members, and the founders; when it would campaign, and when a blank node asks it. It asks again as often.
//!
//! - (a) *Too few are left:* if so many voters reply that they are blank that the others are no quorum, it reports that
//!   (`QuorumLost`), at growing intervals. Without storage, in a founded group, it becomes blank of its own accord, with the
//!   founders for its list; with storage it waits for its operator.
//! - (b) *A later life:* a node without storage becomes blank, too, if a founder replies that it takes part in another life.
//!   A message of another life makes a node ask that has been without a leader for as long, as some never campaign.
//!
//! *Why.* (a) No leader can be elected by those that are left, and no blank node comes back by 9.4. To become blank is as
//! safe as a crash. (b) The founders have all given up the life of this node, by 9.6.
//!
//! *For example,* A and B, without storage, are a group. A starts again. It cannot come back by 9.4, as no quorum of two is
//! left without it. B finds that out after 6 long promises, becomes blank, and both found the group again.
//!
//! *For example,* A to E found a group, which shrinks to {A}, and A forgets. B was removed, and never campaigns. As B takes
//! part in a life, A and the others cannot found another (9.6) before they have asked B, so that it asks, too.
//!
//! ## 10 A voter in a register
//!
//! Files: `election/register_voter.rs`
//!
//! A *register* is an object with an atomic compare-and-swap: a row of a database, a key, an object in a bucket. A voter
//! R, of priority 0, can be kept in a register instead of on a machine: then two machines elect as three do. On each
//! machine an *agent* speaks for R, to the node on that machine and to no other. Agents are the module
//! `adapters::register`. The examples are of machines A and B.
//!
//! What the register has to promise: a swap is atomic, and is made only if the content has the tag that it names; no two
//! contents that differ have had one tag; and a swap that was acknowledged is never undone. No clock, no time to live and
//! no fresh read is needed.
//!
//! **10.1 One voter, many hands.** The *content* of the register is all that R knows: its durable state, and its last
//! promise with the length of that. To a message of its node an agent lets the rules of the other sections decide what R
//! answers, on the content that it has seen, and replaces just that content by the one that follows from the answer.
//!
//! *Why.* The swaps that are made form one sequence, each on the result of the one before. So what the rules say of a
//! voter (S1, S3) holds of R, whichever agent speaks for it.
//!
//! *For example,* A and B ask R for its vote of term 5 at once. Both agents have seen content 7. One swap is made. The
//! other is refused: its agent reads content 8, by which the vote is given, and denies.
//!
//! **10.2 Nothing before the write.** What R says is handed to the node when its write is known to be done. A pre-vote or
//! a denial that changes nothing needs no write, and rests on a read that began after the question. A vote, a promise, an
//! acknowledgement (7.3) and the reply to a node that has forgotten (9.3) need a write, also if nothing else changes. What a
//! candidate repeats meanwhile, in the same round of pre-votes or for its vote of the same term, is answered with it: a call
//! for that would hold up what the node asks next.
//!
//! *Why.* The swap is what makes the answer that of R: another agent may have answered meanwhile. A pre-vote binds no node
//! (2.6), and a denial harms none.
//!
//! *For example,* the agent of A was frozen, and has seen that R holds membership (4, 2). Meanwhile R has voted for B in
//! term 6. If the agent acknowledged what it has seen, A could commit (4, 2) in term 4, which the leader of term 6 need not
//! hold.
//!
//! **10.3 Each grant is a write**, also one that the promise in force seems to cover, and each write has a number of its
//! own.
//!
//! *Why.* The other agents know of a promise by the write alone (10.4). The end of a promise as its holder's agent knows it
//! is the latest possible one: an agent that watches may be free before. The number makes contents differ where a tag is a
//! digest of the content.
//!
//! *For example,* R promises A 3,600. The write is done at 100, and its agent hears of that at 300. At 3,650 A asks for
//! 200. Its agent counts on R until 3,900; the agent of B, which has looked at 110, until 3,710 only.
//!
//! **10.4 The watch.** A promise is over when its length, and the agent's `clock_resolution`, have passed since the call
//! *returned* that was the first to show the agent this promise. Another promise begins the watch anew: each has the number
//! of the write that gave it. An agent that was started again has watched nothing.
//!
//! *Why.* The promise was given by a write that was made before that call returned, so the agent begins to count after the
//! holder does (10.7), and 3.1 covers the clocks. If there was a later promise, the content differs, and if the agent does
//! not know that content, its swap is refused.
//!
//! *For example,* A leads with the promise of R and dies. The agent of B looks every ten seconds, and has seen this promise
//! eight minutes ago: R is free at once. Had A had its promise renewed a second ago, B would wait for it.
//!
//! **10.5 The own node.** A promise to the agent's own node binds R to that node as it binds any voter (2.1), for as long
//! as 10.4 says. It stands in the way of no request of that node.
//!
//! **10.6 A write says what is in force from then on.** One that grants something has the promise last until the later of the
//! end of that and the end of what 10.4 says is left of the promise to the same node (2.2), under a number of its own. One
//! that grants nothing leaves the promise as it is, with its length and its number.
//!
//! *Why.* What a write does not say is forgotten. If a write that grants nothing began a watch anew, agents that write in
//! turn would keep a promise to a dead node in force for ever.
//!
//! *For example,* R has promised A 3,600, of which 3,000 are left, and the agent of B signs (10.12). If its write said
//! nothing of A, the next agent to read it would find R free. The agent of C, which has watched that promise for 2,000,
//! goes on watching for 1,600.
//!
//! **10.7 The holder counts from `sent_at`**, as with any voter (3.1).
//!
//! *Why.* The request was sent before the write began, and so before any watch did.
//!
//! **10.8 An outcome that is not known.** After a swap that has timed out, whose connection broke, or that was *refused*,
//! the agent reads. If the content was written by just that swap, the swap was made, and what R says is handed over. If
//! not, nothing is known, and nothing is handed over.
//!
//! *Why.* A client library may repeat a call by itself, and meet its own write. A swap that nobody knows of may still be
//! made later, as long as none else is: then R is bound for longer than its holder knows, which is safe.
//!
//! *For example,* the agent of A takes a time-out for success, and A leads. The swap never reached the register, and the
//! agent of B has R vote for B.
//!
//! **10.9 A lost race.** After a write of another agent the request is answered anew, on the new content, three times at
//! most. The content that was refused is never written under another tag.
//!
//! *Why.* It was computed from a content that is over. A node repeats its requests by itself.
//!
//! **10.10 Silence.** R says nothing if there is no such object, or if its content is damaged, of another format, of
//! another group or of another voter. No agent creates the object: the operator does, once. An object that was lost comes
//! back under another id of its voter.
//!
//! *Why.* It may have held a vote. A voter that starts afresh under its old id would give that once more.
//!
//! **10.11 A copy that was put back.** If a leader shows that R has forgotten (7.5), that is written, and R says nothing
//! any more. An agent remembers, also beyond a restart, the highest number of a content that it has seen. If reads are
//! fresh, a lower one is taken for a copy that was put back, and R says nothing to its node, whatever is written later.
//!
//! *Why.* An earlier content lacks votes and promises. What no agent has seen no agent can miss: that is why a store which
//! may undo a write is none for this (S1 to S3).
//!
//! **10.12 One register.** Each agent signs the content with the id of its node. R says nothing unless all other voters of
//! its membership have signed. The signatures of nodes that are no members are dropped.
//!
//! *Why.* Two registers under one id, by an error in the name of a bucket, are two voters of one id: A with the one and B
//! with the other would each be a quorum. Each of the two lacks a signature. A member without access to the register keeps
//! R silent, so it must not be a voter.
//!
//! **10.13 Spare or always.** A *spare* register is passed a heartbeat only if R does not know its term or its membership,
//! if the heartbeat gives promises back, if the leader has no acknowledgement by R yet, renews, or changes the members, or if
//! the promises of a quorum without R have less left than the promise less 1.6 heartbeat intervals. With *always* there is
//! no such condition. In both cases a heartbeat waits until two fifths of the promise of R to that leader are over, counted
//! from when it asked, unless it has news, and R is asked for `promise_limit`. A leader does not take R for silent because
//! it has not asked R (8.2 (f)).
//!
//! *Why.* Calls cost money and time. A leader that has a quorum needs no further promise, and R, which is then bound to no
//! node, elects another leader at once when that one dies. What is asked of R in time is there when it is needed: a
//! heartbeat may be lost, and the lease goes on. A step needs R bound (8.1 (d)), and what R says may be lost on its way.
//!
//! **10.14 A node that does not lead has its agent look** at the register now and then, so that a watch (10.4) is over when
//! it matters. A leader looks a thirtieth as often, so that its operator hears in time if it has lost its access; and as often
//! as others while R is silent.
//!
//! **10.15 A position.** A node that holds a lease, and that R, as a voter, follows in its term, can have a position
//! recorded. From that write on R elects no node whose position is behind it, as of a node that has come back (9.4 (c)).
//!
//! *Why.* R holds no data. *For example,* B is down, and A acknowledges writes that A alone holds. A dies, and B comes back
//! and asks R for its vote. If A has recorded how far its data reach before it acknowledged, R denies. If R has voted in a
//! later term, the write is refused. A looks at its lease once more before it acknowledges: whoever is elected after that
//! instant needs the vote of A or of R. That is so with up to four voters; in a larger group a quorum may have neither.
//!
//! *With nodes that forget* (section 9): R forgets nothing, and tells what it holds after a write (10.2). So of A, B and R
//! one machine may forget at a time. Blank nodes cannot found a group whose list names R, which is not blank: such a group
//! is bootstrapped.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod adapters;
mod backoff;
mod config;
mod damping;
mod diagnosis;
mod election;
mod event;
mod fingerprint;
#[cfg(all(test, feature = "endpoint"))]
#[path = "../tests/formats/page.rs"]
mod format_page;
#[cfg(any(doc, doctest))]
pub mod guide;
mod hard_state;
mod held;
mod io;
mod lease;
mod membership;
pub mod message;
mod name;
mod notice;
mod peer_log;
mod progress;
mod promise;
#[cfg(test)]
#[path = "../tests/quorums/oracle.rs"]
mod quorum_oracle;
mod reconfig;
mod recovery;
mod rejection;
mod request_timer;
mod role;
mod status;
mod succession;
mod tally;
mod tuning;
mod types;

pub use config::{Config, ConfigError, Memory, Timing};
pub use diagnosis::{Diagnosis, Problem, ReceivedDenial};
pub use election::Election;
pub use event::{Event, HowRecovered, StepDown};
pub use hard_state::{Blank, BlankError, HardState, RecoveryError};
pub use io::{Force, Input, Lease, Output, Urgency};
pub use membership::{Limits, MAX_MEMBERS, Membership, MembershipError};
pub use message::Message;
pub use name::{Name, NameError};
pub use reconfig::{Awaited, Target};
pub use rejection::{Ineligible, Rejection, Unfit};
pub use role::RoleKind;
pub use status::{HeartbeatTiming, MemberProgress, MemberStatus, PromiseStatus, RecoveryStatus, Status};
pub use types::{
    ClusterId, Incarnation, Leader, Life, MembershipVersion, Nanos, NodeId, Position, Priority,
    PromiseHolder, Term, Timestamp,
};

/// The examples of the README, compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
