//! What a node says when something keeps it from its work.

use std::time::Duration;

use quorate::adapters::seal::{Key, Keyring};
use quorate::{Diagnosis, Event, Input, Priority, Problem, Urgency};

use super::world::*;

/// What node `id` says in `seconds`, and in which second.
fn said_within(world: &mut World, id: Id, seconds: u64) -> Vec<(u64, Event<Id>)> {
    let mut said = Vec::new();
    for _ in 0..seconds {
        world.run_for(Duration::from_secs(1));
        let second = world.now.since_origin().as_secs();
        said.extend(std::iter::from_fn(|| world.node(id).endpoint.poll_event()).map(|event| (second, event)));
    }
    said
}

fn diagnoses(said: &[(u64, Event<Id>)]) -> Vec<(u64, Diagnosis<Id>)> {
    let diagnosis = |(second, event): &(u64, Event<Id>)| match event {
        Event::Diagnosed(diagnosis) => Some((*second, diagnosis.clone())),
        _ => None,
    };
    said.iter().filter_map(diagnosis).collect()
}

#[test]
fn a_healthy_group_says_nothing() {
    let node = |id| Node::new(id, &[1, 2, 3], Some(keys()));
    let mut world = World::of([node(1), node(2).knowing(1), node(3).knowing(1)]);
    for id in 1..=3 {
        assert_eq!(said_within(&mut world, id, 60), []);
    }
}

#[test]
fn a_node_without_a_majority_says_so_within_seconds_and_again_at_growing_intervals() {
    let mut world = World::of([Node::new(1, &[1, 2, 3], None).knowing(2)]);
    let said = said_within(&mut world, 1, 1_000);
    let said = diagnoses(&said);
    assert!(said.iter().all(|(_, diagnosis)| diagnosis.problem == Problem::NoQuorum), "{said:?}");
    let seconds: Vec<u64> = said.iter().map(|(second, _)| *second).collect();
    assert!(seconds[0] <= 4 && seconds.len() >= 6 && seconds.len() <= 8, "{seconds:?}");
    let pauses: Vec<u64> = seconds.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.windows(2).all(|pair| pair[1] > pair[0] + pair[0] / 2), "{pauses:?}");
    assert_eq!((&said[0].1.silent, &said[0].1.unaddressed), (&vec![2, 3], &vec![3]));
    let line = said[0].1.to_string();
    assert!(line.contains("not heard: [2, 3]; address unknown: [3]") && !line.contains('\n'), "{line}");
}

#[test]
fn a_node_with_another_key_says_so_and_the_leader_says_that_the_node_is_silent() {
    let other = Keyring::new([Key::new(&[8; 32])]).unwrap();
    let node = |id, keys| Node::new(id, &[1, 2, 3], Some(keys)).knowing(1);
    let mut world = World::of([node(1, keys()).knowing(3), node(2, keys()), node(3, other)]);
    let said = said_within(&mut world, 3, 30);
    let said = diagnoses(&said);
    assert!(
        said.iter().any(|(second, diagnosis)| {
            *second <= 12 && diagnosis.problem == Problem::UnreadableDatagrams && diagnosis.unreadable > 0
        }),
        "{said:?}"
    );
    let led = said_within(&mut world, 1, 1);
    let led = diagnoses(&led);
    assert_eq!((led[0].1.problem, &led[0].1.silent), (Problem::SilentMembers, &vec![3]));
}

#[test]
fn a_node_that_waits_to_be_added_says_whether_it_is_heard() {
    let mut world = World::of([Node::new(4, &[], None).knowing(1)]);
    let said = said_within(&mut world, 4, 10);
    let said = diagnoses(&said);
    assert_eq!((said.len(), said[0].1.problem), (1, Problem::NotContacted), "{said:?}");
}

#[test]
fn a_leader_that_is_lost_is_reported_once_and_a_leader_that_hands_over_is_not() {
    let node = |id| Node::new(id, &[1, 2, 3], None).knowing(1);
    let mut world = World::of([node(1), node(2), node(3)]);
    world.run_for(Duration::from_secs(5));
    for id in 2..=3 {
        world.step(id, Input::SetPriority(Priority::default()));
    }
    world.run_for(Duration::from_secs(5));
    let mut lost = Vec::new();
    world.step(1, Input::Resign { successor: Some(2), urgency: Urgency::WhenReady });
    lost.extend(said_within(&mut world, 3, 5));
    assert_eq!(lost, [], "a handover");
    let leader = world.node(3).endpoint.leader().unwrap().id;
    assert_eq!(leader, 2);
    world.nodes.retain(|node| node.election.id() != leader);
    let lost = said_within(&mut world, 3, 2);
    assert_eq!(
        lost.iter().map(|(_, event)| event.clone()).collect::<Vec<_>>(),
        [Event::LeaderLost { leader }]
    );
}
