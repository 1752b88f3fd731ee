//! Groups whose nodes start again, one after the other, with a release that writes other formats: what the page
//! `guide::formats` says of upgrades.

use std::time::Duration;

use quorate::adapters::seal::Keyring;
use quorate::{Config, Event, HardState, Input, Problem, Timing, Urgency};

use super::page;
use super::world::*;

const MS: Duration = Duration::from_millis(1);
/// For how long a node is down while its release is replaced.
const DOWN: Duration = Duration::from_millis(500);

/// A release that reads nothing of what the one before wrote.
const NEXT: Release = Release { writes: 1, reads: &[1] };
/// The same in two steps.
const READS_NEXT: Release = Release { writes: 0, reads: &[0, 1] };
const WRITES_NEXT: Release = Release { writes: 1, reads: &[0, 1] };

/// A group in which every node may lead, and what was seen of its leaders.
struct Group {
    world: World,
    nodes: Vec<Id>,
    /// The stretches of time without a leader that is reached, since the first one.
    leaderless: Vec<Duration>,
    had_leader: bool,
}

impl Group {
    fn new(nodes: Id, keys: &Option<Keyring>) -> Self {
        let nodes: Vec<Id> = (1..=nodes).collect();
        let node = |&id: &Id| {
            let first = HardState::bootstrap(GROUP, nodes.iter().copied()).unwrap();
            let node = Node::with(Config::new(id), first, keys.clone());
            nodes.iter().filter(|&&other| other != id).fold(node, |node, &other| node.knowing(other))
        };
        let world = World::of(nodes.iter().map(node));
        let mut group = Group { world, nodes, leaderless: Vec::new(), had_leader: false };
        group.run_for(Duration::from_secs(5));
        group.leaderless.clear();
        assert!(group.had_leader);
        group
    }

    /// The node that holds a lease, which is never two.
    fn leader(&self) -> Option<Id> {
        let holds = |node: &&Node| node.election.lease().is_some_and(|lease| lease.holds_at(self.world.now));
        let leaders: Vec<Id> = self.world.nodes.iter().filter(holds).map(|node| node.election.id()).collect();
        assert!(leaders.len() < 2, "{leaders:?}");
        leaders.first().copied()
    }

    fn run_for(&mut self, length: Duration) {
        for _ in 0..length.as_millis() {
            self.world.run_for(MS);
            let has_leader = self.leader().is_some_and(|leader| !self.world.cut_off.contains(&at(leader)));
            match (self.had_leader, has_leader, self.leaderless.last_mut()) {
                (false, false, Some(stretch)) => *stretch += MS,
                (true, false, _) => self.leaderless.push(MS),
                _ => {}
            }
            self.had_leader = has_leader;
        }
    }

    /// Stops node `id`, which hands over if it leads, and starts it again with another release.
    fn upgrade(&mut self, id: Id, release: Release) {
        if self.leader() == Some(id) {
            self.world.step(id, Input::Resign { successor: None, urgency: Urgency::WhenReady });
            self.run_for(DOWN);
        }
        self.world.cut_off.push(at(id));
        self.run_for(DOWN);
        let now = self.world.now;
        let node = self.world.node(id);
        node.restart(now);
        node.release = release;
        self.world.cut_off.clear();
        self.run_for(Duration::from_secs(10));
    }

    /// The nodes in the order of an upgrade: the leader is the last.
    fn in_order(&self) -> Vec<Id> {
        let leader = self.leader().unwrap();
        self.nodes.iter().copied().filter(|&id| id != leader).chain([leader]).collect()
    }
}

/// The stretches without a leader that no handover explains.
fn long(leaderless: &[Duration]) -> Vec<Duration> {
    leaderless.iter().copied().filter(|&stretch| stretch > 100 * MS).collect()
}

/// What node `id` has said of datagrams that it cannot use, and of which problem it takes them to be the reason.
fn said_of_datagrams(world: &mut World, id: Id) -> Vec<(Problem, Vec<Id>)> {
    let diagnosis = |event| match event {
        Event::Diagnosed(it) if !it.unusable.is_empty() => Some((it.problem, it.unusable)),
        _ => None,
    };
    world.news(id).into_iter().filter_map(diagnosis).collect()
}

#[test]
fn a_group_upgraded_to_formats_that_the_old_release_cannot_read_is_without_a_leader_once() {
    for keys in [None, Some(keys())] {
        for nodes in [3, 5] {
            let mut group = Group::new(nodes, &keys);
            let order = group.in_order();
            for (upgraded, &id) in (1..).zip(&order) {
                group.upgrade(id, NEXT);
                let is_majority = 2 * upgraded > order.len();
                let leader = group.leader().unwrap();
                assert_eq!(order[..upgraded].contains(&leader), is_majority, "the majority has the leader");
                let alone = if is_majority { order.last() } else { order.first() };
                let said = said_of_datagrams(&mut group.world, *alone.unwrap());
                let is_named = said.iter().any(|(problem, nodes)| {
                    matches!(problem, Problem::OtherRelease | Problem::NoQuorum) && nodes.contains(&leader)
                });
                assert_eq!(is_named, upgraded < order.len(), "{upgraded} of {nodes}: {said:?}");
                // The two of a group of three would be a quorum, so this explains why there is no leader.
                let explains = said.iter().any(|(problem, _)| *problem == Problem::OtherRelease);
                assert!(explains || nodes == 5 || upgraded == 3, "{upgraded} of {nodes}: {said:?}");
            }
            let Timing { promise, promise_limit, .. } = Timing::lan();
            let longest = DOWN + promise + promise_limit + 100 * MS;
            let long = long(&group.leaderless);
            assert!(long.len() == 1 && long[0] <= longest, "{long:?}, at most {longest:?}");
            let counters = group.world.node(order[0]).endpoint.counters();
            assert!(counters.other_version + counters.refused.unknown_version > 10, "{counters:?}");
            assert_eq!(counters.undecodable, 0);
        }
    }
}

#[test]
fn a_group_upgraded_by_a_release_that_reads_both_formats_never_loses_its_leader() {
    for keys in [None, Some(keys())] {
        let mut group = Group::new(3, &keys);
        for release in [READS_NEXT, WRITES_NEXT, NEXT] {
            for id in group.in_order() {
                group.upgrade(id, release);
                assert_eq!(said_of_datagrams(&mut group.world, id), []);
            }
        }
        assert_eq!(long(&group.leaderless), [], "{:?}", group.leaderless);
        for id in group.nodes.clone() {
            let counters = group.world.node(id).endpoint.counters();
            assert_eq!((counters.other_version, counters.refused.unknown_version), (0, 0));
        }
    }
}

/// A datagram of release 0.1 is told from one that is damaged.
#[test]
fn a_datagram_of_release_0_1_is_counted_by_its_version() {
    let mut one = endpoint(1, None);
    let bytes = page::vector("datagram/of-release-0.1");
    assert_eq!(handle(&mut one, &bytes, at(2)), (None, Vec::new()));
    let counters = one.counters();
    assert_eq!((counters.other_version, counters.undecodable), (1, 0));

    // The envelope is that of today, and the message in it is not.
    let mut later = plain_message(2, 1).bytes;
    let version = quorate::adapters::wire::VERSION;
    let head = [version, u8::try_from(GROUP.0).unwrap()];
    let at_message = later.windows(2).rposition(|bytes| bytes == head).unwrap();
    later[at_message] += 1;
    handle(&mut one, &later, at(2));
    assert_eq!((one.counters().other_version, one.counters().undecodable), (2, 0));
}
