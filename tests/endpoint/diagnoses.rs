//! What a node says when something keeps it from its work: what brings each problem, how soon and how often it is said,
//! what cannot hide it, and its end.

use std::time::Duration;

use quorate::adapters::endpoint::{Endpoint, NodeView, Transmit};
use quorate::adapters::seal::{Key, Keyring};
use quorate::message::Denial;
use quorate::{
    ClusterId, Config, Diagnosis, Election, Event, Force, HardState, Input, Output, Position, Priority,
    Problem, Target, Timestamp, Timing, Urgency,
};
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::{ChaCha8Rng, ChaCha20Rng};

use super::addresses::reporting;
use super::world::*;

const SECOND: Duration = Duration::from_secs(1);

/// Within how many seconds a problem is said.
const SOON: u64 = 8;

fn other_keys() -> Keyring {
    Keyring::new([Key::new(&[8; 32])]).unwrap()
}

/// What node `id` says in `seconds`, and in which second. `meanwhile` is done before each.
fn said_while(
    world: &mut World,
    id: Id,
    seconds: u64,
    mut meanwhile: impl FnMut(&mut World),
) -> Vec<(u64, Event<Id>)> {
    let (mut said, began) = (Vec::new(), world.now);
    for _ in 0..seconds {
        meanwhile(world);
        world.run_for(SECOND);
        let second = world.now.saturating_duration_since(began).as_secs();
        said.extend(world.news(id).into_iter().map(|event| (second, event)));
    }
    said
}

fn said_within(world: &mut World, id: Id, seconds: u64) -> Vec<(u64, Event<Id>)> {
    said_while(world, id, seconds, |_| {})
}

fn diagnoses(said: &[(u64, Event<Id>)]) -> Vec<(u64, Diagnosis<Id>)> {
    let diagnosis = |(second, event): &(u64, Event<Id>)| match event {
        Event::Diagnosed(diagnosis) => Some((*second, Diagnosis::clone(diagnosis))),
        _ => None,
    };
    said.iter().filter_map(diagnosis).collect()
}

/// Asserts that `problem` was said soon, and that the endpoint shows it. Returns what was said first.
#[track_caller]
fn assert_said(world: &mut World, id: Id, said: &[(u64, Event<Id>)], problem: Problem) -> Diagnosis<Id> {
    let all = diagnoses(said);
    let Some((second, diagnosis)) = all.iter().find(|(_, diagnosis)| diagnosis.problem == problem) else {
        panic!("{problem:?} was not said: {said:?}");
    };
    assert!(*second <= SOON, "{said:?}");
    let now = world.now;
    let shown = world.node(id).endpoint.diagnosis(now).unwrap();
    assert_eq!(shown.problem, problem);
    diagnosis.clone()
}

/// Asserts that node `id` says the end of `problem` once its trouble is over, and is well then.
#[track_caller]
fn assert_resolved(world: &mut World, id: Id, problem: Problem) {
    let said = said_within(world, id, 30);
    let ends: Vec<_> = said.iter().filter(|(_, event)| matches!(event, Event::Resolved { .. })).collect();
    let [(second, Event::Resolved { problem: ended, lasted })] = ends[..] else { panic!("{said:?}") };
    assert!(*second <= SOON && *ended == problem && lasted.as_secs() >= 3, "{said:?}");
    let now = world.now;
    assert_eq!(world.node(id).endpoint.diagnosis(now), None);
}

/// A datagram that `source` is made to have sent to node `to`.
fn inject(world: &mut World, source: u16, to: Id, bytes: &[u8]) {
    let transmit = Transmit { to: at(to), bytes: bytes.to_vec() };
    world.deliver(at(source), vec![transmit]);
}

fn three(keys: &Option<Keyring>) -> [Node; 3] {
    let node = |id| Node::new(id, &[1, 2, 3], keys.clone()).knowing(1).knowing(2).knowing(3);
    [node(1), node(2), node(3)]
}

#[test]
fn a_healthy_group_says_nothing() {
    let mut world = World::of(three(&Some(keys())));
    for id in 1..=3 {
        assert_eq!(
            said_within(&mut world, id, 60)
                .into_iter()
                .filter(|(_, event)| is_of_endpoint(event))
                .collect::<Vec<_>>(),
            []
        );
    }
}

fn is_of_endpoint(event: &Event<Id>) -> bool {
    matches!(
        event,
        Event::Diagnosed(_)
            | Event::Resolved { .. }
            | Event::LeaderLost { .. }
            | Event::TickedLate { .. }
            | Event::ForeignCluster { .. }
            | Event::TwoProcesses { .. }
    )
}

#[test]
fn a_node_that_is_well_is_never_due_for_a_diagnosis() {
    let mut world = World::of([Node::new(1, &[1], None)]);
    world.run_for(SECOND);
    assert_eq!(world.node(1).endpoint.deadline(), None, "it leads, and knows no other node");
    let mut world = World::of(three(&None));
    world.run_for(10 * SECOND);
    // Once a second it looks after its addresses, and for nothing else.
    for _ in 0..30 {
        let (now, before) = (world.now, world.node(2).endpoint.deadline().unwrap());
        assert!(before > now);
        world.run_for(before.saturating_duration_since(now));
        let after = world.node(2).endpoint.deadline().unwrap();
        assert_eq!(after.saturating_duration_since(before), SECOND);
    }
}

#[test]
fn a_node_without_a_majority_says_so_within_seconds_and_again_at_growing_intervals() {
    let mut world = World::of([Node::new(1, &[1, 2, 3], None).knowing(2)]);
    let said = said_within(&mut world, 1, 1_000);
    assert_said(&mut world, 1, &said, Problem::NoQuorum);
    let said = diagnoses(&said);
    assert!(said.iter().all(|(_, diagnosis)| diagnosis.problem == Problem::NoQuorum), "{said:?}");
    let seconds: Vec<u64> = said.iter().map(|(second, _)| *second).collect();
    assert!(seconds[0] <= 4 && seconds.len() >= 6 && seconds.len() <= 8, "{seconds:?}");
    let pauses: Vec<u64> = seconds.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.windows(2).all(|pair| pair[1] > pair[0] + pair[0] / 2), "{pauses:?}");
    assert_eq!((&said[0].1.silent, &said[0].1.unaddressed), (&vec![2, 3], &vec![3]));
    assert!(said[0].1.unanswering.is_empty(), "no datagram of node 2 arrives, whose address is known");
    let line = said[0].1.to_string();
    assert!(line.contains("not heard: [2, 3]; address unknown: [3]") && !line.contains('\n'), "{line}");
}

#[test]
fn a_majority_that_is_lost_and_comes_back_is_said_at_both_ends() {
    for keys in [None, Some(keys())] {
        let mut world = World::of(three(&keys));
        world.run_for(10 * SECOND);
        world.cut_off = vec![at(2), at(3)];
        let said = said_within(&mut world, 1, 20);
        assert_said(&mut world, 1, &said, Problem::NoQuorum);
        world.cut_off.clear();
        assert_resolved(&mut world, 1, Problem::NoQuorum);
    }
}

/// Node 1 of these `members`, all of which it is configured with, hears none of the others, but what `meanwhile` sends
/// it each second: it says that it has no majority, and nothing else.
fn assert_not_hidden(keys: &Option<Keyring>, members: &[Id], mut meanwhile: impl FnMut(&mut World)) {
    let node = Node::new(1, members, keys.clone());
    let mut world = World::of([members.iter().fold(node, |node, &id| node.knowing(id))]);
    let said = said_while(&mut world, 1, 120, &mut meanwhile);
    assert_said(&mut world, 1, &said, Problem::NoQuorum);
    let all = diagnoses(&said);
    assert!(all.iter().all(|(_, diagnosis)| diagnosis.problem == Problem::NoQuorum), "{all:?}");
}

/// Datagrams that no node of the group can use: without meaning, of another group, for another node, in another's name.
fn unusable() -> [Vec<u8>; 4] {
    let foreign = {
        let mut other = endpoint_of(ClusterId(9), 9);
        other.configure(1, at(1)).unwrap();
        let mut transmits = Vec::new();
        other.handle_timeout(world_time(), &mut transmits);
        transmits.remove(0).bytes
    };
    [b"GET / HTTP/1.1".to_vec(), foreign, plain_message(2, 3).bytes, plain_message(1, 2).bytes]
}

fn world_time() -> quorate::Timestamp {
    Duration::from_secs(1).into()
}

#[test]
fn no_stray_datagram_hides_that_there_is_no_majority() {
    for bytes in unusable() {
        let mut sent = 0;
        assert_not_hidden(&None, &[1, 2, 3, 4, 5], |world| {
            sent += 1;
            // Three from the address of a member, which is as much as a stray packet or two.
            if sent <= 3 {
                (2..=5).for_each(|id| inject(world, id, 1, &bytes));
            }
        });
    }
}

#[test]
fn no_stranger_hides_that_there_is_no_majority_however_much_it_sends() {
    for bytes in unusable() {
        for keys in [None, Some(keys())] {
            // Of three, a single other node that is set up wrongly would explain all.
            for members in [&[1, 2, 3][..], &[1, 2, 3, 4, 5]] {
                assert_not_hidden(&keys, members, |world| {
                    (0..50).for_each(|port| inject(world, 100 + port, 1, &bytes));
                });
            }
        }
    }
}

#[test]
fn a_single_member_that_is_set_up_wrongly_does_not_hide_that_the_others_are_gone() {
    let garbage = b"GET / HTTP/1.1";
    assert_not_hidden(&None, &[1, 2, 3, 4, 5], |world| inject(world, 2, 1, garbage));
    let mut world =
        World::of([[2, 3, 4, 5].iter().fold(Node::new(1, &[1, 2, 3, 4, 5], None), |it, &id| it.knowing(id))]);
    let said =
        said_while(&mut world, 1, 20, |world| [2, 3].iter().for_each(|&id| inject(world, id, 1, garbage)));
    let diagnosis = assert_said(&mut world, 1, &said, Problem::UnreadableDatagrams);
    assert_eq!(diagnosis.unusable, [2, 3], "with these two there would be a majority");
    // When that ends, what is left is that there is no majority.
    let said = said_within(&mut world, 1, 60);
    let last = diagnoses(&said).pop().unwrap().1;
    assert_eq!((last.problem, last.unusable), (Problem::NoQuorum, vec![]));
}

#[test]
fn a_node_with_another_key_says_so_until_it_has_the_right_one() {
    let node = |id, keys| Node::new(id, &[1, 2, 3], Some(keys)).knowing(1);
    let mut world = World::of([node(1, keys()).knowing(3), node(2, keys()), node(3, other_keys())]);
    let said = said_within(&mut world, 3, 30);
    let diagnosis = assert_said(&mut world, 3, &said, Problem::UnreadableDatagrams);
    assert!(diagnosis.unreadable > 0 && diagnosis.unusable == [1], "{diagnosis:?}");
    let led = world.news(1).into_iter().map(|event| (0, event)).collect::<Vec<_>>();
    let led = diagnoses(&led).pop().unwrap().1;
    assert_eq!((led.problem, led.silent, led.unusable), (Problem::SilentMembers, vec![3], vec![3]));
    assert!(world.node(3).endpoint.set_keys(keys()));
    assert_resolved(&mut world, 3, Problem::UnreadableDatagrams);
    assert!(world.news(1).iter().any(|event| matches!(event, Event::Resolved { .. })));
}

#[test]
fn a_node_without_keys_among_sealed_ones_and_a_sealed_one_among_others_cannot_read_them() {
    for (ours, theirs) in [(None, Some(keys())), (Some(keys()), None)] {
        let node = |id, keys: &Option<Keyring>| Node::new(id, &[1, 2, 3], keys.clone()).knowing(1).knowing(3);
        let mut world = World::of([node(1, &theirs).knowing(2), node(2, &theirs), node(3, &ours).knowing(2)]);
        let said = said_within(&mut world, 3, 30);
        assert_said(&mut world, 3, &said, Problem::UnreadableDatagrams);
    }
}

#[test]
fn datagrams_with_ids_of_another_type_cannot_be_read() {
    // Both are sealed with the same key.
    let rng = ChaCha20Rng::seed_from_u64(5);
    let Ok(mut other) = Endpoint::<[u8; 16], _>::new([200; 16], GROUP, Some(keys()), rng);
    other.configure([201; 16], at(1)).unwrap();
    let mut world = World::of([Node::new(1, &[1, 2, 3], Some(keys())).knowing(2).knowing(3)]);
    let said = said_while(&mut world, 1, 20, |world| {
        let mut transmits = Vec::new();
        other.handle_timeout(world.now, &mut transmits);
        transmits.into_iter().for_each(|transmit| inject(world, 2, 1, &transmit.bytes));
    });
    assert!(world.node(1).endpoint.counters().refused.malformed > 10);
    assert_said(&mut world, 1, &said, Problem::UnreadableDatagrams);
}

#[test]
fn a_node_that_was_started_in_another_group_says_so() {
    for keys in [None, Some(keys())] {
        let [one, two, _] = three(&keys);
        let saved = HardState::bootstrap(ClusterId(2), [1, 2, 3]).unwrap();
        let three = Node::with(Config::new(3), saved, keys).knowing(1).knowing(2);
        let mut world = World::of([one, two, three]);
        let said = said_within(&mut world, 3, 30);
        let diagnosis = assert_said(&mut world, 3, &said, Problem::OtherGroup);
        assert!(diagnosis.unusable.contains(&1), "{diagnosis:?}");
        assert!(said.iter().any(|(second, event)| {
            *second <= SOON && matches!(event, Event::ForeignCluster { peer: 1, cluster: GROUP })
        }));
    }
}

#[test]
fn a_node_on_the_machine_of_another_one_says_that_it_is_written_to_as_that_node() {
    let [one, _, three] = three(&None);
    let four = Node::new(4, &[], None).knowing(1).knowing(3).at(at(2));
    let mut world = World::of([one, four, three]);
    let said = said_within(&mut world, 4, 30);
    let diagnosis = assert_said(&mut world, 4, &said, Problem::WrongAddresses);
    assert!(diagnosis.unusable.contains(&1), "{diagnosis:?}");
}

#[test]
fn a_node_whose_own_address_stands_for_the_others_says_that_addresses_are_wrong() {
    for keys in [None, Some(keys())] {
        let node = Node::new(1, &[1, 2, 3], keys).at(at(1)).knowing_at(2, at(1)).knowing_at(3, at(1));
        let mut world = World::of([node]);
        let said = said_within(&mut world, 1, 30);
        // The address stands for both, so it is known to be that of one of them.
        assert_said(&mut world, 1, &said, Problem::WrongAddresses);
    }
}

#[test]
fn a_node_that_was_given_the_id_of_another_one_says_so_also_if_it_follows_a_leader() {
    for keys in [None, Some(keys())] {
        // The machine of node 2 was given the id 1: node 1 writes to it as node 2.
        let [one, _, three] = three(&keys);
        let twin = Node::new(1, &[1, 2, 3], keys).knowing(3);
        let mut world = World::of([twin.at(at(2)), one, three]);
        world.run_for(SECOND);
        let now = world.now;
        world.nodes[0].restart(now);
        let said = said_within(&mut world, 1, 30);
        let found = |(second, event): &(u64, Event<Id>)| {
            *second <= SOON && matches!(event, Event::TwoProcesses { peer: 1 })
        };
        assert!(
            said.iter().any(found),
            "{:?} {:?}",
            said.iter().filter(|(_, event)| is_of_endpoint(event)).collect::<Vec<_>>(),
            world.nodes[0].endpoint.counters()
        );
    }
}

#[test]
fn a_second_process_is_said_although_others_take_its_address_for_that_of_this_node() {
    let [one, ..] = three(&None);
    let mut world = World::of([one]);
    world.run_for(SECOND);
    let (report, twin) = (reporting(vec![(1, (at(99), Some(0)))]), plain_message(1, 2));
    let said = said_while(&mut world, 1, 10, |world| {
        inject(world, 2, 1, &report.bytes);
        inject(world, 99, 1, &twin.bytes);
    });
    let twins = |(_, event): &&(u64, Event<Id>)| matches!(event, Event::TwoProcesses { peer: 1 });
    assert_eq!(said.iter().filter(twins).count(), 1, "{said:?}");
}

#[test]
fn datagrams_of_this_node_that_somebody_sends_back_show_no_second_process() {
    let mut world = World::of([Node::new(1, &[1, 2, 3], Some(keys())).knowing(2)]);
    world.run_for(SECOND);
    let own = world.sent_to(2).remove(0).transmit.bytes;
    let said = said_while(&mut world, 1, 30, |world| {
        [2, 3, 99].iter().for_each(|&source| inject(world, source, 1, &own));
    });
    assert!(world.node(1).endpoint.counters().refused.reflected > 50);
    assert_said(&mut world, 1, &said, Problem::NoQuorum);
    assert!(!said.iter().any(|(_, event)| matches!(event, Event::TwoProcesses { .. })), "{said:?}");
}

#[test]
fn a_voter_with_other_first_members_is_named_when_no_leader_can_be() {
    let saved = HardState::bootstrap(GROUP, [1, 2, 4]).unwrap();
    let wrong = Node::with(Config { priority: Priority::NEVER_LEADS, ..Config::new(2) }, saved, None);
    let mut world = World::of([Node::new(1, &[1, 2, 3], None).knowing(2), wrong.knowing(1)]);
    let said = said_within(&mut world, 1, 30);
    let diagnosis = assert_said(&mut world, 1, &said, Problem::MembershipConflict);
    assert_eq!(diagnosis.denial.map(|last| (last.from, last.denial)), Some((2, Denial::OtherLife)));
}

#[test]
fn a_node_that_waits_to_be_added_says_whether_it_is_heard() {
    let mut world = World::of([Node::new(4, &[], None).knowing(1)]);
    let said = said_within(&mut world, 4, 10);
    let all = diagnoses(&said);
    assert_eq!((all.len(), all[0].1.problem), (1, Problem::NotContacted), "{said:?}");
    assert_said(&mut world, 4, &said, Problem::NotContacted);

    let mut nodes = Vec::from(three(&Some(keys())));
    nodes.push(Node::new(4, &[], Some(keys())).knowing(1));
    let mut world = World::of(nodes);
    let said = said_within(&mut world, 4, 100);
    assert_said(&mut world, 4, &said, Problem::NotAdmitted);
    assert!(
        diagnoses(&said).iter().all(|(_, diagnosis)| diagnosis.problem == Problem::NotAdmitted),
        "{said:?}"
    );
    let target = Target::new([1, 2, 3, 4], []).unwrap();
    world.step(1, Input::Reconfigure { target, force: Force::Never });
    assert_resolved(&mut world, 4, Problem::NotAdmitted);
}

#[test]
fn a_removed_node_that_is_started_again_says_that_it_was_removed_and_not_that_it_waits() {
    for keys in [None, Some(keys())] {
        let mut world = World::of(three(&keys));
        world.run_for(10 * SECOND);
        world.step(1, Input::Reconfigure { target: Target::new([1, 2], []).unwrap(), force: Force::Never });
        let said = said_within(&mut world, 3, 60);
        assert!(
            said.iter().any(|(_, event)| *event == Event::Removed) && diagnoses(&said).is_empty(),
            "{said:?}"
        );
        let now = world.now;
        world.node(3).restart(now);
        let said = said_within(&mut world, 3, 30);
        let line = assert_said(&mut world, 3, &said, Problem::NotAMember).to_string();
        assert!(line.ends_with("stop this node, or have the leader add it"), "{line}");
        world
            .step(1, Input::Reconfigure { target: Target::new([1, 2, 3], []).unwrap(), force: Force::Never });
        assert_resolved(&mut world, 3, Problem::NotAMember);
    }
}

#[test]
fn a_stray_message_does_not_show_that_a_node_that_waits_is_heard() {
    let mut world = World::of([Node::new(4, &[], None).knowing(1)]);
    let stray = plain_message(2, 4);
    world.run_for(SECOND);
    inject(&mut world, 99, 4, &stray.bytes);
    said_within(&mut world, 4, 20);
    let now = world.now;
    assert_eq!(world.node(4).endpoint.diagnosis(now).unwrap().problem, Problem::NotContacted);
}

#[test]
fn voters_of_which_none_may_lead_say_that_there_is_no_leader_although_they_are_heard() {
    let node = |id| {
        let saved = HardState::bootstrap(GROUP, [1, 2, 3]).unwrap();
        let config = Config { priority: Priority::NEVER_LEADS, ..Config::new(id) };
        Node::with(config, saved, None).knowing(1).knowing(2).knowing(3)
    };
    let mut world = World::of([node(1), node(2), node(3)]);
    let said = said_within(&mut world, 1, 20);
    assert_said(&mut world, 1, &said, Problem::NoLeader);
    world.step(2, Input::SetPriority(Priority::default()));
    assert_resolved(&mut world, 1, Problem::NoLeader);
}

#[test]
fn a_node_whose_data_are_behind_says_that_it_is_denied_for_that() {
    let node = |id| Node::new(id, &[1, 2], None).knowing(1).knowing(2);
    let mut world = World::of([node(1), node(2)]);
    world.step(2, Input::SetPosition(Position { term: 1, index: 7 }));
    let said = said_within(&mut world, 1, 20);
    let diagnosis = assert_said(&mut world, 1, &said, Problem::NoLeader);
    let line = diagnosis.to_string();
    assert!(line.contains("last denial by node 2: "), "{line}");
    assert!(said.iter().any(|(_, event)| matches!(event, Event::Behind { peer: 2, .. })), "{said:?}");
    world.step(1, Input::SetPosition(Position { term: 1, index: 7 }));
    assert_resolved(&mut world, 1, Problem::NoLeader);
}

#[test]
fn a_leader_names_each_member_that_falls_silent() {
    let node = |id| Node::new(id, &[1, 2, 3, 4, 5], None).knowing(1);
    let mut world = World::of((1..=5).map(node));
    world.run_for(10 * SECOND);
    world.cut_off = vec![at(4)];
    let said = said_within(&mut world, 1, 100);
    assert_eq!(assert_said(&mut world, 1, &said, Problem::SilentMembers).silent, [4]);
    // Node 4 is not said again for a long time, and node 5 is news.
    world.cut_off.push(at(5));
    let said = said_within(&mut world, 1, 20);
    assert_eq!(assert_said(&mut world, 1, &said, Problem::SilentMembers).silent, [4, 5]);
    world.cut_off.clear();
    assert_resolved(&mut world, 1, Problem::SilentMembers);
}

#[test]
fn a_node_that_finds_a_majority_says_so_although_another_member_stays_silent() {
    let mut world = World::of(three(&None));
    world.run_for(10 * SECOND);
    world.cut_off = vec![at(2), at(3)];
    let said = said_within(&mut world, 1, 20);
    assert_said(&mut world, 1, &said, Problem::NoQuorum);
    world.cut_off = vec![at(3)];
    let said = said_within(&mut world, 1, 20);
    let ends = |(second, event): &(u64, Event<Id>)| {
        *second <= SOON && matches!(event, Event::Resolved { problem: Problem::NoQuorum, .. })
    };
    assert_eq!(said.iter().filter(|event| ends(event)).count(), 1, "{said:?}");
    let diagnosis = assert_said(&mut world, 1, &said, Problem::SilentMembers);
    assert!(diagnosis.silent == [3] && diagnosis.lasted < SECOND * 5, "a problem of its own: {diagnosis:?}");
}

/// Node 1 leads, and has added node 9, which runs, and a hundred others, which do not. A heartbeat that tells the members
/// is longer than any other datagram.
fn hundred() -> World {
    let mut world = World::of([Node::new(1, &[1], None), Node::new(9, &[], None).knowing(1)]);
    world.run_for(2 * SECOND);
    let target = Target::new([1], (9..=109).collect::<Vec<_>>()).unwrap();
    let now = world.now;
    let transmits = world.node(1).step(Some(Input::Reconfigure { target, force: Force::Never }), now);
    world.node(1).endpoint.introduce(9, at(9), now).unwrap();
    drop(transmits);
    world
}

/// What an announcement has, and no more.
const SHORT: usize = 200;

#[test]
fn a_member_that_runs_where_the_network_loses_longer_datagrams_is_told_from_one_that_is_gone() {
    let mut world = hundred();
    world.longest = Some(SHORT);
    let said = said_within(&mut world, 1, 20);
    let diagnosis = assert_said(&mut world, 1, &said, Problem::SilentMembers);
    assert!(diagnosis.silent.len() == 101 && diagnosis.unanswering == [9], "{diagnosis:?}");
    assert!(diagnosis.to_string().contains("not reached by longer datagrams: [9]"), "{diagnosis}");
    world.longest = None;
    let said = said_within(&mut world, 1, 60);
    let (_, last) = diagnoses(&said).pop().unwrap();
    assert!(!last.silent.contains(&9) && last.unanswering.is_empty(), "{last:?}");
}

#[test]
fn a_leader_says_to_which_members_its_datagrams_are_too_long() {
    let mut world = hundred();
    world.node(1).longest = SHORT;
    let said = said_within(&mut world, 1, 20);
    let diagnosis = assert_said(&mut world, 1, &said, Problem::SilentMembers);
    assert_eq!(diagnosis.too_long_for, [9]);
    assert!(diagnosis.to_string().contains("too long to be sent to: [9]"), "{diagnosis}");
    world.node(1).longest = usize::MAX;
    let said = said_within(&mut world, 1, 60);
    let (_, last) = diagnoses(&said).pop().unwrap();
    assert!(!last.silent.contains(&9) && last.too_long_for.is_empty(), "{last:?}");
}

#[test]
fn a_leader_says_to_which_member_no_datagram_takes_the_membership() {
    let id = |byte| -> [[u8; 32]; 4] { [[byte; 32]; 4] };
    let saved = HardState::bootstrap(GROUP, [id(0)]).unwrap();
    let rng = ChaCha8Rng::seed_from_u64(1);
    let mut election = Election::new(Config::new(id(0)), saved, Default::default(), rng).unwrap();
    let Ok(mut endpoint) = Endpoint::new(id(0), GROUP, None, ChaCha20Rng::seed_from_u64(2));
    endpoint.configure(id(1), at(1)).unwrap();
    let mut said = Vec::new();
    for millis in 0..8_000 {
        let now = Timestamp::from(Duration::from_millis(millis));
        let mut outputs = election.tick(now);
        if millis == 1_000 {
            let target = Target::new([id(0)], (1..=200).map(id)).unwrap();
            outputs.extend(election.step(Input::Reconfigure { target, force: Force::Never }));
        }
        endpoint.observe(&NodeView::of(&election));
        for output in outputs {
            if let Output::Send { to, message } = output {
                endpoint.send(to, &message, now, &mut Vec::new());
            }
        }
        endpoint.handle_timeout(now, &mut Vec::new());
        said.extend(std::iter::from_fn(|| endpoint.poll_event()));
    }
    let [Event::Diagnosed(diagnosis)] = &said[..] else { panic!("{said:?}") };
    assert!(diagnosis.silent.len() == 200 && diagnosis.too_long_for == [id(1)], "{diagnosis:?}");
}

#[test]
fn a_member_that_comes_and_goes_is_said_ever_more_seldom() {
    let mut world = World::of(three(&None));
    world.run_for(10 * SECOND);
    let mut second = 0;
    let said = said_while(&mut world, 1, 2_000, |world| {
        second += 1;
        world.cut_off = if second % 20 < 12 { vec![at(3)] } else { Vec::new() };
    });
    let seconds: Vec<u64> = diagnoses(&said).iter().map(|(second, _)| *second).collect();
    assert!((4..=9).contains(&seconds.len()), "{seconds:?}");
}

/// One of three waits for both others.
#[test]
fn a_node_that_cannot_recover_goes_on_saying_so_until_it_can() {
    let mut world = World::of(three(&None));
    world.run_for(5 * SECOND);
    world.step(1, Input::Reconfigure { target: Target::new([1, 2, 3], [4]).unwrap(), force: Force::Never });
    world.run_for(5 * SECOND);
    let now = world.now;
    world.node(2).restart_from(HardState::bootstrap(GROUP, [1, 2, 3]).unwrap(), now);
    world.cut_off = vec![at(3)];
    let said = said_within(&mut world, 2, 60);
    assert_said(&mut world, 2, &said, Problem::Recovering);
    assert!(diagnoses(&said).len() >= 3, "{said:?}");
    world.cut_off.clear();
    assert_resolved(&mut world, 2, Problem::Recovering);
}

#[test]
fn a_node_whose_datagrams_the_system_does_not_take_says_so_until_it_does() {
    for keys in [None, Some(keys())] {
        let mut world = World::of(three(&keys));
        world.run_for(5 * SECOND);
        world.node(1).can_send = false;
        let said = said_within(&mut world, 1, 20);
        assert_said(&mut world, 1, &said, Problem::CannotSend);
        world.node(1).can_send = true;
        assert_resolved(&mut world, 1, Problem::CannotSend);
    }
}

#[test]
fn a_node_that_was_called_late_says_so_and_blames_no_leader() {
    let mut world = World::of(three(&None));
    world.run_for(10 * SECOND);
    world.news(2);
    // Only node 2 stands still.
    world.cut_off = vec![at(2)];
    let node = world.nodes.remove(1);
    world.run_for(2 * SECOND);
    world.nodes.insert(1, node);
    world.cut_off.clear();
    let said = said_within(&mut world, 2, 30);
    let said: Vec<_> = said.into_iter().filter(|(_, event)| is_of_endpoint(event)).collect();
    assert!(matches!(said[..], [(1, Event::TickedLate { by })] if by > SECOND), "{said:?}");
}

/// What the endpoints of all nodes say in so long.
fn warnings(world: &mut World, length: Duration) -> Vec<(Id, Event<Id>)> {
    world.run_for(length);
    let ids: Vec<Id> = world.nodes.iter().map(|node| node.election.id()).collect();
    let of = |id| world.news(id).into_iter().map(move |event| (id, event)).collect::<Vec<_>>();
    ids.into_iter().flat_map(of).filter(|(_, event)| is_of_endpoint(event)).collect()
}

/// Three nodes that may all lead, with these lengths of time.
fn equals(timing: Timing, keys: &Option<Keyring>) -> World {
    let node = |id| {
        let saved = HardState::bootstrap(GROUP, [1, 2, 3]).unwrap();
        let node = Node::with(Config { timing, ..Config::new(id) }, saved, keys.clone());
        node.knowing(1).knowing(2).knowing(3)
    };
    World::of([node(1), node(2), node(3)])
}

#[test]
fn no_start_of_all_nodes_handover_or_rolling_restart_is_taken_for_a_problem() {
    for timing in [Timing::lan(), Timing::wan()] {
        for keys in [None, Some(keys())] {
            let mut world = equals(timing, &keys);
            let settle = 20 * timing.promise_limit;
            assert_eq!(warnings(&mut world, settle), [], "a start of all");
            let leader = world.node(1).endpoint.leader().unwrap().id;
            world.step(leader, Input::Resign { successor: None, urgency: Urgency::WhenReady });
            assert_eq!(warnings(&mut world, settle), [], "a handover");
            assert_ne!(world.node(1).endpoint.leader().unwrap().id, leader);
            for id in 1..=3 {
                if world.node(id).endpoint.leader().unwrap().id == id {
                    world.step(id, Input::Resign { successor: None, urgency: Urgency::WhenReady });
                    world.run_for(settle);
                }
                let now = world.now;
                world.node(id).restart(now);
                assert_eq!(warnings(&mut world, settle), [], "a restart of node {id}");
            }
            let now = world.now;
            world.nodes.iter_mut().for_each(|node| node.restart(now));
            assert_eq!(warnings(&mut world, settle), [], "a restart of all");
        }
    }
}

#[test]
fn a_leader_that_is_lost_is_reported_once_and_a_leader_that_hands_over_is_not() {
    let mut world = equals(Timing::lan(), &None);
    world.run_for(5 * SECOND);
    let leader = world.node(1).endpoint.leader().unwrap().id;
    world.step(leader, Input::Resign { successor: None, urgency: Urgency::WhenReady });
    assert_eq!(warnings(&mut world, 5 * SECOND), [], "a handover");
    let lost = world.node(1).endpoint.leader().unwrap().id;
    assert_ne!(lost, leader);
    world.nodes.retain(|node| node.election.id() != lost);
    let said = warnings(&mut world, 2 * SECOND);
    let losses = (1..=3).filter(|&id| id != lost).map(|id| (id, Event::LeaderLost { leader: lost }));
    assert_eq!(said, losses.collect::<Vec<_>>());
}
