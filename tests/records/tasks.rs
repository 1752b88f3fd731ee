//! Nodes as tokio tasks, in paused time.

use std::time::Duration;

use quorate::adapters::record::Line;
use quorate::adapters::tokio::{Handle, MemoryStorage, Network, Options};
use quorate::{ClusterId, Config, HardState, Input, Timestamp, Urgency};
use tokio::time::{Instant, sleep};

use super::support::{Paper, complete, has_input, lines, replayed};

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
