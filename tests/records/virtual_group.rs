//! Three nodes in virtual time, whose clocks have offsets and rates of their own, and what hosts of them would record.

use std::collections::BTreeMap;
use std::time::Duration;

use quorate::adapters::record::Line;
use quorate::{ClusterId, Config, Election, HardState, Input, Output, Timestamp, Timing};
use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::SeedableRng;
use serde_json::json;

pub(crate) type Id = u16;

/// A clock: what it shows at true time 0, and its rate in millionths.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    pub(crate) wall_ns: i64,
    pub(crate) ppm: i64,
}

/// True times in nanoseconds since this instant of 2025.
pub(crate) const BEGAN: u64 = 1_764_000_000_000_000_000;

struct Node {
    election: Election<Id, SplitMix64>,
    clock: Clock,
    record: Vec<u8>,
    last: Timestamp,
}

impl Node {
    fn reading(&self, now: u64) -> Timestamp {
        let shown = i128::from(now) * i128::from(1_000_000 + self.clock.ppm) / 1_000_000;
        Timestamp::from(Duration::from_nanos(u64::try_from(shown).unwrap() + 1_000_000_000))
    }

    fn line(&mut self, line: &Line<Id>) {
        serde_json::to_writer(&mut self.record, line).unwrap();
        self.record.push(b'\n');
    }

    /// Ticks, and steps `input`. Returns what is to be sent.
    fn advance(&mut self, now: u64, input: Option<Input<Id>>) -> Vec<Output<Id>> {
        let at = self.reading(now);
        let is_due = self.election.deadline().is_some_and(|due| due <= at);
        let mut sent = self.election.tick(at);
        if is_due {
            self.line(&Line::Tick { at, out: sent.clone() });
            self.wait(at, &sent);
        }
        if let Some(input) = input {
            let out = self.election.step(input.clone());
            self.line(&Line::Step { at, input, out: out.clone() });
            self.wait(at, &out);
            sent.extend(out);
        }
        self.last = at;
        sent
    }

    /// A disk that takes no time.
    fn wait(&mut self, at: Timestamp, outputs: &[Output<Id>]) {
        for output in outputs {
            match output {
                Output::Persist(_) => {
                    self.line(&Line::Writing { at });
                    self.line(&Line::Durable { at });
                }
                Output::Event(quorate::Event::SteppedDown { .. }) => self.line(&Line::Withdrawn { at }),
                _ => {}
            }
        }
    }
}

/// What the nodes 1, 2, ... record whose clocks are these, in so many milliseconds. A message takes a millisecond, every
/// 97th is lost, and every 89th is doubled.
pub(crate) fn records(clocks: &[Clock], millis: u64) -> Vec<Vec<u8>> {
    let ids = 1..=clocks.len() as Id;
    let state = HardState::bootstrap(ClusterId(1), ids.clone()).unwrap();
    let timing = Timing { clock_drift_ppm: 2_000, ..Timing::lan() };
    let mut nodes: BTreeMap<Id, Node> = BTreeMap::new();
    for (id, &clock) in ids.zip(clocks) {
        let config = Config { timing, ..Config::new(id) };
        let seed = u64::from(id) * 77;
        let at = Timestamp::from(Duration::from_secs(1));
        let election = Election::new(config, state.clone(), at, SplitMix64::seed_from_u64(seed)).unwrap();
        let wall = BEGAN.checked_add_signed(clock.wall_ns).unwrap();
        let start = json!({"start": {
            "format": 1, "release": env!("CARGO_PKG_VERSION"), "name": format!("node-{id}"), "id_type": "u16", "wall": wall,
            "at": at, "seed": seed, "reconfiguration": true, "register": null, "config": config, "state": state,
        }});
        // The order of the members counts in the first line.
        let start: Line<Id> = serde_json::from_value(start).unwrap();
        let mut node = Node { election, clock, record: Vec::new(), last: at };
        node.line(&start);
        nodes.insert(id, node);
    }
    let mut under_way: BTreeMap<(u64, u64), (Id, Id, quorate::Message<Id>)> = BTreeMap::new();
    let mut count = 0;
    let mut send = |from: Id, outputs: Vec<Output<Id>>, now: u64, under_way: &mut BTreeMap<_, _>| {
        for output in outputs {
            let Output::Send { to, message } = output else { continue };
            count += 1;
            if count % 97 == 0 {
                continue;
            }
            under_way.insert((now + 1_000_000, count * 2), (from, to, message.clone()));
            if count % 89 == 0 {
                under_way.insert((now + 1_500_000, count * 2 + 1), (from, to, message));
            }
        }
    };
    for step in 0..millis * 4 {
        let now = step * 250_000;
        while let Some(entry) = under_way.first_entry().filter(|entry| entry.key().0 <= now) {
            let (from, to, message) = entry.remove();
            let node = nodes.get_mut(&to).unwrap();
            let outputs = node.advance(now, Some(Input::Receive { from, message }));
            send(to, outputs, now, &mut under_way);
        }
        for (&id, node) in &mut nodes {
            let outputs = node.advance(now, None);
            send(id, outputs, now, &mut under_way);
        }
    }
    nodes
        .into_values()
        .map(|mut node| {
            let at = node.last;
            node.line(&Line::End { at, why: "told".into(), left: 0 });
            node.record
        })
        .collect()
}
