//! Rules 9.6 to 9.10: nodes that are all blank found a group; what it may become, and when it is given up.

use std::collections::VecDeque;

use quorate::message::{BlankReply, Body, RecoveryReply};
use quorate::{
    Config, Event, HardState, HowRecovered, Incarnation, Input, Life, Memory, Message, Rejection, RoleKind,
    Term,
};

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];
/// The wall clock at the start of a blank node: some time in 2023.
const WALL_CLOCK: u64 = 1_700_000_000_000;

fn blank_state(list: &[u64]) -> HardState<u64> {
    HardState::blank(CLUSTER, list.iter().copied(), ms(WALL_CLOCK)).unwrap()
}

fn blank(id: u64, list: &[u64]) -> Node {
    Node::new(config(id), blank_state(list), 0)
}

fn ask(round: u64) -> Msg {
    Message::new(pre_vote(0, round).header(), Body::RecoveryRequest).version(0, 0)
}

/// What the node says of itself at `now`.
fn says(node: &mut Node, now: u64, to: u64) -> BlankReply {
    let out = node.hear(now, to, ask(now));
    match &crate::support::to(&out, to).body() {
        Body::BlankReply(reply) => *reply,
        body => panic!("{body:?} is not of a blank node"),
    }
}

/// Delivers at `now` all that these nodes send, until all take part or are silent.
fn exchange(nodes: &mut [Node], now: u64) {
    let mut waiting: VecDeque<(u64, u64, Msg)> = VecDeque::new();
    let sends = |from: u64, outputs: &Outputs| -> Vec<(u64, u64, Msg)> {
        sent(outputs).into_iter().map(|(to, message)| (from, to, message.clone())).collect()
    };
    while nodes.iter().any(|node| node.role() == RoleKind::Recovering) {
        for node in nodes.iter_mut().filter(|node| node.due() <= now) {
            waiting.extend(sends(node.id(), &node.tick_at(now)));
        }
        let Some((from, to, message)) = waiting.pop_front() else { return };
        if let Some(node) = nodes.iter_mut().find(|node| node.id() == to) {
            waiting.extend(sends(to, &node.hear(now, from, message)));
        }
    }
}

/// Three nodes that have just founded a group.
fn founders() -> Vec<Node> {
    let mut nodes: Vec<Node> = THREE.iter().map(|&id| blank(id, &THREE)).collect();
    exchange(&mut nodes, LIMIT);
    nodes
}

/// Node 1 once it has heard that 2 and 3 are blank, and what these have said.
fn pledged() -> (Node, [BlankReply; 2]) {
    let mut node = blank(1, &THREE);
    let told = [2, 3].map(|id| says(&mut blank_at_wait_end(id, &THREE), LIMIT, 1));
    let asked = node.tick_at(LIMIT);
    tell(&mut node, &asked, 2, told[0]);
    assert_eq!(
        trace(&tell(&mut node, &asked, 3, told[1])),
        "persist",
        "the pledge is stored before it is told"
    );
    let pledge = node.durable().blank.unwrap().pledge;
    (node, told.map(|reply| BlankReply { pledge, ..reply }))
}

/// Rule 9.6, the whole way: after the wait, and nothing before.
#[test]
fn all_nodes_of_a_list_that_are_blank_found_a_group_after_their_wait() {
    let mut nodes: Vec<Node> = THREE.iter().map(|&id| blank(id, &THREE)).collect();
    exchange(&mut nodes, LIMIT - 1);
    assert!(nodes.iter().all(|node| node.role() == RoleKind::Recovering && node.due() == LIMIT));
    exchange(&mut nodes, LIMIT);
    let life = nodes[0].life();
    for node in &nodes {
        assert_eq!(node.life(), life);
        assert_eq!((node.lists().0, node.membership().founders()), (&THREE[..], &THREE[..]));
        assert_eq!((node.durable().life, node.durable().blank), (life, None));
        assert_eq!(node.term(), Term(((WALL_CLOCK + LIMIT) << 20) / 1_000));
    }
    let asked = nodes[0].campaign(&[2]);
    let now = sent_at(&asked, 2);
    let granted = nodes[1].hear(now, 1, to(&asked, 2));
    assert!(trace(&nodes[0].hear(now, 2, to(&granted, 1))).starts_with("elected"));
}

/// A list of one has nobody to ask.
#[test]
fn a_node_that_is_alone_on_its_list_founds_a_group_by_itself() {
    let mut node = blank(1, &[1]);
    assert_eq!(trace(&node.tick_at(LIMIT)), "persist");
    assert_eq!(trace(&node.tick_at(LIMIT)), "persist, founded, installed");
}

/// Rule 9.6: a quorum is not enough, a list must be the same, and a node outside the list founds nothing.
#[test]
fn a_node_makes_no_pledge_before_all_others_of_the_list_have_said_that_they_are_blank() {
    let mut node = blank(1, &THREE);
    let asked = node.tick_at(LIMIT);
    let other = says(&mut blank_at_wait_end(2, &THREE), LIMIT, 1);
    assert_eq!(trace(&tell(&mut node, &asked, 2, other)), "");
    let listed_otherwise = says(&mut blank_at_wait_end(3, &[1, 2, 3, 4]), LIMIT, 1);
    let out = tell(&mut node, &asked, 3, listed_otherwise);
    assert_eq!(events(&out), [Event::MembershipConflict { peer: 3 }]);
    let outside = says(&mut blank_at_wait_end(9, &THREE), LIMIT, 1);
    assert_eq!(outside.list, 0);
    assert_eq!(trace(&tell(&mut node, &asked, 3, outside)), "");
    let same = says(&mut blank_at_wait_end(3, &THREE), LIMIT, 1);
    assert_eq!(trace(&tell(&mut node, &asked, 3, same)), "persist");
    assert_eq!(node.status().recovery.unwrap().blank, [2, 3]);
}

/// A blank node whose wait is over.
fn blank_at_wait_end(id: u64, list: &[u64]) -> Node {
    let mut node = blank(id, list);
    let _ = node.tick_at(LIMIT);
    node
}

/// The node is told by `from`, in reply to what it has asked.
fn tell(node: &mut Node, asked: &Outputs, from: u64, reply: BlankReply) -> Outputs {
    let now = reading(node.status().now);
    let header = to(asked, if from == 9 { 3 } else { from }).header();
    node.hear(now, from, Message::new(header, Body::BlankReply(reply)))
}

/// Rule 9.6 (d): node 1 was bootstrapped alone, and is still written to by the leader of what that group has become.
#[test]
fn a_node_that_hears_of_a_group_that_is_alive_founds_none() {
    let mut node = blank(1, &[1]);
    node.hear(LIMIT - 1, 2, heartbeat(9, 1));
    assert_eq!(trace(&node.tick_at(LIMIT)), "ask 2", "it is alone on its list");
    let mut lives = node.clone();
    lives.hear(LIMIT + 1, 2, heartbeat(9, 2));
    assert!(!trace(&lives.tick_at(lives.due())).contains("persist"), "the leader goes on writing");
    let later = node.tick_at(node.due());
    assert_eq!(trace(&later), "persist", "no leader has written in the last round");

    // A founder that takes part in another life than the pledge shows a group that is alive, too.
    let (mut node, [second, third]) = pledged();
    let asked = node.tick_at(LIMIT);
    let mut header = to(&asked, 3).header();
    let held = members(version(4, 1), &[3, 4, 5]);
    (header.life, header.term, header.version) = (Life(77), term(4), held.version());
    let body = Body::RecoveryReply(RecoveryReply { position: at_index(0), membership: Box::new(held) });
    node.hear(LIMIT, 3, Message::new(header, body));
    node.hear(LIMIT, 4, Message::new(header, Body::BlankReply(third)));
    tell(&mut node, &asked, 2, second);
    assert_eq!(node.role(), RoleKind::Recovering);
}

/// Rule 9.6 (c).
#[test]
fn a_node_whose_operator_forbids_it_founds_nothing() {
    let mut node = Node::new(config(1), blank_state(&[1]).without_founding(), 0);
    assert_eq!(trace(&node.tick_at(LIMIT)), "");
    assert_eq!(says(&mut node, LIMIT + 1, 2).list, 0);
}

/// Rule 9.6: what was said in an earlier round does not count, nor a pledge to the group of another incarnation.
#[test]
fn a_node_takes_part_only_once_all_are_pledged_to_the_same_group_in_one_later_round() {
    let (mut node, [second, third]) = pledged();
    let again = node.tick_at(LIMIT);
    assert_eq!(trace(&again), "ask 2, ask 3", "at once");
    assert_eq!(trace(&tell(&mut node, &again, 2, second)), "");
    let elsewhere = BlankReply { pledge: Some(Life(9)), ..third };
    assert_eq!(trace(&tell(&mut node, &again, 3, elsewhere)), "");
    let later = node.tick_at(node.due());
    assert_eq!(trace(&tell(&mut node, &later, 3, third)), "", "2 has said nothing in this round");
    assert_eq!(trace(&tell(&mut node, &later, 2, second)), "persist, founded, installed");
}

/// Rule 9.6 (a): what a node has heard in one round only may be of two times.
#[test]
fn a_pledge_moves_once_two_rounds_have_shown_the_same_other_incarnations() {
    let (mut node, [second, third]) = pledged();
    let restarted = BlankReply { incarnation: Incarnation(third.incarnation.0 + 1), pledge: None, ..third };
    for (round, moves) in [(1, ""), (2, "persist")] {
        let asked = node.tick_at(node.due());
        assert_eq!(trace(&tell(&mut node, &asked, 2, second)), "");
        assert_eq!(trace(&tell(&mut node, &asked, 3, restarted)), moves, "round {round}");
        assert_eq!(trace(&tell(&mut node, &asked, 3, restarted)), "");
    }
    assert_ne!(node.durable().blank.unwrap().pledge, second.pledge);
}

/// Two processes of one id may reply by turns. Neither rounds nor writes come faster by it.
#[test]
fn a_pledge_that_would_move_all_the_time_causes_no_flood() {
    let (mut node, [second, third]) = pledged();
    let (mut writes, mut asked) = (0, node.tick_at(LIMIT));
    for turn in 1..1_000 {
        tell(&mut node, &asked, 2, second);
        let other = BlankReply { incarnation: Incarnation(third.incarnation.0 + turn), ..third };
        writes += usize::from(persisted(&tell(&mut node, &asked, 3, other)).is_some());
        let next = node.tick_at(LIMIT);
        if !sent(&next).is_empty() {
            asked = next;
        }
    }
    assert_eq!((writes, node.due() > LIMIT), (0, true));
}

/// Rule 9.6: the round in which a node makes its pledge is none in which the others could know of it.
#[test]
fn a_pledge_counts_in_later_rounds_only() {
    let mut node = blank(1, &[1, 2]);
    let other = says(&mut blank_at_wait_end(2, &[1, 2]), LIMIT, 1);
    let asked = node.tick_at(LIMIT);
    tell(&mut node, &asked, 2, other);
    let told = BlankReply { pledge: node.durable().blank.unwrap().pledge, ..other };
    let reply = Message::new(to(&asked, 2).header(), Body::BlankReply(told));
    let out = node.step(Input::Receive { from: 2, message: reply });
    assert_eq!(trace(&out), "");
}

/// Rule 9.6: a node that finds its pledge has waited before, and is in the same incarnation.
#[test]
fn a_node_that_has_stored_its_pledge_keeps_its_incarnation_and_waits_no_more() {
    let (node, [second, third]) = pledged();
    let mut node = node.restarted(LIMIT + 7);
    assert_eq!((node.due(), node.durable().blank.unwrap().pledge), (LIMIT + 7, second.pledge));
    let asked = node.tick_at(LIMIT + 7);
    tell(&mut node, &asked, 2, second);
    assert_eq!(trace(&tell(&mut node, &asked, 3, third)), "persist, founded, installed");
}

/// Rule 9.7: one reply of the group that a node is pledged to is enough, as it has taken part in nothing. Any other
/// group has to tell by a quorum.
#[test]
fn a_pledged_node_takes_part_as_soon_as_one_founder_does() {
    let (mut late, [told, _]) = pledged();
    let pledge = told.pledge.unwrap();
    let asked = late.tick_at(LIMIT);
    let reply = |life, of| {
        let mut header = to(&asked, 2).header();
        let held = members(version(0, 1), &THREE);
        (header.life, header.term, header.version) = (life, term(of), held.version());
        let body = Body::RecoveryReply(RecoveryReply { position: at_index(9), membership: Box::new(held) });
        Message::new(header, body)
    };
    assert_eq!(trace(&late.hear(LIMIT, 2, reply(Life(77), 5))), "");
    let out = late.hear(LIMIT, 2, reply(pledge, 8));
    assert!(events(&out).contains(&Event::Recovered { term: term(8), how: HowRecovered::Founded }));
    assert_eq!((late.life(), late.voted_for()), (pledge, Some(1)), "the vote of the term is used");
    assert_eq!(late.durable().position_floor, at_index(0), "it held no data of this group");
}

/// Rule 9.8: the first term is the highest that any says, each by its wall clock and the time since its start.
#[test]
fn the_first_term_of_a_group_is_the_highest_by_the_wall_clocks_of_all() {
    let mut node = blank(1, &[1, 2]);
    let later = 100 + LIMIT;
    let at_start = says(&mut blank_at_wait_end(2, &[1, 2]), LIMIT, 1).first_term;
    assert_eq!(
        at_start,
        Term(((WALL_CLOCK + LIMIT) << 20) / 1_000),
        "the clocks of these tests do not drift"
    );
    let asked = node.tick_at(later);
    let other = BlankReply {
        first_term: Term(at_start.0 + (5 << 20)),
        ..says(&mut blank_at_wait_end(2, &[1, 2]), later, 1)
    };
    tell(&mut node, &asked, 2, other);
    let pledge = node.durable().blank.unwrap().pledge;
    let again = node.tick_at(later);
    tell(&mut node, &again, 2, BlankReply { pledge, ..other });
    assert_eq!(node.term(), other.first_term);
    let absurd = BlankReply { first_term: Term(u64::MAX), ..other };
    let mut node = blank(1, &[1, 2]);
    let asked = node.tick_at(LIMIT);
    assert_eq!(trace(&tell(&mut node, &asked, 2, absurd)), "", "no term would be left");
}

/// Rule 9.8: a clock that may be fast does not carry the term of a node further than the time has got.
#[test]
fn the_first_term_allows_for_the_drift_of_the_clock() {
    let mut fast = config(2);
    fast.timing.clock_drift_ppm = 500_000;
    let mut node = Node::new(fast, blank_state(&[1, 2]), 0);
    let _ = node.tick_at(node.due());
    let now = reading(node.status().now);
    let carried = says(&mut node, now + 3_000, 1).first_term.0 - (WALL_CLOCK << 20) / 1_000;
    assert_eq!(carried >> 20, (now + 3_000) * 2 / 3 / 1_000);
}

/// Rule 9.9: a quorum without a founder could go on while the founders forget and found another group.
#[test]
fn a_founded_group_keeps_a_founder_in_every_quorum() {
    let mut leader = founders().remove(0);
    let asked = leader.campaign(&[2]);
    let now = sent_at(&asked, 2);
    let beats = leader.hear(now, 2, grant(&to(&asked, 2), LIMIT));
    leader.accepted(now, &[2, 3], &beats);
    let refused = |voters: &[u64], leader: &mut Node| {
        let out = leader.reconfigure(now, voters, &[]);
        matches!(&out[..], [quorate::Output::Rejected(Rejection::TooFewFounders { founders })] if *founders == THREE)
    };
    assert!(refused(&[1, 4, 5], &mut leader), "{{4, 5}} would be a quorum");
    assert!(refused(&[4, 5, 6], &mut leader));
    assert!(refused(&[2, 4, 5], &mut leader), "also if it is safe while the leader is still a voter");
    assert!(!refused(&[1, 2, 4], &mut leader));
}

/// Rule 9.10: a node without storage gives its group up once too many have forgotten; one with storage says so.
#[test]
fn a_node_without_a_leader_finds_out_that_too_many_have_forgotten() {
    for memory in [Memory::Volatile, Memory::Durable] {
        let config = Config { memory, ..config(1) };
        let mut nodes = vec![Node::new(config, blank_state(&THREE), 0), blank(2, &THREE), blank(3, &THREE)];
        exchange(&mut nodes, LIMIT);
        let (node, pause) = (&mut nodes[0], 6 * LIMIT);
        let mut asked = Outputs::new();
        while !trace(&asked).contains("ask 2") {
            assert!(
                node.due() < LIMIT + pause + 2 * LIMIT,
                "it asks when there has been no leader for {pause} ms"
            );
            asked = node.tick_at(node.due());
        }
        assert!(reading(node.status().now) >= LIMIT + pause);
        let is_ask = |message: &Msg| matches!(message.body(), Body::RecoveryRequest);
        let round = sent(&asked).iter().find(|(_, message)| is_ask(message)).unwrap().1.header().round;
        let reply = |node: &mut Node, from| {
            let now = reading(node.status().now);
            let told = says(&mut blank_at_wait_end(from, &THREE), LIMIT, 1);
            node.hear(now, from, Message::new(ask(round.0).header(), Body::BlankReply(told)))
        };
        let now = reading(node.status().now);
        let told = says(&mut blank_at_wait_end(3, &THREE), LIMIT, 1);
        node.hear(now, 3, Message::new(ask(round.0 - 1).header(), Body::BlankReply(told)));
        assert_eq!(trace(&reply(node, 2)), "");
        assert_eq!(node.status().blank_voters, [2], "a reply to an earlier question does not count");
        let out = reply(node, 3);
        assert_eq!(events(&out), [Event::QuorumLost { blank: vec![2, 3] }]);
        assert_eq!(node.role() == RoleKind::Recovering, memory == Memory::Volatile);
        if memory == Memory::Volatile {
            assert_eq!((node.life(), node.due()), (Life::NONE, reading(node.status().now) + LIMIT));
            let _ = node.tick_at(node.due());
            let now = reading(node.status().now);
            assert!(says(node, now, 2).first_term > Term((WALL_CLOCK << 20) / 1_000), "later than before");
        }
    }
}

/// Rule 9.10: with a quorum that remembers, a leader can be elected, so nothing is given up.
#[test]
fn an_old_reply_and_one_blank_voter_give_nothing_up() {
    let mut node = Node::fresh(1, &THREE);
    let told = says(&mut blank_at_wait_end(2, &THREE), LIMIT, 1);
    let out =
        node.step(Input::Receive { from: 2, message: Message::new(ask(5).header(), Body::BlankReply(told)) });
    assert_eq!((trace(&out).as_str(), node.status().blank_voters.len()), ("", 0));
}

/// Rule 9.10: a node that is no member, and so never campaigns, finds out by a message of the later life.
#[test]
fn a_node_of_a_life_that_was_given_up_without_it_gives_it_up_too() {
    let volatile = Config { memory: Memory::Volatile, ..config(9) };
    let mut node = Node::new(volatile, blank_state(&THREE), 0);
    let asked = node.tick_at(LIMIT);
    let reply = |asked: &Outputs, from, life| {
        let held = founders().remove(0).membership().clone();
        let mut header = to(asked, from).header();
        (header.life, header.term, header.version, header.committed) = (life, term(5), held.version(), true);
        let body = Body::RecoveryReply(RecoveryReply { position: at_index(0), membership: Box::new(held) });
        Message::new(header, body)
    };
    for from in [1, 2] {
        node.hear(LIMIT, from, reply(&asked, from, Life(77)));
    }
    assert_eq!((node.life(), node.deadline()), (Life(77), None));
    let mut beat = heartbeat(6, 1);
    beat.modify(|header, _| header.life = Life(78));
    let soon = node.hear(LIMIT + 1, 1, beat.clone());
    assert!(!trace(&soon).contains("ask"));
    let out = node.hear(8 * LIMIT, 1, beat);
    assert!(trace(&out).contains("ask 1, ask 2, ask 3"), "{}", trace(&out));
    let ask =
        sent(&out).into_iter().find(|(to, message)| *to == 2 && message.body() == Body::RecoveryRequest);
    let mut header = ask.unwrap().1.header();
    header.life = Life(78);
    let reply = Message::new(header, reply(&asked, 2, Life(78)).body());
    node.hear(8 * LIMIT, 2, reply);
    assert_eq!((node.role(), node.life()), (RoleKind::Recovering, Life::NONE));
}
