//! Section 9: a node that has forgotten what it took part in waits, asks, and comes back.

use quorate::message::{Answer, Body, Denial, RecoveryReply, Round};
use quorate::{
    Blank, BlankError, ClusterId, Config, ConfigError, Election, Event, HardState, Incarnation, Input, Life,
    MemberProgress, Membership, MembershipError, Memory, Message, Output, Position, Priority, Rejection,
    RoleKind, Urgency,
};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];
const FOUR: [u64; 4] = [1, 2, 3, 4];
const FIVE: [u64; 5] = [1, 2, 3, 4, 5];
/// The wall clock at the start of a blank node: some time in 2023.
const WALL_CLOCK: u64 = 1_700_000_000_000;

fn blank_state(list: &[u64]) -> HardState<u64> {
    HardState::blank(CLUSTER, list.iter().copied(), ms(WALL_CLOCK)).unwrap()
}

/// A node that has forgotten, started at time 0.
fn blank(id: u64, list: &[u64]) -> Node {
    Node::new(config(id), blank_state(list), 0)
}

/// What a node of this term replies that holds `members`.
fn tell(asked: &Msg, of: u64, members: &Membership<u64>) -> Msg {
    let Body::RecoveryRequest = &asked.body() else { panic!("{asked:?} asks for nothing") };
    let mut header = asked.header();
    (header.term, header.version) = (term(of), members.version());
    let body = Body::RecoveryReply(RecoveryReply {
        position: Position::default(),
        membership: Box::new(members.clone()),
    });
    Message::new(header, body)
}

/// The node asks at `now`, and hears replies of these nodes with these terms, in order.
fn told(node: &mut Node, now: u64, by: &[(u64, u64)], members: &Membership<u64>) -> Outputs {
    let asked = node.tick_at(now);
    by.iter().flat_map(|&(from, of)| node.hear(now, from, tell(&to(&asked, from), of, members))).collect()
}

/// What the leader knows of that member.
fn progress(node: &Node, id: u64) -> MemberProgress {
    let status = node.status();
    status.members.iter().find(|member| member.id == id).unwrap().follower.clone().unwrap()
}

/// Rule 9.1. Nothing that the node has promised is in force when the wait is over.
#[test]
fn a_blank_node_waits_for_the_longest_promise_and_answers_nothing() {
    let mut node = blank(3, &THREE);
    assert_eq!((node.role(), node.due(), node.leader()), (RoleKind::Recovering, LIMIT, None));
    for now in [1, LIMIT - 1] {
        assert_eq!(node.hear(now, 1, vote(5, now).carrying(members(version(0, 1), &THREE))), []);
        assert_eq!(node.hear(now, 1, pre_vote(5, now)), []);
        assert_eq!(node.hear(now, 1, heartbeat(5, now)), []);
        let ask = Message::new(pre_vote(0, now).header(), Body::RecoveryRequest);
        assert_eq!(node.hear(now, 1, ask), []);
    }
    assert_eq!(trace(&node.tick_at(LIMIT)), "ask 1, ask 2");
    assert_eq!(node.hear(LIMIT, 1, vote(6, 9)), [], "until it is back it answers nothing");
    assert_eq!(node.status().recovery.unwrap().missing, [1, 2]);
}

/// Rule 9.1: a clock that counts ticks may be behind by one.
#[test]
fn the_wait_allows_for_the_resolution_of_the_clock() {
    let mut coarse = config(3);
    coarse.timing.clock_resolution = ms(10);
    assert_eq!(Node::new(coarse, blank_state(&THREE), 7).due(), 7 + LIMIT + 10);
}

/// Rule 9.1: each start begins the wait anew, until the node is back.
#[test]
fn a_restart_before_the_node_is_back_begins_the_wait_anew() {
    let mut node = blank(3, &THREE);
    let _ = told(&mut node, LIMIT, &[(1, 5)], &members(version(5, 1), &THREE));
    let restarted = node.restarted(LIMIT + 1);
    assert_eq!((restarted.role(), restarted.due()), (RoleKind::Recovering, 2 * LIMIT + 1));
    // A node that knows of a longer promise waits for that.
    let state = HardState { promised: ms(3 * LIMIT), ..blank_state(&THREE) };
    assert_eq!(Node::new(config(3), state, 0).due(), 3 * LIMIT);
}

/// A node without storage has nothing to persist: not as it comes back, nor as it votes, campaigns and leads.
#[test]
fn a_node_without_storage_persists_nothing_and_starts_blank() {
    let volatile = Config { memory: Memory::Volatile, ..config(3) };
    let mut node = Node::new(volatile, blank_state(&THREE), 0);
    let held = members(version(5, 1), &THREE);
    let mut outputs = told(&mut node, LIMIT, &[(1, 5), (2, 5)], &held);
    assert_eq!(node.role(), RoleKind::Follower);
    outputs.extend(node.hear(LIMIT, 1, vote(6, 1).version(5, 1)));
    assert_eq!(node.status().voted_for, Some(1));
    outputs.extend(node.hear(
        LIMIT,
        1,
        heartbeat(6, 2).version(6, 1).carrying(members(version(6, 1), &THREE)),
    ));
    let request = node.campaign(&[1]);
    let now = sent_at(&request, 1);
    outputs.extend(node.hear(now, 1, grant(&to(&request, 1), LIMIT)));
    assert_eq!(node.role(), RoleKind::Leader);
    outputs.extend(request);
    assert!(!outputs.iter().any(|output| matches!(output, Output::Persist(_))), "{outputs:?}");

    let stored = HardState::bootstrap(CLUSTER, THREE).unwrap();
    let refused = Election::new(volatile, stored, at_ms(0), ChaCha8Rng::seed_from_u64(0)).unwrap_err();
    assert_eq!(refused, ConfigError::VolatileNotBlank);
}

/// Rule 9.2: rounds begin at the incarnation. What a vote request of another incarnation was answered with does not
/// count, although the term is the same.
#[test]
fn a_vote_that_was_given_to_an_earlier_incarnation_does_not_count() {
    let mut node = blank(3, &THREE);
    let asked = node.tick_at(LIMIT);
    assert_eq!(to(&asked, 1).header().round, Round((WALL_CLOCK << 20) + 1));
    for from in [1, 2] {
        node.hear(LIMIT, from, tell(&to(&asked, from), 5, &members(version(5, 1), &THREE)));
    }
    let requests = node.campaign(&[1]);
    let (now, request) = (sent_at(&requests, 1), to(&requests, 1));
    assert_eq!(request.header().term, term(6));
    let mut late = grant(&request, LIMIT);
    late.modify(|header, _| header.round = Round(WALL_CLOCK << 20));
    assert_eq!(trace(&node.hear(now, 1, late)), "");
    assert_eq!(node.role(), RoleKind::Candidate);
    assert!(trace(&node.hear(now, 1, grant(&request, LIMIT))).starts_with("elected"));
}

/// Rule 9.3: rounds last twice as long each time, up to the longest promise. A reply counts in its own round alone.
#[test]
fn a_reply_counts_only_in_the_round_in_which_it_was_asked_for() {
    let mut node = blank(3, &THREE);
    let mut starts = vec![];
    let first = node.tick_at(LIMIT);
    for _ in 0..7 {
        starts.push(node.due());
        let _ = node.tick_at(node.due());
    }
    let lengths: Vec<u64> = starts.windows(2).map(|two| two[1] - two[0]).collect();
    assert_eq!((starts[0], &lengths[..]), (LIMIT + 20, &[40, 80, 160, 320, 450, 450][..]));
    let now = starts[6];
    let held = members(version(5, 1), &THREE);
    for from in [1, 2] {
        assert_eq!(node.hear(now, from, tell(&to(&first, from), 5, &held)), []);
    }
    // One reply in each of two rounds is no quorum either.
    let now = node.due();
    assert_eq!(told(&mut node, now, &[(1, 5)], &held), []);
    let now = node.due();
    assert_eq!(told(&mut node, now, &[(2, 5)], &held), []);
    assert_eq!(node.status().recovery.unwrap().heard, [2]);
    assert_eq!(trace(&told(&mut node, now, &[], &held)), "");
}

/// Rule 9.3: a node that holds nothing has nothing to tell, and a node that has forgotten does not know what it held.
#[test]
fn a_node_tells_what_it_holds_and_nothing_if_it_holds_nothing() {
    let ask = Message::new(pre_vote(0, 77).header(), Body::RecoveryRequest);
    let mut joining = Node::new(config(3), HardState::joining(CLUSTER), 0);
    let limits = quorate::Limits { min_members: 2, max_members: 3 };
    let mut forming = Node::new(config(3), HardState::forming(CLUSTER, limits).unwrap(), 0);
    let mut recovering = blank(3, &THREE);
    let _ = recovering.tick_at(LIMIT);
    for node in [&mut joining, &mut forming, &mut recovering] {
        let asked = ask.clone();
        assert!(!trace(&node.step(Input::Receive { from: 2, message: asked })).contains("tell"));
    }
    let mut leader = leader(1, &THREE);
    let now = reading(leader.status().now);
    leader.step(Input::SetPosition(at_index(7)));
    let reply = to(&leader.hear(now, 9, ask), 9);
    assert_eq!(
        (reply.header().term, reply.header().round, reply.header().committed),
        (term(1), Round(77), true)
    );
    let told = RecoveryReply { position: at_index(7), membership: Box::new(leader.membership().clone()) };
    assert_eq!(reply.body(), Body::RecoveryReply(told), "a stranger is told as well");
}

/// Rule 9.4: a quorum of others, the highest term, the vote of which is used, and one write before anything else.
#[test]
fn a_node_comes_back_with_what_a_quorum_of_others_holds() {
    let held = members(version(5, 2), &FIVE);
    let mut node = blank(3, &FIVE);
    assert_eq!(trace(&told(&mut node, LIMIT, &[(1, 5), (2, 7), (1, 5)], &held)), "", "a node counts once");
    let now = node.due();
    let out = told(&mut node, now, &[(1, 5), (2, 7), (4, 5)], &held);
    assert_eq!(trace(&out), "persist, recovered, installed");
    let stored = persisted(&out).unwrap();
    assert_eq!((stored.term, stored.voted_for, &stored.membership), (term(7), Some(3), &held));
    assert_eq!((stored.blank, stored.promised, node.role()), (None, ms(LIMIT), RoleKind::Follower));
    assert_eq!(denied(&node.hear(now, 1, vote(7, 1).version(5, 2)), 1), Denial::AlreadyVoted);
    assert_eq!(node.status().quarantine_left, ms(0), "it has waited already");
    assert_eq!(answered(&node.hear(now, 2, vote(8, 1).version(5, 2)), 2), Answer::Granted(ns(LIMIT)));
}

/// Rule 9.4: the members that a reply names are asked in the same round, and a quorum of them is needed.
#[test]
fn the_members_that_replies_name_are_asked_too() {
    let (old, new) = (members(version(5, 2), &THREE), members(version(5, 4), &[2, 3, 6, 7]));
    let mut node = blank(3, &THREE);
    let asked = node.tick_at(LIMIT);
    assert_eq!(trace(&node.hear(LIMIT, 1, tell(&to(&asked, 1), 5, &old))), "");
    let more = node.hear(LIMIT, 2, tell(&to(&asked, 2), 5, &new));
    assert_eq!(trace(&more), "ask 6, ask 7", "1 and 2 are a quorum of the older one");
    assert_eq!(trace(&node.hear(LIMIT, 6, tell(&to(&more, 6), 5, &new))), "");
    assert_eq!(node.status().recovery.unwrap().missing, [7]);
    let out = node.hear(LIMIT, 7, tell(&to(&more, 7), 5, &old));
    assert_eq!((trace(&out).as_str(), node.membership()), ("persist, recovered, installed", &new));
    // In a later round they are asked from the beginning, and so is a leader that writes.
    let mut node = blank(3, &THREE);
    let _ = told(&mut node, LIMIT, &[(2, 5)], &new);
    node.hear(LIMIT, 9, heartbeat(5, 1));
    assert_eq!(trace(&node.tick_at(node.due())), "ask 1, ask 2, ask 6, ask 7, ask 9");
}

/// Rule 9.4: a node that replies may know that the membership is committed.
#[test]
fn a_node_learns_the_commit_only_from_a_node_that_holds_the_membership() {
    let (old, new) = (members(version(5, 2), &THREE), members(version(5, 3), &THREE));
    for (committed, expected) in [(&old, false), (&new, true)] {
        let mut node = blank(3, &THREE);
        let asked = node.tick_at(LIMIT);
        node.hear(LIMIT, 1, tell(&to(&asked, 1), 5, &new));
        node.hear(LIMIT, 2, tell(&to(&asked, 2), 5, committed).committed());
        assert_eq!((node.role(), node.is_committed()), (RoleKind::Follower, expected));
    }
}

/// Rule 9.4 (c). A held the data, of which a quorum was A and the node that has forgotten: no node without them leads.
#[test]
fn a_node_votes_only_for_nodes_with_the_data_that_it_may_have_held() {
    let held = members(version(5, 2), &THREE);
    let mut node = blank(3, &THREE);
    let asked = node.tick_at(LIMIT);
    for (from, index) in [(1, 10), (2, 4)] {
        node.hear(LIMIT, from, tell(&to(&asked, from), 5, &held).position(index));
    }
    let mut node = node.restarted(LIMIT);
    let now = 2 * LIMIT;
    let lagging = vote(6, 1).version(5, 2).position(9);
    assert_eq!(denied(&node.hear(now, 2, lagging), 2), Denial::PositionBehind(at_index(10)));
    let rejected = node.step(Input::Campaign);
    let behind = quorate::Ineligible::Behind { required: at_index(10) };
    assert_eq!(rejected, [Output::Rejected(Rejection::CannotLead(behind))], "it gives itself no vote either");
    node.step(Input::SetPosition(at_index(10)));
    assert!(trace(&node.step(Input::Campaign)).starts_with("pre-vote"), "it has caught up");
    // One that forgets next is told.
    let mut node = node.restarted(now + LIMIT);
    let reply =
        to(&node.hear(now + LIMIT, 9, Message::new(pre_vote(0, 1).header(), Body::RecoveryRequest)), 9);
    let Body::RecoveryReply(reply) = reply.body() else { panic!("{reply:?}") };
    assert_eq!(reply.position, at_index(10));
}

/// Rule 9.4 (c): a witness without data had none to forget.
#[test]
fn a_witness_without_data_comes_back_without_a_position_to_ask_for() {
    let witness = quorate::Config { priority: Priority::NEVER_LEADS, ..config(3) };
    let mut node = Node::new(witness, blank_state(&THREE), 0);
    let asked = node.tick_at(LIMIT);
    for from in [1, 2] {
        node.hear(LIMIT, from, tell(&to(&asked, from), 5, &members(version(5, 2), &THREE)).position(10));
    }
    let out = node.hear(LIMIT, 2, vote(6, 1).version(5, 2).position(4));
    assert_eq!(answered(&out, 2), Answer::Granted(ns(LIMIT)));
}

/// Rule 9.4 (d): neither an impossible reply nor one that contradicts another is used.
#[test]
fn impossible_replies_and_contradictions_are_not_used() {
    let held = members(version(5, 2), &THREE);
    let mut node = blank(3, &THREE);
    let asked = node.tick_at(LIMIT);
    let from_1 = to(&asked, 1);
    let mut misnamed = tell(&from_1, 5, &held);
    misnamed.modify(|header, _| header.version = version(5, 1));
    let nothing = tell(&from_1, 5, &Membership::joining());
    let limits = quorate::Limits { min_members: 2, max_members: 3 };
    let forming = tell(&from_1, 5, &Membership::forming(limits).unwrap());
    for useless in [misnamed, nothing, forming, tell(&from_1, 4, &held), tell(&from_1, u64::MAX, &held)] {
        // With a reply of 1 that counts, the node would be back.
        let mut node = node.clone();
        node.hear(LIMIT, 2, tell(&to(&asked, 2), 5, &held));
        assert_eq!(node.hear(LIMIT, 1, useless), []);
        assert_eq!(node.role(), RoleKind::Recovering);
    }
    assert_eq!(node.hear(LIMIT, 9, tell(&from_1, 5, &held)), [], "9 was not asked");
    node.hear(LIMIT, 1, tell(&from_1, 5, &held));
    let other = members(version(5, 2), &[2, 3, 4]);
    let out = node.hear(LIMIT, 2, tell(&to(&asked, 2), 5, &other));
    assert_eq!(events(&out), [Event::MembershipConflict { peer: 2 }]);
    // A first list that is not the node's own.
    let out = node.hear(LIMIT, 2, tell(&to(&asked, 2), 0, &members(version(0, 1), &[1, 2])));
    assert_eq!((out, node.role()), (vec![], RoleKind::Recovering), "that is reported once");
}

/// A blank node carries out no command, and takes note of its position and priority.
#[test]
fn a_blank_node_carries_out_no_command() {
    let mut node = blank(3, &THREE);
    let (successor, urgency, force) = (None, Urgency::Now, quorate::Force::Never);
    let commands = [
        Input::Campaign,
        Input::Leave,
        Input::Discovered(4),
        Input::Lost(1),
        Input::Resign { successor, urgency },
        Input::Reconfigure { target: target(&FOUR, &[]), force },
    ];
    for command in commands {
        assert_eq!(node.step(command), [Output::Rejected(Rejection::Recovering)]);
    }
    assert_eq!(node.step(Input::SetPosition(at_index(12))), []);
    assert_eq!(node.step(Input::SetPriority(Priority::NEVER_LEADS)), []);
    let _ = told(&mut node, LIMIT, &[(1, 5), (2, 5)], &members(version(5, 1), &THREE));
    let out = node.hear(LIMIT, 1, heartbeat(5, 1).version(5, 1));
    let Body::HeartbeatReply(reply) = to(&out, 1).body() else { panic!("{out:?}") };
    assert_eq!((reply.position, reply.priority), (at_index(12), Priority::NEVER_LEADS));
}

/// A node that is no member of what it is told was removed, if its list has it; if not, it waits to be added.
#[test]
fn a_node_that_others_do_not_know_as_a_member_is_removed_or_waits() {
    let held = members(version(5, 2), &[1, 2]);
    for (list, expected) in
        [(&THREE[..], "persist, recovered, committed, removed"), (&[1, 2], "persist, recovered, committed")]
    {
        let mut node = blank(3, list);
        let asked = node.tick_at(LIMIT);
        let told =
            |node: &mut Node, from| node.hear(LIMIT, from, tell(&to(&asked, from), 5, &held).committed());
        assert_eq!(trace(&told(&mut node, 1)), "");
        assert_eq!(trace(&told(&mut node, 2)), expected);
        assert_eq!(node.deadline(), None);
    }
}

/// The wall clock tells incarnations apart, so it has to be set; and there has to be a node to ask.
#[test]
fn a_blank_state_needs_a_wall_clock_that_is_set_and_a_list() {
    let blank = |list: &[u64], clock| HardState::blank(ClusterId(7), list.iter().copied(), clock);
    assert_eq!(blank(&THREE, ms(0)), Err(BlankError::ClockNotSet(ms(0))));
    let far = ms(u64::MAX >> 19);
    assert_eq!(blank(&THREE, far), Err(BlankError::ClockOutOfRange(far)));
    assert_eq!(blank(&[], ms(WALL_CLOCK)), Err(BlankError::Membership(MembershipError::NoVoters)));
    assert_eq!(blank(&[1, 1], ms(WALL_CLOCK)), Err(BlankError::Membership(MembershipError::Duplicate)));
    let incarnation = Incarnation(WALL_CLOCK << 20);
    assert_eq!(blank_state(&THREE).blank, Some(Blank { incarnation, pledge: None, may_found: true }));
}

/// Rule 9.5 (a): a member that has come back without the membership is sent it again.
#[test]
fn a_member_that_has_forgotten_the_membership_takes_its_acknowledgement_back() {
    let mut node = leader(1, &THREE);
    let encloses = |beats: &Outputs| {
        let Body::Heartbeat(beat) = to(beats, 2).body() else { panic!("{beats:?}") };
        beat.membership.is_some()
    };
    let beats = node.tick_at(node.due());
    assert!(!encloses(&beats) && progress(&node, 2).acknowledged);
    node.hear(sent_at(&beats, 2), 2, accept(&to(&beats, 2)).version(0, 1));
    assert!(!progress(&node, 2).acknowledged && node.is_committed());
    assert!(encloses(&node.tick_at(node.due())));
}

/// Rule 9.5 (b), schedule ACK: 2 acknowledges, and its promise ends: it may have forgotten since, and have come back
/// without the membership. With 4 a quorum has acknowledged, but none that still holds it.
#[test]
fn an_acknowledgement_counts_for_the_commit_only_while_the_member_is_bound() {
    let (mut node, beats) = elected(1, &FIVE);
    let start = sent_at(&beats, 2);
    // The votes of 2 and 3 bind them as long as these replies do.
    node.hear(start, 2, accept(&to(&beats, 2)));
    for now in [start + 100, start + 200, start + 300, start + 400, start + 500] {
        let beats = node.tick_at(now);
        for from in [3, 4, 5] {
            node.hear(now, from, accept(&to(&beats, from)).version(0, 1));
        }
    }
    assert_eq!((node.role(), node.is_committed()), (RoleKind::Leader, false));
    assert!(progress(&node, 2).acknowledged && progress(&node, 2).bound_for == ms(0));
    let beats = node.tick_at(start + 550);
    assert_eq!(trace(&node.hear(start + 550, 3, accept(&to(&beats, 3)))), "");
    assert!(!node.is_committed(), "1, 2 and 3");
    // Bound anew, and still holding it, 2 counts.
    let out = node.hear(start + 550, 2, accept(&to(&beats, 2)));
    assert!(trace(&out).contains("committed"), "{out:?}");
}

/// Rules 7.5 and 9.5 (a): a node that came back in the term of the leader may have acknowledged to it before, and has
/// lost nothing since.
#[test]
fn a_node_that_is_back_accepts_the_leader_that_takes_it_for_one_that_has_acknowledged() {
    let mut node = blank(3, &THREE);
    let _ = told(&mut node, LIMIT, &[(1, 5), (2, 5)], &members(version(5, 1), &THREE));
    let beat = heartbeat(5, 1).version(5, 2).committed();
    let out = node.hear(LIMIT, 1, beat);
    assert_eq!(answered(&out, 1), Answer::Granted(ns(PROMISE)));
    assert_eq!(to(&out, 1).header().version, version(5, 1));
    // In a later term there is no such excuse.
    let out = node.hear(LIMIT, 2, heartbeat(6, 1).version(6, 2).committed());
    assert_eq!(trace(&out), "persist, state-lost, leader");
}

/// What an operator sees.
#[test]
fn the_status_and_the_texts_say_what_the_node_waits_for() {
    let mut node = blank(3, &THREE);
    let status = node.status().to_string();
    assert!(status.contains("recovering"), "{status}");
    let line = "recovery     asks in 450ms; 2 replies needed; heard: [], blank: [], missing: [1, 2]";
    assert!(status.contains(line), "{status}");
    let out = node.tick_at(LIMIT);
    let request = to(&out, 1);
    assert_eq!(request.to_string(), format!("recovery request (round {})", request.header().round));
    let reply = tell(&request, 5, &members(version(5, 1), &THREE)).position(3);
    let round = request.header().round;
    let text = format!("recovery reply of term 5, position 0.3 (membership 5.1, enclosed, round {round})");
    assert_eq!(reply.to_string(), text);
    assert_eq!(
        node.status().recovery.unwrap().to_string(),
        "2 replies needed; heard: [], blank: [], missing: [1, 2]"
    );
}

/// Rules 7.5 and 9.4 (b): what a node still holds it does not give up for an older membership.
#[test]
fn a_node_does_not_come_back_with_an_older_membership_than_it_holds() {
    let mut node = Node::fresh(3, &THREE);
    node.hear(0, 1, heartbeat(1, 1).carrying(members(version(1, 2), &THREE)));
    assert_eq!(
        trace(&node.hear(0, 1, heartbeat(2, 1).version(2, 2).committed())),
        "persist, state-lost, leader"
    );
    let old = members(version(1, 1), &THREE);
    assert_eq!(trace(&told(&mut node, LIMIT, &[(1, 2), (2, 2)], &old)), "");
    let now = node.due();
    let out = told(&mut node, now, &[(1, 2), (2, 2)], &members(version(2, 2), &THREE));
    assert_eq!(trace(&out), "persist, recovered, installed");
    assert_eq!((node.term(), node.voted_for()), (term(2), Some(3)));
}

/// Rule 9.4 (a): a request may arrive twice, and the replies to it in another order than they were sent in.
#[test]
fn a_node_comes_back_in_no_lower_term_than_that_of_its_membership() {
    let mut node = blank(3, &THREE);
    let (old, new) = (members(version(5, 1), &THREE), members(version(6, 1), &THREE));
    told(&mut node, LIMIT, &[(1, 6)], &new);
    let asked = node.tick_at(node.due());
    let now = sent_at(&asked, 1);
    node.hear(now, 1, tell(&to(&asked, 1), 6, &new));
    node.hear(now, 1, tell(&to(&asked, 1), 5, &old));
    node.hear(now, 2, tell(&to(&asked, 2), 5, &old));
    assert_eq!((node.role(), node.term()), (RoleKind::Follower, term(6)));
}

/// Rule 9.4 (a): a term of another life says nothing about this one.
#[test]
fn a_node_that_comes_back_to_another_life_takes_the_term_of_that() {
    let mut node = Node::fresh(3, &THREE);
    node.hear(0, 1, heartbeat(1 << 30, 1).carrying(members(version(1, 2), &THREE)));
    node.hear(0, 1, heartbeat(1 << 31, 1).version(2, 2).committed());
    let asked = node.tick_at(LIMIT);
    for from in [1, 2] {
        let mut reply = tell(&to(&asked, from), 5, &members(version(5, 1), &THREE));
        reply.modify(|header, _| header.life = Life(77));
        node.hear(LIMIT, from, reply);
    }
    assert_eq!((node.life(), node.term(), node.role()), (Life(77), term(5), RoleKind::Follower));
}

/// A node that makes memberships up, or lives, makes this one neither grow nor ask without bound.
#[test]
fn replies_that_are_made_up_cause_no_flood() {
    let mut node = blank(3, &THREE);
    let asked = node.tick_at(LIMIT);
    let (mut requests, mut shown) = (0, 0);
    for made_up in 1..1_000 {
        let names: Vec<u64> = (made_up * 100..made_up * 100 + 50).collect();
        let mut reply = tell(&to(&asked, 1), 5, &members(version(5, made_up), &names));
        reply.modify(|header, _| header.life = Life(made_up % 2 * made_up + 1));
        requests += sent(&node.hear(LIMIT, 1, reply)).len();
        shown = shown.max(format!("{:?}", node.election()).len());
    }
    assert!(requests <= 16 * 50 && shown < 10_000, "{requests} requests, {shown} bytes");
}
