//! The loss of a quorum: the operator makes the nodes that are left a group again, in their durable files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use quorate::adapters::store::Store;
use quorate::adapters::udp::{Events, Host, HostConfig, Notice};
use quorate::{ClusterId, Config, Event, HardState, MembershipVersion, Term};
use tempfile::TempDir;

#[path = "../../src/bin/quorate/recover/durable_file.rs"]
mod durable_file;

use durable_file::recover_unsafely;

type Id = u64;

const PATIENCE: Duration = Duration::from_secs(20);

/// The files of a stopped group of nodes `1..=nodes`, with node `n` in term `10 + n`.
fn group(nodes: Id) -> (TempDir, impl Fn(Id) -> PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    let file = move |id: Id| root.join(format!("node-{id}"));
    for id in 1..=nodes {
        let first = HardState::bootstrap(ClusterId(1), 1..=nodes).unwrap();
        let promised = Duration::from_millis(450);
        let state = HardState { term: Term(10 + id), voted_for: Some(id), promised, ..first };
        drop(Store::create(file(id), &state).unwrap());
    }
    (folder, file)
}

fn start(id: Id, file: &Path, peers: &[&Host<Id>]) -> Host<Id> {
    let (mut store, saved) = Store::open(file).unwrap();
    let mut config = HostConfig::new(Config::new(id), "127.0.0.1:0".parse().unwrap());
    config.peers = peers.iter().map(|peer| (peer.status().id, peer.local_addr().into())).collect();
    Host::start(config, saved, move |state| store.save(state)).unwrap()
}

#[track_caller]
fn elected(events: &Events<Id>) -> Term {
    loop {
        if let Notice::Event(Event::Elected { term }) = events.recv_timeout(PATIENCE).unwrap() {
            return term;
        }
    }
}

#[test]
fn the_only_survivor_of_three_leads_alone_in_a_later_term_than_any_before() {
    let (_folder, file) = group(3);
    let before = fs::read(file(1)).unwrap();
    let (state, copy) = recover_unsafely::<Id>(&file(1), &[1], Term(13)).unwrap();
    assert_eq!((state.term, state.voted_for), (Term(14), None));
    assert_eq!(
        state.promised,
        Duration::from_millis(450),
        "the node is under quarantine as after any restart"
    );
    assert_eq!(state.membership.version(), MembershipVersion { term: Term(14), number: 0 });
    assert_eq!(fs::read(copy).unwrap(), before);
    assert_eq!(Store::<Id>::open(file(1)).unwrap().1, state);

    let host = start(1, &file(1), &[]);
    assert!(elected(&host.events()) > Term(14));
}

#[test]
fn two_survivors_of_five_elect_one_of_them() {
    let (_folder, file) = group(5);
    for id in [2, 4] {
        recover_unsafely::<Id>(&file(id), &[2, 4], Term(15)).unwrap();
    }
    let two = start(2, &file(2), &[]);
    let four = start(4, &file(4), &[&two]);
    let followed = |events: &Events<Id>| {
        loop {
            if let Notice::Event(Event::LeaderChanged { leader: Some(leader) }) =
                events.recv_timeout(PATIENCE).unwrap()
            {
                assert!(leader.term > Term(16) && [2, 4].contains(&leader.id));
                return leader.id;
            }
        }
    };
    let leaders: BTreeSet<Id> = [&two, &four].map(|host| followed(&host.events())).into();
    assert_eq!(leaders.len(), 1);
}

#[test]
fn the_file_of_a_running_node_is_not_changed() {
    let (_folder, file) = group(3);
    let _runs = start(1, &file(1), &[]);
    let before = fs::read(file(1)).unwrap();
    let error = recover_unsafely::<Id>(&file(1), &[1], Term(13)).unwrap_err();
    assert!(error.to_string().contains("in use"), "{error}");
    assert_eq!(fs::read(file(1)).unwrap(), before);
}

#[test]
fn a_term_that_is_too_low_or_a_second_recovery_changes_nothing() {
    let (folder, file) = group(3);
    let before = fs::read(file(3)).unwrap();
    assert!(recover_unsafely::<Id>(&file(3), &[3], Term(12)).is_err(), "node 3 has seen term 13 itself");
    assert!(recover_unsafely::<Id>(&file(3), &[], Term(13)).is_err());
    assert!(recover_unsafely::<Id>(&folder.path().join("lost"), &[3], Term(13)).is_err());
    assert_eq!(fs::read(file(3)).unwrap(), before);

    let (_, copy) = recover_unsafely::<Id>(&file(3), &[3], Term(13)).unwrap();
    let after = fs::read(file(3)).unwrap();
    let error = recover_unsafely::<Id>(&file(3), &[3], Term(20)).unwrap_err();
    assert!(error.to_string().contains("before-recovery"), "{error}");
    assert_eq!(fs::read(file(3)).unwrap(), after);
    assert_eq!(fs::read(copy).unwrap(), before, "the first copy is the one that matters");
}
