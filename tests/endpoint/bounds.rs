//! What others can make an endpoint send, and what nodes that are gone can keep it from sending.

use quorate::ClusterId;
use quorate::adapters::endpoint::NodeView;

use super::*;

/// The send buffer of a socket without privileges, and what the system counts for a datagram.
const SEND_BUFFER: usize = 212_992;
const OVERHEAD: usize = 512;

/// For how long the system keeps a datagram to a machine that is gone from the subnet.
const HELD: Duration = Duration::from_secs(3);

/// Six of eleven members, and five whose machines are gone; all are configured.
fn six_of_eleven(keys: Option<Keyring>) -> World {
    let members: Vec<Id> = (1..=11).collect();
    let node = |id| (1..=11).fold(Node::new(id, &members, keys.clone()), Node::knowing);
    World::of((1..=6).map(node))
}

#[test]
fn members_on_machines_that_are_gone_leave_half_of_the_send_buffer_to_the_others() {
    for keys in [None, Some(keys())] {
        let mut world = six_of_eleven(keys);
        world.run_for(Duration::from_secs(60));
        let leader = world.node(1).endpoint.leader().unwrap();
        assert_eq!((leader.id, leader.term), (1, world.node(1).election.term()));
        let is_gone = |sent: &UnderWay| (7..=11).contains(&sent.transmit.to.port());
        let from_leader: Vec<_> = world.sent.iter().filter(|sent| sent.source == at(1)).collect();
        let to_gone: Vec<_> = from_leader.iter().filter(|sent| is_gone(sent)).collect();
        // The first second is at full rate: nobody knows yet that they are gone.
        let late = |sent: &&&&UnderWay| sent.at.since_origin() > Duration::from_secs(5);
        for last in to_gone.iter().filter(late) {
            let held =
                |sent: &&&&UnderWay| sent.at <= last.at && last.at.saturating_duration_since(sent.at) < HELD;
            let held = to_gone.iter().filter(held).map(|sent| OVERHEAD + 2 * sent.transmit.bytes.len());
            assert!(held.sum::<usize>() <= SEND_BUFFER / 2 + 10_000);
        }
        for gone in 7..=11 {
            let number = to_gone.iter().filter(late).filter(|sent| sent.transmit.to == at(gone)).count();
            assert!(number > 55, "each is asked, as often as the others: {number}");
        }
        let to_live = from_leader.iter().filter(|sent| sent.transmit.to == at(2)).count();
        assert!(to_live > 1_000, "every heartbeat to a member that answers: {to_live}");
    }
}

#[test]
fn what_is_for_silent_nodes_goes_out_behind_all_else() {
    // The lost nodes have the lowest ids: an election puts out what is for them first.
    let members: Vec<Id> = (6..=11).chain(1..=5).collect();
    let node = |id| members.iter().fold(Node::new(id, &members, None), |node, &id| node.knowing(id));
    let mut world = World::of((6..=11).map(node));
    world.run_for(LONG);
    assert_eq!(world.node(7).endpoint.leader().map(|leader| leader.id), Some(6));
    let turns = world.sent.iter().filter(|sent| sent.source == at(6) && sent.at.since_origin() > LONG / 2);
    let mut turns: Vec<_> = turns.map(|sent| (sent.at, sent.transmit.to.port() < 6)).collect();
    turns.dedup();
    let mixed = turns.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    let of_mixed: Vec<_> = mixed.map(|pair| pair[0]).collect();
    assert!(of_mixed.len() > 10, "both kinds go out at one time");
    for (at, is_for_silent) in of_mixed {
        assert!(!is_for_silent, "a silent node first, at {at:?}");
    }
}

#[test]
fn a_member_that_comes_back_is_written_to_at_once() {
    let mut world = six_of_eleven(None);
    world.run_for(LONG);
    let members: Vec<Id> = (1..=11).collect();
    world.nodes.push(Node::new(7, &members, None).knowing(1));
    let before = world.sent_to(7).len();
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.node(7).endpoint.leader().unwrap().id, 1);
    assert!(world.sent_to(7).len() > before + 30, "every heartbeat");
}

/// A large group without keys, whose reply to a stranger brings the membership.
fn crowd() -> Node {
    let members: Vec<Id> = (1..=101).collect();
    let mut node = Node::new(1, &members, None);
    node.step(None, LONG.into());
    node
}

#[test]
fn a_stranger_without_keys_gets_no_more_than_it_sent_until_it_shows_to_receive() {
    let mut one = crowd();
    let request = plain_message(300, 1);
    let now: Timestamp = LONG.into();
    let answers = one.receive(&request, at(55), now);
    let answered: usize =
        answers.iter().filter(|answer| answer.to == at(55)).map(|answer| answer.bytes.len()).sum();
    assert!(answered > 0 && answered <= request.bytes.len(), "{answered} bytes for {}", request.bytes.len());
    assert_eq!(one.endpoint.counters().unconfirmed, 1);
    // The stranger's endpoint echoes the challenge, and asks again.
    let mut stranger = endpoint(300, None);
    let challenge = answers.into_iter().find(|answer| answer.to == at(55)).unwrap();
    let (_, echo) = handle(&mut stranger, &challenge.bytes, at(1));
    assert!(echo.len() == 1 && echo[0].bytes.len() <= challenge.bytes.len());
    // From another address the echo proves nothing.
    one.receive(&echo[0], at(56), now);
    assert!(
        one.receive(&request, at(56), now).iter().all(|answer| answer.bytes.len() <= request.bytes.len())
    );
    one.receive(&echo[0], at(55), now);
    let answers = one.receive(&request, at(55), now);
    let answered: usize =
        answers.iter().filter(|answer| answer.to == at(55)).map(|answer| answer.bytes.len()).sum();
    assert!(answered > request.bytes.len(), "the membership: {answered}");
}

#[test]
fn a_source_made_up_for_a_member_is_sent_no_more_than_came_from_it() {
    let members = [1, 2, 3];
    let mut world =
        World::of(members.map(|id| members.into_iter().fold(Node::new(id, &members, None), Node::knowing)));
    world.run_for(LONG);
    let forged =
        world.sent.iter().rev().find(|sent| sent.source == at(2) && sent.transmit.to == at(1)).unwrap();
    let (forged, now) = (forged.transmit.clone(), world.now);
    let answers = world.node(1).receive(&forged, at(66), now);
    world.deliver(at(1), answers);
    world.run_for(LONG);
    let sent: usize = world.sent_to(66).iter().map(|sent| sent.transmit.bytes.len()).sum();
    assert!(sent <= forged.bytes.len(), "{sent} bytes for {}", forged.bytes.len());
    assert_eq!(world.node(1).endpoint.address(2), Some(at(2)));
    assert_eq!(world.node(1).endpoint.leader().unwrap().id, 1);
}

#[test]
fn a_relay_that_changes_its_address_all_the_time_makes_little_news() {
    // Somebody without the key leads what node 2 sends through ever other addresses, and forwards both ways.
    let members = [1, 2];
    let mut one = members.into_iter().fold(Node::new(1, &members, Some(keys())), Node::knowing);
    let mut two = members.into_iter().fold(Node::new(2, &members, Some(keys())), Node::knowing);
    let mut news = 0;
    for tick in 0..6_000_u64 {
        let now = Timestamp::from(Duration::from_millis(tick * 10));
        let relay = at(1_000 + (tick % 500) as u16);
        let mut to_one = two.step(None, now);
        let mut to_two: Vec<_> = one.step(None, now).into_iter().filter(|sent| sent.to != at(2)).collect();
        while !to_one.is_empty() || !to_two.is_empty() {
            for sent in std::mem::take(&mut to_one) {
                to_two.extend(one.receive(&sent, relay, now));
            }
            for sent in std::mem::take(&mut to_two) {
                to_one.extend(two.receive(&sent, at(1), now));
            }
        }
        news += u64::from(one.endpoint.poll_addresses().is_some());
    }
    assert!((1..=10).contains(&news), "{news} pieces of news in a minute");
}

#[test]
fn a_rolling_restart_onto_new_addresses_loses_no_node() {
    // Each node is given its first addresses at every start, and those that it had learned.
    let members = [1, 2, 3];
    let first =
        members.map(|id| members.into_iter().fold(Node::new(id, &members, Some(keys())), Node::knowing));
    let mut world = World::of(first);
    world.run_for(LONG);
    for id in members {
        // Its election goes on, as from its file.
        let learned = world.node(id).endpoint.addresses();
        let rng = ChaCha20Rng::seed_from_u64(u64::from(id) + 1_000);
        let Ok(mut endpoint) = Endpoint::new(id, GROUP, Some(keys()), rng);
        let given = members.map(|id| (id, at(id)));
        learned.iter().chain(&given).for_each(|&(id, address)| endpoint.configure(id, address).unwrap());
        let node = world.node(id);
        endpoint.observe(&NodeView::of(&node.election));
        (node.endpoint, node.address) = (endpoint, at(200 + id));
        world.run_for(LONG * 2);
    }
    for id in members {
        let others: Vec<_> =
            members.into_iter().filter(|&other| other != id).map(|other| (other, at(200 + other))).collect();
        assert_eq!(world.node(id).endpoint.addresses(), others, "as node {id} knows them");
        assert!(world.node(id).endpoint.leader().is_some(), "node {id} follows");
    }
}

#[test]
fn a_member_on_a_dual_stack_socket_tells_addresses_that_the_others_can_use() {
    let mapped = |id: Id| format!("[::ffff:127.0.0.1]:{id}").parse().unwrap();
    let mut dual = Node::new(1, &[1, 2, 3], None);
    dual.endpoint.bind("[::]:1".parse().unwrap());
    dual.endpoint.configure(2, mapped(2)).unwrap();
    let now = LONG.into();
    let sent = dual.step(None, now);
    assert!(
        !sent.is_empty() && sent.iter().all(|sent| sent.to == mapped(2)),
        "in the socket's form: {sent:?}"
    );
    let heard = dual.receive(&plain_message(3, 1), mapped(3), now);
    assert!(heard.iter().all(|sent| sent.to.is_ipv6()), "{heard:?}");
    assert_eq!(dual.endpoint.address(3), Some(at(3)), "in one form inside");
}

#[test]
fn a_message_under_the_name_of_another_group_is_no_message_of_this_one() {
    let mut one = Node::new(1, &[1, 2], None);
    let message = plain_message(2, 1);
    let mut renamed = message.bytes.clone();
    renamed[11] ^= 1;
    assert_eq!(handle(&mut one.endpoint, &renamed, at(2)).0, None);
    assert_eq!(one.endpoint.counters().undecodable, 1, "its head says something else than its message");
    let mut foreign = endpoint_of(ClusterId(9), 1);
    assert_eq!(handle(&mut foreign, &message.bytes, at(2)).0, None);
    assert_eq!(foreign.counters().foreign, 1);
    assert_eq!(foreign.poll_event(), Some(Event::ForeignCluster { peer: 2, cluster: GROUP }));
}

#[test]
fn a_node_of_another_group_is_named_however_many_were_named_before() {
    let mut one = endpoint_of(ClusterId(9), 1);
    let mut named_at = |message: &Transmit, second: u64| {
        let now = Timestamp::from(Duration::from_secs(second));
        one.handle_datagram(&mut message.bytes.clone(), at(2), now, &mut Vec::new());
        std::iter::from_fn(|| one.poll_event()).count()
    };
    let flood: usize = (100..140).map(|peer| named_at(&plain_message(peer, 1), 1)).sum();
    assert!((16..20).contains(&flood), "{flood}");
    // A node that goes on for a day is named soon, and at growing intervals.
    let message = plain_message(2, 1);
    let named: Vec<u64> = (10..86_400).step_by(10).filter(|&second| named_at(&message, second) > 0).collect();
    assert!(named[0] < 120, "{named:?}");
    let pauses: Vec<u64> = named.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((6..=14).contains(&named.len()) && pauses[4] > 2 * pauses[2], "{named:?}");
}
