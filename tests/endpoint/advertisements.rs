//! What members advertise reaches all others, and costs nothing once they know it.

use quorate::adapters::Advertised;

use super::*;

fn text(text: &str) -> Advertised {
    text.parse().unwrap()
}

/// Members 1 to 3, of which each advertises its place in `texts`.
fn trio(keys: Option<&Keyring>, texts: [&str; 3]) -> World {
    World::of((1..).zip(texts).map(|(id, own)| {
        let mut node = Node::new(id, &[1, 2, 3], keys.cloned()).knowing(1);
        node.endpoint.advertise(Some(text(own)));
        node
    }))
}

/// What node `id` knows of the others and itself.
fn known(world: &mut World, id: Id) -> Vec<Option<Advertised>> {
    let node = world.node(id);
    (1..=3).map(|other| node.endpoint.advertised(other)).collect()
}

fn advertisements(world: &World) -> usize {
    world.sent.iter().filter(|sent| sent.transmit.bytes[3] == 10).count()
}

#[test]
fn all_learn_what_each_advertises_and_then_nothing_more_is_sent() {
    for keys in [None, Some(keys())] {
        let mut world = trio(keys.as_ref(), ["http://one", "http://two", "http://three"]);
        world.run_for(Duration::from_secs(3));
        let all = ["http://one", "http://two", "http://three"].map(|own| Some(text(own)));
        for id in 1..=3 {
            // Without keys, followers have only been told of each other, by datagrams that anybody may have made up.
            let of_leader = if keys.is_some() || id == 1 { 3 } else { 1 };
            assert_eq!(known(&mut world, id)[..of_leader], all[..of_leader], "on node {id}");
            assert_eq!(world.node(id).endpoint.leader().unwrap().advertised, all[0]);
        }
        if keys.is_none() {
            let before = advertisements(&world);
            assert!(before <= 18, "{before} for three pairs, of which each tells, answers and is told back");
            world.run_for(LONG);
            assert_eq!(advertisements(&world), before);
        }
    }
}

#[test]
fn a_group_that_advertises_nothing_sends_nothing_for_it() {
    let node = |id| Node::new(id, &[1, 2, 3], None).knowing(1);
    let mut world = World::of([node(1), node(2), node(3)]);
    world.run_for(LONG);
    assert_eq!(advertisements(&world), 0);
}

#[test]
fn a_change_reaches_all_although_datagrams_are_lost_and_a_restarted_member_is_told_again() {
    let mut world = trio(None, ["a", "b", "c"]);
    world.run_for(Duration::from_secs(3));
    world.cut_off = vec![at(2)];
    world.node(1).endpoint.advertise(Some(text("http://elsewhere")));
    world.run_for(Duration::from_millis(100));
    world.cut_off.clear();
    world.run_for(Duration::from_secs(3));
    assert_eq!(known(&mut world, 2)[0], Some(text("http://elsewhere")));

    let now = world.now;
    world.node(2).restart(now);
    assert_eq!(known(&mut world, 2)[0], None);
    world.run_for(Duration::from_secs(5));
    assert_eq!(known(&mut world, 2)[0], Some(text("http://elsewhere")));
    assert_eq!(known(&mut world, 1)[1], None, "the new process advertises nothing");
}

#[test]
fn an_old_advertisement_that_arrives_late_does_not_last() {
    let mut world = trio(None, ["old", "b", "c"]);
    world.run_for(Duration::from_secs(3));
    let is_to_two = |sent: &&world::UnderWay| sent.transmit.bytes[3] == 10 && sent.transmit.to == at(2);
    let old = world.sent.iter().find(|sent| is_to_two(sent) && sent.source == at(1)).unwrap().clone();
    world.node(1).endpoint.advertise(Some(text("new")));
    world.run_for(Duration::from_secs(3));
    assert_eq!(known(&mut world, 2)[0], Some(text("new")));
    world.deliver(old.source, vec![old.transmit]);
    assert_eq!(known(&mut world, 2)[0], Some(text("old")));
    world.run_for(LONG);
    assert_eq!(known(&mut world, 2)[0], Some(text("new")));
}

#[test]
fn a_stranger_advertises_nothing() {
    let mut world = trio(None, ["a", "b", "c"]);
    world.run_for(Duration::from_secs(3));
    let (_, sent) = {
        let mut stranger = World::of([Node::new(9, &[9, 1], None).knowing(1)]);
        stranger.node(9).endpoint.advertise(Some(text("evil")));
        stranger.run_for(Duration::from_secs(1));
        (stranger.now, stranger.sent)
    };
    for sent in sent {
        world.deliver(sent.source, vec![sent.transmit]);
    }
    assert_eq!(world.node(1).endpoint.advertised(9), None);
}
