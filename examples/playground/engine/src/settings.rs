//! The settings of a group.

use std::time::Duration;

use quorate::adapters::record::{Source, Timeline};
use quorate::{ClusterId, Config, Election, HardState, Limits, Memory, Timestamp, Timing};
use quorate_sim::{DiskOptions, Drift, NetOptions, Options, Start, Zero};
use serde::Deserialize;

/// The longest delay or write that can be set, in microseconds.
pub(crate) const LONGEST_US: u64 = 60_000_000;
/// The most nodes that a group begins with.
const MOST_NODES: usize = 25;
/// The most nodes that can be added later.
const MOST_SPARES: usize = 8;
/// Seeds are whole numbers that a page can write.
const LARGEST_SEED: u64 = (1 << 53) - 1;
/// The longest text of settings that is read.
pub(crate) const LONGEST_TEXT: usize = 10_000;

/// How the nodes of a group start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Starts {
    /// With the list of all of them.
    #[default]
    Bootstrapped,
    /// With nothing but the number of nodes: they find each other.
    Forming,
    /// Blank, with the list of all of them.
    Blank,
}

/// Whether nodes have storage.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Storage {
    #[default]
    Durable,
    Volatile,
}

/// The settings of a group, each of which has a default.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Determines the whole run, together with what is done to the group.
    seed: u64,
    /// How many nodes the group begins with.
    nodes: usize,
    starts: Starts,
    memory: Storage,
    /// How many nodes wait to be added.
    spares: usize,
    /// The promise that heartbeats ask for. All other lengths are in proportion to it.
    promise_ms: u64,
    /// The shortest promise, if the leader is to tune it to the network.
    tuned_from_ms: Option<u64>,
    /// The shortest and the longest delay of a message.
    delay_us: (u64, u64),
    /// The shortest and the longest write.
    disk_us: (u64, u64),
    /// How many of a million messages are lost.
    loss: u32,
    /// How many of a million messages arrive twice.
    duplicates: u32,
    /// By how much clocks may differ, in millionths. All clocks keep to it until the user has one run beyond it.
    drift_ppm: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            seed: 1,
            nodes: 5,
            starts: Starts::default(),
            memory: Storage::default(),
            spares: 2,
            promise_ms: 150,
            tuned_from_ms: None,
            delay_us: (2_000, 8_000),
            disk_us: (0, 0),
            loss: 0,
            duplicates: 0,
            drift_ppm: 500,
        }
    }
}

impl Settings {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST_TEXT {
            return Err(format!("Settings have {LONGEST_TEXT} bytes at the most, and these have more."));
        }
        if !text.trim_start().starts_with('{') {
            return Err("Settings are a JSON object.".into());
        }
        let settings: Settings =
            serde_json::from_str(text).map_err(|error| format!("These settings cannot be read: {error}."))?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), String> {
        let Settings { nodes, spares, delay_us, disk_us, loss, duplicates, .. } = self;
        check_range("The number of nodes", *nodes as u64, (1, MOST_NODES as u64))?;
        check_range("The number of spare nodes", *spares as u64, (0, MOST_SPARES as u64))?;
        check_range("The seed", self.seed, (0, LARGEST_SEED))?;
        check_range("The promise", self.promise_ms, (5, 60_000))?;
        check_lengths("The delay", *delay_us)?;
        check_lengths("A write", *disk_us)?;
        check_range("The loss", u64::from(*loss), (0, 1_000_000))?;
        check_range("The share of duplicates", u64::from(*duplicates), (0, 1_000_000))?;
        // Whatever else an election asks of its lengths, it says itself.
        let first = HardState::bootstrap(ClusterId(7), [1_u64]).map_err(|error| error.to_string())?;
        let config = Config { timing: self.timing(), ..Config::new(1_u64) };
        Election::new(config, first, Timestamp::ORIGIN, Zero)
            .map(drop)
            .map_err(|error| format!("No node can be started with these settings: {error}."))
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// How many nodes there are in all.
    pub(crate) fn size(&self) -> usize {
        self.nodes.saturating_add(self.spares)
    }

    /// The nodes that the group begins with.
    pub(crate) fn first(&self) -> impl Iterator<Item = u64> + use<> {
        1..=self.nodes as u64
    }

    pub(crate) fn forms_itself(&self) -> bool {
        self.starts == Starts::Forming
    }

    pub(crate) fn title(&self) -> String {
        let plural = if self.nodes == 1 { "node" } else { "nodes" };
        format!("Playground: {} {plural}, seed {}", self.nodes, self.seed)
    }

    /// The options of the simulator.
    pub(crate) fn options(&self) -> Options {
        let first = match self.starts {
            Starts::Bootstrapped => Start::Bootstrapped,
            Starts::Blank => Start::Blank,
            Starts::Forming => {
                let max_members = u8::try_from(self.nodes).unwrap_or(u8::MAX);
                Start::Forming(Limits { min_members: (max_members / 2).saturating_add(1), max_members })
            }
        };
        let mut starts = vec![first; self.nodes];
        starts.resize(self.size(), Start::Joining);
        let timeline = Timeline::new(Source::Playground, &self.title(), 1..=self.size() as u64);
        let memory = match self.memory {
            Storage::Durable => Memory::Durable,
            Storage::Volatile => Memory::Volatile,
        };
        Options {
            timing: self.timing(),
            net: NetOptions {
                delay: nanos(self.delay_us),
                loss: self.loss,
                duplicates: self.duplicates,
                ..NetOptions::default()
            },
            disk: DiskOptions { write: nanos(self.disk_us), ..DiskOptions::default() },
            drift: Drift::Within,
            oversleep: 500_000,
            timeline: Some(timeline.with_ordinary_steps()),
            panics: false,
            // The user decides how bad the network is, so no bound on the time without a leader holds.
            lost_attempts: None,
            starts,
            memories: vec![memory; self.size()],
            keeps_messages: true,
            may_end: true,
            ..Options::default()
        }
    }

    fn timing(&self) -> Timing {
        let promise = Duration::from_millis(self.promise_ms);
        let tuned = Timing::tuned(promise, promise);
        Timing {
            tuned_from: self.tuned_from_ms.map(Duration::from_millis),
            clock_drift_ppm: self.drift_ppm,
            ..tuned
        }
    }
}

/// From microseconds to nanoseconds.
pub(crate) fn nanos((shortest, longest): (u64, u64)) -> (u64, u64) {
    (shortest.saturating_mul(1_000), longest.saturating_mul(1_000))
}

pub(crate) fn check_range(what: &str, value: u64, (least, most): (u64, u64)) -> Result<(), String> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(format!("{what} is between {least} and {most}, not {value}."))
}

pub(crate) fn check_lengths(what: &str, (shortest, longest): (u64, u64)) -> Result<(), String> {
    if shortest > longest {
        return Err(format!(
            "{what} takes from {shortest} to {longest} microseconds: the first has to be the shorter."
        ));
    }
    if longest > LONGEST_US {
        return Err(format!("{what} takes {LONGEST_US} microseconds at the most, not {longest}."));
    }
    Ok(())
}
