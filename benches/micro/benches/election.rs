//! What a message costs, and what an election costs, by the size of the group.
#![allow(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark; the macros of criterion document nothing"
)]

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use quorate::{ClusterId, Config, Election, HardState, Input, Message, Output, RoleKind};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const SIZES: [u8; 5] = [3, 5, 7, 21, 101];
/// Between two heartbeats.
const INTERVAL: Duration = Duration::from_millis(50);

type Node = Election<u64, ChaCha8Rng>;

/// Nodes whose messages arrive at once, in order. Those that have crashed hear nothing.
#[derive(Clone)]
struct Group {
    nodes: Vec<Node>,
    crashed: Option<usize>,
    now: Duration,
}

impl Group {
    /// A leader is elected and has been followed for a while.
    fn settled(members: u8) -> Self {
        let saved = HardState::bootstrap(ClusterId(1), 0..members.into()).expect("a small group");
        let node = |id| {
            let rng = ChaCha8Rng::seed_from_u64(id);
            Election::new(Config::new(id), saved.clone(), Duration::ZERO, rng).expect("a valid start")
        };
        let nodes = (0..members.into()).map(node).collect();
        let mut group = Group { nodes, crashed: None, now: Duration::ZERO };
        while group.now < Duration::from_secs(2) {
            group.advance();
        }
        group
    }

    fn leader(&self) -> Option<usize> {
        let leads =
            |place: usize| self.crashed != Some(place) && self.nodes[place].role() == RoleKind::Leader;
        (0..self.nodes.len()).find(|&place| leads(place))
    }

    /// Waits for the next deadline of anybody alive, and lets them talk until all is said.
    fn advance(&mut self) {
        let alive = |place: &usize| self.crashed != Some(*place);
        let deadline = |place: usize| self.nodes[place].deadline();
        let due = (0..self.nodes.len()).filter(alive).filter_map(deadline).min().expect("somebody waits");
        self.now = self.now.max(due);
        let mut letters = VecDeque::new();
        for place in (0..self.nodes.len()).filter(alive) {
            post(self.nodes[place].id(), self.nodes[place].tick(self.now), &mut letters);
        }
        while let Some((from, to, message)) = letters.pop_front() {
            let place = usize::try_from(to).expect("a small id");
            if self.crashed == Some(place) {
                continue;
            }
            let node = &mut self.nodes[place];
            post(to, node.tick(self.now), &mut letters);
            post(to, node.step(Input::Receive { from, message }), &mut letters);
        }
    }

    /// The leader is gone; ends when there is another.
    fn fail_over(&mut self) {
        self.crashed = self.leader();
        while self.leader().is_none() {
            self.advance();
        }
    }
}

fn post(from: u64, said: Vec<Output<u64>>, letters: &mut VecDeque<(u64, u64, Message<u64>)>) {
    for output in said {
        if let Output::Send { to, message } = output {
            letters.push_back((from, to, message));
        }
    }
}

/// A follower reads a heartbeat and answers it.
fn follower(c: &mut Criterion) {
    let mut group = c.benchmark_group("follower: a heartbeat and its answer");
    for members in SIZES {
        let settled = Group::settled(members);
        let leader = settled.leader().expect("settled");
        let mut node = settled.nodes[usize::from(leader == 0)].clone();
        let from = settled.nodes[leader].id();
        let mut now = settled.nodes[leader].deadline().expect("a leader beats");
        let mut beats = settled.nodes[leader].clone().tick(now).into_iter();
        let mut message = beats
            .find_map(|output| match output {
                Output::Send { to, message } if to == node.id() => Some(message),
                Output::Send { .. } | Output::Persist(_) | Output::Event(_) | Output::Rejected(_) => None,
            })
            .expect("everybody gets one");
        let mut out = Vec::new();
        group.bench_function(BenchmarkId::from_parameter(members), |b| {
            b.iter(|| {
                now += Duration::from_nanos(1);
                message.header.round.0 += 1;
                node.tick_into(now, &mut out);
                node.step_into(Input::Receive { from, message: message.clone() }, &mut out);
                assert_eq!(black_box(&out).len(), 1);
                out.clear();
            });
        });
    }
    group.finish();
}

/// A leader asks everybody and reads all the answers, which come at once.
fn leader(c: &mut Criterion) {
    let mut group = c.benchmark_group("leader: a broadcast and all the answers");
    for members in SIZES {
        let settled = Group::settled(members);
        let mut node = settled.nodes[settled.leader().expect("settled")].clone();
        let mut now = node.deadline().expect("a leader beats");
        let answers = recorded(&settled, now);
        let mut out = Vec::new();
        group.bench_function(BenchmarkId::from_parameter(members), |b| {
            b.iter(|| {
                node.tick_into(now, &mut out);
                for (from, answer) in &answers {
                    let mut message = answer.clone();
                    message.header.sent_at = u64::try_from(now.as_nanos()).expect("a short time");
                    node.step_into(Input::Receive { from: *from, message }, &mut out);
                }
                assert_eq!(black_box(&out).len(), usize::from(members) - 1);
                out.clear();
                now += INTERVAL;
            });
        });
        assert_eq!(node.role(), RoleKind::Leader, "it led all the time");
    }
    group.finish();
}

/// What the followers of a settled group answer at `now`.
fn recorded(settled: &Group, now: Duration) -> Vec<(u64, Message<u64>)> {
    let mut group = settled.clone();
    let leader = group.leader().expect("settled");
    let from = group.nodes[leader].id();
    let mut answers = Vec::new();
    for output in group.nodes[leader].tick(now) {
        let Output::Send { to, message } = output else { continue };
        let node = &mut group.nodes[usize::try_from(to).expect("a small id")];
        let said = [node.tick(now), node.step(Input::Receive { from, message })].concat();
        answers.extend(said.into_iter().filter_map(|output| match output {
            Output::Send { message, .. } => Some((to, message)),
            Output::Persist(_) | Output::Event(_) | Output::Rejected(_) => None,
        }));
    }
    answers
}

/// From the crash of a leader to the next, all nodes together: what the computers do, not how long
/// the network and the promises take.
fn failover(c: &mut Criterion) {
    let mut group = c.benchmark_group("everybody: a failover");
    for members in SIZES {
        let settled = Group::settled(members);
        group.bench_function(BenchmarkId::from_parameter(members), |b| {
            b.iter_batched(|| settled.clone(), |mut group| group.fail_over(), BatchSize::SmallInput);
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = follower, leader, failover
}
criterion_main!(benches);
