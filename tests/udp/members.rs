//! Members that come, move and go, and how everybody learns where they are.

use std::collections::BTreeMap;

use quorate::{Force, Limits, Target};

use quorate::adapters::udp::PeerAddress;

use super::*;

fn joiner(id: Id) -> Host<Id> {
    host(config(id), HardState::joining(ClusterId(1)))
}

fn target(voters: &[Id], learners: &[Id]) -> Target<Id> {
    Target::new(voters.iter().copied(), learners.iter().copied()).unwrap()
}

/// Asks whoever leads, until one takes it.
#[track_caller]
fn reconfigure(hosts: &[Host<Id>], target: &Target<Id>, newcomers: &[(Id, SocketAddr)]) {
    wait("a leader that takes the target", || {
        let (place, _) = leader(hosts);
        hosts[place].reconfigure(target.clone(), Force::Never, newcomers.iter().copied()).ok()
    });
}

/// Waits until just `hosts` are the members, all know that, and all know where the others are.
#[track_caller]
fn wait_until_all_know_all(hosts: &[Host<Id>]) {
    let everyone: BTreeMap<Id, SocketAddr> =
        hosts.iter().map(|host| (host.status().id, host.local_addr())).collect();
    wait("all to know where all are", || {
        let knows = |host: &Host<Id>| {
            let status = host.status();
            let members = status.members.iter().map(|member| member.id);
            let mut known: BTreeMap<_, _> = host.addresses().into_iter().collect();
            known.insert(status.id, host.local_addr());
            status.committed && members.eq(everyone.keys().copied()) && known == everyone
        };
        hosts.iter().all(knows).then_some(())
    });
}

#[track_caller]
fn wait_for_removal(events: &quorate::adapters::udp::Events<Id>) {
    wait("the news that it is out", || match events.try_recv()? {
        Notice::Event(Event::Removed) => Some(()),
        _ => None,
    });
}

#[test]
fn a_newcomer_that_knows_nobody_is_reached_by_all_also_after_its_leader_is_gone() {
    let mut hosts = trio();
    leader(&hosts);
    let four = joiner(4);
    let address = four.local_addr();
    reconfigure(&hosts, &target(&[1, 2, 3, 4], &[]), &[(4, address)]);
    hosts.push(four);
    wait_until_all_know_all(&hosts);

    // Three of four make a quorum: nobody wins without the newcomer, nor without reaching the others.
    let (place, lease) = leader(&hosts);
    hosts.remove(place).shutdown().unwrap();
    wait("the rest to follow one of them", || {
        let follows = |host: &Host<Id>| host.leader().is_some_and(|known| known.term > lease.term);
        hosts.iter().all(follows).then_some(())
    });
}

#[test]
fn all_know_where_a_newcomer_will_be_before_anybody_has_heard_it() {
    let mut hosts = trio();
    let reserved = UdpSocket::bind(any_port()).unwrap();
    let address = reserved.local_addr().unwrap();
    reconfigure(&hosts, &target(&[1, 2, 3], &[4]), &[(4, address)]);
    wait("all to know the address", || {
        hosts.iter().all(|host| host.addresses().contains(&(4, address))).then_some(())
    });
    let (place, _) = leader(&hosts);
    hosts.remove(place).shutdown().unwrap();
    drop(reserved);
    let mut config = config(4);
    config.listen = address;
    let four = host(config, HardState::joining(ClusterId(1)));
    wait("the newcomer to follow a leader that never was told of it", || {
        four.leader().filter(|known| hosts.iter().any(|host| Some(host.local_addr()) == known.address))
    });
}

/// A host whose state outlives it.
fn durable(config: HostConfig<Id>, state: &Arc<Mutex<HardState<Id>>>) -> Host<Id> {
    let (saved, disk) = (state.lock().unwrap().clone(), Arc::clone(state));
    let save = move |state: &HardState<Id>| {
        disk.lock().unwrap().clone_from(state);
        Ok::<_, Infallible>(())
    };
    Host::start(config, saved, save).unwrap()
}

#[test]
fn a_member_that_moves_is_reached_at_its_new_address_by_all() {
    let one = host(config(1), first(1, &[1, 2, 3]));
    let two = host(config(2).peer(1, one.local_addr().into()), first(1, &[1, 2, 3]));
    let state = Arc::new(Mutex::new(first(1, &[1, 2, 3])));
    let three = durable(config(3).peer(1, one.local_addr().into()), &state);
    let mut hosts = vec![one, two, three];
    wait_until_all_know_all(&hosts);

    for known in [1, 2, 1] {
        let three = hosts.pop().unwrap();
        let before = three.local_addr();
        three.shutdown().unwrap();
        // Held, so that the system does not give the same port again.
        let _held = UdpSocket::bind(before);
        let mut moved = config(3).peer(known, hosts[usize::from(known) - 1].local_addr().into());
        moved.config.priority = Priority::NEVER_LEADS;
        hosts.push(durable(moved, &state));
        assert_ne!(hosts[2].local_addr(), before);
        wait_until_all_know_all(&hosts);
        wait("it to follow", || hosts[2].leader());
    }
}

/// What the leader writes to the lost one is that it has acknowledged the members, or, if the leader is a
/// new one, who they are. Neither is news for who is there now.
#[test]
fn a_new_node_may_be_where_a_lost_one_was() {
    for (sealed, new_leader) in [(false, false), (false, true), (true, true)] {
        let config = |id| if sealed { config(id) } else { unsealed(id) };
        let mut hosts = trio_of(config);
        wait_until_all_know_all(&hosts);
        let follower = wait("a follower", || hosts.iter().position(|host| host.lease().is_none()));
        let lost = hosts.remove(follower);
        let listen = lost.local_addr();
        lost.shutdown().unwrap();
        if new_leader {
            let (place, Lease { term, .. }) = leader(&hosts);
            let other = hosts[1 - place].status().id;
            wait("a resignation", || hosts[place].resign(Some(other), Urgency::WhenReady).ok());
            wait("a later term", || (leader(&hosts).1.term > term).then_some(()));
        }

        let four = host(HostConfig { listen, ..config(4) }, HardState::joining(ClusterId(1)));
        wait("datagrams", || {
            let counters = four.counters();
            let misdirected = counters.misdirected + counters.refused.misdirected;
            (misdirected + counters.received > 10).then_some(())
        });
        let news = four.events().try_recv();
        assert!(news.is_none(), "{news:?}");
        hosts.push(four);
        let members: Vec<Id> = hosts.iter().map(|host| host.status().id).collect();
        reconfigure(&hosts, &target(&members, &[]), &[(4, listen)]);
        wait_until_all_know_all(&hosts);
    }
}

#[test]
fn a_group_that_restarts_as_a_whole_finds_itself_by_the_addresses_that_were_saved() {
    let states = [1, 2, 3].map(|id| match id {
        1 => first(1, &[1]),
        _ => HardState::joining(ClusterId(1)),
    });
    let states = states.map(|state| Arc::new(Mutex::new(state)));
    let start = |id: Id, config| durable(config, &states[usize::from(id) - 1]);
    let hosts: Vec<_> = (1..=3).map(|id| start(id, config(id))).collect();
    let newcomers = [(2, hosts[1].local_addr()), (3, hosts[2].local_addr())];
    reconfigure(&hosts, &target(&[1, 2, 3], &[]), &newcomers);
    wait_until_all_know_all(&hosts);

    // Nobody was configured with anybody.
    let saved: Vec<_> = hosts.iter().map(|host| (host.local_addr(), known_peers(host))).collect();
    hosts.into_iter().for_each(|host| host.shutdown().unwrap());
    let restart = |(id, (listen, peers))| start(id, HostConfig { listen, peers, ..config(id) });
    let hosts: Vec<_> = (1..).zip(saved).map(restart).collect();
    wait_until_all_know_all(&hosts);
    leader(&hosts);
}

#[test]
fn hosts_that_know_nobody_form_a_group_once_they_are_told_of_each_other() {
    let limits = Limits { min_members: 3, max_members: 5 };
    let start = |id| host(config(id), HardState::forming(ClusterId(1), limits).unwrap());
    let mut hosts: Vec<_> = (1..=3).map(start).collect();
    let places: Vec<(Id, SocketAddr)> = (1..).zip(hosts.iter().map(Host::local_addr)).collect();
    for (id, host) in (1..).zip(&hosts) {
        for &(other, address) in places.iter().filter(|&&(other, _)| other != id) {
            host.discovered(other, address).unwrap();
        }
    }
    wait_until_all_know_all(&hosts);

    // Later the leader alone takes up and gives up nodes, within the limits.
    let four = joiner(4);
    let follower = hosts.iter().find(|host| host.lease().is_none()).unwrap();
    assert!(matches!(
        follower.discovered(4, four.local_addr()),
        Err(HostCommandError::Rejected(Rejection::NotLeader { .. }))
    ));
    wait("the leader to admit it", || hosts[leader(&hosts).0].discovered(4, four.local_addr()).ok());
    hosts.push(four);
    wait_until_all_know_all(&hosts);
    let four = hosts.pop().unwrap();
    wait("the leader to give it up", || hosts[leader(&hosts).0].lost(4).ok());
    wait_for_removal(&four.events());
    wait_until_all_know_all(&hosts);
    let (place, _) = leader(&hosts);
    let other = places[(place + 1) % 3].0;
    assert!(hosts[place].lost(other).is_err(), "no fewer than three");
}

#[test]
fn a_follower_and_a_leader_that_leave_are_told_when_they_are_out() {
    let mut hosts = trio();
    hosts.push(joiner(4));
    reconfigure(&hosts, &target(&[1, 2, 3, 4], &[]), &[(4, hosts[3].local_addr())]);
    wait_until_all_know_all(&hosts);

    let follower = wait("a follower", || hosts.iter().position(|host| host.lease().is_none()));
    hosts[follower].leave().unwrap();
    let gone = hosts.remove(follower);
    wait_for_removal(&gone.events());
    wait_until_all_know_all(&hosts);
    assert!(matches!(gone.leave(), Err(HostCommandError::Rejected(Rejection::NotAMember { .. }))));

    let (leader, _) = leader(&hosts);
    hosts[leader].leave().unwrap();
    let gone = hosts.remove(leader);
    wait_for_removal(&gone.events());
    wait_until_all_know_all(&hosts);
    assert!(gone.failure().is_none() && gone.lease().is_none());
}

/// What a host knows, as the peers of its next start.
fn known_peers(host: &Host<Id>) -> Vec<(Id, PeerAddress)> {
    host.addresses().into_iter().map(|(id, address)| (id, address.into())).collect()
}
