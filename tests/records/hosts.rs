//! Hosts on threads and sockets.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use quorate::adapters::record::{Ending, Line, Recorder};
use quorate::adapters::store::Store;
use quorate::adapters::udp::{Host, HostConfig, HostStartError};
use quorate::{ClusterId, Config, Force, HardState, Input, Output, Target, Urgency};

use super::support::{Paper, complete, has_input, lines, replay, replayed, wait};

type Id = u16;

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn config(id: Id) -> HostConfig<Id> {
    HostConfig::new(Config::new(id), any_port())
}

fn first(members: &[Id]) -> HardState<Id> {
    HardState::bootstrap(ClusterId(1), members.iter().copied()).unwrap()
}

#[test]
fn a_group_that_restarts_hands_over_and_changes_its_members_is_replayed_without_a_difference() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, id: Id| folder.path().join(format!("{name}-{id}"));
    let mut peers: Vec<(Id, SocketAddr)> = Vec::new();
    let mut recordings = Vec::new();
    let mut start = |id: Id, joins: bool| {
        let is_new = !path("state", id).exists();
        let new = if joins { HardState::joining(ClusterId(1)) } else { first(&[1, 2, 3]) };
        let (mut store, saved) = match is_new {
            true => (Store::create(path("state", id), &new).unwrap(), new),
            false => Store::open(path("state", id)).unwrap(),
        };
        let recorder = Recorder::to_file(path("record", id)).unwrap().named(format!("node {id}"));
        let recording = recorder.recording();
        let mut config = config(id).record(recorder);
        config.peers = peers.iter().map(|&(id, address)| (id, address.into())).collect();
        let slow = Duration::from_millis(if id == 2 { 30 } else { 0 });
        let host = Host::start(config, saved, move |state| {
            thread::sleep(slow);
            store.save(state)
        });
        let host = host.unwrap();
        peers.push((id, host.local_addr()));
        recordings.push(recording.clone());
        (host, recording)
    };
    let mut hosts: Vec<_> = [1, 2, 3].into_iter().map(|id| start(id, false).0).collect();
    let leader = |hosts: &[Host<Id>]| {
        wait("a leader", || hosts.iter().position(|host| host.lease().is_some() && host.status().committed))
    };
    let place = leader(&hosts);
    hosts[place].resign(None, Urgency::WhenReady).unwrap();
    let place = wait("a handover", || {
        hosts.iter().position(|host| host.lease().is_some()).filter(|&next| next != place)
    });

    // A follower ends, and comes back from its disk.
    let follower = (place + 1) % 3;
    let gone = hosts.remove(follower);
    gone.shutdown().unwrap();
    let (back, _) = start(follower as Id + 1, false);
    hosts.insert(follower, back);
    let back = &hosts[follower];
    wait("it to follow", || back.leader());

    let (newcomer, _) = start(4, true);
    let target = Target::new([1, 2, 3, 4], []).unwrap();
    wait("the change to be accepted", || {
        let leader = hosts.iter().find(|host| host.lease().is_some())?;
        leader.reconfigure(target.clone(), Force::Never, [(4, newcomer.local_addr())].to_vec()).ok()
    });
    wait("the newcomer to vote", || {
        let status = newcomer.status();
        (status.committed && status.members.iter().any(|member| member.id == 4 && member.voter)).then_some(())
    });
    drop((hosts, newcomer));
    recordings.iter().for_each(complete);

    let records = [1, 2, 3, 4].map(|id| fs::read(path("record", id)).unwrap());
    for (id, record) in (1..).zip(&records) {
        let (lines, endings) = lines(replayed::<Id>(record));
        let starts = lines.iter().filter_map(|line| match line {
            Line::Start(start) => Some(start.config.id),
            _ => None,
        });
        let starts = starts.collect::<Vec<_>>();
        assert_eq!(starts, vec![id; if usize::from(id) == follower + 1 { 2 } else { 1 }]);
        assert_eq!(endings, [], "each process has said why it ended");
        assert!(lines.iter().any(|line| matches!(line, Line::Durable { .. })));
    }
    let all: Vec<_> = records.iter().flat_map(|record| lines(replayed::<Id>(record)).0).collect();
    assert!(has_input(&all, |input| matches!(input, Input::Reconfigure { .. })));
    assert!(has_input(&all, |input| matches!(input, Input::Resign { .. })));
    assert!(all.iter().any(|line| matches!(line, Line::Withdrawn { .. })));
}

#[test]
fn what_waits_for_a_disk_is_acted_on_when_the_state_is_durable() {
    let paper = Paper::default();
    let recorder = paper.recorder();
    let recording = recorder.recording();
    let host = Host::start(config(1).record(recorder), first(&[1]), |_| {
        thread::sleep(Duration::from_millis(20));
        Ok::<_, Infallible>(())
    });
    let host = host.unwrap();
    wait("a leader", || host.lease());
    drop(host);
    complete(&recording);
    let moments = replayed::<Id>(&paper.text());
    let mut is_writing = false;
    let mut elected = 0;
    for moment in moments {
        let quorate::adapters::record::Moment::Line { line, acted, .. } = moment else { continue };
        match line {
            Line::Writing { .. } => is_writing = true,
            Line::Durable { .. } => is_writing = false,
            _ => {}
        }
        let is_elected =
            |output: &Output<Id>| matches!(output, Output::Event(quorate::Event::Elected { .. }));
        if acted.iter().any(is_elected) {
            elected += 1;
        }
        assert!(!is_writing || acted.is_empty(), "nothing is acted on while a state is written");
    }
    assert!(elected > 0);
}

#[test]
fn a_recorder_records_one_host() {
    let recorder = Paper::default().recorder();
    let start = |id| {
        let config = config(id).record(recorder.clone());
        Host::start(config, first(&[id]), |_| Ok::<_, Infallible>(()))
    };
    let _host = start(1).unwrap();
    let refused = start(2).unwrap_err();
    assert!(matches!(refused, HostStartError::Recorder(_)), "{refused}");
}

#[test]
fn a_process_that_leaves_a_line_unfinished_is_followed_by_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record");
    for _ in 0..2 {
        let recorder = Recorder::to_file(&path).unwrap();
        let recording = recorder.recording();
        let host = Host::start(config(1).record(recorder), first(&[1]), |_| Ok::<_, Infallible>(()));
        let host = host.unwrap();
        wait("a leader", || host.lease());
        drop(host);
        complete(&recording);
        // As if it had been killed in the middle of its last line.
        let mut record = fs::read(&path).unwrap();
        record.truncate(record.len() - 7);
        fs::write(&path, record).unwrap();
    }
    let record = fs::read(&path).unwrap();
    assert!(replay::<Id>(&record).is_ok());
    let (_, endings) = lines(replayed::<Id>(&record));
    assert_eq!(endings, [Ending::Cut, Ending::Cut]);
}
