//! Hosts that have nothing to store their state in.

use std::collections::BTreeSet;

use quorate::{BlankError, RoleKind};

use super::*;

const THREE: [Id; 3] = [1, 2, 3];

/// A host that knows where every node listens.
fn started(id: Id, addresses: &[SocketAddr]) -> Host<Id> {
    let mut config = HostConfig { listen: addresses[id as usize - 1], ..config(id) };
    config.peers = (1..).zip(addresses.iter().copied()).filter(|&(peer, _)| peer != id).collect();
    Host::start_volatile(config, GROUP, THREE).unwrap()
}

/// Waits until every host follows one leader of a later term than `after`. Returns its place, and the term.
#[track_caller]
fn followed(hosts: &[Host<Id>], after: Term) -> (usize, Term) {
    wait("everybody to follow", || {
        let known: BTreeSet<_> =
            hosts.iter().map(|host| host.leader().map(|leader| (leader.id, leader.term))).collect();
        let [Some((id, term))] = known.into_iter().collect::<Vec<_>>()[..] else { return None };
        (term > after).then_some((id as usize - 1, term))
    })
}

#[test]
fn each_host_in_turn_comes_back_without_storage_under_its_old_id() {
    let mut hosts = trio();
    let addresses: Vec<SocketAddr> = hosts.iter().map(Host::local_addr).collect();
    let (mut leader, mut term) = followed(&hosts, Term(0));
    for place in [0, 1, 2, 0, 1, 2] {
        hosts.remove(place).abort().unwrap();
        hosts.insert(place, started(place as Id + 1, &addresses));
        assert_eq!(hosts[place].status().role, RoleKind::Recovering);
        let later = if place == leader { term } else { Term(term.0 - 1) };
        (leader, term) = followed(&hosts, later);
    }
    for host in &hosts {
        assert_eq!(host.election_counters().writes, 0);
        assert_eq!(host.status().members.len(), 3);
    }
}

#[test]
fn a_host_without_a_list_of_members_does_not_start_without_storage() {
    let refused = Host::start_volatile(config(1), GROUP, []).unwrap_err();
    assert!(matches!(refused, HostStartError::Blank(BlankError::Membership(_))), "{refused:?}");
}
