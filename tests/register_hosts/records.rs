//! Hosts that speak for a register, and are recorded.

use std::convert::Infallible;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use quorate::adapters::record::{Line, Moment, Recorder, Replay};
use quorate::adapters::udp::{Host, HostConfig};
use quorate::{Config, HardState, Input, Position};

use super::memory::MemoryRegister;
use super::{A, B, Id, PATIENCE, R, first, register, timing};

#[track_caller]
fn wait<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = seen() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn two_machines_with_a_register_are_replayed_without_a_difference() {
    let (folder, memory) = (tempfile::tempdir().unwrap(), MemoryRegister::new());
    let path = |id: Id| folder.path().join(id.to_string());
    let recorders = [A, B].map(|id| Recorder::to_file(path(id)).unwrap());
    let recordings = recorders.each_ref().map(Recorder::recording);
    let start = |id: Id, recorder: &Recorder, peer: Option<&Host<Id>>| {
        let config = Config { timing: timing(), ..Config::new(id) };
        let mut config = HostConfig::new(config, "127.0.0.1:0".parse().unwrap())
            .register(register(memory.clone()))
            .record(recorder.clone());
        config.peers = peer.map(|peer| (A, peer.local_addr().into())).into_iter().collect();
        Host::start(config, first(), |_: &HardState<Id>| Ok::<_, Infallible>(())).unwrap()
    };
    let one = start(A, &recorders[0], None);
    let two = start(B, &recorders[1], Some(&one));
    for host in [&one, &two] {
        wait("signatures", || {
            host.register_status().filter(|status| status.silence.is_none() && status.last_seen.is_some())
        });
    }
    let leads = |host: &Host<Id>| host.lease().is_some() && host.status().committed;
    let first_leads =
        wait("a leader", || leads(&one).then_some(true).or_else(|| leads(&two).then_some(false)));
    let (leader, follower) = if first_leads { (one, two) } else { (two, one) };
    let position = Position { term: 1, index: 1 };
    follower.set_position(position).unwrap();
    leader.record_position(position).unwrap();
    leader.abort().unwrap();
    wait("the other to lead by the register", || follower.lease());
    drop(follower);

    let mut from_register = 0;
    for (id, recording) in [A, B].into_iter().zip(&recordings) {
        assert!(recording.wait(PATIENCE).is_some());
        let record = fs::read(path(id)).unwrap();
        for moment in Replay::<_, Id>::new(record.as_slice()) {
            match moment.unwrap() {
                Moment::Line { line: Line::Start(start), .. } => assert_eq!(start.register, Some(R)),
                Moment::Line { line: Line::Step { input: Input::Receive { from: R, .. }, .. }, .. } => {
                    from_register += 1;
                }
                Moment::Line { .. } => {}
                Moment::Ending { ending, .. } => panic!("{ending}"),
            }
        }
    }
    assert!(from_register > 0, "what the voter of the register says is an input like any other");
}
