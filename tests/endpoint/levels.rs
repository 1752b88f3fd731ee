//! At which level a log shows what happens to a group.

use std::time::Duration;

use quorate::adapters::trace::trace_event;
use quorate::{Config, HardState, Input, Priority, Target, Timing, Urgency};

use tracing::Level;

use super::log::lines_of;
use super::world::*;

/// The warnings and errors of each node in so long, by their first words.
fn alarms(world: &mut World, length: Duration) -> Vec<(Id, String)> {
    world.run_for(length);
    let ids: Vec<Id> = world.nodes.iter().map(|node| node.election.id()).collect();
    let mut alarms = Vec::new();
    for id in ids {
        let news = world.news(id);
        let lines = lines_of(Level::WARN, || news.iter().for_each(|event| trace_event(id, event)));
        let first = |line: &String| line.split(':').next().unwrap_or_default().to_owned();
        alarms.extend(lines.iter().map(|line| (id, first(line))));
    }
    alarms
}

/// Four equal voters in which all is well.
fn settled() -> World {
    let node = |id| {
        let saved = HardState::bootstrap(GROUP, [1, 2, 3, 4]).unwrap();
        let node = Node::with(Config { timing: Timing::lan(), ..Config::new(id) }, saved, Some(keys()));
        (1..=4).fold(node, Node::knowing)
    };
    let mut world = World::of((1..=4).map(node));
    assert_eq!(alarms(&mut world, 10 * SECOND), [], "a start of all");
    world
}

const SECOND: Duration = Duration::from_secs(1);

fn leader(world: &mut World) -> Id {
    world.nodes[0].endpoint.leader().unwrap().id
}

#[test]
fn what_is_planned_warns_nobody() {
    let mut world = settled();
    let first = leader(&mut world);
    world.step(first, Input::Resign { successor: None, urgency: Urgency::WhenReady });
    assert_eq!(alarms(&mut world, 10 * SECOND), [], "a handover");
    let second = leader(&mut world);
    assert_ne!(second, first);
    world.step(second, Input::Resign { successor: None, urgency: Urgency::Now });
    assert_eq!(alarms(&mut world, 10 * SECOND), [], "a leader that stops");
    let third = leader(&mut world);
    // A node that gave up leadership so soon is not wanted again at once.
    let wanted = (1..=4).find(|id| ![first, second, third].contains(id)).unwrap();
    world.step(wanted, Input::SetPriority(Priority(200)));
    assert_eq!(alarms(&mut world, 20 * SECOND), [], "a takeover by priority");
    let fourth = leader(&mut world);
    assert_eq!(fourth, wanted);
    let voters: Vec<Id> = (1..=4).filter(|&id| id != third).collect();
    let target = Target::new(voters, []).unwrap();
    world.step(fourth, Input::Reconfigure { target, force: quorate::Force::Never });
    assert_eq!(alarms(&mut world, 10 * SECOND), [], "a removal");
    world.nodes.retain(|node| node.election.id() != third);
    for id in (1..=4).filter(|&id| id != third) {
        let now = world.now;
        world.node(id).restart(now);
    }
    assert_eq!(alarms(&mut world, 10 * SECOND), [], "a restart of all");
}

#[test]
fn a_leader_that_crashes_is_a_warning_on_each_follower_and_then_one_on_the_next_leader() {
    let mut world = settled();
    let lost = leader(&mut world);
    world.nodes.retain(|node| node.election.id() != lost);
    let warnings = alarms(&mut world, 2 * SECOND);
    let expected = (1..=4).filter(|&id| id != lost).map(|id| (id, "WARN leader lost".to_owned()));
    assert_eq!(warnings, expected.collect::<Vec<_>>());
    let next = leader(&mut world);
    assert_eq!(alarms(&mut world, 8 * SECOND), [(next, "WARN for 3 s".to_owned())], "a member is silent");
}

#[test]
fn a_leader_that_is_cut_off_is_warned_itself() {
    let mut world = settled();
    let lost = leader(&mut world);
    world.cut_off = vec![at(lost)];
    let warnings = alarms(&mut world, 2 * SECOND);
    let expected = (1..=4).map(|id| match id {
        id if id == lost => (id, "WARN stepped down from term 1".to_owned()),
        id => (id, "WARN leader lost".to_owned()),
    });
    assert_eq!(warnings, expected.collect::<Vec<_>>());
    assert!(
        alarms(&mut world, 5 * SECOND).contains(&(lost, "WARN for 3 s".to_owned())),
        "it has no majority"
    );
}
