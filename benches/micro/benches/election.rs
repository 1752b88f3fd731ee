//! The costs of a message and of an election, by the size of the group.
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
use quorate::{ClusterId, Config, Election, HardState, Input, Message, Output, RoleKind, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const SIZES: [u8; 5] = [3, 5, 7, 21, 101];
/// The time between two heartbeats.
const INTERVAL: Duration = Duration::from_millis(50);

type Node = Election<u64, ChaCha8Rng>;

/// Nodes whose messages arrive at once, in order. A crashed node receives nothing.
#[derive(Clone)]
struct Group {
    nodes: Vec<Node>,
    crashed: Option<usize>,
    now: Timestamp,
}

impl Group {
    /// A group that has elected a leader and followed it for a while.
    fn settled(members: u8) -> Self {
        let saved = HardState::bootstrap(ClusterId(1), 0..members.into()).expect("a small group");
        let node = |id| {
            let rng = ChaCha8Rng::seed_from_u64(id);
            Election::new(Config::new(id), saved.clone(), Timestamp::ORIGIN, rng).expect("a valid start")
        };
        let nodes = (0..members.into()).map(node).collect();
        let mut group = Group { nodes, crashed: None, now: Timestamp::ORIGIN };
        while group.now.since_origin() < Duration::from_secs(2) {
            group.advance();
        }
        group
    }

    fn leader(&self) -> Option<usize> {
        let leads =
            |index: usize| self.crashed != Some(index) && self.nodes[index].role() == RoleKind::Leader;
        (0..self.nodes.len()).find(|&index| leads(index))
    }

    /// Waits for the next deadline of any live node, and delivers messages until none is left.
    fn advance(&mut self) {
        let alive = |index: &usize| self.crashed != Some(*index);
        let deadline = |index: usize| self.nodes[index].deadline();
        let due = (0..self.nodes.len())
            .filter(alive)
            .filter_map(deadline)
            .min()
            .expect("a node always has a deadline");
        self.now = self.now.max(due);
        let mut messages = VecDeque::new();
        for index in (0..self.nodes.len()).filter(alive) {
            collect_messages(self.nodes[index].id(), self.nodes[index].tick(self.now), &mut messages);
        }
        while let Some((from, to, message)) = messages.pop_front() {
            let index = usize::try_from(to).expect("a small id");
            if self.crashed == Some(index) {
                continue;
            }
            let node = &mut self.nodes[index];
            collect_messages(to, node.tick(self.now), &mut messages);
            collect_messages(to, node.step(Input::Receive { from, message }), &mut messages);
        }
    }

    /// Crashes the leader, and runs until there is another one.
    fn fail_over(&mut self) {
        self.crashed = self.leader();
        while self.leader().is_none() {
            self.advance();
        }
    }
}

fn collect_messages(from: u64, outputs: Vec<Output<u64>>, messages: &mut VecDeque<(u64, u64, Message<u64>)>) {
    for output in outputs {
        if let Output::Send { to, message } = output {
            messages.push_back((from, to, message));
        }
    }
}

/// A follower receives a heartbeat and replies to it.
fn follower(c: &mut Criterion) {
    let mut group = c.benchmark_group("follower: a heartbeat and its reply");
    for members in SIZES {
        let settled = Group::settled(members);
        let leader = settled.leader().expect("settled");
        let mut node = settled.nodes[usize::from(leader == 0)].clone();
        let from = settled.nodes[leader].id();
        let mut now = settled.nodes[leader].deadline().expect("a leader has a deadline");
        let mut beats = settled.nodes[leader].clone().tick(now).into_iter();
        let mut message = beats
            .find_map(|output| match output {
                Output::Send { to, message } if to == node.id() => Some(message),
                Output::Send { .. } | Output::Persist(_) | Output::Event(_) | Output::Rejected(_) => None,
            })
            .expect("every follower gets a heartbeat");
        let mut out = Vec::new();
        group.bench_function(BenchmarkId::from_parameter(members), |b| {
            b.iter(|| {
                now = now.saturating_add(Duration::from_nanos(1));
                message.modify(|header, _| header.round.0 += 1);
                node.tick_into(now, &mut out);
                node.step_into(Input::Receive { from, message: message.clone() }, &mut out);
                assert_eq!(black_box(&out).len(), 1);
                out.clear();
            });
        });
    }
    group.finish();
}

/// A leader sends a round of heartbeats and receives all replies at once.
fn leader(c: &mut Criterion) {
    let mut group = c.benchmark_group("leader: a broadcast and all replies");
    for members in SIZES {
        let settled = Group::settled(members);
        let mut node = settled.nodes[settled.leader().expect("settled")].clone();
        let mut now = node.deadline().expect("a leader has a deadline");
        let replies = recorded(&settled, now);
        let mut out = Vec::new();
        group.bench_function(BenchmarkId::from_parameter(members), |b| {
            b.iter(|| {
                node.tick_into(now, &mut out);
                for (from, reply) in &replies {
                    let mut message = reply.clone();
                    message.modify(|header, _| header.sent_at = now);
                    node.step_into(Input::Receive { from: *from, message }, &mut out);
                }
                assert_eq!(black_box(&out).len(), usize::from(members) - 1);
                out.clear();
                now = now.saturating_add(INTERVAL);
            });
        });
        assert_eq!(node.role(), RoleKind::Leader, "the node led all the time");
    }
    group.finish();
}

/// The replies of the followers of a settled group at `now`.
fn recorded(settled: &Group, now: Timestamp) -> Vec<(u64, Message<u64>)> {
    let mut group = settled.clone();
    let leader = group.leader().expect("settled");
    let from = group.nodes[leader].id();
    let mut replies = Vec::new();
    for output in group.nodes[leader].tick(now) {
        let Output::Send { to, message } = output else { continue };
        let node = &mut group.nodes[usize::try_from(to).expect("a small id")];
        let outputs = [node.tick(now), node.step(Input::Receive { from, message })].concat();
        replies.extend(outputs.into_iter().filter_map(|output| match output {
            Output::Send { message, .. } => Some((to, message)),
            Output::Persist(_) | Output::Event(_) | Output::Rejected(_) => None,
        }));
    }
    replies
}

/// The work of all nodes together from the crash of a leader to the next leader, without the time of the
/// network and of the promises.
fn failover(c: &mut Criterion) {
    let mut group = c.benchmark_group("all nodes: a failover");
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
