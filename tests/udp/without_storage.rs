//! Hosts that start with nothing: they have no storage, or their files are gone.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use quorate::adapters::udp::Events;
use quorate::{BlankError, HowRecovered, RoleKind};

use super::*;

const THREE: [Id; 3] = [1, 2, 3];

/// Hosts 1, 2 and 3, each started in this way, and told of those that were started before it.
fn started_in_turn(start: impl Fn(HostConfig<Id>) -> Host<Id>) -> Vec<Host<Id>> {
    let mut hosts: Vec<Host<Id>> = Vec::new();
    for id in THREE {
        let mut config = config(id);
        config.peers = (1..).zip(hosts.iter().map(|host| host.local_addr().into())).collect();
        hosts.push(start(config));
    }
    hosts
}

fn start_volatile(config: HostConfig<Id>) -> Host<Id> {
    Host::start_volatile(config, GROUP, THREE).unwrap()
}

/// The host whose node keeps its state in this folder.
fn start_in(folder: &Path, config: HostConfig<Id>) -> Host<Id> {
    let path = folder.join(config.config.id.to_string());
    let (mut store, saved) = Store::open_or_blank(path, GROUP, THREE).unwrap();
    Host::start(config, saved, move |state| store.save(state)).unwrap()
}

/// The configuration of node `id` where all nodes know where the others listen.
fn at(id: Id, addresses: &[SocketAddr]) -> HostConfig<Id> {
    let peers = (1..).zip(addresses.iter().copied()).filter(|&(peer, _)| peer != id);
    let peers = peers.map(|(peer, address)| (peer, address.into())).collect();
    HostConfig { listen: addresses[usize::from(id) - 1], peers, ..config(id) }
}

/// Waits until every host follows one leader of a later term than `after`. Returns its place, and the term.
#[track_caller]
fn followed(hosts: &[Host<Id>], after: Term) -> (usize, Term) {
    wait("everybody to follow", || {
        let known: BTreeSet<_> =
            hosts.iter().map(|host| host.leader().map(|leader| (leader.id, leader.term))).collect();
        let [Some((id, term))] = known.into_iter().collect::<Vec<_>>()[..] else { return None };
        (term > after).then_some((usize::from(id) - 1, term))
    })
}

/// How the node came to take part.
#[track_caller]
fn recovered(events: &Events<Id>) -> HowRecovered {
    loop {
        if let Notice::Event(Event::Recovered { how, .. }) = events.recv_timeout(PATIENCE).unwrap() {
            return how;
        }
    }
}

#[test]
fn each_host_in_turn_comes_back_without_storage_under_its_old_id() {
    let mut hosts = started_in_turn(start_volatile);
    let addresses: Vec<SocketAddr> = hosts.iter().map(Host::local_addr).collect();
    let (mut leader, mut term) = followed(&hosts, Term(0));
    for place in [0, 1, 2, 0, 1, 2] {
        hosts.remove(place).abort().unwrap();
        hosts.insert(place, start_volatile(at(THREE[place], &addresses)));
        assert_eq!(hosts[place].status().role, RoleKind::Recovering);
        assert_eq!(recovered(&hosts[place].events()), HowRecovered::Rejoined);
        let later = if place == leader { term } else { Term(term.0 - 1) };
        (leader, term) = followed(&hosts, later);
    }
    for host in &hosts {
        assert_eq!(host.election_counters().writes, 0);
        assert_eq!(host.status().members.len(), 3);
    }
}

#[test]
fn hosts_without_storage_found_another_group_in_a_later_term_when_all_have_forgotten() {
    let mut hosts = started_in_turn(start_volatile);
    let addresses: Vec<SocketAddr> = hosts.iter().map(Host::local_addr).collect();
    let mut term = followed(&hosts, Term(0)).1;
    for _ in 0..2 {
        let life = hosts[0].status().life;
        hosts.drain(..).for_each(|host| host.abort().unwrap());
        hosts = THREE.map(|id| start_volatile(at(id, &addresses))).into();
        for host in &hosts {
            assert_eq!(recovered(&host.events()), HowRecovered::Founded);
            assert_ne!(host.status().life, life);
        }
        term = followed(&hosts, term).1;
    }
}

#[test]
fn hosts_with_files_found_a_group_once_and_one_whose_file_is_gone_rejoins_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut hosts = started_in_turn(|config| start_in(folder.path(), config));
    let addresses: Vec<SocketAddr> = hosts.iter().map(Host::local_addr).collect();
    for host in &hosts {
        assert_eq!(recovered(&host.events()), HowRecovered::Founded);
    }
    let (_, founded) = followed(&hosts, Term(0));
    let life = hosts[0].status().life;
    hosts.drain(..).for_each(|host| host.abort().unwrap());
    fs::remove_file(folder.path().join("2")).unwrap();
    hosts = THREE.map(|id| start_in(folder.path(), at(id, &addresses))).into();
    assert_eq!(recovered(&hosts[1].events()), HowRecovered::Rejoined);
    let (_, term) = followed(&hosts, founded);
    assert!(term.0 < founded.0 + 1_000, "the group has not been founded again: {founded}, {term}");
    assert!(hosts.iter().all(|host| host.status().life == life));
}

#[test]
fn a_host_without_a_list_of_members_does_not_start_without_storage() {
    let refused = Host::start_volatile(config(1), GROUP, []).unwrap_err();
    assert!(matches!(refused, HostStartError::Blank(BlankError::Membership(_))), "{refused:?}");
}
