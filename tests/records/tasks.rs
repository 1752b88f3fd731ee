//! Nodes as tokio tasks, in paused time.

use std::time::Duration;

use quorate::adapters::record::Line;
use quorate::adapters::tokio::{Handle, MemoryStorage, Network, Options, SaveError, Storage};
use quorate::{ClusterId, Config, Event, Force, HardState, Input, Target, Timestamp, Urgency};
use tokio::time::{Instant, sleep};

use super::support::{PATIENCE, Paper, complete, has_input, lines, replayed};

type Id = u64;

#[tokio::test(start_paused = true)]
async fn tasks_that_hand_over_are_replayed_without_a_difference() {
    let network = Network::new();
    let first = HardState::bootstrap(ClusterId(1), [1, 2, 3]).unwrap();
    let began = Instant::now();
    let papers = [1, 2, 3].map(|_| Paper::default());
    let recorders = papers.each_ref().map(Paper::recorder);
    let recordings = recorders.each_ref().map(|recorder| recorder.recording());
    let nodes: Vec<Handle<Id>> = [1, 2, 3]
        .into_iter()
        .zip(recorders)
        .map(|(id, recorder)| {
            let options = Options::new(Config::new(id))
                .clock(move || Timestamp::from(began.elapsed()))
                .save_on_blocking_pool()
                .seed(id)
                .record(recorder);
            Handle::start(options, first.clone(), MemoryStorage::new(), network.join(id)).unwrap()
        })
        .collect();
    let leader = loop {
        sleep(Duration::from_millis(1)).await;
        if let Some(place) = nodes.iter().position(|node| node.lease().is_some()) {
            break place;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "nobody leads");
    };
    sleep(Duration::from_secs(1)).await;
    nodes[leader].resign(None, Urgency::WhenReady).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    for node in &nodes {
        node.shutdown().await.unwrap();
    }
    drop(nodes);
    recordings.iter().for_each(complete);
    let mut all = Vec::new();
    for paper in &papers {
        let (lines, endings) = lines(replayed::<Id>(&paper.text()));
        assert_eq!(endings, []);
        assert!(matches!(lines.last(), Some(Line::End { why, .. }) if why == "told"));
        all.extend(lines);
    }
    assert!(has_input(&all, |input| matches!(input, Input::Resign { .. })));
    assert!(has_input(&all, |input| matches!(input, Input::Receive { .. })));
    assert!(all.iter().any(|line| matches!(line, Line::Withdrawn { .. })));
}

/// A disk whose writes take a while, and what was saved last.
#[derive(Clone)]
struct SlowDisk(MemoryStorage<Id>);

impl Storage<Id> for SlowDisk {
    fn save(&mut self, state: &HardState<Id>) -> Result<(), SaveError> {
        std::thread::sleep(Duration::from_millis(5));
        self.0.save(state)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_comes_back_from_a_slow_disk_and_gains_a_member_is_replayed_without_a_difference() {
    let (network, disk) = (Network::new(), SlowDisk(MemoryStorage::new()));
    let first = HardState::bootstrap(ClusterId(1), [1]).unwrap();
    let paper = Paper::default();
    let mut saved = first.clone();
    for round in 0..2 {
        let recorder = paper.recorder();
        let recording = recorder.recording();
        let options = Options::new(Config::new(1)).record(recorder);
        let node = Handle::start(options, saved.clone(), disk.clone(), network.join(1)).unwrap();
        let began = Instant::now();
        while node.lease().is_none() {
            assert!(began.elapsed() < PATIENCE, "it does not lead");
            sleep(Duration::from_millis(1)).await;
        }
        if round == 1 {
            let joining = HardState::joining(ClusterId(1));
            let other =
                Handle::start(Config::new(2), joining, MemoryStorage::new(), network.join(2)).unwrap();
            let mut events = other.events();
            node.reconfigure(Target::new([1, 2], []).unwrap(), Force::Never).await.unwrap();
            while !matches!(events.recv().await.unwrap(), Event::MembershipChanged { committed: true, .. }) {}
            other.abort().await.unwrap();
        }
        node.abort().await.unwrap();
        drop(node);
        complete(&recording);
        saved = disk.0.saved().unwrap();
    }
    let (lines, endings) = lines(replayed::<Id>(&paper.text()));
    assert_eq!(endings, []);
    let starts = lines.iter().filter(|line| matches!(line, Line::Start(_))).count();
    assert_eq!(starts, 2);
    assert!(lines.iter().any(|line| matches!(line, Line::Start(start) if start.state.term > first.term)));
    assert!(has_input(&lines, |input| matches!(input, Input::Reconfigure { .. })));
}
