//! Nodes that are known by their names: when a name is looked up, and what becomes of the answers.

use std::collections::BTreeMap;

use quorate::adapters::endpoint::PeerName;
use quorate::{Config, HardState, Term, Timing};

use super::*;

/// How long a name server takes.
const ANSWERS_AFTER: Duration = Duration::from_millis(5);

/// What a name server knows, and what it was asked.
#[derive(Default)]
struct NameServer {
    /// A name that is missing does not exist; one without an answer leaves the question unanswered for ever.
    records: BTreeMap<String, Option<Vec<SocketAddr>>>,
    asked: Vec<(Timestamp, Id, PeerName)>,
    under_way: Vec<(Timestamp, Id, PeerName, Vec<SocketAddr>)>,
}

/// Nodes, and their name server.
struct Named {
    world: World,
    server: NameServer,
}

fn name_of(id: Id) -> String {
    format!("node-{id}.example")
}

fn name(host: &str) -> PeerName {
    format!("{host}:7000").parse().unwrap()
}

/// Tells a node the names of the others.
fn tell_names(node: &mut Node, last: Id) {
    for other in (1..=last).filter(|&other| other != node.election.id()) {
        node.endpoint.configure_name(other, name(&name_of(other)));
    }
}

/// The address of a node when it has moved so often.
fn place(id: Id, moves: u16) -> SocketAddr {
    at(100 * moves + id)
}

impl Named {
    /// The members 1 to `last`, each of which knows the names of the others.
    fn of(last: Id, keys: Option<&Keyring>) -> Self {
        let members: Vec<Id> = (1..=last).collect();
        let node = |id: Id| {
            let config = Config { timing: timing(), ..Config::new(id) };
            let saved = HardState::bootstrap(GROUP, members.iter().copied()).unwrap();
            let mut node = Node::with(config, saved, keys.cloned());
            tell_names(&mut node, last);
            node
        };
        let world = World::of(members.iter().map(|&id| node(id)));
        let records = members.iter().map(|&id| (name_of(id), Some(vec![place(id, 0)]))).collect();
        Named { world, server: NameServer { records, ..NameServer::default() } }
    }

    /// Runs all nodes, and has the name server answer them.
    fn run_for(&mut self, length: Duration) {
        let end = self.world.now.saturating_add(length);
        while self.world.now < end {
            let step = Duration::from_millis(5).min(end.saturating_duration_since(self.world.now));
            self.world.run_for(step);
            self.answer();
        }
    }

    fn answer(&mut self) {
        let now = self.world.now;
        for node in &mut self.world.nodes {
            let id = node.election.id();
            while let Some(name) = node.endpoint.poll_lookup() {
                self.server.asked.push((now, id, name.clone()));
                match self.server.records.get(name.host()) {
                    Some(None) => {}
                    known => {
                        let answer = known.cloned().flatten().unwrap_or_default();
                        self.server.under_way.push((now.saturating_add(ANSWERS_AFTER), id, name, answer));
                    }
                }
            }
        }
        let (due, later) = std::mem::take(&mut self.server.under_way).into_iter().partition(|it| it.0 <= now);
        self.server.under_way = later;
        for (_, id, name, answer) in due {
            self.world.node(id).endpoint.complete_lookup(&name, Ok::<_, ()>(answer), now);
        }
    }

    /// Moves all nodes at once. The name server knows where they are from then on.
    fn move_all(&mut self, moves: u16) {
        for node in &mut self.world.nodes {
            let id = node.election.id();
            node.address = place(id, moves);
            node.endpoint.bind(node.address);
            self.server.records.insert(name_of(id), Some(vec![node.address]));
        }
    }

    /// The term of the leader that all nodes know.
    fn common_term(&self) -> Option<Term> {
        let known: Vec<_> = self.world.nodes.iter().map(|node| node.election.leader()).collect();
        known[0].filter(|_| known.iter().all(|&leader| leader == known[0])).map(|leader| leader.term)
    }

    /// How long it takes until all know one leader, of a later term than before.
    fn time_to_lead(&mut self, most: Duration) -> Duration {
        let (began, before) = (self.world.now, self.common_term());
        loop {
            self.run_for(Duration::from_millis(5));
            let elapsed = self.world.now.saturating_duration_since(began);
            if self.common_term() > before {
                return elapsed;
            }
            assert!(elapsed <= most, "no common leader after {elapsed:?}");
        }
    }

    /// When node `id` has asked for the names of the others, since that instant.
    fn asked_since(&self, since: Timestamp, id: Id, host: &str) -> Vec<Timestamp> {
        let asked = self.server.asked.iter().filter(|it| it.0 >= since && it.1 == id && it.2.host() == host);
        asked.map(|it| it.0).collect()
    }
}

fn timing() -> Timing {
    Timing::lan()
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn nodes_that_know_names_alone_find_each_other_with_one_look_up_of_each() {
    for keys in [None, Some(keys())] {
        let mut named = Named::of(5, keys.as_ref());
        named.time_to_lead(2 * SECOND);
        named.run_for(60 * SECOND);
        for id in 1..=5 {
            for other in (1..=5).filter(|&other| other != id) {
                let asked = named.asked_since(Timestamp::ORIGIN, id, &name_of(other));
                assert_eq!(asked.len(), 1, "{id} asks for {other}: {asked:?}");
                assert_eq!(named.world.node(id).endpoint.address(other), Some(place(other, 0)));
            }
            let counters = named.world.node(id).endpoint.counters();
            assert_eq!((counters.lookups, counters.failed_lookups), (4, 0));
        }
    }
}

/// All get new addresses at once, of which no datagram tells anybody. Every name is looked up again because of the
/// silence alone.
#[test]
fn a_group_whose_members_all_move_at_once_leads_again_within_the_longest_promise() {
    for keys in [None, Some(keys())] {
        let mut named = Named::of(5, keys.as_ref());
        named.time_to_lead(2 * SECOND);
        named.run_for(30 * SECOND);
        for moves in 1..=3 {
            let since = named.world.now;
            named.move_all(moves);
            let took = named.time_to_lead(3 * SECOND);
            assert!(took <= timing().promise_limit, "{took:?}");
            named.run_for(30 * SECOND);
            for id in 1..=5 {
                let asked: Vec<_> =
                    (1..=5).map(|other| named.asked_since(since, id, &name_of(other)).len()).collect();
                assert!(asked.iter().all(|&times| times <= 1), "{id}: {asked:?}");
            }
        }
    }
}

/// As the pods of a set that is rolled out anew: the name server learns where they are after they have asked.
#[test]
fn a_group_whose_members_all_restart_elsewhere_leads_again_after_two_look_ups() {
    let mut named = Named::of(5, Some(&keys()));
    named.time_to_lead(2 * SECOND);
    named.run_for(30 * SECOND);
    let (since, stale) = (named.world.now, named.server.records.clone());
    named.move_all(1);
    for node in &mut named.world.nodes {
        node.restart(since);
        tell_names(node, 5);
    }
    let fresh = std::mem::replace(&mut named.server.records, stale);
    named.run_for(SECOND / 10);
    named.server.records = fresh;
    let took = named.time_to_lead(3 * SECOND) + SECOND / 10;
    // No voter grants anything before it has waited out what it may have promised.
    assert!(took >= timing().promise_limit && took <= timing().promise_limit + SECOND / 4, "{took:?}");
    for id in 1..=5 {
        let asked: Vec<_> =
            (1..=5).map(|other| named.asked_since(since, id, &name_of(other)).len()).collect();
        assert!(asked.iter().all(|&times| times <= 2), "{id}: {asked:?}");
    }
    assert_eq!(named.common_term(), Some(Term(2)), "one election");
}

/// The name server learns of the move later than the nodes ask, as in a cluster where records are cached.
#[test]
fn a_name_server_that_is_behind_is_asked_again_ever_more_rarely_and_the_group_leads_soon_after_it_knows() {
    let mut named = Named::of(5, Some(&keys()));
    named.time_to_lead(2 * SECOND);
    let stale = named.server.records.clone();
    let since = named.world.now;
    named.move_all(1);
    let fresh = std::mem::replace(&mut named.server.records, stale);
    named.run_for(100 * SECOND);
    assert_eq!(named.common_term(), None);
    for id in 1..=5 {
        let asked = named.asked_since(since, id, &name_of(id % 5 + 1));
        assert!((10..=20).contains(&asked.len()), "{asked:?}");
        let pauses: Vec<_> =
            asked.windows(2).map(|pair| pair[1].saturating_duration_since(pair[0])).collect();
        assert!(pauses[0] >= SECOND / 4 && pauses[0] < SECOND && pauses[pauses.len() - 1] >= 10 * SECOND);
        assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1] + SECOND / 5), "{pauses:?}");
    }
    named.server.records = fresh;
    let took = named.time_to_lead(12 * SECOND);
    assert!(took <= 10 * SECOND + timing().promise_limit + SECOND / 2, "{took:?}");
}

#[test]
fn a_name_that_does_not_resolve_at_the_start_is_no_error_and_is_said_and_counted() {
    let mut named = Named::of(3, Some(&keys()));
    let absent: Vec<_> = [2, 3].iter().filter_map(|&id| named.server.records.remove(&name_of(id))).collect();
    let others = named.world.nodes.split_off(1);
    named.run_for(10 * SECOND);
    let endpoint = &named.world.node(1).endpoint;
    let diagnosis = endpoint.diagnosis(Timestamp::from(10 * SECOND)).unwrap();
    assert_eq!((diagnosis.unresolved.clone(), diagnosis.unaddressed.clone()), (vec![2, 3], vec![2, 3]));
    assert!(diagnosis.to_string().contains("name does not resolve: [2, 3]"), "{diagnosis}");
    let counters = endpoint.counters();
    assert!(counters.failed_lookups >= 8 && counters.failed_lookups == counters.lookups, "{counters:?}");
    named.server.records.extend([2, 3].map(name_of).into_iter().zip(absent));
    named.world.nodes.extend(others);
    named.time_to_lead(12 * SECOND);
    assert_eq!(named.world.node(1).endpoint.address(3), Some(place(3, 0)));
}

/// Wrong answers cost datagrams to addresses where nobody answers. The members that tell each other where they are, and
/// the addresses at which they answer, are believed more.
#[test]
fn wrong_answers_and_answers_that_never_come_do_no_harm() {
    let mut named = Named::of(5, Some(&keys()));
    let flood =
        (0..1_000).map(|number| SocketAddr::from(([10, 9, (number / 250) as u8, (number % 250) as u8], 7)));
    let useless = ["0.0.0.0:7", "224.0.0.1:7", "255.255.255.255:7", "127.0.0.1:0", "[fe80::1]:7"];
    let useless: Vec<SocketAddr> = useless.iter().map(|text| text.parse().unwrap()).collect();
    named.time_to_lead(2 * SECOND);
    let leader = named.world.node(1).election.leader();
    // Every name is wrong from now on, and all nodes ask again.
    let wrong = [
        (1, Some(vec![place(2, 0)])),
        (2, Some(flood.collect())),
        (3, Some(Vec::new())),
        (4, None),
        (5, Some(useless)),
    ];
    for (id, answer) in wrong {
        named.server.records.insert(name_of(id), answer);
        for other in (1..=5).filter(|&other| other != id) {
            named.world.node(other).endpoint.configure_name(id, name(&name_of(id)));
        }
    }
    let sent_before = named.world.sent.len();
    named.run_for(60 * SECOND);
    assert_eq!(named.world.node(1).election.leader(), leader, "nobody loses the leader");
    let stray = named.world.sent[sent_before..]
        .iter()
        .filter(|sent| sent.transmit.to.ip().is_ipv4() && !sent.transmit.to.ip().is_loopback());
    let stray = stray.count();
    assert!(stray <= 8, "until the node answers again, and no longer: {stray}");
    for id in 1..=5 {
        let asked = named.asked_since(Timestamp::ORIGIN, id, &name_of(4)).len();
        assert!(asked <= 2, "a look-up that hangs is not begun again: {asked}");
    }
    // A node that is silent is tried at what its name stands for, at a bounded rate and at a few addresses at a time.
    let (sent_before, silent) = (named.world.sent.len(), place(2, 0));
    named.world.cut_off.push(silent);
    named.run_for(60 * SECOND);
    assert!(
        named
            .world
            .nodes
            .iter()
            .filter(|node| node.election.id() != 2)
            .all(|node| node.election.leader().is_some())
    );
    let mut tried: BTreeMap<SocketAddr, usize> = BTreeMap::new();
    for sent in &named.world.sent[sent_before..] {
        if !sent.transmit.to.ip().is_loopback() {
            *tried.entry(sent.transmit.to).or_default() += 1;
        }
    }
    assert!(tried.len() > 16, "others with the next look-up: {}", tried.len());
    let most = tried.values().max().unwrap();
    assert!(*most < 4_000, "{most} datagrams to one address");
}

/// More addresses than a node has room for: each is tried in its turn.
#[test]
fn a_name_of_many_addresses_finds_the_node_at_the_last_of_them() {
    let mut named = Named::of(3, Some(&keys()));
    let dead = |count: u8| (1..=count).map(|last| SocketAddr::from(([10, 9, 9, last], 7)));
    for id in 1..=3 {
        named.server.records.insert(name_of(id), Some(dead(40).chain([place(id, 0)]).collect()));
    }
    named.time_to_lead(20 * SECOND);
}

#[test]
fn an_address_of_a_name_counts_once_the_node_has_shown_to_receive_there() {
    let mut one = Node::new(1, &[1, 2], None);
    one.endpoint.configure_name(2, name("two.example"));
    let mut transmits = Vec::new();
    one.endpoint.handle_timeout(Timestamp::ORIGIN, &mut transmits);
    assert_eq!(one.endpoint.poll_lookup(), Some(name("two.example")));
    assert_eq!(one.endpoint.poll_lookup(), None, "one at a time");
    one.endpoint.complete_lookup(&name("two.example"), Ok::<_, ()>(vec![at(2), at(3)]), Timestamp::ORIGIN);
    // Somebody writes one of the addresses on a datagram.
    let (_, replies) = handle(&mut one.endpoint, &plain_message(2, 1).bytes, at(3));
    assert!(replies.iter().any(|reply| reply.to == at(3)), "a challenge: {replies:?}");
    let route = |one: &mut Node| {
        let (now, mut transmits) = (Timestamp::from(SECOND / 10), Vec::new());
        let message =
            handle(&mut Node::new(1, &[1, 2], None).endpoint, &plain_message(2, 1).bytes, at(2)).0.unwrap().1;
        one.endpoint.send(2, &message, now, &mut transmits);
        transmits.iter().map(|transmit| transmit.to).collect::<Vec<_>>()
    };
    let tried = route(&mut one);
    assert!(tried.contains(&at(2)) && tried.contains(&at(3)), "both are candidates: {tried:?}");
}

#[test]
fn names_are_bounded_for_each_node_and_the_look_ups_at_one_time() {
    let mut one = Node::new(1, &[1, 2], None);
    for number in 0..100 {
        one.endpoint.configure_name(2, name(&format!("n{number}.example")));
    }
    one.endpoint.configure_name(1, name("me.example"));
    let mut asked = Vec::new();
    let mut ask = |one: &mut Node, now: Timestamp| {
        one.endpoint.handle_timeout(now, &mut Vec::new());
        asked.extend(std::iter::from_fn(|| one.endpoint.poll_lookup()));
        std::mem::take(&mut asked)
    };
    let names = ask(&mut one, Timestamp::ORIGIN);
    assert_eq!(names, ["n96", "n97", "n98", "n99"].map(|host| name(&format!("{host}.example"))));
    // Each name of a node has as much room.
    for (number, name) in (0..).zip(&names) {
        let addresses = (1..=50).map(|last| SocketAddr::from(([10, 0, number, last], 7))).collect();
        one.endpoint.complete_lookup(name, Ok::<_, ()>(addresses), Timestamp::ORIGIN);
    }
    let message =
        handle(&mut Node::new(1, &[1, 2], None).endpoint, &plain_message(2, 1).bytes, at(2)).0.unwrap().1;
    let mut transmits = Vec::new();
    one.endpoint.send(2, &message, Timestamp::ORIGIN, &mut transmits);
    assert_eq!(transmits.len(), 8);
    // Many nodes, and a name server that answers none of the questions: sixteen at a time, until they seem to hang.
    let mut many = Node::new(1, &[1], None);
    for id in 2..=100 {
        many.endpoint.configure_name(id, name(&name_of(id)));
    }
    assert_eq!(ask(&mut many, Timestamp::ORIGIN).len(), 16);
    assert_eq!(ask(&mut many, (5 * SECOND).into()).len(), 0);
    let others: usize = (2..20).map(|ten| ask(&mut many, (ten * 10 * SECOND).into()).len()).sum();
    assert_eq!(others, 99 - 16, "one that hangs is not asked for again");
}

#[test]
fn an_answer_that_nobody_asked_for_is_ignored_and_a_failure_keeps_what_was_known() {
    let mut one = Node::new(1, &[1, 2], None);
    let two = name("two.example");
    one.endpoint.complete_lookup(&two, Ok::<_, ()>(vec![at(9)]), Timestamp::ORIGIN);
    one.endpoint.configure_name(2, two.clone());
    one.endpoint.complete_lookup(&two, Ok::<_, ()>(vec![at(9)]), Timestamp::ORIGIN);
    assert_eq!((one.endpoint.address(2), one.endpoint.counters()), (None, DatagramCounters::default()));
    let mut look_up = |second: u32, answer: Result<Vec<SocketAddr>, ()>| {
        let now = Timestamp::from(second * SECOND);
        one.endpoint.configure_name(2, two.clone());
        one.endpoint.handle_timeout(now, &mut Vec::new());
        assert_eq!(one.endpoint.poll_lookup(), Some(two.clone()));
        one.endpoint.complete_lookup(&two, answer, now);
        one.endpoint.address(2)
    };
    assert_eq!(look_up(1, Ok(vec![at(2)])), Some(at(2)));
    assert_eq!(look_up(2, Err(())), Some(at(2)));
    assert_eq!(look_up(3, Ok(Vec::new())), Some(at(2)));
    assert_eq!(look_up(4, Ok(vec![at(3)])), Some(at(3)), "and another answer takes its place");
    assert_eq!((one.endpoint.counters().lookups, one.endpoint.counters().failed_lookups), (4, 2));
}
