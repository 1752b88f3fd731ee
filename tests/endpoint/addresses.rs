//! Where the members of a group are: what they tell each other, and what they make of it.

use quorate::adapters::endpoint::NodeView;
use quorate::{Config, Election, HardState, Output, Priority};
use rand_chacha::ChaCha8Rng;

use super::*;

#[test]
fn a_member_behind_a_symmetric_translator_finds_the_leader_by_a_follower() {
    for keys in [None, Some(keys())] {
        let node = |id| Node::new(id, &[1, 2, 3], keys.clone());
        let mut world = World::of([node(1), node(2).knowing(1), node(3).knowing(2)]);
        world.translated = Some(3);
        world.run_for(LONG);
        assert_eq!(world.node(3).endpoint.leader().map(|leader| leader.id), Some(1));
        assert_eq!(world.node(3).endpoint.addresses(), [(1, at(1)), (2, at(2))]);
        assert_eq!(world.node(1).endpoint.address(3), Some(translation(at(1))));
    }
}

#[test]
fn a_newcomer_that_no_member_can_write_to_finds_the_leader_by_a_follower() {
    for keys in [None, Some(keys())] {
        let member = |id| Node::new(id, &[1, 2], keys.clone());
        let newcomer = Node::new(3, &[], keys.clone()).knowing(2);
        let mut world = World::of([member(1), member(2).knowing(1), newcomer]);
        world.translated = Some(3);
        world.run_for(LONG);
        assert_eq!(world.node(3).endpoint.address(1), None, "strangers are told nothing");
        let target = Target::new([1, 2], [3]).unwrap();
        world.step(1, Input::Reconfigure { target, force: Force::Never });
        world.run_for(LONG);
        assert_eq!(world.node(3).endpoint.leader().map(|leader| leader.id), Some(1));
    }
}

#[test]
fn a_leader_tries_every_address_that_a_follower_holds_of_a_silent_member() {
    for keys in [None, Some(keys())] {
        let node = |id| Node::new(id, &[1, 2, 3], keys.clone());
        let mut two = node(2).knowing(1);
        for port in [31, 3, 32, 33] {
            two.endpoint.configure(3, at(port)).unwrap();
        }
        let mut world = World::of([node(1), two]);
        world.run_for(LONG);
        assert_ne!(world.node(2).endpoint.address(3), Some(at(3)), "not the best of them");
        world.nodes.push(node(3));
        world.run_for(LONG);
        for id in [1, 2] {
            assert_eq!(world.node(id).endpoint.address(3), Some(at(3)), "as node {id} knows it");
        }
        assert_eq!(world.node(3).endpoint.leader().map(|leader| leader.id), Some(1));
    }
}

#[test]
fn a_referral_is_no_longer_than_the_announcement_and_is_for_members_alone() {
    let mut two = Node::new(2, &[1, 2, 3], None).knowing(1);
    let mut world = World::of([Node::new(1, &[1, 2, 3], None)]);
    world.nodes.push(two);
    world.run_for(LONG);
    two = world.nodes.pop().unwrap();
    for port in 1_000..1_003 {
        two.endpoint.configure(1, SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], port))).unwrap();
    }
    let later = world.now.saturating_add(LONG);
    for (id, is_member) in [(3, true), (9, false)] {
        let mut alone = World::of([Node::new(id, &[], None).knowing(2)]);
        alone.run_for(Duration::from_millis(100));
        let announcement = alone.sent_to(2)[0].transmit.clone();
        let mut answers = Vec::new();
        let mut bytes = announcement.bytes.clone();
        two.endpoint.handle_datagram(&mut bytes, at(id), later, &mut answers);
        assert_eq!(answers.iter().any(|answer| answer.bytes[3] == 7), is_member, "{answers:?}");
        let length: usize = answers.iter().map(|answer| answer.bytes.len()).sum();
        assert!(length <= announcement.bytes.len(), "{length} bytes");
    }
}

/// An id of 128 bytes.
type LongId = [[u8; 32]; 4];

/// The endpoint of the second of these two members, which follows the first one.
fn follower(members: [LongId; 2]) -> Endpoint<LongId, ChaCha20Rng> {
    let saved = HardState::bootstrap(GROUP, members).unwrap();
    let elections = members.map(|id| {
        let priority = if id == members[0] { Priority::default() } else { Priority::NEVER_LEADS };
        let config = Config { priority, ..Config::new(id) };
        Election::new(config, saved.clone(), Timestamp::default(), ChaCha8Rng::seed_from_u64(1)).unwrap()
    });
    let [mut one, mut two] = elections;
    let rng = ChaCha20Rng::seed_from_u64(2);
    let Ok(mut endpoint) = Endpoint::new(members[1], GROUP, None, rng);
    for now in (0..2_000).map(|millis| Timestamp::from(Duration::from_millis(millis))) {
        let (mut outputs, mut replies) = (one.tick(now), two.tick(now));
        while !outputs.is_empty() || !replies.is_empty() {
            let message =
                |output| if let Output::Send { message, .. } = output { Some(message) } else { None };
            let receive = |from| move |message| Input::Receive { from, message };
            let to_two: Vec<_> = outputs.drain(..).filter_map(message).map(receive(members[0])).collect();
            let to_one: Vec<_> = replies.drain(..).filter_map(message).map(receive(members[1])).collect();
            replies.extend(to_two.into_iter().flat_map(|input| two.step(input)));
            outputs.extend(to_one.into_iter().flat_map(|input| one.step(input)));
        }
    }
    endpoint.observe(&NodeView::of(&two));
    assert_eq!(endpoint.leader().map(|leader| leader.id), Some(members[0]));
    endpoint
}

#[test]
fn a_referral_tells_fewer_addresses_where_ids_leave_less_room() {
    let [one, two, three] = [1, 2, 3].map(|byte| -> LongId { [[byte; 32]; 4] });
    let mut endpoint = follower([one, two]);
    (1_000..1_004).for_each(|port| {
        endpoint.configure(one, SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], port))).unwrap();
    });
    // Its address is known, so that it may be sent as much as one likes.
    endpoint.configure(three, at(3)).unwrap();
    let Ok(mut asker) = Endpoint::new(three, GROUP, None, ChaCha20Rng::seed_from_u64(3));
    asker.configure(two, at(2)).unwrap();
    let mut announcement = Vec::new();
    asker.handle_timeout(Timestamp::default(), &mut announcement);
    let length = announcement[0].bytes.len();
    let mut answers = Vec::new();
    endpoint.handle_datagram(&mut announcement[0].bytes, at(3), LONG.into(), &mut answers);
    let [answer] = &answers[..] else { panic!("{answers:?}") };
    assert!(answer.bytes[3] == 7 && answer.bytes.len() <= length, "{} for {length}", answer.bytes.len());
    let mut none = Vec::new();
    asker.handle_datagram(&mut answer.bytes.clone(), at(2), LONG.into(), &mut none);
    assert!(asker.address(one).is_some(), "it can go on from there");
}

/// Where the envelope of a message without a seal names its addresses: behind the head and the ids of both nodes, which
/// are below 128.
const ADDRESSES: usize = 14;

/// Where a node is, and how many milliseconds ago this was true.
pub(crate) type Report = (Id, (SocketAddr, Option<u32>));

/// A message of 2 to 1, with reports of where 3 is in the place of its own.
fn forged(ports: std::ops::Range<u16>) -> Transmit {
    reporting(ports.map(|port| (3, (at(port), Some(0)))).collect())
}

/// A message of 2 to 1, with these reports in the place of its own.
pub(crate) fn reporting(reports: Vec<Report>) -> Transmit {
    let mut message = plain_message(2, 1);
    assert_eq!(message.bytes[ADDRESSES - 2..ADDRESSES], [2, 1]);
    let (_, rest) = postcard::take_from_bytes::<Vec<Report>>(&message.bytes[ADDRESSES..]).unwrap();
    let rest = rest.to_vec();
    message.bytes.truncate(ADDRESSES);
    message.bytes.extend(postcard::to_allocvec(&reports).unwrap());
    message.bytes.extend(rest);
    message
}

#[test]
fn reports_that_anybody_may_have_made_up_cause_few_more_bytes_than_they_have() {
    let members: Vec<Id> = (1..=3).collect();
    let node = |id| Node::new(id, &members, None);
    let mut world = World::of([node(1).knowing(2), node(2).knowing(1)]);
    world.run_for(LONG);
    let mut came = 0;
    // Each names other addresses, as of now.
    for turn in 0..500_u16 {
        let datagram = forged(1_000 + 16 * turn..1_016 + 16 * turn);
        came += datagram.bytes.len();
        let now = world.now;
        let answers = world.node(1).receive(&datagram, at(2), now);
        world.deliver(at(1), answers);
        world.run_for(Duration::from_millis(100));
    }
    assert_eq!(world.node(1).endpoint.leader().map(|leader| leader.id), Some(1));
    // What is owed to them may go out later, and a datagram now and then.
    world.run_for(Duration::from_secs(600));
    let to_victims = world.sent.iter().filter(|sent| sent.transmit.to.port() >= 1_000);
    let sent: Vec<_> = to_victims.map(|sent| sent.transmit.bytes.len()).collect();
    let (number, bytes) = (sent.len(), sent.iter().sum::<usize>());
    assert!(number > 10, "they are looked after: {number}");
    assert!(bytes < came + 40 * 200, "{bytes} bytes for {came}");
}

#[test]
fn two_members_that_swap_their_addresses_are_found_again() {
    for keys in [None, Some(keys())] {
        let members: Vec<Id> = (1..=4).collect();
        let node = |id| Node::new(id, &members, keys.clone());
        let mut world = World::of([node(1), node(2).knowing(1), node(3).knowing(1), node(4).knowing(1)]);
        world.run_for(LONG);
        (world.node(2).address, world.node(3).address) = (at(3), at(2));
        world.run_for(LONG * 2);
        for (id, other, place) in [(1, 2, 3), (1, 3, 2), (4, 2, 3), (4, 3, 2), (2, 3, 2), (3, 2, 3)] {
            assert_eq!(world.node(id).endpoint.address(other), Some(at(place)), "{id} knows {other}");
        }
    }
}

#[test]
fn a_member_that_moves_twice_while_another_is_away_is_found_by_it() {
    for keys in [None, Some(keys())] {
        let members: Vec<Id> = (1..=3).collect();
        let node = |id| Node::new(id, &members, keys.clone());
        let mut world = World::of([node(1), node(2).knowing(1), node(3).knowing(1)]);
        world.run_for(LONG);
        let away = world.nodes.remove(2);
        for place in [202, 302] {
            world.node(2).address = at(place);
            world.run_for(LONG);
        }
        world.nodes.push(away);
        world.run_for(LONG);
        assert_eq!(world.node(3).endpoint.address(2), Some(at(302)));
        assert_eq!(world.node(2).endpoint.address(3), Some(at(3)));
    }
}

#[test]
fn a_translator_that_changes_the_port_alone_costs_no_leader() {
    for keys in [None, Some(keys())] {
        let members: Vec<Id> = (1..=3).collect();
        let node = |id| Node::new(id, &members, keys.clone());
        let mut world = World::of([node(1), node(2).knowing(1), node(3).knowing(1)]);
        world.run_for(LONG);
        let term = world.node(1).election.term();
        for port in [402, 502, 602] {
            world.node(2).address = at(port);
            world.run_for(LONG);
            assert_eq!(world.node(1).endpoint.address(2), Some(at(port)));
            assert_eq!(world.node(3).endpoint.address(2), Some(at(port)));
        }
        assert_eq!(world.node(1).election.term(), term);
    }
}

#[test]
fn a_list_that_is_stale_from_first_to_last_is_of_no_harm_where_another_member_knows_better() {
    for keys in [None, Some(keys())] {
        let members: Vec<Id> = (1..=3).collect();
        let node = |id| Node::new(id, &members, keys.clone());
        let mut stale = node(3);
        for id in [1, 2] {
            (0..6).for_each(|list| stale.endpoint.configure(id, at(1_000 + 10 * list + id)).unwrap());
        }
        let mut world = World::of([node(1), node(2).knowing(1).knowing(3), stale]);
        world.run_for(LONG);
        assert_eq!(world.node(3).endpoint.addresses(), [(1, at(1)), (2, at(2))]);
        assert_eq!(world.node(3).endpoint.leader().map(|leader| leader.id), Some(1));
    }
}

#[test]
fn an_endpoint_takes_no_address_that_no_node_can_have() {
    let mut one = Node::new(1, &[1, 2], None);
    for address in ["0.0.0.0:7", "[::]:7", "224.0.0.1:7", "[::ffff:224.0.0.1]:7", "127.0.0.1:0"] {
        let address: SocketAddr = address.parse().unwrap();
        let refused = Err(UnusableAddress(address));
        assert_eq!(one.endpoint.configure(2, address), refused);
        assert_eq!(one.endpoint.introduce(2, address, LONG.into()), refused);
    }
    assert_eq!(one.endpoint.known_addresses(), []);
}

#[test]
fn members_of_which_every_datagram_arrives_twice_keep_their_leader_and_their_addresses() {
    for keys in [None, Some(keys())] {
        let members: Vec<Id> = (1..=3).collect();
        let node = |id| Node::new(id, &members, keys.clone());
        let mut world = World::of([node(1), node(2).knowing(1), node(3).knowing(1)]);
        world.doubles = true;
        world.run_for(LONG);
        let term = world.node(1).election.term();
        world.node(2).address = at(202);
        world.run_for(LONG);
        for id in [1, 3] {
            assert_eq!(world.node(id).endpoint.address(2), Some(at(202)), "as node {id} knows it");
        }
        let leader = world.node(3).endpoint.leader().unwrap();
        assert_eq!((leader.id, leader.term), (1, term), "duplicates and a move cost no leader");
        let news = world.news(1);
        assert!(!news.iter().any(|event| matches!(event, Event::TwoProcesses { .. })), "{news:?}");
    }
}

/// The kind of a datagram that challenges its receiver.
const CHALLENGE: u8 = 5;

#[test]
fn every_form_of_an_address_is_the_same_address() {
    let plain: SocketAddr = "10.0.0.2:7".parse().unwrap();
    let global: SocketAddr = "[2001:db8::2]:7".parse().unwrap();
    let link: SocketAddr = "[fe80::2%3]:7".parse().unwrap();
    for (given, source, kept) in [
        ("[::ffff:10.0.0.2]:7", "10.0.0.2:7", plain),
        ("10.0.0.2:7", "[::ffff:10.0.0.2]:7", plain),
        ("[2001:db8::2%3]:7", "[2001:db8::2]:7", global),
        ("[2001:db8::2]:7", "[2001:db8::2%4]:7", global),
        ("[fe80::2%3]:7", "[fe80::2%3]:7", link),
    ] {
        let mut one = Node::new(1, &[1, 2], None);
        one.endpoint.bind("[::]:1".parse().unwrap());
        one.endpoint.configure(2, given.parse().unwrap()).unwrap();
        let answers = one.receive(&plain_message(2, 1), source.parse().unwrap(), LONG.into());
        assert!(!answers.iter().any(|answer| answer.bytes[3] == CHALLENGE), "{source} is {given}");
        assert_eq!(one.endpoint.known_addresses(), [(2, kept)]);
    }
    // The same address of another link is another one.
    let mut one = Node::new(1, &[1, 2], None);
    one.endpoint.configure(2, link).unwrap();
    let answers = one.receive(&plain_message(2, 1), "[fe80::2%4]:7".parse().unwrap(), LONG.into());
    assert!(answers.iter().any(|answer| answer.bytes[3] == CHALLENGE), "{answers:?}");
    assert_eq!(one.endpoint.address(2), Some(link));
}
