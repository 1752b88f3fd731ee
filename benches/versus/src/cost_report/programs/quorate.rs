//! A program that runs one node of three.

use std::hint::black_box;
use std::time::{Duration, Instant};

use quorate::{ClusterId, Config, Election, HardState, Input, Message, Output, Timestamp};
use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::SeedableRng;

fn main() {
    let start = Instant::now();
    let now = || Timestamp::from(start.elapsed());
    let state = HardState::bootstrap(ClusterId(1), [1_u64, 2, 3]).expect("a valid group");
    let rng = SplitMix64::seed_from_u64(std::process::id().into());
    let mut election = Election::new(Config::new(1), state, now(), rng).expect("a valid start");
    let mut outputs = Vec::new();
    loop {
        let until = |due: Timestamp| due.saturating_duration_since(now());
        let received = receive(election.deadline().map_or(Duration::MAX, until));
        election.tick_into(now(), &mut outputs);
        if let Some((from, message)) = received {
            election.step_into(Input::Receive { from, message }, &mut outputs);
        }
        for output in outputs.drain(..) {
            match output {
                Output::Persist(state) => drop(black_box(state)),
                Output::Send { to, message } => drop(black_box((to, message))),
                Output::Event(event) => _ = black_box(event),
                Output::Rejected(reason) => panic!("{reason}"),
            }
        }
        black_box(election.lease());
    }
}

fn receive(wait: Duration) -> Option<(u64, Message<u64>)> {
    std::thread::sleep(wait);
    black_box(None)
}
