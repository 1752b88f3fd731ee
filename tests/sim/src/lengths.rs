//! Groups whose nodes each have lengths of their own, anywhere in what `Config` accepts.
//!
//! What the nodes of a group must have in common is what the documentation of `Config` asks for, and no more:
//! the `promise_limit` of each is at least the `promise` of every other. The network and the disks are as slow
//! as the documentation of `Timing` permits for the lengths that were drawn.

use std::time::Duration;

use quorate::{ClusterId, Config, ConfigError, Election, HardState, Timestamp, Timing};

use crate::clock::Drift;
use crate::disk::DiskOptions;
use crate::net::NetOptions;
use crate::options::{Options, Start};
use crate::rng::{Dice, Zero};

/// The longest length in microseconds: an hour.
const HOUR: u64 = 3_600_000_000;
/// The shortest promise that is tuned to, in microseconds.
const SHORTEST_TUNED: u64 = 3_000;
/// How often a node's lengths are drawn before some of them are made moderate.
const DRAWS: u32 = 20;

/// The range from which the lengths of a group are drawn, in microseconds: a run with an hour and a microsecond in
/// it would have too many events.
#[derive(Clone, Copy)]
struct Window {
    shortest: u64,
    longest: u64,
}

/// The options of a run in which `nodes` nodes have lengths of their own.
pub(crate) fn options(seed: u64, nodes: usize) -> Options {
    let mut dice = Dice::new(seed ^ 0x1e46);
    let window = Window::draw(&mut dice);
    let pool = dice.below(4) as usize;
    let mut starts = vec![Start::Bootstrapped; nodes];
    starts.resize(nodes + pool, Start::Joining);
    let timings = draw_timings(window, nodes + pool, &mut dice);
    // A clock that is fast within what all nodes declare shows more time than passes.
    let least_drift = timings.iter().map(|timing| timing.clock_drift_ppm).min().unwrap_or(0);
    let true_time =
        |length: u64| (u128::from(length) * 1_000_000 / (1_000_000 + u128::from(least_drift))) as u64;
    let margin = true_time(timings.iter().map(lease_margin).min().unwrap_or(0));
    let delay = draw_length(&mut dice, (0, margin / 10));
    let oversleep = draw_length(&mut dice, (0, margin / 20));
    let least_delay = dice.pick(&[delay, delay / 2, 0]);
    let slowest_write = true_time(slowest_write(&timings)).saturating_sub(4 * delay + 4 * oversleep + 1);
    let write = dice.pick(&[0, slowest_write / 50, slowest_write]);
    let least_write = dice.pick(&[write, 0]);
    Options {
        timing: timings[0],
        timings,
        net: NetOptions { delay: (least_delay, delay), ..NetOptions::default() },
        disk: DiskOptions { write: (least_write, write), ..DiskOptions::default() },
        drift: dice.pick(&[Drift::None, Drift::Within, Drift::AtTheBound]),
        oversleep,
        catch_up: Some(2 * delay + 1),
        panics: false,
        lost_attempts: Some(4),
        starts,
        ..Options::default()
    }
}

impl Window {
    fn draw(dice: &mut Dice) -> Self {
        let ratio = dice.pick(&[20, 200, 200, 2_000]);
        let shortest = draw_length(dice, (1, HOUR / ratio));
        Window { shortest, longest: shortest * ratio }
    }
}

/// The timings of all nodes, which are the same in one group in four.
fn draw_timings(window: Window, nodes: usize, dice: &mut Dice) -> Vec<Timing> {
    let Window { shortest, longest } = window;
    let promises: Vec<u64> = (0..nodes).map(|_| draw_length(dice, (2 * shortest, longest))).collect();
    let longest_promise = promises.iter().copied().max().unwrap_or(longest);
    if dice.chance(250_000) {
        return vec![draw_timing(window, longest_promise, longest_promise, dice); nodes];
    }
    promises.into_iter().map(|promise| draw_timing(window, promise, longest_promise, dice)).collect()
}

/// Lengths that are accepted, of a node with this promise in a group whose longest promise is that.
fn draw_timing(window: Window, promise: u64, longest_promise: u64, dice: &mut Dice) -> Timing {
    let any = (window.shortest, window.longest);
    let limit = draw_length(dice, (longest_promise, window.longest));
    for draw in 0.. {
        let is_moderate = draw >= DRAWS;
        let tuned_from = dice.chance(250_000) && promise >= SHORTEST_TUNED.max(6 * window.shortest);
        let tuned_from =
            tuned_from.then(|| draw_length(dice, (SHORTEST_TUNED.max(6 * window.shortest), promise)));
        let resolution = draw_length(dice, (0, tuned_from.unwrap_or(promise) / 10));
        let timing = Timing {
            promise: micros(promise),
            tuned_from: tuned_from.map(micros),
            promise_limit: micros(limit),
            heartbeat_interval: micros(draw_length(dice, (window.shortest, promise / 2))),
            retry_interval: micros(draw_length(dice, any)),
            stagger: micros(draw_length(dice, any)),
            takeover_delay: micros(draw_length(dice, any)),
            clock_drift_ppm: draw_length(dice, (0, 500_000)) as u32,
            clock_resolution: micros(resolution),
        };
        let moderate = Timing {
            heartbeat_interval: micros(window.shortest.max(promise / 4)),
            retry_interval: micros(window.shortest.max(promise / 8)),
            clock_drift_ppm: 0,
            clock_resolution: Duration::ZERO,
            ..timing
        };
        let timing = if is_moderate { moderate } else { timing };
        if check(timing).is_ok() {
            return timing;
        }
        assert!(!is_moderate, "moderate lengths are accepted: {timing:?}");
    }
    unreachable!("some draw is moderate")
}

/// Whether a node accepts these lengths.
fn check(timing: Timing) -> Result<(), ConfigError> {
    let saved = HardState::bootstrap(ClusterId(7), [1]).expect("a list of one node");
    Election::new(Config { timing, ..Config::new(1) }, saved, Timestamp::ORIGIN, Zero).map(drop)
}

/// A length in this range: one of its ends, or as often of one order of magnitude as of another.
fn draw_length(dice: &mut Dice, (shortest, longest): (u64, u64)) -> u64 {
    match dice.below(8) {
        0 => shortest,
        1 => longest.max(shortest),
        _ => {
            let (low, high) = ((shortest + 1) as f64, (longest.max(shortest) + 1) as f64);
            let share = dice.below(1 << 32) as f64 / (1_u64 << 32) as f64;
            ((low * (high / low).powf(share)) as u64 - 1).clamp(shortest, longest.max(shortest))
        }
    }
}

/// How much longer the lease of a leader lasts than until its next heartbeat is due, in nanoseconds: the replies to
/// that heartbeat have to arrive in this time.
fn lease_margin(timing: &Timing) -> u64 {
    let lease = binding(timing, timing.promise);
    lease.saturating_sub(nanos(timing.heartbeat_interval) + nanos(timing.clock_resolution))
}

/// The slowest write that all nodes bear, in nanoseconds: a third of what the shortest long promise gives for certain,
/// and no more than half of what is left of that at the next heartbeat.
fn slowest_write(timings: &[Timing]) -> u64 {
    let limit = timings.iter().map(|timing| timing.promise_limit).min().unwrap_or_default();
    let bound = |timing: &Timing| {
        let lease = binding(timing, limit).saturating_sub(nanos(2 * timing.clock_resolution));
        (lease / 3).min(lease.saturating_sub(nanos(timing.heartbeat_interval)) / 2)
    };
    timings.iter().map(bound).min().unwrap_or(0)
}

/// For how long a promise binds for certain, on the clock of the node that asks.
fn binding(timing: &Timing, promise: Duration) -> u64 {
    let rate = 1_000_000 + u128::from(timing.clock_drift_ppm);
    let bound = (promise.as_nanos() * 1_000_000 / rate) as u64;
    bound.saturating_sub(nanos(timing.clock_resolution))
}

fn nanos(length: Duration) -> u64 {
    length.as_nanos() as u64
}

fn micros(length: u64) -> Duration {
    Duration::from_micros(length)
}
